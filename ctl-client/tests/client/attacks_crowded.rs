//! Whoever owns one sink's folder fills it with what takes memory, time or stack: the other sinks are written all the same.

use std::fs::{self, File};

use crate::common::device::{names_in, set};
use crate::common::sinks::*;
use crate::common::*;

const MO: &str = "everest/ca/mo/MO_ROOT_CA.pem";

#[test]
fn attack_a_store_of_nobody_said_many_times_over_does_not_end_the_sync() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    // What a store of ours says that trusts nobody.
    repository.set_anchors(&na(), &["gamma"]);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    let nobody = fs::read(device.path(V2G)).unwrap();
    assert!(nobody.windows(8).any(|part| part == b"X509 CRL"));
    fs::remove_file(device.path(V2G)).unwrap();
    fs::write(device.path(V2G), nobody.repeat(3 * 1024 * 1024 / nobody.len())).unwrap();
    let report = device.sync(&with_anchors(&mut repository, &["alpha", "gamma"]));
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
}

#[test]
fn attack_a_bundle_of_a_million_pieces_is_kept_told_and_keeps_no_root_from_being_removed() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let ours = fs::read(device.path(V2G)).unwrap();
    fs::remove_file(device.path(V2G)).unwrap();
    fs::write(device.path(V2G), [ours, b"-----BEGIN ".repeat(1_300_000)].concat()).unwrap();
    let report = device.sync(&with_anchors(&mut repository, &["alpha", "gamma"]));
    let text = problems(&report);
    assert!(text.contains("V2G_ROOT_CA.pem holds more than") && report.is_complete(), "{text}");
    let found = String::from_utf8(fs::read(device.path(V2G)).unwrap()).unwrap();
    assert!(!found.contains(&roots()["beta"].to_pem()) && found.contains(&roots()["alpha"].to_pem()));
    assert_eq!(found.matches("-----BEGIN -----BEGIN ").count(), 1_300_000 / 2, "kept byte for byte");
    assert_eq!(names_in(&device.path(MO)), set(&["gamma"]));
    assert_eq!(device.pem(), set(&["alpha", "gamma"]));
}

#[test]
fn attack_a_folder_with_more_than_a_device_has_memory_for_is_refused_and_the_other_sinks_go_on() {
    let original = Repository::new();
    for (what, count, size) in [("bytes", 9, 15 * 1024 * 1024), ("names", 10_001, 1)] {
        let mut repository = original.clone();
        let mut device = Device::synced(&repository);
        for n in 0..count {
            let file = File::create(device.path(&format!("pem/current/x{n}"))).unwrap();
            file.set_len(size).unwrap();
        }
        let report = device.sync(&with_anchors(&mut repository, &["alpha", "gamma"]));
        let text = problems(&report);
        assert!(text.contains("pem/current") || text.contains("generation-"), "{what}: {text}");
        assert!(text.contains("more than"), "{what}: {text}");
        assert!(!report.is_complete(), "{what}: what must go is there still");
        assert_eq!(device.everest(), set(&["alpha", "gamma"]), "{what}");
        let found = device::block_on(device.client.preflight(None)).unwrap();
        assert!(
            found.sinks.iter().any(|(_, problem)| problem.problem.contains("more than")),
            "{what}: {found:?}"
        );
    }
}
