//! Judges a response to a question: the codes, and what may be believed. Pure.

use std::collections::BTreeMap;
use std::fmt;

use ctl_pki::Certificate;
use ctl_pki::ocsp::{self, Hash, Judgement, OcspResponse, Question, Reason, ResponseStatus, Signer};
use ctl_pki::revocation::{Outcome, RevocationReason};
use ctl_pki::time::date;
use ctl_policy::sla::ServiceLimits;

use super::mapping;
use crate::code::{Code, Weight};

/// What is known of a certificate that a responder is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It is valid.
    Good,
    /// It is revoked.
    Revoked,
    /// Nobody issued it.
    Unissued,
}

/// A certificate that a responder is asked about.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    pub(super) issuer: &'a Certificate,
    pub(super) about: About<'a>,
    /// What is known of it.
    pub(super) expected: Expected,
    /// Whether it is known to be a CA's.
    pub(super) is_ca: bool,
    /// The hash of the CertID.
    pub(super) hash: Hash,
}

/// How the certificate is known.
#[derive(Clone, Debug)]
pub(super) enum About<'a> {
    /// The certificate itself.
    Certificate(&'a Certificate),
    /// The serial number of a revoked certificate.
    Known(&'a [u8]),
    /// A random serial number.
    Drawn(Vec<u8>),
}

impl Asked<'_> {
    pub(super) fn question(&self) -> Question<'_> {
        match &self.about {
            About::Certificate(certificate) => Question::about(certificate, self.issuer),
            About::Known(serial) => Question::about_serial(serial, self.issuer),
            About::Drawn(serial) => Question::about_serial(serial, self.issuer),
        }
    }

    /// Which certificate, in words.
    pub(super) fn name(&self) -> String {
        let serial = hex::encode(self.question().serial());
        format!("serial number {serial} of {}, CertID by {}", self.issuer.subject(), self.hash.name())
    }
}

/// The status that a believable response gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Good,
    Revoked {
        /// Unix time.
        since: i64,
        reason: Option<RevocationReason>,
    },
    Unknown,
    /// Unsigned, so proves nothing: the responder does not answer for this certificate. RFC 9919 section 3.2.3 allows
    /// this for certificates that it knows nothing of.
    Unauthorized,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Revoked { since, reason: Some(reason) } => {
                write!(f, "revoked since {} ({reason})", date(*since))
            }
            Self::Revoked { since, reason: None } => write!(f, "revoked since {}", date(*since)),
            Self::Unknown => f.write_str("unknown"),
            Self::Unauthorized => f.write_str("unauthorized"),
        }
    }
}

/// The judgement of a response's body.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    /// What is wrong with the form, the signer or the times.
    pub(super) codes: BTreeMap<Code, String>,
    /// What is wrong with the status.
    pub(super) semantics: BTreeMap<Code, String>,
    /// The status, if it can be believed.
    pub(super) said: Option<Said>,
    /// The response status, if the body is a response.
    pub(super) status: Option<ResponseStatus>,
    /// The times of the response, if it is proven to be its responder's.
    pub(super) times: Times,
}

/// The times that a response carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) this_update: Option<i64>,
    pub(super) next_update: Option<i64>,
    pub(super) produced_at: Option<i64>,
    pub(super) delegate_not_after: Option<i64>,
}

impl Judged {
    /// Whether the responder understood the request and answered, rightly or wrongly.
    pub(super) fn is_answer(&self) -> bool {
        self.status == Some(ResponseStatus::Successful)
    }
}

