//! Every fault that the sandbox can have is found by its name, within two rounds, and nothing else is; switched off,
//! it is gone. What takes two services to find, or several addresses of one CRL, is another test's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ctl_pki::Certificate;
use ctl_policy::sla::Limits;
use ctl_sandbox::live::{Kind as Service, Live, Options, Switch, switches};
use ctl_sandbox::{CrlPoints, PkiKind, PkiSpec, Role};
use ctl_server::config;
use ctl_server::monitor::fetch::Fetcher;
use ctl_server::monitor::fetch::resolve::{Lookup, Resolve};
use ctl_server::monitor::probe::{self, Memory, Probe, Round};
use ctl_server::monitor::target::{CrlSubject, OcspSubject, Roots};
use ctl_server::monitor::{Code, Kind, Subject, Target, TargetId};

const DAY: i64 = 86_400;
/// An answer that takes longer is slow.
const SLOW: Duration = Duration::from_millis(1000);
/// How long a probe waits.
const PATIENCE: Duration = Duration::from_millis(2500);
/// Seconds between rounds, by the monitor's clock: more than a CRL may take to reach all its addresses.
const PERIOD: i64 = 40;

/// Codes that are found between targets, not at one.
const BETWEEN: &[&str] = &["ocsp_crl_disagree", "distribution_points_disagree"];

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// Names as the sandbox has them at the moment.
struct Names(Arc<Live>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let addresses: Vec<IpAddr> = self.0.resolve(name);
            if addresses.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
        })
    }
}

/// One service of the sandbox and who watches it.
struct Watch {
    live: Arc<Live>,
    fetcher: Fetcher,
    probe: Box<dyn Probe>,
    target: Target,
    memory: Memory,
    number: u64,
}

impl Watch {
    async fn new(kind: Service, crl_points: CrlPoints, folder: &Path) -> Self {
        let spec = PkiSpec {
            crl_points,
            ca_issuers: true,
            ..PkiSpec::new(PkiKind::V2g, "Aurora", "NL", "Aurora", "faults", now() - DAY)
        };
        let options = Options { slow: SLOW + SLOW / 5, ..Options::new(vec![spec]) };
        let live = Arc::new(Live::start(options).await.unwrap());
        let tls_root = folder.join(format!("{kind}-{}.pem", live.address().port()));
        std::fs::write(&tls_root, live.tls_root_pem()).unwrap();
        let config = config::Monitor {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            tls_roots: vec![tls_root],
            ..config::Monitor::default()
        };
        let fetcher = Fetcher::with_resolver(&config, Box::new(Names(live.clone()))).unwrap();
        let probe = probe::all().into_iter().find(|probe| probe.kind().as_str() == kind.as_str()).unwrap();
        let target = target(&live, probe.kind(), kind);
        Self { live, fetcher, probe, target, memory: Memory::default(), number: 0 }
    }

    /// Probes once; the codes that were found.
    async fn round(&mut self) -> BTreeSet<&'static str> {
        let limits = Limits { slow_ms: SLOW.as_millis().try_into().unwrap(), ..Limits::default() };
        let begin = i64::try_from(self.number).unwrap() % 4 * PERIOD;
        let mut random = [7; 32];
        random[..8].copy_from_slice(&self.number.to_be_bytes());
        let round = Round {
            fetch: &self.fetcher,
            limits: &limits,
            now: now() + begin,
            number: self.number,
            timeout: PATIENCE,
            random,
        };
        self.number += 1;
        let probed = self.probe.probe(&self.target, round, &self.memory).await;
        self.memory = probed.memory;
        probed.findings.iter().map(|finding| finding.code.as_str()).collect()
    }

    /// What two rounds find.
    async fn two_rounds(&mut self) -> BTreeSet<&'static str> {
        let mut found = self.round().await;
        found.extend(self.round().await);
        found
    }

    /// Switches a fault on, off again, and says what was not as it should be.
    async fn try_out(&mut self, switch: Switch) -> Option<String> {
        let (kind, code) = (switch.kind.as_str(), switch.code.as_str());
        self.live.set_fault("aurora", kind, code, true).unwrap();
        let found = self.two_rounds().await;
        self.live.set_fault("aurora", kind, code, false).unwrap();
        // What a side question found stands until it has been asked again, one round later.
        let mut after: BTreeSet<_> = self.round().await.difference(&found).copied().collect();
        after.extend(self.two_rounds().await);
        let besides: BTreeSet<_> = switch.besides.iter().map(|code| code.as_str()).collect();
        let others: Vec<_> =
            found.iter().filter(|other| **other != code && !besides.contains(*other)).collect();
        let mut wrong = String::new();
        if !found.contains(code) {
            wrong += " is not found;";
        }
        if !others.is_empty() {
            wrong += &format!(" also finds {others:?};");
        }
        if !after.is_empty() {
            wrong += &format!(" leaves {after:?};");
        }
        (!wrong.is_empty()).then(|| format!("{kind} {code}{wrong}"))
    }
}

