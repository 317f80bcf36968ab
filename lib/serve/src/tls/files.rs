//! The files of a certificate: read, and held against each other before anything is served from them.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_host::files;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use x509_parser::parse_x509_certificate;

use crate::settings;

/// The largest file of certificates in bytes, and of a key.
const MAX_CERTIFICATES: u64 = 1024 * 1024;
const MAX_KEY: u64 = 64 * 1024;

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("[http.tls] {}: {error}", .path.display())]
    File {
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file does not hold what it must.
    #[error("[http.tls] {}: {why}", .path.display())]
    Form { path: PathBuf, why: String },
    /// The key is another certificate's.
    #[error("[http.tls] the key in {} does not belong to the first certificate in {}", .key.display(), .certificate.display())]
    Pair { certificate: PathBuf, key: PathBuf },
    /// The library refuses them.
    #[error("[http.tls] {0}")]
    Library(String),
}

/// What a handshake needs, and for how long the certificate is good.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Loaded {
    /// Why the certificate is not good at this moment, if it is not.
    pub(super) fn not_now(&self, now: i64) -> Option<String> {
        if now > self.not_after {
            return Some(format!("has ended {}", Timestamp::from_unix(self.not_after)));
        }
        (now < self.not_before).then(|| format!("begins {}", Timestamp::from_unix(self.not_before)))
    }
}

/// What tells one state of a file from another without reading it.
pub(super) type Stamp = [i128; 5];

/// The states of all files; none of one that is not there.
pub(super) fn stamps(settings: &settings::Tls) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let of = std::fs::metadata(path).ok()?;
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Some([
            of.dev().into(),
            of.ino().into(),
            of.len().into(),
            nanoseconds(of.mtime(), of.mtime_nsec()),
            // Other permissions change this one only.
            nanoseconds(of.ctime(), of.ctime_nsec()),
        ])
    };
    [&settings.certificate, &settings.key].into_iter().chain(&settings.client_roots).map(stamp).collect()
}

/// Reads and judges all files.
pub(super) fn load(settings: &settings::Tls) -> Result<Loaded, TlsError> {
    let path = &settings.certificate;
    let form = |why: String| TlsError::Form { path: path.clone(), why };
    let chain = certificates(path)?;
    let (not_before, not_after) = validity(&chain).map_err(form)?;

    let path = &settings.key;
    let pem = found(path, files::read_secret(path, MAX_KEY))?;
    let key = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|error| TlsError::Form {
        path: path.clone(),
        why: format!(
            "there is no private key as PEM PKCS#8 (BEGIN PRIVATE KEY) in it: {error}; \
             openssl pkcs8 -topk8 -nocrypt makes one of any other form"
        ),
    })?;
    let provider = Arc::new(ring::default_provider());
    let certified = CertifiedKey::from_der(chain, key.into(), &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Pair { certificate: settings.certificate.clone(), key: settings.key.clone() }
        }
        error => TlsError::Form { path: path.clone(), why: error.to_string() },
    })?;

    let library = |error: &dyn std::error::Error| TlsError::Library(error.to_string());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| library(&error))?;
    let builder = if settings.client_roots.is_empty() {
        builder.with_no_client_auth()
    } else {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots(settings)?.into(), provider)
            .allow_unauthenticated()
            .build()
            .map_err(|error| library(&error))?;
        builder.with_client_cert_verifier(verifier)
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if !settings.client_roots.is_empty() {
        // A session that is resumed would bring back a client's certificate without looking at it again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Loaded { config: Arc::new(config), not_before, not_after })
}

/// The certificates by which those of clients are judged.
fn roots(settings: &settings::Tls) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for path in &settings.client_roots {
        for certificate in certificates(path)? {
            let form = |error: rustls::Error| TlsError::Form { path: path.clone(), why: error.to_string() };
            roots.add(certificate).map_err(form)?;
        }
    }
    Ok(roots)
}

fn found(path: &Path, read: std::io::Result<Option<Vec<u8>>>) -> Result<Vec<u8>, TlsError> {
    read.and_then(|bytes| bytes.ok_or_else(|| ErrorKind::NotFound.into()))
        .map_err(|error| TlsError::File { path: path.to_owned(), error })
}

/// The certificates of a PEM file, of which there is one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let form = |why: String| TlsError::Form { path: path.to_owned(), why };
    let pem = found(path, files::read(path, MAX_CERTIFICATES))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| form(error.to_string()))?;
    if all.is_empty() {
        return Err(form("there is no PEM certificate in it".into()));
    }
    Ok(all)
}

/// When the first of a chain begins and ends. Each must have been issued in the name of the next.
fn validity(chain: &[CertificateDer<'_>]) -> Result<(i64, i64), String> {
    let mut own = None;
    let mut issuer: Option<Vec<u8>> = None;
    for (number, der) in (1..).zip(chain) {
        let (_, read) = parse_x509_certificate(der)
            .map_err(|error| format!("certificate {number} in it cannot be read: {error}"))?;
        if issuer.is_some_and(|issuer| issuer != read.subject().as_raw()) {
            return Err(format!(
                "certificate {number} in it is not the issuer of the one before: \
                 the server's own comes first, then the issuer of each"
            ));
        }
        issuer = Some(read.issuer().as_raw().to_vec());
        let validity = read.validity();
        own = own.or(Some((validity.not_before.timestamp(), validity.not_after.timestamp())));
    }
    own.ok_or_else(|| "there is no certificate in it".into())
}
