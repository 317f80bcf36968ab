//! Entries of the log in words: what each says, and who signed it.

use ctl_core::Digest;
use ctl_core::keys::KeyId;
use ctl_core::names::ParticipantId;
use ctl_governance::State;
use ctl_governance::statement::body::{Body, BreachPhase, Choice, CrossAnswer, Service};
use ctl_governance::statement::{Entry, body};

use crate::words::Words;
use crate::{parts, place, proposal, timeline};

/// What a statement says.
pub(crate) fn told(state: &State, index: u64, body: &Body) -> Words {
    match body {
        Body::CharterEstablish(one) => {
            let words = Words::new("Founds the scheme ");
            words.named(one.charter.name.as_str(), place::OVERVIEW.to_owned())
        }
        Body::ParticipantRegister(one) => {
            let words = Words::new("Registers ").participant(state, &one.participant.id);
            words.and(format!(" of {}", one.participant.organisation))
        }
        Body::ParticipantRotateKey(one) => {
            Words::new("Gives ").participant(state, &one.participant).and(" a new key")
        }
        Body::ParticipantSuspend(one) => {
            Words::new("Takes the right to sign from ").participant(state, &one.participant)
        }
        Body::ApplicationSubmit(one) => {
            Words::new("Applies for list ").list(state, &one.list).and(" with ").application(state, index)
        }
        Body::ApplicationWithdraw(one) => {
            Words::new("Withdraws the application of ").application(state, one.application)
        }
        Body::EvidenceAttach(one) => {
            let words = Words::new("Attaches to the application of ");
            words.application(state, one.application).and(format!(": {}", timeline::kind(one.kind)))
        }
        Body::ScreeningRecord(one) => {
            let words = Words::new("Screens ").application(state, one.application);
            words.and(format!(": {}", parts::count(one.findings.len(), "finding")))
        }
        Body::CommentAdd(one) => about(state, Words::new("Comments on "), one.about),
        Body::ProposalOpen(one) => {
            let words = Words::new("Puts to the ").named("vote", place::proposal(index)).and(": ");
            words.then(proposal::title(state, &one.change))
        }
        Body::VoteCast(one) => vote(state, one),
        Body::SubcaDisclose(one) => {
            let fingerprint = Digest::of(&one.certificate.0);
            let words = Words::new("Discloses the sub-CA ");
            words.named(fingerprint.short(), place::certificate(&fingerprint))
        }
        Body::SubcaRevoke(one) => {
            let words = Words::new("Revokes the sub-CA ");
            let words = words.named(one.certificate.short(), place::certificate(&one.certificate));
            words.and(format!(", for {}", parts::reason(one.reason)))
        }
        Body::MoAssign(one) => {
            let words =
                Words::new("Assigns the MO identifier ").named(one.id.as_str(), place::mo_id(&one.id));
            words.and(" to ").participant(state, &one.holder)
        }
        Body::MoUpdate(one) => {
            let words = Words::new("Corrects who issued ").named(one.id.as_str(), place::mo_id(&one.id));
            words.and(format!(": {}", one.source))
        }
        Body::MoTransfer(one) => {
            let words = Words::new("Moves the MO identifier ").named(one.id.as_str(), place::mo_id(&one.id));
            words.and(" to ").participant(state, &one.to)
        }
        Body::MoSuspend(one) => {
            Words::new("Suspends the MO identifier ").named(one.id.as_str(), place::mo_id(&one.id))
        }
        Body::MoWithdraw(one) => {
            Words::new("Withdraws the MO identifier ").named(one.id.as_str(), place::mo_id(&one.id))
        }
        Body::NoticeIssue(one) => {
            let words = Words::new("Suspends ").certificate(state, &one.list, &one.anchor);
            let words = words.and(" on list ").list(state, &one.list);
            words.and(format!(" in an emergency, for {}", parts::reason(one.reason)))
        }
        Body::NoticeLift(one) => {
            Words::new("Lifts ").named(format!("notice {}", one.notice), place::entry(one.notice))
        }
        Body::DraftOpen(one) => {
            let words = Words::new("Opens for signatures: ").role(state, &one.role);
            words.and(format!(", version {}", one.sequence.unwrap_or(one.version)))
        }
        Body::PublicationRecord(one) => {
            let signatures = parts::count(one.metadata_signatures.len(), "signature");
            Words::new("Publishes ").role(state, &one.role).and(format!(", with {signatures}"))
        }
        Body::SlaBreach(one) => {
            let verb = match one.phase {
                BreachPhase::Opened => "fell below its objective",
                BreachPhase::Closed => "is well again",
            };
            service(state, Words::new("Says that "), &one.service).and(format!(" {verb}"))
        }
        Body::SlaReport(one) => {
            let month = parts::month(one.from);
            operator(state, Words::new("Reports on the services of "), one.operator.as_ref())
                .and(format!(" in {month}"))
        }
        Body::CrossRequest(one) => {
            let words = Words::new("Asks for a cross-certificate of ");
            let words = words.certificate(state, &one.list, &one.issuer_anchor).and(" for ");
            words.certificate(state, &one.list, &one.requester_anchor)
        }
        Body::CrossRespond(one) => {
            let words =
                Words::new("Answers ").named(format!("request {}", one.request), place::entry(one.request));
            words.and(format!(": {}", answer(one.answer)))
        }
        Body::LogRestart(one) => {
            Words::new(format!("Begins the log anew as {}, because of {}", one.origin, one.reason.as_str()))
        }
    }
}

