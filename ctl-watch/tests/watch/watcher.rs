//! A watch whose time is told by hand, from what was observed to what it says, and the service that it says it to.
#![allow(unreachable_pub)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ctl_core::Signer;
use ctl_governance::State;
use ctl_governance::service_levels::Claim;
use ctl_host::clock::{Clock as _, ManualClock};
use ctl_policy::sla::{BUILT_IN, Kind, SlaPolicy};
use ctl_replica::{Options, Replica, Trust};
use ctl_watch::aggregator::{Aggregator, Setup};
use ctl_watch::observation::{Evidence, Finding};
use ctl_watch::reporter::{Reporter, ReporterError, Sending};
use ctl_watch::store::{Retention, Store};
use ctl_watch::target::Origin;
use ctl_watch::{Code, Observation, Subject, Target, TargetId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::common::story::{World, key};
use crate::common::{Lie, Server};

const PERIOD: u64 = 30;

/// A watch whose time is told by hand, for the service as for itself.
pub struct Watcher {
    pub server: Arc<Server>,
    /// Whose key it signs with.
    pub who: &'static str,
    pub clock: Arc<ManualClock>,
    pub aggregator: Aggregator,
    pub replica: Replica,
    /// What it probes.
    pub target: Arc<Target>,
    reporter: Reporter,
    observations: mpsc::Sender<Observation>,
    aggregating: JoinHandle<()>,
}

pub fn target() -> Arc<Target> {
    target_at("http://ocsp.alpha.example/")
}

pub fn target_at(url: &str) -> Arc<Target> {
    let (operator, url) = ("alpha-pki".parse().unwrap(), url.to_owned());
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

impl Watcher {
    pub async fn begin(
        server: &Arc<Server>,
        clock: &Arc<ManualClock>,
        who: &'static str,
        folder: &Path,
    ) -> Self {
        let setup = Setup {
            store: Arc::new(Store::open(&folder.join("history"), Retention::default()).unwrap()),
            policy: Arc::new(SlaPolicy::parse(BUILT_IN).unwrap()),
            clock: clock.clone(),
            metrics: Arc::new(ctl_watch::metrics::Metrics::new().unwrap()),
        };
        let (observations, inbox) = mpsc::channel(100_000);
        let (aggregator, aggregating) = Aggregator::start(setup, inbox).unwrap();
        aggregator.watch(vec![target()]).await;
        let scheme = server.world.lock().unwrap().state.scheme;
        let time = clock.clone();
        let options = Options {
            clock: Arc::new(move || time.now()),
            patience: Duration::from_millis(300),
            ..Options::new(&server.url, Trust::Scheme(scheme)).remembering(folder.join("replica"))
        };
        let reporter =
            Reporter { aggregator: aggregator.clone(), held_back: Arc::default(), pauses: Arc::default() };
        let (server, clock, replica) = (server.clone(), clock.clone(), Replica::open(options).unwrap());
        Self {
            server,
            who,
            clock,
            aggregator,
            replica,
            target: target(),
            reporter,
            observations,
            aggregating,
        }
    }

    /// So many probes with the same result, a period apart.
    pub async fn probes(&self, count: u64, code: Option<Code>) {
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
                target: self.target.clone(),
                at_ms: self.clock.now().unix() * 1000,
                findings: code.map(finding).into_iter().collect(),
                timings: code.is_none().then_some(Default::default()),
                facts: Default::default(),
                evidence: code.map(evidence).into_iter().collect(),
            };
            self.observations.send(observation).await.unwrap();
            self.pass(PERIOD).await;
        }
        self.aggregator.settle().await;
    }

    /// Time passes.
    pub async fn pass(&self, seconds: u64) {
        self.aggregator.settle().await;
        self.clock.pass(seconds);
        self.server.world.lock().unwrap().now = self.clock.now();
    }

    /// What the follower does at each look.
    pub async fn try_record(&mut self) -> Result<usize, ReporterError> {
        self.replica.sync().await.unwrap();
        let signer = [Box::new(key(self.who)) as Box<dyn Signer>];
        let mut sending = Sending::begin(&mut self.replica, &signer, &self.reporter.pauses).await?;
        self.reporter.record_due(&mut sending).await
    }

    pub async fn record(&mut self) -> usize {
        self.try_record().await.unwrap()
    }

    /// Stops, and starts again over what is in the folder.
    pub async fn restart(self, folder: &Path) -> Self {
        let (server, clock, who) = self.stop().await;
        Self::begin(&server, &clock, who, folder).await
    }

    /// Stops, once everything is written.
    pub async fn stop(self) -> (Arc<Server>, Arc<ManualClock>, &'static str) {
        let Self { server, who, clock, aggregator, reporter, replica, observations, aggregating, .. } = self;
        drop((aggregator, reporter, replica, observations));
        aggregating.await.unwrap();
        (server, clock, who)
    }

    /// What follows from the log.
    pub fn state(&self) -> State {
        self.server.world.lock().unwrap().state.clone()
    }

    /// The claims in the log, in their order.
    pub fn claimed(&self) -> Vec<Arc<Claim>> {
        self.state().service_levels.claims.values().cloned().collect()
    }

    /// How many claims there are in the log, and how many of them are open.
    pub fn claims(&self) -> (usize, usize) {
        let claimed = self.claimed();
        (claimed.len(), claimed.iter().filter(|claim| claim.closed.is_none()).count())
    }

    /// How many statements were sent.
    pub fn sent(&self) -> usize {
        self.server.sent.lock().unwrap().iter().filter(|path| *path == "v1/statements").count()
    }

    pub fn lie(&self, lie: Lie) {
        *self.server.lie.lock().unwrap() = lie;
    }
}

pub async fn scheme() -> (Arc<Server>, Arc<ManualClock>, tempfile::TempDir) {
    let world = World::published();
    let clock = Arc::new(ManualClock::at(world.now));
    (Server::start(world).await, clock, tempfile::tempdir().unwrap())
}
