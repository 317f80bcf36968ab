//! Judges a CRL that can be read. One fault gives one code:
//!
//! 1. A CRL that is not proven to be its issuer's (issuer, algorithm, signature) is judged no further.
//! 2. A delta or indirect CRL gets that code only, and so does a scope that contradicts itself. Its coverage is not
//!    checked, and it is compared with nothing.
//! 3. A CRL of version 1 cannot have extensions, so no number and no scope are missed.
//! 4. If its scope names another address, that is the code, and not also that the scope leaves certificates out.
//! 5. Only a usable CRL that covers the same is compared with the last good one. What changed for the worse is reported
//!    for as long as the CRL is served.

use std::collections::BTreeMap;

use ctl_pki::Certificate;
use ctl_pki::crl::{self, Checked, Crl, Note, Past, PastEntry, Reason, judge_checked};
use ctl_pki::extension::same_uri;
use ctl_pki::revocation::{Outcome, shortest_serial};
use ctl_policy::sla::ServiceLimits;
use sha2::{Digest as _, Sha256};

use super::mapping;
use crate::code::Code;
use crate::observation::{CrlIdentity, Facts, Status};
use crate::target::CrlSubject;

/// What is wrong: each code once, with details.
pub(super) type Wrong = BTreeMap<Code, String>;

/// The judgement of a CRL at a moment.
pub(super) struct Judged {
    pub(super) wrong: Wrong,
    /// Whether it may be used: only then is what it says compared and believed.
    pub(super) is_usable: bool,
    pub(super) facts: Facts,
}

/// What a CRL is judged by.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) subject: &'a CrlSubject,
    /// The address that served it.
    pub(super) url: &'a str,
    pub(super) limits: &'a ServiceLimits,
    pub(super) now: i64,
}

impl By<'_> {
    /// The limits of `ctl-pki` for this CRL.
    pub(super) fn of(&self, crl: &Crl) -> crl::Limits {
        let longest = if covers_cas_only(self.subject, crl) {
            self.limits.crl_ca_max_interval
        } else {
            self.limits.crl_max_interval
        };
        crl::Limits { skew: self.limits.skew, max_age: None, near: None, max_interval: Some(longest) }
    }
}

/// Whether the CRL covers CAs only, by its own scope or else by the certificates that name it. A root that is not known
/// to have issued anything issues CAs.
pub(super) fn covers_cas_only(subject: &CrlSubject, crl: &Crl) -> bool {
    match crl.issuing_distribution_point() {
        Some(point) if point.only_ca_certificates => true,
        Some(point) if point.only_user_certificates => false,
        _ if subject.covered.is_empty() => subject.issuer.is_self_issued(),
        _ => subject.covered.iter().all(|certificate| certificate.is_ca()),
    }
}

/// Judges a checked CRL at this moment.
pub(super) fn judge(checked: &Checked<'_>, by: &By<'_>) -> Judged {
    let crl = checked.crl();
    let mut wrong = Wrong::new();
    if let Some(reason) = checked.problems().iter().find(|reason| is_unproven(reason)) {
        add(&mut wrong, mapping::of_reason(reason), reason);
        return Judged { wrong, is_usable: false, facts: Facts::default() };
    }
    for reason in checked.problems() {
        add(&mut wrong, mapping::of_reason(reason), reason);
    }
    for note in checked.notes() {
        add(&mut wrong, mapping::of_note(note), note);
    }
    let mut facts = Facts {
        this_update: Some(crl.this_update()),
        next_update: crl.next_update(),
        crl_number: crl.number().and_then(number),
        crl_entries: u64::try_from(crl.len()).ok(),
        ..Facts::default()
    };
    let is_of_another_kind = [Code::DeltaWithoutBase, Code::IndirectCrl, Code::IdpInvalid]
        .iter()
        .any(|code| wrong.contains_key(code));
    if !is_of_another_kind {
        look_at_scope(crl, by, &mut wrong);
        for certificate in &by.subject.covered {
            facts.statuses.extend(look_at_certificate(certificate, checked, by, &mut wrong));
        }
    }
    let is_usable = checked.problems().is_empty();
    if !is_usable {
        facts.statuses.clear();
    }
    Judged { wrong, is_usable, facts }
}

fn add(wrong: &mut Wrong, code: Option<Code>, words: &dyn std::fmt::Display) {
    if let Some(code) = code {
        wrong.entry(code).or_insert_with(|| words.to_string());
    }
}

/// Whether the CRL is not proven to be its issuer's.
const fn is_unproven(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::IssuerMismatch { .. }
            | Reason::AlgorithmMismatch { .. }
            | Reason::AlgorithmNotAllowed(_)
            | Reason::SignatureInvalid(_)
    )
}

