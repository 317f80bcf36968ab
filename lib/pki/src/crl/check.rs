//! What is to be said about a CRL whatever certificate is asked about: signature, age, form.

use std::sync::Arc;

use super::{Crl, Note, Reason};
use crate::Certificate;
use crate::error::SignatureError;

/// The most signers that are tried for one CRL: each costs a hash over all of it.
pub const MAX_SIGNERS: usize = 8;

/// The limits of a judgement, in seconds. The default allows a clock that is five minutes off and asks nothing
/// beyond the RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How far clocks may disagree.
    pub skew: i64,
    /// How old a CRL may be, even if its issuer thinks otherwise.
    pub max_age: Option<i64>,
    /// When less than this is left before the next update, a note says so.
    pub near: Option<i64>,
    /// When a CRL holds longer than this, a note says so. The CA/Browser Forum Baseline Requirements section
    /// 4.9.7 allow 10 days for end entities, 12 months for CAs.
    pub max_interval: Option<i64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { skew: 300, max_age: None, near: None, max_interval: None }
    }
}

/// A CRL with what was found about it.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    pub(super) crl: &'a Crl,
    pub(super) problems: Vec<Reason>,
    pub(super) notes: Vec<Note>,
    pub(super) signer: Option<[u8; 32]>,
    pub(super) time: i64,
}

impl<'a> Checked<'a> {
    pub fn crl(&self) -> &'a Crl {
        self.crl
    }

    /// Everything that forbids its use, the most telling first. None of what the CRL says is proven while
    /// something stands here.
    pub fn problems(&self) -> &[Reason] {
        &self.problems
    }

    /// What else is worth knowing.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// SHA-256 of the public key that signed it, if one was found that may.
    pub fn signer(&self) -> Option<&[u8; 32]> {
        self.signer.as_ref()
    }
}

/// Checks a CRL under its issuer. `signers` are certificates whose paths the caller has validated, all ending in
/// the trust anchor of the certificate that will be asked about (RFC 5280 section 6.3.3 (f)): first the issuer of
/// that certificate, then, if the issuer signs CRLs with another key, the certificates for that. Only those with
/// the CRL's issuer as subject count, at most [`MAX_SIGNERS`] of them.
pub fn check<'a>(crl: &'a Crl, signers: &[&Certificate], time: i64, limits: &Limits) -> Checked<'a> {
    Checked::of(crl, &Signature::of(crl, signers), &Content::of(crl), time, limits)
}

/// A CRL whose signature was looked at, and so were all its entries: for who holds it for a while and checks it
/// again and again. What does not change with time is not done twice.
#[derive(Clone, Debug)]
pub struct Verified {
    crl: Arc<Crl>,
    signature: Signature,
    content: Content,
}

impl Verified {
    /// Looks at the signature, under signers as for [`check()`], whether or not it holds.
    pub fn new(crl: Arc<Crl>, signers: &[&Certificate]) -> Self {
        let (signature, content) = (Signature::of(&crl, signers), Content::of(&crl));
        Self { crl, signature, content }
    }

    /// A CRL whose signature was looked at before, under the signers that count now; none if it is another.
    pub fn again(crl: Arc<Crl>, verdict: &Verdict) -> Option<Self> {
        if crl.sha256() != verdict.sha256 {
            return None;
        }
        let content = Content::of(&crl);
        Some(Self { crl, signature: verdict.signature.clone(), content })
    }

    /// What was found about the signature, to be held without the CRL.
    pub fn verdict(&self) -> Verdict {
        Verdict { sha256: self.crl.sha256(), signature: self.signature.clone() }
    }

    pub fn crl(&self) -> &Arc<Crl> {
        &self.crl
    }

    /// The same as [`check()`] with the signers that were given.
    pub fn check(&self, time: i64, limits: &Limits) -> Checked<'_> {
        Checked::of(&self.crl, &self.signature, &self.content, time, limits)
    }
}

/// What was found about the signature of one CRL, named by its SHA-256.
#[derive(Clone, Debug)]
pub struct Verdict {
    sha256: [u8; 32],
    signature: Signature,
}

impl Verdict {
    /// SHA-256 of the CRL.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

/// Whose signature it is.
#[derive(Clone, Debug, Default)]
struct Signature {
    problems: Vec<Reason>,
    notes: Vec<Note>,
    signer: Option<[u8; 32]>,
}

impl Signature {
    fn of(crl: &Crl, signers: &[&Certificate]) -> Self {
        let mut signature = Self::default();
        signature.check(crl, signers);
        signature
    }

