//! What the trust list manager forgets is found from outside, and is gone when it is done.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use bytes::Bytes;
use ctl_core::keys::PrivateKey;
use ctl_fetch::{Answer, FetchError, Reason, Timings};
use ctl_policy::sla::BUILT_IN;

use super::*;
use crate::follow::Seen;
use crate::testing::world::{self, World, key};

const DAY: u64 = 86_400;

/// The service as it answers: the body at each path; none for one that does not answer.
#[derive(Default)]
struct Service(Mutex<BTreeMap<String, (u16, Bytes)>>);

impl Service {
    fn says(&self, path: &str, status: u16, body: impl Into<Bytes>) {
        self.0.lock().unwrap().insert(format!("http://ctl.example/{path}"), (status, body.into()));
    }

    /// It signs timestamp and snapshot, which end then.
    fn signs(&self, timestamp: (&PrivateKey, Timestamp), snapshot: (&PrivateKey, Timestamp)) {
        let envelope = |file: tuf::Snapshot, key| tuf::envelope(&file, &[tuf::sign(key, &file).unwrap()]);
        let file = envelope(
            tuf::Snapshot::new(7, snapshot.1, [("targets", MetaFile::of(1, b"targets"))]),
            snapshot.0,
        );
        let named = tuf::Timestamp::new(9, timestamp.1, MetaFile::of(7, &file));
        let signature = tuf::sign(timestamp.0, &named).unwrap();
        self.says("tuf/metadata/timestamp.json", 200, tuf::envelope(&named, &[signature]));
        self.says("tuf/metadata/7.snapshot.json", 200, file);
    }

    fn is_ready(&self, entries: u64, served: u64) {
        let status = if entries == served { 200 } else { 503 };
        let body =
            format!("{{\"problems\": [], \"ledger\": {{\"entries\": {entries}, \"served\": {served}}}}}");
        self.says("readyz", status, body);
    }
}

impl Fetch for Service {
    fn fetch<'a>(&'a self, request: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        let found = self.0.lock().unwrap().get(&request.url).cloned();
        let result = match found {
            Some((status, body)) => Ok(Answer { status, headers: Vec::new(), body, tls_not_after: None }),
            None => Err(FetchError {
                reason: Reason::TcpRefused,
                detail: "nobody is there".into(),
                partial: None,
            }),
        };
        let exchange = Exchange { address: None, timings: Timings::default(), result };
        Box::pin(std::future::ready(vec![exchange]))
    }
}

/// A watch of a service, and what it remembers.
struct Story {
    world: World,
    service: Arc<Service>,
    contact: Contact,
    promised: Option<Timestamp>,
    behind: Option<(u64, Timestamp)>,
}

impl Story {
    /// A list is published, and everything is fresh for a year.
    fn begin() -> Self {
        let mut world = World::published();
        world.publish_list();
        let (service, contact) = (Arc::new(Service::default()), Contact::Good(world.now));
        let story = Self { world, service, contact, promised: None, behind: None };
        story.fresh_until(story.world.now.plus_seconds(365 * DAY));
        story
    }

    fn fresh_until(&self, end: Timestamp) {
        self.service.signs((&key("timestamp"), end), (&key("snapshot"), end));
        self.service.is_ready(self.world.state.size(), self.world.state.size());
    }

    /// What is found, and where.
    async fn found(&mut self) -> BTreeSet<(String, Code)> {
        let each = self.observed().await.into_iter().flat_map(|one| {
            one.findings.into_iter().map(move |finding| (one.target.url.clone(), finding.code))
        });
        each.collect()
    }

    async fn observed(&mut self) -> Vec<Observation> {
        let seen = Seen { state: self.world.state.clone(), size: self.world.state.size() };
        let (seen, contact) = (Some(Arc::new(seen)), self.contact.clone());
        let followed = Followed { seen, contact, promised: self.promised, ..Followed::nothing() };
        let (_told, followed) = watch::channel(followed);
        let now = self.world.now;
        let own = ServiceWatch {
            followed,
            fetch: Arc::clone(&self.service) as Arc<dyn Fetch>,
            server: "http://ctl.example".into(),
            policy: Arc::new(SlaPolicy::parse(BUILT_IN).unwrap()),
            period: Duration::from_secs(30),
            now_ms: Arc::new(move || now.unix() * 1000),
        };
        let observed = own.look(&mut self.behind).await;
        assert_eq!(observed.len(), 2, "the log and one list");
        observed
    }
}

fn at(url: &str, code: Code) -> BTreeSet<(String, Code)> {
    BTreeSet::from([(url.to_owned(), code)])
}

fn list() -> String {
    format!("/v1/lists/{}", world::na())
}

