//! Whether a contract certificate may be charged on: its chain judged by what this device holds to be true, and nothing
//! else. For the charger that is shown one (`ctl-client authorize`), and for the car that has several (`ctl-sdp choose`).
//!
//! Pure: the chain, the evidence and the verified state come from the caller, and what comes back says of everything
//! that speaks against the contract what it is and what to do. Trust comes from the lists alone: a root that comes
//! along with the chain counts for nothing, and the registry only ever refuses.

mod chain;
pub(crate) mod command;
mod judge;
mod listed;
mod reason;
mod revocation;
#[cfg(feature = "back-end")]
mod serve;
mod text;

use ctl_core::registry::RegistryEntry;
use ctl_core::{Digest, Timestamp};
use serde::Serialize;

pub use chain::MAX_CHAIN;
pub use judge::Contracts;
pub use reason::{CertificateStatus, Code, Reason};
pub use revocation::{Evidence, EvidenceFiles, Standing};

use crate::hash_data::HashData;

/// How strictly it is judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strictness {
    /// What is not known refuses too: whether a certificate of the chain is revoked, who holds the MO identifier.
    pub unknown_refuses: bool,
}

/// A certificate of a chain, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its subject as RFC 4514 writes it, safe to print.
    pub subject: String,
    /// SHA-256 over its DER.
    pub sha256: Digest,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Whether it is revoked.
    pub revocation: Standing,
}

/// The root that a chain ends in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Root {
    /// SHA-256 over its DER.
    pub sha256: Digest,
    /// Its subject.
    pub subject: String,
    /// The lists that trust it here, for contracts.
    pub lists: Vec<String>,
}

/// OCSPRequestDataType of OCPP 2.0.1: what Authorize carries for each certificate of the chain, so that the back end can
/// ask its responder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OcspRequestData {
    /// What was hashed with.
    pub hash_algorithm: &'static str,
    /// Over the issuer's name.
    pub issuer_name_hash: String,
    /// Over the issuer's key.
    pub issuer_key_hash: String,
    /// In hex, without leading zeros.
    pub serial_number: String,
    /// Where the responder is, by the certificate's word.
    #[serde(rename = "responderURL")]
    pub responder_url: String,
}

impl OcspRequestData {
    fn new(name: HashData, responder_url: String) -> Self {
        Self {
            hash_algorithm: name.algorithm.as_str(),
            issuer_name_hash: name.issuer_name,
            issuer_key_hash: name.issuer_key,
            serial_number: name.serial,
            responder_url,
        }
    }
}

/// What there is to say of a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What an Authorize of OCPP is answered with.
    pub certificate_status: CertificateStatus,
    /// The moment that it was judged for.
    pub time: Timestamp,
    /// The contract's identifier, normalised.
    pub emaid: Option<String>,
    /// The mobility operator's identifier.
    pub mo_id: Option<String>,
    /// What the registry says of that.
    pub mo: Option<RegistryEntry>,
    /// The standard whose rules it was judged by.
    pub rules: &'static str,
    /// The root that its chain ends in, if it ends in a listed one.
    pub root: Option<Root>,
    /// The chain, from the contract up, as far as it goes.
    pub chain: Vec<Member>,
    /// Why it is refused, what decided first; then what is to be known besides.
    pub reasons: Vec<Reason>,
    /// `iso15118CertificateHashData` of OCPP, for those of the chain that name a responder.
    #[serde(rename = "iso15118CertificateHashData")]
    pub ocsp_requests: Vec<OcspRequestData>,
}

impl Verdict {
    /// Whether the contract may be charged on.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.certificate_status == CertificateStatus::Accepted
    }

    /// Why not; none if it is accepted.
    #[must_use]
    pub fn refusal(&self) -> Option<&Reason> {
        self.reasons.iter().find(|reason| reason.refuses)
    }

    /// What people call it by: the eMAID, or else the subject.
    #[must_use]
    pub fn name(&self) -> String {
        let member = self.chain.first().map(|member| member.subject.clone());
        self.emaid.clone().or(member).unwrap_or_else(|| "no contract".into())
    }
}
