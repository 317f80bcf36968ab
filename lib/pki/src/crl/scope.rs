//! What a CRL covers (RFC 5280 sections 5.2.5 and 6.3.3 (b), (c), (d)): the issuing distribution point against
//! the certificate's CRL distribution points.

use super::{Crl, Reason};
use crate::der::{self, Malformed, Reader, context, context_constructed};
use crate::extension::{
    DistributionPoint, DistributionPointName, GeneralName, Reasons, distribution_point_name, urls,
};
use crate::{Certificate, DistinguishedName};

/// Every reason there is: bits 1 to 8 of ReasonFlags.
pub(super) const ALL_REASONS: u16 = 0b1_1111_1110;

/// The issuing distribution point of a CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuingDistributionPoint {
    /// Its name, which must be one of those in the certificate.
    pub name: Option<DistributionPointName>,
    /// Covers end-entity certificates only.
    pub only_user_certificates: bool,
    /// Covers CA certificates only.
    pub only_ca_certificates: bool,
    /// Covers attribute certificates only, so no certificate of ours.
    pub only_attribute_certificates: bool,
    /// Covers these reasons only.
    pub only_some_reasons: Option<Reasons>,
    /// Lists certificates of other issuers too.
    pub is_indirect: bool,
}

impl IssuingDistributionPoint {
    /// The addresses among its names.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        urls(self.name.as_ref())
    }
}

/// The issuing distribution point with the bytes it was read from.
#[derive(Clone, Debug)]
pub(super) struct Scoped {
    pub(super) point: IssuingDistributionPoint,
    pub(super) der: Box<[u8]>,
}

pub(super) fn read(der: &[u8]) -> Result<Scoped, Malformed> {
    let mut reader = Reader::sequence(der)?;
    let flag = |content: Option<&[u8]>| content.map(der::boolean).transpose().map(Option::unwrap_or_default);
    let name = reader.optional_element(context_constructed(0))?;
    let point = IssuingDistributionPoint {
        name: name.as_ref().map(distribution_point_name).transpose()?,
        only_user_certificates: flag(reader.optional(context(1))?)?,
        only_ca_certificates: flag(reader.optional(context(2))?)?,
        only_some_reasons: reader.optional(context(3))?.map(der::named_bits).transpose()?.map(Reasons),
        is_indirect: flag(reader.optional(context(4))?)?,
        only_attribute_certificates: flag(reader.optional(context(5))?)?,
    };
    reader.end()?;
    Ok(Scoped { point, der: der.into() })
}

/// Which reasons this CRL covers for this certificate, or why it does not cover it at all.
pub(super) fn covered(crl: &Crl, certificate: &Certificate) -> Result<u16, Reason> {
    let points = match certificate.crl_distribution_points() {
        Ok(Some(points)) => points.value.as_slice(),
        Ok(None) => &[],
        Err(error) => return Err(Reason::DistributionPointsUnreadable(error.problem)),
    };
    // Without an issuing distribution point a CRL covers all that its issuer issued (RFC 5280 section 5.2.5).
    let Some(point) = crl.issuing_distribution_point() else { return Ok(ALL_REASONS) };
    if point.only_attribute_certificates {
        return Err(Reason::OnlyAttributeCertificates);
    }
    if point.only_user_certificates && certificate.is_ca() {
        return Err(Reason::OnlyUserCertificates);
    }
    if point.only_ca_certificates && !certificate.is_ca() {
        return Err(Reason::OnlyCaCertificates);
    }
    let by_the_crl = point.only_some_reasons.map_or(ALL_REASONS, |reasons| reasons.0 & ALL_REASONS);
    let Some(point_name) = &point.name else { return Ok(by_the_crl) };
    let names = full_names(point_name, crl.issuer());
    let mut reasons = 0;
    let mut matched = false;
    for of_certificate in points {
        if matches(&names, of_certificate, certificate) {
            matched = true;
            reasons |= of_certificate.reasons.map_or(ALL_REASONS, |reasons| reasons.0 & ALL_REASONS);
        }
    }
    // A CRL that the certificate does not point to is named after the issuer (RFC 5280 section 6.3.3, end).
    if !matched && names.iter().any(|name| is_directory(name, certificate.issuer_name())) {
        matched = true;
        reasons = ALL_REASONS;
    }
    if matched { Ok(by_the_crl & reasons) } else { Err(Reason::DistributionPointMismatch) }
}

/// One of the names of the CRL's distribution point must be one of the certificate's (section 6.3.3 (b)(2)(i)).
fn matches(names: &[GeneralName], point: &DistributionPoint, certificate: &Certificate) -> bool {
    // A distribution point with a CRL issuer of its own promises an indirect CRL, which this is not.
    let own = |name: &GeneralName| is_directory(name, certificate.issuer_name());
    if !point.crl_issuer.is_empty() && !point.crl_issuer.iter().any(own) {
        return false;
    }
    match &point.name {
        Some(name) => full_names(name, certificate.issuer_name()).iter().any(|name| names.contains(name)),
        None => point.crl_issuer.iter().any(|name| names.contains(name)),
    }
}

/// The names a distribution point goes by; one relative to the issuer is completed.
fn full_names(name: &DistributionPointName, issuer: &DistinguishedName) -> Vec<GeneralName> {
    match name {
        DistributionPointName::Full(names) => names.clone(),
        DistributionPointName::RelativeToIssuer(part) => {
            vec![GeneralName::Directory(issuer.with(part.clone()))]
        }
    }
}

fn is_directory(name: &GeneralName, directory: &DistinguishedName) -> bool {
    matches!(name, GeneralName::Directory(name) if name == directory)
}
