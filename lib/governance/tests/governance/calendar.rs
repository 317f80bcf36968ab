//! The calendar: what people owe stays in it until it is done, and what happens by itself is gone when it has happened.

mod ends;

use std::collections::BTreeSet;

use ctl_core::parts::*;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::calendar::{AuditEnd, Due, Kind, Subject, Urgency, calendar, count, soonest};
use ctl_governance::statement::body::*;
use ctl_governance::statement::parts::*;
use ctl_governance::view::END_NOTICES;
use ctl_sandbox::{Role as PkiRole, cross_certify};

use crate::common::certificates::sae_cms;
use crate::common::*;

/// An audit is good for a year, as far as the stories' policy says anything.
fn dues(world: &World) -> Vec<Due> {
    let year = |policy: &PolicyRef, dated: Timestamp| match policy.sha256 == Digest::of(b"the policy") {
        true => AuditEnd::At(dated.plus_seconds(365 * DAY)),
        false => AuditEnd::Never,
    };
    calendar(&world.state.at(world.now), world.now, &year)
}

fn of(world: &World, kind: Kind) -> Vec<Due> {
    dues(world).into_iter().filter(|due| due.kind == kind).collect()
}

fn one(world: &World, kind: Kind) -> Due {
    let found = of(world, kind);
    assert_eq!(found.len(), 1, "{kind}: {found:?}");
    found.into_iter().next().unwrap()
}

fn role(world: &World, kind: Kind, role: &Role) -> Due {
    let mut found = of(world, kind);
    found.retain(|due| matches!(&due.subject, Subject::Role { role: of, .. } if of == role));
    assert_eq!(found.len(), 1, "{kind} of {role}: {found:?}");
    found.remove(0)
}

fn list() -> Role {
    Role::List(na())
}

#[test]
fn a_list_is_soon_due_from_half_of_its_validity_and_overdue_until_people_have_signed() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let usable = world.now.plus_seconds(10 * DAY);
    assert_eq!(role(&world, Kind::Ceremony, &list()).at, usable, "the list says so in its next version");
    world.advance(10 * DAY);
    world.publish_list();
    let published = world.now;
    let due = role(&world, Kind::List, &list());
    assert_eq!(due.at, published.plus_seconds(30 * DAY));
    assert_eq!((due.urgency(world.now), &due.lists), (Urgency::Later, &vec![na()]));
    let ceremony = role(&world, Kind::Ceremony, &list());
    assert_eq!(ceremony.at, published.plus_seconds(15 * DAY));
    assert_eq!(ceremony.subject, Subject::Role { role: list(), waits: false });

    // The day on which the next draft is opened is the one that the calendar named.
    world.now = ceremony.at;
    assert!(!world.due().contains(&"na".to_owned()));
    assert_eq!(role(&world, Kind::List, &list()).urgency(world.now), Urgency::Soon);
    world.wait(1);
    assert!(world.due().contains(&"na".to_owned()));
    let late = role(&world, Kind::Ceremony, &list());
    assert_eq!(late.urgency(world.now), Urgency::Overdue, "nobody has opened it");

    let draft = world.open_draft(&list()).unwrap();
    let opened = world.now;
    let waits = role(&world, Kind::Ceremony, &list());
    assert_eq!(waits.subject, Subject::Role { role: list(), waits: true });
    assert_eq!((waits.entry, waits.urgency(world.now)), (Some(draft), Urgency::Soon));
    assert_eq!(waits.at, opened.plus_seconds(30 * DAY / 4), "a fresh one begins anew");
    assert_eq!(waits.id(), ceremony.id(), "the same ceremony");

    world.now = published.plus_seconds(31 * DAY);
    assert_eq!(role(&world, Kind::List, &list()).urgency(world.now), Urgency::Overdue);
    assert_eq!(role(&world, Kind::Ceremony, &list()).urgency(world.now), Urgency::Overdue);
    world.publish_list();
    let next = role(&world, Kind::List, &list());
    assert_eq!((next.at, next.urgency(world.now)), (world.now.plus_seconds(30 * DAY), Urgency::Later));
    assert_eq!(next.id(), due.id(), "a reader's calendar moves it");
}

