//! What happens on the way: names, addresses, connections, TLS, HTTP. The service behind is in order.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ctl_pki::Certificate;
use ctl_sandbox::live::{Kind, Live, Options, switches};
use ctl_sandbox::{PkiKind, Role};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::client::{DAY, HOUR, NOW, Reply, Sandbox, exchange, parts, send_to, spec};

/// Long enough for anything on this machine that happens at all.
const A_WHILE: Duration = Duration::from_millis(400);

/// One address of this kind of service, over plain HTTP: every service answers there too.
fn address_of(sandbox: &Sandbox, kind: Kind) -> String {
    let url = sandbox.live.urls("aurora", kind).unwrap().remove(0);
    let (_, host, _, path) = parts(&url);
    format!("http://{host}:{}{path}", sandbox.live.address().port())
}

/// What a client sends that gets an answer of status 200: an OCSP responder wants to be asked something.
async fn ask(sandbox: &Sandbox, kind: Kind, ip: IpAddr) -> std::io::Result<Reply> {
    let url = address_of(sandbox, kind);
    let address = SocketAddr::new(ip, sandbox.live.address().port());
    if kind != Kind::Ocsp {
        return send_to(address, "GET", &url, "", &[]).await;
    }
    let pki = sandbox.live.pki("aurora").unwrap();
    let serial = pki.get(Role::CpoSub1).unwrap().certificate().serial();
    let question = Sandbox::question(pki.root().certificate(), serial, false);
    let request = question.request(ctl_pki::ocsp::Hash::Sha256).unwrap();
    send_to(address, "POST", &url, "Content-Type: application/ocsp-request\r\n", &request).await
}

async fn usual(sandbox: &Sandbox, kind: Kind) -> std::io::Result<Reply> {
    ask(sandbox, kind, sandbox.live.address().ip()).await
}

fn kinds_with(code: &str) -> Vec<Kind> {
    let kinds: Vec<_> =
        switches().filter(|switch| switch.code.as_str() == code).map(|switch| switch.kind).collect();
    assert!(!kinds.is_empty(), "{code}");
    kinds
}

/// The addresses to which the name of this kind of service leads.
fn addresses(sandbox: &Sandbox, kind: Kind) -> Vec<IpAddr> {
    sandbox.live.resolve(&format!("{kind}.aurora.example"))
}

#[tokio::test]
async fn names_lead_to_nowhere_to_where_nobody_may_go_or_to_two_places() {
    let sandbox = Sandbox::aurora().await;
    let home = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert_eq!(sandbox.live.names().len(), 6);
    assert!(sandbox.live.resolve("elsewhere.example").is_empty());
    let of = |kind: Kind| addresses(&sandbox, kind);
    for (code, expected) in [
        ("dns_failure", vec![]),
        ("address_forbidden", vec!["169.254.169.254".parse().unwrap()]),
        ("address_disagreement", vec![home, "127.0.0.2".parse().unwrap()]),
    ] {
        for kind in kinds_with(code) {
            assert_eq!(of(kind), [home]);
            sandbox.live.set_fault("aurora", kind.as_str(), code, true).unwrap();
            assert_eq!(of(kind), expected, "{kind} {code}");
            let others = Kind::ALL.into_iter().filter(|other| *other != kind);
            assert!(others.into_iter().all(|other| of(other) == [home]), "{kind} {code}");
            sandbox.live.set_fault("aurora", kind.as_str(), code, false).unwrap();
        }
    }
}

#[tokio::test]
async fn connections_are_refused_reset_or_wait_for_ever() {
    let sandbox = Sandbox::aurora().await;
    for kind in Kind::ALL {
        let ports = [sandbox.live.address().port(), sandbox.live.tls_address().port()];
        sandbox.live.set_fault("aurora", kind.as_str(), "tcp_refused", true).unwrap();
        let ip = addresses(&sandbox, kind)[0];
        for port in ports {
            let refused = TcpStream::connect((ip, port)).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{kind}");
        }
        let reset = usual(&sandbox, kind).await.unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset, "{kind}");
        sandbox.live.clear_faults();

        sandbox.live.set_fault("aurora", kind.as_str(), "tcp_timeout", true).unwrap();
        let ip = addresses(&sandbox, kind)[0];
        for port in ports {
            assert!(timeout(A_WHILE, TcpStream::connect((ip, port))).await.is_err(), "{kind} is accepted");
        }
        assert!(timeout(A_WHILE, usual(&sandbox, kind)).await.is_err(), "{kind} is answered");
        sandbox.live.clear_faults();
        assert_eq!(usual(&sandbox, kind).await.unwrap().status, 200, "{kind}");
    }
}

#[tokio::test]
async fn answers_are_lost_changed_cut_or_far_too_long() {
    let sandbox = Sandbox::aurora().await;
    let all =
        ["http_status", "redirect_refused", "content_type", "body_empty", "body_truncated", "body_too_large"];
    for code in all {
        for kind in kinds_with(code) {
            let before = usual(&sandbox, kind).await.unwrap();
            sandbox.live.set_fault("aurora", kind.as_str(), code, true).unwrap();
            let reply = usual(&sandbox, kind).await.unwrap();
            let announced: usize = reply.header("content-length").unwrap().parse().unwrap();
            let is_same_type = reply.header("content-type") == before.header("content-type");
            let (status, length) = (reply.status, reply.body.len());
            let what = format!("{kind} {code}");
            match code {
                "http_status" => assert_eq!(status, 404, "{what}"),
                "redirect_refused" => {
                    assert_eq!(status, 302, "{what}");
                    let location = reply.header("location").unwrap();
                    assert!(location.contains("://elsewhere.invalid/"), "{location}");
                }
                "content_type" => {
                    assert_eq!(
                        (reply.header("content-type"), &reply.body),
                        (Some("text/html"), &before.body)
                    );
                }
                "body_empty" => {
                    assert_eq!((status, length, announced, is_same_type), (200, 0, 0, true), "{what}")
                }
                "body_truncated" => {
                    assert_eq!((status, announced, is_same_type), (200, before.body.len(), true), "{what}");
                    assert!(length < announced && before.body.starts_with(&reply.body), "{what}: {length}");
                }
                _ => {
                    assert_eq!((status, announced, is_same_type), (200, length, true), "{what}");
                    assert!(length > 16 * 1024 * 1024, "{what}: {length}");
                }
            }
            sandbox.live.clear_faults();
            let after = usual(&sandbox, kind).await.unwrap();
            assert_eq!((after.status, after.body == before.body), (200, true), "{what}");
        }
    }
}

