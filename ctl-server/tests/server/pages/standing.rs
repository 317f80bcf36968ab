//! What stands on a list as people read it: what devices know of it yet, whether it is trusted, why not, and since when.

use ctl_core::names::ListId;
use ctl_core::parts::{AnchorStatus, Constraints, Der, DistrustKind, Distrusted, WithdrawalReason};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::calendar::{AuditEnd, calendar};
use ctl_governance::statement::body::{ApplicationSubmit, Candidate, Change, NoticeIssue, SubcaDisclose};
use ctl_sandbox::cross_certify;
use ctl_sandbox::shape::{Key, Shape};
use ctl_web::changes::{self, Publications};
use ctl_web::said::Text;
use ctl_web::{About, Frame, Health, SignedBy};

use super::*;
use crate::common::world::{self, DAY, World, charter, na, root, start};

/// A page made of the state at the world's moment.
pub(super) fn made(world: &World, make: impl Fn(&Frame<'_>) -> Option<String>) -> String {
    let state = world.state.at(world.now);
    let page = make(&Frame { state: &state, now: world.now, here: "/" }).unwrap();
    assert_well_made("page", &page);
    page
}

pub(super) fn list(world: &World, id: &ListId) -> String {
    made(world, |frame| ctl_web::list(frame, id, &[], &[], 0))
}

pub(super) fn certificate(world: &World, fingerprint: &Digest) -> String {
    made(world, |frame| ctl_web::certificate(frame, fingerprint))
}

pub(super) fn application(world: &World, index: u64) -> String {
    let about = About { findings: None, effects: &[], texts: &|_, _| Text::Absent, before: None };
    made(world, |frame| ctl_web::application(frame, index, &about))
}

pub(super) fn overview(world: &World) -> String {
    made(world, |frame| Some(ctl_web::overview(frame, &Health::default(), &[], &SignedBy::default())))
}

/// What an operator applies with comes on a list; its fingerprint.
pub(super) fn admit(world: &mut World, list: &ListId, applicant: &str, submit: ApplicationSubmit) -> Digest {
    let submit = ApplicationSubmit { list: list.clone(), ..submit };
    let index = world.say(&[applicant], submit).unwrap();
    world.attach_all(index);
    world.screen(index, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let found = world.state.applications[&index].clone();
    let change = match &found.candidate {
        Candidate::Root { .. } => {
            let mut change = world.proposal_to_admit(index).change;
            if let Change::Admit { list: of, .. } = &mut change {
                *of = list.clone();
            }
            change
        }
        Candidate::CrossCertificate { .. } => Change::AdmitCross {
            application: index,
            certificate: found.fingerprint,
            evidence: found.evidence.iter().map(|one| one.index).collect(),
            list: list.clone(),
            screening: found.screening.as_ref().unwrap().index,
            waived: vec![],
        },
    };
    decided(world, change);
    found.fingerprint
}

/// Alpha vouches for beta, and the list has it.
pub(super) fn crossed(world: &mut World, issuer: Digest, subject: Digest) -> Digest {
    let until = start().plus_seconds(3650 * DAY).unix();
    let (alpha, beta) = (root("alpha-pki"), root("beta-pki"));
    let cross = cross_certify(alpha.root(), beta.root().certificate(), start().unix(), until).unwrap();
    let submit = ApplicationSubmit {
        candidate: Candidate::CrossCertificate { issuer, subject },
        name: "beta by alpha".parse().unwrap(),
        ..world::application(cross.der().to_vec())
    };
    admit(world, &na(), "beta-pki", submit)
}

pub(super) fn decided(world: &mut World, change: Change) -> u64 {
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    proposal
}

pub(super) fn turned(world: &mut World, certificate: Digest, to: AnchorStatus) -> u64 {
    decided(world, Change::ChangeStatus { certificate, list: na(), not_issued_after: None, to })
}

pub(super) fn distrust_key(world: &mut World, anchor: &Digest) -> u64 {
    let sha256 = world.state.anchor(&na(), anchor).unwrap().listed.spki;
    decided(world, Change::Distrust { list: na(), what: Distrusted { kind: DistrustKind::Spki, sha256 } })
}

#[test]
fn what_was_decided_is_not_told_as_if_devices_had_it() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    for page in [list(&world, &na()), certificate(&world, &alpha), overview(&world)] {
        assert_tells(&page, &["<span class=\"badge warning\">not published yet</span>"]);
    }
    for page in [list(&world, &na()), certificate(&world, &alpha)] {
        assert_tells(&page, &["admitted; no published version has it yet"]);
        assert!(!page.contains("devices are taking it up"), "{page}");
    }
    world.publish_list();
    let behind = "Not all that is decided now is in version 1</strong>";
    for page in [list(&world, &na()), overview(&world), certificate(&world, &alpha)] {
        assert_tells(&page, &["devices are taking it up"]);
        assert!(!page.contains("not published yet") && !page.contains(behind), "{page}");
    }
    let beta = world.admitted("beta-pki");
    for page in [list(&world, &na()), overview(&world)] {
        assert_tells(&page, &[behind, "not published yet"]);
    }
    assert_tells(&list(&world, &na()), &["The tables below show what is decided now"]);
    world.publish_list();
    assert!(!list(&world, &na()).contains("Not all that is decided"));

    // A withdrawal is decided: devices go on trusting it until it is signed.
    turned(&mut world, beta, AnchorStatus::Withdrawn);
    for page in [list(&world, &na()), overview(&world)] {
        assert_tells(&page, &["Not all that is decided now is in version 2</strong>"]);
    }
    world.publish_list();
    assert!(!list(&world, &na()).contains("Not all that is decided"));
}

#[test]
fn a_root_whose_key_is_distrusted_names_the_decision_and_keeps_its_own_date_apart() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.publish_list();
    world.advance(10 * DAY);
    let usable = world.state.anchor(&na(), &alpha).unwrap().listed.current();
    world.wait(100 * DAY);
    let decision = distrust_key(&mut world, &alpha);
    let page = certificate(&world, &alpha);
    let link = format!("<a href=\"/proposals/{decision}\">decision {decision}</a>");
    assert_tells(
        &page,
        &[
            &format!("long enough that devices have it, since <time datetime=\"{}\">", usable.at),
            &format!("All the same it is not trusted: </strong>its key is distrusted by {link}."),
            &format!("— its key is distrusted by {link} <a class=\"entry\" href=\"/log/{decision}\">"),
        ],
    );
    let operator = made(&world, |frame| ctl_web::participant(frame, &"alpha-pki".parse().unwrap()));
    assert_tells(&operator, &[">not trusted</span>"]);
}

