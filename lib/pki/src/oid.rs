//! Object identifiers that this room asks for by name.

pub(crate) const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const SUBJECT_ALT_NAME: &str = "2.5.29.17";
pub(crate) const ISSUER_ALT_NAME: &str = "2.5.29.18";
pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(crate) const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
pub(crate) const CERTIFICATE_POLICIES: &str = "2.5.29.32";
/// The policy that stands for all.
pub(crate) const ANY_POLICY: &str = "2.5.29.32.0";
pub(crate) const POLICY_MAPPINGS: &str = "2.5.29.33";
pub(crate) const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
pub(crate) const POLICY_CONSTRAINTS: &str = "2.5.29.36";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(crate) const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
pub(crate) const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
pub(crate) const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";
pub(crate) const OCSP: &str = "1.3.6.1.5.5.7.48.1";
pub(crate) const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// What the field calls an extension.
pub(crate) fn extension_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.29.9" => "subjectDirectoryAttributes",
        SUBJECT_KEY_IDENTIFIER => "subjectKeyIdentifier",
        KEY_USAGE => "keyUsage",
        "2.5.29.16" => "privateKeyUsagePeriod",
        SUBJECT_ALT_NAME => "subjectAltName",
        ISSUER_ALT_NAME => "issuerAltName",
        BASIC_CONSTRAINTS => "basicConstraints",
        NAME_CONSTRAINTS => "nameConstraints",
        CRL_DISTRIBUTION_POINTS => "cRLDistributionPoints",
        CERTIFICATE_POLICIES => "certificatePolicies",
        POLICY_MAPPINGS => "policyMappings",
        AUTHORITY_KEY_IDENTIFIER => "authorityKeyIdentifier",
        POLICY_CONSTRAINTS => "policyConstraints",
        EXTENDED_KEY_USAGE => "extKeyUsage",
        "2.5.29.46" => "freshestCRL",
        INHIBIT_ANY_POLICY => "inhibitAnyPolicy",
        AUTHORITY_INFO_ACCESS => "authorityInfoAccess",
        "1.3.6.1.5.5.7.1.11" => "subjectInfoAccess",
        "1.3.6.1.5.5.7.48.1.5" => "ocsp-nocheck",
        _ => return None,
    })
}
