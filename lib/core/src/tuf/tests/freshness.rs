//! What a mirror, or a thief of some keys, can try against a refresh: older, other, expired, too
//! much, or nothing at all.

use proptest::prelude::*;

use super::repository::{Device, Repository, day, holders};
use super::too_few;
use crate::tuf::*;

fn rollback(role: &str, trusted: u64, found: u64) -> TufError {
    TufError::Rollback { role: role.into(), trusted, found }
}

#[test]
fn a_new_device_syncs_and_then_asks_only_for_what_is_new() {
    let mut repository = Repository::new();
    let mut device = Device::new(&repository);
    let updater = device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]);
    assert_eq!(updater.root().signed.v2g.as_ref().unwrap().environment, "test");
    for role in ["root", "timestamp", "snapshot", "targets"] {
        assert_eq!(device.version(role), 1, "{role}");
    }
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root.json", "timestamp.json"]);
    repository.next(&["na"]);
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root.json", "timestamp.json", "2.snapshot.json"], "targets are unchanged");
}

#[test]
fn without_consistent_snapshots_names_carry_no_version() {
    let mut repository = Repository::new();
    repository.root.consistent_snapshot = false;
    repository.publish_root();
    for role in ["snapshot", "targets"] {
        let bytes = repository.files.remove(&format!("1.{role}.json")).unwrap();
        repository.files.insert(format!("{role}.json"), bytes);
    }
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root.json", "timestamp.json", "snapshot.json", "targets.json"]);
}

#[test]
fn rollback_of_the_timestamp_is_refused() {
    let mut repository = Repository::new();
    repository.next(&[]);
    let mut device = Device::fresh(&repository);
    repository.timestamp.version = 1;
    repository.publish_timestamp();
    assert_eq!(device.refresh(&repository).unwrap_err(), rollback("timestamp", 2, 1));
    assert_eq!(device.version("timestamp"), 2);
}

#[test]
fn rollback_of_the_snapshot_is_refused_before_it_is_fetched() {
    let mut repository = Repository::new();
    repository.next(&[]);
    let mut device = Device::fresh(&repository);
    repository.snapshot.version = 1;
    repository.timestamp.version = 3;
    repository.publish_snapshot();
    assert_eq!(device.refresh(&repository).unwrap_err(), rollback("snapshot", 2, 1));
    assert_eq!((device.version("timestamp"), device.version("snapshot")), (2, 2));
    // Nor does losing the timestamp open the door: the snapshot that was kept still guards it.
    device.files.remove("timestamp.json");
    assert_eq!(device.refresh(&repository).unwrap_err(), rollback("snapshot", 2, 1));
}

#[test]
fn rollback_of_any_role_within_the_snapshot_is_refused() {
    for (role, hashes) in [("targets", true), ("na", true), ("targets", false), ("na", false)] {
        let mut repository = Repository::new();
        repository.hashes = hashes;
        repository.next(&[role]);
        let mut device = Device::fresh(&repository);
        repository.role(role).version = 1;
        repository.next(&[]);
        assert_eq!(device.refresh(&repository).unwrap_err(), rollback(role, 2, 1));
        assert_eq!(device.version("snapshot"), 2);
    }
}

#[test]
fn a_role_once_listed_must_stay_listed() {
    let mut repository = Repository::new();
    let mut device = Device::fresh(&repository);
    repository.snapshot.version = 2;
    repository.timestamp.version = 2;
    repository.snapshot.meta.remove("na.json");
    repository.publish_snapshot();
    assert_eq!(device.refresh(&repository).unwrap_err(), TufError::RoleDropped { role: "na".into() });
}

#[test]
fn a_snapshot_without_the_top_level_targets_is_refused() {
    let mut repository = Repository::new();
    repository.snapshot.meta.remove("targets.json");
    repository.publish_snapshot();
    let mut updater = Device::new(&repository).updater(Clock::Known(day(1)), Limits::default()).unwrap();
    let error = Device::default().drive(&mut updater, &repository).unwrap_err();
    assert_eq!(error, TufError::NotListed { role: "targets".into() });
    assert!(updater.snapshot().is_none(), "it is not even taken");
}

#[test]
fn a_kept_snapshot_that_the_timestamp_no_longer_means_is_fetched_again() {
    let mut repository = Repository::new();
    let mut device = Device::fresh(&repository);
    repository.snapshot.expires = day(59);
    repository.timestamp.version = 2;
    repository.publish_snapshot();
    device.refresh(&repository).unwrap();
    assert_eq!(device.files["snapshot.json"], repository.files["1.snapshot.json"]);
}

#[test]
fn other_content_under_the_same_timestamp_version_is_not_taken() {
    let mut repository = Repository::new();
    let mut device = Device::fresh(&repository);
    let before = device.files.clone();
    repository.snapshot.version = 100;
    repository.publish_snapshot();
    device.refresh(&repository).unwrap();
    assert_eq!(device.files, before);
}

