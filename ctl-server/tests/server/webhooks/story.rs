//! From a vote to a subscriber: the real server publishes, the real `ctl-webhooks` follows it and tells, and neither shares
//! anything with the other but what goes over HTTP and the secret that both know.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use ctl_core::parts::WithdrawalReason;
use ctl_core::role::Role;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::{Choice, NoticeIssue, VoteCast};
use ctl_host::clock::Clock;
use ctl_host::supervisor::Supervisor;
use ctl_sandbox::subscriber::{Received, Says, Subscriber};
use ctl_serve::Http;
use ctl_serve::forward::ForwardSecret;
use ctl_server::webhooks::{Forward, Webhooks};
use ctl_webhooks::config::Config;
use ctl_webhooks::http::App;
use ctl_webhooks::run::Running;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{ALL, ask, clients};
use crate::common::statement;
use crate::common::world::{DAY, World, na};
use crate::served::Served;

/// `ctl-webhooks` in this process, by the server's clock.
struct Told {
    app: App,
    running: Running,
    http: JoinHandle<()>,
}

impl Told {
    /// Starts it over its files, and waits until it has looked at everything.
    async fn start(served: &Served, folder: &Path, door: &std::net::TcpListener) -> Self {
        let listener = TcpListener::from_std(door.try_clone().unwrap()).unwrap();
        let config = Config::read(&folder.join("webhooks.toml")).unwrap();
        let clock: Arc<dyn Clock> = served.clock.clone();
        let (app, running) = ctl_webhooks::run::start(&config, clock, &Supervisor::new()).unwrap();
        let service = (app.clone(), ctl_webhooks::http::routes::table());
        let serving = ctl_serve::serve(listener, service, Http::default(), std::future::pending());
        let told = Self { app, running, http: tokio::spawn(serving) };
        told.has_looked(served).await;
        told
    }

    /// Waits for a whole look that finds nothing wrong.
    async fn has_looked(&self, served: &Served) {
        let (mut standing, mut looks) = (self.app.standing.clone(), 0);
        served
            .until("a look at the lists", async |_| {
                standing.changed().await.unwrap();
                let standing = standing.borrow_and_update();
                looks += usize::from(standing.problems.is_empty() && standing.good.is_some());
                // One may have begun before what it is to see.
                (looks == 2).then_some(())
            })
            .await;
    }

    async fn stop(self, served: &Served) {
        self.http.abort();
        let _ = self.http.await;
        self.running.stop().await;
        let store = self.app.store;
        drop((self.app.metrics, self.app.rules));
        served.until("its store is closed", async |_| (Arc::strong_count(&store) == 1).then_some(())).await;
    }
}

/// The configuration of `ctl-webhooks`, as its operator writes it, beside the root.json that it trusts.
async fn configure(served: &Served, folder: &Path) {
    std::fs::write(folder.join("root.json"), served.get("/tuf/metadata/1.root.json").await.body).unwrap();
    let text = format!(
        "data = \"data\"\n[scheme]\nserver = \"http://{}\"\nroot = \"root.json\"\nlists = [\"na\"]\nevery = \"50ms\"\n\
         [webhooks]\nplain_http = true\n[fetch]\nallow = [\"127.0.0.1/32\"]\nports = [\"1-65535\"]\n\
         [fetch.hosts]\n\"hooks.example\" = [\"127.0.0.1\"]\n",
        served.address
    );
    std::fs::write(folder.join("webhooks.toml"), text).unwrap();
}

