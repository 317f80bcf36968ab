//! Who may sign for which role: wrong keys, one key under many names, rotations of the board; and
//! what is no metadata although it is signed.

use serde_json::Value;

use super::repository::{Device, Repository, day, holders, key, signed_by};
use super::too_few;
use crate::tuf::*;

#[test]
fn every_role_needs_its_own_keys() {
    for role in ["timestamp", "snapshot", "targets"] {
        for (signers, unknown) in [(vec![], 0), (vec![40], 1), (vec![1], usize::from(role != "targets"))] {
            let mut repository = Repository::new();
            repository.signers.insert(role.into(), signers);
            repository.publish();
            let error = Device::new(&repository).refresh(&repository).unwrap_err();
            assert_eq!(too_few(error, role).count.unknown.len(), unknown, "{role}");
        }
    }
}

#[test]
fn a_revoked_key_no_longer_counts() {
    let mut repository = Repository::new();
    let mut device = Device::fresh(&repository);
    repository.rotate("targets", &holders(2, &[1, 2, 4]));
    repository.next(&["targets"]);
    let error = too_few(device.refresh(&repository).unwrap_err(), "targets");
    assert!(error.count.unknown.contains(&key(3).public_key().key_id()), "{error}");
    repository.signers.insert("targets".into(), vec![2, 4]);
    repository.next(&["targets"]);
    device.refresh(&repository).unwrap();
}

#[test]
fn one_key_counts_once_whatever_it_is_called() {
    let mut repository = Repository::new();
    let [own, alias] = [key(1).public_key().key_id().to_string(), "feed".to_owned()];
    let entry = repository.root.keys[&own].clone();
    repository.root.keys.insert(alias.clone(), entry);
    repository.root.roles.get_mut("targets").unwrap().keyids.push(alias.clone());
    repository.publish_root();
    let targets = &repository.roles["targets"];
    let first = sign(&key(1), targets).unwrap();
    let second = TufSignature { keyid: alias, sig: first.sig.clone() };
    repository.hashes = false;
    repository.publish();
    repository
        .files
        .insert("1.targets.json".into(), envelope(&repository.roles["targets"], &[first.clone(), second]));
    let error = too_few(Device::new(&repository).refresh(&repository).unwrap_err(), "targets");
    assert_eq!((error.count.counted.len(), error.count.repeated.len()), (1, 1));

    let twice = envelope(&repository.roles["targets"], &[first.clone(), first]);
    repository.files.insert("1.targets.json".into(), twice);
    let error = Device::new(&repository).refresh(&repository).unwrap_err();
    assert_eq!(error, TufError::DuplicateKeyId { role: "targets".into(), key_id: own });
}

#[test]
fn a_root_rotation_needs_both_the_old_and_the_new_board() {
    for (signers, accepted) in [
        (&[4, 5][..], false),
        (&[1, 2], false),
        (&[1, 4, 5], false),
        (&[1, 2, 4], false),
        (&[1, 2, 4, 5], true),
    ] {
        let mut repository = Repository::new();
        let mut device = Device::fresh(&repository);
        repository.signers.insert("root".into(), signers.to_vec());
        repository.rotate("root", &holders(2, &[4, 5, 6]));
        let outcome = device.refresh(&repository);
        if accepted {
            outcome.unwrap();
        } else {
            too_few(outcome.unwrap_err(), "root");
        }
        assert_eq!(device.version("root"), if accepted { 2 } else { 1 }, "{signers:?}");
    }
}

#[test]
fn roots_come_one_after_the_other() {
    for version in [1, 3] {
        let mut repository = Repository::new();
        let mut device = Device::fresh(&repository);
        repository.root.version = version;
        let bytes = signed_by(&repository.root, &[1, 2]);
        repository.files.insert("2.root.json".into(), bytes);
        let error = device.refresh(&repository).unwrap_err();
        assert_eq!(error, TufError::RootVersion { expected: 2, found: version });
    }
}

#[test]
fn the_trusted_root_must_at_least_be_signed_by_itself() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    device.files.insert("root.json".into(), signed_by(&repository.root, &[1, 4]));
    too_few(device.updater(Clock::Known(day(1)), Limits::default()).unwrap_err(), "root");
}