#[test]
fn freeze_is_noticed_when_the_timestamp_expires() {
    let mut repository = Repository::new();
    let mut device = Device::fresh(&repository);
    let expired = |role: &str, expires, now| TufError::Expired { role: role.into(), expires, now };
    assert_eq!(
        device.refresh_at(&repository, day(30)).unwrap_err(),
        expired("timestamp", day(30), day(30)),
        "the moment of expiry is too late already"
    );
    // An expired file that was kept does not stand in the way of a fresh one.
    repository.timestamp.expires = day(90);
    repository.next(&[]);
    device.refresh_at(&repository, day(40)).unwrap();
    assert_eq!(device.version("timestamp"), 2);
    assert_eq!(
        device.refresh_at(&repository, day(61)).unwrap_err(),
        expired("snapshot", day(60), day(61)),
        "every role expires"
    );
}

#[test]
fn expired_metadata_is_never_kept() {
    for role in ["timestamp", "snapshot", "targets"] {
        let mut repository = Repository::new();
        let mut device = Device::fresh(&repository);
        match role {
            "timestamp" => repository.timestamp.expires = day(1),
            "snapshot" => repository.snapshot.expires = day(1),
            _ => repository.role("targets").expires = day(1),
        }
        repository.next(&["targets"]);
        let error = device.refresh_at(&repository, day(2)).unwrap_err();
        assert_eq!(error, TufError::Expired { role: role.into(), expires: day(1), now: day(2) });
        assert_eq!(device.version(role), 1, "{role}");
    }
}

#[test]
fn an_expired_root_is_followed_if_a_fresh_one_comes_after_it() {
    let mut repository = Repository::new();
    let mut device = Device::fresh(&repository);
    repository.root.version = 2;
    repository.root.expires = day(1);
    repository.publish_root();
    let expired = TufError::Expired { role: "root".into(), expires: day(1), now: day(2) };
    assert_eq!(device.refresh_at(&repository, day(2)).unwrap_err(), expired);
    assert_eq!(device.version("root"), 2, "kept all the same: it is the way to the next one (§5.3.10)");
    repository.root.version = 3;
    repository.root.expires = day(900);
    repository.publish_root();
    device.refresh_at(&repository, day(2)).unwrap();
}

#[test]
fn a_device_without_a_clock_uses_the_latest_time_it_has_verified() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    let mut updater = device.updater(Clock::UnknownButAfter(day(2)), Limits::default()).unwrap();
    device.drive(&mut updater, &repository).unwrap();
    let mut updater = device.updater(Clock::UnknownButAfter(day(31)), Limits::default()).unwrap();
    let error = device.drive(&mut updater, &repository).unwrap_err();
    assert!(matches!(error, TufError::Expired { role, .. } if role == "timestamp"));
}

#[test]
fn fast_forward_by_thieves_is_undone_by_replacing_the_keys_they_stole() {
    for (role, new) in [("timestamp", 31), ("snapshot", 30)] {
        let mut repository = Repository::new();
        repository.timestamp.version = 99_999;
        repository.snapshot.version = 99_999;
        repository.role("targets").version = 99_999;
        repository.publish();
        let mut device = Device::fresh(&repository);

        for version in [&mut repository.timestamp.version, &mut repository.snapshot.version] {
            *version = 2;
        }
        repository.role("targets").version = 2;
        repository.publish();
        let stuck = device.refresh(&repository).unwrap_err();
        assert_eq!(stuck, rollback("timestamp", 99_999, 2));

        repository.rotate(role, &holders(1, &[new]));
        repository.signers.insert(role.into(), vec![new]);
        repository.publish();
        device.refresh(&repository).unwrap();
        assert_eq!((device.version("timestamp"), device.version("snapshot")), (2, 2), "{role}");
        assert_eq!(device.version("targets"), 2);
    }
}

#[test]
fn recovery_survives_an_interruption_right_after_the_new_root() {
    let mut repository = Repository::new();
    repository.timestamp.version = 50;
    repository.publish_timestamp();
    let mut device = Device::fresh(&repository);
    repository.rotate("timestamp", &holders(1, &[31]));
    repository.signers.insert("timestamp".into(), vec![31]);
    repository.timestamp.version = 2;
    // The mirror has the new root but not yet the timestamp signed with the new key.
    too_few(device.refresh(&repository).unwrap_err(), "timestamp");
    assert_eq!((device.version("root"), device.version("timestamp"), device.version("snapshot")), (2, 0, 0));
    repository.publish_timestamp();
    device.refresh(&repository).unwrap();
    assert_eq!(device.version("timestamp"), 2);
}

#[test]
fn adding_a_key_is_no_excuse_for_rollback() {
    let mut repository = Repository::new();
    repository.next(&[]);
    let mut device = Device::fresh(&repository);
    repository.rotate("timestamp", &holders(1, &[11, 31]));
    repository.timestamp.version = 1;
    repository.publish_timestamp();
    assert_eq!(device.refresh(&repository).unwrap_err(), rollback("timestamp", 2, 1));
}

#[test]
fn mix_and_match_is_refused() {
    for role in ["snapshot", "targets"] {
        let mut repository = Repository::new();
        repository.hashes = false;
        let file = format!("1.{role}.json");
        let old = repository.files[&file].clone();
        repository.next(&["targets"]);
        repository.files.insert(format!("2.{role}.json"), old);
        let error = Device::new(&repository).refresh(&repository).unwrap_err();
        assert_eq!(error, TufError::WrongVersion { role: role.into(), listed: 2, found: 1 });
    }
}