#[tokio::test]
async fn a_change_that_nobody_publishes_is_found_after_a_week_until_it_is_published() {
    let mut story = Story::begin();
    story.world.admitted("alpha-pki");
    assert_eq!(story.found().await, BTreeSet::new());
    story.world.wait(7 * DAY);
    assert_eq!(story.found().await, BTreeSet::new(), "a week is given");
    story.world.wait(1);
    assert_eq!(story.found().await, at(&list(), Code::PublicationDelayed));
    story.world.publish_list();
    assert_eq!(story.found().await, BTreeSet::new());
}

#[tokio::test]
async fn a_list_that_nobody_renews_is_stale_until_somebody_does() {
    let mut story = Story::begin();
    story.world.now = story.world.state.published[&Role::List(world::na())].open.expires;
    assert_eq!(story.found().await, BTreeSet::new());
    story.world.wait(1);
    assert_eq!(story.found().await, at(&list(), Code::ListStale));
    story.world.publish_list();
    assert_eq!(story.found().await, BTreeSet::new());
}

#[tokio::test]
async fn timestamp_and_snapshot_are_stale_when_they_end_or_somebody_else_signed_them() {
    let mut story = Story::begin();
    let (now, later) = (story.world.now, story.world.now.plus_seconds(DAY));
    let stale = at(LOG, Code::ListStale);
    let (timestamp, snapshot, thief) = (key("timestamp"), key("snapshot"), key("recorder"));
    for (of_timestamp, of_snapshot, expected) in [
        ((&timestamp, now), (&snapshot, now), &BTreeSet::new()),
        ((&timestamp, now.minus_seconds(1)), (&snapshot, later), &stale),
        ((&timestamp, later), (&snapshot, now.minus_seconds(1)), &stale),
        ((&thief, later), (&snapshot, later), &stale),
        ((&timestamp, later), (&thief, later), &stale),
    ] {
        story.service.signs(of_timestamp, of_snapshot);
        assert_eq!(&story.found().await, expected);
    }
    story.service.signs((&timestamp, later), (&snapshot, later));
    story.service.says("tuf/metadata/7.snapshot.json", 200, "another");
    assert_eq!(story.found().await, stale, "not the one that the timestamp names");
}

#[tokio::test]
async fn entries_that_no_checkpoint_covers_are_found_after_five_minutes_until_one_does() {
    let mut story = Story::begin();
    let size = story.world.state.size();
    story.service.is_ready(size + 1, size);
    assert_eq!(story.found().await, BTreeSet::new());
    story.world.wait(300);
    assert_eq!(story.found().await, BTreeSet::new());
    // More entries do not make it younger; a checkpoint that covers one more does.
    story.service.is_ready(size + 2, size);
    story.world.wait(1);
    assert_eq!(story.found().await, at(LOG, Code::CheckpointOld));
    story.service.is_ready(size + 2, size + 1);
    assert_eq!(story.found().await, BTreeSet::new());
    story.service.is_ready(size + 2, size + 2);
    story.world.wait(3600);
    assert_eq!(story.found().await, BTreeSet::new());
}

#[tokio::test]
async fn a_service_that_does_not_answer_and_a_log_that_does_not_hold_are_told_apart() {
    let mut story = Story::begin();
    story.service = Arc::new(Service::default());
    story.contact = Contact::Unanswered("nobody is there".into());
    let silent = story.found().await;
    assert_eq!(silent, BTreeSet::from([(LOG.into(), Code::TcpRefused), (LOG.into(), Code::EndpointDown)]));
    story.fresh_until(story.world.now.plus_seconds(DAY));
    story.contact = Contact::Inconsistent("it was rewritten".into());
    assert_eq!(story.found().await, at(LOG, Code::LogInconsistent));
    story.service.says("tuf/metadata/timestamp.json", 500, "no");
    story.contact = Contact::Good(story.world.now);
    assert_eq!(story.found().await, at(LOG, Code::HttpStatus));
}

#[tokio::test]
async fn what_keeps_the_watch_itself_from_following_is_a_gap_and_accuses_nobody() {
    let mut story = Story::begin();
    story.contact = Contact::Hindered("the disk is full".into());
    // Since then the list was renewed, which this watch does not know.
    story.world.wait(365 * DAY);
    for observed in story.observed().await {
        assert!(!observed.is_valid() && observed.evidence.is_empty(), "{observed:?}");
        assert_eq!(observed.codes(), BTreeSet::from([Code::ProbeMissed]));
        let said = observed.findings.first().unwrap();
        assert!(said.detail.contains("watch itself") && said.detail.contains("disk is full"), "{said:?}");
    }
}

#[tokio::test]
async fn a_receipt_that_no_checkpoint_covers_is_found_whatever_the_service_says_of_itself() {
    let mut story = Story::begin();
    story.promised = Some(story.world.now);
    story.world.wait(300);
    assert_eq!(story.found().await, BTreeSet::new());
    story.world.wait(1);
    assert_eq!(story.found().await, at(LOG, Code::CheckpointOld), "/readyz says that all is covered");
    story.promised = None;
    assert_eq!(story.found().await, BTreeSet::new());
}
