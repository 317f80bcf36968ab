//! Screening: every application is screened by the list's policy as soon as it is recorded, and again when
//! what was looked at has changed: evidence, the standing of an auditor, the policy.

use std::sync::Arc;

use ctl_core::{Digest, Timestamp};
use ctl_governance::application::Screening;
use ctl_governance::statement::body::{Candidate, Change, EvidenceAttach, ProposalOpen};
use ctl_governance::statement::charter::Charter;
use ctl_governance::statement::parts::{BlobAccess, BlobRef, EvidenceKind, Observed, ObservedKind};
use ctl_host::clock::ManualClock;
use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use ctl_server::blobs::{Blobs, SALT};
use ctl_server::ledger::Ledger;
use ctl_server::screening::screener::ScreeningError;
use ctl_server::screening::{Policies, PoliciesError, Screener};

use crate::common::world::{self, World};
use crate::common::{admission, in_memory, statement};

fn with_policy(mut charter: Charter) -> Charter {
    for list in charter.lists.values_mut() {
        list.policy = admission();
    }
    charter
}

fn charter() -> Charter {
    with_policy(world::charter())
}

struct Server {
    ledger: Ledger,
    clock: Arc<ManualClock>,
    blobs: Arc<Blobs>,
    screener: Screener,
    _data: tempfile::TempDir,
}

fn server(world: &World) -> Server {
    let data = tempfile::tempdir().unwrap();
    let (ledger, clock) = in_memory(world);
    let blobs = Arc::new(Blobs::open(data.path()).unwrap());
    let screener = Screener::new(ledger.clone(), blobs.clone(), Arc::new(Policies::load(&[]).unwrap()));
    Server { ledger, clock, blobs, screener, _data: data }
}

impl Server {
    fn screening(&self, application: u64) -> Option<Screening> {
        self.ledger.snapshot().state.applications[&application].screening.clone()
    }

    fn found(&self, application: u64) -> Vec<String> {
        let screening = self.screening(application).unwrap();
        screening.findings.iter().map(|finding| finding.id.to_string()).collect()
    }

    fn report(&self, screening: &Screening) -> serde_json::Value {
        let blob = self.blobs.get(&screening.report.sha256).unwrap().unwrap();
        serde_json::from_slice(&blob[SALT..]).unwrap()
    }

    /// Someone says something to the server.
    async fn say(&self, by: &str, nonce: u8, body: impl Into<ctl_governance::statement::Body>) -> u64 {
        let now = self.ledger.now().unwrap();
        let said = statement(&self.ledger.snapshot(), now, by, nonce.into(), body);
        self.ledger.record(said).await.unwrap().index
    }

    async fn screen_all(&self) -> usize {
        self.screener.screen_all().await.unwrap()
    }
}

/// A document as it will be sent, and its name.
fn document(text: &str) -> (BlobRef, Vec<u8>) {
    let bytes = [&[7; SALT], text.as_bytes()].concat();
    (BlobRef { access: BlobAccess::Public, sha256: Digest::of(&bytes) }, bytes)
}

fn evidence(application: u64, kind: EvidenceKind, blob: BlobRef, dated: Option<Timestamp>) -> EvidenceAttach {
    EvidenceAttach { application, blob: Some(blob), dated, fingerprint: None, kind }
}

/// A scheme whose electors have accredited the auditor.
fn with_auditor() -> World {
    let mut world = World::found_with(charter());
    let change = Change::AccreditAuditor { auditor: "auditor".parse().unwrap(), expires_at: None };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    world
}

/// What any root lacks before anything is attached.
const NOTHING_ATTACHED: [&str; 4] =
    ["audit-report", "certificate-policy", "evidence-list", "second-channel-fingerprint"];

