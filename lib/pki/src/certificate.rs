//! One X.509 certificate, owned, with everything that the other crates ask about it.

mod extensions;
mod read;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::der::Malformed;
use crate::error::{AlgorithmName, SignatureError};
use crate::extension::Extensions;
use crate::name::DistinguishedName;
use crate::pem;
use crate::signature::{self, PublicKey};
#[cfg(doc)]
use crate::written::Parts;

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
    form: Result<(), Malformed>,
    version_form: Result<(), Malformed>,
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
    // Asked for in every step of a search, and expensive compared with everything else that is asked there.
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

impl Certificate {
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

    /// SHA-1 over the bits of subjectPublicKey, without tag, length and unused-bits byte: `key_sha1_hash` of
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

    /// The serial number's content bytes as the certificate has them.
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
    /// nothing besides what was read, and names one algorithm for the signature.
    /// Such a certificate can have several fingerprints, or look different to other readers.
    ///
    /// # Errors
    /// It is not, and where.
    pub fn check_der(&self) -> Result<(), Malformed> {
        self.form
    }

    /// Whether version and extensions go together, as [`Parts::check_version`] has it.
    ///
    /// # Errors
    /// They do not.
    pub fn check_version(&self) -> Result<(), Malformed> {
        self.version_form
    }

    /// The algorithm of the signature, as named next to the signature.
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
        pem::pem_block(pem::CERTIFICATE, &self.der)
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

    /// Verifies that this certificate's key made `signature` over `signed`, which is no certificate: `algorithm` is the
    /// content of the OBJECT IDENTIFIER that names the signature's algorithm.
    ///
    /// # Errors
    /// It did not, or it cannot be told.
    pub fn verify_signature(
        &self,
        algorithm: &[u8],
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let algorithm = AlgorithmName::of_content(algorithm);
        signature::verify(&algorithm, signed, signature, &self.public_key)
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