#[test]
fn a_cross_certificate_that_fell_with_its_root_says_so_everywhere() {
    let mut world = World::published();
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    let cross = crossed(&mut world, alpha, beta);
    world.publish_list();
    let index = *world.state.applications.keys().next_back().unwrap();
    assert_tells(&application(&world, index), &["Nothing: it stands"]);
    turned(&mut world, alpha, AnchorStatus::Suspended);
    let why = format!(
        "the root <a href=\"/certificates/{alpha}\"><bdi>A root</bdi></a> that it connects is not trusted: \
         <span class=\"badge suspended\""
    );
    for page in [certificate(&world, &cross), application(&world, index)] {
        assert_tells(&page, &[&why]);
        assert!(!page.contains("distrusted by decision") && !page.contains("Nothing: it stands"), "{page}");
    }
    let operator = made(&world, |frame| ctl_web::participant(frame, &"beta-pki".parse().unwrap()));
    assert_tells(&operator, &[">not trusted</span>"]);
}

#[test]
fn a_root_that_fell_with_another_certificate_of_its_key_names_that() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let pki = root("alpha-pki");
    let key = Key::p256_from_pem(&pki.root().key_pkcs8_pem().unwrap()).unwrap();
    let until = start().plus_seconds(3650 * DAY).unix();
    let twin = Shape::ca("CN=The twin", &key, None).unwrap().serial(7).valid(start().unix(), until);
    let twin = twin.self_signed().unwrap();
    let twin = admit(&mut world, &na(), "alpha-pki", world::application(twin.der().to_vec()));
    let entry = turned(&mut world, alpha, AnchorStatus::Suspended);
    let why = "<bdi>A root</bdi></a> with the same key is <span class=\"badge suspended\"";
    assert_tells(
        &certificate(&world, &twin),
        &[why, &format!("by <a class=\"entry\" href=\"/log/{entry}\">")],
    );
}

