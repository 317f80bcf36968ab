//! The certificate trust list: its payload, read and built, and what changed from one version to the next.

mod constrain;
pub mod difference;
mod judge;
pub mod offline;
pub(crate) mod read;

use std::collections::BTreeMap;

use ctl_pki::Certificate;
use serde::{Deserialize, Serialize};

use crate::names::{Environment, Label, ListId, Origin, ParticipantId};
use crate::parts::{AnchorStatus, Constraints, Der, Distrusted, PolicyRef, Services, Use};
use crate::{Digest, Timestamp};
pub use constrain::findings_of_constraints;
pub use judge::ListJudge;
pub use read::{DocumentError, RejectedAnchor, Usable};

/// The largest document in bytes.
pub const MAX_PAYLOAD: usize = 16 * 1024 * 1024;

/// The log that a document was drafted from: the ledger up to and with the draft's entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRef {
    /// The name the log signs with.
    pub origin: Origin,
    /// Root hash over the entries.
    pub root_hash: Digest,
    /// Number of entries.
    pub size: u64,
}

/// What TLS needs to name an anchor: `trusted_ca_keys` (RFC 6066) and `certificate_authorities`
/// (RFC 8446).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifiers {
    /// SHA-1 of the certificate, in hex.
    pub certificate_sha1: String,
    /// SHA-1 of the public key's bits, in hex.
    pub public_key_sha1: String,
    /// The subject's name in DER.
    pub subject: Der,
}

impl Identifiers {
    /// Those of a certificate.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            certificate_sha1: hex::encode(certificate.sha1()),
            public_key_sha1: hex::encode(certificate.public_key_sha1()),
            subject: Der(certificate.subject_der().to_vec()),
        }
    }
}

/// A root on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListAnchor {
    /// The certificate in DER.
    pub certificate: Der,
    pub constraints: Constraints,
    /// Index of the entry that caused its status.
    pub decision: u64,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// What TLS names it by.
    pub identifiers: Identifiers,
    /// Its name for people.
    pub name: Label,
    /// Who operates it.
    pub operator: ParticipantId,
    pub services: Services,
    /// Since when it has its status.
    pub since: Timestamp,
    pub status: AnchorStatus,
    /// What it is trusted for.
    pub uses: Vec<Use>,
}

/// A cross-certificate on the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCrossCertificate {
    /// The certificate in DER.
    pub certificate: Der,
    /// Index of the entry that caused its status.
    pub decision: u64,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// Fingerprint of the anchor that signed it.
    pub issuer: Digest,
    /// Its name for people.
    pub name: Label,
    /// Since when it has its status.
    pub since: Timestamp,
    pub status: AnchorStatus,
    /// Fingerprint of the anchor whose key it is for.
    pub subject: Digest,
}

/// What stands on a list, or stood there: also anchors that are suspended or withdrawn, which no version
/// of it shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListContents {
    /// The roots, by fingerprint.
    pub anchors: Vec<ListAnchor>,
    /// The cross-certificates, by fingerprint.
    pub cross_certificates: Vec<ListCrossCertificate>,
    /// What must not be used on any path.
    pub distrusted: Vec<Distrusted>,
}

/// A sub-CA that its operator disclosed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisclosedSubCa {
    /// SHA-256 of its certificate.
    pub fingerprint: Digest,
    /// Fingerprint of the CA that signed it.
    pub issuer: Digest,
    /// Its certificate in DER.
    pub certificate: Der,
}

/// One version of a list: what signers sign and devices obey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPayload {
    /// The roots, by fingerprint.
    pub anchors: Vec<ListAnchor>,
    /// The cross-certificates, by fingerprint.
    pub cross_certificates: Vec<ListCrossCertificate>,
    /// What must not be used on any path.
    pub distrusted: Vec<Distrusted>,
    /// Test or production.
    pub environment: Environment,
    /// Always 1.
    pub format: u32,
    /// When it was drafted.
    pub issued_at: Timestamp,
    pub list: ListId,
    /// The log it was drafted from.
    pub log: LogRef,
    /// When a newer one is due.
    pub next_update: Timestamp,
    /// The policy that its anchors were screened by.
    pub policy: PolicyRef,
    /// SHA-256 of the previous version; [`Digest::ZERO`] in the first.
    pub previous: Digest,
    pub scheme: Digest,
    /// Its number, one more with each version.
    pub sequence: u64,
    /// Always [`ListPayload::TYPE`].
    pub r#type: String,
}

impl ListPayload {
    /// The value of `type`.
    pub const TYPE: &'static str = "v2g-certificate-trust-list";
    /// The value of `format`.
    pub const FORMAT: u32 = 1;

    #[must_use]
    pub fn anchors_by_fingerprint(&self) -> BTreeMap<Digest, &ListAnchor> {
        self.anchors.iter().map(|anchor| (anchor.fingerprint, anchor)).collect()
    }
}
