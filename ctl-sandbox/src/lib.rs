//! Whole pretend PKIs, reproducibly from a seed: V2G, MO and OEM roots, their sub-CAs and leaves by the
//! certificate profiles of ISO 15118-2, cross-certificates between roots, and roots with something wrong; and the
//! services that go with them, [`live`], in order or with a fault that somebody switched on; and a [`subscriber`] of a
//! pool's webhooks.
//!
//! The same [`PkiSpec`] gives the same bytes on any machine: keys and serial numbers come from ChaCha20 keyed by
//! the seed, signatures are deterministic (RFC 6979), and no clock is read but by live services. Nothing here protects anything: who
//! knows the seed knows every key.
#![forbid(unsafe_code)]

pub mod back_end;
mod error;
mod faults;
mod issue;
pub mod live;
pub mod mutation;
mod pki;
mod profile;
mod request;
pub mod shape;
mod specimen;
pub mod subscriber;
mod write;

pub use error::SandboxError;
pub use faults::{expired_root, root_with_broken_signature, root_with_key_of};
pub use pki::{CrlPoints, Entity, MAX_CERTIFICATE_SIZE, Oddity, Pki, PkiSpec, cross_certify};
pub use profile::{PkiKind, Role};
pub use request::certification_request;
pub use specimen::{Edition, Specimen, specimen, specimens};
pub use write::write_certificate;
