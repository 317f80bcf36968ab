//! Key identifiers (RFC 5280 sections 4.2.1.1 and 4.2.1.2): hints to find the issuer, never proof. And what an OCSP
//! responder's certificate says of itself.

use super::GeneralName;
use super::names::names;
use crate::der::{Malformed, NULL, OCTET_STRING, Reader, SEQUENCE, context, context_constructed};

/// Which key, or which certificate, the issuer says it signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityKeyId {
    /// The issuer's subject key identifier.
    pub key_id: Option<Box<[u8]>>,
    /// The issuer of the issuer's certificate.
    pub issuer: Vec<GeneralName>,
    /// The serial number of the issuer's certificate: the INTEGER's content.
    pub serial: Option<Box<[u8]>>,
}

pub(super) fn authority_key_id(value: Reader<'_>, _: bool) -> Result<AuthorityKeyId, Malformed> {
    let whole = value.only(SEQUENCE)?;
    let mut reader = whole.inside();
    let key_id = reader.optional(context(0))?.map(Into::into);
    let issuer = match reader.optional_element(context_constructed(1))? {
        Some(element) => names(element.inside())?,
        None => Vec::new(),
    };
    let serial = reader.optional(context(2))?.map(Into::into);
    reader.end()?;
    if issuer.is_empty() != serial.is_none() {
        return Err(whole.wrong("it names the issuer's issuer or its serial number without the other"));
    }
    Ok(AuthorityKeyId { key_id, issuer, serial })
}

pub(super) fn subject_key_id(value: Reader<'_>, _: bool) -> Result<Box<[u8]>, Malformed> {
    Ok(value.only(OCTET_STRING)?.content.into())
}

pub(super) fn ocsp_no_check(value: Reader<'_>, _: bool) -> Result<(), Malformed> {
    let null = value.only(NULL)?;
    if null.content.is_empty() { Ok(()) } else { Err(null.wrong("a NULL holds something")) }
}