fn target(live: &Live, kind: Kind, service: Service) -> Target {
    let pki = live.pki("aurora").unwrap();
    let root = Arc::new(pki.root().certificate().clone());
    let of = |role: Role| -> Arc<Certificate> { Arc::new(pki.get(role).unwrap().certificate().clone()) };
    let subs = [Role::MoSub1, Role::OemSub1].map(of);
    // The root's own services: it has delegates, and what it issued names its CRLs.
    let url = match service {
        Service::Crl => subs[0].crl_urls()[0].to_owned(),
        _ => live.urls("aurora", service).unwrap().remove(0),
    };
    let subject = match service {
        Service::Ocsp => {
            let canaries = live.canaries("aurora").unwrap().remove(0);
            Subject::Ocsp(vec![OcspSubject {
                issuer: root,
                good: canaries.good.into_iter().map(Arc::new).collect(),
                revoked: canaries.revoked.iter().map(|hex| hex::decode(hex).unwrap().into()).collect(),
            }])
        }
        Service::Crl => {
            let names_it = |sub: &&Arc<Certificate>| sub.crl_urls().contains(&url.as_str());
            let points = subs.iter().flat_map(|sub| sub.crl_urls()).map(str::to_owned);
            let points: BTreeSet<_> = points.collect();
            Subject::Crl(CrlSubject {
                issuer: root,
                covered: subs.iter().filter(names_it).cloned().collect(),
                points: points.into_iter().collect(),
            })
        }
        Service::CaIssuers => Subject::CaIssuers(vec![root]),
        Service::Est => Subject::Est(Roots { due: vec![root.clone()], known: vec![root] }),
        Service::RootPool => Subject::RootPool(Roots { due: vec![root.clone()], known: vec![root] }),
        Service::Https => Subject::Https,
    };
    let operator = "aurora".parse().unwrap();
    Target {
        id: TargetId::of(kind, &operator, &url),
        kind,
        operator,
        lists: Vec::new(),
        url,
        origins: Vec::new(),
        subject,
        period: Duration::from_secs(30),
    }
}

/// Tries every fault of one kind of service out; whatever is not as it should be.
async fn every_fault_of(kind: Service, crl_points: CrlPoints) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut watch = Watch::new(kind, crl_points, folder.path()).await;
    let healthy = watch.two_rounds().await;
    assert_eq!(healthy, BTreeSet::new(), "{kind}: healthy");
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for switch in switches().filter(|switch| switch.kind == kind) {
        let code = switch.code.as_str();
        assert!(Code::from_label(code).is_some(), "{code}");
        let needs_shards = code == "idp_missing_when_sharded";
        if BETWEEN.contains(&code) || needs_shards != (crl_points == CrlPoints::Sharded) {
            continue;
        }
        wrong.extend(watch.try_out(switch).await);
        tried += 1;
    }
    assert!(tried > 0, "{kind}: nothing was tried");
    wrong
}

macro_rules! every_fault {
    ($($name:ident $kind:ident $points:ident;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let wrong = every_fault_of(Service::$kind, CrlPoints::$points).await;
            assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        })*
    };
}

every_fault! {
    every_fault_of_an_ocsp_responder_is_found Ocsp One;
    every_fault_of_a_crl_is_found Crl One;
    a_shard_that_does_not_say_which_it_is_is_found Crl Sharded;
    every_fault_of_a_ca_issuers_address_is_found CaIssuers One;
    every_fault_of_est_is_found Est One;
    every_fault_of_a_root_pool_is_found RootPool One;
    every_fault_of_an_endpoint_is_found Https One;
}
