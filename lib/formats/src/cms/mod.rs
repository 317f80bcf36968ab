//! Signed CMS (RFC 5652) as the SAE list's sample is made: SignedData with the content in it, of type id-data, signed by
//! ECDSA over signed attributes; in DER, or in PEM under `CMS` or `PKCS7`.
//!
//! A signature without signed attributes is refused: over the content alone, one that was made for attributes could be
//! passed off with those attributes as its content. Every SignerInfo is judged, and who reads decides how many keys must
//! have signed: a reader that is content with one gives each signer the power of all.

mod attributes;
mod read;
mod verify;
mod write;

use ctl_core::Timestamp;
use ctl_pki::der::Malformed;
use ctl_pki::{Certificate, CertificateError, SignatureError};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

pub use verify::{SignerReport, Trust, Verification};
pub use write::{CmsWriteError, assemble, cms_pem, signed_attributes};

/// The largest CMS that is looked at, in bytes.
pub const MAX_CMS_SIZE: usize = 8 * 1024 * 1024;
/// The most SignerInfos of one CMS.
pub const MAX_CMS_SIGNERS: usize = 32;
/// The most certificates of one CMS.
pub const MAX_CMS_CERTIFICATES: usize = 128;

/// id-data: 1.2.840.113549.1.7.1.
pub(crate) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// id-signedData: 1.2.840.113549.1.7.2.
pub(crate) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

/// Why bytes are no signed CMS of this form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    #[error("{size} bytes of CMS are more than the limit of {limit}")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    #[error("neither DER nor a PEM block \"-----BEGIN CMS-----\" alone")]
    NotCms,
    /// It ends too early.
    #[error("the CMS is cut off (octet {at})")]
    Truncated {
        /// Where, counted from 0.
        at: usize,
    },
    #[error("{0} octets follow the CMS; give it alone")]
    TrailingBytes(usize),
    #[error("the PEM block does not hold base64")]
    NotBase64,
    #[error("no SignedData in DER: {what} (octet {at})")]
    Malformed {
        /// Where, counted from 0.
        at: usize,
        what: &'static str,
    },
    #[error("the CMS holds {0}, not SignedData")]
    NotSignedData(String),
    #[error("a SignedData of a version other than 1 and 3")]
    UnknownVersion,
    #[error("what is signed is of type {0}, not id-data")]
    NotData(String),
    /// The content is elsewhere.
    #[error("the CMS holds signatures without what they sign: give it with its content attached")]
    Detached,
    #[error("nobody signed the CMS")]
    NoSigners,
    #[error("more than {0} signers of one CMS")]
    TooManySigners(usize),
    #[error("more than {0} certificates in one CMS")]
    TooManyCertificates(usize),
    #[error("certificate {position} of the CMS: {source}")]
    Certificate {
        /// Counted from 1.
        position: usize,
        /// What is wrong with it.
        source: CertificateError,
    },
}

impl From<Malformed> for CmsError {
    fn from(malformed: Malformed) -> Self {
        let Malformed { at, what } = malformed;
        if malformed.is_cut_off() { Self::Truncated { at } } else { Self::Malformed { at, what } }
    }
}

