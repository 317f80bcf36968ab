//! Where to ask about a certificate: authority information access and CRL distribution points (RFC 5280
//! sections 4.2.2.1 and 4.2.1.13). Addresses found here are the issuer's word and an attacker's input.

use super::names::{general_name, names};
use super::{GeneralName, sequences};
use crate::der::{Element, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE, context, context_constructed};
use crate::name::Attribute;
use crate::oid;

/// One way to learn more about a certificate's issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessDescription {
    /// What is found there, as a dotted object identifier.
    pub method: String,
    /// Where it is found.
    pub location: GeneralName,
}

/// Authority information access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityInfoAccess {
    /// Every description in the certificate's order.
    pub descriptions: Vec<AccessDescription>,
}

impl AuthorityInfoAccess {
    /// Addresses of OCSP responders.
    pub fn ocsp_urls(&self) -> impl Iterator<Item = &str> {
        self.urls(oid::OCSP)
    }

    /// Addresses of the issuer's certificates.
    pub fn ca_issuers_urls(&self) -> impl Iterator<Item = &str> {
        self.urls(oid::CA_ISSUERS)
    }

    fn urls(&self, method: &'static str) -> impl Iterator<Item = &str> {
        self.descriptions.iter().filter(move |description| description.method == method).filter_map(
            |description| match &description.location {
                GeneralName::Uri(url) => Some(url.as_str()),
                _ => None,
            },
        )
    }
}

/// One place where a CRL is found that covers the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionPoint {
    /// Its name, by which a CRL's issuing distribution point is matched.
    pub name: Option<DistributionPointName>,
    /// The reasons it covers; `None` covers all.
    pub reasons: Option<Reasons>,
    /// Who signs the CRL, if not the certificate's issuer: then it is an indirect CRL.
    pub crl_issuer: Vec<GeneralName>,
}

impl DistributionPoint {
    /// The addresses among its names.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        urls(self.name.as_ref())
    }
}

/// The addresses among the names of a distribution point.
pub(crate) fn urls(name: Option<&DistributionPointName>) -> impl Iterator<Item = &str> {
    let names = match name {
        Some(DistributionPointName::Full(names)) => names.as_slice(),
        _ => &[],
    };
    names.iter().filter_map(|name| match name {
        GeneralName::Uri(url) => Some(url.as_str()),
        _ => None,
    })
}

/// How a distribution point is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistributionPointName {
    /// By names that stand alone.
    Full(Vec<GeneralName>),
    /// By one part to be appended to the CRL issuer's name.
    RelativeToIssuer(Vec<Attribute>),
}

/// The reasons for revocation that a CRL covers: bit `n` is bit `n` of ReasonFlags (RFC 5280 section 4.2.1.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reasons(pub u16);

pub(super) fn authority_info_access(value: Reader<'_>, _: bool) -> Result<AuthorityInfoAccess, Malformed> {
    let wrong = "an access description is not a SEQUENCE";
    let descriptions = sequences(value.only(SEQUENCE)?.inside(), wrong, |mut reader| {
        let method = reader.element(OBJECT_IDENTIFIER)?.oid()?;
        let location = general_name(reader.any()?)?;
        reader.end()?;
        Ok(AccessDescription { method, location })
    })?;
    Ok(AuthorityInfoAccess { descriptions })
}

pub(super) fn crl_distribution_points(
    value: Reader<'_>,
    _: bool,
) -> Result<Vec<DistributionPoint>, Malformed> {
    let wrong = "a distribution point is not a SEQUENCE";
    sequences(value.only(SEQUENCE)?.inside(), wrong, |mut reader| {
        let begin = reader.wrong("a distribution point has neither a name nor a CRL issuer");
        let name =
            match reader.optional_element(context_constructed(0))?.as_ref().map(distribution_point_name) {
                // Whoever reads on finds no address in it.
                Some(Err(_)) if !reader.is_strict() => None,
                name => name.transpose()?,
            };
        let reasons = reader.optional_element(context(1))?;
        let reasons = reasons.map(|bits| bits.named_bits()).transpose()?.map(Reasons);
        let crl_issuer = match reader.optional_element(context_constructed(2))? {
            Some(element) => names(element.inside())?,
            None => Vec::new(),
        };
        reader.end()?;
        // It can be read all the same, and says nothing.
        if name.is_none() && crl_issuer.is_empty() && reader.is_strict() {
            return Err(begin);
        }
        Ok(DistributionPoint { name, reasons, crl_issuer })
    })
}

/// A `[0]` around a DistributionPointName, which CRLs carry too.
pub(crate) fn distribution_point_name(wrapper: &Element<'_>) -> Result<DistributionPointName, Malformed> {
    let mut reader = wrapper.inside();
    let name = match reader.any()? {
        element if element.tag == context_constructed(0) => {
            DistributionPointName::Full(names(element.inside())?)
        }
        element if element.tag == context_constructed(1) => {
            DistributionPointName::RelativeToIssuer(crate::name::relative_name(&element)?)
        }
        element => return Err(element.wrong("a distribution point has a name of unknown form")),
    };
    reader.end()?;
    Ok(name)
}