#[test]
fn only_what_stood_on_a_list_until_its_certificate_ended_left_it_because_of_that() {
    let mut world = World::published();
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    world.publish_list();
    turned(&mut world, alpha, AnchorStatus::Withdrawn);
    world.now = Timestamp::from_unix(root("alpha-pki").root().certificate().not_after()).plus_seconds(10);
    world.state.advance(world.now);
    let told = |world: &World| -> Vec<(u64, String, String)> {
        let all = changes::latest(&world.state, &Publications::default(), 100);
        let ended = all.iter().filter(|one| one.kind == "expired");
        ended.map(|one| (one.entry, one.to.clone(), one.urn(&world.state.scheme))).collect()
    };
    let before = told(&world);
    let usable = world.state.anchor(&na(), &beta).unwrap().listed.current();
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!((before[0].0, &*before[0].1), (usable.cause, &*format!("/certificates/{beta}")));
    assert!(!certificate(&world, &alpha).contains("badge expired"));
    // What is decided on it later is another thing: a reader of the feed keeps what it knows.
    turned(&mut world, beta, AnchorStatus::Withdrawn);
    assert_eq!(told(&world), before);
    let road = certificate(&world, &beta);
    let end = "title=\"its certificate has ended\">expired</span> <a class=\"entry\" href=\"/log/";
    assert_tells(&road, &[&format!("{end}{}\"", usable.cause)]);
}

pub(super) fn suspend(world: &mut World, anchor: Digest) -> u64 {
    let expires_at = world.now.plus_seconds(5 * DAY);
    let reason = WithdrawalReason::KeyCompromise;
    world.say(&["officer-1"], NoticeIssue { anchor, expires_at, list: na(), reason }).unwrap()
}

#[test]
fn a_root_that_was_withdrawn_while_its_notice_runs_is_not_told_to_come_back() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    suspend(&mut world, alpha);
    assert_tells(&overview(&world), &["Suspended: ", "at the latest until"]);
    let decision = turned(&mut world, alpha, AnchorStatus::Withdrawn);
    let page = overview(&world);
    assert_tells(&page, &["Withdrawn for good: ", &format!("by <a href=\"/proposals/{decision}\">")]);
    assert!(!page.contains("Suspended: ") && !page.contains("at the latest until"), "{page}");
}

#[test]
fn a_root_that_electors_suspended_as_well_is_not_told_to_come_back_with_its_notice() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    suspend(&mut world, alpha);
    let decision = turned(&mut world, alpha, AnchorStatus::Suspended);
    let page = overview(&world);
    let until =
        format!("and by <a href=\"/proposals/{decision}\">decision {decision}</a> until another decision");
    assert_tells(&page, &["Suspended: ", &until]);
    assert!(!page.contains("at the latest until"), "{page}");
}

/// A scheme with a second list, and two roots that are on both.
pub(super) fn on_two_lists() -> (World, ListId, [Digest; 2]) {
    let mut charter = charter();
    let eu: ListId = "eu".parse().unwrap();
    let mut europe = charter.lists[&na()].clone();
    europe.name = "Europe".parse().unwrap();
    charter.lists.insert(eu.clone(), europe);
    let mut world = World::published_with(charter);
    let roots = ["alpha-pki", "beta-pki"].map(|operator| world.admitted(operator));
    for operator in ["alpha-pki", "beta-pki"] {
        let certificate = root(operator).root().certificate().der().to_vec();
        admit(&mut world, &eu, operator, world::application(certificate));
    }
    (world, eu, roots)
}

#[test]
fn a_notice_is_told_on_every_list_that_has_the_key() {
    let (mut world, eu, [alpha, beta]) = on_two_lists();
    let notice = suspend(&mut world, alpha);
    let lists = "on lists <a href=\"/lists/eu\"><bdi>Europe</bdi></a>, <a href=\"/lists/na\">";
    assert_tells(&overview(&world), &[lists]);
    let step = "suspended by an emergency notice on list <a href=\"/lists/na\">";
    let page = list(&world, &eu);
    assert_tells(&page, &[step, &format!("href=\"/log/{notice}\"")]);
    assert!(!certificate(&world, &beta).contains("suspended by an emergency notice"));
}

