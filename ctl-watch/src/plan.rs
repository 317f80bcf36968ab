//! Makes the plan for discovery from the configuration. Reads the canaries' files once, at start.

use std::path::Path;
use std::sync::Arc;

use ctl_fetch::Ports;
use ctl_host::files;
use ctl_pki::{Certificate, certificate_from_bytes};

use super::discover::{Bounds, Canaries, Configured, Plan};
use super::error::StartError;
use crate::config;

/// The largest certificate file, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// What the configuration asks to watch.
///
/// # Errors
/// [`StartError`] if a canary's file cannot be read or does not hold exactly one certificate.
pub fn plan(config: &config::Watch, ports: &[Ports]) -> Result<Plan, StartError> {
    let configured = |target: &config::ConfiguredTarget| Configured {
        operator: target.operator.clone(),
        kind: target.kind,
        url: target.url.clone(),
    };
    let canaries = config.canaries.iter().map(|canary| {
        Ok(Canaries {
            issuer: canary.issuer,
            good: canary
                .good
                .iter()
                .map(|path| certificate(path).map(Arc::new))
                .collect::<Result<_, StartError>>()?,
            revoked: canary.revoked.iter().map(|serial| serial.0.clone()).collect(),
        })
    });
    Ok(Plan {
        period: config.period,
        targets: config.targets.iter().map(configured).collect(),
        canaries: canaries.collect::<Result<_, StartError>>()?,
        bounds: Bounds::default(),
        ports: ports.to_vec(),
    })
}

fn certificate(path: &Path) -> Result<Certificate, StartError> {
    certificate_file(path).map_err(|why| StartError::Canary { path: path.to_owned(), why })
}

/// Reads a file with one certificate, PEM or DER.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn certificate_file(path: &Path) -> Result<Certificate, String> {
    let bytes = files::read(path, MAX_FILE).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or("there is no such file")?;
    certificate_from_bytes(&bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ctl_core::Digest;

    use super::*;

    #[test]
    fn a_canary_that_is_no_certificate_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("good.pem");
        let canary =
            config::Canary { issuer: Digest::of(b"an issuer"), good: vec![path.clone()], revoked: vec![] };
        let config = config::Watch { canaries: vec![canary], ..config::Watch::default() };
        assert!(plan(&config, &[]).unwrap_err().to_string().contains("good.pem"));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(plan(&config, &[]).unwrap_err().to_string().contains("good.pem"));
    }
}
