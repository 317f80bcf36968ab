//! X.509 machinery: read certificates, verify their signatures, find and judge paths, CRLs and OCSP responses.
//!
//! This crate depends on no other of the workspace. It says whether a path is valid and why; whether a root deserves
//! trust is a matter of policy.
//!
//! [`Certificate`] owns its bytes and holds everything that the other crates ask about, so that parsing
//! happens once, where the bytes come in.
#![forbid(unsafe_code)]

mod certificate;
mod conditions;
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
pub mod pem;
pub mod print;
mod readable;
pub mod request;
pub mod revocation;
mod signature;
pub mod time;
mod words;
pub mod written;

pub use certificate::{Certificate, MAX_CERTIFICATE_SIZE, TimeEncoding};
pub use error::{AlgorithmName, CertificateError, SignatureError};
pub use name::{Attribute, DistinguishedName};
pub use pem::{
    BrokenBlock, MAX_PEM_CERTIFICATES, MAX_PEM_SIZE, base64_lines, certificate_from_bytes,
    certificates_from_pem, pem_block, pem_blocks,
};
pub use readable::{Unreadable, UnreadableBundle, readable, readable_bundle};
pub use time::Timestamp;