#[test]
fn a_list_says_how_many_must_sign_and_vote_as_it_is_counted() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let mut amended = charter();
    amended.lists.get_mut(&na()).unwrap().signers.threshold = 3;
    decided(&mut world, Change::AmendCharter { charter: Box::new(amended) });
    let by = ["signer-1".parse().unwrap()];
    let page = made(&world, |frame| ctl_web::list(frame, &na(), &[], &by, 0));
    // Devices know the new threshold when the board has published it. Two electors are of one organisation.
    assert_tells(
        &page,
        &[
            "Devices ask for 2 signatures by the 3 signers that they know.",
            "2 organisations must approve, of the 4 whose electors may vote",
        ],
    );
    assert_tells(&page, &["href=\"/lists/na/changes?from=0&amp;to=1\""]);
    world.publish(&Role::Targets, &["board-1", "board-3"]).unwrap();
    let page = made(&world, |frame| ctl_web::list(frame, &na(), &[], &by, 0));
    assert_tells(&page, &["Devices ask for 3 signatures by the 3 signers"]);
}

#[test]
fn numbers_that_a_restart_left_out_are_nowhere_led_to() {
    let mut world = World::published();
    let empty = made(&world, |frame| ctl_web::versions(frame, &na(), &[], None));
    assert!(!empty.contains("Compare version"), "{empty}");
    let reach = made(&world, |frame| ctl_web::reach(frame, &na(), None));
    assert_tells(&reach, &["This list has no published version yet."]);
    let alpha = world.admitted("alpha-pki");
    world.publish_list();
    let page = made(&world, |frame| ctl_web::versions(frame, &na(), &[(9, 4), (4, 0)], None));
    assert_tells(&page, &["changes?from=4&amp;to=9\"", "changes?from=0&amp;to=4\"", "Compare version"]);
    let first = world.state.published[&Role::List(na())].documents.document.clone().unwrap();
    let first = serde_json::from_slice(&first).unwrap();
    let page = made(&world, |frame| ctl_web::version(frame, &first, &alpha, 0));
    assert_tells(&page, &["changes?from=0&amp;to=1\">What it changed</a>"]);
    let reach = made(&world, |frame| ctl_web::reach(frame, &na(), None));
    assert_tells(&reach, &["Come again in a minute."]);
}

#[test]
fn whoever_reads_a_certificate_learns_where_its_issuer_is_found_as_well_as_its_ocsp_responder() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let pki = root("alpha-pki");
    let issuer = Key::p256_from_pem(&pki.root().key_pkcs8_pem().unwrap()).unwrap();
    // Two access descriptions: http://o by id-ad-ocsp, http://c by id-ad-caIssuers.
    let one = |method: u8, url: &[u8; 8]| {
        [&[0x30, 20, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, method, 0x86, 8], &url[..]].concat()
    };
    let access = [&[0x30, 44][..], &one(1, b"http://o"), &one(2, b"http://c")].concat();
    let sub_ca = Shape::ca("CN=Sub", &Key::p256("sub").unwrap(), Some(0)).unwrap();
    let sub_ca = sub_ca.valid(start().unix(), start().plus_seconds(365 * DAY).unix());
    let sub_ca = sub_ca.extension("1.3.6.1.5.5.7.1.1", false, &access);
    let sub_ca = sub_ca.signed_by(pki.root().certificate().subject(), &issuer).unwrap();
    let body = SubcaDisclose { certificate: Der(sub_ca.der().to_vec()), issuer: alpha };
    world.say(&["alpha-pki"], body).unwrap();
    let page = certificate(&world, &Digest::of(sub_ca.der()));
    assert_tells(&page, &["OCSP at http://o, its issuer at http://c"]);
}

#[test]
fn a_condition_that_ends_the_trust_in_a_root_is_told_as_that() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    let mut constraints = Constraints::default();
    constraints.set_time(Constraints::NOT_TRUSTED_AFTER, world.now.plus_seconds(100 * DAY), true);
    decided(&mut world, Change::Constrain { anchor: alpha, constraints, list: na() });
    let dues = calendar(&world.state, world.now, &|_, _| AuditEnd::Never);
    let feed = ctl_web::icalendar(&world.state, &dues, &ctl_web::WantedOfCalendar::default());
    let feed = feed.replace("\r\n ", "");
    assert_tells(
        &feed,
        &["SUMMARY:Root A root of alpha-pki is trusted no longer\\, by a condition of the list\r\n"],
    );
    assert!(!feed.contains("Root A root of alpha-pki ends"), "{feed}");
}