    fn check(&mut self, crl: &Crl, signers: &[&Certificate]) {
        let named: Vec<_> =
            signers.iter().filter(|signer| signer.subject_name() == crl.issuer()).take(MAX_SIGNERS).collect();
        if named.is_empty() {
            let expected = signers.first().map(|signer| signer.subject().to_owned()).unwrap_or_default();
            self.problems.push(Reason::IssuerMismatch { crl: crl.issuer().to_string(), expected });
            return;
        }
        let mut first_error = None;
        for signer in named {
            match crl.verify_signed_by(signer) {
                Ok(()) => {
                    self.accept(crl, signer);
                    return;
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        self.problems.extend(first_error.map(|error| match error {
            SignatureError::AlgorithmMismatch { inner, outer } => Reason::AlgorithmMismatch { inner, outer },
            SignatureError::UnsupportedAlgorithm(algorithm) => Reason::AlgorithmNotAllowed(algorithm),
            error => Reason::SignatureInvalid(error),
        }));
    }

    /// The key made the signature; whether it may is what its certificate says.
    fn accept(&mut self, crl: &Crl, signer: &Certificate) {
        match signer.key_usage() {
            Ok(Some(usage)) if !usage.value.crl_sign() => {
                self.problems.push(Reason::CrlSignMissing { signer: signer.subject().to_owned() });
            }
            Ok(_) => self.signer = Some(signer.spki_sha256()),
            Err(error) => self.problems.push(Reason::SignerUnreadable(error.to_string())),
        }
        if crl.issuer_der() != signer.subject_der() {
            self.notes.push(Note::IssuerNotByteExact);
        }
        match (crl.authority_key_id(), signer.subject_key_id()) {
            (None, _) if crl.version() == 2 => self.notes.push(Note::AkiMissing),
            (Some(authority), Some(subject)) if authority != subject => self.notes.push(Note::AkiMismatch),
            _ => {}
        }
    }
}

/// What all entries together say.
#[derive(Clone, Debug)]
struct Content {
    /// The first serial number that is repeated, and how many entries repeat one.
    repeated: Option<(String, usize)>,
    /// The first serial number with a reason that may not be given, the reason, and how many have such a one.
    illegal: Option<(String, u8, usize)>,
    /// The latest date of revocation.
    latest: i64,
}

impl Content {
    fn of(crl: &Crl) -> Self {
        let mut content = Self { repeated: None, illegal: None, latest: i64::MIN };
        let mut last: Option<&[u8]> = None;
        for entry in crl.entries() {
            if last.replace(entry.serial) == Some(entry.serial) {
                content.repeated.get_or_insert_with(|| (entry.serial_hex(), 0)).1 += 1;
            }
            if let Some(code @ (0 | 7 | 8 | 11..)) = entry.reason_code {
                content.illegal.get_or_insert_with(|| (entry.serial_hex(), code, 0)).2 += 1;
            }
            content.latest = content.latest.max(entry.time);
        }
        content
    }
}

impl<'a> Checked<'a> {
    fn of(crl: &'a Crl, signature: &Signature, content: &Content, time: i64, limits: &Limits) -> Self {
        let Signature { problems, notes, signer } = signature.clone();
        let mut checked = Self { crl, problems, notes, signer, time };
        checked.check_kind();
        checked.check_age(limits);
        checked.look_at_form();
        checked.look_at_entries(content, time.saturating_add(limits.skew));
        checked
    }

    fn check_kind(&mut self) {
        let crl = self.crl;
        if crl.is_delta {
            self.problems.push(Reason::DeltaCrl);
        }
        if crl.issuing_distribution_point().is_some_and(|point| point.is_indirect) {
            self.problems.push(Reason::IndirectCrl);
        }
        if crl.names_certificate_issuer {
            self.problems.push(Reason::CertificateIssuerEntry);
        }
        self.problems.extend(crl.form.problems().cloned());
        if let Some(oid) = &crl.unknown_critical {
            self.problems.push(Reason::UnknownCriticalExtension(oid.clone()));
        }
        if let Some(oid) = &crl.unknown_critical_in_entry {
            self.problems.push(Reason::UnknownCriticalEntryExtension(oid.clone()));
        }
        if crl.version() == 1 && (crl.has_extensions || crl.has_entry_extensions) {
            self.problems.push(Reason::ExtensionsWithoutVersion2);
        }
    }

    fn check_age(&mut self, limits: &Limits) {
        let (this_update, time) = (self.crl.this_update(), self.time);
        if this_update > time.saturating_add(limits.skew) {
            self.problems.push(Reason::ThisUpdateFuture { this_update, time });
        }
        let age = time.saturating_sub(this_update);
        if let Some(limit) = limits.max_age
            && age > limit.saturating_add(limits.skew)
        {
            self.problems.push(Reason::TooOld { age, limit });
        }
        let Some(next_update) = self.crl.next_update() else {
            self.problems.push(Reason::NextUpdateMissing);
            return;
        };
        if next_update < this_update {
            self.problems.push(Reason::NextUpdateBeforeThisUpdate);
        }
        let left = next_update.saturating_sub(time);
        if left.saturating_add(limits.skew) < 0 {
            self.problems.push(Reason::NextUpdatePast { next_update, time });
        } else if limits.near.is_some_and(|near| left < near) {
            self.notes.push(Note::NextUpdateNear { left });
        }
        let interval = next_update.saturating_sub(this_update);
        if let Some(limit) = limits.max_interval
            && interval > limit
        {
            self.notes.push(Note::IntervalTooLong { interval, limit });
        }
    }

    /// What an issuer should not do and a reader can live with.
    fn look_at_form(&mut self) {
        let crl = self.crl;
        if crl.version() == 1 {
            self.notes.push(Note::VersionNotV2);
        } else if crl.number().is_none() {
            self.notes.push(Note::CrlNumberMissing);
        }
        if crl.has_empty_list {
            self.notes.push(Note::EmptyRevokedSequence);
        }
        self.notes.extend(crl.form.notes());
        if crl.points_to_deltas {
            self.notes.push(Note::DeltasExist);
        }
    }

    fn look_at_entries(&mut self, content: &Content, latest: i64) {
        if let Some((serial, count)) = content.repeated.clone() {
            self.notes.push(Note::DuplicateSerial { serial, count });
        }
        if let Some((serial, code, count)) = content.illegal.clone() {
            self.notes.push(Note::ReasonIllegal { serial, code, count });
        }
        if content.latest <= latest {
            return;
        }
        let mut future = self.crl.entries().filter(|entry| entry.time > latest);
        if let Some(first) = future.next() {
            self.notes
                .push(Note::RevocationDateFuture { serial: first.serial_hex(), count: 1 + future.count() });
        }
    }
}
