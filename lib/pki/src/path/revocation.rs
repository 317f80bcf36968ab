//! CRLs as a judge of paths: every certificate of a path must be proven not revoked (RFC 5280 section 6.3).

use std::cell::RefCell;
use std::collections::HashMap;

use super::{Finding, Inputs, Judge, Limits, Outcome, Question, Signatures, search};
use crate::Certificate;
use crate::crl::{self, Crl, Judgement, Reason};
use crate::revocation;

/// How many certificates for other keys that sign CRLs are tried for one issuer.
const MAX_SIGNERS: usize = 4;
/// How far the question for who signs CRLs goes: such a certificate may be revoked by a CRL itself.
const MAX_RECURSION: u8 = 2;

/// Certificate revocation lists, judging paths.
pub struct Crls<'c> {
    crls: &'c [Crl],
    signers: &'c [&'c Certificate],
    time: i64,
    undetermined: Outcome,
    recursion: u8,
    known: RefCell<HashMap<[[u8; 32]; 3], Judgement>>,
}

impl<'c> Crls<'c> {
    /// Judges by these CRLs at this moment. `signers` are the certificates among which those of CAs that sign
    /// CRLs with another key are looked for. What is not proven is `undetermined`:
    /// [`Outcome::Failed`] as RFC 5280 has it, or [`Outcome::Warning`].
    pub fn new(crls: &'c [Crl], signers: &'c [&'c Certificate], time: i64, undetermined: Outcome) -> Self {
        let known = RefCell::default();
        Self { crls, signers, time, undetermined, recursion: MAX_RECURSION, known }
    }

    fn judgement(&self, anchor: &Certificate, issuer: &Certificate, certificate: &Certificate) -> Judgement {
        let question = [anchor.sha256(), issuer.spki_sha256(), certificate.sha256()];
        if let Some(known) = self.known.borrow().get(&question) {
            return known.clone();
        }
        let by_issuer = self.ask(certificate, &[issuer]);
        let judgement = match by_issuer.outcome {
            revocation::Outcome::Undetermined(_) => match self.other_signers(anchor, issuer) {
                others if others.is_empty() => by_issuer,
                others => {
                    let signers: Vec<_> = std::iter::once(issuer).chain(others).collect();
                    self.ask(certificate, &signers)
                }
            },
            _ => by_issuer,
        };
        self.known.borrow_mut().insert(question, judgement.clone());
        judgement
    }

    fn ask(&self, certificate: &Certificate, signers: &[&Certificate]) -> Judgement {
        let crls: Vec<&Crl> = self.crls.iter().collect();
        crl::judge(certificate, signers, &crls, self.time, &crl::Limits::default())
    }

    /// Other keys of the issuer that may sign its CRLs, each with a path of its own to the same anchor (RFC 5280
    /// section 6.3.3 (f)).
    fn other_signers(&self, anchor: &Certificate, issuer: &Certificate) -> Vec<&'c Certificate> {
        let Some(recursion) = self.recursion.checked_sub(1) else { return Vec::new() };
        let may_sign = |other: &&&Certificate| {
            other.subject_name() == issuer.subject_name()
                && other.spki_sha256() != issuer.spki_sha256()
                && other.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.crl_sign()))
        };
        let themselves = Self { recursion, known: RefCell::default(), ..*self };
        let question = Question {
            inputs: Inputs::at(self.time),
            judges: vec![&themselves],
            limits: Limits {
                signatures: 16,
                edges: 64,
                judged: 4,
                checks: 10_000,
                kept: 1,
                depth: 6,
                dead_ends: 0,
            },
        };
        let others = self.signers.iter().filter(may_sign).take(MAX_SIGNERS).copied();
        others
            .filter(|other| search(other, self.signers.iter().copied(), [anchor], &question).best().is_some())
            .collect()
    }
}

impl Judge for Crls<'_> {
    fn name(&self) -> &str {
        "crl"
    }

    fn judge(
        &self,
        anchor: &Certificate,
        chain: &[&Certificate],
        _signatures: &mut Signatures,
    ) -> Vec<Finding> {
        let issuers = std::iter::once(anchor).chain(chain.iter().copied());
        let pairs = issuers.zip(chain).enumerate();
        pairs
            .flat_map(|(position, (issuer, certificate))| {
                let judgement = self.judgement(anchor, issuer, certificate);
                let (rule, outcome, source) = match &judgement.outcome {
                    revocation::Outcome::Good => ("not-revoked", Outcome::Passed, "RFC 5280 section 6.3.3"),
                    revocation::Outcome::Revoked { .. } => {
                        ("revoked", Outcome::Failed, "RFC 5280 section 6.1.3 (a)(3)")
                    }
                    revocation::Outcome::Undetermined(reason) => {
                        (reason.rule(), self.undetermined, reason.source())
                    }
                };
                let words = judgement.outcome.to_string();
                let decided = Finding { rule, outcome, position: Some(position), words, source };
                std::iter::once(decided).chain(unsupported(&judgement, position))
            })
            .collect()
    }
}

/// CRLs of a kind that is not read here, given for a certificate that the others do not revoke: they might. Whoever
/// gave them must not believe that they were heard.
fn unsupported(judgement: &Judgement, position: usize) -> Vec<Finding> {
    if judgement.outcome != revocation::Outcome::Good {
        return Vec::new();
    }
    let problems = judgement.crls.iter().filter_map(|considered| {
        considered.problems.iter().find(|problem| {
            matches!(problem, Reason::DeltaCrl | Reason::IndirectCrl | Reason::CertificateIssuerEntry)
        })
    });
    problems
        .map(|problem| Finding {
            rule: problem.rule(),
            outcome: Outcome::Warning,
            position: Some(position),
            words: format!("a CRL of its issuer was not used: {problem}"),
            source: problem.source(),
        })
        .collect()
}
