//! What CRLs mean for one certificate (RFC 5280 section 6.3.3).

use super::scope::{self, ALL_REASONS};
use super::{Checked, Crl, Entry, Limits, Note, Reason, check};
use crate::Certificate;
use crate::revocation::{Outcome, RevocationReason, read};

/// What CRLs mean for one certificate, with what was made of each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The result.
    pub outcome: Outcome<Reason>,
    /// Each CRL that was given, in that order.
    pub crls: Vec<Considered>,
    /// The CRL that decided, counted from 0; several may have been needed to prove that nothing is revoked, then
    /// it is the last of them.
    pub decided_by: Option<usize>,
    /// What is worth knowing about the certificate itself.
    pub notes: Vec<Note>,
}

/// One CRL and what it was good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// SHA-256 of the CRL.
    pub sha256: [u8; 32],
    /// When it was issued.
    pub this_update: i64,
    /// By when the next one is issued.
    pub next_update: Option<i64>,
    /// Why it says nothing about this certificate; empty if it was used.
    pub problems: Vec<Reason>,
    /// What else is worth knowing.
    pub notes: Vec<Note>,
}

/// Judges a certificate by CRLs. `signers` are as for [`check()`]; the first is the certificate's issuer. That the
/// certificate was issued by it is for path validation to say.
pub fn judge(
    certificate: &Certificate,
    signers: &[&Certificate],
    crls: &[&Crl],
    time: i64,
    limits: &Limits,
) -> Judgement {
    let checked: Vec<_> = crls.iter().map(|crl| check_for(certificate, crl, signers, time, limits)).collect();
    judge_checked(certificate, &checked.iter().collect::<Vec<_>>(), time)
}

/// A CRL of somebody else is not worth a hash over all of it.
fn check_for<'a>(
    certificate: &Certificate,
    crl: &'a Crl,
    signers: &[&Certificate],
    time: i64,
    limits: &Limits,
) -> Checked<'a> {
    let signers = if crl.issuer() == certificate.issuer_name() { signers } else { &[] };
    check(crl, signers, time, limits)
}

/// Judges a certificate by CRLs that [`check()`] has looked at, under signers that may speak for its issuer.
pub fn judge_checked(certificate: &Certificate, crls: &[&Checked<'_>], time: i64) -> Judgement {
    let mut considered = Vec::new();
    let mut usable: Vec<Usable<'_>> = Vec::new();
    for (index, checked) in crls.iter().enumerate() {
        let (problems, reasons) = consider(certificate, checked);
        if problems.is_empty() {
            usable.push(Usable { index, crl: checked.crl, signer: checked.signer, reasons });
        }
        considered.push(Considered {
            sha256: checked.crl.sha256(),
            this_update: checked.crl.this_update(),
            next_update: checked.crl.next_update(),
            problems,
            notes: checked.notes.clone(),
        });
    }
    // The newest of one scope speaks for it: an older one may hold what has been lifted since.
    let newest: Vec<_> =
        usable.iter().filter(|one| !usable.iter().any(|other| other.supersedes(one))).collect();
    for one in &usable {
        if !newest.iter().any(|other| other.index == one.index)
            && let Some(considered) = considered.get_mut(one.index)
        {
            considered.notes.push(Note::Superseded);
        }
    }
    let (outcome, decided_by) = decide(certificate, &newest, &considered);
    let mut notes = Vec::new();
    if certificate.not_after() < time {
        notes.push(Note::CertificateExpired);
    }
    if matches!(outcome, Outcome::Revoked { reason: None, .. }) {
        notes.push(Note::RevocationReasonMissing);
    }
    Judgement { outcome, crls: considered, decided_by, notes }
}

struct Usable<'a> {
    index: usize,
    crl: &'a Crl,
    signer: Option<[u8; 32]>,
    reasons: u16,
}

impl Usable<'_> {
    fn supersedes(&self, older: &Self) -> bool {
        let scope = |crl: &Crl| crl.distribution_point.as_ref().map(|scoped| scoped.der.clone());
        let rank = |crl: &Crl| {
            // Numbers are positive and in their shortest form: the longer is the larger.
            let number = crl.number().unwrap_or_default();
            (crl.this_update(), number.len(), number.to_vec())
        };
        self.signer == older.signer && scope(self.crl) == scope(older.crl) && rank(self.crl) > rank(older.crl)
    }
}

/// What speaks against using a CRL for this certificate, and else the reasons that it covers.
fn consider(certificate: &Certificate, checked: &Checked<'_>) -> (Vec<Reason>, u16) {
    let crl = checked.crl;
    if crl.issuer() != certificate.issuer_name() {
        let expected = certificate.issuer().to_owned();
        return (vec![Reason::IssuerMismatch { crl: crl.issuer().to_string(), expected }], 0);
    }
    let mut problems = checked.problems.clone();
    let mut covered = 0;
    match scope::covered(crl, certificate) {
        Ok(reasons) => covered = reasons,
        Err(reason) => problems.push(reason),
    }
    (problems, covered)
}

fn decide(
    certificate: &Certificate,
    newest: &[&Usable<'_>],
    considered: &[Considered],
) -> (Outcome<Reason>, Option<usize>) {
    let serial = read::shortest(certificate.serial());
    let mut covered = 0;
    let mut last = None;
    let mut removed = None;
    for one in newest {
        let entries: Vec<_> = one.crl.find(serial).collect();
        if let Some(outcome) = revoked(&entries) {
            return (outcome, Some(one.index));
        }
        if !entries.is_empty() {
            removed = Some(one.index);
        }
        covered |= one.reasons;
        last = Some(one.index);
    }
    if removed.is_some() {
        return (Outcome::Undetermined(Reason::RemovedFromCompleteCrl), removed);
    }
    if covered == ALL_REASONS {
        return (Outcome::Good, last);
    }
    if last.is_some() {
        return (Outcome::Undetermined(Reason::OnlySomeReasons), last);
    }
    // A CRL of this issuer that fails says more than one of somebody else.
    let mut failed = considered.iter().filter_map(|considered| considered.problems.first());
    let telling = failed.clone().find(|reason| !matches!(reason, Reason::IssuerMismatch { .. }));
    let reason = telling.or_else(|| failed.next()).cloned().unwrap_or(Reason::NoCrl);
    (Outcome::Undetermined(reason), None)
}

/// The earliest revocation among the entries of one serial number: there should be one.
fn revoked(entries: &[Entry<'_>]) -> Option<Outcome<Reason>> {
    entries
        .iter()
        .filter(|entry| entry.reason() != Some(RevocationReason::RemoveFromCrl))
        .min_by_key(|entry| entry.time)
        .map(|entry| Outcome::Revoked { time: entry.time, reason: entry.reason() })
}
