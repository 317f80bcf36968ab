//! Certificate extensions (RFC 5280 section 4.2): every one as it stands in the file, and those that decide
//! what a certificate may do read into types. What cannot be read is kept as an [`ExtensionError`]: whether it
//! matters is for those who ask, a path or a profile.

mod identifiers;
mod names;
mod points;
mod policies;
mod usage;

use crate::der::{self, Element, Face, Malformed, Reader, SEQUENCE};
use crate::oid;

pub use identifiers::AuthorityKeyId;
pub(crate) use names::mailbox;
pub use names::{GeneralName, NameConstraints, Subtree, same_uri};
pub use points::{AccessDescription, AuthorityInfoAccess, DistributionPoint, DistributionPointName, Reasons};
pub(crate) use points::{distribution_point_name, urls};
pub(crate) use policies::{CPS, USER_NOTICE};
pub use policies::{InhibitAnyPolicy, PolicyConstraints, PolicyInformation, PolicyMapping};
pub use usage::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

/// One extension as the certificate has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extension {
    oid: String,
    critical: bool,
    value: Box<[u8]>,
    value_at: usize,
}

impl Extension {
    pub(crate) fn new(oid: String, critical: bool, value: &[u8], value_at: usize) -> Self {
        Self { oid, critical, value: value.into(), value_at }
    }

    pub(crate) fn reader(&self, face: Face) -> Reader<'_> {
        Reader::at(&self.value, self.value_at, face)
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

    /// The DER inside the extension's OCTET STRING.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Where its value begins in the certificate.
    pub fn value_at(&self) -> usize {
        self.value_at
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
    pub problem: &'static str,
    /// The byte of the certificate at which the problem stands, counted from 0.
    pub at: usize,
}

/// What a certificate says by one extension: nothing, something, or something that cannot be read.
pub type Said<'a, T> = Result<Option<&'a Typed<T>>, &'a ExtensionError>;

/// What an extension says, as it is kept.
pub type Kept<T> = Result<Option<Box<Typed<T>>>, ExtensionError>;

/// All extensions of one certificate. Each field is read once.
#[derive(Clone, Debug)]
pub struct Extensions {
    /// Every one in the order of the file.
    pub all: Box<[Extension]>,
    /// Key usage (RFC 5280 section 4.2.1.3).
    pub key_usage: Kept<KeyUsage>,
    /// Extended key usage (section 4.2.1.12).
    pub extended_key_usage: Kept<ExtendedKeyUsage>,
    /// Basic constraints (section 4.2.1.9).
    pub basic_constraints: Kept<BasicConstraints>,
    /// Name constraints (section 4.2.1.10).
    pub name_constraints: Kept<NameConstraints>,
    /// Certificate policies (section 4.2.1.4).
    pub certificate_policies: Kept<Vec<PolicyInformation>>,
    /// Policy mappings (section 4.2.1.5).
    pub policy_mappings: Kept<Vec<PolicyMapping>>,
    /// Policy constraints (section 4.2.1.11).
    pub policy_constraints: Kept<PolicyConstraints>,
    /// Inhibit anyPolicy (section 4.2.1.14).
    pub inhibit_any_policy: Kept<InhibitAnyPolicy>,
    /// Subject alternative names (section 4.2.1.6).
    pub subject_alt_names: Kept<Vec<GeneralName>>,
    /// Issuer alternative names (section 4.2.1.7).
    pub issuer_alt_names: Kept<Vec<GeneralName>>,
    /// Authority information access (section 4.2.2.1).
    pub authority_info_access: Kept<AuthorityInfoAccess>,
    /// Subject information access (section 4.2.2.2).
    pub subject_info_access: Kept<AuthorityInfoAccess>,
    /// CRL distribution points (section 4.2.1.13).
    pub crl_distribution_points: Kept<Vec<DistributionPoint>>,
    /// Freshest CRL (section 4.2.1.15).
    pub freshest_crl: Kept<Vec<DistributionPoint>>,
    /// Authority key identifier (section 4.2.1.1).
    pub authority_key_id: Kept<AuthorityKeyId>,
    /// Subject key identifier (section 4.2.1.2).
    pub subject_key_id: Kept<Box<[u8]>>,
    /// That an OCSP responder need not be asked about itself (RFC 6960 section 4.2.2.2.1).
    pub ocsp_no_check: Kept<()>,
}

impl Extensions {
    pub(crate) fn read(all: Vec<Extension>, face: Face) -> Self {
        Self {
            key_usage: find(&all, face, oid::KEY_USAGE, usage::key_usage),
            extended_key_usage: find(&all, face, oid::EXTENDED_KEY_USAGE, usage::extended_key_usage),
            basic_constraints: find(&all, face, oid::BASIC_CONSTRAINTS, usage::basic_constraints),
            name_constraints: find(&all, face, oid::NAME_CONSTRAINTS, names::name_constraints),
            certificate_policies: find(&all, face, oid::CERTIFICATE_POLICIES, policies::certificate_policies),
            policy_mappings: find(&all, face, oid::POLICY_MAPPINGS, policies::policy_mappings),
            policy_constraints: find(&all, face, oid::POLICY_CONSTRAINTS, policies::policy_constraints),
            inhibit_any_policy: find(&all, face, oid::INHIBIT_ANY_POLICY, policies::inhibit_any_policy),
            subject_alt_names: find(&all, face, oid::SUBJECT_ALT_NAME, names::general_names),
            issuer_alt_names: find(&all, face, oid::ISSUER_ALT_NAME, names::general_names),
            authority_info_access: find(
                &all,
                face,
                oid::AUTHORITY_INFO_ACCESS,
                points::authority_info_access,
            ),
            subject_info_access: find(&all, face, oid::SUBJECT_INFO_ACCESS, points::authority_info_access),
            crl_distribution_points: find(
                &all,
                face,
                oid::CRL_DISTRIBUTION_POINTS,
                points::crl_distribution_points,
            ),
            freshest_crl: find(&all, face, oid::FRESHEST_CRL, points::crl_distribution_points),
            authority_key_id: find(&all, face, oid::AUTHORITY_KEY_IDENTIFIER, identifiers::authority_key_id),
            subject_key_id: find(&all, face, oid::SUBJECT_KEY_IDENTIFIER, identifiers::subject_key_id),
            ocsp_no_check: find(&all, face, oid::OCSP_NO_CHECK, identifiers::ocsp_no_check),
            all: all.into(),
        }
    }

