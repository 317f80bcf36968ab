//! Whose fault it is that the log cannot be followed: the watch's own, nobody's who is proven, or the service's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ctl_core::Signer;
use ctl_governance::statement::body::MoAssign;
use ctl_replica::{Options, Replica, Submission, Trust};
use ctl_watch::follow::{Contact, Followed, Follower};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::common::story::{World, key};
use crate::common::{Files, Lie};
use crate::network::{Tls, tls};
use crate::watched::{Watched, config, in_the_present};

/// Waits until the last contact is as it should be; gives the words of one that failed.
async fn contact(watched: &Watched, what: &str, is: impl Fn(&Contact) -> bool) -> String {
    let contact =
        watched.until(what, async |watched| Some(watched.watch.followed().contact).filter(&is)).await;
    match contact {
        Contact::None | Contact::Good(_) => String::new(),
        Contact::Unanswered(why) | Contact::Hindered(why) | Contact::Inconsistent(why) => why,
    }
}

fn is_good(contact: &Contact) -> bool {
    matches!(contact, Contact::Good(_))
}

#[tokio::test]
async fn trouble_at_the_watch_is_told_as_its_own_and_opens_no_incident() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let watched = Watched::start(&config(&server, folder.path())).await;
    contact(&watched, "a good contact", is_good).await;
    // The folder cannot be used, as on a disk that is full or broken.
    let scheme = server.world.lock().unwrap().state.scheme.to_string();
    let lock = folder.path().join("data/replica").join(scheme).join("lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let why = contact(&watched, "trouble", |contact| matches!(contact, Contact::Hindered(_))).await;
    assert!(why.contains("lock"), "{why}");
    let ready = watched.get("/readyz").await;
    let problems = ready.json()["problems"].to_string();
    assert!(ready.status == 503 && problems.contains("this watch cannot follow"), "{problems}");
    assert!(watched.get("/metrics").await.text().contains("\nctl_watch_following 0\n"));

    std::fs::remove_dir(&lock).unwrap();
    contact(&watched, "it goes on", is_good).await;
    watched.watch.aggregator().settle().await;
    assert!(watched.watch.aggregator().incidents().is_empty());
    watched.stop().await;
}

#[tokio::test]
async fn a_page_where_the_checkpoint_should_be_is_no_proof_against_the_log() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let watched = Watched::start(&config(&server, folder.path())).await;
    contact(&watched, "a good contact", is_good).await;
    let page = Files::from([("log/checkpoint".to_owned(), b"<!doctype html>".to_vec())]);
    *server.lie.lock().unwrap() = Lie::Hides(page);
    contact(&watched, "no answer", |contact| matches!(contact, Contact::Unanswered(_))).await;
    *server.lie.lock().unwrap() = Lie::None;
    contact(&watched, "it goes on", is_good).await;
    watched.stop().await;
}

#[tokio::test]
async fn a_receipt_that_the_log_does_not_keep_is_a_finding_until_a_person_has_settled_it() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let scheme = server.world.lock().unwrap().state.scheme;
    let assign = |id: &str| {
        let (holder, source) = ("mo-one".parse().unwrap(), "bdew".parse().unwrap());
        MoAssign { holder, id: id.parse().unwrap(), source }
    };
    let options = Options {
        patience: Duration::from_millis(300),
        ..Options::new(&server.url, Trust::Scheme(scheme)).remembering(folder.path().join("data/replica"))
    };
    let mut replica = Replica::open(options).unwrap();
    replica.sync().await.unwrap();
    *server.lie.lock().unwrap() = Lie::Drops;
    let keys = [Box::new(key("registrar")) as Box<dyn Signer>];
    let pending = replica.write(&keys, assign("DEABC"), Vec::new()).unwrap();
    assert!(matches!(replica.send(&pending).await.unwrap(), Submission::Sent { .. }));
    drop(replica);

    let watched = Watched::start(&config(&server, folder.path())).await;
    contact(&watched, "it may still come", is_good).await;
    {
        *server.lie.lock().unwrap() = Lie::None;
        let mut world = server.world.lock().unwrap();
        world.wait(60);
        world.say(&["registrar"], assign("DEXYZ")).unwrap();
    }
    let why = contact(&watched, "a loss", |contact| matches!(contact, Contact::Inconsistent(_))).await;
    assert!(why.contains("gave a receipt") && why.contains("another one"), "{why}");
    assert_eq!(watched.get("/readyz").await.status, 503);
    let found = async |watched: &Watched| {
        let targets = watched.get("/v1/targets").await.json()["targets"].to_string();
        targets.contains("log_inconsistent").then_some(())
    };
    watched.until("the finding", found).await;
    let note = folder.path().join("data/replica").join(scheme.to_string()).join("receipts");
    std::fs::remove_file(note.join(format!("{}.json", pending.statement.id))).unwrap();
    contact(&watched, "it is settled", is_good).await;
    watched.stop().await;
}

