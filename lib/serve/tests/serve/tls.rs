//! TLS with callers: those who do it right in either version, with a certificate or without, and those who do not.

use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::Digest;
use ctl_serve::starting::{self, Progress, Step};
use ctl_serve::{Http, Listeners};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ProtocolVersion;

use crate::certificates::{BOTH, Files, LONG_AGO, Pair, answered, ask, client, client_of, get, shake};
use crate::client::read_answer;
use crate::service::Served;

/// Longer than anything here takes; only a failing test waits for so long.
const DEADLINE: Duration = Duration::from_secs(60);

fn files() -> Files {
    Files::new(&Pair::issued("Root", "server"))
}

async fn served(files: &Files) -> Served {
    Served::start(Http { tls: Some(files.tls()), ..Http::default() }).await
}

/// Waits until enough failed handshakes are counted.
async fn until_counted(served: &Served, reason: &str, enough: impl Fn(u32) -> bool) {
    let counter = format!("ctl_tls_handshakes_failed_total{{reason=\"{reason}\"}} ");
    let counted = async {
        loop {
            // Where time is short, who asks may be cut off, too.
            if let Ok(answer) = answered(served, client(&BOTH, None), &get("/metrics")).await {
                let text = answer.text();
                let count = text.lines().find_map(|line| line.strip_prefix(&counter)?.parse().ok());
                if count.is_some_and(&enough) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, counted).await.unwrap_or_else(|_| panic!("never enough: {reason}"));
}

async fn until_failed(served: &Served, reason: &str, times: u32) {
    until_counted(served, reason, |count| count == times).await;
}

/// The hello of a client whose best version is TLS 1.1, with these extensions.
fn hello_of_1_1(extensions: &[u8]) -> Vec<u8> {
    let mut hello = vec![0x03, 0x02];
    hello.extend([7; 32]);
    // No session, two suites, no compression.
    hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    if let [_, ..] = extensions {
        hello.extend([0, u8::try_from(extensions.len()).unwrap()]);
        hello.extend(extensions);
    }
    let length = u8::try_from(hello.len()).unwrap();
    [&[0x16, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat()
}

/// What comes back until the server closes.
async fn told(served: &Served, bytes: &[u8]) -> Vec<u8> {
    let mut stream = served.connect().await;
    stream.write_all(bytes).await.unwrap();
    let mut told = Vec::new();
    // A reset is as good as an end.
    let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut told)).await.expect("an end");
    told
}

#[tokio::test]
async fn both_versions_are_spoken_and_say_what_comes_next() {
    let files = files();
    let served = served(&files).await;
    for (version, number) in BOTH.into_iter().zip([ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3]) {
        let mut config = client(&[version], None);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut stream = shake(&served, config).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(number));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        for _ in 0..2 {
            assert_eq!(ask(&mut stream, &get("/v1/items")).await.unwrap().status, 200);
        }
        let large = "x".repeat(1001);
        let post = format!("POST /v1/items/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n{large}");
        ask(&mut stream, &post).await.unwrap().problem(413);
        // What is no request is refused in words here, too.
        ask(&mut stream, "NONSENSE\r\n\r\n").await.unwrap().problem(400);
    }
}

#[tokio::test]
async fn who_does_not_speak_tls_as_it_is_spoken_today_is_told_and_counted() {
    let files = files();
    let served = served(&files).await;
    let alert = |number: u8| [0x15, 3, 3, 0, 2, 2, number];
    assert_eq!(told(&served, &hello_of_1_1(&[])).await, alert(40), "handshake_failure");
    // One that knows of signature algorithms: ECDSA with SHA-256.
    let hello = hello_of_1_1(&[0, 13, 0, 4, 0, 2, 4, 3]);
    assert_eq!(told(&served, &hello).await, alert(70), "protocol_version");
    until_failed(&served, "version", 2).await;

    told(&served, &[0x16, 3, 1, 0xff, 0xff, 0, 0]).await;
    told(&served, &[0; 600]).await;
    until_failed(&served, "malformed", 2).await;

    let mut config = client(&BOTH, None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    assert!(shake(&served, config).await.is_err());
    until_failed(&served, "incompatible", 1).await;

    assert!(
        shake(&served, client_of("Another", &BOTH, None)).await.is_err(),
        "who does not trust the server"
    );
    until_failed(&served, "alert", 1).await;

    drop(served.connect().await);
    until_failed(&served, "closed", 1).await;
}

#[tokio::test]
async fn who_speaks_plain_http_where_tls_is_spoken_is_told_so_in_http() {
    let files = files();
    let served = served(&files).await;
    let upload =
        format!("POST /v1/items/new HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{}", "x".repeat(900));
    for request in [get("/v1/items"), upload] {
        let answer = served.answered(request.as_bytes()).await;
        let problem = answer.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains("https://"), "{problem}");
    }
    until_failed(&served, "plain_http", 2).await;
}

#[tokio::test]
async fn a_handshake_has_as_long_as_a_header() {
    let files = files();
    let limits = Http { header_timeout: Duration::from_secs(2), ..Http::default() };
    let served = Served::start(Http { tls: Some(files.tls()), ..limits }).await;
    let half = &hello_of_1_1(&[])[..20];
    let (nothing, half) = tokio::join!(told(&served, &[]), told(&served, half));
    assert!(nothing.is_empty(), "who says nothing");
    assert!(half.is_empty(), "who says half of it");
    // The test's own handshakes may have been late as well.
    until_counted(&served, "timeout", |count| count >= 2).await;
    // And a header after a handshake has as long once more.
    let mut stream = loop {
        if let Ok(stream) = shake(&served, client(&BOTH, None)).await {
            break stream;
        }
    };
    let _ = stream.write_all(b"GET /v1/items HTTP/1.1\r\nHost:").await;
    let ended = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_ok(), "still open");
}

