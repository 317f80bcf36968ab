//! Somebody brings a certificate, a chain or a list, and asks what this scheme makes of it.

use ctl_core::jws::Jws;
use ctl_core::list::ListPayload;
use ctl_core::parts::{AnchorStatus, Der, DistrustKind, Distrusted, WithdrawalReason};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_formats::recognise::Format;
use ctl_governance::statement::body::*;
use ctl_pki::Certificate;
use ctl_policy::Severity;
use ctl_sandbox::{Pki, Role as PkiRole, cross_certify};
use ctl_screening::examine::{
    Answer, Examination, Files, Origin, Signatures, Source, StandsAs, Validity, Way, examine,
};

use crate::common::*;

/// Nobody knows of older versions, or of other files.
const NO_FILES: Files<'_> = Files { version: &|_, _, _| None, served: &|_| None };

fn ask(world: &World, bytes: impl AsRef<[u8]>) -> Examination {
    examine(&world.state, &NO_FILES, bytes.as_ref(), world.now)
}

fn pem(certificates: &[&Certificate]) -> String {
    certificates.iter().map(|certificate| certificate.to_pem()).collect()
}

/// A charger's chain without its root.
fn charger(pki: &Pki) -> String {
    pem(&pki.chain(PkiRole::Secc)[..3])
}

/// What the list makes of the first certificate.
fn answer(found: &Examination) -> &Answer {
    &found.certificates[0].lists[0].answer
}

fn way(found: &Examination) -> &Way {
    match answer(found) {
        Answer::Trusted { ways } => &ways[0],
        other => panic!("{other:?}"),
    }
}

fn reasons(found: &Examination) -> String {
    match answer(found) {
        Answer::NotTrusted { reasons, .. } => reasons.join("\n"),
        other => panic!("{other:?}"),
    }
}

/// A scheme that has published alpha's root.
fn with_alpha() -> (World, Digest) {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.publish_list();
    (world, alpha)
}

#[test]
fn a_chargers_chain_is_trusted_through_its_sub_cas_and_for_what_the_list_says() {
    let (world, alpha) = with_alpha();
    let found = ask(&world, charger(&root("alpha-pki")));
    assert_eq!(found.read.as_ref().unwrap().format, Format::Pem);
    assert_eq!(found.certificates.len(), 3);
    let leaf = &found.certificates[0];
    assert_eq!((leaf.profile.as_deref(), leaf.validity), (Some("secc"), Validity::Now));
    assert_eq!(leaf.count(Severity::Error), 0, "{:?}", leaf.findings);
    let way = way(&found);
    assert_eq!(way.uses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["v2g(-2)"]);
    let sources: Vec<_> = way.path.iter().map(|member| member.source).collect();
    assert_eq!(sources, [Source::Given, Source::Given, Source::Given, Source::Anchor]);
    assert_eq!(way.path.last().unwrap().fingerprint, alpha);
    // A sub-CA issues for its chain, and not for all that the root is listed for.
    let Answer::Trusted { ways } = &found.certificates[2].lists[0].answer else { panic!() };
    assert_eq!(ways[0].uses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["v2g(-2)"]);
}

#[test]
fn a_contract_is_trusted_for_contracts_and_the_registry_is_asked_about_its_operator() {
    let (world, _) = with_alpha();
    let pki = root("alpha-pki");
    let found = ask(&world, pem(&pki.chain(PkiRole::Contract)[..3]));
    assert_eq!(way(&found).uses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["mo(-2)"]);
    assert!(found.certificates[0].notes[0].contains("registry does not know"));
}

