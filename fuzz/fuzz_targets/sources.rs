//! Others' lists, pools and stores: any bytes, whoever is named to have signed them.
#![no_main]

use ctl_core::Timestamp;
use ctl_sources::{Demand, Form, MAX_SIZE, ReadError, Signature, changes, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let now = Timestamp::from_unix(1_793_534_400);
    for demand in [Demand::Nobody, Demand::Unverified, Demand::Root(bytes)] {
        let Ok(contents) = read(bytes, Form::Auto, demand, now) else { continue };
        assert!(bytes.len() <= MAX_SIZE);
        let unread = contents.unreadable().count();
        let set = contents.set();
        assert!(set.len() + unread <= contents.items.len());
        assert!(changes(&set, &set).is_empty());
        assert!(contents.items.iter().all(|item| item.unverified == (contents.signature == Signature::Unverified)));
        // Nobody verified anything: there was nobody to.
        let is_verified = matches!(contents.signature, Signature::Verified { .. });
        assert!(!is_verified || matches!(demand, Demand::Root(_)));
    }
    // What is signed is never read as if it were not.
    let unverified = read(bytes, Form::Auto, Demand::Unverified, now);
    if unverified.is_ok_and(|contents| contents.signature == Signature::Unverified) {
        let refused = read(bytes, Form::Auto, Demand::Nobody, now);
        assert!(matches!(refused, Err(ReadError::NobodyTrusted { .. })));
    }
});
