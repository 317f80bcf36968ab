//! A damaged copy of one document must not keep what the others say against a root from being carried out.

use std::fs;

use ctl_client::ClientError;
use ctl_core::role::Role;

use crate::common::device::set;
use crate::common::power::Unflushed;
use crate::common::sinks::problems;
use crate::common::*;

/// A device of which the kept copy of the list is damaged.
fn damaged(repository: &Repository) -> Device {
    let device = Device::synced(repository);
    let digest = repository.published[&na()];
    let objects = fs::read_dir(device.path("state/objects")).unwrap().flatten();
    let mut copies =
        objects.filter(|entry| entry.file_name().to_string_lossy().contains(&digest.to_string()));
    fs::write(copies.next().unwrap().path(), "damaged").unwrap();
    device
}

/// The repository without the list's bytes.
fn withheld(repository: &Repository) -> Repository {
    let digest = repository.published[&na()];
    let mut withheld = repository.clone();
    withheld.files.retain(|path, _| !path.contains(&digest.to_string()));
    withheld
}

#[test]
fn a_verified_notice_is_carried_out_while_the_list_cannot_be_read() {
    let mut repository = Repository::new();
    let mut device = damaged(&repository);
    repository.pass(60);
    repository.set_notices(vec![notice(3, "na", "beta", repository.now.plus_seconds(2 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let report = device.sync(&withheld(&repository));
    assert!(!report.is_success());
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]), "{}", problems(&report));
    let report = device.sync(&repository);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    device.assert_sound();
}

#[test]
fn what_the_operator_distrusts_goes_while_nothing_that_is_kept_can_be_read() {
    for all in [false, true] {
        let repository = Repository::new();
        let mut device = damaged(&repository);
        // Somebody else's stays, as ever.
        let bundle = device.path("everest/ca/v2g/V2G_ROOT_CA.pem");
        let ours = fs::read_to_string(&bundle).unwrap();
        fs::write(&bundle, ours + &roots()["evil"].to_pem()).unwrap();
        if all {
            for file in ["state.json", "state.backup.json"] {
                fs::write(device.path("state").join(file), "damaged").unwrap();
            }
        }
        let alpha = spki("alpha");
        device.configure(&format!(
            "[[local.distrust]]\nkind = \"spki\"\nsha256 = \"{alpha}\"\nreason = \"our audit\""
        ));
        fs::remove_dir_all(device.path("repository")).unwrap();
        for round in 0..2 {
            let report = device.sync_again().unwrap();
            assert!(!report.is_success());
            assert_eq!(report.changed.is_empty(), round == 1, "{:?}", report.changed);
            assert_eq!(
                (device.pem(), device.everest()),
                (set(&["beta", "gamma"]), set(&["beta", "evil", "gamma"]))
            );
        }
    }
}

#[test]
fn without_anything_said_against_a_root_a_damaged_list_changes_nothing() {
    let repository = Repository::new();
    let mut device = damaged(&repository);
    let report = device.sync(&withheld(&repository));
    assert!(report.changed.is_empty(), "{:?}", report.changed);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    device.restart(Box::new(Unflushed));
    assert!(!matches!(device.sync_again(), Err(ClientError::RootDamaged { .. })));
}
