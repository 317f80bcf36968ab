//! Certificate extensions (RFC 5280 section 4.2): every one as it stands in the file, and those that decide
//! what a certificate may do read into types. What cannot be read is kept as an [`ExtensionError`]: whether it
//! matters is for those who ask, a path or a profile.

mod identifiers;
mod names;
mod points;
mod policies;
mod usage;

use crate::asn1::{self, Malformed};
use crate::oid;

pub use identifiers::AuthorityKeyId;
pub use names::{GeneralName, NameConstraints, Subtree, same_uri};
pub(crate) use points::distribution_point_name;
pub use points::{AccessDescription, AuthorityInfoAccess, DistributionPoint, DistributionPointName, Reasons};
pub use policies::{InhibitAnyPolicy, PolicyConstraints, PolicyInformation, PolicyMapping};
pub use usage::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

/// One extension as the certificate has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extension {
    oid: String,
    critical: bool,
    value: Box<[u8]>,
}

impl Extension {
    pub(crate) fn new(oid: String, critical: bool, value: &[u8]) -> Self {
        Self { oid, critical, value: value.into() }
    }

    /// The extension's object identifier, dotted; `#` and its bytes in hex if it is not DER.
    pub fn oid(&self) -> &str {
        &self.oid
    }

    /// The name the field uses for it, or the object identifier where there is none.
    pub fn name(&self) -> &str {
        oid::extension_name(&self.oid).unwrap_or(&self.oid)
    }

    /// Whether who does not understand it must refuse the certificate.
    pub fn is_critical(&self) -> bool {
        self.critical
    }

    /// The DER inside the extension's octet string.
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// An extension that was read, and whether it is critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed<T> {
    /// Whether the extension is marked critical.
    pub critical: bool,
    /// What it says.
    pub value: T,
}

/// An extension is there and is not what its standard says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("extension {name} ({oid}) cannot be read: {problem}")]
pub struct ExtensionError {
    /// The name the field uses.
    pub name: &'static str,
    /// Its object identifier, dotted.
    pub oid: &'static str,
    /// What is wrong.
    pub problem: &'static str,
}

/// What a certificate says by one extension: nothing, something, or something that cannot be read.
pub type Said<'a, T> = Result<Option<&'a Typed<T>>, &'a ExtensionError>;

type Kept<T> = Result<Option<Box<Typed<T>>>, ExtensionError>;

/// All extensions of one certificate. Each field is read once.
#[derive(Clone, Debug)]
pub(crate) struct Extensions {
    pub(crate) all: Box<[Extension]>,
    pub(crate) key_usage: Kept<KeyUsage>,
    pub(crate) extended_key_usage: Kept<ExtendedKeyUsage>,
    pub(crate) basic_constraints: Kept<BasicConstraints>,
    pub(crate) name_constraints: Kept<NameConstraints>,
    pub(crate) certificate_policies: Kept<Vec<PolicyInformation>>,
    pub(crate) policy_mappings: Kept<Vec<PolicyMapping>>,
    pub(crate) policy_constraints: Kept<PolicyConstraints>,
    pub(crate) inhibit_any_policy: Kept<InhibitAnyPolicy>,
    pub(crate) subject_alt_names: Kept<Vec<GeneralName>>,
    pub(crate) issuer_alt_names: Kept<Vec<GeneralName>>,
    pub(crate) authority_info_access: Kept<AuthorityInfoAccess>,
    pub(crate) crl_distribution_points: Kept<Vec<DistributionPoint>>,
    pub(crate) authority_key_id: Kept<AuthorityKeyId>,
}

impl Extensions {
    pub(crate) fn read(all: Vec<Extension>) -> Self {
        Self {
            key_usage: find(&all, oid::KEY_USAGE, usage::key_usage),
            extended_key_usage: find(&all, oid::EXTENDED_KEY_USAGE, usage::extended_key_usage),
            basic_constraints: find(&all, oid::BASIC_CONSTRAINTS, usage::basic_constraints),
            name_constraints: find(&all, oid::NAME_CONSTRAINTS, names::name_constraints),
            certificate_policies: find(&all, oid::CERTIFICATE_POLICIES, policies::certificate_policies),
            policy_mappings: find(&all, oid::POLICY_MAPPINGS, policies::policy_mappings),
            policy_constraints: find(&all, oid::POLICY_CONSTRAINTS, policies::policy_constraints),
            inhibit_any_policy: find(&all, oid::INHIBIT_ANY_POLICY, policies::inhibit_any_policy),
            subject_alt_names: find(&all, oid::SUBJECT_ALT_NAME, names::general_names),
            issuer_alt_names: find(&all, oid::ISSUER_ALT_NAME, names::general_names),
            authority_info_access: find(&all, oid::AUTHORITY_INFO_ACCESS, points::authority_info_access),
            crl_distribution_points: find(
                &all,
                oid::CRL_DISTRIBUTION_POINTS,
                points::crl_distribution_points,
            ),
            authority_key_id: find(&all, oid::AUTHORITY_KEY_IDENTIFIER, identifiers::authority_key_id),
            all: all.into(),
        }
    }
}

impl Extensions {
    /// Those that cannot be read.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &ExtensionError> {
        let Self {
            all: _,
            key_usage,
            extended_key_usage,
            basic_constraints,
            name_constraints,
            certificate_policies,
            policy_mappings,
            policy_constraints,
            inhibit_any_policy,
            subject_alt_names,
            issuer_alt_names,
            authority_info_access,
            crl_distribution_points,
            authority_key_id,
        } = self;
        [
            key_usage.as_ref().err(),
            extended_key_usage.as_ref().err(),
            basic_constraints.as_ref().err(),
            name_constraints.as_ref().err(),
            certificate_policies.as_ref().err(),
            policy_mappings.as_ref().err(),
            policy_constraints.as_ref().err(),
            inhibit_any_policy.as_ref().err(),
            subject_alt_names.as_ref().err(),
            issuer_alt_names.as_ref().err(),
            authority_info_access.as_ref().err(),
            crl_distribution_points.as_ref().err(),
            authority_key_id.as_ref().err(),
        ]
        .into_iter()
        .flatten()
    }
}

/// What [`Kept`] holds, as those who ask get it.
pub(crate) fn said<T>(kept: &Kept<T>) -> Said<'_, T> {
    kept.as_ref().map(Option::as_deref)
}

fn find<T>(all: &[Extension], oid: &'static str, read: fn(&[u8]) -> Result<T, Malformed>) -> Kept<T> {
    let Some(extension) = all.iter().find(|extension| extension.oid == oid) else { return Ok(None) };
    match read(&extension.value) {
        Ok(value) => Ok(Some(Box::new(Typed { critical: extension.critical, value }))),
        Err(problem) => Err(ExtensionError { name: oid::extension_name(oid).unwrap_or(oid), oid, problem }),
    }
}

/// The elements of a SEQUENCE OF that must hold at least one, each read by `read`.
pub(crate) fn sequence_of<T>(
    bytes: &[u8],
    read: impl FnMut(asn1::Element<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    elements(asn1::only(bytes, asn1::SEQUENCE)?, read)
}

/// The same for the content of the sequence.
pub(crate) fn elements<T>(
    content: &[u8],
    mut read: impl FnMut(asn1::Element<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut reader = asn1::Reader::new(content);
    let mut values = Vec::new();
    while !reader.is_empty() {
        values.push(read(reader.any()?)?);
    }
    if values.is_empty() { Err("it holds nothing, and must hold at least one element") } else { Ok(values) }
}
