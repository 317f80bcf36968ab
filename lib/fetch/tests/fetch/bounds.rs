//! What one fetch, one applicant and one address may take: time, room and connections.

use std::time::Duration;

use ctl_fetch::{Addresses, Class, Fetch as _, Fetcher, Options, Reason, Request};

use crate::asking::{fetcher, get, local, one, reason};
use crate::network::names::Names;
use crate::network::{Server, options};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

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
    let waited = one(&behind(5_000), &request(60_000)).await;
    assert_eq!(waited.result.unwrap().status, 200);
    assert!(waited.timings.total < Duration::from_secs(5), "the wait is not counted: {:?}", waited.timings);
}

#[tokio::test]
async fn time_runs_out_wherever_the_server_stalls() {
    let stalls = [
        ("", None),
        ("HTTP/1.1 200 OK\r\nX: and then noth", None),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", Some(200)),
        ("HTTP/1.1 100 Continue\r\n\r\n", None),
    ];
    let timeout = Duration::from_secs(3);
    let asked = stalls.map(|(said, status)| {
        tokio::spawn(async move {
            let server = Server::says_and_stays(said.as_bytes()).await;
            let exchange = one(&local(), &Request { timeout, ..get(&server.url("/")) }).await;
            let error = exchange.result.unwrap_err();
            assert_eq!(error.reason, Reason::Slow, "{said}: {error}");
            assert_eq!(error.partial.map(|partial| partial.status), status, "{said}");
            let total = exchange.timings.total;
            assert!(total >= timeout && total < Duration::from_secs(60), "{said}: {total:?}");
        })
    });
    for one in asked {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn a_header_that_trickles_is_cut_by_time() {
    let server = Server::trickles(b"X: y\r\n", Duration::from_millis(20)).await;
    let request = Request { timeout: Duration::from_secs(3), ..get(&server.url("/")) };
    assert_eq!(reason(&request).await, Reason::Slow);
}

#[tokio::test]
async fn a_connection_that_nobody_takes_times_out() {
    let full = crate::network::full_backlog().await;
    let url = format!("http://pki.example:{}/", full.address.port());
    let exchange = one(&local(), &Request { timeout: Duration::from_millis(300), ..get(&url) }).await;
    assert_eq!(exchange.result.unwrap_err().reason, Reason::TcpTimeout);
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
    let request = Request { max_body: 160_000, timeout: LONG, ..get(&right.url("/")) };
    let answer = one(&listed, &request).await.result.unwrap();
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
        // The last one where the machine stands still.
        let expected = [Reason::Slow, Reason::BodyTooLarge, Reason::Busy, Reason::TcpTimeout];
        assert!(expected.contains(&reason), "{reason:?}");
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

#[tokio::test]
async fn connections_to_one_address_are_bounded_and_the_wait_is_not_the_services() {
    let server = Server::slow(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Duration::from_secs(2)).await;
    let options = Options { per_host: 2.try_into().unwrap(), ..options(&["127.0.0.0/8"]) };
    let names: &[(&str, &[&str])] = &[("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])];
    let fetcher = Fetcher::with_resolver(&options, Box::new(Names::new(names))).unwrap();
    let port = server.address.port();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let fetcher = fetcher.clone();
        // Another name is another way to the same address.
        let host = if n % 2 == 0 { "a" } else { "b" };
        let request = Request { timeout: LONG, ..get(&format!("http://{host}.example:{port}/")) };
        tasks.spawn(async move { one(&fetcher, &request).await });
    }
    let exchanges = tasks.join_all().await;
    assert!(exchanges.iter().all(|exchange| exchange.result.is_ok()), "{exchanges:?}");
    assert_eq!(server.most_at_once(), 2);
    // Four rounds of two seconds: whoever waited three of them was not slow.
    assert!(
        exchanges.iter().all(|exchange| exchange.timings.total < Duration::from_secs(6)),
        "{exchanges:?}"
    );

    let stuck = Server::says_and_stays(b"").await;
    let url = format!("http://a.example:{}/", stuck.address.port());
    let hold = |timeout| Request { timeout, ..get(&url) };
    let mut held = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (fetcher, long) = (fetcher.clone(), hold(LONG));
        held.spawn(async move { fetcher.fetch(&long).await });
    }
    while stuck.connections() < 2 {
        tokio::task::yield_now().await;
    }
    let late = one(&fetcher, &hold(Duration::from_millis(100))).await;
    held.abort_all();
    assert_eq!(late.result.unwrap_err().reason, Reason::Busy, "the watch's own fault, and said so");
}
