//! X.509 machinery: read certificates, verify their signatures, find and judge paths, CRLs and OCSP responses.
//!
//! This room knows no other. It says whether a path holds and why; whether a root deserves trust is policy's
//! business.
//! [`Certificate`] owns its bytes and holds everything the rest of the house asks about, so that parsing
//! happens once, where the bytes come in.
#![forbid(unsafe_code)]

mod asn1;
mod ber;
mod certificate;
pub mod crl;
mod error;
pub mod extension;
mod form;
pub mod identifier;
pub mod kind;
mod name;
pub mod ocsp;
mod oid;
pub mod path;
mod pem;
mod pkcs7;
pub mod print;
mod readable;
pub mod request;
pub mod revocation;
mod signature;

pub use certificate::{Certificate, MAX_CERTIFICATE_SIZE, TimeEncoding};
pub use error::{AlgorithmName, CertificateError, SignatureError};
pub use name::{Attribute, DistinguishedName};
pub use pem::{MAX_PEM_CERTIFICATES, MAX_PEM_SIZE, certificate_from_bytes, certificates_from_pem};
pub use pkcs7::{Pkcs7Error, certificates_from_pkcs7};
pub use readable::{Unreadable, UnreadableBundle, readable, readable_bundle};
