//! Why a pretend PKI could not be made.

use std::path::PathBuf;

use ctl_pki::CertificateError;

/// What stopped the sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A member of the specification cannot stand in a certificate.
    #[error("{member} {value:?} is not usable: {expected}")]
    Spec {
        /// Which member of [`PkiSpec`](crate::PkiSpec).
        member: &'static str,
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A moment that X.509 cannot express.
    #[error("the validity from Unix second {0} leaves the years 1970 to 9999")]
    Time(i64),
    /// The certificate is larger than ISO 15118-2 allows.
    #[error(
        "the certificate of {subject} has {size} bytes, more than the {limit} that ISO 15118-2 allows; shorten its names or the services URL"
    )]
    TooLarge {
        subject: String,
        /// Bytes it came to.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The builder refused.
    #[error("building a certificate failed: {0}")]
    Build(#[from] x509_cert::builder::Error),
    /// A part of a certificate could not be encoded.
    #[error("encoding a part of a certificate failed: {0}")]
    Encode(#[from] der::Error),
    /// A key could not be encoded.
    #[error("encoding a private key failed")]
    Key,
    /// What was built does not parse: a fault of this crate.
    #[error("the certificate that was built does not parse: {0}")]
    Parse(#[from] CertificateError),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
}
