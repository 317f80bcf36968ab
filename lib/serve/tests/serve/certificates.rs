//! Certificates of a pretend PKI, the files of a server, and clients who trust it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_sandbox::shape::{Key, Shape};
use ctl_serve::settings::Tls;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::client::{Answer, read_answer};
use crate::service::Served;

pub const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
/// Some day in 2021.
pub const LONG_AGO: i64 = 1_625_097_600;

/// A certificate with its key.
pub struct Pair {
    pub der: Vec<u8>,
    pub key: Vec<u8>,
    pub not_after: i64,
}

impl Pair {
    /// A leaf that a root of this name has issued: of a server at 127.0.0.1, or of a client.
    pub fn issued(root: &str, name: &str) -> Self {
        Self::issued_until(root, name, None)
    }

    pub fn issued_until(root: &str, name: &str, not_after: Option<i64>) -> Self {
        let key = Key::p256(name).unwrap();
        // A subject alternative name with one iPAddress.
        let names = [0x30, 6, 0x87, 4, 127, 0, 0, 1];
        let mut shape =
            Shape::new(&format!("CN={name}"), &key).unwrap().extension("2.5.29.17", false, &names);
        if let Some(not_after) = not_after {
            shape = shape.valid(LONG_AGO - 1000, not_after);
        }
        let leaf = shape.signed_by(&format!("CN={root}"), &Key::p256(root).unwrap()).unwrap();
        Self { der: leaf.der().to_vec(), key: key.pkcs8_der().unwrap(), not_after: leaf.not_after() }
    }
}

/// A root, by its name.
pub fn root(name: &str) -> Vec<u8> {
    let key = Key::p256(name).unwrap();
    Shape::ca(&format!("CN={name}"), &key, None).unwrap().self_signed().unwrap().der().to_vec()
}

pub fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// The files of a server.
pub struct Files {
    directory: TempDir,
}

impl Files {
    pub fn new(pair: &Pair) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.put(pair);
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts a certificate and its key in place, one after the other, as tools for renewal do.
    pub fn put(&self, pair: &Pair) {
        self.put_key(&pair.key);
        self.write("chain.pem", &(pem("CERTIFICATE", &pair.der) + &pem("CERTIFICATE", &root("Root"))), 0o644);
    }

    pub fn put_key(&self, key: &[u8]) {
        self.write("key.pem", &pem("PRIVATE KEY", key), 0o600);
    }

    pub fn write(&self, name: &str, text: &str, mode: u32) {
        let new = self.path("new");
        std::fs::write(&new, text).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::rename(&new, self.path(name)).unwrap();
    }

    /// TLS with these files.
    pub fn tls(&self) -> Tls {
        Tls {
            certificate: self.path("chain.pem"),
            key: self.path("key.pem"),
            client_roots: Vec::new(),
            plain: None,
            check: Duration::from_millis(20),
        }
    }

    /// The same, which asks clients for a certificate of this root.
    pub fn tls_asking(&self, of: &str) -> Tls {
        self.write("clients.pem", &pem("CERTIFICATE", &root(of)), 0o644);
        Tls { client_roots: vec![self.path("clients.pem")], ..self.tls() }
    }
}

/// A client who trusts the server's root and speaks these versions.
pub fn client(versions: &[&'static SupportedProtocolVersion], own: Option<&Pair>) -> ClientConfig {
    client_of("Root", versions, own)
}

/// A client who trusts this root.
pub fn client_of(
    trusted: &str,
    versions: &[&'static SupportedProtocolVersion],
    own: Option<&Pair>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root(trusted).into()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivatePkcs8KeyDer::from(own.key.clone());
            builder.with_client_auth_cert(vec![CertificateDer::from(own.der.clone())], key.into()).unwrap()
        }
    }
}

pub type Stream = TlsStream<TcpStream>;

/// Shakes hands with the server.
pub async fn shake(served: &Served, config: ClientConfig) -> std::io::Result<Stream> {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, served.connect().await).await
}

/// Asks over a connection.
pub async fn ask(stream: &mut Stream, request: &str) -> std::io::Result<Answer> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    // Under TLS 1.3 a server that has refused says so only now.
    let mut first = [0; 1];
    if tokio::io::AsyncReadExt::read(stream, &mut first).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(read_answer(&mut tokio::io::AsyncReadExt::chain(&first[..], stream), false).await)
}

/// What is answered to one request on a connection of its own.
pub async fn answered(served: &Served, config: ClientConfig, request: &str) -> std::io::Result<Answer> {
    ask(&mut shake(served, config).await?, request).await
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}
