//! A network for the fetcher: a resolver that says what it is told, and servers that misbehave as they are told.
#![allow(dead_code, unreachable_pub)]

pub mod names;

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ctl_fetch::Options;
use ctl_sandbox::shape::{Key, Shape};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

pub fn options(allow: &[&str]) -> Options {
    let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
    // Servers of tests listen wherever there is room.
    let ports = vec!["1-65535".parse().unwrap()];
    Options { allow, ports, ..Options::default() }
}

/// How a server behaves.
#[derive(Clone)]
struct Manner {
    /// What it says, one after the other; the last one for ever.
    says: Vec<Vec<u8>>,
    /// Waits before it says it.
    waits: Duration,
    /// Does not hang up.
    stays: bool,
    /// Says it over and over, so far apart.
    trickles: Option<Duration>,
}

impl Manner {
    fn says(says: &[&[u8]]) -> Self {
        let says = says.iter().map(|one| one.to_vec()).collect();
        Self { says, waits: Duration::ZERO, stays: false, trickles: None }
    }
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    asked: Mutex<String>,
    /// Said instead, from now on.
    instead: Mutex<Option<Vec<u8>>>,
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn says(said: &[u8]) -> Self {
        Self::listen("127.0.0.1:0", Manner::says(&[said]), None).await.unwrap()
    }

    pub async fn in_turn(said: &[&str]) -> Self {
        let said: Vec<&[u8]> = said.iter().map(|one| one.as_bytes()).collect();
        Self::listen("127.0.0.1:0", Manner::says(&said), None).await.unwrap()
    }

    pub async fn says_and_stays(said: &[u8]) -> Self {
        let manner = Manner { stays: true, ..Manner::says(&[said]) };
        Self::listen("127.0.0.1:0", manner, None).await.unwrap()
    }

    pub async fn slow(said: &[u8], waits: Duration) -> Self {
        let manner = Manner { waits, ..Manner::says(&[said]) };
        Self::listen("127.0.0.1:0", manner, None).await.unwrap()
    }

    pub async fn trickles(line: &[u8], apart: Duration) -> Self {
        let manner = Manner { trickles: Some(apart), ..Manner::says(&[b"HTTP/1.1 200 OK\r\n", line]) };
        Self::listen("127.0.0.1:0", manner, None).await.unwrap()
    }

    pub async fn tls(tls: &Tls, said: &[u8]) -> Self {
        Self::listen("127.0.0.1:0", Manner::says(&[said]), Some(tls.acceptor.clone())).await.unwrap()
    }

    /// The same at every address of the loopback network.
    pub async fn everywhere(said: &[u8]) -> Self {
        let manner = Manner { stays: true, ..Manner::says(&[said]) };
        Self::listen("0.0.0.0:0", manner, None).await.unwrap()
    }

    /// Two servers at 127.0.0.1 and 127.0.0.2 with one port.
    pub async fn pair() -> (Self, Self) {
        let says = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        loop {
            let first = Self::says(says("first").as_bytes()).await;
            let second = format!("127.0.0.2:{}", first.address.port());
            // The port may be taken there: another one, then.
            if let Ok(second) = Self::listen(&second, Manner::says(&[says("second").as_bytes()]), None).await
            {
                return (first, second);
            }
        }
    }

