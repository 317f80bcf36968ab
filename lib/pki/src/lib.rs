//! X.509 machinery: read certificates, verify their signatures, find and judge paths, CRLs and OCSP responses.
//!
//! This room knows no other. It says whether a path holds and why; whether a root deserves trust is policy's
//! business.
//! [`Certificate`] owns its bytes and holds everything the rest of the house asks about, so that parsing
//! happens once, where the bytes come in.
#![forbid(unsafe_code)]

mod certificate;
pub mod crl;
pub mod der;
mod error;
pub mod extension;
pub mod identifier;
pub mod kind;
mod name;
pub mod ocsp;
pub mod oid;
pub mod path;
mod pem;
pub mod print;
mod readable;
pub mod request;
pub mod revocation;
mod signature;
pub mod written;

pub use certificate::{Certificate, MAX_CERTIFICATE_SIZE, TimeEncoding};
pub use error::{AlgorithmName, CertificateError, SignatureError};
pub use name::{Attribute, DistinguishedName};
pub use pem::{MAX_PEM_CERTIFICATES, MAX_PEM_SIZE, certificate_from_bytes, certificates_from_pem};
pub use readable::{Unreadable, UnreadableBundle, readable, readable_bundle};
