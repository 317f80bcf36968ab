//! Callers whom the server leaves when it stops; what it does with slow and greedy ones is `ctl-serve`'s to test.

use super::*;

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish_and_takes_no_new_ones() {
    let (world, application) = discussed();
    let long = Duration::from_secs(60);
    let limits = Http { shutdown: long, header_timeout: long, ..Http::default() };
    let served = Served::start_with(&world, limits).await;
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
