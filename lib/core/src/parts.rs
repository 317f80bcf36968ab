//! What lists, registry, notices and statements are made of: uses, constraints, services, references.

use std::collections::BTreeMap;

use ctl_pki::path::{self, RuleSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::{Label, MoId, Url, Version};
use crate::{Digest, Timestamp};

/// The largest certificate in bytes of DER.
pub const MAX_CERTIFICATE: usize = 8192;

/// DER bytes, base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Der(#[serde(with = "crate::json::base64_bytes")] pub Vec<u8>);

ctl_pki::words! {
    /// Which standard a use is for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    pub enum Standard by as_str {
        /// ISO 15118-2.
        #[serde(rename = "iso15118-2")]
        Iso15118_2 => "iso15118-2",
        /// ISO 15118-20.
        #[serde(rename = "iso15118-20")]
        Iso15118_20 => "iso15118-20",
    }
}

ctl_pki::words! {
    /// Which chains may end in an anchor.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Purpose by as_str {
        /// CPO chain: the charger as TLS server.
        V2g => "v2g",
        /// Contract chain.
        Mo => "mo",
        /// Provisioning chain.
        Oem => "oem",
        /// Vehicle chain of ISO 15118-20 (TLS client).
        Vehicle => "vehicle",
    }
}

impl Standard {
    /// The rules that its vehicles and chargers judge paths by.
    #[must_use]
    pub const fn rule_set(self) -> RuleSet {
        match self {
            Self::Iso15118_2 => RuleSet::Iso15118_2,
            Self::Iso15118_20 => RuleSet::Iso15118_20,
        }
    }
}

impl From<path::Purpose> for Purpose {
    /// The chain that such a leaf stands in. A provisioning service stands in the operators' PKI.
    fn from(purpose: path::Purpose) -> Self {
        match purpose {
            path::Purpose::V2g | path::Purpose::Cps => Self::V2g,
            path::Purpose::Mo => Self::Mo,
            path::Purpose::Oem => Self::Oem,
            path::Purpose::Vehicle => Self::Vehicle,
        }
    }
}

/// One use of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    pub standard: Standard,
    pub purpose: Purpose,
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let standard = match self.standard {
            Standard::Iso15118_2 => "-2",
            Standard::Iso15118_20 => "-20",
        };
        write!(f, "{}({standard})", self.purpose)
    }
}

/// One constraint: a reader that does not know a critical one must not use the anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// Whether a reader that cannot honour it must leave the anchor out.
    pub critical: bool,
    /// Its value; the form depends on the constraint.
    pub value: Value,
}

/// The constraints of an anchor, by name. Known ones: `not_issued_after` and `not_trusted_after`
/// (a time), `mo_ids` (a list of MO identifiers). Readers keep what they do not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Constraints(pub BTreeMap<String, Constraint>);

impl Constraints {
    /// Nothing issued after this moment is trusted.
    pub const NOT_ISSUED_AFTER: &'static str = "not_issued_after";
    /// The anchor is not trusted after this moment.
    pub const NOT_TRUSTED_AFTER: &'static str = "not_trusted_after";
    /// Only contracts of these MO identifiers.
    pub const MO_IDS: &'static str = "mo_ids";
    /// Whether a constraint is one that is known here, with a value of the right form.
    #[must_use]
    pub fn is_known(name: &str, constraint: &Constraint) -> bool {
        match name {
            Self::NOT_ISSUED_AFTER | Self::NOT_TRUSTED_AFTER => {
                Timestamp::deserialize(&constraint.value).is_ok()
            }
            Self::MO_IDS => Vec::<MoId>::deserialize(&constraint.value)
                .is_ok_and(|ids| !ids.is_empty() && ids.len() <= 1000),
            _ => false,
        }
    }

