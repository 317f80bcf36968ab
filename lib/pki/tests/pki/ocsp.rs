//! OCSP: what an honest responder answers, and what an attacker, a careless responder or a stale cache may.

mod answers;
mod reading;
mod signers;
mod time;

use ctl_pki::ocsp::{self, Judgement, Limits, Note, OcspResponse, Question};
use ctl_pki::revocation::Outcome;

use crate::revocation::*;

fn judge_with(response: &OcspResponse, nonce: Option<&[u8]>, time: i64, limits: &Limits) -> Judgement {
    let (leaf, root) = (leaf(), root());
    let question = Question::about(&leaf, &root.certificate);
    let question = match nonce {
        Some(nonce) => question.with_nonce(nonce),
        None => question,
    };
    ocsp::judge(response, &question, &[], time, limits)
}

fn judge(response: &OcspResponse) -> Judgement {
    judge_with(response, None, NOW, &Limits::default())
}

fn rule(judgement: &Judgement) -> &'static str {
    match &judgement.outcome {
        Outcome::Undetermined(reason) => {
            assert!(judgement.problems.contains(reason));
            assert!(!reason.to_string().is_empty() && !reason.source().is_empty());
            reason.rule()
        }
        Outcome::Good => "good",
        Outcome::Revoked { .. } => "revoked",
    }
}

fn notes(judgement: &Judgement) -> Vec<&'static str> {
    assert!(judgement.notes.iter().all(|note| !note.to_string().is_empty() && !note.source().is_empty()));
    judgement.notes.iter().map(Note::rule).collect()
}
