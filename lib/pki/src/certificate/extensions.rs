//! What the extensions of a certificate say.

use super::Certificate;
use crate::extension::{
    self, AuthorityInfoAccess, AuthorityKeyId, DistributionPoint, ExtendedKeyUsage, Extension,
    ExtensionError, GeneralName, InhibitAnyPolicy, KeyUsage, NameConstraints, PolicyConstraints,
    PolicyInformation, PolicyMapping, Said, same_uri,
};

impl Certificate {
    /// Every extension in the order of the file.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions.all
    }

    /// The extension with this dotted object identifier, if there is one.
    pub fn extension(&self, oid: &str) -> Option<&Extension> {
        self.extensions.all.iter().find(|extension| extension.oid() == oid)
    }

    /// The extensions that we know and cannot read.
    pub fn unreadable_extensions(&self) -> impl Iterator<Item = &ExtensionError> {
        self.extensions.errors()
    }

    pub fn key_usage(&self) -> Said<'_, KeyUsage> {
        extension::said(&self.extensions.key_usage)
    }

    pub fn extended_key_usage(&self) -> Said<'_, ExtendedKeyUsage> {
        extension::said(&self.extensions.extended_key_usage)
    }

    /// Basic constraints. [`is_ca`](Self::is_ca) and [`path_len`](Self::path_len) answer the usual questions;
    /// this tells also whether they are critical, and reads more strictly.
    pub fn basic_constraints(&self) -> Said<'_, extension::BasicConstraints> {
        extension::said(&self.extensions.basic_constraints)
    }

    pub fn name_constraints(&self) -> Said<'_, NameConstraints> {
        extension::said(&self.extensions.name_constraints)
    }

    pub fn certificate_policies(&self) -> Said<'_, Vec<PolicyInformation>> {
        extension::said(&self.extensions.certificate_policies)
    }

    pub fn policy_mappings(&self) -> Said<'_, Vec<PolicyMapping>> {
        extension::said(&self.extensions.policy_mappings)
    }

    pub fn policy_constraints(&self) -> Said<'_, PolicyConstraints> {
        extension::said(&self.extensions.policy_constraints)
    }

    /// Inhibit anyPolicy.
    pub fn inhibit_any_policy(&self) -> Said<'_, InhibitAnyPolicy> {
        extension::said(&self.extensions.inhibit_any_policy)
    }

    /// Subject alternative names.
    pub fn subject_alt_names(&self) -> Said<'_, Vec<GeneralName>> {
        extension::said(&self.extensions.subject_alt_names)
    }

    /// Issuer alternative names.
    pub fn issuer_alt_names(&self) -> Said<'_, Vec<GeneralName>> {
        extension::said(&self.extensions.issuer_alt_names)
    }

    /// Authority information access: OCSP responders and the issuer's certificates.
    pub fn authority_info_access(&self) -> Said<'_, AuthorityInfoAccess> {
        extension::said(&self.extensions.authority_info_access)
    }

    pub fn crl_distribution_points(&self) -> Said<'_, Vec<DistributionPoint>> {
        extension::said(&self.extensions.crl_distribution_points)
    }

    /// The authority key identifier in full; [`authority_key_id`](Self::authority_key_id) is its key id.
    pub fn authority_key_identifier(&self) -> Said<'_, AuthorityKeyId> {
        extension::said(&self.extensions.authority_key_id)
    }

    /// Addresses of OCSP responders, none if the extension is missing or cannot be read.
    pub fn ocsp_urls(&self) -> Vec<&str> {
        let access = self.authority_info_access().ok().flatten();
        access.map(|access| access.value.ocsp_urls().collect()).unwrap_or_default()
    }

    /// Addresses of CRLs, none if the extension is missing or cannot be read.
    pub fn crl_urls(&self) -> Vec<&str> {
        let points = self.crl_distribution_points().ok().flatten();
        points
            .map(|points| points.value.iter().flat_map(DistributionPoint::urls).collect())
            .unwrap_or_default()
    }

    /// Whether one of its CRL distribution points is this address (compared by RFC 5280 section 7.4).
    pub fn names_crl(&self, url: &str) -> bool {
        self.crl_urls().into_iter().any(|own| same_uri(own, url))
    }

    /// The subject key identifier, if there is one.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.subject_key_id.as_deref()
    }

    /// The authority key identifier's key id, if there is one.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }
}
