//! The log is compared with a mirror's copy, which remembers what this server may have forgotten.

use std::time::Duration;

use ctl_core::Digest;
use ctl_server::ledger::mirror::Mirror;
use ctl_server::ledger::rollback::Verdict;
use ctl_server::ledger::{Ledger, RecordError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::common::world::World;
use crate::common::{comment, in_memory, keys, talkative, with_application};

/// A mirror that answers every request with this.
async fn serving(status: &'static str, body: Vec<u8>) -> Mirror {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /log/checkpoint HTTP/1.1\r\n"));
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        }
    });
    let config = ctl_server::config::Ledger { mirror: Some(url), ..Default::default() };
    Mirror::new(&config).unwrap().unwrap()
}

fn checkpoint(size: u64, root: Digest) -> Vec<u8> {
    keys().sign_checkpoint(size, root).unwrap().to_string().into_bytes()
}

fn a_ledger() -> (World, u64, Ledger) {
    let (world, application) = with_application(talkative());
    let (ledger, _) = in_memory(&world);
    (world, application, ledger)
}

async fn refuses(ledger: &Ledger, world: &World, application: u64) {
    let refused = ledger.record(comment(&ledger.snapshot(), world.now, application, 9)).await.unwrap_err();
    assert!(matches!(&refused, RecordError::ReadOnly(why) if why.contains("WENT BACK")), "{refused}");
}

#[tokio::test]
async fn a_mirror_that_is_as_far_or_behind_says_that_all_is_well() {
    let (world, application, ledger) = a_ledger();
    let size = world.state.size();
    let as_far = serving("200 OK", ledger.snapshot().checkpoint.to_vec()).await;
    assert_eq!(as_far.ask(&ledger).await, Ok(Verdict::Consistent { size }));
    ledger.record(comment(&ledger.snapshot(), world.now, application, 1)).await.unwrap();
    assert_eq!(as_far.ask(&ledger).await, Ok(Verdict::Consistent { size }), "now it is behind");
    assert_eq!(ledger.went_back(), None);
}

#[tokio::test]
async fn a_mirror_that_is_ahead_of_us_shows_that_we_went_back() {
    let (world, application, ledger) = a_ledger();
    let ahead = serving("200 OK", checkpoint(world.state.size() + 1, Digest::of(b"what was lost"))).await;
    let verdict = ahead.ask(&ledger).await.unwrap();
    assert!(matches!(&verdict, Verdict::WentBack(why) if why.contains("the log has only")), "{verdict:?}");
    assert!(ledger.went_back().is_some());
    refuses(&ledger, &world, application).await;
}

#[tokio::test]
async fn a_mirror_that_serves_another_history_of_this_log_shows_that_we_went_back() {
    let (world, application, ledger) = a_ledger();
    let other = serving("200 OK", checkpoint(world.state.size(), Digest::of(b"another history"))).await;
    let verdict = other.ask(&ledger).await.unwrap();
    assert!(matches!(&verdict, Verdict::WentBack(why) if why.contains("whose root is")), "{verdict:?}");
    refuses(&ledger, &world, application).await;
}

#[tokio::test]
async fn what_a_mirror_cannot_show_by_our_signature_proves_nothing() {
    let (world, application, ledger) = a_ledger();
    let mut forged = checkpoint(world.state.size() + 1, Digest::of(b"forged"));
    let last = forged.len() - 3;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    for (status, body) in [
        ("200 OK", forged),
        ("200 OK", b"<html>not found</html>".to_vec()),
        ("200 OK", Vec::new()),
        ("404 Not Found", ledger.snapshot().checkpoint.to_vec()),
    ] {
        let shown = String::from_utf8_lossy(&body).into_owned();
        assert!(serving(status, body).await.ask(&ledger).await.is_err(), "{status} {shown}");
    }
    assert_eq!(ledger.went_back(), None);
    ledger.record(comment(&ledger.snapshot(), world.now, application, 1)).await.unwrap();
}

#[tokio::test]
async fn it_is_asked_again_and_again() {
    let (world, application, ledger) = a_ledger();
    let ahead = serving("200 OK", checkpoint(world.state.size() + 1, Digest::of(b"lost"))).await;
    let following = tokio::spawn(ahead.follow(ledger.clone()));
    let noticed = async {
        while ledger.went_back().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), noticed).await.expect("it is noticed");
    following.abort();
    refuses(&ledger, &world, application).await;
}
