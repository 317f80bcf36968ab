//! Attacks by who applies with a root whose key somebody else holds.

use ctl_governance::application::Stage;
use ctl_governance::possession::{Challenge, Possession};
use ctl_governance::state::Outcome;
use ctl_sandbox::{Entity, certification_request};

use super::*;

fn submission(operator: &str, possession: Option<PossessionProof>) -> ApplicationSubmit {
    let certificate = root(operator).root().certificate().der().to_vec();
    ApplicationSubmit { possession, ..application(certificate) }
}

fn request(root: &Entity, challenge: &Challenge) -> PossessionProof {
    let request = certification_request(root, &challenge.common_name()).unwrap();
    PossessionProof { position: challenge.position, request: Der(request) }
}

fn ready(world: &mut World, application: u64) {
    world.attach_all(application);
    world.screen(application, Vec::new()).unwrap();
    world.wait(14 * DAY);
}

fn waive(proposal: &mut ProposalOpen, rules: &[&str]) {
    let Change::Admit { waived, .. } = &mut proposal.change else { panic!("to admit") };
    *waived = rules.iter().map(|rule| rule.parse().unwrap()).collect();
}

#[test]
fn who_does_not_show_that_it_holds_a_roots_key_is_put_to_the_vote_only_with_that_named() {
    let mut world = World::published();
    let stranger = world.say(&["beta-pki"], submission("alpha-pki", None)).unwrap();
    assert_eq!(world.state.applications[&stranger].possession, Possession::Missing);
    ready(&mut world, stranger);
    let mut proposal = world.proposal_to_admit(stranger);
    waive(&mut proposal, &[]);
    let refusal = world.say(&["elector-1"], proposal.clone()).unwrap_err();
    assert_eq!(refusal.reason, Reason::Stage);
    assert!(refusal.detail.contains("possession"), "{refusal}");
    waive(&mut proposal, &["possession"]);
    world.say(&["elector-1"], proposal).unwrap();
}

#[test]
fn what_is_proven_needs_no_waiver_and_admits_none() {
    let mut world = World::published();
    let application = world.discussed("alpha-pki");
    assert_eq!(world.state.applications[&application].possession, Possession::Proven);
    let mut proposal = world.proposal_to_admit(application);
    waive(&mut proposal, &["possession"]);
    assert_eq!(reason(world.say(&["elector-1"], proposal.clone())), Reason::Content);
    waive(&mut proposal, &[]);
    world.say(&["elector-1"], proposal).unwrap();
}

#[test]
fn a_proof_serves_nobody_else_and_nothing_else() {
    let mut world = World::published();
    let (alpha, beta) = (root("alpha-pki"), root("beta-pki"));
    let (alpha, beta) = (alpha.root(), beta.root());
    let honest = world.challenge("alpha-pki", alpha);
    let of_beta = world.challenge("beta-pki", beta);
    let changed: [(&str, Challenge); 5] = [
        ("another participant", Challenge { participant: of_beta.participant, ..honest.clone() }),
        ("another participant's key", Challenge { key: of_beta.key, ..honest.clone() }),
        ("another list", Challenge { list: "eu".parse().unwrap(), ..honest.clone() }),
        ("another certificate", Challenge { certificate: of_beta.certificate, ..honest.clone() }),
        ("another scheme", Challenge { scheme: Digest::of(b"elsewhere"), ..honest.clone() }),
    ];
    for (what, challenge) in changed {
        let refused = world.say(&["alpha-pki"], submission("alpha-pki", Some(request(alpha, &challenge))));
        assert_eq!(reason(refused), Reason::Content, "for {what}");
    }
    let by_another_key = request(beta, &honest);
    let refused = world.say(&["alpha-pki"], submission("alpha-pki", Some(by_another_key)));
    assert_eq!(reason(refused), Reason::Content, "by another key");

    let good = request(alpha, &honest);
    for subject in ["ctl-possession-", "Alpha Root", &format!("{},O=Alpha", honest.common_name())] {
        let request = Der(certification_request(alpha, subject).unwrap());
        let refused = world
            .say(&["alpha-pki"], submission("alpha-pki", Some(PossessionProof { request, ..good.clone() })));
        assert_eq!(reason(refused), Reason::Content, "{subject}");
    }
    let whole = &good.request.0;
    for position in 0..whole.len() {
        let mut bent = whole.clone();
        bent[position] ^= 1;
        let possession = Some(PossessionProof { request: Der(bent), ..good.clone() });
        let judged = world.say(&["alpha-pki"], submission("alpha-pki", possession));
        // Of the bits of the algorithm's name some give another name, by which nothing is proven.
        if let Ok(index) = judged {
            assert_eq!(world.state.applications[&index].possession, Possession::Unverifiable, "{position}");
            world.say(&["alpha-pki"], ApplicationWithdraw { application: index }).unwrap();
            world.wait(DAY);
        }
    }
    world.say(&["alpha-pki"], submission("alpha-pki", Some(good))).expect("and the honest one serves");
}

