//! Maps the rules of `ctl-pki` to reason codes. Every rule has a code, or is listed here as harmless.

use ctl_pki::crl::{Change, Note, Reason};
use ctl_pki::revocation::RevocationError;

use crate::code::Code;

/// Why bytes are not a CRL.
pub(super) const fn of_error(error: &RevocationError) -> Code {
    match error {
        RevocationError::TooLarge { .. } => Code::BodyTooLarge,
        RevocationError::Empty(_) => Code::BodyEmpty,
        RevocationError::PemInsteadOfDer(_) => Code::PemInsteadOfDer,
        RevocationError::HtmlInsteadOfDer(_) => Code::HtmlInsteadOfDer,
        RevocationError::Base64InsteadOfDer(_) => Code::Base64InsteadOfDer,
        RevocationError::TrailingBytes { .. } => Code::TrailingBytes,
        RevocationError::UnknownResponseType(_) => Code::ResponseTypeUnknown,
        RevocationError::NotExactlyOne { .. }
        | RevocationError::NoBlock(_)
        | RevocationError::BrokenBlock { .. }
        | RevocationError::Malformed { .. }
        | RevocationError::TooManyCertificates { .. }
        | RevocationError::NonceLength(_) => Code::DerInvalid,
    }
}

/// Why a CRL is not believed. None for what is not the CRL's fault: that there is none, which the exchange shows, or
/// that the certificate in question cannot be read, which discovery reports.
pub(super) const fn of_reason(reason: &Reason) -> Option<Code> {
    Some(match reason {
        Reason::IssuerMismatch { .. } => Code::IssuerMismatch,
        Reason::CrlSignMissing { .. } | Reason::SignerUnreadable(_) => Code::CrlSignMissing,
        Reason::AlgorithmMismatch { .. } => Code::AlgorithmMismatch,
        Reason::AlgorithmNotAllowed(_) => Code::AlgorithmNotAllowed,
        Reason::SignatureInvalid(_) => Code::SignatureInvalid,
        Reason::ExtensionsWithoutVersion2 => Code::VersionNotV2,
        Reason::ThisUpdateFuture { .. } => Code::ThisUpdateFuture,
        Reason::NextUpdateMissing => Code::NextUpdateMissing,
        Reason::NextUpdatePast { .. } | Reason::NextUpdateBeforeThisUpdate | Reason::TooOld { .. } => {
            Code::NextUpdatePast
        }
        Reason::UnknownCriticalExtension(_) | Reason::UnknownCriticalEntryExtension(_) => {
            Code::UnknownCriticalExtension
        }
        Reason::IndirectCrl | Reason::CertificateIssuerEntry => Code::IndirectCrl,
        Reason::DeltaCrl => Code::DeltaWithoutBase,
        Reason::OnlyUserCertificates
        | Reason::OnlyCaCertificates
        | Reason::OnlyAttributeCertificates
        | Reason::OnlySomeReasons => Code::IdpScope,
        Reason::DistributionPointInvalid(_) => Code::IdpInvalid,
        Reason::CrlNumberNegative => Code::CrlNumberInvalid,
        Reason::DistributionPointMismatch => Code::IdpUrlMismatch,
        Reason::RemovedFromCompleteCrl => Code::ReasonIllegal,
        Reason::NoCrl | Reason::DistributionPointsUnreadable(_) => return None,
    })
}

/// Other remarks on a CRL. None for what breaks no rule in the list of checks.
pub(super) const fn of_note(note: &Note) -> Option<Code> {
    Some(match note {
        Note::VersionNotV2 => Code::VersionNotV2,
        Note::IssuerNotByteExact => Code::IssuerMismatch,
        Note::AkiMismatch => Code::AkiMismatch,
        Note::AkiMissing => Code::AkiMissing,
        Note::TimeEncoding { .. } => Code::TimeEncoding,
        Note::ExtensionCriticality { .. } => Code::ExtensionCriticality,
        Note::AlgorithmParameters => Code::AlgorithmParameters,
        Note::CrlNumberTooLong { .. } => Code::CrlNumberInvalid,
        Note::AccessInvalid { .. } => Code::CrlAccessInvalid,
        Note::CrlNumberMissing => Code::CrlNumberMissing,
        Note::IntervalTooLong { .. } => Code::IntervalTooLong,
        Note::EmptyRevokedSequence => Code::EmptyRevokedSequence,
        Note::DuplicateSerial { .. } => Code::DuplicateSerial,
        Note::ReasonIllegal { .. } => Code::ReasonIllegal,
        Note::RevocationDateFuture { .. } => Code::RevocationDateFuture,
        Note::RevocationReasonMissing => Code::RevocationReasonMissing,
        Note::NextUpdateNear { .. } => Code::RenewedTooLate,
        Note::DeltasExist | Note::Superseded | Note::CertificateExpired => return None,
    })
}

/// What must not change from one CRL to the next.
pub(super) const fn of_change(change: &Change) -> Code {
    match change {
        Change::NumberNotIncreasing => Code::CrlNumberNotIncreasing,
        Change::SameNumberDifferentBytes => Code::SameNumberDifferentBytes,
        Change::ThisUpdateRegressed { .. } => Code::ThisUpdateRegressed,
        Change::EntriesVanished { .. } => Code::EntryVanished,
        Change::SizeJump { .. } => Code::SizeJump,
    }
}