/// Judges the body of an answer to a question.
pub(super) fn judge(
    asked: &Asked<'_>,
    nonce: Option<&[u8]>,
    body: &[u8],
    limits: &ServiceLimits,
    now: i64,
) -> Judged {
    let response = match OcspResponse::from_der(body, limits.max_body) {
        Ok(response) => response,
        Err(error) => {
            return Judged {
                codes: BTreeMap::from([(mapping::of_error(&error), error.to_string())]),
                ..Judged::default()
            };
        }
    };
    let question = match nonce {
        Some(nonce) => asked.question().with_nonce(nonce),
        None => asked.question(),
    };
    let judgement = ocsp::judge(&response, &question, &[], now, &pki_limits(limits));
    let mut judged = Judged {
        codes: mapping::of_judgement(&judgement, asked.is_ca, limits),
        status: Some(judgement.status),
        ..Judged::default()
    };
    if asked.expected == Expected::Unissued && judgement.status == ResponseStatus::Unauthorized {
        judged.codes.clear();
        judged.said = Some(Said::Unauthorized);
        return judged;
    }
    // A CertID with another hash than the question's is another CertID (RFC 9919 section 3.2.1).
    if let Some(other) = judgement.hash.filter(|other| *other != asked.hash) {
        let words =
            format!("asked with a CertID by {}, it answers with one by {}", asked.hash.name(), other.name());
        judged.codes.insert(Code::CertidMismatch, words);
    }
    judged.times = times(&judgement);
    if judged.codes.keys().all(|code| code.weight() != Weight::Error) {
        judged.said = said(&judgement);
    }
    if let Some(said) = judged.said {
        judged.semantics = semantics(asked.expected, said);
    }
    judged
}

/// The status in a judgement. To `ctl-pki`, `unknown` is a problem that decides nothing; here it is an answer.
fn said(judgement: &Judgement) -> Option<Said> {
    match &judgement.outcome {
        Outcome::Good => Some(Said::Good),
        Outcome::Revoked { time, reason } => Some(Said::Revoked { since: *time, reason: *reason }),
        Outcome::Undetermined(Reason::StatusUnknown) => Some(Said::Unknown),
        Outcome::Undetermined(_) => None,
    }
}

fn times(judgement: &Judgement) -> Times {
    if judgement.problems.iter().any(mapping::discredits) {
        return Times::default();
    }
    Times {
        this_update: judgement.this_update,
        next_update: judgement.next_update,
        produced_at: judgement.produced_at,
        delegate_not_after: match &judgement.signer {
            Some(Signer::Delegate(delegate)) => Some(delegate.not_after()),
            Some(Signer::Issuer) | None => None,
        },
    }
}

/// Compares the status with what is known. An issued certificate that is called unknown gets that finding only. A
/// serial number that nobody issued may be unknown, or revoked (RFC 6960 section 2.2), and the responder may decline to
/// answer.
fn semantics(expected: Expected, said: Said) -> BTreeMap<Code, String> {
    let code = match (expected, said) {
        (Expected::Good, Said::Good)
        | (Expected::Revoked, Said::Revoked { .. })
        | (Expected::Unissued, Said::Revoked { .. } | Said::Unknown)
        | (_, Said::Unauthorized) => return BTreeMap::new(),
        (Expected::Good | Expected::Revoked, Said::Unknown) => Code::IssuedSerialUnknown,
        (Expected::Good, Said::Revoked { .. }) => Code::CanaryGoodNotGood,
        (Expected::Revoked, Said::Good) => Code::CanaryRevokedNotRevoked,
        (Expected::Unissued, Said::Good) => Code::UnissuedSerialGood,
    };
    let due = match expected {
        Expected::Good => "it is in order",
        Expected::Revoked => "it is revoked",
        Expected::Unissued => "nobody issued it: the number was drawn at random just now",
    };
    BTreeMap::from([(code, format!("the answer is {said}, and {due}"))])
}

fn pki_limits(limits: &ServiceLimits) -> ocsp::Limits {
    ocsp::Limits {
        skew: limits.skew,
        max_age: None,
        max_age_without_next_update: (!limits.next_update_required).then_some(limits.ocsp_max_interval),
        near: None,
        renewal: Some(limits.ocsp_renewal),
        min_interval: Some(limits.ocsp_min_interval),
        max_interval: Some(limits.ocsp_max_interval),
        delegate_near: Some(limits.delegate_notice),
        require_nonce: limits.nonce_required,
        // The policy may make it a finding, but the answer can still be believed.
        require_nocheck: false,
    }
}

/// Whether an answer to something that is no request calls any certificate good.
pub(super) fn accepts_garbage(body: &[u8], limits: &ServiceLimits) -> bool {
    OcspResponse::from_der(body, limits.max_body).is_ok_and(|response| response.claims_good())
}
