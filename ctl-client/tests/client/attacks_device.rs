//! What can happen to the device itself: a wrong clock or none, a damaged medium, a power cut.

use ctl_client::ClientError;
use ctl_client::status::{Finding, Freshness, Severity};
use ctl_core::role::Role;

use crate::common::device::{Options, block_on, set};
use crate::common::power::{Power, Unflushed};
use crate::common::*;

/// A repository, and the next state of it: one anchor less, one more, one suspended.
fn two_states() -> (Repository, Repository) {
    let mut old = Repository::new();
    old.set_anchors(&na(), &["alpha", "gamma"]);
    old.publish(&na());
    old.refresh();
    let mut new = old.clone();
    new.pass(60);
    new.set_anchors(&na(), &["alpha", "beta", "gamma"]);
    new.publish(&na());
    new.set_notices(vec![notice(1, "na", "alpha", new.now.plus_seconds(DAY))]);
    new.publish(&Role::Notices);
    new.refresh();
    (old, new)
}

#[test]
fn a_clock_far_ahead_takes_nothing_up_and_nothing_away() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    device.now.set(start().plus_seconds(40 * 365 * DAY));
    device.assert_refuses(&new, "expired");
    assert!(device.status().is_wrong());
    device.now.set(new.now);
    assert!(device.sync(&new).is_success());
}

#[test]
fn a_clock_far_behind_is_noticed_and_not_used() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    device.now.set("2001-01-01T00:00:00Z".parse().unwrap());
    let status = device.status();
    assert!(status.to_string().contains("the clock is wrong and is not used"), "{status}");
    // What expired before the latest signed time is refused, whatever the clock says.
    let mut later = new.clone();
    later.pass(40 * DAY);
    later.publish(&na());
    later.publish(&Role::Notices);
    later.refresh();
    assert!(device.sync(&later).is_success());
    let mut stale = new.clone();
    stale.timestamp_version = later.timestamp_version + 1;
    stale.snapshot_version = later.snapshot_version;
    stale.files.extend(later.files.clone());
    stale.put_timestamp();
    device.assert_refuses(&stale, "timestamp metadata expired");
}

#[test]
fn without_a_clock_time_is_the_latest_signed_time() {
    let (old, new) = two_states();
    let mut device = Device::with(&old, Options { clock: false, ..Options::default() });
    device.now.set("1970-01-01T00:00:00Z".parse().unwrap());
    assert!(device.sync(&old).is_success());
    let status = device.status();
    assert_eq!((status.time, status.clock), (old.now, false));
    assert!(status.documents.iter().all(|document| document.freshness == Freshness::Unknown));
    assert!(status.to_string().contains("freshness unknown"), "{status}");
    assert!(device.sync(&new).is_success());
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    assert_eq!(device.status().time, new.now);
    // It cannot be told that these are stale, but they cannot be older than what was seen.
    let report = device.sync(&old);
    assert!(format!("{:?}", report.problems).contains("Rollback"), "{:?}", report.problems);
}

#[test]
fn without_a_clock_a_day_on_which_trust_ends_cannot_be_honoured() {
    let mut repository = Repository::new();
    let end = serde_json::json!(repository.now.plus_seconds(100 * DAY));
    repository.set_list(
        &na(),
        vec![
            constrained("alpha", "not_trusted_after", end.clone(), true),
            constrained("beta", "not_trusted_after", end, false),
        ],
    );
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::with(&repository, Options { clock: false, ..Options::default() });
    assert!(device.sync(&repository).is_success());
    assert_eq!(device.trusted(), set(&["beta"]));
    assert!(device.status().to_string().contains("a device without a clock cannot honour"));
}

#[test]
fn a_damaged_trusted_root_stops_everything_and_takes_nothing_away() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    let trusted = device.trusted();
    let place = device.path("state/root.json");
    for damage in [b"{}".to_vec(), vec![]] {
        std::fs::write(&place, damage).unwrap();
        let error = device.try_sync(&new).unwrap_err();
        assert!(matches!(error, ClientError::RootDamaged { .. }), "{error}");
        assert!(error.to_string().contains("run init with it on a new directory"));
    }
    assert_eq!(device.trusted(), trusted);
}

