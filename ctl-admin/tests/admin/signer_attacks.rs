//! What a signer's tool withstands: a server that drafts an anchor nobody voted for, leaves one out,
//! changes a constraint, backdates, or rewrites history (more of that in the tests of ctl-replica). In each case nothing is signed.

use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_admin::AdminError;
use ctl_admin::signer::draft::{Prepared, Tolerance, prepare};
use ctl_core::parts::{AnchorStatus, Constraints};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::Change;
use ctl_replica::{Replica, Trust};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::story::{DAY, World, na};
use crate::common::{Files, draft_view, files, options, root_json, write};

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
