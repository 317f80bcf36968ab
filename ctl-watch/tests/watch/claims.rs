//! What a watcher says to the log from outside: an outage is claimed, proven and ended once, whatever is lost on the way,
//! and two organisations together confirm it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ctl_core::{Digest, Signer};
use ctl_host::clock::{Clock as _, ManualClock};
use ctl_policy::sla::{BUILT_IN, Kind, Month, Report, SlaPolicy, Time};
use ctl_replica::{Options, Replica, Trust};
use ctl_watch::keeper::{Keeper, Setup};
use ctl_watch::observation::{Evidence, Finding};
use ctl_watch::recorder::{Recorder, RecorderError, Sending};
use ctl_watch::store::{Keep, Store};
use ctl_watch::target::Origin;
use ctl_watch::{Code, Observation, Subject, Target, TargetId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::common::story::{World, key};
use crate::common::{Lie, Server, log_files};

const PERIOD: u64 = 30;

/// A watch whose time is told by hand, for the service as for itself.
struct Watch {
    server: Arc<Server>,
    who: &'static str,
    clock: Arc<ManualClock>,
    keeper: Keeper,
    recorder: Recorder,
    replica: Replica,
    observations: mpsc::Sender<Observation>,
    keeping: JoinHandle<()>,
}

fn target() -> Arc<Target> {
    let (operator, url) = ("alpha-pki".parse().unwrap(), "http://ocsp.alpha.example/".to_owned());
    Arc::new(Target {
        id: TargetId::of(Kind::Ocsp, &operator, &url),
        kind: Kind::Ocsp,
        operator,
        lists: Vec::new(),
        url,
        origins: vec![Origin::Services],
        subject: Subject::Https,
        period: Duration::from_secs(PERIOD),
    })
}

impl Watch {
    async fn begin(server: &Arc<Server>, clock: &Arc<ManualClock>, who: &'static str, folder: &Path) -> Self {
        let setup = Setup {
            store: Arc::new(Store::open(&folder.join("history"), Keep::default()).unwrap()),
            policy: Arc::new(SlaPolicy::parse(BUILT_IN).unwrap()),
            clock: clock.clone(),
            metrics: Arc::new(ctl_watch::metrics::Metrics::new().unwrap()),
        };
        let (observations, inbox) = mpsc::channel(100_000);
        let (keeper, keeping) = Keeper::start(setup, inbox).unwrap();
        keeper.watch(vec![target()]).await;
        let scheme = server.world.lock().unwrap().state.scheme;
        let time = clock.clone();
        let options = Options {
            clock: Arc::new(move || time.now()),
            patience: Duration::from_millis(300),
            ..Options::new(&server.url, Trust::Scheme(scheme)).remembering(folder.join("replica"))
        };
        let recorder = Recorder { keeper: keeper.clone(), held_back: Arc::default() };
        let (server, clock, replica) = (server.clone(), clock.clone(), Replica::open(options).unwrap());
        Self { server, who, clock, keeper, recorder, replica, observations, keeping }
    }

    /// So many probes with the same result, a period apart.
    async fn probes(&self, count: u64, code: Option<Code>) {
        for _ in 0..count {
            let detail = format!("as {} sees it", self.who);
            let finding = |code| Finding { code, address: None, detail: detail.clone() };
            let evidence = |code: Code| Evidence {
                request: "GET http://ocsp.alpha.example/".into(),
                request_body: Bytes::new(),
                address: None,
                status: None,
                headers: Vec::new(),
                body: format!("{} {detail}", code.as_str()).into(),
                body_bytes: 0,
            };
            let observation = Observation {
                target: target(),
                at_ms: self.clock.now().unix() * 1000,
                findings: code.map(finding).into_iter().collect(),
                timings: code.is_none().then_some(Default::default()),
                facts: Default::default(),
                evidence: code.map(evidence).into_iter().collect(),
            };
            self.observations.send(observation).await.unwrap();
            self.pass(PERIOD).await;
        }
        self.keeper.settle().await;
    }

    /// Time passes.
    async fn pass(&self, seconds: u64) {
        self.keeper.settle().await;
        self.clock.pass(seconds);
        self.server.world.lock().unwrap().now = self.clock.now();
    }

    /// What the follower does at each look.
    async fn try_record(&mut self) -> Result<usize, RecorderError> {
        self.replica.sync().await.unwrap();
        let signer = [Box::new(key(self.who)) as Box<dyn Signer>];
        let mut sending = Sending::begin(&mut self.replica, &signer).await?;
        self.recorder.record_due(&mut sending).await
    }

    async fn record(&mut self) -> usize {
        self.try_record().await.unwrap()
    }

    /// Stops, and starts again over what is in the folder.
    async fn restart(self, folder: &Path) -> Self {
        let Self { server, who, clock, keeper, recorder, replica, observations, keeping } = self;
        drop((keeper, recorder, replica, observations));
        keeping.await.unwrap();
        Self::begin(&server, &clock, who, folder).await
    }

    /// How many claims there are in the log, and how many of them are open.
    fn claims(&self) -> (usize, usize) {
        let world = self.server.world.lock().unwrap();
        let claims = &world.state.service_levels.claims;
        (claims.size(), claims.values().filter(|claim| claim.closed.is_none()).count())
    }

    /// How many statements were sent.
    fn sent(&self) -> usize {
        self.server.sent.lock().unwrap().iter().filter(|path| *path == "v1/statements").count()
    }

    fn lie(&self, lie: Lie) {
        *self.server.lie.lock().unwrap() = lie;
    }
}

async fn scheme() -> (Arc<Server>, Arc<ManualClock>, tempfile::TempDir) {
    let world = World::published();
    let clock = Arc::new(ManualClock::at(world.now));
    (Server::start(world).await, clock, tempfile::tempdir().unwrap())
}

#[tokio::test]
async fn an_outage_is_claimed_and_ended_once_whatever_the_watch_forgets() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watch::begin(&server, &clock, "watcher-north", folder.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    assert_eq!((watch.record().await, watch.claims()), (1, (1, 1)));
    assert_eq!(watch.record().await, 0, "once");
    let mut watch = watch.restart(folder.path()).await;
    assert_eq!(watch.record().await, 0, "a restart does not say it again");

    // What it remembers of the scheme is gone, with every note of what it has sent.
    std::fs::remove_dir_all(folder.path().join("replica")).unwrap();
    let mut watch = watch.restart(folder.path()).await;
    assert_eq!((watch.record().await, watch.claims(), watch.sent()), (0, (1, 1), 1));
    watch.probes(5, None).await;
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    assert_eq!((watch.claims(), watch.sent()), ((1, 0), 2));
}

#[tokio::test]
async fn an_answer_that_is_lost_or_comes_late_makes_no_second_claim() {
    // Recorded or not: nobody hears of it. Recorded, and the log is shown as it was.
    for (records, hides) in [(true, false), (false, false), (true, true)] {
        let (server, clock, folder) = scheme().await;
        let mut watch = Watch::begin(&server, &clock, "watcher-north", folder.path()).await;
        watch.probes(20, Some(Code::TcpRefused)).await;
        watch.replica.sync().await.unwrap();
        let before = log_files(&server.world.lock().unwrap());
        watch.lie(if hides { Lie::Hides(before) } else { Lie::HangsUp { records } });
        match watch.try_record().await {
            Ok(made) => assert!(records && !hides && made == 1, "the log has it"),
            Err(RecorderError::Later(why)) => assert!(hides || !records, "{why}"),
            Err(error) => panic!("{error}"),
        }
        let sent = watch.sent();
        // Still the same, and the same statement: nothing else is said before.
        if hides || !records {
            assert!(matches!(watch.try_record().await, Err(RecorderError::Later(_))));
        }
        let mut watch = watch.restart(folder.path()).await;
        watch.lie(Lie::None);
        assert_eq!(watch.record().await, 0, "what was sent is what is due");
        assert_eq!(watch.claims(), (1, 1), "{records} {hides}");
        assert!(watch.sent() >= sent);
        watch.probes(5, None).await;
        assert_eq!((watch.record().await, watch.claims()), (1, (1, 0)));
    }
}

#[tokio::test]
async fn two_watchers_of_two_organisations_confirm_a_breach() {
    let (server, clock, _folder) = scheme().await;
    let (north, south) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut north = Watch::begin(&server, &clock, "watcher-north", north.path()).await;
    let mut south = Watch::begin(&server, &clock, "watcher-south", south.path()).await;
    for _ in 0..20 {
        // Both see it in the same half minute.
        north.probes(1, Some(Code::TcpRefused)).await;
        south.probes(1, Some(Code::TcpRefused)).await;
    }
    let breaches = || server.world.lock().unwrap().state.service_levels.breaches.size();
    assert_eq!((north.record().await, breaches()), (1, 0), "one alone confirms nothing");
    assert_eq!((south.record().await, breaches()), (1, 1));
    let outages = server.world.lock().unwrap().state.outages();
    let outage = serde_json::to_value(&outages[0]).unwrap();
    assert_eq!((outages.len(), &outage["confirmed"], &outage["needed"]), (1, &true.into(), &2.into()));
    assert_eq!(outage["claims"].as_array().unwrap().len(), 2);
    assert_eq!((north.record().await, south.record().await), (0, 0));
}

#[tokio::test]
async fn the_key_of_nobody_who_watches_says_nothing() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watch::begin(&server, &clock, "elector-1", folder.path()).await;
    watch.probes(20, Some(Code::TcpRefused)).await;
    let error = watch.try_record().await.unwrap_err().to_string();
    assert!(error.contains("whom the charter names as a watcher"), "{error}");
    assert_eq!((watch.sent(), watch.claims()), (0, (0, 0)));
    // About its own organisation's service a watcher says nothing.
    watch.who = "alpha-watcher";
    assert_eq!((watch.record().await, watch.sent()), (0, 0));
}

#[tokio::test]
async fn a_month_is_reported_once_and_its_report_is_brought_to_the_service() {
    let (server, clock, folder) = scheme().await;
    let mut watch = Watch::begin(&server, &clock, "watcher-north", folder.path()).await;
    let month = Month::of(Time(clock.now().unix()));
    watch.probes(20, None).await;
    let left = (month.end().0 - clock.now().unix()).unsigned_abs();
    watch.pass(left + 900).await;
    watch.probes(1, None).await;
    assert_eq!((watch.record().await, watch.record().await), (1, 0));
    let recorded = {
        let world = server.world.lock().unwrap();
        let (_, recorded) = world.state.service_levels.reports.iter().next().unwrap();
        recorded.report.sha256
    };
    let blob = server.blobs.lock().unwrap()[&recorded.to_string()].clone();
    assert_eq!(Digest::of(&blob), recorded);
    let report: Report = serde_json::from_slice(&blob[ctl_replica::statement::SALT..]).unwrap();
    report.check().unwrap();
    assert_eq!(report.kinds[0].counts.good, 20);
}
