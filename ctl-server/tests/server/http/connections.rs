//! Callers who misbehave: slow ones, greedy ones, and those that the server leaves when it stops.

use super::*;

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let (world, _) = discussed();
    let limits = Limits {
        write_burst: NonZeroU32::MIN,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Limits::default()
    };
    let served = Served::start_with(&world, limits).await;
    let post = async |client: &str| {
        served.send("POST", "/v1/statements", &[("X-Forwarded-For", client)], b"x").await.status
    };
    assert_eq!(post("192.0.2.1").await, 400);
    assert_eq!(post("192.0.2.1").await, 429);
    assert_eq!(post("192.0.2.2").await, 400);
    assert_eq!(post("203.0.113.5, 192.0.2.1").await, 429, "what a client writes itself does not count");
}

#[tokio::test]
async fn a_client_that_sends_its_header_drop_by_drop_is_cut_off() {
    let limits = Limits { header_timeout: Duration::from_millis(200), ..Limits::default() };
    let served = Served::start_with(&World::published(), limits).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /v1/lists HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    // Ends because the server ends it; the deadline only fails the test.
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "still open");
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}

#[tokio::test]
async fn a_client_that_sends_its_body_drop_by_drop_is_told_that_it_took_too_long() {
    let limits = Limits { body_timeout: Duration::from_millis(200), ..Limits::default() };
    let served = Served::start_with(&World::published(), limits).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = "POST /v1/statements HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    read_answer(&mut stream, false).await.problem(408);
}

#[tokio::test]
async fn one_client_cannot_take_every_connection() {
    let limits = Limits { connections_per_client: 2, ..Limits::default() };
    let served = Served::start_with(&World::published(), limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert_eq!(read_answer(&mut stream, false).await.status, 200);
        held.push(stream);
    }
    let mut third = TcpStream::connect(served.address).await.unwrap();
    let mut nothing = [0; 1];
    let read = tokio::time::timeout(Duration::from_secs(60), third.read(&mut nothing)).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "the third is closed: {read:?}");
    held.pop();
    served
        .until("a seat to be free", async |served| {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.ok()?;
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.ok()?;
            (&start == b"HTTP/1.1 200").then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish_and_takes_no_new_ones() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let address = served.address;
    let body = bytes_of(&comment(&served, application, 1));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/statements HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server has begun to read the request when it asks for the rest.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    let idle = TcpStream::connect(address).await.unwrap();
    let stopping = served.begin_stop();
    tokio::time::timeout(Duration::from_secs(60), async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the listener closes");
    stream.write_all(&body).await.unwrap();
    let answer = read_answer(&mut stream, false).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    drop(idle);
    stopping.finish().await;
}
