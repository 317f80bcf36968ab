//! Auditors whom the electors accredit, evidence with a date, screenings that say what they looked at.

use ctl_core::{Digest, Timestamp};
use ctl_governance::state::Outcome;
use ctl_governance::statement::body::*;
use ctl_governance::statement::parts::*;
use ctl_governance::statement::{Entry, Statement};
use ctl_governance::{Reason, Refusal, State};
use ctl_sandbox::mutation::{Edit, Node};
use ctl_sandbox::{Edition, specimen};

use crate::common::*;

fn world() -> World {
    World::published()
}

fn accredit(auditor: &str, expires_at: Option<Timestamp>) -> Change {
    Change::AccreditAuditor { auditor: auditor.parse().unwrap(), expires_at }
}

fn withdraw(auditor: &str) -> Change {
    Change::WithdrawAuditor { auditor: auditor.parse().unwrap() }
}

fn decided(world: &mut World, change: Change) -> u64 {
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    assert_eq!(world.state.proposals[&proposal].decision.as_ref().unwrap().outcome, Outcome::Accepted);
    proposal
}

fn counts(world: &World, auditor: &str) -> bool {
    world.state.is_accredited(&auditor.parse().unwrap(), world.now)
}

fn audit(world: &mut World, by: &str, application: u64) -> Result<u64, Refusal> {
    let dated = Some(world.now.minus_seconds(30 * DAY));
    let kind = EvidenceKind::AuditReport;
    let blob = Some(blob(&format!("audit {application}")));
    world.say(&[by], EvidenceAttach { application, blob, dated, fingerprint: None, kind })
}

fn open(world: &mut World, application: u64) -> Result<u64, Refusal> {
    let proposal = world.proposal_to_admit(application);
    world.say(&["elector-1"], proposal)
}

#[test]
fn an_auditor_is_accredited_and_withdrawn_by_decision_and_every_change_has_its_cause() {
    let mut world = world();
    assert!(!counts(&world, "auditor"));
    let proposal = decided(&mut world, accredit("auditor", None));
    assert!(counts(&world, "auditor"));
    let found = world.state.auditors[&"auditor".parse().unwrap()].clone();
    assert_eq!((found.cause, found.since), (proposal, world.now));

    let again = world.propose("elector-1", accredit("auditor", None));
    assert_eq!(reason(again), Reason::Exists);
    let until = world.now.plus_seconds(10 * DAY);
    decided(&mut world, accredit("auditor", Some(until)));
    world.advance(10 * DAY - 1);
    assert!(counts(&world, "auditor"));
    world.advance(1);
    assert!(!counts(&world, "auditor"), "it ends by itself");
    assert_eq!(reason(world.propose("elector-1", withdraw("auditor"))), Reason::Stage);

    let latest = decided(&mut world, accredit("auditor", None));
    let withdrawal = decided(&mut world, withdraw("auditor"));
    assert!(!counts(&world, "auditor"));
    let found = &world.state.auditors[&"auditor".parse().unwrap()];
    assert_eq!(found.withdrawn, Some((world.now, withdrawal)));
    assert_eq!(found.cause, latest, "what it withdrew is still to be seen");
}

#[test]
fn a_vote_opens_only_on_a_screening_that_has_seen_the_evidence_and_the_auditors_standing() {
    let mut world = world();
    decided(&mut world, accredit("auditor", None));
    let application = world.discussed("alpha-pki");
    audit(&mut world, "auditor", application).unwrap();
    let refusal = open(&mut world, application).unwrap_err();
    assert_eq!(refusal.reason, Reason::Stage);
    assert!(refusal.detail.contains("was attached"), "{refusal}");
    world.screen(application, Vec::new()).unwrap();
    assert!(world.state.applications[&application].screening.as_ref().unwrap().accredited.len() == 1);

    decided(&mut world, withdraw("auditor"));
    let refusal = open(&mut world, application).unwrap_err();
    assert!(refusal.detail.contains("accreditation of auditor changed"), "{refusal}");
    world.screen(application, Vec::new()).unwrap();
    open(&mut world, application).unwrap();
}

#[test]
fn an_accreditation_that_ended_or_an_auditor_that_was_suspended_outdates_a_screening() {
    let mut world = world();
    let until = world.now.plus_seconds(20 * DAY);
    decided(&mut world, accredit("auditor", Some(until)));
    let application = world.discussed("alpha-pki");
    audit(&mut world, "auditor", application).unwrap();
    world.screen(application, Vec::new()).unwrap();
    let outdated = |world: &World| {
        world.state.screening_outdated(&world.state.applications[&application], world.now).is_some()
    };
    assert!(!outdated(&world));
    world.wait(6 * DAY);
    assert!(outdated(&world), "nothing was recorded, and still it ended");
    assert_eq!(reason(open(&mut world, application)), Reason::Stage);
    world.screen(application, Vec::new()).unwrap();
    assert!(!outdated(&world));

    decided(&mut world, accredit("auditor", None));
    world.screen(application, Vec::new()).unwrap();
    world.say(&["auditor"], ParticipantSuspend { participant: "auditor".parse().unwrap() }).unwrap();
    assert!(!counts(&world, "auditor"));
    assert!(outdated(&world));
}

