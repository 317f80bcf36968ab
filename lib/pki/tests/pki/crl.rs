//! CRLs: what an honest issuer publishes, and what an attacker or a careless issuer may serve.

mod issuers;
mod reading;
mod scope;
mod time;

use ctl_pki::Certificate;
use ctl_pki::crl::{self, Crl, Judgement, Limits, Note};
use ctl_pki::revocation::Outcome;

use crate::revocation::*;

fn judge_at(certificate: &Certificate, crls: &[&Crl], time: i64) -> Judgement {
    crl::judge(certificate, &[&root().certificate], crls, time, &Limits::default())
}

fn judge(certificate: &Certificate, crls: &[&Crl]) -> Judgement {
    judge_at(certificate, crls, NOW)
}

/// The rule that left the leaf's status undetermined.
fn undetermined(shape: &CrlShape) -> &'static str {
    let judgement = judge(&leaf(), &[&shape.signed()]);
    match judgement.outcome {
        Outcome::Undetermined(reason) => {
            assert!(!reason.to_string().is_empty() && !reason.source().is_empty());
            reason.rule()
        }
        other => panic!("{other}"),
    }
}

fn notes(judgement: &Judgement) -> Vec<&'static str> {
    judgement.crls[0].notes.iter().map(Note::rule).collect()
}