#[test]
fn a_leaf_alone_says_which_certificate_is_missing_and_a_disclosed_sub_ca_helps() {
    let (mut world, alpha) = with_alpha();
    let pki = root("alpha-pki");
    let leaf = pki.get(PkiRole::Secc).unwrap().certificate().der().to_vec();
    let found = ask(&world, &leaf);
    assert_eq!(found.read.as_ref().unwrap().format, Format::Der);
    assert!(reasons(&found).contains("bring every sub-CA"), "{}", reasons(&found));

    let der = |role| pki.get(role).unwrap().certificate().der().to_vec();
    let (sub1, sub2) = (der(PkiRole::CpoSub1), der(PkiRole::CpoSub2));
    let disclose =
        |certificate: &Vec<u8>, issuer| SubcaDisclose { certificate: Der(certificate.clone()), issuer };
    world.say(&["alpha-pki"], disclose(&sub1, alpha)).unwrap();
    world.say(&["alpha-pki"], disclose(&sub2, Digest::of(&sub1))).unwrap();
    let found = ask(&world, &leaf);
    let sources: Vec<_> = way(&found).path.iter().map(|member| member.source).collect();
    assert_eq!(sources, [Source::Given, Source::Disclosed, Source::Disclosed, Source::Anchor]);

    // Whoever brings a revoked sub-CA along is told.
    let revoke = SubcaRevoke { certificate: Digest::of(&sub2), reason: WithdrawalReason::Superseded };
    let entry = world.say(&["alpha-pki"], revoke).unwrap();
    let found = ask(&world, charger(&pki));
    assert!(reasons(&found).contains(&format!("revoked this sub-CA (entry {entry}")), "{}", reasons(&found));
    let standing = &found.certificates[1].standing;
    assert!(standing.iter().any(|one| matches!(one.stands, StandsAs::SubCa { revoked: Some(_), .. })));
}

#[test]
fn a_root_is_shown_where_it_stands_and_not_trusted_before_it_is_published() {
    let mut world = World::published();
    let pki = root("alpha-pki");
    let before = ask(&world, pki.root().certificate().to_pem());
    assert!(reasons(&before).contains("this list does not name it"));
    assert!(before.certificates[0].standing.is_empty());

    let alpha = world.admitted("alpha-pki");
    let decided = ask(&world, pki.root().certificate().to_pem());
    assert!(reasons(&decided).contains("no published version"), "{}", reasons(&decided));
    assert!(reasons(&ask(&world, charger(&pki))).contains("no published version"));

    world.publish_list();
    let found = ask(&world, pki.root().certificate().to_pem());
    let standing = &found.certificates[0].standing;
    let is_anchor = |one: &StandsAs| {
        matches!(one, StandsAs::Anchor { status: AnchorStatus::Qualified, published: true, .. })
    };
    assert!(standing.iter().any(|one| is_anchor(&one.stands)), "{standing:?}");
    assert!(standing.iter().any(|one| matches!(one.stands, StandsAs::Application { open: false, .. })));
    assert_eq!(way(&found).path.len(), 1);
    assert_eq!(way(&found).path[0].fingerprint, alpha);
    assert_eq!(found.certificates[0].profile.as_deref(), Some("v2g-root"));
}

#[test]
fn a_suspended_root_carries_nothing_and_the_reason_names_the_suspension() {
    let (mut world, alpha) = with_alpha();
    world.admitted("beta-pki");
    world.publish_list();
    let expires_at = world.now.plus_seconds(3 * DAY);
    let reason = WithdrawalReason::KeyCompromise;
    world.say(&["officer-1"], NoticeIssue { anchor: alpha, expires_at, list: na(), reason }).unwrap();
    let found = ask(&world, charger(&root("alpha-pki")));
    assert!(reasons(&found).starts_with("the anchor is suspended"), "{}", reasons(&found));
    assert!(matches!(answer(&ask(&world, charger(&root("beta-pki")))), Answer::Trusted { .. }));
}

#[test]
fn trust_that_comes_back_holds_from_the_next_version_on() {
    let (mut world, alpha) = with_alpha();
    world.admitted("beta-pki");
    world.publish_list();
    let expires_at = world.now.plus_seconds(3 * DAY);
    let reason = WithdrawalReason::KeyCompromise;
    world.say(&["officer-1"], NoticeIssue { anchor: alpha, expires_at, list: na(), reason }).unwrap();
    world.publish_list();
    world.advance(4 * DAY);
    // The notice is over; the version that devices have was drafted under it.
    let found = ask(&world, charger(&root("alpha-pki")));
    assert!(reasons(&found).contains("the version of the list in force"), "{}", reasons(&found));
    world.publish_list();
    assert!(matches!(answer(&ask(&world, charger(&root("alpha-pki")))), Answer::Trusted { .. }));
}