/// Why a signer counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerRefusal {
    #[error("the version of the SignerInfo does not go with how it names its signer (RFC 5652 section 5.3)")]
    Version,
    #[error("there are no signed attributes: what is signed could pass for something else")]
    NoSignedAttributes,
    #[error("the signed attributes are malformed: {0}")]
    MalformedAttributes(&'static str),
    #[error("the signed attribute {0} stands there twice")]
    DuplicateAttribute(String),
    #[error("the signed attribute {0} is missing")]
    MissingAttribute(&'static str),
    #[error("the signed attribute {0} does not have exactly one value")]
    NotOneValue(&'static str),
    #[error("the signed content type is not that of the content")]
    ContentTypeDiffers,
    #[error("digest algorithm {0} is not known here: SHA-256, SHA-384 and SHA-512 are")]
    UnknownDigest(String),
    #[error("signature algorithm {0} is not known here: ECDSA with SHA-256, SHA-384 and SHA-512 are")]
    UnknownAlgorithm(String),
    #[error("an algorithm has parameters where none belong (RFC 5754)")]
    AlgorithmParameters,
    #[error("digest and signature are of different hashes")]
    HashesDiffer,
    /// The content was changed, or is another.
    #[error("the content is not what was signed: its digest is another")]
    ContentDiffers,
    #[error("the signer's certificate is neither in the CMS nor given")]
    NoCertificate,
    #[error("signed by {subject}, who is not trusted here")]
    WrongSigner {
        /// Whom the certificate in the CMS names.
        subject: String,
    },
    #[error("no path from {subject} to a given issuer: {problem}")]
    NoPath {
        /// Whom the certificate names.
        subject: String,
        /// In words.
        problem: String,
    },
    #[error("the certificate of {subject} is not for signing code, or not for signing")]
    WrongUsage {
        /// Whom the certificate names.
        subject: String,
    },
    #[error("the signer's certificate is valid only from {not_before}; judged at {at}")]
    NotYetValid { not_before: Timestamp, at: Timestamp },
    #[error("the signer's certificate ended on {not_after}; judged at {at}")]
    Expired { not_after: Timestamp, at: Timestamp },
    /// Attributes or signature were changed, or another key signed.
    #[error("the signature is not by this key over these attributes")]
    BadSignature,
    #[error("the signature cannot be judged: {0}")]
    Signature(SignatureError),
}

/// A SignedData with its content. Nothing in it is proven before [`verify`](Self::verify) says so.
#[derive(Clone, Debug)]
pub struct SignedData {
    content: Vec<u8>,
    certificates: Vec<Certificate>,
    signers: Vec<SignerInfo>,
}

impl SignedData {
    /// Reads DER or PEM of at most [`MAX_CMS_SIZE`] bytes, with nothing after it.
    ///
    /// # Errors
    /// [`CmsError`]: it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, CmsError> {
        read::signed_data(bytes)
    }

    /// What was signed, if it was.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The certificates that came along: anybody's word.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// How many SignerInfos there are, whoever they are of.
    #[must_use]
    pub fn signer_count(&self) -> usize {
        self.signers.len()
    }

    /// Judges every signer at this moment. Revocation is not asked about.
    #[must_use]
    pub fn verify(&self, trust: Trust<'_>, at: Timestamp) -> Verification {
        verify::verify(self, trust, at)
    }
}

/// One SignerInfo, as it was read.
#[derive(Clone, Debug)]
struct SignerInfo {
    version: Option<u64>,
    id: SignerId,
    digest: Algorithm,
    /// What stands in `signedAttrs`, if they are there.
    attributes: Option<Vec<u8>>,
    algorithm: Algorithm,
    signature: Vec<u8>,
}

/// How a SignerInfo names its signer.
#[derive(Clone, Debug)]
enum SignerId {
    /// The issuer's name in DER and the content of the serial number.
    IssuerAndSerial {
        issuer: Vec<u8>,
        serial: Vec<u8>,
    },
    SubjectKeyId(Vec<u8>),
}

impl SignerId {
    fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerial { issuer, serial } => {
                certificate.issuer_der() == issuer && certificate.serial() == serial
            }
            Self::SubjectKeyId(id) => certificate.subject_key_id() == Some(id),
        }
    }
}

/// An AlgorithmIdentifier.
#[derive(Clone, Debug)]
struct Algorithm {
    /// The content of its OBJECT IDENTIFIER.
    oid: Vec<u8>,
    name: String,
    parameters: Option<Vec<u8>>,
}

/// The hashes that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// 2.16.840.1.101.3.4.2.n
    const fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha256 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1],
            Self::Sha384 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2],
            Self::Sha512 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3],
        }
    }

    /// ECDSA with it: 1.2.840.10045.4.3.n
    const fn ecdsa_oid(self) -> &'static [u8] {
        match self {
            Self::Sha256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
            Self::Sha384 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3],
            Self::Sha512 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4],
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}
