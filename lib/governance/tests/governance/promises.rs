//! The governance's own service levels: stories whose waits are known, and a treatment that is unequal and shows.

use ctl_core::Digest;
use ctl_governance::promises::{ApplicationWaits, Promises, Waits, promises};
use ctl_governance::state::Outcome;
use ctl_governance::statement::body::*;

use crate::common::*;

fn now(world: &World) -> Promises {
    promises(&world.state.at(world.now), world.now)
}

fn of<'a>(found: &'a Promises, operator: &str) -> &'a ApplicationWaits {
    &found.applications.operators.iter().find(|one| one.operator.as_str() == operator).unwrap().waits
}

fn over(seconds: u64) -> Waits {
    let all = Some(seconds);
    Waits { over: 1, min: all, p50: all, p90: all, max: all, ..Waits::default() }
}

fn waiting(seconds: u64) -> Waits {
    Waits { waiting: 1, waiting_longest: Some(seconds), ..Waits::default() }
}

#[test]
fn an_application_waits_for_screening_decision_and_publication_each_to_its_own_end() {
    let mut world = World::published_with(charter());
    let application = world.apply_with_root("alpha-pki").unwrap();
    world.wait(600);
    let found = now(&world);
    assert_eq!(of(&found, "alpha-pki").screening, waiting(600));
    assert_eq!(of(&found, "alpha-pki").deliberation, Waits::default(), "nothing to deliberate yet");
    assert_eq!(of(&found, "alpha-pki").publication, Waits::default(), "nobody knows whether it will be");
    assert_eq!(found.applications.open[0].waiting_seconds, 600);

    world.screen(application, Vec::new()).unwrap();
    world.wait(5 * DAY);
    world.attach_all(application);
    // Screened again: the applicant has been heard all the same.
    world.screen(application, Vec::new()).unwrap();
    world.wait(14 * DAY);
    let found = now(&world);
    assert_eq!(of(&found, "alpha-pki").screening, over(600));
    assert_eq!(
        of(&found, "alpha-pki").deliberation,
        waiting(14 * DAY),
        "the applicant's own days do not count"
    );
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.wait(DAY);
    world.decide(proposal);
    world.wait(3 * DAY);
    let found = now(&world);
    let waits = of(&found, "alpha-pki");
    assert_eq!((waits.accepted, waits.decision.clone()), (1, over(600 + 20 * DAY)));
    assert_eq!(waits.deliberation, over(15 * DAY));
    assert_eq!(waits.publication, waiting(600 + 23 * DAY), "decided, and not yet on the list");
    assert_eq!(found.applications.open.len(), 1);
    world.publish_list();
    world.wait(100 * DAY);
    let found = now(&world);
    assert_eq!(of(&found, "alpha-pki").publication, over(600 + 23 * DAY));
    assert!(found.applications.open.is_empty());
    assert_eq!(found.applications.all, *of(&found, "alpha-pki"));
}

#[test]
fn what_is_taken_back_or_rejected_is_no_wait_of_its_own() {
    let mut world = World::published_with(charter());
    let taken_back = world.apply_with_root("alpha-pki").unwrap();
    world.wait(DAY);
    world.say(&["alpha-pki"], ApplicationWithdraw { application: taken_back }).unwrap();
    let rejected = world.discussed("beta-pki");
    let proposal = world.proposal_to_admit(rejected);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    // Nobody votes; the decision falls by time alone, without an entry.
    world.wait(7 * DAY + 1);
    let state = world.state.at(world.now).into_owned();
    assert_eq!(state.proposals[&proposal].decision.as_ref().unwrap().outcome, Outcome::Rejected);
    let found = promises(&state, world.now);
    let alpha = of(&found, "alpha-pki");
    assert_eq!(
        (alpha.withdrawn, &alpha.screening, &alpha.decision),
        (1, &Waits::default(), &Waits::default())
    );
    let beta = of(&found, "beta-pki");
    assert_eq!((beta.rejected, &beta.decision, &beta.publication), (1, &over(21 * DAY), &Waits::default()));
    assert!(found.applications.open.is_empty());
}

/// Someone asks alpha, and is answered after so many days.
fn asked(world: &mut World, by: &str, anchors: (Digest, Digest), days: u64, answer: Option<RefusalReason>) {
    let (issuer_anchor, requester_anchor) = anchors;
    let body = CrossRequest { issuer_anchor, list: na(), requester_anchor, terms: None };
    let request = world.say(&[by], body).unwrap();
    world.wait(days * DAY);
    let to = world.state.cross_requests[&request].issuer.clone();
    let decision = if answer.is_some() { CrossAnswer::Declined } else { CrossAnswer::Accepted };
    let answer = CrossRespond { answer: decision, document: None, reason: answer, request };
    world.say(&[to.as_str()], answer).unwrap();
}

#[test]
fn who_keeps_one_operator_waiting_longer_than_another_is_seen_to_do_so() {
    let mut world = World::published_with(charter());
    let (alpha, beta, gamma) = {
        let body = new_participant(
            "gamma-pki",
            "gamma",
            &[ctl_governance::statement::parts::ParticipantKind::PkiOperator],
        );
        world.keys.insert("gamma-pki".into(), key("gamma-pki"));
        world.say(&["gamma-pki", "admissions"], ParticipantRegister { participant: body }).unwrap();
        (world.admitted("alpha-pki"), world.admitted("beta-pki"), world.admitted("gamma-pki"))
    };
    world.publish_list();
    for _ in 0..3 {
        asked(&mut world, "beta-pki", (alpha, beta), 2, None);
        asked(&mut world, "gamma-pki", (alpha, gamma), 40, Some(RefusalReason::TermsNotAgreed));
    }
    asked(&mut world, "alpha-pki", (gamma, alpha), 1, None);
    let body = CrossRequest { issuer_anchor: alpha, list: na(), requester_anchor: gamma, terms: None };
    let open = world.say(&["gamma-pki"], body).unwrap();
    world.wait(9 * DAY);

    let found = now(&world).cross_certification;
    let alpha = found.issuers.iter().find(|issuer| issuer.operator.as_str() == "alpha-pki").unwrap();
    assert_eq!((alpha.waits.requests, alpha.waits.accepted, alpha.waits.declined), (7, 3, 3));
    let [beta, gamma] = alpha.requesters.as_slice() else { panic!("{alpha:?}") };
    assert_eq!((beta.operator.as_str(), gamma.operator.as_str()), ("beta-pki", "gamma-pki"));
    assert_eq!((beta.waits.answer.p50, beta.waits.declined), (Some(2 * DAY), 0));
    assert_eq!((gamma.waits.answer.p50, gamma.waits.declined), (Some(40 * DAY), 3));
    assert_eq!(gamma.waits.reasons, [(RefusalReason::TermsNotAgreed, 3)].into());
    assert_eq!((gamma.waits.answer.waiting, gamma.waits.answer.waiting_longest), (1, Some(9 * DAY)));
    assert_eq!((found.open.len(), found.open[0].request), (1, open));
    assert_eq!(found.all.requests, 8);
    let asked: Vec<_> =
        found.requesters.iter().map(|one| (one.operator.as_str(), one.waits.requests)).collect();
    assert_eq!(asked, [("alpha-pki", 1), ("beta-pki", 3), ("gamma-pki", 4)]);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["issuers"][0]["requesters"][1]["reasons"]["terms-not-agreed"], 3);
    assert_eq!(json["issuers"][0]["requesters"][0]["answer"]["p50"], 2 * DAY);
}