#[test]
fn every_file_of_the_state_may_be_damaged() {
    let (old, new) = two_states();
    let files = |device: &Device| -> Vec<std::path::PathBuf> {
        let objects = std::fs::read_dir(device.path("state/objects")).unwrap();
        let mut files: Vec<_> = objects.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.extend(
            ["state.json", "state.backup.json", "last-sync.json"].map(|f| device.path("state").join(f)),
        );
        files
    };
    let number = files(&Device::synced(&old)).len();
    assert!(number > 10);
    for index in 0..number {
        for kind in ["flipped", "cut", "gone"] {
            let mut device = Device::synced(&old);
            let place = files(&device)[index].clone();
            let mut bytes = std::fs::read(&place).unwrap();
            let half = bytes.len() / 2;
            match kind {
                "flipped" => {
                    bytes[half] ^= 1;
                    std::fs::write(&place, bytes).unwrap();
                }
                "cut" => std::fs::write(&place, &bytes[..half]).unwrap(),
                _ => std::fs::remove_file(&place).unwrap(),
            }
            // Without the network nothing is taken away.
            let what = format!("{kind}: {}", place.display());
            let away = device.path("away");
            std::fs::rename(device.path("repository"), &away).unwrap();
            assert!(!device.sync_again().unwrap().is_success());
            assert_eq!(device.trusted(), set(&["alpha", "gamma"]), "{what}");
            // With it, the device is as good as new.
            let report = device.sync(&new);
            assert!(report.is_success(), "{what}: {:?}", report.problems);
            assert_eq!(device.trusted(), set(&["beta", "gamma"]), "{what}");
            device.assert_sound();
        }
    }
}

#[test]
fn damage_is_mended_from_the_same_repository_also_without_a_clock() {
    let mut repository = Repository::new();
    repository.rotate_root();
    repository.rotate_root();
    repository.refresh();
    let mut device = Device::with(&repository, Options { clock: false, ..Options::default() });
    assert!(device.sync(&repository).is_success());
    let mut files: Vec<_> = std::fs::read_dir(device.path("state/objects")).unwrap().collect();
    files.extend(std::fs::read_dir(device.path("state")).unwrap());
    let files: Vec<_> = files.into_iter().map(|entry| entry.unwrap().path()).collect();
    let kept = |path: &std::path::PathBuf| {
        path.parent().unwrap().ends_with("objects") || path.ends_with("state/state.json")
    };
    for place in files.iter().filter(|path| kept(path)) {
        std::fs::write(place, b"damaged").unwrap();
        assert!(!block_on(device.client.verify()).unwrap().problems.is_empty(), "{}", place.display());
        let report = device.sync(&repository);
        assert!(report.is_success(), "{}: {:?}", place.display(), report.problems);
        device.assert_sound();
    }
}

#[test]
fn a_memory_that_cannot_be_read_at_the_moment_is_kept() {
    let (old, new) = two_states();
    let mut device = Device::synced(&new);
    let places = ["state.json", "state.backup.json"].map(|name| device.path("state").join(name));
    for place in &places {
        // A link to itself: the operating system refuses to read it.
        std::fs::rename(place, place.with_extension("aside")).unwrap();
        std::os::unix::fs::symlink(place, place).unwrap();
    }
    let error = device.try_sync(&old).unwrap_err();
    assert!(matches!(error, ClientError::File { .. }), "{error}");
    for place in &places {
        std::fs::rename(place.with_extension("aside"), place).unwrap();
    }
    let report = device.sync(&old);
    assert!(format!("{:?}", report.problems).contains("Rollback"), "{:?}", report.problems);
    assert!(device.sync(&new).is_success());
}

#[test]
fn after_total_loss_of_memory_suspensions_are_not_forgotten() {
    let (_, new) = two_states();
    let mut device = Device::synced(&new);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    for file in ["state.json", "state.backup.json"] {
        std::fs::write(device.path("state").join(file), b"damaged").unwrap();
    }
    assert!(block_on(device.client.verify()).unwrap().problems.len() >= 3);
    // The list can be fetched, the notices are withheld.
    let mut attacked = new.clone();
    attacked.files.retain(|path, _| !(path.starts_with("tuf/targets/") && path.contains("notices")));
    let report = device.sync(&attacked);
    assert!(!report.is_success());
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    let report = device.sync(&new);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    assert!(device.status().to_string().contains("was lost once by damage"));
    device.assert_sound();
}

