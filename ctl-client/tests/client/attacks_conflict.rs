//! Attacks with a stolen log key, and what a device does when the log it is shown contradicts the one
//! that it remembers: it takes away and never adds, and nobody without a key can bring it there.

use ctl_client::state::Contradiction;
use ctl_core::role::Role;
use serde_json::json;

use crate::common::device::{Options, set};
use crate::common::*;

/// A device that has seen a checkpoint which a thief signed, and the repository that knows nothing of
/// it and goes on.
fn poisoned(forged: u64) -> (Device, Repository) {
    poisoned_with(forged, Options::default())
}

fn poisoned_with(forged: u64, options: Options) -> (Device, Repository) {
    let mut honest = Repository::new();
    let mut device = Device::with(&honest, options);
    assert!(device.sync(&honest).is_success());
    let mut stolen = honest.clone();
    stolen.forge_entries(forged, "forged");
    stolen.refresh();
    let report = device.sync(&stolen);
    assert!(report.is_success(), "{:?}", report.problems);
    honest.newer_than(&stolen);
    (device, honest)
}

fn remembered(device: &Device) -> u64 {
    device.status().log.unwrap().size
}

#[test]
fn a_forged_checkpoint_does_not_keep_a_suspension_from_the_device() {
    for (grown, how) in [(0, Contradiction::Smaller), (100, Contradiction::OtherHistory)] {
        let (mut device, mut honest) = poisoned(60);
        let (held, sequences) = (remembered(&device), device.sequences());
        honest.forge_entries(grown, "honest");
        honest.set_notices(vec![notice(3, "na", "beta", honest.now.plus_seconds(DAY))]);
        honest.publish(&Role::Notices);
        honest.set_anchors(&na(), &["alpha", "beta", "evil"]);
        honest.documents.get_mut(&na()).unwrap()["distrusted"] =
            json!([distrusted("certificate", fingerprint("gamma"))]);
        honest.publish(&na());
        honest.refresh();
        let report = device.sync(&honest);
        assert!(!report.is_success() && report.accepted.is_empty());
        // Beta is suspended, evil waits. Gamma is withdrawn and all there is for its use: no store is
        // emptied this way.
        assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
        assert_eq!((remembered(&device), device.sequences()), (held, sequences), "held stays");
        let status = device.status();
        assert_eq!(status.conflict.as_ref().unwrap().how, how);
        assert_eq!(status.apart.len(), 2);
        for said in [
            "ERROR    THE LOG CONFLICTS since",
            "na: version 2 came while the log conflicted",
            "would leave no anchor for mo(-2)",
            "version 2 kept apart: it only takes away",
            "suspended by notice 3",
        ] {
            assert!(status.to_string().contains(said), "{said}\n{status}");
        }
        device.assert_sound();
        // The same again writes nothing new, and a restart of the program forgets nothing.
        device.restart(Box::new(ctl_client::files::Disk));
        assert!(device.sync(&honest).notes.iter().all(|note| !note.contains("came while")));
        assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    }
}

#[test]
fn what_was_taken_away_in_a_conflict_comes_back_only_with_a_version_accepted_in_full() {
    let (mut device, mut honest) = poisoned(60);
    let before = honest.clone();
    honest.set_anchors(&na(), &["alpha", "gamma"]);
    honest.publish(&na());
    honest.refresh();
    device.sync(&honest);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    // A later version in the same conflict names beta again: that adds, so it waits.
    honest.set_anchors(&na(), &["alpha", "beta", "gamma"]);
    honest.publish(&na());
    honest.refresh();
    device.sync(&honest);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    assert_eq!(device.status().apart[0].sequence, 3);

    // The log that the device remembers comes back, at first with an older version.
    let mut back = before;
    back.forge_entries(60, "forged");
    back.newer_than(&honest);
    for (version, trusted) in [(2, set(&["alpha", "gamma"])), (3, set(&["alpha", "beta", "gamma"]))] {
        back.roles.get_mut("na").unwrap().version = honest.roles["na"].version;
        back.publish(&na());
        back.refresh();
        let report = device.sync(&back);
        assert!(report.is_success(), "{:?}", report.problems);
        assert_eq!(report.accepted, [(na(), version)]);
        assert_eq!((device.trusted(), device.status().conflict), (trusted, None));
    }
    assert!(device.status().apart.is_empty());
    device.assert_sound();
}