#[test]
fn nobody_accredits_himself_or_his_own_house() {
    let mut world = world();
    let own = world.propose("auditor", accredit("auditor", None));
    assert_eq!(reason(own), Reason::WrongRole, "an auditor is no elector");
    let own = world.propose("elector-2", accredit("elector-2-auditor", None));
    assert_eq!(reason(own), Reason::Recused, "an elector does not propose its own organisation");
    let proposal = world.propose("elector-1", accredit("elector-2-auditor", None)).unwrap();
    assert_eq!(reason(world.vote("elector-2", proposal, Choice::Approve)), Reason::Recused);
    for elector in ["elector-1", "elector-3"] {
        world.vote(elector, proposal, Choice::Approve).unwrap();
    }
    assert!(!counts(&world, "elector-2-auditor"), "the recused vote does not make the quorum");
    world.vote("alpha-elector", proposal, Choice::Approve).unwrap();
    assert!(counts(&world, "elector-2-auditor"));
    let own = world.propose("elector-2", withdraw("elector-2-auditor"));
    assert_eq!(reason(own), Reason::Recused);
}

#[test]
fn only_a_registered_and_active_auditor_is_accredited() {
    let mut world = world();
    assert_eq!(reason(world.propose("elector-1", accredit("nobody", None))), Reason::NotFound);
    assert_eq!(reason(world.propose("elector-1", accredit("alpha-pki", None))), Reason::Stage);
    let now = world.now;
    assert_eq!(reason(world.propose("elector-1", accredit("auditor", Some(now)))), Reason::Stage);
    assert_eq!(reason(world.propose("elector-1", withdraw("auditor"))), Reason::Stage);

    let proposal = world.propose("elector-1", accredit("auditor", None)).unwrap();
    world.say(&["auditor"], ParticipantSuspend { participant: "auditor".parse().unwrap() }).unwrap();
    world.decide(proposal);
    let outcome = &world.state.proposals[&proposal].decision.as_ref().unwrap().outcome;
    assert!(matches!(outcome, Outcome::Lapsed(_)), "{outcome:?}");
    assert!(!counts(&world, "auditor"));
}

#[test]
fn an_audit_report_bears_a_date_and_nothing_else_does() {
    let mut world = world();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let attach = |kind, dated| EvidenceAttach {
        application,
        blob: Some(blob("a document")),
        dated,
        fingerprint: None,
        kind,
    };
    let (past, future) = (world.now.minus_seconds(DAY), world.now.plus_seconds(DAY));
    for (kind, dated) in [
        (EvidenceKind::AuditReport, None),
        (EvidenceKind::AuditReport, Some(future)),
        (EvidenceKind::CertificatePolicy, Some(past)),
    ] {
        assert_eq!(reason(world.say(&["alpha-pki"], attach(kind, dated))), Reason::Content, "{kind:?}");
    }
    world.say(&["auditor"], attach(EvidenceKind::AuditReport, Some(past))).unwrap();
    let evidence = &world.state.applications[&application].evidence[0];
    assert_eq!((evidence.dated, evidence.at), (Some(past), world.now));
}

#[test]
fn nobody_buries_an_application_under_evidence() {
    let mut world = world();
    let application = world.apply_with_root("alpha-pki").unwrap();
    for _ in 0..20 {
        audit(&mut world, "auditor", application).unwrap();
    }
    assert_eq!(reason(audit(&mut world, "auditor", application)), Reason::Quota);
    audit(&mut world, "alpha-pki", application).expect("others still have their say");
}

#[test]
fn a_screening_names_at_least_the_certificate_and_in_order() {
    let mut world = world();
    let application = world.apply_with_root("alpha-pki").unwrap();
    let record = |world: &World, observed| ScreeningRecord {
        application,
        engine: "ctl-policy 2".parse().unwrap(),
        findings: Vec::new(),
        ledger_size: world.state.size(),
        observed,
        policy: policy(),
        report: blob("report"),
        screened_at: world.now,
    };
    let certificate = world.observed(application)[0];
    let profile = Observed { what: ObservedKind::Profile, sha256: Digest::of(b"profile") };
    for observed in
        [vec![], vec![profile], vec![profile, certificate], vec![certificate, certificate, profile]]
    {
        let body = record(&world, observed);
        assert_eq!(reason(world.say(&["recorder"], body)), Reason::Content);
    }
    let body = record(&world, vec![certificate, profile]);
    assert_eq!(reason(world.say(&["elector-1"], body.clone())), Reason::WrongRole, "the recorder's alone");
    world.say(&["recorder"], body).unwrap();
    let screening = world.state.applications[&application].screening.as_ref().unwrap();
    assert_eq!(screening.observed, [certificate, profile]);
}

