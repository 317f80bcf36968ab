//! Why a certificate was refused, or its signature not believed.

use std::fmt;

use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::oid_registry::Oid;

/// An algorithm or curve by its object identifier, shown with its name where the field has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlgorithmName {
    oid: String,
    name: Option<String>,
}

impl AlgorithmName {
    pub(crate) fn of(oid: &Oid<'_>) -> Self {
        let name = oid2sn(oid, oid_registry()).ok().map(str::to_owned);
        Self { oid: oid.to_id_string(), name }
    }

    /// By the content of an OBJECT IDENTIFIER.
    pub fn of_content(oid: &[u8]) -> Self {
        Self::of(&Oid::new(oid.into()))
    }

    /// The dotted object identifier, for instance `1.2.840.10045.4.3.2`.
    pub fn oid(&self) -> &str {
        &self.oid
    }
}

impl fmt::Display for AlgorithmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.oid),
            None => f.write_str(&self.oid),
        }
    }
}

/// Why bytes are not a certificate that these programs work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes exceed the limit and were not looked at.
    #[error(
        "{size} bytes are more than the limit of {limit}: this is not a single certificate or list of them"
    )]
    TooLarge {
        /// Bytes received.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not an X.509 certificate in DER.
    #[error("not a DER X.509 certificate: {0}")]
    Malformed(String),
    /// Bytes follow the certificate, or hide inside its outer sequence.
    #[error("{0} bytes too many after the certificate or one of its parts; send the certificate alone")]
    TrailingBytes(usize),
    /// The same extension stands in the certificate twice (RFC 5280 section 4.2 forbids it).
    #[error("extension {0} appears more than once")]
    DuplicateExtension(String),
    /// An extension that decides what the certificate may do cannot be read.
    #[error("extension {0} is malformed")]
    MalformedExtension(String),
    /// Text without a single CERTIFICATE block.
    #[error("found neither a DER certificate nor a PEM block \"-----BEGIN CERTIFICATE-----\"")]
    NoCertificate,
    /// Exactly one certificate was expected.
    #[error("found {0} certificates where exactly one is expected; send them one at a time")]
    NotExactlyOne(usize),
    /// More PEM blocks than the limit.
    #[error("more than {0} certificates in one PEM file; split it")]
    TooMany(usize),
    /// A PEM block begins and never ends.
    #[error("PEM block {block} has no \"-----END CERTIFICATE-----\" line; the file may be cut off")]
    UnfinishedBlock {
        /// Which block, counted from 1.
        block: usize,
    },
    /// The text between the PEM lines is not base64.
    #[error("PEM block {block} does not hold base64")]
    NotBase64 {
        /// Which block, counted from 1.
        block: usize,
    },
    /// A PEM block was decoded but what it holds is refused.
    #[error("PEM block {block}: {source}")]
    InBlock {
        /// Which block, counted from 1.
        block: usize,
        /// What was wrong inside.
        source: Box<CertificateError>,
    },
}

/// Why a certificate's signature was not verified. Only `Ok` means that it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The algorithm inside the signed part differs from the one beside the signature (RFC 5280
    /// section 4.1.1.2 wants them equal).
    #[error("the certificate names {inner} inside the signed part but {outer} beside its signature")]
    AlgorithmMismatch {
        /// The algorithm in the signed part.
        inner: AlgorithmName,
        /// The algorithm beside the signature.
        outer: AlgorithmName,
    },
    /// The signature algorithm, key type or curve is not one that is verified here.
    #[error(
        "{0} is not supported: use ECDSA on P-256, P-384 or P-521 with SHA-256, -384 or -512, or Ed25519"
    )]
    UnsupportedAlgorithm(AlgorithmName),
    /// The issuer's key is of another kind than the signature.
    #[error("a signature by {signature} cannot come from the issuer's key, which is {key}")]
    KeyDoesNotFit {
        /// The signature algorithm.
        signature: AlgorithmName,
        /// The issuer's key algorithm.
        key: AlgorithmName,
    },
    /// The issuer's elliptic-curve key writes its curve out instead of naming it.
    #[error(
        "the issuer's key writes its curve out in explicit parameters instead of naming it (RFC 5480 section 2.1.1)"
    )]
    ExplicitCurve,
    /// The issuer's elliptic-curve key names no curve.
    #[error("the issuer's key has NULL or nothing where it must name its curve (RFC 5480 section 2.1.1)")]
    NoCurve,
    /// The algorithms inside and outside differ in their parameters only.
    #[error(
        "the certificate names {0} inside the signed part and beside its signature with different parameters, such as NULL in one place only"
    )]
    ParametersDiffer(AlgorithmName),
    /// The issuer's public key is not a point on its curve, or has the wrong length.
    #[error("the issuer's public key is malformed")]
    MalformedKey,
    /// The signature value is not a signature of that algorithm.
    #[error("the signature value is malformed")]
    MalformedSignature,
    /// Everything is well formed, and the signature is not by this key over this certificate.
    #[error("the signature does not belong to this certificate and key")]
    Invalid,
}
