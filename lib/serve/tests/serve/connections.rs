//! Callers who misbehave: slow ones, greedy ones, and those that the server leaves when it stops.

use std::num::NonZeroU32;
use std::time::Duration;

use ctl_serve::Http;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::read_answer;
use crate::service::Served;

/// Longer than anything here takes; only a failing test waits for so long.
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let served =
        Served::start(Http { write_burst: NonZeroU32::MIN, trusted_proxies, ..Http::default() }).await;
    let post = async |client: &str| {
        let head = format!("POST /v1/items/new HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\n");
        served.answered(format!("{head}Content-Length: 1\r\n\r\nx").as_bytes()).await.status
    };
    assert_eq!(post("192.0.2.1").await, 200);
    assert_eq!(post("192.0.2.1").await, 429);
    assert_eq!(post("192.0.2.2").await, 200);
    assert_eq!(post("203.0.113.5, 192.0.2.1").await, 429, "what a client writes itself does not count");
}

#[tokio::test]
async fn a_client_that_sends_its_header_drop_by_drop_is_cut_off() {
    let served = Served::start(Http { header_timeout: Duration::from_millis(200), ..Http::default() }).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET /v1/items HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    // Ends because the server ends it; the deadline only fails the test.
    let ended = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "still open");
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}

#[tokio::test]
async fn a_client_that_sends_its_body_drop_by_drop_is_told_that_it_took_too_long() {
    let served = Served::start(Http { body_timeout: Duration::from_millis(200), ..Http::default() }).await;
    let mut stream = served.connect().await;
    stream
        .write_all(b"POST /v1/items/new HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        .await
        .unwrap();
    read_answer(&mut stream, false).await.problem(408);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    let served = Served::start(Http::default()).await;
    let head = "POST /v1/items/new HTTP/1.1\r\nHost: x\r\n";
    let said = format!("{head}Content-Length: 1001\r\n\r\n");
    served.answered(said.as_bytes()).await.problem(413);
    let unsaid = format!("{head}Transfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    served.answered(unsaid.as_bytes()).await.problem(413);
    let fits = format!("{head}Content-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    assert_eq!(served.answered(fits.as_bytes()).await.json()["bytes"], 1000);
}

#[tokio::test]
async fn one_client_cannot_take_every_connection() {
    let served = Served::start(Http { connections_per_client: 2, ..Http::default() }).await;
    let request = b"GET /v1/items HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = served.connect().await;
        stream.write_all(request).await.unwrap();
        assert_eq!(read_answer(&mut stream, false).await.status, 200);
        held.push(stream);
    }
    let mut third = served.connect().await;
    let read = tokio::time::timeout(DEADLINE, third.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "the third is closed: {read:?}");
    held.pop();
    let seated = async {
        loop {
            let mut stream = served.connect().await;
            let mut start = [0; 12];
            let asked = stream.write_all(request).await.is_ok();
            if asked && stream.read_exact(&mut start).await.is_ok() && &start == b"HTTP/1.1 200" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, seated).await.expect("a seat is free again");
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish_and_takes_no_new_ones() {
    let limits = Http { shutdown: DEADLINE, header_timeout: DEADLINE, ..Http::default() };
    let served = Served::start(limits).await;
    let address = served.address;
    let mut stream = served.connect().await;
    let head = b"POST /v1/items/new HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    stream.write_all(head).await.unwrap();
    // The server has begun to read the request when it asks for the rest.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    let idle = served.connect().await;
    let stopping = served.begin_stop();
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, closed).await.expect("the listener closes");
    stream.write_all(b"abc").await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.json()["bytes"], 3);
    drop(idle);
    stopping.await;
}
