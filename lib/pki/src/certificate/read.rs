//! Reads a certificate. The frame is x509-parser's; names, extensions and the strict form are read besides.

use std::collections::HashSet;
use std::sync::OnceLock;

use x509_parser::asn1_rs::{Any, FromDer, Sequence, Tag};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::extensions::{AuthorityKeyIdentifier, BasicConstraints, KeyIdentifier};
use x509_parser::nom::Parser as _;
use x509_parser::oid_registry::{
    OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_BASIC_CONSTRAINTS,
    OID_X509_EXT_SUBJECT_KEY_IDENTIFIER, Oid,
};
use x509_parser::time::ASN1Time;

use super::{Certificate, MAX_CERTIFICATE_SIZE, Moment, TimeEncoding};
use crate::der::{self, Face};
use crate::error::{AlgorithmName, CertificateError};
use crate::extension::{Extension, Extensions};
use crate::name::DistinguishedName;
use crate::signature::PublicKey;
use crate::written::Parts;

impl Moment {
    fn of(time: ASN1Time) -> Self {
        let encoding = if time.is_utctime() { TimeEncoding::UtcTime } else { TimeEncoding::GeneralizedTime };
        Self { seconds: time.timestamp(), encoding }
    }
}

impl Certificate {
    /// Parses one DER certificate of at most [`MAX_CERTIFICATE_SIZE`] bytes, with nothing after it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE_SIZE {
            return Err(CertificateError::TooLarge { size: der.len(), limit: MAX_CERTIFICATE_SIZE });
        }
        let signed_part = check_outer_shape(der)?;
        // Extensions are read below, one by one: an odd one that nobody asks about is no reason to refuse.
        let (rest, parsed) = X509CertificateParser::new()
            .with_deep_parse_extensions(false)
            .parse(der)
            .map_err(|error| CertificateError::Malformed(error.to_string()))?;
        no_trailing(rest)?;
        let key_info = parsed.public_key();
        // Re-reading it finds bytes that hide behind the key.
        no_trailing(read::<Any<'_>>(key_info.raw)?.0)?;
        check_extensions_unique(&parsed)?;
        let constraints = extension::<BasicConstraints>(&parsed, &OID_X509_EXT_BASIC_CONSTRAINTS)?;
        let subject_key_id = extension::<KeyIdentifier<'_>>(&parsed, &OID_X509_EXT_SUBJECT_KEY_IDENTIFIER)?;
        let authority_key_id =
            extension::<AuthorityKeyIdentifier<'_>>(&parsed, &OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER)?
                .and_then(|authority| authority.key_identifier);
        let (subject_name, issuer_name) =
            (DistinguishedName::of(parsed.subject()), DistinguishedName::of(parsed.issuer()));
        let extensions = parsed.extensions().iter().map(|extension| {
            // One that is not DER must not pass for the one it would be if it were.
            let raw = extension.oid.as_bytes();
            let value_at = der::offset(der, extension.value).unwrap_or_default();
            let oid = der::oid(raw).unwrap_or_else(|_| format!("#{}", hex::encode(raw)));
            Extension::new(oid, extension.critical, extension.value, value_at)
        });
        let frame = Parts::read(der, Face::Strict);
        let curve = key_info.algorithm.parameters().and_then(|any| any.as_oid().ok());
        Ok(Self {
            der: der.into(),
            signed_part: signed_part.into(),
            inner_algorithm: AlgorithmName::of(&parsed.signature.algorithm),
            outer_algorithm: AlgorithmName::of(&parsed.signature_algorithm.algorithm),
            algorithms_agree: parsed.signature == parsed.signature_algorithm,
            form: frame
                .as_ref()
                .map_err(|error| *error)
                .and_then(|frame| frame.check(&issuer_name, &subject_name)),
            version_form: frame.as_ref().map_or(Ok(()), Parts::check_version),
            signature: whole_bytes(parsed.signature_value.unused_bits, &parsed.signature_value.data)?,
            public_key: PublicKey {
                algorithm: AlgorithmName::of(&key_info.algorithm.algorithm),
                curve: curve.as_ref().map(AlgorithmName::of),
                explicit_curve: key_info.algorithm.parameters().is_some_and(|any| any.tag() == Tag::Sequence),
                bits: whole_bytes(
                    key_info.subject_public_key.unused_bits,
                    &key_info.subject_public_key.data,
                )?,
            },
            spki: key_info.raw.into(),
            subject_der: parsed.subject().as_raw().into(),
            issuer_der: parsed.issuer().as_raw().into(),
            subject: subject_name.to_string(),
            issuer: issuer_name.to_string(),
            common_name: subject_name.common_name(),
            subject_name,
            issuer_name,
            version: parsed.version().0.saturating_add(1),
            serial: parsed.raw_serial().into(),
            serial_hex: serial_hex(parsed.raw_serial()),
            not_before: Moment::of(parsed.validity().not_before),
            not_after: Moment::of(parsed.validity().not_after),
            is_ca: constraints.as_ref().is_some_and(|constraints| constraints.ca),
            path_len: constraints.and_then(|constraints| constraints.path_len_constraint),
            subject_key_id: subject_key_id.map(|id| id.0.into()),
            authority_key_id: authority_key_id.map(|id| id.0.into()),
            extensions: Extensions::read(extensions.collect(), Face::Strict),
            sha256: OnceLock::new(),
            spki_sha256: OnceLock::new(),
        })
    }
}

