//! One X.509 certificate, owned, with what the house asks about it.

mod extensions;

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_parser::asn1_rs::{Any, FromDer, Sequence, Tag};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::extensions::{AuthorityKeyIdentifier, BasicConstraints, KeyIdentifier};
use x509_parser::nom::Parser as _;
use x509_parser::oid_registry::{
    OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_BASIC_CONSTRAINTS,
    OID_X509_EXT_SUBJECT_KEY_IDENTIFIER, Oid,
};
use x509_parser::time::ASN1Time;

use crate::asn1;
use crate::error::{AlgorithmName, CertificateError, SignatureError};
use crate::extension::{Extension, Extensions};
use crate::name::DistinguishedName;
use crate::signature::{self, PublicKey};
use crate::{form, pem};

/// The largest certificate that is parsed, in bytes. ISO 15118 allows 800 (-2) or 1600 (-20); what is larger
/// can still be read, so that a finding can say so.
pub const MAX_CERTIFICATE_SIZE: usize = 16 * 1024;

/// A parsed X.509 certificate. Two are equal when their DER bytes are.
///
/// Parsing says that the bytes have the form of a certificate and nothing about whether to trust it: call
/// [`verify_signed_by`](Self::verify_signed_by) or [`verify_self_signature`](Self::verify_self_signature).
#[derive(Clone)]
pub struct Certificate {
    der: Box<[u8]>,
    signed_part: Box<[u8]>,
    inner_algorithm: AlgorithmName,
    outer_algorithm: AlgorithmName,
    algorithms_agree: bool,
    form: Result<(), &'static str>,
    signature: Box<[u8]>,
    public_key: PublicKey,
    spki: Box<[u8]>,
    subject_der: Box<[u8]>,
    issuer_der: Box<[u8]>,
    subject_name: DistinguishedName,
    issuer_name: DistinguishedName,
    subject: String,
    issuer: String,
    common_name: Option<String>,
    version: u32,
    serial: Box<[u8]>,
    serial_hex: String,
    not_before: Moment,
    not_after: Moment,
    is_ca: bool,
    path_len: Option<u32>,
    subject_key_id: Option<Box<[u8]>>,
    authority_key_id: Option<Box<[u8]>>,
    extensions: Extensions,
    // Asked for at every turn of a search, and dear beside what else is asked there.
    sha256: OnceLock<[u8; 32]>,
    spki_sha256: OnceLock<[u8; 32]>,
}

/// How a certificate writes a moment (RFC 5280 section 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeEncoding {
    /// Two digits for the year: for moments through 2049.
    UtcTime,
    /// Four digits for the year: for moments from 2050 on.
    GeneralizedTime,
}

