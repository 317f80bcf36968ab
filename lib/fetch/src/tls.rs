//! TLS as the fetcher speaks it: the certificate must be trusted for the name, every time; nothing is resumed,
//! so that every handshake is measured whole. Who is asked for a certificate of its own shows one if it has been given one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, io};

use ctl_host::files;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, SignatureScheme};

use crate::SetupError;

/// The largest file of roots in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// A certificate with its key: who asks, for servers that want to know it by TLS.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// Reads it: a PEM file with the certificate, then its issuers as far as the server needs them; and one with the key,
    /// which nobody else may read.
    ///
    /// # Errors
    /// [`SetupError`] if a file cannot be read or holds no certificate or key, or if they are not of one pair.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, SetupError> {
        let failed = |path: &Path, why: String| SetupError::Identity { path: path.to_owned(), why };
        let chain = certificates(certificate).map_err(|why| failed(certificate, why))?;
        let pem = there(files::read_secret(key, MAX_FILE)).map_err(|why| failed(key, why))?;
        let read = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
            failed(key, format!("there is no private key in PEM, without a passphrase, in it: {error}"))
        })?;
        let pair =
            CertifiedKey::from_der(chain, read, &ring::default_provider()).map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => failed(
                    key,
                    format!(
                        "the key in it does not belong to the first certificate in {}",
                        certificate.display()
                    ),
                ),
                error => failed(key, error.to_string()),
            })?;
        Ok(Self(Arc::new(pair)))
    }
}

/// What is shown to a server that asks for a certificate, and whether it asked. Under TLS 1.3 a server that insists on one,
/// or on another one, ends the connection only after the handshake, when nothing tells any more why.
#[derive(Debug)]
pub(super) struct Own {
    identity: Option<Identity>,
    asked: AtomicBool,
}

impl Own {
    pub(super) fn new(identity: Option<&Identity>) -> Arc<Self> {
        Arc::new(Self { identity: identity.cloned(), asked: AtomicBool::new(false) })
    }

    /// If the server asked for a certificate: what it was shown, in words.
    pub(super) fn answered(&self) -> Option<&'static str> {
        let answered = if self.identity.is_some() { "ours was shown" } else { "none was shown" };
        self.asked.load(Ordering::Relaxed).then_some(answered)
    }
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.identity.as_ref().map(|identity| Arc::clone(&identity.0))
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}

/// What speaks TLS for one connection, and shows this where a certificate is asked for.
pub(super) fn connector(config: &ClientConfig, own: &Arc<Own>) -> TlsConnector {
    let mut config = config.clone();
    config.client_auth_cert_resolver = Arc::clone(own) as _;
    TlsConnector::from(Arc::new(config))
}

/// What a file holds that must be there.
fn there(read: io::Result<Option<Vec<u8>>>) -> Result<Vec<u8>, String> {
    read.and_then(|pem| pem.ok_or_else(|| io::ErrorKind::NotFound.into())).map_err(|error| error.to_string())
}

/// The certificates of a PEM file, of which there is one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = there(files::read(path, MAX_FILE))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| error.to_string())?;
    if all.is_empty() { Err("there is no PEM certificate in it".into()) } else { Ok(all) }
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
        for certificate in certificates(path).map_err(failed)? {
            roots.add(certificate).map_err(|error| failed(error.to_string()))?;
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