#[tokio::test]
async fn a_good_root_is_screened_once_until_something_changes() {
    let mut world = World::found_with(charter());
    let application = world.apply_with_root("alpha-pki").unwrap();
    let server = server(&world);
    assert!(server.screening(application).is_none());
    assert_eq!(server.screen_all().await, 1);
    assert_eq!(server.screen_all().await, 0, "once is enough");

    let screening = server.screening(application).unwrap();
    assert_eq!(server.found(application), NOTHING_ATTACHED);
    assert_eq!(screening.policy, admission());
    assert_eq!(screening.engine.as_str(), ctl_policy::ENGINE);
    let profile = ctl_policy::profile::profile("v2g-root").unwrap().digest();
    let fingerprint = world.state.applications[&application].fingerprint;
    let observed = |what, sha256| Observed { what, sha256 };
    assert_eq!(
        screening.observed,
        [
            observed(ObservedKind::Certificate, fingerprint),
            observed(ObservedKind::Profile, Digest::from_bytes(profile)),
        ]
    );
    let report = server.report(&screening);
    assert_eq!(report["application"], application);
    assert_eq!(report["ledger_size"], screening.ledger_size);
    assert_eq!(report["policy"]["sha256"], admission().sha256.to_string());
    assert_eq!(report["observed"].as_array().unwrap().len(), 2);
    for finding in report["findings"].as_array().unwrap() {
        for member in ["id", "severity", "found", "expected", "source"] {
            assert!(finding[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {finding}");
        }
    }
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
    assert_eq!(server.screen_all().await, 1);
    let screening = server.screening(application).unwrap();
    let errors: Vec<&str> = screening.errors().map(|finding| finding.id.as_str()).collect();
    assert_eq!(
        errors,
        ["audit-report", "certificate-policy", "not-expiring", "second-channel-fingerprint", "validity-now"]
    );
    let report = server.report(&screening);
    let findings = report["findings"].as_array().unwrap();
    let expired = findings.iter().find(|finding| finding["id"] == "validity-now").unwrap();
    assert!(expired["found"].as_str().unwrap().starts_with("valid from 1970-01-02"), "{expired}");
    assert_eq!(expired["severity"], "error");
    assert_eq!(expired["waivable"], true);
}

#[tokio::test]
async fn evidence_is_screened_once_its_document_is_there_and_not_before() {
    let mut world = with_auditor();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let fingerprint = world.state.applications[&application].fingerprint;
    let server = server(&world);
    assert_eq!(server.screen_all().await, 1);

    let heard = EvidenceAttach {
        application,
        blob: None,
        dated: None,
        fingerprint: Some(fingerprint),
        kind: EvidenceKind::SecondChannelFingerprint,
    };
    server.say("elector-1", 1, heard).await;
    assert_eq!(server.screen_all().await, 1);
    assert_eq!(server.found(application), ["audit-report", "certificate-policy", "evidence-list"]);

    let (policy, bytes) = document("certificate policy");
    server
        .say("alpha-pki", 2, evidence(application, EvidenceKind::CertificatePolicy, policy.clone(), None))
        .await;
    assert_eq!(server.screen_all().await, 0, "its document is on its way");
    server.blobs.put(&policy.sha256, &bytes).unwrap();
    assert_eq!(server.screen_all().await, 1);
    assert_eq!(server.found(application), ["audit-report", "evidence-list"]);
    let seen = Observed { what: ObservedKind::Evidence, sha256: policy.sha256 };
    assert!(server.screening(application).unwrap().observed.contains(&seen));

    // The report is named and not sent: after a while it is screened without, and again when it comes.
    let (report, bytes) = document("audit report");
    let dated = Some(world.now.minus_seconds(world::DAY));
    server.say("auditor", 3, evidence(application, EvidenceKind::AuditReport, report.clone(), dated)).await;
    assert_eq!(server.screen_all().await, 0);
    server.clock.pass(60);
    assert_eq!(server.screen_all().await, 1);
    assert_eq!(server.found(application), ["audit-report", "evidence-list"]);
    let full = server.report(&server.screening(application).unwrap());
    assert!(full.to_string().contains("was never sent"), "{full}");
    assert_eq!(server.screen_all().await, 0, "no storm");
    server.blobs.put(&report.sha256, &bytes).unwrap();
    assert_eq!(server.screen_all().await, 1);
    assert_eq!(server.found(application), ["evidence-list"]);
    assert_eq!(server.screen_all().await, 0);
}

#[tokio::test]
async fn an_auditor_who_is_withdrawn_or_runs_out_is_screened_away() {
    let mut world = World::found_with(charter());
    let until = Some(world.now.plus_seconds(3 * world::DAY));
    let change = Change::AccreditAuditor { auditor: "auditor".parse().unwrap(), expires_at: until };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let application = world.apply_with_root("alpha-pki").unwrap();
    let (report, bytes) = document("audit report");
    let dated = Some(world.now);
    world.say(&["auditor"], evidence(application, EvidenceKind::AuditReport, report.clone(), dated)).unwrap();
    let server = server(&world);
    server.blobs.put(&report.sha256, &bytes).unwrap();
    assert_eq!(server.screen_all().await, 1);
    assert!(!server.found(application).contains(&"audit-report".to_owned()));
    server.clock.pass(3 * world::DAY);
    assert_eq!(server.screen_all().await, 1, "nobody recorded anything");
    assert!(server.found(application).contains(&"audit-report".to_owned()));
    assert_eq!(server.screen_all().await, 0);
}

#[tokio::test]
async fn a_document_that_arrives_wakes_the_screener() {
    let mut world = World::found_with(charter());
    let application = world.apply_with_root("alpha-pki").unwrap();
    let server = server(&world);
    let task = tokio::spawn(server.screener.clone().run());
    let (policy, bytes) = document("certificate policy");
    server
        .say("alpha-pki", 1, evidence(application, EvidenceKind::CertificatePolicy, policy.clone(), None))
        .await;
    server.blobs.put(&policy.sha256, &bytes).unwrap();
    let mut changes = server.ledger.changes();
    let has_seen = || {
        let seen = Observed { what: ObservedKind::Evidence, sha256: policy.sha256 };
        server.screening(application).is_some_and(|screening| screening.observed.contains(&seen))
    };
    while !has_seen() {
        changes.changed().await.unwrap();
    }
    task.abort();
}

/// The whole gate: what can be waived opens with a waiver, what cannot does not open at all.
#[tokio::test]
async fn no_vote_opens_over_an_error_but_one_that_is_waived_and_can_be() {
    let mut world = with_auditor();
    // Cars could not staple: the application names no OCSP responder, which electors may accept.
    let certificate = world::root("alpha-pki").root().certificate().der().to_vec();
    let mut body = world::application(certificate);
    if let Candidate::Root { services, .. } = &mut body.candidate {
        services.ocsp.clear();
    }
    let application = world.say(&["alpha-pki"], body).unwrap();
    // This root's signature does not verify, which nobody may accept.
    let broken = ctl_sandbox::root_with_broken_signature(world::root("beta-pki").root()).unwrap();
    let hopeless = world.say(&["beta-pki"], world::application(broken.certificate().der().to_vec())).unwrap();
    let documents = [document("certificate policy"), document("audit report")];
    for (index, operator) in [(application, "alpha-pki"), (hopeless, "beta-pki")] {
        let [(policy, _), (audit, _)] = &documents;
        let fingerprint = Some(world.state.applications[&index].fingerprint);
        let kind = EvidenceKind::SecondChannelFingerprint;
        let heard = EvidenceAttach { application: index, blob: None, dated: None, fingerprint, kind };
        world.say(&["elector-1"], heard).unwrap();
        world
            .say(&[operator], evidence(index, EvidenceKind::CertificatePolicy, policy.clone(), None))
            .unwrap();
        let dated = Some(world.now);
        world.say(&["auditor"], evidence(index, EvidenceKind::AuditReport, audit.clone(), dated)).unwrap();
    }
    let server = server(&world);
    for (reference, bytes) in &documents {
        server.blobs.put(&reference.sha256, bytes).unwrap();
    }
    assert_eq!(server.screen_all().await, 2);
    assert_eq!(server.found(application), ["evidence-list", "ocsp-address"]);
    assert_eq!(server.found(hopeless), ["evidence-list", "self-signature"]);
    server.clock.pass(14 * world::DAY);

    let proposal = |index: u64, waived: &[&str]| {
        let state = &server.ledger.snapshot().state;
        let found = &state.applications[&index];
        let change = Change::Admit {
            application: index,
            certificate: found.fingerprint,
            constraints: Default::default(),
            evidence: found.evidence.iter().map(|evidence| evidence.index).collect(),
            list: world::na(),
            screening: found.screening.as_ref().unwrap().index,
            uses: world::uses(),
            // Nobody here shows that it holds its root's key.
            waived: waived.iter().chain([&"possession"]).map(|id| id.parse().unwrap()).collect(),
        };
        ProposalOpen { change, charter: 0, rationale: None }
    };
    let refused = async |nonce, body: ProposalOpen| {
        let now = server.ledger.now().unwrap();
        let said = statement(&server.ledger.snapshot(), now, "elector-1", nonce, body);
        server.ledger.record(said).await.unwrap_err().to_string()
    };
    let why = refused(11, proposal(application, &[])).await;
    assert!(why.contains("ocsp-address, an error that the proposal does not waive"), "{why}");
    let why = refused(12, proposal(application, &["evidence-list"])).await;
    assert!(why.contains("ocsp-address"), "only errors are waived: {why}");
    let why = refused(13, proposal(hopeless, &[])).await;
    assert!(why.contains("self-signature, an error that the proposal does not waive"), "{why}");
    let why = refused(14, proposal(hopeless, &["self-signature"])).await;
    assert!(why.contains("nobody can waive"), "{why}");
    server.say("elector-1", 15, proposal(application, &["ocsp-address"])).await;
    assert!(server.ledger.snapshot().state.applications[&application].proposal.is_some());
    assert_eq!(server.screen_all().await, 0, "what is voted on is screened no more");
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
    let text = ctl_policy::ADMISSION.replace("version = \"2026-2\"", "version = \"2026-3\"");
    let policy = ctl_policy::Policy::parse(&text).unwrap();
    let mut record = ctl_governance::statement::body::ScreeningRecord {
        application,
        engine: "ctl-policy 1".parse().unwrap(),
        findings: Vec::new(),
        ledger_size: world.state.size(),
        observed: world.observed(application),
        policy: admission(),
        report: world::blob("report"),
        screened_at: world.now,
    };
    world.say(&["recorder"], record.clone()).unwrap();
    let mut amended = charter();
    for list in amended.lists.values_mut() {
        list.policy.sha256 = Digest::from_bytes(policy.digest());
        list.policy.version = "2026-3".parse().unwrap();
    }
    let change = ctl_governance::statement::body::Change::AmendCharter { charter: Box::new(amended) };
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
    assert_eq!(screening.policy.version.as_str(), "2026-3");
}
