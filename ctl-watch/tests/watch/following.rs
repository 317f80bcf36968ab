//! Whose fault it is that the log cannot be followed: the watch's own, nobody's who is proven, or the service's.

use ctl_core::Signer;
use ctl_governance::statement::body::MoAssign;
use ctl_replica::{Options, Replica, Submission, Trust};
use ctl_watch::follow::Contact;

use crate::common::story::{World, key};
use crate::common::{Files, Lie};
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
        patience: std::time::Duration::from_millis(300),
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