/// Checks that the outer sequence holds exactly three elements and returns the first, the signed part. Bytes
/// behind the signature would change the fingerprint without breaking the signature.
fn check_outer_shape(der: &[u8]) -> Result<&[u8], CertificateError> {
    let (rest, outer) = read::<Sequence<'_>>(der)?;
    no_trailing(rest)?;
    let content = outer.content.as_ref();
    let (after_signed, _) = read::<Any<'_>>(content)?;
    let (after_algorithm, _) = read::<Any<'_>>(after_signed)?;
    let (rest, _) = read::<Any<'_>>(after_algorithm)?;
    no_trailing(rest)?;
    // The content is borrowed from `der`: take the same bytes from there so that they outlive the sequence.
    let header = der.len() - content.len();
    let signed_length = content.len() - after_signed.len();
    der.get(header..header + signed_length)
        .ok_or_else(|| CertificateError::Malformed("the signed part is cut off".to_owned()))
}

fn read<'a, T: FromDer<'a>>(bytes: &'a [u8]) -> Result<(&'a [u8], T), CertificateError> {
    T::from_der(bytes).map_err(|error| CertificateError::Malformed(error.to_string()))
}

fn no_trailing(rest: &[u8]) -> Result<(), CertificateError> {
    if rest.is_empty() { Ok(()) } else { Err(CertificateError::TrailingBytes(rest.len())) }
}

/// A bit string that must be whole bytes, as every key and signature verified here is.
fn whole_bytes(unused_bits: u8, bits: &[u8]) -> Result<Box<[u8]>, CertificateError> {
    if unused_bits == 0 {
        Ok(bits.into())
    } else {
        Err(CertificateError::Malformed("a key or signature is not a whole number of bytes".to_owned()))
    }
}

fn check_extensions_unique(parsed: &X509Certificate<'_>) -> Result<(), CertificateError> {
    let mut seen = HashSet::new();
    for extension in parsed.extensions() {
        if !seen.insert(&extension.oid) {
            return Err(CertificateError::DuplicateExtension(AlgorithmName::of(&extension.oid).to_string()));
        }
    }
    Ok(())
}

fn extension<'a, T>(parsed: &X509Certificate<'a>, oid: &Oid<'_>) -> Result<Option<T>, CertificateError>
where
    T: FromDer<'a, x509_parser::error::X509Error>,
{
    let Some(extension) = parsed.extensions().iter().find(|extension| extension.oid == *oid) else {
        return Ok(None);
    };
    match T::from_der(extension.value) {
        Ok(([], value)) => Ok(Some(value)),
        _ => Err(CertificateError::MalformedExtension(AlgorithmName::of(oid).to_string())),
    }
}

fn serial_hex(raw: &[u8]) -> String {
    let hex = hex::encode(raw);
    let digits = hex.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}
