//! Why a contract is not accepted, or what is to be known of it all the same: each reason with what was found, what to
//! do, and the word that OCPP has for it.

use serde::Serialize;

ctl_pki::words! {
    /// AuthorizeCertificateStatusEnumType of OCPP 2.0.1: what an Authorize is answered with.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    pub enum CertificateStatus by as_str {
        /// Nothing speaks against it.
        Accepted => "Accepted",
        /// A signature in the chain is not its issuer's.
        SignatureError => "SignatureError",
        /// A certificate of the chain is over.
        CertificateExpired => "CertificateExpired",
        /// A certificate of the chain was revoked.
        CertificateRevoked => "CertificateRevoked",
        /// There is no certificate to judge.
        NoCertificateAvailable => "NoCertificateAvailable",
        /// Whatever else is wrong with the chain.
        CertChainError => "CertChainError",
        /// The chain is in order, and its operator is not in business any more.
        ContractCancelled => "ContractCancelled",
    }
}

ctl_pki::words! {
    /// What a reason is about. Of several that refuse, the one that stands first here decides what OCPP is told: what a
    /// certificate says of itself counts for nothing before its chain ends in a root that is trusted for contracts.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Code by name {
        /// There is no certificate in it, or not one that is meant.
        NoCertificate => "no-certificate",
        /// A signature is not the issuer's.
        Signature => "signature",
        /// A list, a notice or this device's operator distrusts a certificate or key of the chain.
        Distrusted => "distrusted",
        /// The chain ends in no root that a list names.
        UnknownRoot => "unknown-root",
        /// The chain ends in a listed root that is not trusted here, or not for contracts.
        NotTrusted => "not-trusted",
        /// The list trusts the root for some contracts only, and this is none of them.
        Constraint => "constraint",
        /// A CRL or an OCSP response says that a certificate of the chain is revoked.
        Revoked => "revoked",
        /// A certificate of the chain is over.
        Expired => "expired",
        /// A certificate of the chain is not valid yet.
        NotYetValid => "not-yet-valid",
        /// The chain breaks a rule of RFC 5280.
        Path => "path",
        /// The chain breaks a rule of ISO 15118.
        Profile => "profile",
        /// The common name is no eMAID.
        NoEmaid => "no-emaid",
        /// The registry says that the operator's identifier is not in use any more.
        MoWithdrawn => "mo-withdrawn",
        /// The registry says that the operator's identifier is not in use for now.
        MoSuspended => "mo-suspended",
        /// What was given about revocation does not tell.
        RevocationUnknown => "revocation-unknown",
        /// Nothing was given about revocation.
        RevocationNotAsked => "revocation-not-asked",
        /// The registry does not name the operator's identifier.
        MoUnknown => "mo-unknown",
        /// No registry is known here.
        NoRegistry => "no-registry",
        /// The eMAID's check digit does not follow from the rest.
        CheckDigit => "check-digit",
        /// The list has the root on notice.
        RootOnNotice => "root-on-notice",
        /// A list should have been replaced by now.
        ListOverdue => "list-overdue",
        /// This device has no clock that can be believed.
        NoClock => "no-clock",
        /// Something was given that is of no use here.
        NotUsed => "not-used",
    }
}

impl Code {
    /// What OCPP is told if this is the reason.
    #[must_use]
    pub const fn status(self) -> CertificateStatus {
        match self {
            Self::NoCertificate => CertificateStatus::NoCertificateAvailable,
            Self::Signature => CertificateStatus::SignatureError,
            Self::Revoked => CertificateStatus::CertificateRevoked,
            Self::Expired => CertificateStatus::CertificateExpired,
            Self::MoWithdrawn | Self::MoSuspended => CertificateStatus::ContractCancelled,
            _ => CertificateStatus::CertChainError,
        }
    }

    /// What to do.
    const fn advice(self) -> &'static str {
        match self {
            Self::NoCertificate => "give the contract certificate with its sub-CAs, in PEM, DER or PKCS#7",
            Self::Signature => "do not use it: ask the operator for the chain as it was issued",
            Self::Distrusted => "do not use it: ask the operator for a contract under another root",
            Self::UnknownRoot => {
                "ask the operator under which root it was issued, and for every sub-CA; only the list's governance can \
                 add a root"
            }
            Self::NotTrusted => "see `ctl-client status` and `explain` for what the lists say of the root",
            Self::Constraint => "ask the operator for a contract under a root that is listed for it",
            Self::Revoked => "do not charge on it: the operator has to issue another",
            Self::Expired => "the vehicle has to fetch its new contract (certificate update)",
            Self::NotYetValid => "compare the clocks of this device and of whoever issued it",
            Self::Path | Self::Profile => "ask the operator for a certificate that keeps to the rule",
            Self::NoEmaid => "is it a contract certificate at all? its common name has to be the eMAID",
            Self::MoWithdrawn => "the operator's identifier is over: the driver needs another contract",
            Self::MoSuspended => "ask the operator, or whoever keeps the registry, for how long",
            Self::RevocationUnknown => "fetch the CRL, or ask the OCSP responder, once more",
            Self::RevocationNotAsked => "give its issuer's CRL or an OCSP response",
            Self::MoUnknown => {
                "ask the operator to have its identifier registered; check that it is no mistake"
            }
            Self::NoRegistry => "have registry = true in client.toml, and sync",
            Self::CheckDigit => "compare the eMAID with the driver's papers; tell the operator",
            Self::RootOnNotice => "nothing now; the operator should move to another root",
            Self::ListOverdue => "run `ctl-client sync`: what was suspended since then is not known here",
            Self::NoClock => "give this device a clock: until then what is over may pass",
            Self::NotUsed => "give what belongs to this chain, or leave it out",
        }
    }
}

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What it is about.
    pub code: Code,
    /// Whether the contract is refused for it.
    pub refuses: bool,
    /// The subject of the certificate that it is about, if it is about one.
    pub certificate: Option<String>,
    /// What was found.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

impl Reason {
    pub(super) fn refuse(code: Code, what: impl Into<String>) -> Self {
        Self { code, refuses: true, certificate: None, what: what.into(), advice: code.advice() }
    }

    pub(super) fn warn(code: Code, what: impl Into<String>) -> Self {
        Self { refuses: false, ..Self::refuse(code, what) }
    }

    /// The same about a certificate.
    pub(super) fn about(self, certificate: &ctl_pki::Certificate) -> Self {
        Self { certificate: Some(certificate.subject().to_owned()), ..self }
    }
}
