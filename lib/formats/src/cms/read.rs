//! Reads SignedData in DER.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_pki::Certificate;
use ctl_pki::der::{
    Element, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET, context,
    context_constructed,
};

use super::{
    Algorithm, CmsError, DATA, MAX_CMS_CERTIFICATES, MAX_CMS_SIGNERS, MAX_CMS_SIZE, SIGNED_DATA, SignedData,
    SignerId, SignerInfo,
};

/// The labels of PEM blocks that hold a CMS (RFC 7468 sections 8 and 9).
const LABELS: [&str; 2] = ["CMS", "PKCS7"];

pub(super) fn signed_data(bytes: &[u8]) -> Result<SignedData, CmsError> {
    if bytes.len() > MAX_CMS_SIZE {
        return Err(CmsError::TooLarge { size: bytes.len(), limit: MAX_CMS_SIZE });
    }
    match bytes.first() {
        Some(&SEQUENCE) => of_der(bytes),
        _ => of_der(&of_pem(bytes)?),
    }
}

/// What the one PEM block holds that the text must be, white space around it apart.
fn of_pem(bytes: &[u8]) -> Result<Vec<u8>, CmsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CmsError::NotCms)?.trim_ascii();
    let (label, inside) = LABELS
        .into_iter()
        .find_map(|label| Some((label, text.strip_prefix(&format!("-----BEGIN {label}-----"))?)))
        .ok_or(CmsError::NotCms)?;
    let (base64, after) = inside
        .split_once(&format!("-----END {label}-----"))
        .ok_or(CmsError::Truncated { at: bytes.len() })?;
    if !after.is_empty() {
        return Err(CmsError::TrailingBytes(after.len()));
    }
    let base64: Vec<u8> = base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(base64).map_err(|_| CmsError::NotBase64)
}

fn of_der(der: &[u8]) -> Result<SignedData, CmsError> {
    let mut outer = Reader::new(der);
    let whole = outer.element(SEQUENCE)?;
    if !outer.is_empty() {
        return Err(CmsError::TrailingBytes(der.len().saturating_sub(whole.whole.len())));
    }
    let mut message = whole.inside();
    let kind = message.element(OBJECT_IDENTIFIER)?;
    if kind.content != SIGNED_DATA {
        return Err(CmsError::NotSignedData(kind.oid()?));
    }
    let content = message.only(context_constructed(0))?;
    let mut signed = content.inside().only(SEQUENCE)?.inside();
    if !matches!(number(&signed.element(INTEGER)?), Some(1 | 3)) {
        return Err(CmsError::UnknownVersion);
    }
    signed.element(SET)?;
    let content = attached(signed.element(SEQUENCE)?)?;
    let certificates = signed.optional_element(context_constructed(0))?;
    let certificates = certificates.map(certificates_of).transpose()?.unwrap_or_default();
    // CRLs may stand here; whether a signer is revoked is asked elsewhere.
    signed.optional_element(context_constructed(1))?;
    let signers = signers(signed.only(SET)?)?;
    Ok(SignedData { content, certificates, signers })
}

/// The content of an EncapsulatedContentInfo.
fn attached(element: Element<'_>) -> Result<Vec<u8>, CmsError> {
    let mut inside = element.inside();
    let kind = inside.element(OBJECT_IDENTIFIER)?;
    if kind.content != DATA {
        return Err(CmsError::NotData(kind.oid()?));
    }
    if inside.is_empty() {
        return Err(CmsError::Detached);
    }
    let content = inside.only(context_constructed(0))?.inside().only(OCTET_STRING)?;
    Ok(content.content.to_vec())
}

/// Plain certificates: the other kinds of RFC 5652 section 10.2.2 belong to other uses.
fn certificates_of(set: Element<'_>) -> Result<Vec<Certificate>, CmsError> {
    let mut inside = set.inside();
    let mut certificates = Vec::new();
    while !inside.is_empty() {
        if certificates.len() >= MAX_CMS_CERTIFICATES {
            return Err(CmsError::TooManyCertificates(MAX_CMS_CERTIFICATES));
        }
        let (element, position) = (inside.any()?, certificates.len() + 1);
        let certificate = Certificate::from_der(element.whole);
        certificates.push(certificate.map_err(|source| CmsError::Certificate { position, source })?);
    }
    Ok(certificates)
}

fn signers(set: Element<'_>) -> Result<Vec<SignerInfo>, CmsError> {
    let mut inside = set.inside();
    let mut signers = Vec::new();
    while !inside.is_empty() {
        if signers.len() >= MAX_CMS_SIGNERS {
            return Err(CmsError::TooManySigners(MAX_CMS_SIGNERS));
        }
        signers.push(signer(inside.element(SEQUENCE)?.inside())?);
    }
    if signers.is_empty() { Err(CmsError::NoSigners) } else { Ok(signers) }
}

fn signer(mut reader: Reader<'_>) -> Result<SignerInfo, CmsError> {
    let version = number(&reader.element(INTEGER)?);
    let id = reader.any()?;
    let id = match id.tag {
        SEQUENCE => {
            let mut inside = id.inside();
            let issuer = inside.element(SEQUENCE)?.whole.to_vec();
            SignerId::IssuerAndSerial { issuer, serial: inside.only(INTEGER)?.content.to_vec() }
        }
        tag if tag == context(0) => SignerId::SubjectKeyId(id.content.to_vec()),
        _ => {
            return Err(id
                .wrong("a signer is named neither by issuer and serial number nor by its key")
                .into());
        }
    };
    let digest = algorithm(reader.element(SEQUENCE)?)?;
    let attributes = reader.optional(context_constructed(0))?.map(<[u8]>::to_vec);
    let algorithm = algorithm(reader.element(SEQUENCE)?)?;
    let signature = reader.expect(OCTET_STRING)?.to_vec();
    // Attributes that are not signed may follow: countersignatures, for example. They say nothing here.
    reader.optional_element(context_constructed(1))?;
    reader.end()?;
    Ok(SignerInfo { version, id, digest, attributes, algorithm, signature })
}

fn algorithm(element: Element<'_>) -> Result<Algorithm, Malformed> {
    let mut inside = element.inside();
    let oid = inside.element(OBJECT_IDENTIFIER)?;
    let parameters = match inside.is_empty() {
        true => None,
        false => Some(inside.any()?.whole.to_vec()),
    };
    inside.end()?;
    Ok(Algorithm { oid: oid.content.to_vec(), name: oid.oid()?, parameters })
}

/// A small number.
fn number(element: &Element<'_>) -> Option<u64> {
    match element.content {
        [digit @ 0..=0x7f] => Some(u64::from(*digit)),
        _ => None,
    }
}
