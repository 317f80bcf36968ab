//! Canaries: certificates whose status is known because the configuration says so, to ask OCSP responders
//! about.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ctl_core::Digest;
use ctl_pki::{Certificate, certificate_from_bytes};

use super::run::MonitorError;
use crate::config::monitor::Canary;
use crate::files;

/// A file with one certificate is at most so long.
const MAX_FILE: u64 = 256 * 1024;

/// What is known of the certificates of one issuer.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// They are in order.
    pub good: Vec<Arc<Certificate>>,
    /// Serial numbers that are revoked.
    pub revoked: Vec<Box<[u8]>>,
}

/// What is known, by the SHA-256 of the issuer's certificate.
pub type Canaries = BTreeMap<Digest, Known>;

/// Reads the certificates that the configuration names.
///
/// # Errors
/// [`MonitorError`] if a file cannot be read or holds anything but one certificate.
pub fn load(configured: &[Canary]) -> Result<Canaries, MonitorError> {
    let mut canaries = Canaries::new();
    for canary in configured {
        let known = canaries.entry(canary.issuer).or_default();
        for path in &canary.good {
            known.good.push(Arc::new(certificate(path)?));
        }
        known.revoked.extend(canary.revoked.iter().map(|serial| serial.0.clone()));
    }
    Ok(canaries)
}

fn certificate(path: &Path) -> Result<Certificate, MonitorError> {
    let failed = |why: String| MonitorError::Canary { path: path.to_owned(), why };
    let bytes = files::read(path, MAX_FILE)
        .and_then(|bytes| bytes.ok_or_else(|| std::io::ErrorKind::NotFound.into()))
        .map_err(|error| failed(error.to_string()))?;
    certificate_from_bytes(&bytes).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_certificate_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("good.pem");
        let configured =
            [Canary { issuer: Digest::of(b"an issuer"), good: vec![path.clone()], revoked: vec![] }];
        assert!(load(&configured).unwrap_err().to_string().contains("good.pem"));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(load(&configured).unwrap_err().to_string().contains("good.pem"));
    }
}
