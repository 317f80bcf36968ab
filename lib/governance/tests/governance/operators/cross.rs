//! Requests for cross-certificates and their answers.

use ctl_core::Digest;
use ctl_core::parts::*;
use ctl_governance::statement::body::*;
use ctl_governance::{Reason, Refusal};

use super::setup::*;
use crate::common::*;

struct Pair {
    world: World,
    alpha: Digest,
    beta: Digest,
}

/// Two operators with an anchor on the list each.
fn pair() -> Pair {
    let mut world = world();
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    world.publish_list();
    Pair { world, alpha, beta }
}

impl Pair {
    /// Beta asks alpha to vouch for beta's root.
    fn request(&self) -> CrossRequest {
        CrossRequest {
            issuer_anchor: self.alpha,
            list: na(),
            requester_anchor: self.beta,
            terms: Some(blob("terms")),
        }
    }

    fn answer(&mut self, by: &str, body: CrossRespond) -> Result<u64, Refusal> {
        self.world.say(&[by], body)
    }
}

fn accept(request: u64) -> CrossRespond {
    CrossRespond { answer: CrossAnswer::Accepted, document: Some(blob("contract")), reason: None, request }
}

#[test]
fn a_request_for_a_cross_certificate_is_declined_and_asked_again_and_accepted() {
    let mut pair = pair();
    let body = pair.request();
    let first = pair.world.say(&["beta-pki"], body.clone()).unwrap();
    let request = &pair.world.state.cross_requests[&first];
    assert_eq!((request.requester.as_str(), request.issuer.as_str()), ("beta-pki", "alpha-pki"));
    assert!(request.is_open() && pair.world.state.cross_open.contains(&first));
    let again = pair.world.say(&["beta-pki"], body.clone());
    assert_eq!(reason(again), Reason::Exists, "once at a time");
    let reverse = CrossRequest { issuer_anchor: pair.beta, requester_anchor: pair.alpha, ..body.clone() };
    pair.world.say(&["alpha-pki"], reverse).expect("the other way round is another request");

    pair.world.wait(3 * DAY);
    let answer = pair.answer("alpha-pki", decline(first)).unwrap();
    let found = pair.world.state.cross_requests[&first].answer.clone().unwrap();
    assert_eq!((found.index, found.at, found.reason), (answer, pair.world.now, decline(0).reason));
    assert_eq!(reason(pair.answer("alpha-pki", accept(first))), Reason::Stage, "an answer is an answer");

    let second = pair.world.say(&["beta-pki"], body).unwrap();
    pair.answer("alpha-pki", accept(second)).unwrap();
    assert_eq!(pair.world.state.cross_open.size(), 1);
    assert!(pair.world.state.blobs.contains_key(&blob("contract").sha256));
    assert!(pair.world.state.lists[&na()].cross_certificates.is_empty(), "it still has to apply");
}

#[test]
fn nobody_asks_or_answers_for_another() {
    let mut pair = pair();
    let body = pair.request();
    let swapped = CrossRequest { issuer_anchor: pair.beta, requester_anchor: pair.alpha, ..body.clone() };
    for (by, expected, forged) in [
        ("alpha-pki", Reason::WrongRole, body.clone()),
        ("elector-1", Reason::WrongRole, body.clone()),
        ("recorder", Reason::WrongRole, body.clone()),
        ("beta-pki", Reason::WrongRole, swapped),
        ("beta-pki", Reason::NotFound, CrossRequest { issuer_anchor: Digest::ZERO, ..body.clone() }),
        ("beta-pki", Reason::NotFound, CrossRequest { requester_anchor: Digest::ZERO, ..body.clone() }),
        ("beta-pki", Reason::NotFound, CrossRequest { list: "eu".parse().unwrap(), ..body.clone() }),
        ("beta-pki", Reason::Content, CrossRequest { issuer_anchor: pair.beta, ..body.clone() }),
    ] {
        assert_eq!(reason(pair.world.say(&[by], forged.clone())), expected, "{by} {forged:?}");
    }
    let index = pair.world.say(&["beta-pki"], body).unwrap();
    for by in ["beta-pki", "elector-1", "recorder"] {
        assert_eq!(reason(pair.answer(by, accept(index))), Reason::WrongRole, "{by}");
    }
    assert_eq!(reason(pair.answer("alpha-pki", accept(index + 1))), Reason::NotFound);
    let bare = CrossRespond { reason: None, ..decline(index) };
    assert_eq!(reason(pair.answer("alpha-pki", bare)), Reason::Content);
    let excused = CrossRespond { reason: Some(RefusalReason::LegalObstacle), ..accept(index) };
    assert_eq!(reason(pair.answer("alpha-pki", excused)), Reason::Content);
    pair.answer("alpha-pki", decline(index)).unwrap();
}

#[test]
fn a_distrusted_anchor_neither_asks_nor_is_asked_but_may_still_answer() {
    let mut pair = pair();
    let body = pair.request();
    let index = pair.world.say(&["beta-pki"], body.clone()).unwrap();
    let what = Distrusted { kind: DistrustKind::Certificate, sha256: pair.alpha };
    let proposal = pair.world.propose("elector-1", Change::Distrust { list: na(), what }).unwrap();
    pair.world.decide(proposal);
    let reverse = CrossRequest { issuer_anchor: pair.beta, requester_anchor: pair.alpha, ..body.clone() };
    assert_eq!(reason(pair.world.say(&["alpha-pki"], reverse)), Reason::NotFound);
    let mut decline = decline(index);
    decline.reason = Some(RefusalReason::IssuerCeasing);
    pair.answer("alpha-pki", decline).unwrap();
    assert_eq!(reason(pair.world.say(&["beta-pki"], body)), Reason::NotFound);
}
