//! Which code each of the findings of `ctl-pki` has, and which of several stand.

use std::collections::BTreeMap;

use ctl_pki::ocsp::{Judgement, Note, Reason, ResponseStatus};
use ctl_pki::revocation::RevocationError;
use ctl_policy::sla::ServiceLimits;

use crate::code::{Code, Family};

/// Why bytes are no response. What is larger or holds more than this implementation reads is too large.
pub(super) fn of_error(error: &RevocationError) -> Code {
    match error {
        RevocationError::TooLarge { .. } | RevocationError::TooManyCertificates { .. } => Code::BodyTooLarge,
        RevocationError::Empty(_) => Code::BodyEmpty,
        RevocationError::PemInsteadOfDer(_) => Code::PemInsteadOfDer,
        RevocationError::HtmlInsteadOfDer(_) => Code::HtmlInsteadOfDer,
        RevocationError::Base64InsteadOfDer(_) => Code::Base64InsteadOfDer,
        RevocationError::TrailingBytes { .. } => Code::TrailingBytes,
        RevocationError::UnknownResponseType(_) => Code::ResponseTypeUnknown,
        RevocationError::NoBlock(_)
        | RevocationError::BrokenBlock { .. }
        | RevocationError::NotExactlyOne { .. }
        | RevocationError::Malformed { .. }
        | RevocationError::NonceLength(_) => Code::DerInvalid,
    }
}

/// Why a response is not believed. `None` is for the status unknown: what that means depends on the question.
pub(super) fn of_reason(reason: &Reason) -> Option<Code> {
    Some(match reason {
        Reason::NotSuccessful(status) => of_status(*status),
        Reason::AlgorithmNotAllowed(_) => Code::AlgorithmNotAllowed,
        Reason::SignatureInvalid(_) => Code::SignatureInvalid,
        Reason::ResponderIdMismatch { .. } | Reason::ResponderCertificateMissing { .. } => {
            Code::ResponderIdMismatch
        }
        Reason::DelegateWrongIssuer { .. } => Code::DelegateWrongIssuer,
        // A key usage that forbids to sign leaves the purpose without effect.
        Reason::DelegateMissingOcspSigning | Reason::DelegateKeyUsage => Code::DelegateMissingOcspSigning,
        Reason::DelegateMissingNocheck => Code::DelegateMissingNocheck,
        Reason::DelegateUnreadable(_) => Code::DerInvalid,
        Reason::DelegateExpired { .. } | Reason::DelegateNotYetValid { .. } => Code::DelegateExpired,
        Reason::DelegateCriticalExtension(_)
        | Reason::UnknownCriticalExtension(_)
        | Reason::UnknownCriticalSingleExtension(_) => Code::UnknownCriticalExtension,
        Reason::ProducedAtFuture { .. } => Code::ProducedAtFuture,
        // `nonce_absent` is information; where the policy demands the nonce, its absence is an error.
        Reason::NonceWrong | Reason::NonceMissing => Code::NonceWrong,
        Reason::NoAnswer
        | Reason::CertidIssuerMismatch
        | Reason::CertidSerialMismatch
        | Reason::CertidMismatch
        | Reason::CertidHashUnsupported(_) => Code::CertidMismatch,
        Reason::ThisUpdateFuture { .. } => Code::ThisUpdateFuture,
        Reason::NextUpdateMissing => Code::NextUpdateMissing,
        // An answer without an end that is older than any may be has ended as well.
        Reason::NextUpdatePast { .. } | Reason::NextUpdateBeforeThisUpdate | Reason::TooOld { .. } => {
            Code::NextUpdatePast
        }
        Reason::StatusUnknown => return None,
    })
}

fn of_status(status: ResponseStatus) -> Code {
    match status {
        ResponseStatus::MalformedRequest => Code::ResponderMalformedRequest,
        ResponseStatus::InternalError => Code::ResponderInternalError,
        ResponseStatus::TryLater => Code::ResponderTryLater,
        ResponseStatus::SigRequired => Code::ResponderSigRequired,
        ResponseStatus::Unauthorized => Code::ResponderUnauthorized,
        // A number that the type does not have.
        ResponseStatus::Successful | ResponseStatus::Unknown(_) => Code::DerInvalid,
    }
}