#[test]
fn what_the_board_signs_and_what_nobody_has_published_yet() {
    let mut world = World::found();
    assert_eq!(dues(&world).into_iter().filter(|due| due.kind != Kind::Report).count(), 0);
    world.open_draft(&Role::Root).unwrap();
    let waits = role(&world, Kind::Ceremony, &Role::Root);
    assert_eq!(waits.subject, Subject::Role { role: Role::Root, waits: true });
    let world = World::published();
    let kinds: BTreeSet<&str> = dues(&world).iter().map(|due| due.kind.as_str()).collect();
    assert_eq!(kinds, ["ceremony", "report", "root-metadata", "targets"].into());
    assert_eq!(one(&world, Kind::RootMetadata).at, start().plus_seconds(365 * DAY));
}

#[test]
fn certificates_end_as_long_as_they_stand_on_a_list_or_below_one() {
    let mut world = World::published();
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    let pki = root("alpha-pki");
    let sub = pki.get(PkiRole::CpoSub1).unwrap().certificate();
    let disclosed = SubcaDisclose { certificate: Der(sub.der().to_vec()), issuer: alpha };
    let disclosed = world.say(&["alpha-pki"], disclosed).unwrap();
    let [two_years, ninety_days] = END_NOTICES;

    let roots = of(&world, Kind::Root);
    assert_eq!(roots.len(), 2);
    let due = roots.iter().find(|due| due.subject.key() == alpha.to_string()).unwrap();
    assert_eq!(due.at, Timestamp::from_unix(pki.root().certificate().not_after()));
    for (before, urgency) in [(two_years + 1, Urgency::Later), (two_years, Urgency::Soon), (0, Urgency::Soon)]
    {
        assert_eq!(due.urgency(due.at.minus_seconds(before)), urgency, "{before}");
    }
    let sub_ca = one(&world, Kind::SubCa);
    assert_eq!(
        (sub_ca.at.unix(), sub_ca.entry, &sub_ca.lists),
        (sub.not_after(), Some(disclosed), &vec![na()])
    );
    assert_eq!(sub_ca.soon, sub_ca.at.minus_seconds(ninety_days));

    // With its root, a sub-CA is nobody's business any more.
    let to = AnchorStatus::Withdrawn;
    let change = Change::ChangeStatus { certificate: alpha, list: na(), not_issued_after: None, to };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    assert_eq!(of(&world, Kind::SubCa), []);
    assert_eq!(one(&world, Kind::Root).subject.key(), beta.to_string());
    world.now = one(&world, Kind::Root).at.plus_seconds(1);
    assert_eq!(of(&world, Kind::Root), [], "it has left the list by itself");
}

