//! Attacks on the metadata: whoever owns the server, a mirror or the network serves what they like,
//! and holds some keys, but never enough of them.

use ctl_core::role::Role;

use crate::common::device::set;
use crate::common::*;

/// A repository, and the same one two publications later.
fn two_states() -> (Repository, Repository) {
    let old = Repository::new();
    let mut new = old.clone();
    new.pass(3600);
    new.set_anchors(&na(), &["alpha"]);
    new.publish(&na());
    new.refresh();
    (old, new)
}

#[test]
fn rollback_of_the_timestamp() {
    let (old, new) = two_states();
    let mut device = Device::synced(&new);
    let mut attacked = new.clone();
    let name = "tuf/metadata/timestamp.json";
    attacked.files.insert(name.into(), old.files[name].clone());
    device.assert_refuses(&attacked, "rollback: timestamp");
}

#[test]
fn rollback_of_the_snapshot_by_whoever_has_the_servers_keys() {
    let (_, mut new) = two_states();
    let mut device = Device::synced(&new);
    new.timestamp_version += 1;
    new.snapshot_version -= 1;
    new.put_timestamp();
    device.assert_refuses(&new, "rollback: snapshot");
}

#[test]
fn rollback_of_the_targets_and_of_a_list_by_whoever_has_the_servers_keys() {
    let (old, new) = two_states();
    for name in ["targets", "na"] {
        let mut newer = new.clone();
        newer.put_targets(&[
            ("notices", holders(1, &[50]), "notices.json"),
            ("na", holders(2, &[20, 21, 22]), "na.ctl.json"),
            ("registry", holders(1, &[40]), "mo-registry.json"),
        ]);
        newer.refresh();
        let mut device = Device::synced(&newer);
        let role = old.roles[name].clone();
        newer.roles.insert(name.into(), role);
        newer.refresh();
        device.assert_refuses(&newer, &format!("rollback: {name}"));
    }
}

#[test]
fn rollback_of_the_root() {
    let mut repository = Repository::new();
    repository.rotate_root();
    repository.refresh();
    let mut device = Device::synced(&repository);
    assert_eq!(device.status().root_version, Some(2));
    // Version 3 of the chain is version 1 again.
    repository.files.insert("tuf/metadata/3.root.json".into(), repository.first_root());
    device.assert_refuses(&repository, "root version 1 cannot follow version 2");
    // Without any later root the newest one that was ever seen stays.
    repository.files.remove("tuf/metadata/3.root.json");
    repository.files.remove("tuf/metadata/2.root.json");
    device.sync(&repository);
    assert_eq!(device.status().root_version, Some(2));
}

#[test]
fn freeze() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    // The mirror goes on serving what it has: that ends when the timestamp expires.
    device.now.set(start().plus_seconds(DAY / 2));
    assert!(device.sync(&old).is_success());
    device.now.set(start().plus_seconds(DAY));
    device.assert_refuses(&old, "timestamp metadata expired");
    assert!(device.status().is_wrong());
    assert!(device.sync(&new).is_success());
}

#[test]
fn fast_forward_and_its_recovery() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let mut attacked = repository.clone();
    attacked.timestamp_version = 1_000_000;
    attacked.snapshot_version = 1_000_000;
    attacked.put_snapshot();
    attacked.put_timestamp();
    // The server's keys were stolen, so nothing tells these from genuine ones.
    assert!(device.sync(&attacked).is_success());
    repository.refresh();
    device.assert_refuses(&repository, "rollback: timestamp");
    // The board replaces the stolen keys.
    repository.top.snapshot = holders(1, &[110]);
    repository.top.timestamp = holders(1, &[111]);
    repository.signers.insert("snapshot".into(), vec![110]);
    repository.signers.insert("timestamp".into(), vec![111]);
    repository.rotate_root();
    repository.set_anchors(&na(), &["beta"]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["beta"]));
}

#[test]
fn fast_forward_is_recovered_from_also_with_damage_and_an_interruption() {
    let mut repository = Repository::new();
    let mut attacked = repository.clone();
    attacked.timestamp_version = 1_000_000;
    attacked.put_timestamp();
    let mut device = Device::synced(&attacked);
    let (state, _) = device.state_directory().load().unwrap();
    let object = device.path("state/objects").join(state.metadata["timestamp.json"].sha256.to_string());
    std::fs::write(object, b"damaged").unwrap();
    repository.top.timestamp = holders(1, &[111]);
    repository.signers.insert("timestamp".into(), vec![111]);
    repository.rotate_root();
    repository.refresh();
    let mut interrupted = repository.clone();
    interrupted.files.remove("tuf/metadata/timestamp.json");
    assert!(!device.sync(&interrupted).is_success());
    assert_eq!(device.status().root_version, Some(2));
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
}

