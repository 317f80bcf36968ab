//! Whom the fetcher calls, and whom it does not: names that resolve as the attacker wishes, redirects, ports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ctl_fetch::{Addresses, Fetch as _, Fetcher, Options, Reason, Request};

use crate::asking::{answer, fetcher, get, one, reason};
use crate::network::names::Names;
use crate::network::{Server, options};

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
