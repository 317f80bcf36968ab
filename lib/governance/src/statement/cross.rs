//! Statements about cross-certification: one PKI operator asks another, who answers. A resulting cross-certificate
//! applies for the list like any certificate; these statements make it possible to measure how each request is treated.

use ctl_core::Digest;
use ctl_core::names::ListId;
use serde::{Deserialize, Serialize};

use crate::statement::parts::BlobRef;

/// `cross.request`: by a PKI operator with an anchor on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossRequest {
    /// Fingerprint of the anchor that should vouch.
    pub issuer_anchor: Digest,
    /// The list of both anchors.
    pub list: ListId,
    /// Fingerprint of the anchor whose key it should vouch for.
    pub requester_anchor: Digest,
    /// The offered terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<BlobRef>,
}

/// An answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CrossAnswer {
    /// There will be a cross-certificate.
    Accepted,
    /// There will be none.
    Declined,
}

ctl_pki::words! {
    /// Why a request is declined. A fixed set, so that refusals can be counted and compared.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum RefusalReason by as_str {
        /// The requester's certificate policy or its audit does not meet the issuer's.
        PolicyNotMet => "policy-not-met",
        /// The certificates' profiles do not allow it (path length, names, algorithms).
        ProfileIncompatible => "profile-incompatible",
        /// The parties did not agree on terms.
        TermsNotAgreed => "terms-not-agreed",
        /// Law or a contract forbids it.
        LegalObstacle => "legal-obstacle",
        /// A path from one to the other exists already.
        AlreadyReachable => "already-reachable",
        /// The issuer's root is about to end.
        IssuerCeasing => "issuer-ceasing",
    }
}

/// `cross.respond`: by the operator of the anchor that should vouch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossRespond {
    pub answer: CrossAnswer,
    /// What is agreed, or the full refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<BlobRef>,
    /// Why it is declined; only in a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefusalReason>,
    /// Index of the request's entry.
    pub request: u64,
}
