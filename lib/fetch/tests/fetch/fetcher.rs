//! The fetcher in a network of its own: names resolve as the attacker wishes, and servers answer as badly as they
//! can.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ctl_fetch::{
    Addresses, Answer, Class, Exchange, Fetch as _, FetchError, Fetcher, Options, Reason, Request,
};

use crate::network::names::Names;
use crate::network::{Server, options};

fn get(url: &str) -> Request {
    Request {
        url: url.into(),
        body: None,
        content_type: None,
        accept: "application/pkix-crl",
        max_body: 1000,
        timeout: Duration::from_secs(5),
        addresses: Addresses::Turn(0),
    }
}

fn fetcher(names: &[(&str, &[&str])]) -> Fetcher {
    Fetcher::with_resolver(&options(&["127.0.0.0/8"]), Box::new(Names::new(names))).unwrap()
}

/// At "pki.example", which is 127.0.0.1.
fn local() -> Fetcher {
    fetcher(&[("pki.example", &["127.0.0.1"]), ("other.example", &["127.0.0.1"])])
}

async fn one(fetcher: &Fetcher, request: &Request) -> Exchange {
    let mut exchanges = fetcher.fetch(request).await;
    assert_eq!(exchanges.len(), 1, "{exchanges:?}");
    exchanges.remove(0)
}

async fn answer(request: &Request) -> Result<Answer, FetchError> {
    one(&local(), request).await.result
}

async fn reason(request: &Request) -> Reason {
    answer(request).await.unwrap_err().reason
}

#[tokio::test]
async fn an_answer_comes_with_its_times_and_headers() {
    let server =
        Server::says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX-Two: a\r\nx-two: b\r\n\r\nhello")
            .await;
    let exchange = one(&local(), &get(&server.url("/crl?x=%2F"))).await;
    let answer = exchange.result.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (404, &b"hello"[..]), "any status is an answer");
    assert_eq!(answer.header("x-two"), Some("a"));
    assert_eq!(answer.headers.len(), 3);
    assert_eq!(exchange.address, Some(server.address));
    let times = exchange.timings;
    assert!(times.tcp > Duration::ZERO && times.tls.is_none());
    assert!(times.total >= times.tcp + times.first_byte);
    let asked = server.asked();
    assert!(asked.starts_with("GET /crl?x=%2F HTTP/1.1\r\n"), "{asked}");
    let host = format!("host: pki.example:{}\r\n", server.address.port());
    assert!(asked.to_ascii_lowercase().contains(&host), "{asked}");
    assert!(asked.contains("application/pkix-crl"), "{asked}");
}

#[tokio::test]
async fn a_post_carries_its_body() {
    let server = Server::says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let request = Request {
        body: Some(Bytes::from_static(b"question")),
        content_type: Some("application/ocsp-request"),
        ..get(&server.url("/"))
    };
    assert_eq!(answer(&request).await.unwrap().status, 200);
    let asked = server.asked();
    assert!(asked.starts_with("POST / ") && asked.ends_with("question"), "{asked}");
    assert!(asked.contains("application/ocsp-request") && asked.contains("ength: 8"), "{asked}");
}