#[test]
fn a_root_for_another_scheme_leaves_nothing_behind() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    let (before, _) = device.state_directory().load().unwrap();
    for foreign in ["scheme", "environment"] {
        // Signed by the board, with other keys for the timestamp, which would forget its version.
        let mut attacked = repository.clone();
        let v2g = attacked.root.v2g.as_mut().unwrap();
        match foreign {
            "scheme" => v2g.scheme = ctl_core::Digest::of(b"another scheme"),
            _ => v2g.environment = "production".into(),
        }
        attacked.top.timestamp = holders(1, &[111]);
        attacked.signers.insert("timestamp".into(), vec![111]);
        attacked.rotate_root();
        attacked.refresh();
        device.assert_refuses(&attacked, &format!("root.json version 2 is for {foreign}"));
        let (after, _) = device.state_directory().load().unwrap();
        assert_eq!((&after.roots, &after.metadata), (&before.roots, &before.metadata));
        let report = device.sync(&repository);
        assert!(report.is_success(), "{:?}", report.problems);
    }
}

#[test]
fn mix_and_match() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    // The new timestamp with the old snapshot in the new one's place.
    let mut attacked = new.clone();
    let old_snapshot = old.files["tuf/metadata/1.snapshot.json"].clone();
    attacked.files.insert("tuf/metadata/2.snapshot.json".into(), old_snapshot);
    device.assert_refuses(&attacked, "snapshot.json");
    // The new snapshot with the old list role in the new one's place.
    let mut attacked = new.clone();
    let old_role = old.files["tuf/metadata/1.na.json"].clone();
    attacked.files.insert("tuf/metadata/2.na.json".into(), old_role);
    device.assert_refuses(&attacked, "na.json");
}

#[test]
fn too_few_signatures() {
    for (role, signers) in [
        ("root", vec![1]),
        ("targets", vec![1]),
        ("na", vec![20]),
        ("notices", vec![]),
        ("timestamp", vec![]),
    ] {
        let mut repository = Repository::new();
        let mut device = Device::synced(&repository);
        repository.signers.insert(role.into(), signers);
        publish_again(&mut repository, role);
        device.assert_refuses(&repository, &format!("{role} metadata has too few valid signatures"));
    }
}

#[test]
fn one_key_counted_twice() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.signers.insert("na".into(), vec![20, 20]);
    repository.publish(&na());
    repository.refresh();
    device.assert_refuses(&repository, "twice");
}

#[test]
fn unknown_keys() {
    for (role, signers) in [
        ("root", vec![1, 99]),
        ("targets", vec![98, 99]),
        ("na", vec![20, 99]),
        ("snapshot", vec![99]),
        ("timestamp", vec![10]),
        ("notices", vec![20]),
    ] {
        let mut repository = Repository::new();
        let mut device = Device::synced(&repository);
        repository.signers.insert(role.into(), signers);
        publish_again(&mut repository, role);
        device.assert_refuses(&repository, &format!("{role} metadata has too few valid signatures"));
    }
}

#[test]
fn revoked_keys() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    // Signer 21 leaves, 23 comes; 21's key signs on.
    repository.put_targets(&[
        ("notices", holders(1, &[50]), "notices.json"),
        ("na", holders(2, &[20, 22, 23]), "na.ctl.json"),
        ("registry", holders(1, &[40]), "mo-registry.json"),
    ]);
    repository.set_anchors(&na(), &["evil"]);
    repository.publish(&na());
    repository.refresh();
    device.assert_refuses(&repository, "na metadata has too few valid signatures");
    repository.signers.insert("na".into(), vec![20, 23]);
    repository.set_anchors(&na(), &["alpha"]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    assert!(report.accepted.contains(&(na(), 3)), "{:?}", report.problems);
}

