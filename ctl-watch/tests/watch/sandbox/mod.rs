//! A live sandbox and a whole watch of it: the real fetcher, the real probes, the aggregator that lays targets beside
//! each other. Time is told by hand, for both.
#![allow(unreachable_pub)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ctl_core::Timestamp;
use ctl_fetch::{Fetcher, Options as FetchOptions};
use ctl_host::clock::{Clock as _, ManualClock};
use ctl_pki::Certificate;
use ctl_policy::sla::{BUILT_IN, ServiceLimits, SlaPolicy};
use ctl_sandbox::live::{Canaries, Kind as Service, Live, OcspSigner, Options};
use ctl_sandbox::{CrlPoints, Oddity, PkiKind, PkiSpec, Role};
use ctl_watch::aggregator::{Aggregator, Setup};
use ctl_watch::metrics::Metrics;
use ctl_watch::probe::{self, Memory, Probe, Round};
use ctl_watch::store::{Retention, Store};
use ctl_watch::target::{CrlSubject, OcspSubject, Origin, Roots};
use ctl_watch::{Code, Observation, Subject, Target, TargetId};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::network::names::Names;

pub const DAY: i64 = 86_400;
/// The name of the PKI in addresses.
pub const PKI: &str = "aurora";
/// 2030-01-01T12:34:56Z.
const NOW: i64 = 1_893_501_296;
/// An answer that takes longer is slow.
const SLOW: Duration = Duration::from_millis(1000);
/// How long a probe waits.
const PATIENCE: Duration = Duration::from_millis(2500);
/// Seconds between rounds: more than a CRL may take to reach all its points and addresses.
const PERIOD: i64 = 40;

/// A code and where it is found.
pub type Found = BTreeSet<(Service, Code)>;

/// Which PKI is watched, and what of it.
#[derive(Clone, Copy)]
pub struct Scene {
    /// The kinds of its services that are watched.
    pub kinds: &'static [Service],
    /// Whether the services of all its CAs are watched, not only the root's.
    pub every_ca: bool,
    pub crl_points: CrlPoints,
    pub ocsp_signer: OcspSigner,
    pub oddity: Option<Oddity>,
}

impl Scene {
    pub fn of(kinds: &'static [Service]) -> Self {
        Self {
            kinds,
            every_ca: false,
            crl_points: CrlPoints::One,
            ocsp_signer: OcspSigner::default(),
            oddity: None,
        }
    }

    /// When it begins. TLS goes by the machine's clock.
    pub fn begin(&self) -> i64 {
        let machine = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        if self.kinds.iter().any(|kind| kind.is_tls()) { machine().try_into().unwrap() } else { NOW }
    }
}

/// A live sandbox with one PKI, and who watches it.
pub struct Watch {
    pub live: Arc<Live>,
    clock: Arc<ManualClock>,
    fetcher: Fetcher,
    policy: Arc<SlaPolicy>,
    watched: Vec<Watched>,
    aggregator: Aggregator,
    observations: mpsc::Sender<Observation>,
    number: u64,
    _folder: TempDir,
}

struct Watched {
    service: Service,
    target: Arc<Target>,
    probe: Box<dyn Probe>,
    memory: Memory,
}

impl Watch {
    pub async fn new(scene: Scene) -> Self {
        let begin = scene.begin();
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix(begin)));
        let spec = PkiSpec {
            crl_points: scene.crl_points,
            ca_issuers: true,
            oddity: scene.oddity,
            ..PkiSpec::new(PkiKind::V2g, "Aurora", "NL", "Aurora", "faults", begin - DAY)
        };
        let told = clock.clone();
        let options = Options {
            ocsp_signer: scene.ocsp_signer,
            slow: SLOW + SLOW / 5,
            clock: Arc::new(move || told.now().unix()),
            ..Options::new(vec![spec])
        };
        let live = Arc::new(Live::start(options).await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let tls_root = folder.path().join("tls-root.pem");
        std::fs::write(&tls_root, live.tls_root_pem()).unwrap();
        let config = FetchOptions { tls_roots: vec![tls_root], ..crate::network::options(&["127.0.0.0/8"]) };
        let fetcher = Fetcher::with_resolver(&config, Box::new(Names::of(live.clone()))).unwrap();
        let policy = Arc::new(SlaPolicy::parse(BUILT_IN).unwrap());
        let setup = Setup {
            store: Arc::new(Store::open(&folder.path().join("history"), Retention::default()).unwrap()),
            policy: policy.clone(),
            clock: clock.clone(),
            metrics: Arc::new(Metrics::new().unwrap()),
        };
        let (observations, inbox) = mpsc::channel(100);
        let (aggregator, _aggregating) = Aggregator::start(setup, inbox).unwrap();
        let watched: Vec<Watched> =
            scene.kinds.iter().flat_map(|kind| watched(&live, *kind, &scene)).collect();
        aggregator.watch(watched.iter().map(|watched| watched.target.clone()).collect()).await;
        Self { live, clock, fetcher, policy, watched, aggregator, observations, number: 0, _folder: folder }
    }

    /// Switches a fault.
    pub fn set(&self, kind: Service, code: &str, on: bool) {
        self.live.set_fault(PKI, kind.as_str(), code, on).unwrap();
    }

    /// Probes every target once, one after the other; what was found at them and between them.
    async fn round(&mut self) -> Found {
        let now = self.clock.now().unix();
        let mut found = Found::new();
        for Watched { service, target, probe, memory } in &mut self.watched {
            let limits = ServiceLimits {
                slow_ms: SLOW.as_millis().try_into().unwrap(),
                ..self.policy.limits(target.operator.as_str(), target.kind)
            };
            let round = Round {
                fetch: &self.fetcher,
                limits: &limits,
                now,
                number: self.number,
                timeout: PATIENCE,
                random: Sha256::digest(self.number.to_be_bytes()).into(),
            };
            let probed = probe.probe(target, round, memory).await;
            found.extend(probed.findings.iter().map(|finding| (*service, finding.code)));
            *memory = probed.memory;
            let observation = Observation {
                target: target.clone(),
                at_ms: now * 1000,
                findings: probed.findings,
                timings: probed.timings,
                facts: probed.facts,
                evidence: probed.evidence,
            };
            self.observations.send(observation).await.unwrap();
        }
        self.aggregator.settle().await;
        let standings = self.aggregator.standings();
        for watched in &self.watched {
            let last = standings.targets[&watched.target.id].last.as_ref();
            let codes = last.map(|last| last.codes()).unwrap_or_default();
            found.extend(codes.into_iter().map(|code| (watched.service, code)));
        }
        self.number += 1;
        self.clock.pass(PERIOD.unsigned_abs());
        found
    }

    /// What two rounds find.
    pub async fn two_rounds(&mut self) -> Found {
        let mut found = self.round().await;
        found.extend(self.round().await);
        found
    }

    /// What is found after a fault that was found so is off. What a side question found stands until it has been
    /// asked again, one round later.
    pub async fn after(&mut self, found: &Found) -> Found {
        let mut after: Found = self.round().await.difference(found).copied().collect();
        after.extend(self.two_rounds().await);
        after
    }
}

