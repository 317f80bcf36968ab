//! What a signer's tool withstands: a server that drafts an anchor nobody voted for, leaves one out,
//! changes a constraint, backdates, or rewrites history. In each case nothing is signed.

use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_admin::AdminError;
use ctl_admin::signer::draft::{Prepared, Tolerance, prepare};
use ctl_core::parts::{AnchorStatus, Constraints};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::Entry;
use ctl_governance::statement::body::Change;
use ctl_replica::{Replica, ReplicaError, Trust};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::story::{DAY, World, na};
use crate::common::{Files, draft_view, files, log_files, options, root_json, write};

fn role() -> Role {
    Role::List(na())
}

/// A scheme with one root admitted and a draft of the list that waits for signatures.
fn drafted() -> World {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.wait(60);
    world.open_draft(&role()).unwrap();
    world
}

/// A signer with a cache, and a server that is a directory.
struct Signer {
    directory: TempDir,
}

impl Signer {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    fn session(&self, trust: Trust, files: &Files, now: Timestamp) -> Replica {
        let url = write(&self.directory.path().join("served"), files);
        Replica::open(options(&url, trust, Some(&self.cache()), now)).unwrap()
    }

    async fn prepare(&self, world: &World, files: &Files, now: Timestamp) -> Result<Prepared, AdminError> {
        let trust = root_json(self.directory.path(), world);
        prepare(&mut self.session(trust, files, now), &role(), Tolerance::default()).await
    }
}