#[tokio::test]
async fn names_that_resolve_to_forbidden_addresses_are_not_called() {
    // It listens, and would answer.
    let server = Server::says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let port = server.address.port();
    for address in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "fd00:ec2::254",
        "fe80::1",
        "fc00::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "192.0.2.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "255.255.255.255",
    ] {
        let names: &[(&str, &[&str])] = &[("pki.example", &[address])];
        let fetcher = Fetcher::with_resolver(&options(&[]), Box::new(Names::new(names))).unwrap();
        let exchange = one(&fetcher, &get(&format!("http://pki.example:{port}/"))).await;
        assert_eq!(exchange.result.unwrap_err().reason, Reason::AddressForbidden, "{address}");
    }
    for literal in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "0",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "①②⑦.0.0.1",
    ] {
        let fetcher = Fetcher::with_resolver(&options(&[]), Box::new(Names::new(&[]))).unwrap();
        let exchange = one(&fetcher, &get(&format!("http://{literal}:{port}/"))).await;
        assert_eq!(exchange.result.unwrap_err().reason, Reason::AddressForbidden, "{literal}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_systems_own_names_for_this_machine_are_refused_too() {
    let server = Server::says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let fetcher = Fetcher::new(&options(&[])).unwrap();
    let request =
        Request { addresses: Addresses::All, ..get(&format!("http://localhost:{}/", server.address.port())) };
    for exchange in fetcher.fetch(&request).await {
        let error = exchange.result.unwrap_err();
        assert!(matches!(error.reason, Reason::AddressForbidden | Reason::DnsFailure), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_addresses_is_connected_to_as_it_was_judged() {
    let server = Server::says(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n").await;
    let asked = Arc::new(AtomicUsize::new(0));
    // The second answer would lead to the metadata service.
    let names = Names::changing("pki.example", &["127.0.0.1", "169.254.169.254"], Arc::clone(&asked));
    let fetcher = Fetcher::with_resolver(&options(&["127.0.0.0/8"]), Box::new(names)).unwrap();
    let exchange = one(&fetcher, &get(&server.url("/"))).await;
    assert_eq!(exchange.result.unwrap_err().reason, Reason::RedirectRefused);
    assert_eq!(exchange.address, Some(server.address));
    assert_eq!(
        (asked.load(Ordering::SeqCst), server.connections()),
        (1, 4),
        "resolved once, and four requests"
    );
}

#[tokio::test]
async fn redirects_to_other_hosts_ports_and_schemes_are_refused_and_not_called() {
    let victim = Server::says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let port = victim.address.port();
    for location in [
        format!("http://other.example:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        format!("http://pki.example:{port}/"),
        format!("//other.example:{port}/"),
        "http://169.254.169.254/latest/meta-data/".into(),
        "ftp://pki.example/".into(),
        "file:///etc/passwd".into(),
        format!("http://user@pki.example:{port}/"),
    ] {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 2\r\n\r\nno");
        let server = Server::says(head.as_bytes()).await;
        let error = answer(&get(&server.url("/"))).await.unwrap_err();
        assert_eq!(error.reason, Reason::RedirectRefused, "{location}");
        assert_eq!(error.partial.unwrap().status, 302, "what it said is kept");
    }
    assert_eq!(victim.connections(), 0);
}

#[tokio::test]
async fn a_redirect_within_the_host_is_followed_and_a_post_only_whole() {
    let moved =
        |status: &str| format!("HTTP/1.1 {status} Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
    let there = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (status, posts) in [("301", false), ("302", false), ("303", false), ("307", true), ("308", true)] {
        let server = Server::in_turn(&[&moved(status), there]).await;
        assert_eq!(&answer(&get(&server.url("/"))).await.unwrap().body[..], b"ok", "{status}");
        assert!(server.asked().contains("GET /there "));

        let server = Server::in_turn(&[&moved(status), there]).await;
        let post = Request { body: Some(Bytes::from_static(b"question")), ..get(&server.url("/")) };
        let result = answer(&post).await;
        if posts {
            assert_eq!(&result.unwrap().body[..], b"ok");
            assert!(server.asked().ends_with("question"));
        } else {
            assert_eq!(result.unwrap_err().reason, Reason::RedirectRefused, "{status}");
        }
    }
    // A redirect that says not where is an answer like any other.
    let server = Server::says(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(answer(&get(&server.url("/"))).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_body_is_cut_at_the_limit_however_it_is_announced() {
    let long = "a".repeat(1001);
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{long}");
    for (said, kept) in [
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n{long}"), 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4611686018427387904\r\n\r\nx".into(), 0),
        (format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n{long}\r\n"), 1000),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n".to_owned() + &long,
            1000,
        ),
        (endless, 1000),
    ] {
        let server = Server::says_and_stays(said.as_bytes()).await;
        let error = answer(&get(&server.url("/"))).await.unwrap_err();
        assert_eq!(error.reason, Reason::BodyTooLarge, "{error}");
        assert_eq!(error.partial.unwrap().body.len(), kept);
    }
    let fits = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", &long[1..]);
    let server = Server::says(fits.as_bytes()).await;
    assert_eq!(answer(&get(&server.url("/"))).await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn a_body_that_ends_early_is_truncated_and_its_beginning_kept() {
    for said in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    ] {
        let server = Server::says(said.as_bytes()).await;
        let error = answer(&get(&server.url("/"))).await.unwrap_err();
        assert_eq!(error.reason, Reason::BodyTruncated, "{said}");
        let partial = error.partial.unwrap();
        assert_eq!((partial.status, &partial.body[..]), (200, &b"half"[..]), "{said}");
    }
}

#[tokio::test]
async fn what_is_no_http_or_too_much_of_it_is_said() {
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    for said in [
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\nX: half a hea".into(),
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(100_000)),
    ] {
        let server = Server::says(said.as_bytes()).await;
        let error = answer(&get(&server.url("/"))).await.unwrap_err();
        assert_eq!(error.reason, Reason::NotHttp, "{}: {error}", said.chars().take(40).collect::<String>());
    }
}

#[tokio::test]
async fn who_is_not_there_or_hangs_up_refuses() {
    let gone = Server::says(b"").await;
    let url = gone.url("/");
    drop(gone);
    assert_eq!(reason(&get(&url)).await, Reason::TcpRefused);
    let rude = Server::says(b"").await;
    assert_eq!(reason(&get(&rude.url("/"))).await, Reason::TcpRefused);
}

#[tokio::test]
async fn names_without_addresses_fail_and_those_without_answer_in_time() {
    assert_eq!(reason(&get("http://nowhere.example/")).await, Reason::DnsFailure);
    let fetcher = fetcher(&[("empty.example", &[])]);
    assert_eq!(
        one(&fetcher, &get("http://empty.example/")).await.result.unwrap_err().reason,
        Reason::DnsFailure
    );
    let silent = Fetcher::with_resolver(&options(&[]), Box::new(Names::silent())).unwrap();
    let request = Request { timeout: Duration::from_millis(100), ..get("http://pki.example/") };
    assert_eq!(one(&silent, &request).await.result.unwrap_err().reason, Reason::DnsFailure);
}

/// Somebody has hundreds of services named whose DNS never answers: what others must wait for is not their failure.
#[tokio::test]
async fn a_queue_of_dead_names_is_no_failure_of_the_next_name() {
    let server = Server::says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let request = |timeout| Request { timeout: Duration::from_millis(timeout), ..get(&server.url("/")) };
    let behind = |busy| {
        let names = Names::new(&[("pki.example", &["127.0.0.1"])]).busy(Duration::from_millis(busy));
        Fetcher::with_resolver(&options(&["127.0.0.0/8"]), Box::new(names)).unwrap()
    };
    let error = one(&behind(600_000), &request(100)).await.result.unwrap_err();
    assert_eq!(error.reason, Reason::Busy, "{error}");
    let waited = one(&behind(2_000), &request(3_000)).await;
    assert_eq!(waited.result.unwrap().status, 200);
    assert!(
        waited.timings.total < Duration::from_millis(300),
        "the wait is not counted: {:?}",
        waited.timings
    );
}

#[tokio::test]
async fn time_runs_out_wherever_the_server_stalls() {
    for (said, status) in [
        ("", None),
        ("HTTP/1.1 200 OK\r\nX: and then noth", None),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Some(200)),
        ("HTTP/1.1 100 Continue\r\n\r\n", None),
    ] {
        let server = Server::says_and_stays(said.as_bytes()).await;
        let request = Request { timeout: Duration::from_millis(300), ..get(&server.url("/")) };
        let exchange = one(&local(), &request).await;
        let error = exchange.result.unwrap_err();
        assert_eq!(error.reason, Reason::Slow, "{said}: {error}");
        assert_eq!(error.partial.map(|partial| partial.status), status, "{said}");
        let total = exchange.timings.total;
        assert!(total >= Duration::from_millis(300) && total < Duration::from_secs(3), "{said}: {total:?}");
    }
}

#[tokio::test]
async fn a_header_that_trickles_is_cut_by_time() {
    let server = Server::trickles(b"X: y\r\n", Duration::from_millis(20)).await;
    let request = Request { timeout: Duration::from_millis(300), ..get(&server.url("/")) };
    assert_eq!(reason(&request).await, Reason::Slow);
}

#[tokio::test]
async fn a_connection_that_nobody_takes_times_out() {
    let full = crate::network::full_backlog().await;
    let url = format!("http://pki.example:{}/", full.address.port());
    let exchange = one(&local(), &Request { timeout: Duration::from_millis(300), ..get(&url) }).await;
    assert_eq!(exchange.result.unwrap_err().reason, Reason::TcpTimeout);
}

#[tokio::test]
async fn every_address_is_asked_on_its_own_and_one_in_turn() {
    let (first, second) = Server::pair().await;
    let names: &[(&str, &[&str])] = &[("pki.example", &["127.0.0.2", "10.0.0.1", "127.0.0.1", "127.0.0.1"])];
    let fetcher = fetcher(names);
    let all = Request { addresses: Addresses::All, ..get(&first.url("/")) };
    let exchanges = fetcher.fetch(&all).await;
    let bodies: Vec<_> = exchanges
        .iter()
        .map(|exchange| {
            exchange.result.as_ref().map(|answer| answer.body.to_vec()).map_err(|error| error.reason)
        })
        .collect();
    assert_eq!(bodies, [Err(Reason::AddressForbidden), Ok(b"first".to_vec()), Ok(b"second".to_vec())]);
    let address = |ip: &str| Some(SocketAddr::new(ip.parse().unwrap(), first.address.port()));
    assert_eq!(exchanges[0].address, address("10.0.0.1"));
    assert_eq!(exchanges[2].address, address("127.0.0.2"));
    drop(second);
    for (turn, ip) in [(0, "10.0.0.1"), (1, "127.0.0.1"), (2, "127.0.0.2"), (4, "127.0.0.1")] {
        let request = Request { addresses: Addresses::Turn(turn), ..all.clone() };
        assert_eq!(one(&fetcher, &request).await.address, address(ip), "{turn}");
    }
}

#[tokio::test]
async fn a_tls_certificate_must_be_trusted_for_the_name_and_its_end_is_told() {
    let tls = crate::network::tls("pki.example");
    let server = Server::tls(&tls, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let port = server.address.port();
    let names = || -> Box<Names> {
        Box::new(Names::new(&[("pki.example", &["127.0.0.1"]), ("other.example", &["127.0.0.1"])]))
    };
    let trusting = Options { tls_roots: vec![tls.root.clone()], ..options(&["127.0.0.0/8"]) };
    let trusting = Fetcher::with_resolver(&trusting, names()).unwrap();
    let exchange = one(&trusting, &get(&format!("https://pki.example:{port}/"))).await;
    assert!(exchange.timings.tls.unwrap() > Duration::ZERO);
    let answer = exchange.result.unwrap();
    assert_eq!((&answer.body[..], answer.tls_not_after), (&b"ok"[..], Some(tls.not_after)));

    let wrong_name = one(&trusting, &get(&format!("https://other.example:{port}/"))).await;
    assert_eq!(wrong_name.result.unwrap_err().reason, Reason::TlsFailure);
    let untrusted = Fetcher::with_resolver(&options(&["127.0.0.0/8"]), names()).unwrap();
    let exchange = one(&untrusted, &get(&format!("https://pki.example:{port}/"))).await;
    assert_eq!(exchange.result.unwrap_err().reason, Reason::TlsFailure);

    // Plain HTTP where TLS is due, a handshake that never ends, and an upgrade on the same host.
    let plain = Server::says(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let url = |server: &Server| format!("https://pki.example:{}/", server.address.port());
    assert_eq!(one(&trusting, &get(&url(&plain))).await.result.unwrap_err().reason, Reason::TlsFailure);
    let stalls = Server::says_and_stays(b"").await;
    let request = Request { timeout: Duration::from_millis(300), ..get(&url(&stalls)) };
    assert_eq!(one(&trusting, &request).await.result.unwrap_err().reason, Reason::TlsFailure);
    let moved = format!("HTTP/1.1 301 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", url(&server));
    let moved = Server::says(moved.as_bytes()).await;
    assert_eq!(&one(&trusting, &get(&moved.url("/"))).await.result.unwrap().body[..], b"ok");
}

/// Under TLS 1.3 the handshake is over before the server says that it wants a certificate.
#[tokio::test]
async fn a_client_certificate_that_is_demanded_is_a_matter_of_tls_in_every_version() {
    for version in [&tokio_rustls::rustls::version::TLS13, &tokio_rustls::rustls::version::TLS12] {
        let tls = crate::network::mutual_tls("pki.example", version);
        let server = Server::tls(&tls, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let trusting = Options { tls_roots: vec![tls.root.clone()], ..options(&["127.0.0.0/8"]) };
        let names = Box::new(Names::new(&[("pki.example", &["127.0.0.1"])]));
        let fetcher = Fetcher::with_resolver(&trusting, names).unwrap();
        let url = format!("https://pki.example:{}/", server.address.port());
        let error = one(&fetcher, &get(&url)).await.result.unwrap_err();
        assert_eq!(error.reason, Reason::TlsFailure, "{error}");
        assert!(error.detail.contains("asked for a client certificate"), "{error}");
    }
}

/// What listens at other ports of an address (databases, consoles) is nobody's to reach through the watch.
#[tokio::test]
async fn ports_that_the_configuration_has_not_got_are_not_called_nor_followed_to() {
    let victim = Server::says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let to = format!("https://pki.example:{}/", victim.address.port());
    let moved = format!("HTTP/1.1 301 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let open = Server::says(moved.as_bytes()).await;
    let names = || Box::new(Names::new(&[("pki.example", &["127.0.0.1"])]));
    let ports = vec![open.address.port().into()];
    let confined = Options { ports, ..options(&["127.0.0.0/8"]) };
    let fetcher = Fetcher::with_resolver(&confined, names()).unwrap();
    for url in [victim.url("/"), open.url("/")] {
        let error = one(&fetcher, &get(&url)).await.result.unwrap_err();
        assert_eq!(error.reason, Reason::AddressForbidden, "{error}");
    }
    assert_eq!((victim.connections(), open.connections()), (0, 1));
    let ordinary = Options { ports: Default::default(), ..options(&["127.0.0.0/8"]) };
    let default = Options { ports: Options::default().ports, ..ordinary };
    let fetcher = Fetcher::with_resolver(&default, names()).unwrap();
    assert_eq!(
        one(&fetcher, &get(&victim.url("/"))).await.result.unwrap_err().reason,
        Reason::AddressForbidden
    );
}

/// How many bytes are held of answers.
fn held(fetcher: &Fetcher) -> usize {
    fetcher.bytes_held().iter().map(|(taken, _)| taken).sum()
}

/// An applicant names twenty CRLs on a name with sixteen addresses, each of which sends all but the last byte of the
/// largest body there may be, and holds. A hundredth of the real sizes.
#[tokio::test]
async fn twenty_addresses_of_sixteen_machines_that_hold_their_bodies_take_no_more_than_an_applicant_may() {
    const BODY: usize = 159_000;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n");
    let holds = Server::everywhere(&[head.as_bytes(), &vec![b'a'; BODY - 1]].concat()).await;
    let right = Server::says(&[head.as_bytes(), &vec![b'b'; BODY]].concat()).await;
    let body_bytes: usize = 2_684_354;
    let options = Options {
        body_bytes: u64::try_from(body_bytes).unwrap().try_into().unwrap(),
        ..options(&["127.0.0.0/8"])
    };
    let many: Vec<String> = (1..=16).map(|n| format!("127.0.0.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let names = Names::new(&[("applicant.example", &many), ("pki.example", &["127.0.0.1"])]);
    let fetcher = Fetcher::with_resolver(&options, Box::new(names)).unwrap();
    let url = format!("http://applicant.example:{}/", holds.address.port());
    let ask = Request {
        max_body: 160_000,
        timeout: Duration::from_millis(1500),
        addresses: Addresses::All,
        ..get(&url)
    };
    let mut attack = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (fetcher, ask) = (fetcher.on("mallory", Class::Unlisted), ask.clone());
        attack.spawn(async move { fetcher.fetch(&ask).await });
    }
    while holds.connections() < 2 {
        tokio::task::yield_now().await;
    }
    // Whoever is on a list is asked in the meantime, and has what it needs.
    let listed = fetcher.on("volt", Class::Listed);
    let answer = one(&listed, &Request { max_body: 160_000, ..get(&right.url("/")) }).await.result.unwrap();
    assert_eq!(answer.body.len(), BODY);
    drop(answer);
    let mut most = 0;
    let mut exchanges = Vec::new();
    while !attack.is_empty() {
        most = most.max(held(&fetcher));
        let more = tokio::time::timeout(Duration::from_millis(5), attack.join_next()).await;
        exchanges.extend(more.ok().flatten().into_iter().flat_map(Result::unwrap));
    }
    assert_eq!(exchanges.len(), 320);
    assert!(most <= body_bytes / 16, "{most} bytes at once");
    for exchange in &exchanges {
        let reason = exchange.result.as_ref().unwrap_err().reason;
        assert!(matches!(reason, Reason::Slow | Reason::BodyTooLarge | Reason::Busy), "{reason:?}");
    }
    drop(exchanges);
    assert_eq!(held(&fetcher), 0, "all of it is given back");
}

/// Sixteen machines of one name serve one CRL, as they should: it is held once.
#[tokio::test]
async fn what_all_addresses_serve_alike_takes_the_room_of_one() {
    let body = vec![b'a'; 50_000];
    let said =
        [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    let server = Server::everywhere(&said).await;
    let many: Vec<String> = (1..=16).map(|n| format!("127.0.0.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let fetcher = fetcher(&[("pki.example", &many)]);
    let request = Request { max_body: 60_000, addresses: Addresses::All, ..get(&server.url("/")) };
    let exchanges = fetcher.fetch(&request).await;
    assert!(exchanges.len() == 16 && exchanges.iter().all(|exchange| exchange.result.is_ok()));
    assert_eq!(held(&fetcher), body.len());
}

#[test]
fn roots_that_are_none_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("roots.pem");
    let options = Options { tls_roots: vec![path.clone()], ..options(&[]) };
    for text in
        [None, Some("no certificate"), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = Fetcher::new(&options).err().unwrap().to_string();
        assert!(error.contains("roots.pem"), "{error}");
    }
}

#[tokio::test]
async fn connections_to_one_address_are_bounded_and_the_wait_is_not_the_services() {
    let server =
        Server::slow(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Duration::from_millis(300)).await;
    let options = Options { per_host: 2.try_into().unwrap(), ..options(&["127.0.0.0/8"]) };
    let names: &[(&str, &[&str])] = &[("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])];
    let fetcher = Fetcher::with_resolver(&options, Box::new(Names::new(names))).unwrap();
    let port = server.address.port();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let fetcher = fetcher.clone();
        // Another name is another way to the same address.
        let host = if n % 2 == 0 { "a" } else { "b" };
        tasks.spawn(async move { one(&fetcher, &get(&format!("http://{host}.example:{port}/"))).await });
    }
    let exchanges = tasks.join_all().await;
    assert!(exchanges.iter().all(|exchange| exchange.result.is_ok()), "{exchanges:?}");
    assert_eq!(server.most_at_once(), 2);
    // Four rounds of 300 ms: whoever waited three of them was not slow.
    assert!(
        exchanges.iter().all(|exchange| exchange.timings.total < Duration::from_millis(900)),
        "{exchanges:?}"
    );

    let stuck = Server::says_and_stays(b"").await;
    let url = format!("http://a.example:{}/", stuck.address.port());
    let hold = |timeout| Request { timeout, ..get(&url) };
    let (long, short) = (hold(Duration::from_secs(2)), hold(Duration::from_millis(100)));
    let late = async {
        while stuck.connections() < 2 {
            tokio::task::yield_now().await;
        }
        one(&fetcher, &short).await
    };
    let (_, _, late) = tokio::join!(fetcher.fetch(&long), fetcher.fetch(&long), late);
    assert_eq!(late.result.unwrap_err().reason, Reason::Busy, "the monitor's own fault, and said so");
}
