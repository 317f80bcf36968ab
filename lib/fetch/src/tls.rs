//! TLS as the fetcher speaks it: the certificate must be trusted for the name, every time; nothing is resumed,
//! so that every handshake is measured whole.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ctl_host::files;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SignatureScheme};

use crate::SetupError;

/// The largest file of roots in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Who has no certificate of its own, and notes whether it was asked for one. Under TLS 1.3 a server that insists
/// ends the connection only after the handshake, when nothing tells any more why.
#[derive(Debug, Default)]
pub(super) struct Bare(AtomicBool);

impl Bare {
    /// Whether the server asked for a certificate.
    pub(super) fn was_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Bare {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// What speaks TLS for one connection, and notes there whether a certificate is asked for.
pub(super) fn connector(config: &ClientConfig) -> (TlsConnector, Arc<Bare>) {
    let bare = Arc::new(Bare::default());
    let mut own = config.clone();
    own.client_auth_cert_resolver = Arc::clone(&bare) as _;
    (TlsConnector::from(Arc::new(own)), bare)
}

/// The configuration of TLS, which trusts the certificates in these files in addition to the system's.
///
/// # Errors
/// [`SetupError`] if a file cannot be read or holds no certificate. That the system has none is only logged:
/// the targets that are called by https then show it.
pub(super) fn config(files: &[PathBuf]) -> Result<Arc<ClientConfig>, SetupError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some of the system's TLS roots cannot be read");
    }
    let (added, _) = roots.add_parsable_certificates(system.certs);
    if added == 0 {
        tracing::warn!("the system has no TLS roots: only those of [fetch] tls_roots are trusted");
    }
    for path in files {
        let failed = |why: String| SetupError::TlsRoots { path: path.clone(), why };
        let pem = files::read(path, MAX_FILE)
            .and_then(|pem| pem.ok_or_else(|| std::io::ErrorKind::NotFound.into()))
            .map_err(|error| failed(error.to_string()))?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(failed("there is no PEM certificate in it".into()));
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Unix time at which a certificate ends; none if it cannot be read.
pub(super) fn not_after(certificates: Option<&[CertificateDer<'_>]>) -> Option<i64> {
    let leaf = certificates?.first()?;
    x509_parser::parse_x509_certificate(leaf).ok().map(|(_, leaf)| leaf.validity().not_after.timestamp())
}
