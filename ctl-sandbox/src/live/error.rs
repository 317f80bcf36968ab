//! Why live services could not be started or switched.

use std::io;
use std::net::SocketAddr;

use super::{Code, Kind};
use crate::SandboxError;

/// What stopped live services, or what cannot be asked of them.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// An address could not be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    /// There is no runtime to serve on.
    #[error("cannot start the runtime: {0}")]
    Runtime(String),
    /// A PKI, its CA or a certificate could not be made.
    #[error(transparent)]
    Pki(#[from] SandboxError),
    /// Two PKIs would be served under one name.
    #[error("two PKIs are called {0:?} in addresses; give one of them another name")]
    SameName(String),
    /// The TLS configuration was refused.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// No PKI has this name.
    #[error("there is no PKI {name:?} here; there are: {known}")]
    UnknownPki {
        name: String,
        /// Those there are.
        known: String,
    },
    /// The PKI has no such CA.
    #[error("the PKI {pki} has no CA {name:?}; it has: {known}")]
    UnknownIssuer {
        pki: String,
        name: String,
        /// Those there are.
        known: String,
    },
    /// No kind of service has this name.
    #[error("{0:?} is no kind of service; the kinds are ocsp, crl, ca-issuers, est, root-pool and https")]
    UnknownKind(String),
    /// No reason code has this name.
    #[error("{0:?} is no reason code; `ctl-sandbox faults` lists those that there are")]
    UnknownCode(String),
    /// This kind of service cannot have this fault.
    #[error("{kind} has no fault {code}{}", hint(*code))]
    NotSwitched {
        /// The kind of service.
        kind: Kind,
        /// The fault.
        code: Code,
    },
    /// The fault needs something that this PKI or machine does not have.
    #[error("{code} of {kind} cannot be switched on here: {needs}")]
    Unavailable {
        /// The kind of service.
        kind: Kind,
        /// The fault.
        code: Code,
        /// What is missing.
        needs: &'static str,
    },
}

fn hint(code: Code) -> String {
    match super::NOT_SWITCHED.iter().find(|(not_switched, _)| *not_switched == code) {
        Some((_, why)) => format!(": {why}"),
        None => "; `ctl-sandbox faults` lists those that it has".to_owned(),
    }
}
