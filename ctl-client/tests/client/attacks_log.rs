//! Attacks on the log: two histories, proofs of something else, rewritten or withheld tiles.

use ctl_core::log::{LogProof, Tree, leaf_hash};
use ctl_core::role::Role;

use crate::common::device::set;
use crate::common::*;

fn proof_place(sequence: u64) -> String {
    format!("v1/lists/na/versions/{sequence}.tlog-proof")
}

/// The repository with its log written anew from the first entry on, entries and proofs to match.
fn rewritten(repository: &Repository) -> Repository {
    let mut other = Repository::bare("test", "scheme");
    other.pass(1);
    other.publish_all();
    other.publish_all();
    other.timestamp_version = repository.timestamp_version + 1;
    other.snapshot_version = repository.snapshot_version + 1;
    for name in ["notices", "na", "registry", "targets"] {
        let version = repository.roles[name].version.max(other.roles[name].version);
        other.roles.get_mut(name).unwrap().version = version;
        other.put_role(name);
    }
    other.refresh();
    other
}

#[test]
fn a_log_that_shows_two_histories() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    let other = rewritten(&repository);
    let trusted = device.trusted();
    let sequences = device.sequences();
    let report = device.sync(&other);
    let text = report.problems.iter().map(|problem| problem.error.to_string()).collect::<String>();
    assert!(text.contains("THE LOG SHOWS TWO HISTORIES"), "{text}");
    assert_eq!((device.trusted(), device.sequences()), (trusted, sequences));

    // Both checkpoints are kept, as they were signed.
    let evidence = device.state_directory().evidence();
    assert_eq!(evidence.len(), 2, "{evidence:?}");
    let kept: Vec<String> = evidence
        .iter()
        .map(|name| std::fs::read_to_string(device.path("state/evidence").join(name)).unwrap())
        .collect();
    for shown in [&repository, &other] {
        let checkpoint = String::from_utf8(shown.files["log/checkpoint"].clone()).unwrap();
        assert!(kept.contains(&checkpoint));
    }
    let status = device.status();
    assert!(status.to_string().contains("ERROR    THE LOG SHOWED TWO HISTORIES"), "{status}");
    assert!(status.is_wrong());
}

#[test]
fn two_histories_of_the_same_length() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    let mut other = Repository::bare("test", "scheme");
    other.pass(1);
    other.publish_all();
    assert_eq!(other.tree.size(), repository.tree.size());
    let mut attacked = repository.clone();
    attacked.tree = other.tree;
    attacked.refresh();
    device.assert_refuses(&attacked, "TWO HISTORIES");
}

#[test]
fn a_log_that_shrank() {
    let old = Repository::new();
    let mut new = old.clone();
    new.publish(&na());
    new.refresh();
    let mut device = Device::synced(&new);
    let mut attacked = new.clone();
    attacked.files.insert("log/checkpoint".into(), old.files["log/checkpoint"].clone());
    device.assert_refuses(&attacked, "a stale mirror, or a log that was rolled back");
}

#[test]
fn a_proof_from_a_history_that_the_log_does_not_have() {
    let repository = Repository::new();
    let mut device = Device::synced(&repository);
    // The publication is in a log that only this device is shown, and only in the proof.
    let mut attacked = repository.clone();
    attacked.set_anchors(&na(), &["evil"]);
    attacked.publish(&na());
    let mut shown = repository.clone();
    shown.publish(&Role::Registry);
    shown.publish(&Role::Registry);
    attacked.tree = shown.tree.clone();
    attacked.refresh();
    let report = device.sync(&attacked);
    let text = report.problems.iter().map(|problem| problem.error.to_string()).collect::<String>();
    assert!(text.contains("the proof for na is from a log"), "{text}");
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    assert_eq!(device.state_directory().evidence().len(), 2);
}