/// Checks the scope against the address if no certificate says what the scope should be.
fn look_at_scope(crl: &Crl, by: &By<'_>, wrong: &mut Wrong) {
    let names_it = |certificate: &Certificate| certificate.names_crl(by.url);
    match crl.issuing_distribution_point() {
        None if crl.version() > 1 && is_sharded(by.subject) => {
            wrong.insert(
                Code::IdpMissingWhenSharded,
                format!(
                    "the issuer's certificates name {} points and the CRL does not say which it is",
                    by.subject.points.len()
                ),
            );
        }
        Some(point) if !by.subject.covered.iter().any(|certificate| names_it(certificate)) => {
            let mut urls = point.urls().peekable();
            if urls.peek().is_some() && !urls.any(|url| same_uri(url, by.url)) {
                let reason = Reason::DistributionPointMismatch;
                add(wrong, mapping::of_reason(&reason), &"the CRL's distribution point is another address");
            }
        }
        _ => {}
    }
}

/// Whether the issuer spreads its certificates over several CRLs: the certificates that name this CRL do not name all
/// of the issuer's points. Points that one certificate names serve copies.
fn is_sharded(subject: &CrlSubject) -> bool {
    let copies = |point: &&String| subject.covered.iter().any(|certificate| certificate.names_crl(point));
    !subject.covered.is_empty() && !subject.points.iter().all(|point| copies(&point))
}

/// What the CRL says about one certificate that points to it.
fn look_at_certificate(
    certificate: &Certificate,
    checked: &Checked<'_>,
    by: &By<'_>,
    wrong: &mut Wrong,
) -> Option<Status> {
    let judgement = judge_checked(certificate, &[checked], by.now);
    let considered = judgement.crls.iter().flat_map(|considered| &considered.problems);
    let own = considered.filter(|reason| !checked.problems().contains(reason));
    for reason in own {
        // A certificate that does not name the address cannot be missing there.
        let is_named = certificate.names_crl(by.url);
        if *reason != Reason::DistributionPointMismatch || is_named {
            let words = format!("{reason} ({})", certificate.subject());
            add(wrong, mapping::of_reason(reason), &words);
        }
    }
    if certificate.is_ca() && judgement.notes.contains(&Note::RevocationReasonMissing) {
        let words = format!("{} is revoked without a reason", certificate.subject());
        add(wrong, Some(Code::RevocationReasonMissing), &words);
    }
    let (revoked, since) = match judgement.outcome {
        Outcome::Good => (false, None),
        Outcome::Revoked { time, .. } => (true, Some(time)),
        Outcome::Undetermined(reason) => {
            if matches!(reason, Reason::OnlySomeReasons | Reason::RemovedFromCompleteCrl) {
                add(wrong, mapping::of_reason(&reason), &reason);
            }
            return None;
        }
    };
    let serial = shortest_serial(certificate.serial()).into();
    Some(Status { issuer_spki: by.subject.issuer.spki_sha256(), serial, revoked, since })
}

/// What changed for the worse since the last good CRL.
pub(super) fn compare(earlier: &Past, later: &Crl, by: &By<'_>) -> Wrong {
    let mut wrong = Wrong::new();
    if !earlier.has_scope_of(later) {
        return wrong;
    }
    let cas_only = covers_cas_only(by.subject, later);
    // Suspended and expired certificates may leave the CRL. The expiry of unknown end-entity certificates is not known;
    // CAs are few, live long, and are disclosed.
    let may_be_gone = |entry: &PastEntry<'_>| {
        let same = |certificate: &&_| shortest_serial(Certificate::serial(certificate)) == entry.serial;
        match by.subject.covered.iter().map(|certificate| &**certificate).find(same) {
            _ if entry.on_hold => true,
            Some(certificate) => certificate.not_after() < later.this_update(),
            None => !cas_only,
        }
    };
    let size_factor = u64::try_from(by.limits.crl_size_factor).unwrap_or(u64::MAX);
    for change in crl::compare_except(earlier, later, size_factor, may_be_gone) {
        add(&mut wrong, Some(mapping::of_change(&change)), &change);
    }
    wrong
}

/// Identifies the CRL.
pub(super) fn identity(crl: &Crl, since: i64) -> CrlIdentity {
    let scope = crl.issuing_distribution_point_der().map(|der| Sha256::digest(der).into());
    CrlIdentity { sha256: crl.sha256(), scope, since }
}

/// A valid CRL number of at most 64 bits.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.first().is_some_and(|first| *first >= 0x80) {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| number.checked_mul(256)?.checked_add(u64::from(*digit)))
}