#[test]
fn a_device_offline_for_long_walks_the_chain_of_roots_in_one_file() {
    let mut repository = Repository::new();
    repository.signers.insert("root".into(), vec![1, 2, 4]);
    repository.rotate("root", &holders(2, &[1, 4, 6]));
    repository.signers.insert("root".into(), vec![1, 4, 8]);
    repository.rotate("root", &holders(2, &[4, 8, 6]));
    let roots = [1, 2, 3].map(|n| repository.files[&format!("{n}.root.json")].clone());
    let limits = Limits::default();
    let newest = walk_root_chain(&roots[0], &roots, &limits).unwrap();
    assert_eq!(newest.signed, repository.root);
    assert_eq!(
        walk_root_chain(&roots[2], &roots, &limits).unwrap().signed.version,
        3,
        "older ones are passed over"
    );
    let error = walk_root_chain(&roots[0], &roots[2..], &limits).unwrap_err();
    too_few(error, "root");
    let targets = &repository.roles["targets"];
    assert_eq!(delegated_threshold(targets, "na").unwrap().needed, 2);
    assert_eq!(delegated_threshold(targets, "eu").unwrap_err(), TufError::NotDelegated { role: "eu".into() });
}

/// Metadata with one thing changed, signed again by its rightful keys.
fn altered(change: impl Fn(&mut Value)) -> Result<Updater, TufError> {
    let mut repository = Repository::new();
    let mut signed = serde_json::to_value(&repository.timestamp).unwrap();
    change(&mut signed);
    let signature = TufSignature::over(&crate::json::olpc(&signed), &key(11)).unwrap();
    let file = serde_json::json!({ "signatures": [signature], "signed": signed, "extra": 1 });
    repository.files.insert("timestamp.json".into(), serde_json::to_vec_pretty(&file).unwrap());
    Device::new(&repository).refresh(&repository)
}

#[test]
fn unknown_members_are_covered_by_signatures_and_ignored() {
    altered(|signed| signed["unknown"] = serde_json::json!({ "a": [1, "ü"] })).unwrap();
}

#[test]
fn what_is_no_metadata_of_its_role_is_refused_even_when_signed() {
    let role = || "timestamp".to_owned();
    let error = altered(|signed| signed["_type"] = "snapshot".into()).unwrap_err();
    assert_eq!(error, TufError::WrongType { role: role(), expected: "timestamp", found: "snapshot".into() });
    for version in ["2.0.0", "1.x", "", "1."] {
        let error = altered(|signed| signed["spec_version"] = version.into()).unwrap_err();
        assert_eq!(error, TufError::SpecVersion { role: role(), found: version.into() });
    }
    for (member, value) in [
        ("version", serde_json::json!(0)),
        ("version", serde_json::json!("1")),
        ("expires", serde_json::json!("tomorrow")),
        ("meta", serde_json::json!([])),
        ("meta", serde_json::json!({ "snapshot.json": { "version": 0 } })),
        ("meta", serde_json::json!({ "snapshot.json": { "version": 1, "hashes": { "md5": "00" } } })),
        ("u\u{308}", serde_json::json!(1)),
    ] {
        let error = altered(|signed| signed[member] = value.clone()).unwrap_err();
        assert!(matches!(error, TufError::Malformed { .. }), "{member} {value}: {error}");
    }
}

#[test]
fn keys_of_unknown_kinds_stand_in_a_root_but_sign_nothing() {
    let mut repository = Repository::new();
    let rsa =
        serde_json::json!({ "keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": { "public": "x" } });
    repository.root.keys.insert("rsa".into(), serde_json::from_value(rsa.clone()).unwrap());
    repository.root.roles.get_mut("targets").unwrap().keyids.push("rsa".into());
    repository.publish_root();
    let mut device = Device::new(&repository);
    let updater = device.refresh(&repository).unwrap();
    assert_eq!(updater.root().raw()["keys"]["rsa"], rsa);
    assert_eq!(updater.root().signed.threshold("targets").keys.len(), 3);
}

#[test]
fn a_threshold_of_zero_is_refused() {
    let mut repository = Repository::new();
    repository.rotate("timestamp", &holders(0, &[11]));
    let error = Device::new(&repository).refresh(&repository).unwrap_err();
    assert!(matches!(error, TufError::Malformed { role, .. } if role == "timestamp"));
}
