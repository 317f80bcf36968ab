//! Object identifiers that are asked for by name.

pub const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
pub const KEY_USAGE: &str = "2.5.29.15";
pub const SUBJECT_ALT_NAME: &str = "2.5.29.17";
pub const ISSUER_ALT_NAME: &str = "2.5.29.18";
pub const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
pub const CERTIFICATE_POLICIES: &str = "2.5.29.32";
/// The policy that stands for all.
pub const ANY_POLICY: &str = "2.5.29.32.0";
pub const POLICY_MAPPINGS: &str = "2.5.29.33";
pub const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
pub const POLICY_CONSTRAINTS: &str = "2.5.29.36";
pub const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub const FRESHEST_CRL: &str = "2.5.29.46";
pub const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
pub const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";
pub const SUBJECT_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.11";
pub const OCSP_NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";
pub const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";
pub const OCSP: &str = "1.3.6.1.5.5.7.48.1";
pub const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// The extensions that are read here, by the names that the field and profiles use.
const EXTENSIONS: [(&str, &str); 17] = [
    (SUBJECT_KEY_IDENTIFIER, "subjectKeyIdentifier"),
    (KEY_USAGE, "keyUsage"),
    (SUBJECT_ALT_NAME, "subjectAltName"),
    (ISSUER_ALT_NAME, "issuerAltName"),
    (BASIC_CONSTRAINTS, "basicConstraints"),
    (NAME_CONSTRAINTS, "nameConstraints"),
    (CRL_DISTRIBUTION_POINTS, "cRLDistributionPoints"),
    (CERTIFICATE_POLICIES, "certificatePolicies"),
    (POLICY_MAPPINGS, "policyMappings"),
    (AUTHORITY_KEY_IDENTIFIER, "authorityKeyIdentifier"),
    (POLICY_CONSTRAINTS, "policyConstraints"),
    (EXTENDED_KEY_USAGE, "extKeyUsage"),
    (FRESHEST_CRL, "freshestCRL"),
    (INHIBIT_ANY_POLICY, "inhibitAnyPolicy"),
    (AUTHORITY_INFO_ACCESS, "authorityInfoAccess"),
    (SUBJECT_INFO_ACCESS, "subjectInfoAccess"),
    (OCSP_NO_CHECK, "ocspNoCheck"),
];

/// Two that have a name and are not read.
const ONLY_NAMED: [(&str, &str); 2] =
    [("2.5.29.9", "subjectDirectoryAttributes"), ("2.5.29.16", "privateKeyUsagePeriod")];

/// Whether what the extension says is read here.
pub fn is_read(oid: &str) -> bool {
    EXTENSIONS.iter().any(|(known, _)| *known == oid)
}

/// What the field calls an extension.
pub fn extension_name(oid: &str) -> Option<&'static str> {
    EXTENSIONS.iter().chain(&ONLY_NAMED).find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// The object identifier of the extension that the field calls so, of those that are read here.
pub fn extension_oid(name: &str) -> Option<&'static str> {
    EXTENSIONS.iter().find(|(_, known)| *known == name).map(|(oid, _)| *oid)
}