#[test]
fn a_root_rotation_signed_by_the_new_keys_only() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let honest = repository.clone();
    repository.top.root = holders(2, &[91, 92, 93]);
    repository.signers.insert("root".into(), vec![91, 92]);
    repository.rotate_root();
    repository.refresh();
    device.assert_refuses(&repository, "root metadata has too few valid signatures");
    // With both it is a rotation.
    let mut rotated = honest.clone();
    rotated.top.root = holders(2, &[91, 92, 93]);
    rotated.signers.insert("root".into(), vec![1, 2, 91, 92]);
    rotated.rotate_root();
    rotated.refresh();
    assert!(device.sync(&rotated).is_success());
    assert_eq!(device.status().root_version, Some(2));
    device.assert_sound();
}

#[test]
fn wrong_hashes_and_lengths() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    let digest = new.published[&na()];
    let place = format!("tuf/targets/{digest}.na.ctl.json");
    let good = new.files[&place].clone();
    let mut flipped = good.clone();
    let at = flipped.len() / 2;
    flipped[at] ^= 1;
    let longer = [good.as_slice(), b" "].concat();
    for (bad, why) in
        [(flipped, "hash"), (good[..good.len() - 1].to_vec(), "bytes where"), (longer, "more than")]
    {
        let mut attacked = new.clone();
        attacked.files.insert(place.clone(), bad);
        device.assert_refuses(&attacked, why);
    }
    // The file of a role is not the one that the snapshot lists.
    let mut device = Device::synced(&old);
    let mut attacked = new.clone();
    let role = attacked.files.get_mut("tuf/metadata/2.na.json").unwrap();
    role.push(b' ');
    device.assert_refuses(&attacked, "na.json");
    assert!(device.sync(&new).is_success());
}

#[test]
fn an_expired_role_is_not_taken_up_and_holds_up_no_other() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let trusted = device.trusted();
    // The list was signed long ago and is served for the first time now.
    repository.set_anchors(&na(), &["evil"]);
    repository.publish(&na());
    repository.pass(31 * DAY);
    repository.set_notices(vec![notice(1, "na", "beta", repository.now.plus_seconds(DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    device.now.set(repository.now);
    let report = device.sync(&repository);
    let problems: Vec<String> = report.problems.iter().map(|problem| problem.error.to_string()).collect();
    assert!(problems.iter().any(|text| text.contains("na metadata expired")), "{problems:?}");
    assert!(report.accepted.contains(&(Role::Notices, 2)), "{:?}", report.accepted);
    assert!(trusted.contains("beta"));
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]), "the suspension holds, the list stays");
}

#[test]
fn a_role_that_describes_another_roles_document() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    // The officer signs a list.
    let evil = serde_json::to_vec(&repository.documents[&na()]).unwrap();
    let notices = repository.roles.get_mut("notices").unwrap();
    notices.version += 1;
    notices.add("na.ctl.json", &evil, None).unwrap();
    repository.put_role("notices");
    repository.refresh();
    assert!(device.sync(&repository).is_success(), "it is simply not looked at");
    assert_eq!(device.sequences(), Device::synced(&Repository::new()).sequences());

    // Even the board cannot let another role speak for a list.
    repository.put_targets(&[
        ("eu", holders(1, &[30]), "*.ctl.json"),
        ("notices", holders(1, &[50]), "notices.json"),
        ("registry", holders(1, &[40]), "mo-registry.json"),
        ("na", holders(2, &[20, 21, 22]), "na.ctl.json"),
    ]);
    let mut targets = ctl_core::tuf::Targets::new(1, repository.now.plus_seconds(DAY));
    targets.add("na.ctl.json", &evil, None).unwrap();
    repository.roles.insert("eu".into(), targets);
    repository.put_role("eu");
    repository.refresh();
    device.assert_refuses(&repository, "described by the role eu");
}

#[test]
fn a_snapshot_that_drops_the_notices() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.roles.remove("notices");
    repository.refresh();
    device.assert_refuses(&repository, "dropped notices");
}

/// The board's roles anew, and the document of the role that is attacked, with whatever keys the
/// attack has.
fn publish_again(repository: &mut Repository, role: &str) {
    repository.rotate_root();
    repository.put_targets(&[
        ("notices", holders(1, &[50]), "notices.json"),
        ("na", holders(2, &[20, 21, 22]), "na.ctl.json"),
        ("registry", holders(1, &[40]), "mo-registry.json"),
    ]);
    repository.set_anchors(&na(), &["evil"]);
    repository.publish(&if role == "notices" { Role::Notices } else { na() });
    repository.refresh();
}
