//! TUF metadata, and a client that is fed whatever comes.
#![no_main]

use ctl_core::tuf::{Root, Signed, Snapshot, Targets, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Signed::<Root>::parse("root", bytes, 100_000);
    let _ = Signed::<Timestamp>::parse("timestamp", bytes, 100_000);
    let _ = Signed::<Snapshot>::parse("snapshot", bytes, 100_000);
    let _ = Signed::<Targets>::parse("targets", bytes, 100_000);
});
