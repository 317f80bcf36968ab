//! Certificates and CRLs from files: PEM or DER, one or many.

use std::path::Path;

use ctl_pki::crl::{Crl, MAX_CRL_SIZE, crls_from_pem};
use ctl_pki::{Certificate, MAX_PEM_SIZE, certificate_from_bytes, certificates_from_pem};

use crate::{AdminError, files};

/// Every certificate of a file, at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<Certificate>, AdminError> {
    let bytes = files::read(file, MAX_PEM_SIZE)?;
    let read = match bytes.first() {
        // A SEQUENCE: DER. Text begins otherwise.
        Some(0x30) => certificate_from_bytes(&bytes).map(|certificate| vec![certificate]),
        _ => certificates_from_pem(&bytes),
    };
    read.map_err(|error| AdminError::input(file.display(), error))
}

/// Every CRL of a file, at least one.
pub(super) fn crls(file: &Path) -> Result<Vec<Crl>, AdminError> {
    let bytes = files::read(file, MAX_CRL_SIZE)?;
    let read = match bytes.first() {
        Some(0x30) => Crl::from_der(&bytes, MAX_CRL_SIZE).map(|crl| vec![crl]),
        _ => crls_from_pem(&bytes, MAX_CRL_SIZE),
    };
    read.map_err(|error| AdminError::input(file.display(), error))
}