    async fn listen(address: &str, manner: Manner, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (address, seen) = (listener.local_addr()?, Arc::new(Seen::default()));
        let noting = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut clients = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = noting.connections.fetch_add(1, Ordering::SeqCst);
                let (manner, seen, tls) = (manner.clone(), Arc::clone(&noting), tls.clone());
                clients.spawn(async move {
                    seen.most.fetch_max(seen.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &manner, number, &seen).await;
                            }
                        }
                        None => serve(stream, &manner, number, &seen).await,
                    }
                });
            }
        });
        Ok(Self { address, seen, task })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://pki.example:{}{path}", self.address.port())
    }

    /// Says something else from now on.
    pub fn now_says(&self, said: &[u8]) {
        *self.seen.instead.lock().unwrap() = Some(said.to_vec());
    }

    /// The last request.
    pub fn asked(&self) -> String {
        self.seen.asked.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub fn most_at_once(&self) -> usize {
        self.seen.most.load(Ordering::SeqCst)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    manner: &Manner,
    number: usize,
    seen: &Seen,
) {
    let mut asked = Vec::new();
    let mut buffer = [0; 4096];
    while !whole(&asked) {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => asked.extend_from_slice(&buffer[..read]),
        }
    }
    *seen.asked.lock().unwrap() = String::from_utf8_lossy(&asked).into_owned();
    tokio::time::sleep(manner.waits).await;
    // It is over before the client can know it, and so before it can come again.
    seen.now.fetch_sub(1, Ordering::SeqCst);
    // Whoever is asked may have hung up: that is the test's to see.
    if let Some(apart) = manner.trickles {
        let _ = stream.write_all(&manner.says[0]).await;
        while stream.write_all(&manner.says[1]).await.is_ok() {
            tokio::time::sleep(apart).await;
        }
    }
    let instead = seen.instead.lock().unwrap().clone();
    let said = instead.unwrap_or_else(|| manner.says[number.min(manner.says.len() - 1)].clone());
    let _ = stream.write_all(&said).await;
    let _ = stream.flush().await;
    if manner.stays {
        while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
    }
    let _ = stream.shutdown().await;
}

/// Whether a request is whole, or nothing that will become one.
fn whole(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked);
    if !asked.is_empty() && !asked[0].is_ascii_uppercase() {
        return true;
    }
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// A listener whose queue is full, so that the next connection is neither taken nor refused.
pub struct Full {
    pub address: SocketAddr,
    _listener: tokio::net::TcpListener,
    _queue: Vec<tokio::net::TcpStream>,
}

pub async fn full_backlog() -> Full {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(taken) =
        tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(address)).await
    {
        queue.push(taken.unwrap());
    }
    Full { address, _listener: listener, _queue: queue }
}

/// A server's certificate, and the root that signed it.
pub struct Tls {
    pub acceptor: TlsAcceptor,
    pub root: PathBuf,
    pub not_after: i64,
    directory: tempfile::TempDir,
}

impl Tls {
    /// Files with a client's certificate that a root of this name has issued, and its key. The server's own is `CN=Root`.
    pub fn client(&self, issuer: &str) -> [PathBuf; 2] {
        let own = Key::p256("client").unwrap();
        let root = issuer.trim_start_matches("CN=").to_lowercase();
        let leaf = Shape::new("CN=Client", &own).unwrap();
        let leaf = leaf.signed_by(issuer, &Key::p256(&root).unwrap()).unwrap();
        let [certificate, key] = ["client.pem", "client.key"].map(|name| self.directory.path().join(name));
        std::fs::write(&certificate, pem("CERTIFICATE", leaf.der())).unwrap();
        std::fs::write(&key, pem("PRIVATE KEY", &own.pkcs8_der().unwrap())).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        [certificate, key]
    }
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

pub fn tls(name: &str) -> Tls {
    tls_for(name, None)
}

/// A server that speaks this version only and wants its clients to have a certificate.
pub fn mutual_tls(name: &str, version: &'static SupportedProtocolVersion) -> Tls {
    tls_for(name, Some(version))
}

fn tls_for(name: &str, mutual: Option<&'static SupportedProtocolVersion>) -> Tls {
    let (root_key, key) = (Key::p256("root").unwrap(), Key::p256("server").unwrap());
    let root = Shape::ca("CN=Root", &root_key, None).unwrap().self_signed().unwrap();
    let length = u8::try_from(name.len()).unwrap();
    // SubjectAltName with one dNSName.
    let names = [&[0x30, length + 2, 0x82, length][..], name.as_bytes()].concat();
    let leaf = Shape::new("CN=Server", &key).unwrap().extension("2.5.29.17", false, &names);
    let leaf = leaf.signed_by("CN=Root", &root_key).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = match mutual {
        None => builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth(),
        Some(version) => {
            let mut roots = RootCertStore::empty();
            roots.add(root.der().to_vec().into()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_protocol_versions(&[version]).unwrap().with_client_cert_verifier(verifier.unwrap())
        }
    };
    let config = builder
        .with_single_cert(
            vec![leaf.der().to_vec().into()],
            PrivatePkcs8KeyDer::from(key.pkcs8_der().unwrap()).into(),
        )
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.pem");
    std::fs::write(&path, pem("CERTIFICATE", root.der())).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Tls { acceptor, root: path, not_after: leaf.not_after(), directory }
}
