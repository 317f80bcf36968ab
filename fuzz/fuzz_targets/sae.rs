//! SAE lists of either version: what is read of version 1 is written as the same bytes.
#![no_main]

use ctl_formats::sae::{MAX_SAE_CERTIFICATES, SaeList};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = SaeList::from_der(bytes) else { return };
    assert!(list.validity().not_before() <= list.validity().not_after());
    assert!(list.certificates().count() <= MAX_SAE_CERTIFICATES);
    if let SaeList::V1(list) = list {
        assert_eq!(list.to_der(), bytes);
    }
});