#[test]
fn after_total_loss_of_memory_our_own_anchors_are_not_taken_for_somebody_elses() {
    let (old, new) = two_states();
    let mut device = Device::new(&old);
    let place = device.path("everest/ca/v2g/V2G_ROOT_CA.pem");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, roots()["evil"].to_pem()).unwrap();
    assert!(device.sync(&old).is_success());
    assert_eq!(device.everest(), set(&["alpha", "evil", "gamma"]));
    for file in ["state.json", "state.backup.json"] {
        std::fs::write(device.path("state").join(file), b"damaged").unwrap();
    }
    let mut next = new.clone();
    next.pass(60);
    next.set_anchors(&na(), &["beta"]);
    next.set_notices(vec![]);
    next.publish(&na());
    next.publish(&Role::Notices);
    next.refresh();
    assert!(device.sync(&next).is_success());
    assert_eq!((device.pem(), device.everest()), (set(&["beta"]), set(&["beta", "evil"])));
}

#[test]
fn a_damaged_memory_of_the_metadata_does_not_let_it_go_back() {
    let (old, new) = two_states();
    for name in ["timestamp.json", "snapshot.json"] {
        let mut device = Device::synced(&new);
        let (state, _) = device.state_directory().load().unwrap();
        let object = device.path("state/objects").join(state.metadata[name].sha256.to_string());
        std::fs::write(object, b"damaged").unwrap();
        let report = device.sync(&old);
        assert!(format!("{:?}", report.problems).contains("Rollback"), "{name}: {:?}", report.problems);
        // Not even at the second try.
        let report = device.sync(&old);
        assert!(format!("{:?}", report.problems).contains("Rollback"), "{name}: {:?}", report.problems);
        assert!(device.sync(&new).is_success());
    }
}

/// Cuts the power before every file operation of a sync in turn. Whatever a charger then finds, before
/// anything runs, must be whole: `old` or `new`; and the next sync must succeed.
fn cut_the_power(mut device: Device, next: &Repository, old: &[&'static str], new: &[&'static str]) {
    next.write(&device.path("repository"));
    device.save();
    for loses in [false, true] {
        let mut cuts = 0;
        for k in 0.. {
            device.restore();
            let power = Power::failing(k, loses);
            device.restart(Box::new(power.clone()));
            let _ = device.sync_again();
            let was_cut = power.has_failed();
            for found in [device.pem(), device.everest()] {
                assert!(found == set(old) || found == set(new), "operation {k}, loses {loses}: {found:?}");
            }
            // Not only whole: nothing that was remembered is lost either.
            assert_eq!(device.state_directory().load().unwrap().1, [""; 0], "operation {k}, loses {loses}");
            device.restart(Box::new(Unflushed));
            let report = device.sync_again().unwrap();
            assert!(report.is_success(), "operation {k}, loses {loses}: {:?}", report.problems);
            assert_eq!(device.trusted(), set(new), "operation {k}, loses {loses}");
            device.assert_sound();
            if !was_cut {
                break;
            }
            cuts += 1;
        }
        assert!(cuts > 60, "only {cuts} operations");
    }
}

#[test]
fn power_lost_between_any_two_file_operations_of_a_sync() {
    let (old, new) = two_states();
    cut_the_power(Device::synced(&old), &new, &["alpha", "gamma"], &["beta", "gamma"]);
}

#[test]
fn power_lost_between_any_two_file_operations_of_the_first_sync() {
    let (old, _) = two_states();
    cut_the_power(Device::new(&old), &old, &[], &["alpha", "gamma"]);
}