#[tokio::test]
async fn half_handshakes_take_no_place_from_who_finishes_them() {
    let files = files();
    let limits = Http { connections: 8, header_timeout: DEADLINE, ..Http::default() };
    let served = Served::start(Http { tls: Some(files.tls()), ..limits }).await;
    let mut asking = shake(&served, client(&BOTH, None)).await.unwrap();
    assert_eq!(ask(&mut asking, &get("/v1/items")).await.unwrap().status, 200);
    let mut half = Vec::new();
    for number in 0..40 {
        let mut stream = served.connect().await;
        if number % 2 == 0 {
            // Whoever was pushed out already does not hear it.
            let _ = stream.write_all(&hello_of_1_1(&[])[..20]).await;
        }
        half.push(stream);
    }
    let answer = answered(&served, client(&BOTH, None), &get("/v1/items")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(
        ask(&mut asking, &get("/v1/items")).await.unwrap().status,
        200,
        "who has asked keeps its place"
    );
}

#[tokio::test]
async fn handshakes_have_a_quota_and_requests_over_one_connection_need_no_other() {
    let files = files();
    let plain = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let tls = ctl_serve::settings::Tls { plain, ..files.tls() };
    let limits = Http {
        reads_per_minute: NonZeroU32::MIN,
        read_burst: NonZeroU32::MIN.saturating_add(1),
        ..Http::default()
    };
    let served = Served::start(Http { tls: Some(tls), ..limits }).await;
    let mut first = shake(&served, client(&BOTH, None)).await.unwrap();
    shake(&served, client(&BOTH, None)).await.unwrap();
    assert!(shake(&served, client(&BOTH, None)).await.is_err());
    for _ in 0..9 {
        assert_eq!(ask(&mut first, &get("/files/one")).await.unwrap().status, 200);
    }
    let mut stream = TcpStream::connect(served.plain.unwrap()).await.unwrap();
    stream.write_all(get("/metrics").as_bytes()).await.unwrap();
    let metrics = read_answer(&mut stream, false).await.text();
    assert!(metrics.contains("ctl_tls_handshakes_failed_total{reason=\"too_many\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_stop_waits_for_no_handshake_and_lets_requests_finish() {
    let files = files();
    let limits = Http { shutdown: DEADLINE, header_timeout: DEADLINE, ..Http::default() };
    let served = Served::start(Http { tls: Some(files.tls()), ..limits }).await;
    let mut half = served.connect().await;
    half.write_all(&hello_of_1_1(&[])[..20]).await.unwrap();
    let mut stream = shake(&served, client(&BOTH, None)).await.unwrap();
    let head = "POST /v1/items/new HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 25]).await.unwrap();
    let began = tokio::time::Instant::now();
    let stopping = served.begin_stop();
    assert_eq!(ask(&mut stream, "abc").await.unwrap().json()["bytes"], 3);
    stopping.await;
    assert!(began.elapsed() < DEADLINE / 2, "the half handshake was waited for");
}

#[tokio::test]
async fn a_client_may_show_a_certificate_and_handlers_see_it() {
    let files = files();
    let served = Served::start(Http { tls: Some(files.tls_asking("Clients")), ..Http::default() }).await;
    let (one, other) = (Pair::issued("Clients", "one"), Pair::issued("Clients", "other"));
    let post = "POST /v1/who/posts HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx";
    for version in BOTH {
        for own in [None, Some(&one), Some(&other)] {
            let expected = own.map_or(Value::Null, |own| json!(Digest::of(&own.der)));
            // The same question within a second of another caller's has an answer of its own.
            for request in [get("/v1/who"), get("/v1/who/slowly"), post.to_owned()] {
                let answer = answered(&served, client(&[version], own), &request).await.unwrap();
                assert_eq!(answer.json(), expected, "{request}");
            }
        }
        // Whoever comes again is judged again.
        let config = client(&[version], Some(&one));
        for _ in 0..2 {
            let mut stream = shake(&served, config.clone()).await.unwrap();
            assert_eq!(ask(&mut stream, &get("/v1/who")).await.unwrap().json(), json!(Digest::of(&one.der)));
            let kind = stream.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(tokio_rustls::rustls::HandshakeKind::Full));
        }
    }
}

#[tokio::test]
async fn a_client_whose_certificate_is_not_good_is_not_answered() {
    let files = files();
    let served = Served::start(Http { tls: Some(files.tls_asking("Clients")), ..Http::default() }).await;
    let foreign = Pair::issued("Strangers", "one");
    let expired = Pair::issued_until("Clients", "one", Some(LONG_AGO));
    let mut refused = 0;
    for version in BOTH {
        for bad in [&foreign, &expired] {
            let answer = answered(&served, client(&[version], Some(bad)), &get("/v1/items")).await;
            assert!(answer.is_err(), "{answer:?}");
            refused += 1;
        }
    }
    until_failed(&served, "client_certificate", refused).await;
}

#[tokio::test]
async fn a_proxys_own_certificate_is_not_its_clients() {
    let files = files();
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let limits = Http { trusted_proxies, ..Http::default() };
    let served = Served::start(Http { tls: Some(files.tls_asking("Clients")), ..limits }).await;
    let proxy = Pair::issued("Clients", "proxy");
    let answer = answered(&served, client(&BOTH, Some(&proxy)), &get("/v1/who")).await.unwrap();
    assert_eq!(answer.json(), Value::Null);
}

#[tokio::test]
async fn beside_tls_plain_http_may_have_an_address_of_its_own() {
    let files = files();
    let plain = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let tls = ctl_serve::settings::Tls { plain, ..files.tls() };
    let served = Served::start(Http { tls: Some(tls), ..Http::default() }).await;
    let mut stream = TcpStream::connect(served.plain.unwrap()).await.unwrap();
    stream.write_all(get("/v1/items").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.status, 200);
    let over_tls = answered(&served, client(&BOTH, None), &get("/v1/items")).await.unwrap();
    assert_eq!(over_tls.status, 200);
}

#[tokio::test]
async fn plain_http_is_for_this_machine_and_its_proxies() {
    // Which address of this machine others would see; nothing is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()).map(|own| own.ip());
    let Ok(own) = own else { return };
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let elsewhere = vec!["192.0.2.1".parse().unwrap()];
    let here = vec![own.to_string().parse().unwrap()];
    for (trusted_proxies, plain_for_all, status) in
        [(elsewhere.clone(), false, 403), (elsewhere, true, 200), (here, false, 200)]
    {
        let served = Served::start(Http { listen, trusted_proxies, plain_for_all, ..Http::default() }).await;
        for (address, expected) in [(own, status), ([127, 0, 0, 1].into(), 200)] {
            let mut stream = TcpStream::connect((address, served.address.port())).await.unwrap();
            stream.write_all(get("/v1/items").as_bytes()).await.unwrap();
            let answer = read_answer(&mut stream, false).await;
            assert_eq!(answer.status, expected, "{address}: {answer:?}");
        }
    }
}

struct Opening;

impl std::fmt::Display for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the ledger is opened")
    }
}

impl Step for Opening {}

#[tokio::test]
async fn a_start_is_told_over_tls_too() {
    let files = files();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let http = Http { listen, tls: Some(files.tls()), ..Http::default() };
    let listeners = Listeners::bind(&http).await.unwrap();
    let addresses = listeners.addresses().unwrap();
    assert_eq!(addresses.to_string(), format!("listening on https://{}", addresses.first));
    let progress = Arc::new(Progress::new(Opening));
    let asking = async {
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client(&BOTH, None)));
        let tcp = TcpStream::connect(addresses.first).await.unwrap();
        let mut stream = connector.connect("127.0.0.1".try_into().unwrap(), tcp).await.unwrap();
        let answer = ask(&mut stream, &get("/readyz")).await.unwrap();
        assert_eq!((answer.status, &answer.json()["status"]), (503, &json!("starting")));
    };
    starting::serve(&listeners, &progress, asking).await;
}
