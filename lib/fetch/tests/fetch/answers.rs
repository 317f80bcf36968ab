//! What servers answer, and how badly: bodies too long or cut short, and what is no HTTP.

use std::time::Duration;

use bytes::Bytes;
use ctl_fetch::{Header, Manner, Method, Reason, Request};

use crate::asking::{answer, get, local, one, reason};
use crate::network::Server;

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
async fn headers_of_ones_own_are_sent_and_not_shown() {
    let server = Server::says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let header = |value: &str| Header { name: "authorization", value: value.into() };
    let request = Request { headers: vec![header("Bearer abc")], ..get(&server.url("/")) };
    assert!(!format!("{request:?}").contains("abc"));
    assert_eq!(answer(&request).await.unwrap().status, 200);
    assert!(server.asked().contains("authorization: Bearer abc\r\n"), "{}", server.asked());
    // A value that would be another line of the request is none.
    let request = Request { headers: vec![header("a\r\nhost: b")], ..get(&server.url("/")) };
    let error = answer(&request).await.unwrap_err();
    assert_eq!(error.reason, Reason::AddressForbidden, "{error}");
    assert_eq!(server.connections(), 1, "and the service never hears it");
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
async fn a_manner_has_its_method_and_neither_follows_nor_waits_for_the_body() {
    let redirects = "HTTP/1.1 307 -\r\nLocation: /elsewhere\r\nContent-Length: 1000000\r\n\r\nnever whole";
    let server = Server::says_and_stays(redirects.as_bytes()).await;
    let manner = Manner { method: Some(Method::PUT), stays: true, head_only: true };
    let headers = vec![Header { name: "payload-signature", value: "00ff".into() }];
    let body = Some(Bytes::from_static(b"event"));
    let request = Request { body, headers, ..get(&server.url("/hook")) };
    let exchange = local().send(&request, &manner).await.remove(0);
    let answer = exchange.result.unwrap();
    assert_eq!((answer.status, answer.body.len(), server.connections()), (307, 0, 1));
    let asked = server.asked();
    assert!(asked.starts_with("PUT /hook ") && asked.contains("payload-signature: 00ff\r\n"), "{asked}");
}

#[test]
fn a_url_is_judged_by_what_it_says_itself() {
    let guard = ctl_fetch::guard::Guard::new(Vec::new(), vec![443.into(), 80.into()]);
    let is_tls = |url: &str| guard.check_url(url).map_err(|error| error.reason);
    assert_eq!(is_tls("https://hooks.example/x"), Ok(true));
    assert_eq!(is_tls("http://hooks.example/x"), Ok(false));
    for url in [
        "https://hooks.example:8443/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "https://user:secret@hooks.example/",
        "ftp://hooks.example/",
    ] {
        assert_eq!(is_tls(url), Err(Reason::AddressForbidden), "{url}");
    }
}
