//! A sandbox with a clock that tests turn, and just enough of an HTTP client to see everything that it sends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_pki::Certificate;
use ctl_pki::ocsp::{self, Hash, MAX_OCSP_SIZE, OcspResponse, Question};
use ctl_sandbox::live::{Canaries, Kind, Live, OcspSigner, Options};
use ctl_sandbox::{CrlPoints, PkiKind, PkiSpec};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// 2030-01-01T12:34:56Z.
pub const NOW: i64 = 1_893_501_296;
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 24 * HOUR;
pub const NONCE: [u8; 32] = [7; 32];

/// Live services and their clock.
pub struct Sandbox {
    pub live: Live,
    time: Arc<AtomicI64>,
}

impl Sandbox {
    pub async fn start(pkis: Vec<PkiSpec>, signer: OcspSigner) -> Self {
        let time = Arc::new(AtomicI64::new(NOW));
        let clock = time.clone();
        let options = Options {
            ocsp_signer: signer,
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            ..Options::new(pkis)
        };
        Self { live: Live::start(options).await.unwrap(), time }
    }

    /// One V2G PKI called Aurora.
    pub async fn aurora() -> Self {
        Self::start(vec![spec(PkiKind::V2g, "Aurora")], OcspSigner::default()).await
    }

    /// The same with this arrangement of distribution points.
    pub async fn aurora_with(crl_points: CrlPoints) -> Self {
        let spec = PkiSpec { crl_points, ..spec(PkiKind::V2g, "Aurora") };
        Self::start(vec![spec], OcspSigner::default()).await
    }

    pub fn now(&self) -> i64 {
        self.time.load(Ordering::Relaxed)
    }

    pub fn advance(&self, seconds: i64) {
        self.time.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Asks about a serial number; `nonce` is sent with it.
    pub fn question<'a>(issuer: &'a Certificate, serial: &'a [u8], nonce: bool) -> Question<'a> {
        let question = Question::about_serial(serial, issuer);
        if nonce { question.with_nonce(&NONCE) } else { question }
    }

    pub async fn post(&self, url: &str, question: &Question<'_>, hash: Hash) -> Reply {
        let request = question.request(hash).unwrap();
        self.send("POST", url, "Content-Type: application/ocsp-request\r\n", &request).await.unwrap()
    }

    pub async fn get_ocsp(&self, url: &str, question: &Question<'_>, hash: Hash) -> Reply {
        let request = STANDARD.encode(question.request(hash).unwrap());
        let request = request.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        self.get(&format!("{url}/{request}")).await
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.send("GET", url, "", &[]).await.unwrap()
    }

    /// Sends a request to where the sandbox says that the name leads.
    pub async fn send(&self, method: &str, url: &str, headers: &str, body: &[u8]) -> io::Result<Reply> {
        let (_, host, port, _) = parts(url);
        let address = self.live.resolve(host).first().copied().ok_or(io::ErrorKind::HostUnreachable)?;
        send_to(SocketAddr::new(address, port), method, url, headers, body).await
    }

    /// The addresses of the OCSP responders, CA by CA, with what each is asked.
    pub fn responders(&self, pki: &str) -> Vec<(String, Canaries)> {
        let urls = self.live.urls(pki, Kind::Ocsp).unwrap();
        urls.into_iter().zip(self.live.canaries(pki).unwrap()).collect()
    }
}

pub fn spec(kind: PkiKind, name: &str) -> PkiSpec {
    PkiSpec::new(kind, name, "NL", "Aurora", "live", NOW - DAY)
}

/// Scheme, host, port and path of a URL.
pub fn parts(url: &str) -> (&str, &str, u16, &str) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap());
    let (host, port) = authority.split_once(':').unwrap();
    (scheme, host, port.parse().unwrap(), path)
}

/// An answer as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The OCSP response that it is.
    pub fn ocsp(&self) -> OcspResponse {
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/ocsp-response")));
        OcspResponse::from_der(&self.body, MAX_OCSP_SIZE).unwrap()
    }

    /// max-age of Cache-Control.
    pub fn max_age(&self) -> i64 {
        let control = self.header("cache-control").unwrap();
        let age = control.split(", ").find_map(|directive| directive.strip_prefix("max-age=")).unwrap();
        age.parse().unwrap()
    }
}

pub async fn send_to(
    address: SocketAddr,
    method: &str,
    url: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<Reply> {
    exchange(TcpStream::connect(address).await?, method, url, headers, body).await
}

/// One request over an open connection, which is closed after it.
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    method: &str,
    url: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<Reply> {
    let (_, host, port, path) = parts(url);
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    Ok(Reply { status, head, body: bytes.split_off(end + 4) })
}

/// As strict as any policy would be.
pub fn strict() -> ocsp::Limits {
    ocsp::Limits {
        skew: 300,
        min_interval: Some(8 * HOUR),
        max_interval: Some(10 * DAY),
        renewal: Some(8 * HOUR),
        delegate_near: Some(14 * DAY),
        require_nocheck: false,
        ..ocsp::Limits::default()
    }
}

/// Every rule that is broken, in problems and notes, without what only informs: SHA-1 was asked for, and CAs that
/// sign themselves keep to the key usage of their profile.
pub fn rules(judgement: &ocsp::Judgement) -> Vec<&'static str> {
    let problems = judgement.problems.iter().map(ocsp::Reason::rule);
    let notes = judgement.notes.iter().map(ocsp::Note::rule);
    let informs = ["certid-sha1", "issuer-without-digital-signature"];
    let mut rules: Vec<_> = problems.chain(notes).filter(|rule| !informs.contains(rule)).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}