/// Refused because it is not true, with a text that names the matter.
fn refused<T>(result: Result<T, AdminError>, expected: &[&str]) {
    let Err(error) = result else { panic!("was accepted") };
    let text = error.to_string();
    assert!(matches!(error, AdminError::Untrue(_)), "{text}");
    assert_eq!(error.exit_code(), 1);
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// The server shows another document than the log says, consistent in itself.
fn show_instead(world: &World, change: impl FnOnce(&mut Value)) -> Files {
    let mut files = files(world);
    let mut view = draft_view(world, &role());
    let document = &world.state.drafts[&role()].documents.document;
    let mut document: Value = serde_json::from_slice(document.as_ref().unwrap()).unwrap();
    change(&mut document);
    let bytes = ctl_core::json::canonical(&document);
    let metadata = BASE64_STANDARD.decode(view["metadata"].as_str().unwrap()).unwrap();
    let mut metadata = ctl_core::json::parse_olpc(&metadata, usize::MAX).unwrap();
    let target = &mut metadata["targets"]["na.ctl.json"];
    target["length"] = bytes.len().into();
    target["hashes"]["sha256"] = Digest::of(&bytes).to_string().into();
    let metadata = ctl_core::json::olpc(&metadata);
    view["document"] = BASE64_STANDARD.encode(&bytes).into();
    view["document_sha256"] = Digest::of(&bytes).to_string().into();
    view["metadata"] = BASE64_STANDARD.encode(&metadata).into();
    view["metadata_sha256"] = Digest::of(&metadata).to_string().into();
    files.insert("v1/drafts/na".into(), serde_json::to_vec(&view).unwrap());
    files
}

#[tokio::test]
async fn an_honest_draft_is_rebuilt_and_explained() {
    let world = drafted();
    let prepared = Signer::new().prepare(&world, &files(&world), world.now).await.unwrap();
    let documents = &world.state.drafts[&role()].documents;
    assert_eq!(*prepared.documents(), *documents);
    assert_eq!((prepared.needed, prepared.signers.len()), (2, 3));
    assert!(prepared.difference.iter().any(|line| line.contains("A root")), "{:?}", prepared.difference);
}

#[tokio::test]
async fn an_anchor_that_nobody_voted_for_is_refused() {
    let world = drafted();
    let files = show_instead(&world, |document| {
        let mut forged = document["anchors"][0].clone();
        forged["fingerprint"] = "ab".repeat(32).into();
        forged["name"] = "Nobody's root".into();
        document["anchors"].as_array_mut().unwrap().push(forged);
    });
    let result = Signer::new().prepare(&world, &files, world.now).await;
    refused(result, &["does not follow from the log", "Nobody's root", "Nothing was signed"]);
}

#[tokio::test]
async fn a_draft_from_before_a_decision_is_refused() {
    let mut world = drafted();
    let certificate = *world.state.lists[&na()].anchors.keys().next().unwrap();
    let to = AnchorStatus::Withdrawn;
    let withdraw = Change::ChangeStatus { certificate, list: na(), not_issued_after: None, to };
    let proposal = world.propose("elector-1", withdraw).unwrap();
    world.decide(proposal);
    let result = Signer::new().prepare(&world, &files(&world), world.now).await;
    refused(result, &["does not say any more", "Nothing was signed"]);
}

#[tokio::test]
async fn an_anchor_left_out_is_refused() {
    let world = drafted();
    let files = show_instead(&world, |document| {
        document["anchors"].as_array_mut().unwrap().clear();
    });
    refused(Signer::new().prepare(&world, &files, world.now).await, &["missing in what is shown", "A root"]);
}

#[tokio::test]
async fn a_changed_constraint_is_refused() {
    let world = drafted();
    let files = show_instead(&world, |document| {
        let mut constraints = Constraints::default();
        constraints.set_time(Constraints::NOT_TRUSTED_AFTER, world.now.plus_seconds(3650 * DAY), true);
        document["anchors"][0]["constraints"] = serde_json::to_value(constraints).unwrap();
    });
    refused(Signer::new().prepare(&world, &files, world.now).await, &["constraints.not_trusted_after"]);
}

#[tokio::test]
async fn metadata_that_points_elsewhere_is_refused() {
    let world = drafted();
    let mut files = files(&world);
    let mut view = draft_view(&world, &role());
    let metadata = BASE64_STANDARD.decode(view["metadata"].as_str().unwrap()).unwrap();
    let text = String::from_utf8(metadata).unwrap();
    let hash = Digest::of(world.state.drafts[&role()].documents.document.as_deref().unwrap()).to_string();
    view["metadata"] = BASE64_STANDARD.encode(text.replace(&hash, &"cd".repeat(32))).into();
    files.insert("v1/drafts/na".into(), serde_json::to_vec(&view).unwrap());
    refused(
        Signer::new().prepare(&world, &files, world.now).await,
        &["metadata: targets.\"na.ctl.json\".hashes.sha256"],
    );
}

#[tokio::test]
async fn a_draft_that_is_shown_backdated_is_refused() {
    let world = drafted();
    let mut files = show_instead(&world, |document| {
        document["issued_at"] = world.now.minus_seconds(7 * DAY).to_string().into();
    });
    refused(Signer::new().prepare(&world, &files, world.now).await, &["issued_at"]);
    let mut view: Value = serde_json::from_slice(&files["v1/drafts/na"]).unwrap();
    view["issued_at"] = world.now.minus_seconds(7 * DAY).to_string().into();
    files.insert("v1/drafts/na".into(), serde_json::to_vec(&view).unwrap());
    refused(Signer::new().prepare(&world, &files, world.now).await, &["issued_at"]);
}

#[tokio::test]
async fn a_log_that_is_backdated_or_forward_dated_is_refused() {
    let world = drafted();
    let signer = Signer::new();
    // The whole log agrees with itself; only the signer's own clock can tell.
    let files = files(&world);
    let later = world.now.plus_seconds(2 * DAY);
    refused(signer.prepare(&world, &files, later).await, &["before your clock", "backdated"]);
    let earlier = world.now.minus_seconds(3600);
    refused(signer.prepare(&world, &files, earlier).await, &["ahead of your clock"]);
    assert!(signer.prepare(&world, &files, world.now.plus_seconds(3600)).await.is_ok());
}

#[tokio::test]
async fn a_draft_recorded_with_another_time_than_its_own_is_no_part_of_a_log() {
    let mut world = drafted();
    // A server that has thrown its own checks away records what it likes.
    let mut open = world.state.drafts[&role()].open.clone();
    open.issued_at = world.now.minus_seconds(7 * DAY);
    open.expires = open.issued_at.plus_seconds(30 * DAY);
    let payload = world.payload(open);
    let statement = world.sign(&payload, &["recorder"]);
    world.entries.push(Entry::new(world.now, statement).unwrap());
    let result = Signer::new().prepare(&world, &log_files(&world), world.now).await;
    refused(result, &["may not stand there", "issued_at"]);
}

#[tokio::test]
async fn a_decision_without_the_votes_is_no_part_of_a_log() {
    use ctl_governance::statement::body::{Choice, VoteCast};
    let mut world = World::published();
    let application = world.discussed("beta-pki");
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    let leaf_hash = world.state.proposals[&proposal].leaf_hash;
    // The server votes with its own key, or with that of someone who is no elector.
    for voter in ["recorder", "signer-1"] {
        let vote = VoteCast { choice: Choice::Approve, proposal: leaf_hash, rationale: None };
        let payload = world.payload(vote);
        let statement = world.sign(&payload, &[voter]);
        world.entries.push(Entry::new(world.now, statement).unwrap());
        let result = Signer::new().prepare(&world, &log_files(&world), world.now).await;
        refused(result, &["may not stand there"]);
        world.entries.pop();
    }
}

#[tokio::test]
async fn a_server_that_shows_no_draft_where_the_log_has_one_is_refused() {
    let world = drafted();
    let mut files = files(&world);
    files.remove("v1/drafts/na");
    refused(Signer::new().prepare(&world, &files, world.now).await, &["the server shows none"]);
}

/// The same scheme up to a point, and another history from there on.
fn forked(more: usize) -> World {
    let mut world = World::published();
    world.admitted("beta-pki");
    world.wait(60);
    for _ in 0..more {
        world.open_draft(&role()).unwrap();
        world.wait(60);
    }
    world.open_draft(&role()).unwrap();
    world
}

#[tokio::test]
async fn a_rewritten_history_is_refused_and_kept_as_evidence() {
    for more in [0, 3] {
        let signer = Signer::new();
        let honest = drafted();
        signer.prepare(&honest, &files(&honest), honest.now).await.unwrap();
        let other = forked(more);
        assert!(other.state.size() >= honest.state.size());
        let result = signer.prepare(&honest, &files(&other), other.now).await;
        refused(result, &["the log was rewritten", "checkpoint.conflicting"]);
        let kept = signer.cache().join(honest.state.scheme.to_string()).join("checkpoint.conflicting");
        assert_eq!(std::fs::read(kept).unwrap(), files(&other)["log/checkpoint"]);
        // What was seen before is still what counts.
        assert!(signer.prepare(&honest, &files(&honest), honest.now).await.is_ok());
    }
}

#[tokio::test]
async fn a_log_that_takes_entries_back_is_refused() {
    let signer = Signer::new();
    let honest = drafted();
    signer.prepare(&honest, &files(&honest), honest.now).await.unwrap();
    let mut older = World::published();
    older.now = honest.now;
    refused(signer.prepare(&honest, &files(&older), honest.now).await, &["you have seen", "stale mirror"]);
}

#[tokio::test]
async fn entries_that_do_not_lead_to_the_signed_root_are_refused() {
    let world = drafted();
    let mut files = files(&world);
    let bundle = files.keys().find(|path| path.contains("tile/entries")).unwrap().clone();
    let bytes = files.get_mut(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    refused(Signer::new().prepare(&world, &files, world.now).await, &["do not lead to the root"]);
}

#[tokio::test]
async fn a_checkpoint_of_another_key_or_scheme_is_refused() {
    let world = drafted();
    let signer = Signer::new();
    let mut files = files(&world);
    let tree = crate::common::tree(&world);
    let checkpoint = ctl_core::log::Checkpoint {
        origin: world.state.charter.server.log_origin.to_string(),
        size: tree.size(),
        root: tree.root(),
    };
    let thief = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let note = checkpoint.sign(&thief).unwrap().to_string();
    files.insert("log/checkpoint".into(), note.into_bytes());
    let error = signer.prepare(&world, &files, world.now).await.err().unwrap();
    assert!(error.to_string().contains("not signed by"), "{error}");

    let files = crate::common::files(&world);
    let another = Trust::Scheme(Digest::of(b"another scheme"));
    let result =
        signer.session(another, &files, world.now).sync().await.map(|_| ()).map_err(AdminError::from);
    refused(result, &["this is the log of scheme"]);
    let known = Trust::Scheme(world.state.scheme);
    assert!(signer.session(known, &files, world.now).sync().await.is_ok(), "first contact by the id alone");
}

#[tokio::test]
async fn a_damaged_memory_is_not_mistaken_for_an_attack() {
    let world = drafted();
    let signer = Signer::new();
    signer.prepare(&world, &files(&world), world.now).await.unwrap();
    let path = signer.cache().join(world.state.scheme.to_string()).join("entries");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    // The state was kept: what is damaged shows when it is read, and is not taken for what was written.
    signer.prepare(&world, &files(&world), world.now).await.unwrap();
    let mut replica = signer.session(Trust::Scheme(world.state.scheme), &files(&world), world.now);
    let log = replica.sync().await.unwrap();
    let read: Vec<_> = (0..log.size()).map(|index| log.entry_bytes(index)).collect();
    let [error] = &read.iter().filter_map(|read| read.as_ref().err()).collect::<Vec<_>>()[..] else {
        panic!("one entry is damaged: {read:?}")
    };
    assert!(matches!(error, ReplicaError::Input(_)) && error.to_string().contains("damaged"), "{error}");
    // Where it must be replayed, it stops every tool.
    std::fs::remove_file(path.with_file_name("state.snapshot")).unwrap();
    let error = signer.prepare(&world, &files(&world), world.now).await.err().unwrap();
    assert!(matches!(error, AdminError::Input(_)), "{error}");
    assert!(error.to_string().contains("damaged"), "{error}");
}