#[tokio::test]
async fn clocks_run_ahead_and_answers_come_late() {
    let slow = A_WHILE;
    let options =
        Options { slow, clock: Arc::new(|| NOW), ..Options::new(vec![spec(PkiKind::V2g, "Aurora")]) };
    let live = Live::start(options).await.unwrap();
    let address = live.address();
    let date = async |kind: Kind| {
        let url = live.urls("aurora", kind).unwrap().remove(0);
        let reply = send_to(address, "GET", &url, "", &[]).await.unwrap();
        reply.header("date").unwrap().to_owned()
    };
    for kind in Kind::ALL {
        assert_eq!(date(kind).await, "Tue, 01 Jan 2030 12:34:56 GMT", "{kind}");
        live.set_fault("aurora", kind.as_str(), "clock_offset", true).unwrap();
        assert_eq!(date(kind).await, "Tue, 01 Jan 2030 13:34:56 GMT", "{kind}");
        live.set_fault("aurora", kind.as_str(), "clock_offset", false).unwrap();
        live.set_fault("aurora", kind.as_str(), "slow", true).unwrap();
        let begin = Instant::now();
        date(kind).await;
        assert!(begin.elapsed() >= slow, "{kind}");
        live.set_fault("aurora", kind.as_str(), "slow", false).unwrap();
    }
}

#[tokio::test]
async fn two_addresses_of_one_name_contradict_each_other() {
    let sandbox = Sandbox::aurora().await;
    for kind in kinds_with("address_disagreement") {
        sandbox.live.set_fault("aurora", kind.as_str(), "address_disagreement", true).unwrap();
        let [first, second] = addresses(&sandbox, kind)[..] else { panic!("{kind}") };
        let (one, other) =
            (ask(&sandbox, kind, first).await.unwrap(), ask(&sandbox, kind, second).await.unwrap());
        assert_eq!((one.status, other.status), (200, 200));
        assert_ne!(one.body, other.body, "{kind}");
        sandbox.live.clear_faults();
        let (one, other) =
            (ask(&sandbox, kind, first).await.unwrap(), ask(&sandbox, kind, second).await.unwrap());
        assert_eq!(one.body, other.body, "{kind}");
    }
}

/// The tests' year.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(NOW.unsigned_abs())))
    }
}

/// Asks over TLS; the answer, and the certificate of the server.
async fn ask_tls(sandbox: &Sandbox, url: &str) -> std::io::Result<(Reply, Certificate)> {
    let (_, host, port, _) = parts(url);
    let mut roots = RootCertStore::empty();
    let root = ctl_pki::certificate_from_bytes(sandbox.live.tls_root_pem().as_bytes()).unwrap();
    roots.add(CertificateDer::from(root.der().to_vec())).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let config = ClientConfig::builder_with_details(provider, Arc::new(Clock))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_webpki_verifier(verifier.build().unwrap())
        .with_no_client_auth();
    let stream = TcpStream::connect((sandbox.live.resolve(host)[0], port)).await?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let reply = exchange(stream, "GET", url, "", &[]).await?;
    Ok((reply, Certificate::from_der(&certificate).unwrap()))
}

#[tokio::test]
async fn tls_is_in_order_unknown_or_about_to_end() {
    let sandbox = Sandbox::aurora().await;
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_tls()) {
        for url in sandbox.live.urls("aurora", kind).unwrap() {
            let (reply, certificate) = ask_tls(&sandbox, &url).await.unwrap();
            assert_eq!(reply.status, 200, "{url}");
            assert!(certificate.not_after() > NOW + 60 * DAY);

            sandbox.live.set_fault("aurora", kind.as_str(), "tls_certificate_expiring", true).unwrap();
            let (reply, certificate) = ask_tls(&sandbox, &url).await.unwrap();
            assert_eq!(reply.status, 200, "{url}");
            assert!((NOW + HOUR..NOW + 7 * DAY).contains(&certificate.not_after()));
            sandbox.live.clear_faults();

            sandbox.live.set_fault("aurora", kind.as_str(), "tls_failure", true).unwrap();
            let failure = ask_tls(&sandbox, &url).await.unwrap_err();
            assert_eq!(failure.kind(), ErrorKind::InvalidData, "{failure}");
            sandbox.live.clear_faults();
            assert_eq!(ask_tls(&sandbox, &url).await.unwrap().0.status, 200);
        }
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_hinders_nobody() {
    let sandbox = Sandbox::aurora().await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(sandbox.live.address()).await.unwrap());
    }
    assert_eq!(usual(&sandbox, Kind::Crl).await.unwrap().status, 200);
    // They end with the services.
    drop(sandbox);
    let mut byte = [0];
    assert!(matches!(silent[0].read(&mut byte).await, Ok(0) | Err(_)));
}
