//! Snapshots of a state: what is read is what was written, and is written the same again.
#![no_main]

use ctl_governance::snapshot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = snapshot::read(bytes) else { return };
    let mut again = Vec::new();
    let hashes = read.tree.hashes(read.tree.size()).unwrap();
    snapshot::write(&read.state, &hashes, &read.added, &mut again).unwrap();
    assert_eq!(snapshot::read(&again).unwrap(), read);
});
