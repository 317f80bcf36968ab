//! Screening: every application is screened once by the list's policy, and again by a new one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use common::world::{self, World};
use common::{admission, in_memory, statement};
use ctl_core::governance::application::Screening;
use ctl_core::statement::charter::Charter;
use ctl_core::statement::parts::Severity;
use ctl_core::{Digest, Timestamp};
use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use ctl_server::blobs::{Blobs, SALT};
use ctl_server::governance::screening::ScreeningError;
use ctl_server::governance::{Policies, PoliciesError, Screener};
use ctl_server::ledger::Ledger;

fn charter() -> Charter {
    let mut charter = world::charter();
    for list in charter.lists.values_mut() {
        list.policy = admission();
    }
    charter
}

struct Server {
    ledger: Ledger,
    blobs: Arc<Blobs>,
    screener: Screener,
    _data: tempfile::TempDir,
}

fn server(world: &World) -> Server {
    let data = tempfile::tempdir().unwrap();
    let (ledger, _) = in_memory(world);
    let blobs = Arc::new(Blobs::open(data.path()).unwrap());
    let screener = Screener::new(ledger.clone(), blobs.clone(), Arc::new(Policies::load(&[]).unwrap()));
    Server { ledger, blobs, screener, _data: data }
}

impl Server {
    fn screening(&self, application: u64) -> Option<Screening> {
        self.ledger.snapshot().state.applications[&application].screening.clone()
    }

    fn report(&self, screening: &Screening) -> serde_json::Value {
        let blob = self.blobs.get(&screening.report.sha256).unwrap().unwrap();
        serde_json::from_slice(&blob[SALT..]).unwrap()
    }
}

#[tokio::test]
async fn a_good_root_is_screened_once_without_findings() {
    let mut world = World::found_with(charter());
    let application = world.apply_with_root("alpha-pki").unwrap();
    let server = server(&world);
    assert!(server.screening(application).is_none());
    assert_eq!(server.screener.screen_all().await.unwrap(), 1);
    assert_eq!(server.screener.screen_all().await.unwrap(), 0, "once is enough");

    let screening = server.screening(application).unwrap();
    assert!(screening.findings.is_empty(), "{screening:?}");
    assert_eq!(screening.policy, admission());
    let report = server.report(&screening);
    assert_eq!(report["application"], application);
    assert_eq!(report["ledger_size"], screening.ledger_size);
    assert_eq!(report["policy"]["sha256"], admission().sha256.to_string());
}

/// A root that ran out long before the stories begin.
fn expired() -> Vec<u8> {
    let long_ago: Timestamp = "1970-01-02T00:00:00Z".parse().unwrap();
    let spec = PkiSpec::new(PkiKind::V2g, "Old", "US", "Old", "old", long_ago.unix());
    let pki: Pki = Pki::generate(&spec).unwrap();
    pki.root().certificate().der().to_vec()
}

#[tokio::test]
async fn what_is_wrong_with_a_root_is_recorded_in_short_and_reported_in_full() {
    let mut world = World::found_with(charter());
    let application = world.say(&["alpha-pki"], world::application(expired())).unwrap();
    let server = server(&world);
    assert_eq!(server.screener.screen_all().await.unwrap(), 1);
    let screening = server.screening(application).unwrap();
    let errors: Vec<&str> = screening.errors().map(|finding| finding.id.as_str()).collect();
    assert_eq!(errors, ["validity-now"]);
    let report = server.report(&screening);
    assert_eq!(report["findings"][0]["id"], "validity-now");
    assert!(!report["findings"][0]["found"].as_str().unwrap().is_empty());
    assert_eq!(screening.findings[0].severity, Severity::Error);
}

#[tokio::test]
async fn an_application_is_screened_as_soon_as_it_is_recorded() {
    let world = World::found_with(charter());
    let server = server(&world);
    let task = tokio::spawn(server.screener.clone().run());
    let certificate = world::root("beta-pki").root().certificate().der().to_vec();
    let body = world::application(certificate);
    let said = statement(&server.ledger.snapshot(), world.now, "beta-pki", 1, body);
    let mut changes = server.ledger.changes();
    let recorded = server.ledger.record(said).await.unwrap();
    while server.screening(recorded.index).is_none() {
        changes.changed().await.unwrap();
    }
    task.abort();
}

#[tokio::test]
async fn without_the_policy_that_the_charter_names_nothing_is_screened() {
    // The charter of the stories names a policy that nobody has.
    let mut world = World::found();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let server = server(&world);
    let error = server.screener.screen_all().await.unwrap_err();
    assert!(matches!(error, ScreeningError::Policy(PoliciesError::Missing { .. })), "{error}");
    assert!(server.screening(application).is_none());
    let missing = Policies::load(&[]).unwrap().check(&world.state.charter).unwrap_err();
    assert!(missing.to_string().contains(&Digest::of(b"the policy").to_string()), "{missing}");
}

#[tokio::test]
async fn a_policy_brought_by_the_operator_is_used_and_a_new_one_screens_again() {
    let mut world = World::found_with(charter());
    let application = world.apply_with_root("alpha-pki").unwrap();
    // Screened by the policy in force; then the assembly decides on another.
    let text = ctl_policy::ADMISSION.replace("version = \"2026-1\"", "version = \"2026-2\"");
    let policy = ctl_policy::Policy::parse(&text).unwrap();
    let mut record = ctl_core::statement::body::ScreeningRecord {
        application,
        engine: "ctl-policy 1".parse().unwrap(),
        findings: Vec::new(),
        ledger_size: world.state.size(),
        observed: Vec::new(),
        policy: admission(),
        report: world::blob("report"),
        screened_at: world.now,
    };
    world.say(&["recorder"], record.clone()).unwrap();
    let mut amended = charter();
    for list in amended.lists.values_mut() {
        list.policy.sha256 = Digest::from_bytes(policy.digest());
        list.policy.version = "2026-2".parse().unwrap();
    }
    let change = ctl_core::statement::body::Change::AmendCharter { charter: Box::new(amended) };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    record.ledger_size = world.state.size();
    assert!(world.say(&["recorder"], record).is_err(), "the old policy is in force no more");

    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("admission-2.toml");
    std::fs::write(&path, text).unwrap();
    let policies = Arc::new(Policies::load(&[path]).unwrap());
    policies.check(&world.state.charter).unwrap();
    let (ledger, _) = in_memory(&world);
    let blobs = Arc::new(Blobs::open(data.path()).unwrap());
    let screener = Screener::new(ledger.clone(), blobs, policies);
    assert_eq!(screener.screen_all().await.unwrap(), 1);
    let screening = ledger.snapshot().state.applications[&application].screening.clone().unwrap();
    assert_eq!(screening.policy.version.as_str(), "2026-2");
}