fn vote(state: &State, one: &body::VoteCast) -> Words {
    let choice = match one.choice {
        Choice::Approve => "for",
        Choice::Reject => "against",
        Choice::Abstain => "neither for nor against",
    };
    let words = Words::new(format!("Votes {choice} "));
    match state.proposal_of_leaf.get(&one.proposal) {
        Some(index) => about(state, words, *index),
        None => words.and(one.proposal.short()),
    }
}

/// An application or a proposal.
fn about(state: &State, words: Words, index: u64) -> Words {
    match state.proposals.get(&index) {
        Some(found) => {
            let words = words.named(format!("vote {index}"), place::proposal(index)).and(": to ");
            words.then(proposal::title(state, &found.change))
        }
        None => words.and("the application of ").application(state, index),
    }
}

fn service(state: &State, words: Words, service: &Service) -> Words {
    operator(state, words.and(format!("the service {} of ", service.kind)), service.operator.as_ref())
}

fn operator(state: &State, words: Words, operator: Option<&ParticipantId>) -> Words {
    match operator {
        Some(operator) => words.participant(state, operator),
        None => words.and("the trust list manager itself"),
    }
}

/// An answer in words.
pub(crate) const fn answer(answer: CrossAnswer) -> &'static str {
    match answer {
        CrossAnswer::Accepted => "there will be one",
        CrossAnswer::Declined => "there will be none",
    }
}

/// Whose key this is, by the state as it is now.
pub(crate) fn whose(state: &State, key: &KeyId) -> Words {
    let server = &state.charter.server;
    if let Some(record) = state.keys.get(key) {
        return Words::default().participant(state, &record.participant);
    }
    let of_the_server = [("recorder", &server.recorder), ("log", &server.log)];
    match of_the_server.into_iter().find(|(_, one)| one.key_id() == *key) {
        Some((name, _)) => Words::new(format!("the server ({name})")),
        None => Words::new("a key that neither a participant nor the server has any more"),
    }
}

/// Who signed an entry.
pub(crate) fn signers(state: &State, entry: &Entry) -> Words {
    let mut words = Words::default();
    for (at, signature) in entry.statement.jws.signatures.iter().enumerate() {
        if at > 0 {
            words = words.and(", ");
        }
        words = words.then(whose(state, &signature.protected.kid));
    }
    words
}
