//! What callers write: what is recorded, what is refused, how much and how often.

use super::*;

#[tokio::test]
async fn a_statement_is_recorded_once_and_is_in_the_log_when_the_answer_comes() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let body = bytes_of(&comment(&served, application, 1));
    let answer = served.post("/v1/statements", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let recorded = answer.json();
    let index = recorded["index"].as_u64().unwrap();
    let width = index + 1;
    let checkpoint = served.get("/log/checkpoint").await.text();
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert!(size >= width);
    let tile = served.get(&format!("/log/tile/0/000.p/{width}")).await.body;
    let leaf = Digest::from_bytes(tile[tile.len() - 32..].try_into().unwrap());
    assert_eq!(recorded["leaf_hash"], leaf.to_string());

    let replayed = served.post("/v1/statements", &body).await.problem(409);
    assert_eq!(replayed["reason"], "replayed");
    let shown = served.get(&format!("/v1/applications/{application}")).await.json();
    assert_eq!(shown["comments"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn statements_that_no_one_can_accept_are_refused_with_a_reason() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let size = served.ledger.snapshot().size();
    let good = String::from_utf8(bytes_of(&comment(&served, application, 1))).unwrap();

    served.post("/v1/statements", b"not json").await.problem(400);
    served.post("/v1/statements", b"").await.problem(400);
    let nested = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let nested = served.post("/v1/statements", nested.as_bytes()).await.problem(400);
    assert!(nested["detail"].as_str().unwrap().contains("deep"), "{nested}");
    let twice = good.replacen('{', "{\"payload\":\"e30\",", 1);
    let twice = served.post("/v1/statements", twice.as_bytes()).await.problem(400);
    assert!(twice["detail"].as_str().unwrap().contains("twice"), "{twice}");
    let unknown = good.replacen('{', "{\"extra\":1,", 1);
    served.post("/v1/statements", unknown.as_bytes()).await.problem(400);
    let by_nobody = crate::common::statement(
        &served.ledger.snapshot(),
        served.now(),
        "nobody",
        1,
        CommentAdd { about: application, comment: world::blob("x") },
    );
    let refused = served.post("/v1/statements", &bytes_of(&by_nobody)).await.problem(422);
    assert_eq!(refused["reason"], "unknown-signer");
    assert_eq!(served.ledger.snapshot().size(), size, "nothing of it is recorded");

    let metrics = served.get("/metrics").await.text();
    assert!(metrics.contains("ctl_statements_refused_total{reason=\"unknown-signer\"} 1"), "{metrics}");
    assert!(metrics.contains("ctl_statements_refused_total{reason=\"malformed\"} 5"), "{metrics}");
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused_whether_they_say_so_or_not() {
    let (world, _) = discussed();
    let served = Served::start(&world).await;
    // One that says so is refused before it is sent.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    read_answer(&mut stream, false).await.problem(413);

    // One that does not is refused when it gets too long.
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/statements HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    for _ in 0..9 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    read_answer(&mut stream, false).await.problem(413);

    // One that fits the door but not an entry.
    let large = served.post("/v1/statements", &vec![b' '; 60_500]).await.problem(413);
    assert_eq!(large["reason"], "too-large");
}

#[tokio::test]
async fn who_writes_too_often_waits_and_readers_do_not() {
    let (world, application) = discussed();
    let (writes_per_minute, write_burst) = (NonZeroU32::MIN, NonZeroU32::new(2).unwrap());
    let limits = Http { writes_per_minute, write_burst, ..Http::default() };
    let served = Served::start_with(&world, limits).await;
    for number in 0..2 {
        let body = bytes_of(&comment(&served, application, number));
        assert_eq!(served.post("/v1/statements", &body).await.status, 201);
    }
    let third = served.post("/v1/statements", b"x").await;
    third.problem(429);
    assert!(third.header("retry-after").parse::<u64>().unwrap() >= 1);
    let disguised = served.send("POST", "/v1/statements", &[("X-Forwarded-For", "192.0.2.9")], b"x").await;
    disguised.problem(429);
    assert_eq!(served.get("/v1/lists").await.status, 200);
}

#[tokio::test]
async fn a_checkpoint_that_someone_has_seen_stops_a_server_that_went_back() {
    let served = with_list().await;
    let own = served.get("/log/checkpoint").await.body;
    let answer = served.post("/v1/checkpoints", &own).await;
    assert_eq!((answer.status, &answer.json()["verdict"]), (200, &"consistent".into()));
    for nothing in [&b""[..], b"no note", &own[..own.len() - 8]] {
        assert_eq!(served.post("/v1/checkpoints", nothing).await.status, 422);
    }
    assert_eq!(served.get("/readyz").await.status, 200);

    let size = served.ledger.snapshot().size() + 5;
    let lost = crate::common::keys().sign_checkpoint(size, Digest::of(b"lost")).unwrap().to_string();
    let answer = served.post("/v1/checkpoints", lost.as_bytes()).await;
    assert_eq!((answer.status, &answer.json()["verdict"]), (200, &"went-back".into()));
    let ready = served.get("/readyz").await;
    assert!(ready.status == 503 && ready.text().contains("WENT BACK"), "{}", ready.text());
    assert!(served.get("/metrics").await.text().contains("ctl_ledger_went_back 1\n"));
}