#[test]
fn in_a_conflict_uses_constraints_and_distrust_only_get_narrower() {
    let (mut device, mut honest) = poisoned(60);
    let end = honest.now.plus_seconds(100 * DAY);
    let mut alpha = constrained("alpha", "not_trusted_after", json!(end), false);
    alpha["uses"] = json!([
        { "purpose": "v2g", "standard": "iso15118-2" }, { "purpose": "oem", "standard": "iso15118-2" },
    ]);
    let mut odd = anchor("beta");
    odd["constraints"]["unheard_of"] = json!({ "critical": true, "value": 1 });
    honest.set_list(&na(), vec![alpha, odd, anchor("gamma")]);
    honest.publish(&na());
    honest.refresh();
    device.sync(&honest);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]), "a critical constraint nobody knows");
    let uses: Vec<String> = device.status().trusted.iter().flat_map(|line| line.uses.clone()).collect();
    assert!(uses.iter().all(|r#use| !r#use.contains("oem")), "{uses:?}");
    // Constraints count from the moment that they came.
    let (mut device, mut honest) = poisoned(60);
    let alpha = constrained("alpha", "not_trusted_after", json!(end), false);
    honest.set_list(&na(), vec![alpha, anchor("beta"), anchor("gamma")]);
    honest.publish(&na());
    honest.refresh();
    device.sync(&honest);
    device.now.set(end);
    device.sync_again().unwrap();
    assert!(device.status().to_string().contains(&format!("not trusted after {end}")));
}

#[test]
fn a_forged_log_cannot_empty_a_store() {
    let (mut device, mut honest) = poisoned(60);
    let trusted = device.trusted();
    honest.set_anchors(&na(), &["evil"]);
    honest.documents.get_mut(&na()).unwrap()["distrusted"] =
        json!(["alpha", "beta", "gamma"].map(|name| distrusted("spki", spki(name))).to_vec());
    let mut sorted = honest.documents[&na()]["distrusted"].as_array().unwrap().clone();
    sorted.sort_by_key(|entry| entry["sha256"].as_str().unwrap().to_owned());
    honest.documents.get_mut(&na()).unwrap()["distrusted"] = json!(sorted);
    honest.publish(&na());
    honest.refresh();
    device.sync(&honest);
    assert_eq!(device.trusted(), trusted);
    assert!(device.status().to_string().contains("would leave no anchor for v2g(-2)"));
    // Nor with constraints that no sink can express.
    let (mut device, mut honest) = poisoned(60);
    let narrow = |name| constrained(name, "mo_ids", json!(["DEABC"]), true);
    honest.set_list(&na(), ["alpha", "beta", "gamma"].map(narrow).to_vec());
    honest.publish(&na());
    honest.refresh();
    device.sync(&honest);
    assert_eq!(device.trusted(), trusted);
}

#[test]
fn in_a_conflict_one_officer_brings_nothing_back_that_the_list_s_signers_removed() {
    let (mut device, mut honest) = poisoned(60);
    honest.set_anchors(&na(), &["alpha", "gamma"]);
    honest.publish(&na());
    honest.refresh();
    device.sync(&honest);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    // Alpha is the last one for its use: suspending it, too, would leave nothing.
    honest.set_notices(vec![notice(3, "na", "alpha", honest.now.plus_seconds(DAY))]);
    honest.publish(&Role::Notices);
    honest.refresh();
    device.sync(&honest);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    let status = device.status().to_string();
    assert!(status.contains("would leave no anchor for v2g(-2)"), "{status}");
    device.assert_sound();
}

#[test]
fn a_version_held_that_is_damaged_is_mended_in_a_conflict_and_after_a_restart() {
    let repository = Repository::new();
    let damage = |device: &Device| {
        let held = repository.published[&na()].to_string();
        std::fs::remove_file(device.path("state/objects").join(held)).unwrap();
    };
    // In a conflict.
    let (mut device, mut honest) = poisoned(60);
    honest.refresh();
    damage(&device);
    device.sync(&honest);
    assert!(device.status().conflict.is_some());
    device.assert_sound();
    // After a restart that replaced history, with the proofs issued again.
    let (mut device, mut honest) = poisoned(60);
    let old = honest.clone();
    honest.restart(&old, 61, "log.example/v2g-2");
    for role in [Role::Notices, na(), Role::Registry] {
        honest.prove_again(&role);
    }
    honest.refresh();
    damage(&device);
    let report = device.sync(&honest);
    assert!(report.is_success(), "{:?}", report.problems);
    device.assert_sound();
}

#[test]
fn in_a_conflict_everything_else_is_still_demanded() {
    // Too few signers.
    let (mut device, mut attacked) = poisoned(60);
    attacked.signers.insert("na".into(), vec![20]);
    attacked.set_anchors(&na(), &["alpha"]);
    attacked.publish(&na());
    attacked.refresh();
    device.assert_refuses(&attacked, "too few valid signatures");
    // No proof of publication.
    let (mut device, mut attacked) = poisoned(60);
    attacked.set_anchors(&na(), &["alpha"]);
    attacked.publish(&na());
    attacked.refresh();
    attacked.files.remove("v1/lists/na/versions/2.tlog-proof");
    device.assert_refuses(&attacked, "there is no v1/lists/na/versions/2.tlog-proof");
    // Another version under the number held.
    let (mut device, mut attacked) = poisoned(60);
    attacked.set_anchors(&na(), &["alpha"]);
    attacked.publish_as(&na(), |list| {
        list["sequence"] = json!(1);
        list["previous"] = json!(ctl_core::Digest::ZERO);
    });
    attacked.refresh();
    device.assert_refuses(&attacked, "two histories");
    // A timestamp that went back.
    let (mut device, mut attacked) = poisoned(60);
    attacked.set_anchors(&na(), &["alpha"]);
    attacked.publish(&na());
    attacked.timestamp_version = 0;
    attacked.refresh();
    device.assert_refuses(&attacked, "rollback");
    assert!(device.status().apart.is_empty());
}

#[test]
fn a_mirror_without_keys_that_damages_the_log_brings_no_device_into_conflict() {
    let old = Repository::new();
    let mut new = old.clone();
    new.forge_entries(300, "honest");
    new.set_anchors(&na(), &["alpha"]);
    new.publish(&na());
    new.refresh();
    let log: Vec<String> = new.files.keys().filter(|path| path.starts_with("log/")).cloned().collect();
    for path in log {
        for damage in ["gone", "bits", "short", "old"] {
            let mut mirror = new.clone();
            let bytes = mirror.files.get_mut(&path).unwrap();
            match damage {
                "bits" => bytes.iter_mut().skip(10).for_each(|byte| *byte ^= 1),
                "short" => bytes.truncate(bytes.len() - 1),
                "old" => *bytes = old.files.get(&path).unwrap_or(&old.files["log/checkpoint"]).clone(),
                _ => drop(mirror.files.remove(&path)),
            }
            let mut device = Device::synced(&old);
            let (trusted, sequences) = (device.trusted(), device.sequences());
            let report = device.sync(&mirror);
            let status = device.status();
            assert_eq!((status.conflict, status.apart), (None, vec![]), "{path} {damage}");
            assert!(device.state_directory().evidence().is_empty(), "{path} {damage}");
            if !report.is_success() {
                assert_eq!((device.trusted(), device.sequences()), (trusted, sequences), "{path} {damage}");
            }
        }
    }
}

#[test]
fn a_rotated_log_key_keeps_the_memory_and_the_old_key_counts_no_more() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let stolen = repository.clone();
    repository.rotate_log_key(61);
    repository.set_anchors(&na(), &["alpha", "beta", "gamma", "evil"]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma", "evil"]));
    device.assert_sound();
    // Whoever still has the old key signs what they like.
    let mut attacked = repository.clone();
    attacked.log_key = stolen.log_key;
    attacked.forge_entries(100, "forged");
    attacked.set_anchors(&na(), &["alpha"]);
    attacked.publish(&na());
    attacked.refresh();
    device.assert_refuses(&attacked, "not signed by");
    assert_eq!(device.status().conflict, None, "no key of the log signed that");
    // A checkpoint under the new key that does not extend the remembered log conflicts.
    let mut other = Repository::bare("test", "scheme");
    other.forge_entries(100, "another history");
    repository.tree = other.tree;
    repository.refresh();
    device.sync(&repository);
    assert_eq!(device.status().conflict.unwrap().how, Contradiction::OtherHistory);
}

#[test]
fn a_poisoned_device_is_healed_by_a_restart_that_the_board_signs() {
    let (mut device, mut honest) = poisoned(60);
    // In conflict a suspension and a withdrawal came.
    honest.set_notices(vec![notice(3, "na", "beta", honest.now.plus_seconds(DAY))]);
    honest.publish(&Role::Notices);
    honest.refresh();
    device.sync(&honest);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    assert!(device.status().conflict.is_some());

    let old = honest.clone();
    honest.restart(&old, 61, "log.example/v2g-2");
    honest.refresh();
    let report = device.sync(&honest);
    let said = report.notes.join(" ");
    assert!(said.contains("history replaced"), "{said} {:?}", report.problems);
    // The checkpoint is forgotten, and what is taken away stays so.
    assert_eq!((remembered(&device), device.status().conflict), (honest.tree.size(), None));
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    assert!(device.status().to_string().contains("history replaced"));

    // The next versions are taken up, and end it: beta's suspension by its own rules.
    honest.pass(10);
    honest.set_anchors(&na(), &["alpha", "beta", "gamma", "evil"]);
    honest.publish(&na());
    honest.set_notices(vec![]);
    honest.publish(&Role::Notices);
    honest.refresh();
    let report = device.sync(&honest);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma", "evil"]));
    let status = device.status();
    assert!(status.apart.is_empty() && status.conflict.is_none(), "{status}");
    device.assert_sound();
    // The old log counts no more.
    let mut stale = old.clone();
    stale.newer_than(&honest);
    stale.root = honest.root.clone();
    stale.put_root();
    for version in 2..=honest.root.version {
        let path = format!("tuf/metadata/{version}.root.json");
        stale.files.insert(path.clone(), honest.files[&path].clone());
    }
    stale.roles = honest.roles.clone();
    let tuf = honest.files.iter().filter(|(path, _)| path.starts_with("tuf/"));
    stale.files.extend(tuf.map(|(path, bytes)| (path.clone(), bytes.clone())));
    stale.refresh();
    device.assert_refuses(&stale, "not signed by \"log.example/v2g-2\"");
}

#[test]
fn a_restart_that_lost_nothing_says_so_and_one_that_lost_versions_goes_on_as_named() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    let mut next = repository.clone();
    next.restart(&repository, 61, "log.example/v2g-2");
    next.forge_entries(3, "more");
    next.refresh();
    let report = device.sync(&next);
    assert!(report.is_success(), "{:?}", report.problems);
    assert!(report.notes.iter().any(|note| note.contains("nothing lost")), "{:?}", report.notes);

    // The database was lost and an older copy restored: a version that the device holds is in no log.
    let mut lost = next.clone();
    lost.set_anchors(&na(), &["alpha", "beta"]);
    lost.publish(&na());
    lost.refresh();
    assert_eq!(device.sync(&lost).accepted, [(na(), 2)]);
    let mut restored = next.clone();
    restored.newer_than(&lost);
    restored.roles.get_mut("na").unwrap().version = lost.roles["na"].version;
    restored.documents.get_mut(&na()).unwrap()["sequence"] = json!(2);
    restored.restart(&lost, 60, "log.example/v2g-3");
    restored.set_anchors(&na(), &["alpha", "beta", "gamma"]);
    restored.publish(&na());
    restored.refresh();
    let report = device.sync(&restored);
    assert!(report.notes.iter().any(|note| note.contains("history replaced")), "{:?}", report.notes);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(report.accepted, [(na(), 3)], "numbered as root.json names it");
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    device.assert_sound();
}