#[test]
fn power_lost_while_the_bundles_of_others_are_taken_over() {
    let (old, _) = two_states();
    let mut device = Device::new(&old);
    for (place, name) in [("ca/v2g/V2G_ROOT_CA.pem", "evil"), ("ca/mo/MO_ROOT_CA.pem", "beta")] {
        let place = device.path("everest").join(place);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, roots()[name].to_pem()).unwrap();
    }
    old.write(&device.path("repository"));
    device.save();
    let (before, after) = (set(&["evil", "beta"]), set(&["alpha", "beta", "evil", "gamma"]));
    for loses in [false, true] {
        for k in 0.. {
            device.restore();
            let power = Power::failing(k, loses);
            device.restart(Box::new(power.clone()));
            let _ = device.sync_again();
            let found = device.everest();
            assert!(found == before || found == after, "operation {k}, loses {loses}: {found:?}");
            device.restart(Box::new(Unflushed));
            assert!(device.sync_again().unwrap().is_success());
            assert_eq!(device.everest(), after, "operation {k}, loses {loses}");
            device.assert_sound();
            if !power.has_failed() {
                break;
            }
        }
    }
}

#[test]
fn syncs_that_always_fail_are_told_even_if_they_cannot_be_written_down() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    assert!(!device.status().is_wrong());
    let interval = device.client.config().interval_seconds;
    // The disk is full, or read-only: not even the failure can be remembered.
    device.restart(Box::new(Power::none()));
    let mut next = repository.clone();
    next.pass(60);
    next.set_anchors(&na(), &["alpha"]);
    next.publish(&na());
    next.refresh();
    for (intervals, severity) in [(1, None), (2, Some(Severity::Warning)), (4, Some(Severity::Error))] {
        device.now.set(start().plus_seconds(intervals * interval));
        assert!(device.try_sync(&next).is_err());
        let status = device.status();
        let of_age = |text: &str| text.contains("the last sync that succeeded was at");
        let worst = status.findings.iter().filter(|f| of_age(&f.text)).map(|f| f.severity).max();
        assert_eq!(worst, severity, "after {intervals} intervals: {status}");
    }
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    device.restart(Box::new(Unflushed));
    assert!(device.sync(&next).is_success());
    assert!(!device.status().is_wrong(), "{}", device.status());
}

#[test]
fn a_failure_that_can_be_written_down_is() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    // No objects can be kept: something else stands in their place.
    std::fs::remove_dir_all(device.path("state/objects")).unwrap();
    std::fs::write(device.path("state/objects"), b"").unwrap();
    assert!(device.try_sync(&repository).is_err());
    let status = device.status();
    assert_eq!(status.last_sync.as_ref().map(|last| last.failures), Some(1), "{status}");
    assert!(status.is_wrong() && status.to_string().contains("last sync: state: cannot open"), "{status}");
}

#[test]
fn without_a_clock_failures_in_a_row_are_counted() {
    let (old, _) = two_states();
    let mut device = Device::with(&old, Options { clock: false, ..Options::default() });
    assert!(device.sync(&old).is_success());
    std::fs::remove_dir_all(device.path("repository")).unwrap();
    for _ in 0..10 {
        assert!(!device.sync_again().unwrap().is_success());
    }
    let status = device.status();
    let told =
        |f: &&Finding| f.severity == Severity::Error && f.text.contains("10 syncs in a row have failed");
    assert!(status.findings.iter().any(|finding| told(&finding)), "{status}");
}

#[test]
fn a_full_medium_is_not_made_fuller_with_every_attempt() {
    let (old, new) = two_states();
    for place in ["/pem", "/everest", "/state"] {
        let mut device = Device::synced(&old);
        let names = |device: &Device| -> usize {
            let below = |folder: &str| std::fs::read_dir(device.path(folder)).unwrap().count();
            ["pem", "everest/.ctl-client", "state", "state/objects"].into_iter().map(below).sum()
        };
        let before = names(&device);
        device.restart(Box::new(Power::full(place)));
        for _ in 0..3 {
            let told = device.try_sync(&new).map_or(true, |report| !report.is_success());
            assert!(told, "{place}");
        }
        // The other sink has one generation more.
        assert!(names(&device) <= before + 1, "{place}");
        device.restart(Box::new(Unflushed));
        assert!(device.sync(&new).is_success(), "{place}");
        assert_eq!(device.trusted(), set(&["beta", "gamma"]), "{place}");
    }
}