#[derive(Clone, Copy)]
struct Moment {
    seconds: i64,
    encoding: TimeEncoding,
}

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
            let oid = asn1::oid(raw).unwrap_or_else(|_| format!("#{}", hex::encode(raw)));
            Extension::new(oid, extension.critical, extension.value)
        });
        let curve = key_info.algorithm.parameters().and_then(|any| any.as_oid().ok());
        Ok(Self {
            der: der.into(),
            signed_part: signed_part.into(),
            inner_algorithm: AlgorithmName::of(&parsed.signature.algorithm),
            outer_algorithm: AlgorithmName::of(&parsed.signature_algorithm.algorithm),
            algorithms_agree: parsed.signature == parsed.signature_algorithm,
            form: form::check(der, &issuer_name, &subject_name),
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
            extensions: Extensions::read(extensions.collect()),
            sha256: OnceLock::new(),
            spki_sha256: OnceLock::new(),
        })
    }

    /// The exact bytes that were parsed.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The fingerprint: SHA-256 over the DER bytes.
    pub fn sha256(&self) -> [u8; 32] {
        *self.sha256.get_or_init(|| Sha256::digest(&self.der).into())
    }

    /// SHA-1 over the DER bytes: `cert_sha1_hash` of TLS trusted_ca_keys (RFC 6066 section 6). A name for the
    /// wire, never proof of anything.
    pub fn sha1(&self) -> [u8; 20] {
        Sha1::digest(&self.der).into()
    }

    /// SHA-1 over the bits of subjectPublicKey, without tag, length and unused-bits octet: `key_sha1_hash` of
    /// TLS trusted_ca_keys (RFC 6066 section 6).
    pub fn public_key_sha1(&self) -> [u8; 20] {
        Sha1::digest(&self.public_key.bits).into()
    }

    /// SHA-256 over the DER SubjectPublicKeyInfo: the name of the key.
    pub fn spki_sha256(&self) -> [u8; 32] {
        *self.spki_sha256.get_or_init(|| Sha256::digest(&self.spki).into())
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The DER subject name, as TLS certificate_authorities carries it.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The DER issuer name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The subject for people, written as in RFC 4514; safe to print.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer for people, written as in RFC 4514; safe to print.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject's common name exactly as the certificate has it (an eMAID, a PCID …), if it has one. It is
    /// not escaped: use [`subject`](Self::subject) to show it to people.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The subject, part by part; compared by the rules of RFC 5280 section 7.1.
    pub fn subject_name(&self) -> &DistinguishedName {
        &self.subject_name
    }

    /// The issuer, part by part; compared by the rules of RFC 5280 section 7.1.
    pub fn issuer_name(&self) -> &DistinguishedName {
        &self.issuer_name
    }

    /// The version: 3 for every certificate with extensions.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The serial number's content octets as the certificate has them.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The serial number in lower-case hex without leading zeros, as OCPP's CertificateHashData has it.
    pub fn serial_hex(&self) -> &str {
        &self.serial_hex
    }

    /// First second of validity, in Unix seconds.
    pub fn not_before(&self) -> i64 {
        self.not_before.seconds
    }

    /// How the first second of validity is written.
    pub fn not_before_encoding(&self) -> TimeEncoding {
        self.not_before.encoding
    }

    /// Last second of validity, in Unix seconds; the year 9999 (RFC 5280's "no end") is an ordinary number.
    pub fn not_after(&self) -> i64 {
        self.not_after.seconds
    }

    /// How the last second of validity is written.
    pub fn not_after_encoding(&self) -> TimeEncoding {
        self.not_after.encoding
    }

    /// Whether basic constraints say that this is a CA.
    pub fn is_ca(&self) -> bool {
        self.is_ca
    }

    /// How many further CAs may stand below this one, if limited.
    pub fn path_len(&self) -> Option<u32> {
        self.path_len
    }

    /// Whether subject and issuer are the same name, byte for byte. This says nothing about the signature.
    pub fn is_self_issued(&self) -> bool {
        self.subject_der == self.issuer_der
    }

    /// Whether subject and issuer are the same name by RFC 5280 section 7.1: what path validation calls
    /// self-issued (RFC 5280 section 6.1). Two encodings of one name are one name here.
    pub fn is_self_issued_by_name(&self) -> bool {
        self.is_self_issued() || self.subject_name == self.issuer_name
    }

    /// The DER of the part that is signed (TBSCertificate).
    pub fn signed_part(&self) -> &[u8] {
        &self.signed_part
    }

    /// Whether the certificate's frame, down to the values of names and extensions, is DER throughout, holds
    /// nothing besides what was read, and names one algorithm for the signature; otherwise the problem, in words.
    /// Such a certificate can have several fingerprints, or look different to other readers.
    pub fn check_der(&self) -> Result<(), &'static str> {
        self.form
    }

    /// The algorithm of the signature, as named beside it.
    pub fn signature_algorithm(&self) -> &AlgorithmName {
        &self.outer_algorithm
    }

    /// The algorithm of the signature, as named inside the signed part.
    pub fn signed_signature_algorithm(&self) -> &AlgorithmName {
        &self.inner_algorithm
    }

    /// The kind of public key.
    pub fn public_key_algorithm(&self) -> &AlgorithmName {
        &self.public_key.algorithm
    }

    /// The curve that the public key names, if it names one.
    pub fn public_key_curve(&self) -> Option<&AlgorithmName> {
        self.public_key.curve.as_ref()
    }

    /// The bits of subjectPublicKey: for an elliptic curve the encoded point.
    pub fn public_key_bits(&self) -> &[u8] {
        &self.public_key.bits
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The certificate as a PEM block.
    pub fn to_pem(&self) -> String {
        pem::to_pem(&self.der)
    }

    /// Verifies that `issuer`'s key made the signature over the exact bytes of this certificate. Only the
    /// signature is judged: names, validity and the right to issue belong to path building.
    pub fn verify_signed_by(&self, issuer: &Certificate) -> Result<(), SignatureError> {
        if !self.algorithms_agree && self.inner_algorithm == self.outer_algorithm {
            return Err(SignatureError::ParametersDiffer(self.inner_algorithm.clone()));
        }
        if !self.algorithms_agree {
            return Err(SignatureError::AlgorithmMismatch {
                inner: self.inner_algorithm.clone(),
                outer: self.outer_algorithm.clone(),
            });
        }
        signature::verify(&self.outer_algorithm, &self.signed_part, &self.signature, &issuer.public_key)
    }

    /// Verifies that the certificate is signed by its own key, as a root is.
    pub fn verify_self_signature(&self) -> Result<(), SignatureError> {
        self.verify_signed_by(self)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, sha256 {})", self.subject, hex::encode(self.sha256()))
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.der.hash(state);
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