/// What else is worth a finding. `is_ca` says whether the certificate in question is known to be a CA's: only
/// those must not be revoked without a reason. Whether a delegate needs id-pkix-ocsp-nocheck is for the policy to
/// say: RFC 6960 leaves it to the CA, the Baseline Requirements section 4.9.9 demand it.
pub(super) fn of_note(note: &Note, is_ca: bool, limits: &ServiceLimits) -> Option<Code> {
    match note {
        Note::DelegateMissingNocheck => limits.nocheck_required.then_some(Code::DelegateMissingNocheck),
        Note::DelegateExpiring { .. } => Some(Code::DelegateExpiring),
        Note::DelegateIsCa => Some(Code::DelegateIsCa),
        Note::NonceMissing => Some(Code::NonceAbsent),
        Note::ProducedBeforeThisUpdate => Some(Code::ProducedBeforeThisUpdate),
        Note::RenewedTooLate { .. } => Some(Code::RenewedTooLate),
        Note::IntervalTooShort { .. } => Some(Code::IntervalTooShort),
        Note::IntervalTooLong { .. } => Some(Code::IntervalTooLong),
        Note::RevocationDateFuture { .. } => Some(Code::RevocationDateFuture),
        Note::RevocationReasonMissing => is_ca.then_some(Code::RevocationReasonMissing),
        Note::ReasonIllegal { .. } => Some(Code::ReasonIllegal),
        // Allowed, or without effect on anybody who asks.
        Note::IssuerWithoutDigitalSignature
        | Note::IncludedCertificateUnreadable
        | Note::ExtendedRevoke
        | Note::NonceUnrequested
        | Note::SeveralAnswers { .. }
        | Note::Sha1Certid
        | Note::NextUpdateMissing
        | Note::NextUpdateNear { .. } => None,
    }
}

/// Whether a response with this problem may come from anybody: it is nobody's word then. The other problems are
/// those of an answer by the right responder that is too old, too new or does not help.
pub(super) fn discredits(reason: &Reason) -> bool {
    let is_of_time = matches!(of_reason(reason).map(Code::family), None | Some(Family::Freshness));
    !is_of_time && !matches!(reason, Reason::DelegateExpired { .. } | Reason::DelegateNotYetValid { .. })
}

/// The codes of a judgement, each with its words. What follows from another finding is left out:
/// - of a response that nobody entitled has signed, what it says about times and certificates;
/// - beside a thisUpdate that lies ahead: producedAt, which is never before it or, if it is, only for that;
/// - beside a thisUpdate that lies ahead or a nextUpdate that has passed: how long the answer holds;
/// - beside an interval that is too short: that its successor is late.
pub(super) fn of_judgement(
    judgement: &Judgement,
    is_ca: bool,
    limits: &ServiceLimits,
) -> BTreeMap<Code, String> {
    let problems =
        judgement.problems.iter().filter_map(|reason| Some((of_reason(reason)?, reason.to_string())));
    let notes =
        judgement.notes.iter().filter_map(|note| Some((of_note(note, is_ca, limits)?, note.to_string())));
    let mut codes = BTreeMap::new();
    for (code, words) in problems.chain(notes) {
        codes.entry(code).or_insert(words);
    }
    let unsigned = [
        Code::SignatureInvalid,
        Code::AlgorithmNotAllowed,
        Code::ResponderIdMismatch,
        Code::DelegateWrongIssuer,
    ];
    if unsigned.iter().any(|code| codes.contains_key(code)) {
        codes.retain(|code, _| !matches!(code.family(), Family::Freshness | Family::Semantics));
    }
    let mut drop = |because: Code, consequences: &[Code]| {
        if codes.contains_key(&because) {
            codes.retain(|code, _| !consequences.contains(code));
        }
    };
    let lengths = [Code::IntervalTooShort, Code::IntervalTooLong, Code::RenewedTooLate];
    drop(
        Code::ThisUpdateFuture,
        &[Code::ProducedAtFuture, Code::ProducedBeforeThisUpdate, Code::NextUpdatePast],
    );
    drop(Code::ThisUpdateFuture, &lengths);
    drop(Code::NextUpdatePast, &lengths);
    drop(Code::IntervalTooShort, &[Code::RenewedTooLate]);
    codes
}