#[test]
fn attack_a_cross_certificate_brings_nothing_back_that_was_distrusted_at_its_other_end() {
    let (mut world, alpha) = with_alpha();
    let beta = world.admitted("beta-pki");
    let (pki, other) = (root("alpha-pki"), root("beta-pki"));
    let until = start().plus_seconds(3650 * DAY).unix();
    let cross = cross_certify(pki.root(), other.root().certificate(), start().unix(), until).unwrap();
    let submit = ApplicationSubmit {
        candidate: Candidate::CrossCertificate { issuer: alpha, subject: beta },
        certificate: Der(cross.der().to_vec()),
        list: na(),
        name: "beta by alpha".parse().unwrap(),
        possession: None,
    };
    let application = world.say(&["alpha-pki"], submit).unwrap();
    world.attach_all(application);
    world.screen(application, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let found = world.state.applications[&application].clone();
    let change = Change::AdmitCross {
        application,
        certificate: found.fingerprint,
        evidence: found.evidence.iter().map(|evidence| evidence.index).collect(),
        list: na(),
        screening: found.screening.as_ref().unwrap().index,
        waived: Vec::new(),
    };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    world.publish_list();
    let sub = other.get(PkiRole::CpoSub1).unwrap().certificate().to_pem();
    let Answer::Trusted { ways } = answer(&ask(&world, &sub)).clone() else { panic!() };
    let through = |way: &Way| way.path.iter().any(|one| one.source == Source::CrossCertificate);
    assert!(ways.iter().any(through), "{ways:?}");

    // The certificate of beta is distrusted, not its key: the cross-certificate is for the key.
    let change =
        Change::Distrust { list: na(), what: Distrusted { kind: DistrustKind::Certificate, sha256: beta } };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    for brought in [sub.clone(), format!("{sub}{}", cross.to_pem())] {
        assert!(
            matches!(answer(&ask(&world, &brought)), Answer::NotTrusted { .. }),
            "before the next version"
        );
    }
    world.publish_list();
    for brought in [sub.clone(), format!("{sub}{}", cross.to_pem())] {
        assert!(matches!(answer(&ask(&world, &brought)), Answer::NotTrusted { .. }), "after it");
    }
}

#[test]
fn a_root_that_is_listed_for_other_things_carries_none_of_this() {
    let (world, _) = with_alpha();
    let found = ask(&world, pem(&root("alpha-pki").chain(PkiRole::Provisioning)[..3]));
    assert_eq!(
        reasons(&found),
        "the anchor is listed for v2g(-2), mo(-2), not for a provisioning certificate"
    );
}

#[test]
fn a_list_that_is_overdue_still_counts_and_that_is_said() {
    let (mut world, _) = with_alpha();
    let bytes = charger(&root("alpha-pki"));
    assert!(way(&ask(&world, &bytes)).warnings.is_empty());
    world.advance(31 * DAY);
    let found = ask(&world, &bytes);
    assert!(way(&found).warnings[0].contains("should have been replaced"), "{:?}", way(&found).warnings);
}

#[test]
fn what_has_ended_is_refused_for_that() {
    let (world, _) = with_alpha();
    let bytes = charger(&root("alpha-pki"));
    let far: Timestamp = "2037-01-01T00:00:00Z".parse().unwrap();
    let found = examine(&world.state, &NO_FILES, bytes.as_bytes(), far);
    assert_eq!(found.certificates[0].validity, Validity::Over);
    assert!(reasons(&found).contains("valid until"), "{}", reasons(&found));
}

#[test]
fn a_constraint_of_the_list_is_told_as_the_reason() {
    let (mut world, alpha) = with_alpha();
    let date: Timestamp = "2025-06-01T00:00:00Z".parse().unwrap();
    let to = AnchorStatus::Deprecated;
    let change = Change::ChangeStatus { certificate: alpha, list: na(), not_issued_after: Some(date), to };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    world.publish_list();
    let found = ask(&world, charger(&root("alpha-pki")));
    assert!(reasons(&found).contains("nothing issued after 2025-06-01"), "{}", reasons(&found));
}

#[test]
fn a_strangers_chain_with_its_own_root_is_not_trusted_because_it_brings_it() {
    let (world, _) = with_alpha();
    let gamma = root("beta-pki");
    let found = ask(&world, pem(&gamma.chain(PkiRole::Secc)));
    assert_eq!(found.certificates.len(), 4);
    assert!(found.certificates.iter().all(|one| matches!(one.lists[0].answer, Answer::NotTrusted { .. })));
    assert!(reasons(&found).contains("this list does not name it"), "{}", reasons(&found));
}

#[test]
fn a_given_cross_certificate_leads_to_the_list_though_the_list_has_none() {
    let (world, alpha) = with_alpha();
    let (pki, other) = (root("alpha-pki"), root("beta-pki"));
    let until = world.now.plus_seconds(300 * DAY).unix();
    let cross = cross_certify(pki.root(), other.root().certificate(), world.now.unix(), until).unwrap();
    let Some(leaf) = other.get(PkiRole::CpoSub1) else { panic!() };
    let found = ask(&world, pem(&[leaf.certificate(), &cross]));
    let way = way(&found);
    assert_eq!(way.path.len(), 3);
    assert_eq!(way.path.last().unwrap().fingerprint, alpha);
    // Four certificates below the root are one too many for ISO 15118.
    let mut chain = other.chain(PkiRole::Secc)[..3].to_vec();
    chain.push(&cross);
    let found = ask(&world, pem(&chain));
    assert!(reasons(&found).contains("certificates stand below the root"), "{}", reasons(&found));
}

#[test]
fn a_published_list_is_known_by_its_digest_in_whatever_envelope() {
    let (mut world, _) = with_alpha();
    let role = Role::List(na());
    let first = world.state.published[&role].documents.document.clone().unwrap();
    world.admitted("beta-pki");
    world.publish_list();
    let second = world.state.published[&role].documents.document.clone().unwrap();
    let (of_first, sent) = (Digest::of(&first), Digest::of(b"v1/lists/na/ctl.pem"));
    let version = |_: &_, sequence, digest: &Digest| (sequence == 1).then_some(*digest == of_first);
    let served = |digest: &Digest| (*digest == sent).then(|| "v1/lists/na/ctl.pem".to_owned());
    let files = Files { version: &version, served: &served };
    let ask = |bytes: &[u8]| examine(&world.state, &files, bytes, world.now).file.unwrap();

    let found = ask(&second);
    assert!(matches!(found.origin, Origin::Version { sequence: 2, latest: 2, .. }), "{found:?}");
    assert_eq!(found.signatures, Signatures::None);
    assert!(matches!(ask(&first).origin, Origin::Version { sequence: 1, latest: 2, .. }));

    let typ = role.document_typ().unwrap();
    let signed = |signers: &[&str]| {
        let keys: Vec<_> = signers.iter().map(|name| &world.keys[*name]).collect();
        Jws::sign(second.to_vec(), typ, &keys).unwrap().to_bytes()
    };
    let found = ask(&signed(&["signer-1", "signer-3"]));
    assert!(matches!(found.origin, Origin::Version { sequence: 2, .. }));
    assert_eq!(found.signatures, Signatures::Enough { counted: 2, needed: 2 });
    let found = ask(&signed(&["signer-1", "mo-one"]));
    assert!(matches!(found.signatures, Signatures::TooFew { .. }));

    // The same number with other contents, a number that does not exist yet, and another scheme's.
    let changed = |change: fn(&mut ListPayload)| {
        let mut payload = ListPayload::read(&second).unwrap();
        change(&mut payload);
        ctl_core::json::canonical(&payload)
    };
    let forged = ask(&changed(|payload| drop(payload.anchors.pop())));
    assert!(matches!(forged.origin, Origin::Another { sequence: 2, .. }), "{forged:?}");
    let newer = ask(&changed(|payload| payload.sequence = 9));
    assert!(matches!(newer.origin, Origin::Unpublished { sequence: 9, latest: Some(2), .. }), "{newer:?}");
    let foreign = ask(&changed(|payload| payload.scheme = Digest::of(b"theirs")));
    assert!(matches!(foreign.origin, Origin::OtherScheme { .. }), "{foreign:?}");

    // Any file that is served now is known by its bytes, with the line ends of whoever pasted it.
    let found = ask(b"v1/lists/na/ctl.pem");
    assert_eq!((found.origin, found.served_at.as_deref()), (Origin::Served, Some("v1/lists/na/ctl.pem")));
}

#[test]
fn what_cannot_be_read_is_said_with_its_place_and_hides_nothing_else() {
    let (world, _) = with_alpha();
    let good = root("alpha-pki").root().certificate().to_pem();
    let found =
        ask(&world, format!("{good}-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n"));
    assert_eq!(found.certificates.len(), 1);
    assert_eq!(found.unreadable.len(), 1);
    assert!(found.unreadable[0].0.contains('2'), "{:?}", found.unreadable);
    for (bytes, word) in [
        (b"".as_slice(), "empty"),
        (b"<!DOCTYPE html><p>Sign in</p>", "page"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "replace the key"),
        (b"{}", "JSON"),
        (b"hello", "none of the formats"),
    ] {
        let found = ask(&world, bytes);
        let why = found.refused.unwrap();
        assert!(why.contains(word), "{why}");
        assert!(found.read.is_none() && found.certificates.is_empty());
    }
}