#[test]
fn a_restart_under_which_numbers_go_back_is_not_followed_back() {
    let mut repository = Repository::new();
    repository.publish(&na());
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::synced(&repository);
    let mut restored = Repository::new();
    restored.newer_than(&repository);
    restored.roles.get_mut("na").unwrap().version = repository.roles["na"].version;
    restored.restart(&repository, 61, "log.example/v2g-2");
    restored.set_anchors(&na(), &["evil"]);
    restored.publish(&na());
    restored.refresh();
    device.assert_refuses(&restored, "rollback: na.ctl.json has sequence 2, sequence 3 is held");
}

#[test]
fn a_root_that_bends_the_history_of_restarts_is_refused() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    let restarted = |change: &dyn Fn(&mut Repository)| {
        let mut next = repository.clone();
        next.restart(&repository, 61, "log.example/v2g-2");
        change(&mut next);
        next.put_root();
        next.refresh();
        next
    };
    // It may do nothing else besides.
    let other = restarted(&|next| next.root.v2g.as_mut().unwrap().notices_cap = 1000);
    device.assert_refuses(&other, "changes something else besides");
    let other = restarted(&|next| next.root.roles.get_mut("timestamp").unwrap().threshold = 0);
    assert!(!device.sync(&other).is_success());
    // Another origin without a restart; a restart that begins or ends elsewhere.
    let other = restarted(&|next| next.root.v2g.as_mut().unwrap().restarts.clear());
    device.assert_refuses(&other, "without a restart");
    let other = restarted(&|next| {
        next.root.v2g.as_mut().unwrap().restarts[0].old.origin = "log.example/foreign".parse().unwrap();
    });
    device.assert_refuses(&other, "not from the log of the root before");
    // The key that was stolen.
    let mut other = repository.clone();
    other.restart(&repository, 12, "log.example/v2g-2");
    other.refresh();
    device.assert_refuses(&other, "a key that the log never had");
    // And a log that does not begin as the board named it.
    let other = restarted(&|next| {
        next.root.v2g.as_mut().unwrap().restarts[0].new.root_hash = ctl_core::Digest::of(b"another");
    });
    let report = device.sync(&other);
    assert!(format!("{:?}", report.problems).contains("NotTheRestarted"), "{:?}", report.problems);
    // What was named once is named for ever.
    let good = restarted(&|_| {});
    let mut device = Device::synced(&repository);
    assert!(device.sync(&good).is_success());
    let mut forgets = good.clone();
    forgets.root.version += 1;
    forgets.root.v2g.as_mut().unwrap().restarts.clear();
    forgets.put_root();
    forgets.refresh();
    device.assert_refuses(&forgets, "does not name every restart");
}