    /// Those that cannot be read.
    pub fn errors(&self) -> impl Iterator<Item = &ExtensionError> {
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
            subject_info_access,
            crl_distribution_points,
            freshest_crl,
            authority_key_id,
            subject_key_id,
            ocsp_no_check,
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
            subject_info_access.as_ref().err(),
            crl_distribution_points.as_ref().err(),
            freshest_crl.as_ref().err(),
            authority_key_id.as_ref().err(),
            subject_key_id.as_ref().err(),
            ocsp_no_check.as_ref().err(),
        ]
        .into_iter()
        .flatten()
    }
}

/// What [`Kept`] holds, as those who ask get it.
pub(crate) fn said<T>(kept: &Kept<T>) -> Said<'_, T> {
    kept.as_ref().map(Option::as_deref)
}

fn find<T>(
    all: &[Extension],
    face: Face,
    oid: &'static str,
    read: fn(Reader<'_>, bool) -> Result<T, Malformed>,
) -> Kept<T> {
    let Some(extension) = all.iter().find(|extension| extension.oid == oid) else { return Ok(None) };
    let (value, critical) = (extension.reader(face), extension.critical);
    // Also what is not taken apart must be made of elements.
    let is_der = der::examine(&extension.value, extension.value_at, &mut Vec::new());
    match is_der.and_then(|()| read(value, critical)) {
        Ok(value) => Ok(Some(Box::new(Typed { critical, value }))),
        Err(Malformed { at, what }) => {
            Err(ExtensionError { name: oid::extension_name(oid).unwrap_or(oid), oid, problem: what, at })
        }
    }
}

/// The elements that are left, of which there must be at least one, each read by `read`.
pub(crate) fn elements<'a, T>(
    mut reader: Reader<'a>,
    mut read: impl FnMut(Element<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    if reader.is_empty() {
        return Err(reader.wrong("it holds nothing, and must hold at least one element"));
    }
    let mut values = Vec::new();
    while !reader.is_empty() {
        values.push(read(reader.any()?)?);
    }
    Ok(values)
}

/// The same for elements that must be SEQUENCEs, read from the inside.
pub(crate) fn sequences<'a, T>(
    reader: Reader<'a>,
    wrong: &'static str,
    mut read: impl FnMut(Reader<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    elements(reader, |element| match element.tag {
        SEQUENCE => read(element.inside()),
        _ => Err(element.wrong(wrong)),
    })
}
