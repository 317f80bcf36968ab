//! The authority key identifier (RFC 5280 section 4.2.1.1): hints to find the issuer, never proof.

use super::GeneralName;
use super::names::general_names_content;
use crate::asn1::{Malformed, Reader, context, context_constructed};

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

pub(super) fn authority_key_id(value: &[u8]) -> Result<AuthorityKeyId, Malformed> {
    let mut reader = Reader::sequence(value)?;
    let key_id = reader.optional(context(0))?.map(Into::into);
    let issuer = match reader.optional(context_constructed(1))? {
        Some(content) => general_names_content(content)?,
        None => Vec::new(),
    };
    let serial = reader.optional(context(2))?.map(Into::into);
    reader.end()?;
    if issuer.is_empty() != serial.is_none() {
        return Err("it names the issuer's issuer or its serial number without the other");
    }
    Ok(AuthorityKeyId { key_id, issuer, serial })
}