/// What is watched of a PKI's services of one kind.
fn watched(live: &Live, service: Service, scene: &Scene) -> Vec<Watched> {
    let targets: Vec<_> = if service.is_of_issuer() {
        let authorities = live.canaries(PKI).unwrap();
        let taken = authorities.iter().filter(|one| scene.every_ca || one.role == Role::Root);
        taken.flat_map(|authority| of_authority(live, service, authority)).collect()
    } else {
        let root = Arc::new(live.pki(PKI).unwrap().root().certificate().clone());
        let roots = Roots { due: vec![root.clone()], known: vec![root] };
        let subject = match service {
            Service::Est => Subject::Est(roots),
            Service::RootPool => Subject::RootPool(roots),
            _ => Subject::Https,
        };
        live.urls(PKI, service).unwrap().into_iter().map(|url| (url, subject.clone())).collect()
    };
    let watched = |(url, subject): (String, Subject)| {
        let probe = probe::all().into_iter().find(|probe| probe.kind().as_str() == service.as_str()).unwrap();
        let (operator, kind) = (PKI.parse().unwrap(), probe.kind());
        let target = Target {
            id: TargetId::of(kind, &operator, &url),
            kind,
            operator,
            lists: Vec::new(),
            url,
            origins: vec![Origin::Services],
            subject,
            period: Duration::from_secs(PERIOD.unsigned_abs()),
        };
        Watched { service, target: Arc::new(target), probe, memory: Memory::default() }
    };
    targets.into_iter().map(watched).collect()
}

/// The addresses of one CA's services of one kind, as certificates and canaries name them.
fn of_authority(live: &Live, kind: Service, authority: &Canaries) -> Vec<(String, Subject)> {
    let issuer = Arc::new(authority.issuer.clone());
    let issued: Vec<Arc<Certificate>> = authority.good.iter().cloned().map(Arc::new).collect();
    let of_its_own = || {
        let urls = live.urls(PKI, kind).unwrap();
        let part = format!("/{}/", authority.role.file_name());
        urls.into_iter().filter(move |url| url.contains(&part))
    };
    match kind {
        Service::Ocsp => {
            let revoked = authority.revoked.iter().map(|hex| hex::decode(hex).unwrap().into());
            let subject = OcspSubject { issuer, good: issued, revoked: revoked.collect() };
            let subject = Subject::Ocsp(vec![subject]);
            of_its_own().map(|url| (url, subject.clone())).collect()
        }
        Service::Crl => {
            let urls = |one: &Arc<Certificate>| -> Vec<String> {
                one.crl_urls().iter().map(|url| (*url).to_owned()).collect()
            };
            let points: BTreeSet<String> = issued.iter().flat_map(urls).collect();
            let subject = |url: &String| {
                let names_it = |one: &&Arc<Certificate>| urls(one).contains(url);
                Subject::Crl(CrlSubject {
                    issuer: issuer.clone(),
                    covered: issued.iter().filter(names_it).cloned().collect(),
                    points: points.iter().cloned().collect(),
                })
            };
            points.iter().map(|url| (url.clone(), subject(url))).collect()
        }
        _ => of_its_own().map(|url| (url, Subject::CaIssuers(vec![issuer.clone()]))).collect(),
    }
}
