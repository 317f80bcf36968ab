//! What a leaf is for, and how ISO 15118 tells: by domain component and key usage.

use std::fmt;
use std::str::FromStr;

use crate::{Certificate, DistinguishedName};

const DOMAIN_COMPONENT: &str = "0.9.2342.19200300.100.1.25";

/// What a leaf certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A charger's certificate, TLS server: the CPO chain.
    V2g,
    /// A contract certificate: the MO chain.
    Mo,
    /// A provisioning certificate: the OEM chain.
    Oem,
    /// A vehicle's certificate, TLS client (ISO 15118-20).
    Vehicle,
    /// A certificate provisioning service.
    Cps,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [Self::V2g, Self::Mo, Self::Oem, Self::Vehicle, Self::Cps];

    /// Its name, as it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2g => "v2g",
            Self::Mo => "mo",
            Self::Oem => "oem",
            Self::Vehicle => "vehicle",
            Self::Cps => "cps",
        }
    }

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

    /// What a leaf seems to be for: by its domain component, else by what only contract certificates may do.
    /// A CA is for nothing of this.
    pub fn guess(leaf: &Certificate) -> Option<Self> {
        if leaf.is_ca() {
            return None;
        }
        let components = domain_components(leaf.subject_name());
        let has = |wanted: &str| components.iter().any(|component| component == wanted);
        let by_component = match () {
            () if has("CPO") || has("CSO") => Some(Self::V2g),
            () if has("MO") => Some(Self::Mo),
            () if has("OEM") => Some(Self::Oem),
            () if has("CPS") => Some(Self::Cps),
            () => None,
        };
        let usage = leaf.key_usage().ok().flatten();
        by_component
            .or_else(|| usage.is_some_and(|usage| usage.value.has("nonRepudiation")).then_some(Self::Mo))
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

    /// What the leaf's key must be allowed to do in ISO 15118-2.
    pub(super) fn key_usage(self) -> &'static [&'static str] {
        match self {
            Self::V2g | Self::Oem => &["digitalSignature", "keyAgreement"],
            Self::Mo => &["digitalSignature", "nonRepudiation", "keyEncipherment", "keyAgreement"],
            Self::Cps | Self::Vehicle => &["digitalSignature"],
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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

/// The domain components of a name, most general first.
pub(super) fn domain_components(name: &DistinguishedName) -> Vec<String> {
    let components = name.attributes().filter(|attribute| attribute.oid() == DOMAIN_COMPONENT);
    components.filter_map(|component| component.text()).collect()
}
