//! What a leaf is for, and how ISO 15118 tells: by domain component and key usage.

use std::str::FromStr;

use crate::Certificate;
use crate::kind::{self, Kind};

crate::words! {
    /// What a leaf certificate is for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Purpose by name {
        /// A charger's certificate, TLS server: the CPO chain.
        V2g => "v2g",
        /// A contract certificate: the MO chain.
        Mo => "mo",
        /// A provisioning certificate: the OEM chain.
        Oem => "oem",
        /// A vehicle's certificate, TLS client (ISO 15118-20).
        Vehicle => "vehicle",
        /// A certificate provisioning service.
        Cps => "cps",
    }
}

impl Purpose {
    /// What such a leaf is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::V2g => "a charger's certificate (SECC)",
            Self::Mo => "a contract certificate",
            Self::Oem => "a provisioning certificate",
            Self::Vehicle => "a vehicle's certificate",
            Self::Cps => "a certificate provisioning service's certificate",
        }
    }

    /// What a leaf tells of its purpose; see [`kind`](crate::kind), which the linter asks too. A CA is for nothing of
    /// this, and neither is what fits no kind: rule sets refuse it.
    pub fn guess(leaf: &Certificate, issuer: Option<&Certificate>) -> Option<Self> {
        match kind::tell(leaf, issuer).kind? {
            Kind::Secc => Some(Self::V2g),
            Kind::Contract => Some(Self::Mo),
            Kind::Provisioning => Some(Self::Oem),
            Kind::Vehicle => Some(Self::Vehicle),
            Kind::Cps => Some(Self::Cps),
            _ => None,
        }
    }

    /// Domain components of such a leaf.
    pub(super) fn leaf_components(self) -> &'static [&'static str] {
        match self {
            Self::V2g => &["CPO", "CSO"],
            Self::Mo => &["MO"],
            Self::Oem => &["OEM"],
            Self::Vehicle => &[],
            Self::Cps => &["CPS"],
        }
    }

    /// Whether the other side tells such a leaf by its domain component, so that it may not be missing.
    pub(super) fn needs_component(self) -> bool {
        matches!(self, Self::V2g | Self::Cps)
    }

    /// Domain components of roots that such a chain may end in.
    pub(super) fn root_components(self) -> &'static [&'static str] {
        match self {
            Self::V2g | Self::Cps => &["V2G"],
            Self::Mo => &["MO", "V2G"],
            Self::Oem | Self::Vehicle => &["OEM", "V2G"],
        }
    }

    /// A domain component of roots that real lists have and the rules do not.
    pub(super) const TOLERATED_ROOT_COMPONENT: &'static str = "EVCPKI";

    /// What the leaf's key must be allowed to do in ISO 15118-2.
    pub(super) fn key_usage(self) -> &'static [&'static str] {
        match self {
            Self::V2g | Self::Oem => &["digitalSignature", "keyAgreement"],
            Self::Mo => &["digitalSignature", "nonRepudiation", "keyEncipherment", "keyAgreement"],
            Self::Cps | Self::Vehicle => &["digitalSignature"],
        }
    }
}

/// The text names no purpose.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no purpose: v2g, mo, oem, vehicle or cps")]
pub struct UnknownPurpose(String);

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|purpose| purpose.name() == text);
        known.ok_or_else(|| UnknownPurpose(text.chars().take(40).collect()))
    }
}
