//! HTTP itself: what is no request is refused in words, codings are those that the caller wants, and pages of other
//! origins may read.

use super::*;

#[tokio::test]
async fn nonsense_after_a_good_request_is_refused_in_words_and_never_mixed_into_an_answer() {
    // What an attacker records is served as it is, though it looks like an answer of the server itself.
    let (mut world, application) = discussed();
    let mut blob = vec![7; 32];
    blob.extend_from_slice(b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n");
    let digest = Digest::of(&blob);
    let comment = BlobRef { access: BlobAccess::Public, sha256: digest };
    world.say(&["mo-one"], CommentAdd { about: application, comment }).unwrap();
    let served = Served::start(&world).await;
    served.blobs.put(&digest, &blob).unwrap();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for path in ["/v1/lists", "/log/checkpoint", &format!("/v1/blobs/{digest}"), "/nothing"] {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream, false).await;
        if path.starts_with("/v1/blobs") {
            assert_eq!(answer.body, blob);
        }
    }
    stream.write_all(b"NONSENSE\r\n\r\n").await.unwrap();
    read_answer(&mut stream, false).await.problem(400);
    let mut nothing = Vec::new();
    assert_eq!(stream.read_to_end(&mut nothing).await.unwrap(), 0, "and the connection is closed");
}

#[tokio::test]
async fn codings_are_those_that_the_caller_wants_most() {
    let served = with_list().await;
    let list = "/v1/lists/na/ctl.json";
    for (accepted, coding) in [
        ("gzip", "gzip"),
        ("gzip;q=0.5, identity;q=0.1", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("gzip;q=0.5, identity", ""),
        ("gzip;q=0, *", ""),
        ("br", "br"),
        ("zstd", "zstd"),
        ("deflate", ""),
    ] {
        let answer = served.get_with(list, &[("Accept-Encoding", accepted)]).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, coding), "{accepted}");
        assert_eq!(answer.header("vary"), "accept-encoding");
    }
    // Nothing is sent that the caller said it cannot read.
    for path in [list, "/log/tile/0/000.p/2", "/v1/lists", "/v1/proposals"] {
        served.get_with(path, &[("Accept-Encoding", "identity;q=0")]).await.problem(406);
        served.get_with(path, &[("Accept-Encoding", "*;q=0")]).await.problem(406);
    }
    served.get_with("/log/tile/0/000.p/2", &[("Accept-Encoding", "gzip, identity;q=0")]).await.problem(406);
}

#[tokio::test]
async fn an_auditors_page_of_another_origin_may_read_everything_and_write_nothing() {
    let served = with_list().await;
    let from = ("Origin", "https://auditor.example");
    for path in ["/v1/lists", "/log/checkpoint", "/v1/lists/na/ctl.jws", "/v1/applications", "/nothing"] {
        let answer = served.get_with(path, &[from]).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    let conditional =
        [from, ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "if-none-match")];
    for path in ["/v1/lists", "/log/checkpoint", "/v1/lists/na/ctl.jws"] {
        let leave = served.send("OPTIONS", path, &conditional, &[]).await;
        assert_eq!(leave.status, 204, "{leave:?}");
        assert_eq!(leave.header("access-control-allow-origin"), "*");
        assert_eq!(leave.header("access-control-allow-methods"), "GET, HEAD");
        assert_eq!(leave.header("access-control-allow-headers"), "if-none-match");
    }
    served.send("OPTIONS", "/v1/statements", &conditional, &[]).await.problem(405);
    served.send("OPTIONS", "/v1/lists", &[], &[]).await.problem(405);
    served.send("OPTIONS", "/nothing", &conditional, &[]).await.problem(404);
    let written = served.send("POST", "/v1/statements", &[from], b"x").await;
    assert_eq!((written.status, written.header("access-control-allow-origin")), (400, ""));
}
