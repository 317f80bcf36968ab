//! Maps the findings of `ctl-pki` to reason codes, and drops those that follow from others.

use std::collections::BTreeMap;

use ctl_pki::ocsp::{Judgement, Note, Reason, ResponseStatus};
use ctl_pki::revocation::RevocationError;
use ctl_policy::sla::ServiceLimits;

use crate::code::{Code, Family};

/// Why bytes are not a response. More than this implementation reads counts as too large.
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

/// Why a response is not believed. None for the status unknown, whose meaning depends on the question.
pub(super) fn of_reason(reason: &Reason) -> Option<Code> {
    Some(match reason {
        Reason::NotSuccessful(status) => of_status(*status),
        Reason::AlgorithmNotAllowed(_) => Code::AlgorithmNotAllowed,
        Reason::SignatureInvalid(_) => Code::SignatureInvalid,
        Reason::ResponderIdMismatch { .. } | Reason::ResponderCertificateMissing { .. } => {
            Code::ResponderIdMismatch
        }
        Reason::DelegateWrongIssuer { .. } => Code::DelegateWrongIssuer,
        // Without a key usage for signing, the purpose has no effect.
        Reason::DelegateMissingOcspSigning | Reason::DelegateKeyUsage => Code::DelegateMissingOcspSigning,
        Reason::DelegateMissingNocheck => Code::DelegateMissingNocheck,
        Reason::DelegateUnreadable(_) => Code::DerInvalid,
        Reason::DelegateExpired { .. } | Reason::DelegateNotYetValid { .. } => Code::DelegateExpired,
        Reason::DelegateCriticalExtension(_)
        | Reason::UnknownCriticalExtension(_)
        | Reason::UnknownCriticalSingleExtension(_) => Code::UnknownCriticalExtension,
        Reason::ProducedAtFuture { .. } => Code::ProducedAtFuture,
        // `nonce_absent` is only information; if the policy requires the nonce, its absence is an error.
        Reason::NonceWrong | Reason::NonceMissing => Code::NonceWrong,
        Reason::NoAnswer
        | Reason::CertidIssuerMismatch
        | Reason::CertidSerialMismatch
        | Reason::CertidMismatch
        | Reason::CertidHashUnsupported(_) => Code::CertidMismatch,
        Reason::ThisUpdateFuture { .. } => Code::ThisUpdateFuture,
        Reason::NextUpdateMissing => Code::NextUpdateMissing,
        // An answer without nextUpdate counts as expired at the greatest age allowed.
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
        // A status number that is not defined.
        ResponseStatus::Successful | ResponseStatus::Unknown(_) => Code::DerInvalid,
    }
}

/// Other findings. `is_ca` says whether the certificate in question is known to be a CA's: only those must not be
/// revoked without a reason. Whether a delegate needs id-pkix-ocsp-nocheck is the policy's decision: RFC 6960 leaves it
/// to the CA, the Baseline Requirements section 4.9.9 require it.
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

/// Whether this problem means that anybody may have made the response. The other problems are those of the right
/// responder: too old, too new, or not helpful.
pub(super) fn discredits(reason: &Reason) -> bool {
    let is_of_time = matches!(of_reason(reason).map(Code::family), None | Some(Family::Freshness));
    !is_of_time && !matches!(reason, Reason::DelegateExpired { .. } | Reason::DelegateNotYetValid { .. })
}

/// The codes of a judgement, each with its details. What follows from another finding is left out:
/// - if nobody entitled has signed: everything about times and certificates;
/// - with a thisUpdate in the future: what is wrong with producedAt and nextUpdate because of it;
/// - with a thisUpdate in the future or a nextUpdate in the past: how long the answer holds;
/// - with an interval that is too short: that the next answer is late.
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