#[test]
fn wrong_length_and_wrong_hash_are_told_apart() {
    for role in ["snapshot", "targets"] {
        let mut repository = Repository::new();
        let file = format!("1.{role}.json");
        let genuine = repository.files[&file].clone();
        let length = genuine.len() as u64;
        let name = format!("{role}.json");

        let mut longer = genuine.clone();
        longer.push(b' ');
        repository.files.insert(file.clone(), longer);
        let error = Device::new(&repository).refresh(&repository).unwrap_err();
        let file_name = name.clone();
        assert_eq!(error, TufError::Length { file: file_name, expected: length, found: length + 1 });

        let mut changed = genuine;
        *changed.last_mut().unwrap() = b' ';
        repository.files.insert(file, changed);
        let error = Device::new(&repository).refresh(&repository).unwrap_err();
        assert_eq!(error, TufError::Hash { file: name });
    }
}

#[test]
fn endless_data_is_cut_off() {
    let mut repository = Repository::new();
    repository.files.insert("timestamp.json".into(), vec![b' '; 20_000]);
    let error = Device::new(&repository).refresh(&repository).unwrap_err();
    assert!(error.to_string().contains("16385 bytes are more than the 16384 allowed"), "{error}");
}

#[test]
fn an_endless_chain_of_roots_is_cut_off_and_can_be_resumed() {
    let mut repository = Repository::new();
    for _ in 0..7 {
        repository.root.version += 1;
        repository.publish_root();
    }
    let mut device = Device::new(&repository);
    let limits = Limits { root_rotations: 4, ..Limits::default() };
    let mut updater = device.updater(Clock::Known(day(1)), limits).unwrap();
    let error = device.drive(&mut updater, &repository).unwrap_err();
    assert_eq!(error, TufError::EndlessRootChain { limit: 4 });
    assert_eq!(device.version("root"), 5);
    let mut updater = device.updater(Clock::Known(day(1)), limits).unwrap();
    device.drive(&mut updater, &repository).unwrap();
    assert_eq!(device.version("root"), 8);
    let roots: Vec<_> = (2..=8).map(|n| repository.files[&format!("{n}.root.json")].clone()).collect();
    let error = walk_root_chain(&repository.files["1.root.json"], &roots, &limits).unwrap_err();
    assert_eq!(error, TufError::EndlessRootChain { limit: 4 });
}

#[test]
fn tampered_local_files_are_ignored_and_fetched_again() {
    let repository = Repository::new();
    let mut device = Device::fresh(&repository);
    for role in ["timestamp", "snapshot", "targets"] {
        device.files.insert(format!("{role}.json"), b"{}".to_vec());
    }
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]);
    assert_eq!(device.version("targets"), 1);
}

#[test]
fn after_an_error_another_mirror_may_be_tried() {
    let repository = Repository::new();
    let mut updater = Device::new(&repository).updater(Clock::Known(day(1)), Limits::default()).unwrap();
    updater.feed(Response::NotFound).unwrap();
    let asked = updater.step().unwrap();
    let missing = TufError::Missing { path: "timestamp.json".into() };
    assert_eq!(updater.feed(Response::NotFound).unwrap_err(), missing);
    assert!(matches!(updater.feed(Response::Bytes(b"<html>".to_vec())), Err(TufError::Json { .. })));
    assert_eq!(updater.step().unwrap(), asked);
    updater.feed(Response::Bytes(repository.files["timestamp.json"].clone())).unwrap();
    let unasked = updater.feed(Response::NotFound).unwrap_err();
    assert_eq!(unasked, TufError::OutOfTurn, "the timestamp is to be kept first");
    assert_eq!(updater.seek("na.ctl.json").unwrap_err(), TufError::OutOfTurn);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), phase in 0usize..4) {
        let repository = Repository::new();
        let mut device = Device::new(&repository);
        for file in ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"].iter().take(phase) {
            device.files.insert((*file).into(), bytes.clone());
        }
        let mut lying = Repository::new();
        let file = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"][phase];
        lying.files.insert(file.into(), bytes);
        prop_assert!(device.refresh(&lying).is_err());
    }

    #[test]
    fn a_changed_byte_never_changes_what_is_trusted(at in any::<prop::sample::Index>(), to in any::<u8>(), which in 0usize..3) {
        let mut repository = Repository::new();
        repository.hashes = false;
        repository.publish();
        let honest = Device::new(&repository).refresh(&repository).unwrap();
        let file = ["timestamp.json", "1.snapshot.json", "1.targets.json"][which];
        let bytes = repository.files.get_mut(file).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(updater) = Device::new(&repository).refresh(&repository) {
            prop_assert_eq!(updater.timestamp(), honest.timestamp());
            prop_assert_eq!(updater.snapshot(), honest.snapshot());
            prop_assert_eq!(updater.targets().map(Signed::raw), honest.targets().map(Signed::raw));
        }
    }
}