/// What stands before a service: it passes everything on, or lets its answers drip.
async fn before(service: &str, drips: Arc<AtomicBool>, tls: Option<&Tls>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, acceptor) = (listener.local_addr().unwrap(), tls.map(|tls| tls.acceptor.clone()));
    let service = service.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (service, drips, acceptor) = (service.clone(), Arc::clone(&drips), acceptor.clone());
            tokio::spawn(async move {
                match acceptor {
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            pass_on(stream, &service, &drips).await;
                        }
                    }
                    None => pass_on(stream, &service, &drips).await,
                }
            });
        }
    });
    address
}

async fn pass_on(mut stream: impl AsyncRead + AsyncWrite + Unpin, service: &str, drips: &AtomicBool) {
    if drips.load(Ordering::Relaxed) {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        return;
    }
    let mut service = TcpStream::connect(service).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut service).await;
}

#[tokio::test]
async fn a_server_that_lets_its_answers_drip_does_not_blind_the_watch() {
    let server = in_the_present(World::published()).await;
    let drips = Arc::new(AtomicBool::new(false));
    let address = before(&server.url, Arc::clone(&drips), None).await;
    let trust = Trust::Scheme(server.world.lock().unwrap().state.scheme);
    let replica = Replica::open(Options::new(format!("http://{address}"), trust)).unwrap();
    let (told, mut followed) = watch::channel(Followed::nothing());
    let (every, deadline) = (Duration::from_millis(20), Duration::from_millis(500));
    let (stop, stopped) = oneshot::channel();
    let following = tokio::spawn(Follower { replica, every, deadline, told, watcher: None }.run(stopped));
    let patience = Duration::from_secs(60);
    let mut until = async |is: fn(&Followed) -> bool| {
        tokio::time::timeout(patience, followed.wait_for(is)).await.unwrap().unwrap().clone()
    };
    until(|followed| followed.is_following()).await;
    drips.store(true, Ordering::Relaxed);
    let silent = until(|followed| matches!(followed.contact, Contact::Unanswered(_))).await;
    assert!(!silent.is_following() && silent.seen.is_some());
    drips.store(false, Ordering::Relaxed);
    until(|followed| followed.is_following()).await;
    stop.send(()).unwrap();
    following.await.unwrap();
}

#[tokio::test]
async fn a_service_behind_a_private_authority_is_followed_by_whoever_trusts_that() {
    let (server, folder) = (in_the_present(World::published()).await, tempfile::tempdir().unwrap());
    let tls = tls("localhost");
    let address = before(&server.url, Arc::default(), Some(&tls)).await;
    let mut config = config(&server, folder.path());
    config.scheme.server = format!("https://localhost:{}", address.port());
    let watched = Watched::start(&config).await;
    contact(&watched, "a stranger", |contact| matches!(contact, Contact::Unanswered(_))).await;
    watched.stop().await;
    config.scheme.tls_roots = vec![tls.root.clone()];
    let watched = Watched::start(&config).await;
    contact(&watched, "a good contact", is_good).await;
    watched.stop().await;
}
