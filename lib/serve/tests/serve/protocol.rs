//! HTTP itself: what is no request is refused in words, methods are those of the path, and requests are counted by the
//! patterns of the table.

use ctl_serve::Http;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::read_answer;
use crate::service::{NASTY, Served};

fn with_header(name: &str, value: &str) -> Vec<u8> {
    format!("GET /v1/items HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_words() {
    let served = Served::start(Http::default()).await;
    let long = "x".repeat(15_000);
    let longer = "x".repeat(40_000);
    for (request, status, kind) in [
        (b"NONSENSE\r\n\r\n".to_vec(), 400, "malformed"),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_vec(), 400, "malformed"),
        (b"GET /v1/items HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n".to_vec(), 400, "malformed"),
        (b"GET /v1/items HTTP/1.1\r\n\r\n".to_vec(), 400, "malformed"),
        (b"GET /v1/items HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_vec(), 400, "malformed"),
        (b"GET /files/one HTTP/1.1\r\n\r\n".to_vec(), 400, "malformed"),
        (with_header("X-Long", &longer), 431, "header-too-large"),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", &long[..5000]).into_bytes(), 414, "uri-too-long"),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(), 414, "uri-too-long"),
        (format!("GET /{longer} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(), 414, "uri-too-long"),
    ] {
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        let problem = served.answered(&request).await.problem(status);
        assert_eq!(problem["type"], format!("urn:v2g-ctl:problem:{kind}"), "{shown}");
    }
    assert_eq!(served.answered(b"GET /v1/items HTTP/1.0\r\n\r\n").await.status, 200, "1.0 has no Host");
    assert_eq!(served.answered(&with_header("X-Long", &long)).await.status, 200);
}

#[tokio::test]
async fn nonsense_after_a_good_request_is_refused_in_words_and_never_mixed_into_an_answer() {
    let served = Served::start(Http::default()).await;
    let mut stream = served.connect().await;
    for path in ["/v1/items", "/files/one", "/v1/bytes/nasty", "/nothing"] {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream, false).await;
        if path.starts_with("/v1/bytes") {
            assert_eq!(answer.body, NASTY);
        }
    }
    stream.write_all(b"NONSENSE\r\n\r\n").await.unwrap();
    read_answer(&mut stream, false).await.problem(400);
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0, "and the connection is closed");
}

#[tokio::test]
async fn paths_have_their_methods_and_are_counted_by_their_patterns() {
    let served = Served::start(Http::default()).await;
    for (method, path, status, allow) in [
        ("GET", "/v1/items", 200, ""),
        ("HEAD", "/v1/items", 200, ""),
        ("POST", "/v1/items", 405, "GET, HEAD"),
        ("GET", "/v1/items/new", 405, "POST"),
        ("BREW", "/v1/bytes/x", 405, "GET, HEAD"),
        ("GET", "/v1/bytes/x", 200, ""),
        ("GET", "/files/one", 200, ""),
        ("PUT", "/files/one", 405, "GET, HEAD"),
        ("GET", "/nothing", 404, ""),
        ("GET", "/v1/openapi.json", 200, ""),
    ] {
        let answer = served.answered(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}");
    }
    let text = served.get("/metrics").await.text();
    for (route, method, status) in [
        ("/v1/items", "GET", 200),
        ("/v1/items", "HEAD", 200),
        ("/v1/bytes/{name}", "other", 405),
        ("/files/{file}", "GET", 200),
        ("/files/{file}", "PUT", 405),
        ("unknown", "GET", 404),
    ] {
        let line = format!(
            "ctl_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} 1\n"
        );
        assert!(text.contains(&line), "{line}{text}");
    }
}