async fn say(served: &Served, signer: &str, body: impl Into<Body>) {
    let said = statement(&served.ledger.snapshot(), served.now(), signer, 1, body);
    let answer = served.post("/v1/statements", &said.jws.to_bytes()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn has(served: &Served, subscriber: &Subscriber, count: usize) -> Vec<Received> {
    let enough = async |_: &Served| Some(subscriber.received()).filter(|received| received.len() >= count);
    served.until(&format!("{count} deliveries"), enough).await
}

/// The events that came, by their ids: each with its type and root, and how often it came.
fn events(received: &[Received]) -> BTreeMap<String, (String, String, usize)> {
    let mut events = BTreeMap::new();
    for one in received {
        let event: Value = serde_json::from_slice(&one.body).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (kind, root) = (text(&event["eventType"]), text(&event["payload"]["fingerprintSHA256"]));
        events.entry(text(&event["eventId"])).or_insert((kind, root, 0)).2 += 1;
    }
    events
}

#[tokio::test]
async fn from_a_vote_to_a_subscriber_and_a_restart_loses_nothing_and_doubles_nothing() {
    // Alpha's root is listed; of beta's the last votes are missing.
    let mut world = World::published();
    let alpha = world.admitted("alpha-pki");
    world.publish_list();
    world.publish(&Role::Notices, &["officer-1"]).unwrap();
    let application = world.discussed("beta-pki");
    let beta = world.state.applications[&application].fingerprint;
    let proposal = world.proposal_to_admit(application);
    let proposal = world.say(&["elector-1"], proposal).unwrap();
    world.vote("elector-1", proposal, Choice::Approve).unwrap();
    // Neither has expired when it is looked at.
    world.publish_list();
    world.publish(&Role::Notices, &["officer-1"]).unwrap();

    let folder = tempfile::tempdir().unwrap();
    // One door for all its lives, so that the server finds it again.
    let door = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    door.set_nonblocking(true).unwrap();
    let address = door.local_addr().unwrap();
    let secret = folder.path().join("forward.secret");
    ForwardSecret::read_or_make(&secret).unwrap();
    let way =
        Webhooks { address: Some(format!("http://{address}")), secret: Some(secret), tls_roots: vec![] };
    let forward = Forward::new(&way).unwrap().unwrap();
    let served = Served::start_with_webhooks(&world, &clients(), forward).await;
    configure(&served, folder.path()).await;
    let told = Told::start(&served, folder.path(), &door).await;

    // A back end subscribes at the pool's address, with the pool's credential.
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let subscriber = Subscriber::at(listen, Says::Status(503)).await.unwrap();
    let wish = json!({
        "url": format!("http://hooks.example:{}/", subscriber.address().port()),
        "enabledEvents": ["root.cert.added", "root.cert.revoked"],
    });
    let made = ask(&served, "POST", ALL, "volt-key", Some(wish)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.json()["secret"].as_str().unwrap().to_owned();

    // The last votes are cast, and signers sign: it is told at once, signed, with the ids of the pool.
    let voted = served.ledger.snapshot().state.proposals[&proposal].leaf_hash;
    for elector in ["elector-2", "elector-3", "alpha-elector"] {
        let open = served.ledger.snapshot().state.proposals[&proposal].decision.is_none();
        if open {
            let vote = VoteCast { choice: Choice::Approve, proposal: voted, rationale: None };
            say(&served, elector, vote).await;
        }
    }
    for signer in ["signer-1", "signer-2"] {
        assert_eq!(served.sign(&Role::List(na()), signer).await.status, 200);
    }
    let first = has(&served, &subscriber, 2).await;
    for one in &first {
        assert!(one.is_signed_by(&secret) && !one.is_signed_by("another"), "{one:?}");
        let payload = serde_json::from_slice::<Value>(&one.body).unwrap()["payload"].clone();
        let id = payload["rootCertificateId"].as_str().unwrap();
        let listed = served.get(&format!("/v1/root/rootCerts/{id}")).await.json();
        assert_eq!(listed["RootResponse"]["fingerprint"], payload["fingerprintSHA256"], "{listed}");
        assert_eq!(listed["RootResponse"]["rootType"], payload["rootType"], "{listed}");
    }
    let told_of = |received: &[Received]| -> BTreeSet<_> {
        events(received).into_values().map(|(kind, root, _)| (kind, root)).collect()
    };
    assert_eq!(told_of(&first), [("root.cert.added".to_owned(), beta.to_string())].into());
    let path = format!("{ALL}/{}/deliveries", made.json()["id"].as_str().unwrap());
    let waits = async |served: &Served| {
        let log = ask(served, "GET", &path, "volt-key", None).await.json();
        let rows = log.as_array().unwrap();
        rows.iter().all(|row| row["attempts"] == 1 && row["nextAttempt"].is_string()).then_some(())
    };
    served.until("both attempts to be recorded", waits).await;

    // While nobody is there to tell, alpha's root is suspended.
    told.stop(&served).await;
    served.pass(60);
    let expires_at = served.now().plus_seconds(7 * DAY);
    let reason = WithdrawalReason::KeyCompromise;
    say(&served, "officer-1", NoticeIssue { anchor: alpha, expires_at, list: na(), reason }).await;
    served
        .until("the notice to be served", async |served| {
            served.sign(&Role::Notices, "officer-1").await;
            let notices = served.get("/v1/notices/notices.json").await.text();
            notices.contains(&alpha.to_string()).then_some(())
        })
        .await;
    subscriber.now_says(Says::Status(200));
    let told = Told::start(&served, folder.path(), &door).await;
    let second = has(&served, &subscriber, 4).await;
    assert_eq!(told_of(&second[2..]), [("root.cert.revoked".to_owned(), alpha.to_string())].into());
    // What waits for its hour was not sent sooner because of the restart.
    assert_eq!((second.len(), events(&second).len()), (4, 4));

    // Another restart, and the hour is over: the same bytes again, and nothing else.
    told.stop(&served).await;
    served.pass(3600);
    let told = Told::start(&served, folder.path(), &door).await;
    let third = has(&served, &subscriber, 6).await;
    for one in &first {
        assert_eq!(third[4..].iter().filter(|again| again.body == one.body).count(), 1);
    }
    served
        .until("everything to have arrived", async |served| {
            let log = ask(served, "GET", &path, "volt-key", None).await.json();
            log.as_array().unwrap().iter().all(|row| row["status"] == "delivered").then_some(())
        })
        .await;

    // A last one finds nothing to say.
    told.stop(&served).await;
    served.pass(3600);
    let told = Told::start(&served, folder.path(), &door).await;
    told.has_looked(&served).await;
    let all = subscriber.received();
    assert!(all.iter().all(|one| one.is_signed_by(&secret)));
    let times: Vec<usize> = events(&all).into_values().map(|(_, _, times)| times).collect();
    assert_eq!((all.len(), times.iter().sum::<usize>(), times.iter().max()), (6, 6, Some(&2)));
    told.stop(&served).await;
    served.stop().await;
}
