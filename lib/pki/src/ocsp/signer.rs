//! Who may sign an OCSP response (RFC 6960 section 4.2.2.2): the issuer, or a responder that the same issuer key
//! certified for this. No other arrangement is believed.

use super::judge::Limits;
use super::{Basic, Note, Question, Reason, ResponderId};
use crate::error::SignatureError;
use crate::{Certificate, signature};

/// The most certificates that are tried as the signer of one response.
const MAX_CANDIDATES: usize = 16;

const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
const NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";
/// Extensions that are read here, or that say nothing which binds a responder: key usage, basic constraints,
/// extended key usage; names, identifiers, policies, where to ask; and no check.
const UNDERSTOOD: [&str; 11] = [
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.18",
    "2.5.29.19",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.35",
    "2.5.29.37",
    "1.3.6.1.5.5.7.1.1",
    NO_CHECK,
];

/// Who signed a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The issuer of the certificate in question.
    Issuer,
    /// A responder that the issuer certified. Unless it has id-pkix-ocsp-nocheck, whether it has been revoked is
    /// for the caller to find out.
    Delegate(Box<Certificate>),
}

/// What was found out about the signer of a response.
#[derive(Default)]
pub(super) struct Found {
    pub(super) signer: Option<Signer>,
    pub(super) problems: Vec<Reason>,
    pub(super) notes: Vec<Note>,
}

/// Finds who signed the response and whether they may. `responders` are certificates that the caller knows
/// besides those in the response; they have no privilege.
pub(super) fn find(
    basic: &Basic,
    question: &Question<'_>,
    responders: &[&Certificate],
    time: i64,
    limits: &Limits,
) -> Found {
    let mut found = Found::default();
    let issuer = question.issuer();
    let included = basic.certificates.iter().flatten();
    let known = std::iter::once(issuer).chain(included).chain(responders.iter().copied());
    let (named, others): (Vec<_>, Vec<_>) =
        known.take(MAX_CANDIDATES).partition(|candidate| is_named(candidate, &basic.responder));
    let mut first_error = None;
    for candidate in &named {
        match verify(basic, candidate) {
            Ok(()) => {
                found.accept(candidate, issuer, time, limits);
                return found;
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    let responder = basic.responder.to_string();
    // Did somebody else who is known sign under that name or key?
    let stranger = others.iter().find(|other| verify(basic, other).is_ok());
    found.problems.push(match (first_error, stranger) {
        (Some(SignatureError::UnsupportedAlgorithm(algorithm)), _) => Reason::AlgorithmNotAllowed(algorithm),
        (_, Some(other)) => Reason::ResponderIdMismatch { responder, signer: other.subject().to_owned() },
        (Some(error), None) => Reason::SignatureInvalid(error),
        (None, None) => Reason::ResponderCertificateMissing { responder },
    });
    found
}

fn verify(basic: &Basic, signer: &Certificate) -> Result<(), SignatureError> {
    signature::verify(&basic.algorithm, &basic.signed_part, &basic.signature, signer.public_key())
}

fn is_named(candidate: &Certificate, responder: &ResponderId) -> bool {
    match responder {
        ResponderId::ByName(name) => candidate.subject_name() == name.as_ref(),
        ResponderId::ByKey(hash) => **hash == candidate.public_key_sha1(),
    }
}

impl Found {
    /// The candidate's key made the signature. Is it the issuer, or may it speak for the issuer?
    fn accept(&mut self, candidate: &Certificate, issuer: &Certificate, time: i64, limits: &Limits) {
        let is_issuer =
            candidate.spki_der() == issuer.spki_der() && candidate.subject_name() == issuer.subject_name();
        if is_issuer {
            let usage = issuer.key_usage();
            if !matches!(usage, Ok(None))
                && !usage.is_ok_and(|usage| usage.is_some_and(|usage| usage.value.has("digitalSignature")))
            {
                self.notes.push(Note::IssuerWithoutDigitalSignature);
            }
            self.signer = Some(Signer::Issuer);
            return;
        }
        self.check_delegate(candidate, issuer);
        self.check_delegate_extensions(candidate);
        self.check_delegate_age(candidate, time, limits);
        if candidate.extension(NO_CHECK).is_none() {
            if limits.require_nocheck {
                self.problems.push(Reason::DelegateMissingNocheck);
            } else {
                self.notes.push(Note::DelegateMissingNocheck);
            }
        }
        self.signer = Some(Signer::Delegate(Box::new(candidate.clone())));
    }

    fn check_delegate(&mut self, delegate: &Certificate, issuer: &Certificate) {
        if let Err(problem) = delegate.check_der() {
            self.problems.push(Reason::DelegateUnreadable(problem.what.to_owned()));
        }
        if delegate.issuer_name() != issuer.subject_name() || delegate.verify_signed_by(issuer).is_err() {
            self.problems.push(Reason::DelegateWrongIssuer {
                delegate: delegate.subject().to_owned(),
                issuer: delegate.issuer().to_owned(),
                expected: issuer.subject().to_owned(),
            });
        }
        // anyExtendedKeyUsage does not count (RFC 6960 section 4.2.2.2).
        match delegate.extended_key_usage() {
            Ok(Some(usage)) if usage.value.has(OCSP_SIGNING) => {}
            Ok(_) => self.problems.push(Reason::DelegateMissingOcspSigning),
            Err(error) => self.problems.push(Reason::DelegateUnreadable(error.to_string())),
        }
        match delegate.key_usage() {
            Ok(Some(usage)) if !usage.value.has("digitalSignature") && !usage.value.has("nonRepudiation") => {
                self.problems.push(Reason::DelegateKeyUsage);
            }
            Ok(_) => {}
            Err(error) => self.problems.push(Reason::DelegateUnreadable(error.to_string())),
        }
    }

    fn check_delegate_extensions(&mut self, delegate: &Certificate) {
        let unknown = delegate
            .extensions()
            .iter()
            .find(|extension| extension.is_critical() && !UNDERSTOOD.contains(&extension.oid()));
        if let Some(extension) = unknown {
            self.problems.push(Reason::DelegateCriticalExtension(extension.oid().to_owned()));
        }
        if delegate.is_ca() {
            self.notes.push(Note::DelegateIsCa);
        }
    }

    fn check_delegate_age(&mut self, delegate: &Certificate, time: i64, limits: &Limits) {
        let left = delegate.not_after().saturating_sub(time);
        if left < 0 {
            self.problems.push(Reason::DelegateExpired { not_after: delegate.not_after(), time });
        } else if delegate.not_before() > time.saturating_add(limits.skew) {
            self.problems.push(Reason::DelegateNotYetValid { not_before: delegate.not_before(), time });
        } else if limits.delegate_near.is_some_and(|near| left < near) {
            self.notes.push(Note::DelegateExpiring { left });
        }
    }
}
