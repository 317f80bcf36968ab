//! Signed attributes (RFC 5652 sections 5.3 and 11).

use ctl_core::Timestamp;
use ctl_pki::der::{Element, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET, set_of, time};

use super::{DATA, SignerRefusal};

/// 1.2.840.113549.1.9.3
pub(super) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
/// 1.2.840.113549.1.9.4
pub(super) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
/// 1.2.840.113549.1.9.5
pub(super) const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];

/// What the attributes say that must be asked about.
pub(super) struct Attributes<'a> {
    pub(super) message_digest: &'a [u8],
    /// When the signer says it signed.
    pub(super) signing_time: Option<Timestamp>,
    /// What is signed: all of them as SET OF in DER, however they came.
    pub(super) signed: Vec<u8>,
}

impl<'a> Attributes<'a> {
    /// From what stands in `signedAttrs`. Others than those known here are signed along and say nothing.
    pub(super) fn read(content: &'a [u8]) -> Result<Self, SignerRefusal> {
        let malformed = |error: ctl_pki::der::Malformed| SignerRefusal::MalformedAttributes(error.what);
        let mut reader = Reader::new(content);
        let mut found: Vec<(&[u8], Element<'_>)> = Vec::new();
        let mut elements = Vec::new();
        while !reader.is_empty() {
            let attribute = reader.element(SEQUENCE).map_err(malformed)?;
            let mut inside = attribute.inside();
            let kind = inside.element(OBJECT_IDENTIFIER).map_err(malformed)?;
            let values = inside.only(SET).map_err(malformed)?;
            if found.iter().any(|(other, _)| *other == kind.content) {
                return Err(SignerRefusal::DuplicateAttribute(kind.oid().map_err(malformed)?));
            }
            found.push((kind.content, values));
            elements.push(attribute.whole.to_vec());
        }
        let value = |oid: &[u8], name: &'static str| {
            let (_, values) = found.iter().find(|(found, _)| *found == oid)?;
            let mut inside = values.inside();
            let value = inside.any().ok().filter(|_| inside.is_empty());
            Some(value.ok_or(SignerRefusal::NotOneValue(name)))
        };
        let needed =
            |oid: &[u8], name| value(oid, name).unwrap_or(Err(SignerRefusal::MissingAttribute(name)));
        let content_type = needed(CONTENT_TYPE, "contentType")?;
        if content_type.tag != OBJECT_IDENTIFIER || content_type.content != DATA {
            return Err(SignerRefusal::ContentTypeDiffers);
        }
        let message_digest = needed(MESSAGE_DIGEST, "messageDigest")?;
        if message_digest.tag != OCTET_STRING {
            return Err(SignerRefusal::MalformedAttributes("messageDigest is no OCTET STRING"));
        }
        let signing_time = value(SIGNING_TIME, "signingTime").transpose()?;
        let signing_time = signing_time.map(time).transpose().map_err(malformed)?;
        Ok(Self {
            message_digest: message_digest.content,
            signing_time: signing_time.map(Timestamp::from_unix),
            signed: set_of(elements),
        })
    }
}