#[test]
fn a_cross_certificate_ends_before_the_roots_that_it_joins() {
    let mut world = World::published();
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    let (issuer, subject) = (root("alpha-pki"), root("beta-pki"));
    let until = world.now.plus_seconds(700 * DAY).unix();
    let cross = cross_certify(issuer.root(), subject.root().certificate(), start().unix(), until).unwrap();
    let submit = ApplicationSubmit {
        candidate: Candidate::CrossCertificate { issuer: alpha, subject: beta },
        ..application(cross.der().to_vec())
    };
    let index = world.say(&["beta-pki"], submit).unwrap();
    world.attach_all(index);
    world.screen(index, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let found = world.state.applications[&index].clone();
    let change = Change::AdmitCross {
        application: index,
        certificate: found.fingerprint,
        evidence: found.evidence.iter().map(|one| one.index).collect(),
        list: na(),
        screening: found.screening.as_ref().unwrap().index,
        waived: vec![],
    };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let due = one(&world, Kind::CrossCertificate);
    assert_eq!((due.at.unix(), due.subject.key()), (until, found.fingerprint.to_string()));
}

#[test]
fn discussion_vote_and_take_up_follow_each_other() {
    let mut world = World::published();
    let application = world.apply_with_root("alpha-pki").unwrap();
    assert_eq!(of(&world, Kind::Discussion), [], "it has not begun");
    world.attach_all(application);
    world.screen(application, Vec::new()).unwrap();
    let discussion = one(&world, Kind::Discussion);
    assert_eq!((discussion.at, discussion.entry), (world.now.plus_seconds(14 * DAY), Some(application)));
    world.wait(20 * DAY);
    assert_eq!(one(&world, Kind::Discussion).urgency(world.now), Urgency::Overdue, "nobody opens the vote");

    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    assert_eq!(of(&world, Kind::Discussion), []);
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    let vote = one(&world, Kind::Vote);
    assert_eq!(vote.subject, Subject::Proposal { proposal, approvals: 1, quorum: 2 });
    assert_eq!((vote.at, &vote.lists), (world.now.plus_seconds(7 * DAY), &vec![na()]));
    world.vote("elector-2", proposal, Choice::Approve).unwrap();
    world.wait(7 * DAY + 1);
    assert_eq!(of(&world, Kind::Vote), [], "closed by itself");

    world.state.advance(world.now);
    world.publish_list();
    let taken_up = one(&world, Kind::TakeUp);
    assert_eq!(taken_up.at, world.now.plus_seconds(10 * DAY));
    let spki =
        world.state.anchor(&na(), &world.state.applications[&application].fingerprint).unwrap().listed.spki;
    let what = Distrusted { kind: DistrustKind::Spki, sha256: spki };
    let proposal = world.propose("elector-1", Change::Distrust { list: na(), what }).unwrap();
    world.decide(proposal);
    assert_eq!(of(&world, Kind::TakeUp), [], "what is distrusted becomes usable for nobody");
}

#[test]
fn a_notice_ends_by_itself() {
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.admitted("beta-pki");
    let expires_at = world.now.plus_seconds(5 * DAY);
    let reason = WithdrawalReason::KeyCompromise;
    let index =
        world.say(&["officer-1"], NoticeIssue { anchor: alpha, expires_at, list: na(), reason }).unwrap();
    let due = one(&world, Kind::Notice);
    assert_eq!((due.at, due.entry, due.urgency(world.now)), (expires_at, Some(index), Urgency::Later));
    world.wait(5 * DAY + 1);
    assert_eq!(of(&world, Kind::Notice), []);
}

#[test]
fn accreditations_end_and_audits_grow_old() {
    let mut world = World::published();
    let until = world.now.plus_seconds(300 * DAY);
    let change = Change::AccreditAuditor { auditor: "auditor".parse().unwrap(), expires_at: Some(until) };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let accreditation = one(&world, Kind::Accreditation);
    assert_eq!((accreditation.at, accreditation.entry), (until, Some(proposal)));

    let application = world.apply_with_root("alpha-pki").unwrap();
    let mut attach = |by: &str, dated: Timestamp| {
        let kind = EvidenceKind::AuditReport;
        let blob = Some(blob(&format!("audit by {by} of {dated}")));
        world
            .say(&[by], EvidenceAttach { application, blob, dated: Some(dated), fingerprint: None, kind })
            .unwrap()
    };
    attach("auditor", start().minus_seconds(100 * DAY));
    let newest = attach("auditor", start().minus_seconds(10 * DAY));
    // Not accredited: it counts nowhere, so it extends nothing.
    attach("alpha-pki", start());
    assert_eq!(of(&world, Kind::Audit), [], "its operator is on no list");
    world.attach_all(application);
    world.screen(application, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.decide(proposal);
    let audit = one(&world, Kind::Audit);
    assert_eq!((audit.at, audit.entry), (start().plus_seconds(355 * DAY), Some(newest)));
    assert_eq!((audit.subject.key().as_str(), &audit.lists), ("alpha-pki", &vec![na()]));
    world.wait(300 * DAY);
    assert_eq!(of(&world, Kind::Accreditation), []);
    let unaudited = one(&world, Kind::Audit);
    assert_eq!(unaudited.subject, Subject::Unaudited("alpha-pki".parse().unwrap()), "with its auditor");
    assert_eq!((unaudited.entry, unaudited.urgency(world.now)), (Some(proposal), Urgency::Overdue));
}

#[test]
fn a_list_whose_policy_is_not_at_hand_has_no_audits_that_nobody_can_tell_and_says_so() {
    let mut world = World::published();
    let of_audits = |world: &World, end: AuditEnd| {
        let mut dues = calendar(&world.state.at(world.now), world.now, &|_, _| end);
        dues.retain(|due| due.kind == Kind::Audit);
        dues
    };
    assert_eq!(of_audits(&world, AuditEnd::Unknown), [], "nobody is on the list");
    world.admitted("alpha-pki");
    let [untold] = of_audits(&world, AuditEnd::Unknown).try_into().unwrap();
    assert_eq!(untold.subject, Subject::Policy(world.state.charter.lists[&na()].policy.clone()));
    assert_eq!((untold.lists.clone(), untold.urgency(world.now)), (vec![na()], Urgency::Overdue));
    assert_eq!(untold.entry, Some(world.state.charter_since));
    assert_eq!(of_audits(&world, AuditEnd::Never), [], "a policy that asks for none");
}

#[test]
fn each_watcher_owes_its_reports_on_a_month_three_days_after_it() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    let months = |world: &World, watcher: &str| -> Vec<(String, usize, Urgency)> {
        let found = of(world, Kind::Report).into_iter();
        found
            .filter_map(|due| match &due.subject {
                Subject::Month { watcher: of, from, missing } if of.as_str() == watcher => {
                    Some((from.to_string()[..7].to_owned(), *missing, due.urgency(world.now)))
                }
                _ => None,
            })
            .collect()
    };
    let later = |month: &str, missing| (month.to_owned(), missing, Urgency::Later);
    // On alpha and on the trust list manager; alpha's own watcher may say nothing about alpha. Nobody owes December.
    assert_eq!(months(&world, "watcher-north"), [later("2026-01", 2)]);
    assert_eq!(months(&world, "alpha-watcher"), [later("2026-01", 1)]);
    world.now = "2026-02-01T00:00:00Z".parse().unwrap();
    let soon = ("2026-01".to_owned(), 2, Urgency::Soon);
    assert_eq!(months(&world, "watcher-north"), [soon, later("2026-02", 2)]);
    let report = |operator: Option<&str>| SlaReport {
        from: start(),
        operator: operator.map(|id| id.parse().unwrap()),
        policy: policy(),
        report: blob(&format!("on {operator:?}")),
        summary: vec![],
        to: "2026-02-01T00:00:00Z".parse().unwrap(),
    };
    world.say(&["watcher-north"], report(None)).unwrap();
    world.wait(3 * DAY + 1);
    let overdue = ("2026-01".to_owned(), 1, Urgency::Overdue);
    assert_eq!(months(&world, "watcher-north"), [overdue, later("2026-02", 2)]);
    world.say(&["watcher-north"], report(Some("alpha-pki"))).unwrap();
    assert_eq!(months(&world, "watcher-north"), [later("2026-02", 2)]);

    // Nothing is forgotten with the month, nor with an amendment of the charter.
    world.now = "2026-04-10T00:00:00Z".parse().unwrap();
    let mut charter = charter();
    charter.notices.max_in_force = 3;
    let change = Change::AmendCharter { charter: Box::new(charter) };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let missed = |month: &str| (month.to_owned(), 2, Urgency::Overdue);
    assert_eq!(months(&world, "watcher-north"), [missed("2026-02"), missed("2026-03"), later("2026-04", 2)]);
}

#[test]
fn the_certificates_that_a_list_is_signed_with_in_cms_end() {
    let mut charter = charter();
    charter.lists.get_mut(&na()).unwrap().sae_cms = Some(sae_cms());
    let world = World::published_with(charter);
    let found = of(&world, Kind::SignerCertificate);
    let names: BTreeSet<String> = found.iter().map(|due| due.subject.key()).collect();
    assert_eq!(names, ["ca", "signer-1", "signer-2", "signer-3"].map(str::to_owned).into());
    assert!(found.iter().all(|due| due.at > world.now && due.lists == [na()]));
}

#[test]
fn every_due_has_a_name_of_its_own_and_its_numbers_are_bounded_by_kinds_and_lists() {
    let mut world = World::published();
    for operator in ["alpha-pki", "beta-pki"] {
        let anchor = world.admitted(operator);
        let pki = root(operator);
        for role in [PkiRole::CpoSub1, PkiRole::MoSub1] {
            let Some(sub) = pki.get(role) else { continue };
            let body = SubcaDisclose { certificate: Der(sub.certificate().der().to_vec()), issuer: anchor };
            world.say(&[operator], body).unwrap();
        }
    }
    world.publish_list();
    let all = dues(&world);
    assert!(all.is_sorted_by_key(|due| due.at));
    let ids: BTreeSet<String> = all.iter().map(Due::id).collect();
    assert_eq!(ids.len(), all.len());
    let next = soonest(&all);
    assert!(next.len() < all.len());
    for ((kind, list), due) in &next {
        let here = |other: &&Due| list.map_or(other.lists.is_empty(), |list| other.lists.contains(list));
        let same = all.iter().filter(|other| other.kind == *kind).filter(here);
        assert_eq!(same.map(|other| other.at).min(), Some(due.at), "{kind}");
    }
    let counted: u64 = count(&all, world.now).values().sum();
    assert_eq!(counted, all.len() as u64);
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
    }
    assert!("roots".parse::<Kind>().unwrap_err().to_string().contains("sub-ca"));
}