#[test]
fn a_forged_kind_or_member_is_no_statement() {
    let mut world = world();
    let payload = world.payload(ProposalOpen {
        change: accredit("auditor", None),
        charter: world.state.charter_since,
        rationale: None,
    });
    let genuine = String::from_utf8(payload.to_bytes()).unwrap();
    for (from, to) in [
        ("\"accredit-auditor\"", "\"accredit-auditors\""),
        ("\"auditor\":\"auditor\"", "\"auditor\":\"auditor\",\"for_life\":true"),
        ("\"auditor\":\"auditor\"", "\"auditor\":7"),
    ] {
        assert!(genuine.contains(from), "{genuine}");
        let forged = genuine.replacen(from, to, 1).into_bytes();
        let jws = ctl_core::jws::Jws::sign(forged, &payload.body.typ(), &[&world.keys["elector-1"]]).unwrap();
        assert!(Statement::from_jws(jws).is_err(), "{to}");
    }
    // A vote for a proposal that is not there accredits nobody, whatever its signatures.
    let vote = VoteCast { choice: Choice::Approve, proposal: Digest::of(b"forged"), rationale: None };
    assert_eq!(reason(world.say(&["elector-1"], vote)), Reason::NotFound);
}

#[test]
fn an_amendment_that_time_alone_decides_is_in_force_for_the_very_next_entry() {
    let mut world = World::published();
    let mut amended = charter();
    amended.assembly.quorum = 4;
    let amendment = Change::AmendCharter { charter: Box::new(amended) };
    let proposal = world.propose("elector-1", amendment).unwrap();
    // Enough approve, and the rest stays silent.
    for elector in ["elector-1", "elector-2", "elector-3"] {
        world.vote(elector, proposal, Choice::Approve).unwrap();
    }
    assert_eq!(world.state.charter.assembly.quorum, 3);
    world.wait(7 * DAY);
    let stale = world.propose("elector-1", accredit("auditor", None));
    assert_eq!(reason(stale), Reason::Charter, "the proposal has the old charter in mind");
    world.state.advance(world.now);
    assert_eq!(world.state.charter.assembly.quorum, 4);
    decided(&mut world, accredit("auditor", None));
    assert!(counts(&world, "auditor"));

    let bytes: Vec<Vec<u8>> = world.entries.iter().map(|entry| entry.bytes.clone()).collect();
    let entries: Vec<Entry> = bytes.iter().map(|bytes| Entry::parse(bytes).unwrap()).collect();
    assert!(State::replay(&entries).unwrap() == world.state);
}

#[test]
fn a_certificate_rewritten_around_its_signed_part_is_refused_for_its_second_fingerprint() {
    let mut world = world();
    let certificate = root("alpha-pki").root().certificate().der().to_vec();
    // Another tag on the outermost sequence: readers that forgive it find the same certificate.
    let mut twin = certificate.clone();
    twin[0] = 0x70;
    assert!(ctl_pki::Certificate::from_der(&twin).is_ok());
    assert_eq!(reason(world.say(&["alpha-pki"], application(twin))), Reason::Content);
    world.say(&["alpha-pki"], application(certificate)).unwrap();
}

/// With a stolen recorder's key a screening can say anything; what would spoil every charger's bundle does not even
/// become an application.
#[test]
fn a_certificate_that_devices_could_not_read_is_no_application_whatever_a_screening_would_say() {
    let mut world = world();
    let sound = specimen("v2g-root", Edition::Iso2).unwrap().unwrap();
    let edit = || Edit::of(&sound.certificate).unwrap();
    let odd_name = || vec![(Node::oid("2.5.4.3"), Node::new(0x0c, b"Odd\xff"))];
    for (what, odd) in [
        ("a padded serial number", edit().serial(&[0, 0x2a])),
        ("a serial number of 21 bytes", edit().serial(&[0x2a; 21])),
        ("a name that is no UTF-8", edit().names(Some(odd_name()), Some(odd_name()))),
        ("a malformed extension", edit().extension("2.5.29.31", false, &[0x30, 2, 0x30, 0])),
    ] {
        let der = odd.sign(&sound.issuer_key);
        assert!(ctl_pki::Certificate::from_der(&der).is_ok(), "{what}: we could read it ourselves");
        assert_eq!(reason(world.say(&["alpha-pki"], application(der))), Reason::Content, "{what}");
    }
    world.say(&["alpha-pki"], application(sound.certificate.der().to_vec())).unwrap();
}
