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

/// The certificate that a file asks about, and the others in it. Chain files come with the leaf first or last; where
/// it cannot be told which one is meant, the file is refused: a path to a sub-CA says nothing of the leaf beside it.
pub(super) fn leaf_and_chain(file: &Path) -> Result<(Certificate, Vec<Certificate>), AdminError> {
    let mut all = certificates(file)?;
    let leaves: Vec<usize> = positions(&all, |certificate| !certificate.is_ca());
    // Among CAs, the one that issued none of the others.
    let lowest = positions(&all, |certificate| {
        let issued =
            |other: &Certificate| other != certificate && other.issuer_name() == certificate.subject_name();
        !all.iter().any(issued)
    });
    let asked = match (leaves.as_slice(), lowest.as_slice()) {
        ([leaf], _) => *leaf,
        ([], [lowest]) => *lowest,
        _ => {
            let words = format!(
                "holds {} certificates, {} of them no CA's: which one is asked about cannot be told; put it into a file \
                 of its own and give the others with --intermediate",
                all.len(),
                leaves.len()
            );
            return Err(AdminError::input(file.display(), words));
        }
    };
    let leaf = all.remove(asked);
    Ok((leaf, all))
}

fn positions(all: &[Certificate], is: impl Fn(&Certificate) -> bool) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, certificate)| is(certificate)).map(|(position, _)| position).collect()
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