#[test]
fn a_proof_for_another_payload() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let old_proof = repository.files[&proof_place(1)].clone();
    repository.set_anchors(&na(), &["evil"]);
    repository.publish(&na());
    repository.refresh();
    let good = repository.clone();
    // The proof of the version before.
    repository.files.insert(proof_place(2), old_proof);
    device.assert_refuses(&repository, "publishes another version");
    // The proof of another role's publication.
    let notices = good.files["v1/notices/versions/1.tlog-proof"].clone();
    repository.files.insert(proof_place(2), notices);
    device.assert_refuses(&repository, "publishes the role notices");
    // The proof of an entry that is no publication.
    repository.put_proof(&na(), 2, 0);
    device.assert_refuses(&repository, "records no publication");
    // No proof, and one without its entry.
    repository.files.remove(&proof_place(2));
    device.assert_refuses(&repository, "there is no v1/lists/na/versions/2.tlog-proof");
    let mut proof = LogProof::parse(&good.files[&proof_place(2)]).unwrap();
    proof.extra = None;
    repository.files.insert(proof_place(2), proof.encode().into_bytes());
    device.assert_refuses(&repository, "holds no entry");
}

#[test]
fn a_publication_that_is_not_in_the_log() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let honest = repository.tree.clone();
    repository.set_anchors(&na(), &["evil"]);
    repository.publish(&na());
    let genuine = LogProof::parse(&repository.files[&proof_place(2)]).unwrap();
    // The log never recorded it; the proof is cut to fit.
    repository.tree = honest;
    repository.refresh();
    let forged = LogProof { checkpoint: repository.checkpoint(), index: 1, ..genuine };
    repository.files.insert(proof_place(2), forged.encode().into_bytes());
    device.assert_refuses(&repository, "the log's proof for na.ctl.json");
}

#[test]
fn a_checkpoint_of_another_key() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let checkpoint = ctl_core::log::Checkpoint {
        origin: ORIGIN.into(),
        size: repository.tree.size(),
        root: repository.tree.root(),
    };
    let forged = checkpoint.sign(&note_signer(99)).unwrap();
    repository.files.insert("log/checkpoint".into(), forged.to_string().into_bytes());
    device.assert_refuses(&repository, "not signed by");
}

#[test]
fn a_list_drafted_from_a_log_that_never_was() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.set_anchors(&na(), &["evil"]);
    repository.publish_as(&na(), |list| {
        list["log"]["root_hash"] = serde_json::json!(ctl_core::Digest::of(b"another"));
    });
    repository.refresh();
    device.assert_refuses(&repository, "history was rewritten");
    // And one that was drafted from a log which includes its own publication.
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.publish_as(&na(), |list| list["log"]["size"] = serde_json::json!(1000));
    repository.refresh();
    device.assert_refuses(&repository, "drafted after it was published");
}

#[test]
fn tiles_that_are_missing_or_damaged() {
    let old = Repository::new();
    let mut new = old.clone();
    new.publish(&na());
    new.refresh();
    let tiles: Vec<String> = new.files.keys().filter(|path| path.starts_with("log/tile/")).cloned().collect();
    let mut device = Device::synced(&old);
    let mut attacked = new.clone();
    attacked.files.retain(|path, _| !tiles.contains(path));
    device.assert_refuses(&attacked, "is needed and missing");
    let mut attacked = new.clone();
    for tile in &tiles {
        attacked.files.get_mut(tile).unwrap()[0] ^= 1;
    }
    device.assert_refuses(&attacked, "do not lead to the root");
    // Damage convicts nobody: the next honest answer is taken up.
    assert_eq!((device.status().conflict, device.state_directory().evidence().len()), (None, 0));
    let report = device.sync(&new);
    assert!(report.is_success(), "{:?}", report.problems);
}

#[test]
fn a_large_log_needs_few_tiles_and_wide_ones_will_do() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let filler = |tree: &mut Tree, n: u64| (0..n).for_each(|i| tree.push(leaf_hash(&i.to_be_bytes())));
    filler(&mut repository.tree, 70_000);
    repository.publish(&na());
    filler(&mut repository.tree, 500);
    repository.refresh();
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    device.assert_sound();
    assert_eq!(device.status().log.unwrap().size, repository.tree.size());
}