/// The content of the first element, whose length takes at most two bytes more, and what follows it.
fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (header, length) = match der[1] {
        0x81 => (3, usize::from(der[2])),
        0x82 => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
        short => (2, usize::from(short)),
    };
    der[header..].split_at(length)
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match length {
        [0, short @ ..0x80] => vec![0x30, short],
        [0, long] => vec![0x30, 0x81, long],
        [high, low] => vec![0x30, 0x82, high, low],
    };
    [header, content.to_vec()].concat()
}

#[test]
fn a_proof_with_attributes_is_no_proof() {
    let mut world = World::published();
    let pki = root("alpha-pki");
    let good = world.proof("alpha-pki", pki.root());
    // An attribute in the empty set: [0] { SEQUENCE { OID 1.2.3, SET { NULL } } }.
    let attribute = [0x30, 0x08, 0x06, 0x02, 0x2a, 0x03, 0x31, 0x02, 0x05, 0x00];
    let (info, rest) = element(element(&good.request.0).0);
    let without = info.strip_suffix(&[0xa0, 0x00]).unwrap();
    let with = sequence(&[without, &[0xa0, attribute.len() as u8], &attribute].concat());
    let longer = sequence(&[&with, rest].concat());
    let possession = Some(PossessionProof { request: Der(longer), ..good });
    let refusal = world.say(&["alpha-pki"], submission("alpha-pki", possession)).unwrap_err();
    assert!(refusal.detail.contains("attributes"), "{refusal}");
}

#[test]
fn an_old_proof_or_one_of_another_history_is_refused() {
    let mut world = World::published();
    let pki = root("alpha-pki");
    let proof = world.proof("alpha-pki", pki.root());
    world.wait(90 * DAY);
    let mut later = World::published();
    later.wait(90 * DAY + 1);
    let refused = later.say(&["alpha-pki"], submission("alpha-pki", Some(proof.clone())));
    assert_eq!(reason(refused), Reason::Time);
    let mut ahead = proof.clone();
    ahead.position.size += 1;
    let refused = world.say(&["alpha-pki"], submission("alpha-pki", Some(ahead)));
    assert_eq!(reason(refused), Reason::Basis);
    let mut elsewhere = proof.clone();
    elsewhere.position.root_hash = Digest::of(b"another history");
    let refused = world.say(&["alpha-pki"], submission("alpha-pki", Some(elsewhere)));
    assert_eq!(reason(refused), Reason::Basis);
    world.say(&["alpha-pki"], submission("alpha-pki", Some(proof))).expect("90 days are not too many");
}

#[test]
fn a_proof_whose_algorithm_cannot_be_verified_counts_as_missing() {
    let mut world = World::published();
    let pki = root("alpha-pki");
    let mut proof = world.proof("alpha-pki", pki.root());
    // ecdsa-with-SHA224 instead of ecdsa-with-SHA256.
    let sha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let place = proof.request.0.windows(8).rposition(|window| window == sha256).unwrap();
    proof.request.0[place + 7] = 0x01;
    let index = world.say(&["alpha-pki"], submission("alpha-pki", Some(proof))).unwrap();
    let application = &world.state.applications[&index];
    assert_eq!(application.possession, Possession::Unverifiable);
    assert_eq!(application.errors(), [("possession".parse().unwrap(), true)]);
}

#[test]
fn nobody_blocks_an_owner_by_applying_first_with_its_root() {
    let mut world = World::published();
    let squatter = world.say(&["beta-pki"], submission("alpha-pki", None)).unwrap();
    world.attach_all(squatter);
    world.screen(squatter, Vec::new()).unwrap();
    let owner = world.discussed("alpha-pki");
    let vote = world.proposal_to_admit(squatter);
    let vote = world.say(&["elector-1"], vote).unwrap();
    let again = world.apply_with_root("alpha-pki");
    assert_eq!(reason(again), Reason::Exists, "each applies once");
    let proposal = world.proposal_to_admit(owner);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    for elector in ["elector-1", "elector-2"] {
        world.vote(elector, proposal, Choice::Approve).unwrap();
    }
    world.vote("elector-3", proposal, Choice::Abstain).unwrap();
    let admitted = &world.state.applications[&owner];
    assert_eq!(admitted.ended.map(|(stage, ..)| stage), Some(Stage::Accepted));
    let listed = &world.state.anchor(&na(), &admitted.fingerprint).unwrap().listed;
    assert_eq!(listed.operator.as_str(), "alpha-pki");
    let closed = &world.state.applications[&squatter];
    assert_eq!(
        closed.ended,
        Some((Stage::Rejected, world.now, proposal)),
        "closed by what admitted the other"
    );
    let decision = world.state.proposals[&vote].decision.clone().unwrap();
    assert_eq!(decision.outcome, Outcome::Rejected);
    let late = world.say(&["beta-pki"], submission("alpha-pki", None));
    assert_eq!(reason(late), Reason::Exists, "it is on the list");
}