    /// The name of a critical constraint that is not known here, if there is one.
    #[must_use]
    pub fn unknown_critical(&self) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, constraint)| constraint.critical && !Self::is_known(name, constraint))
            .map(|(name, _)| name.as_str())
    }

    /// The names of all critical constraints: what a plain certificate file cannot express.
    pub fn critical(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, constraint)| constraint.critical).map(|(name, _)| name.as_str())
    }

    /// A constraint that is a moment.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        self.0.get(name).and_then(|constraint| Timestamp::deserialize(&constraint.value).ok())
    }

    /// Makes a constraint that is a moment at least as strict as this: never later than before, and
    /// never less critical.
    pub fn tighten_time(&mut self, name: &str, time: Timestamp) {
        let critical = self.0.get(name).is_some_and(|constraint| constraint.critical);
        let time = self.time(name).map_or(time, |before| before.min(time));
        self.set_time(name, time, critical);
    }

    /// Sets a constraint that is a moment.
    pub fn set_time(&mut self, name: &str, time: Timestamp, critical: bool) {
        self.0.insert(name.to_owned(), Constraint { critical, value: Value::String(time.to_string()) });
    }
}

/// Why a file of certificates alone cannot take an anchor with these critical constraints; none if there are none.
#[must_use]
pub fn certificates_cannot_express(critical: &[impl AsRef<str>]) -> Option<String> {
    let names: Vec<String> = critical.iter().map(|name| format!("{:?}", name.as_ref())).collect();
    (!names.is_empty())
        .then(|| format!("a file of certificates cannot express its critical {}", names.join(", ")))
}

/// Where a PKI can be reached: watched, never needed for trust.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Services {
    /// OCSP responders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ocsp: Vec<Url>,
    /// CRL distribution points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crl: Vec<Url>,
    /// EST (RFC 7030) `cacerts` addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub est: Vec<Url>,
    /// Root certificate pools (OPCP, OPNC).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub root_pool: Vec<Url>,
}

/// A policy by name, version and digest of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    pub name: Label,
    /// SHA-256 of the policy file.
    pub sha256: Digest,
    pub version: Version,
}

ctl_pki::words! {
    /// Where an anchor stands. Only the first three and `deprecated` are trusted.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum AnchorStatus by as_str {
        /// Listed; devices are taking it up.
        Qualified => "qualified",
        /// Listed long enough that devices have it.
        Usable => "usable",
        /// Still trusted, on notice.
        Warning => "warning",
        /// Not trusted for now.
        Suspended => "suspended",
        /// Nothing issued after a date is trusted.
        Deprecated => "deprecated",
        /// Not trusted, for good.
        Withdrawn => "withdrawn",
        /// Its certificate has ended: it left the list by itself, and its key is not distrusted. Nobody
        /// decides this.
        Expired => "expired",
    }
}

impl AnchorStatus {
    /// Whether an anchor in this status stands on the list.
    #[must_use]
    pub const fn is_listed(self) -> bool {
        !matches!(self, Self::Suspended | Self::Withdrawn | Self::Expired)
    }

    /// Whether the key of an anchor in this status must not be used on any path.
    #[must_use]
    pub const fn is_distrusted(self) -> bool {
        matches!(self, Self::Suspended | Self::Withdrawn)
    }
}

/// What is distrusted: one certificate, or every certificate with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DistrustKind {
    /// SHA-256 of a certificate in DER.
    Certificate,
    /// SHA-256 of a SubjectPublicKeyInfo in DER.
    Spki,
}

/// Must not be used on any path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distrusted {
    /// What the digest is of.
    pub kind: DistrustKind,
    /// The digest.
    pub sha256: Digest,
}

/// Why trust was suspended in a hurry, or a sub-CA revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithdrawalReason {
    /// A private key is, or may be, in wrong hands.
    KeyCompromise,
    /// The authority itself is compromised.
    CaCompromise,
    /// Certificates were issued that must not have been.
    Misissuance,
    /// The operator asked for it.
    OperatorRequest,
    /// Superseded by another.
    Superseded,
    /// Operation ended.
    CessationOfOperation,
}

/// Whether an MO identifier is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoStatus {
    /// In use.
    Assigned,
    /// Not in use for now.
    Suspended,
    /// Not in use any more; still bound to its last holder.
    Withdrawn,
}
