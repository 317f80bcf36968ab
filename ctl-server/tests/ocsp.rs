//! The probe of OCSP responders against live ones: every fault that the sandbox can switch on is found within two
//! rounds under its own name and no unrelated one, and is gone when it is switched off.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ctl_policy::sla::Limits;
use ctl_sandbox::live::{Kind, Live, OcspSigner, Options, switches};
use ctl_sandbox::{PkiKind, PkiSpec};
use ctl_server::config;
use ctl_server::monitor::fetch::Fetcher;
use ctl_server::monitor::fetch::resolve::{Lookup, Resolve};
use ctl_server::monitor::probe::ocsp::OcspProbe;
use ctl_server::monitor::probe::{Memory, Probe as _, Round};
use ctl_server::monitor::target::{OcspSubject, Origin, Subject, Target, TargetId};
use sha2::{Digest as _, Sha256};

/// 2030-01-01T12:34:56Z.
const NOW: i64 = 1_893_501_296;
const DAY: i64 = 86_400;
/// What is slow here, so that nobody waits for ten seconds.
const SLOW: Duration = Duration::from_millis(2_000);

/// The sandbox says where its names lead.
struct Names(Arc<Live>);

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        let addresses = self.0.resolve(name);
        Box::pin(async move { Ok(addresses) })
    }
}

struct Watch {
    fetcher: Fetcher,
    limits: Limits,
    target: Target,
    memory: Memory,
    number: u64,
}

impl Watch {
    /// Two rounds: the labels of what they found, and the words.
    async fn two_rounds(&mut self) -> (BTreeSet<&'static str>, Vec<String>) {
        let (mut codes, mut words) = (BTreeSet::new(), Vec::new());
        for _ in 0..2 {
            let round = Round {
                fetch: &self.fetcher,
                limits: &self.limits,
                now: NOW,
                number: self.number,
                timeout: Duration::from_secs(6),
                random: Sha256::digest(self.number.to_be_bytes()).into(),
            };
            let probed = OcspProbe.probe(&self.target, round, &self.memory).await;
            self.number += 1;
            self.memory = probed.memory;
            for finding in probed.findings {
                codes.insert(finding.code.as_str());
                words.push(format!("{}: {}", finding.code, finding.detail));
            }
        }
        (codes, words)
    }
}

/// The responders of a PKI, one for each of its CAs, all of which are delegates.
async fn start() -> (Arc<Live>, Vec<Watch>) {
    let options = Options {
        ocsp_signer: OcspSigner::Delegated,
        slow: SLOW + Duration::from_millis(80),
        clock: Arc::new(|| NOW),
        ..Options::new(vec![PkiSpec::new(PkiKind::V2g, "Aurora", "NL", "Aurora", "live", NOW - DAY)])
    };
    let live = Arc::new(Live::start(options).await.unwrap());
    let settings = config::monitor::Monitor {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        ..config::monitor::Monitor::default()
    };
    let urls = live.urls("aurora", Kind::Ocsp).unwrap();
    let watches = urls.into_iter().zip(live.canaries("aurora").unwrap()).map(|(url, canaries)| {
        let operator = "aurora".parse().unwrap();
        let kind = ctl_policy::sla::Kind::Ocsp;
        let subject = OcspSubject {
            issuer: Arc::new(canaries.issuer),
            good: canaries.good.into_iter().map(Arc::new).collect(),
            revoked: canaries.revoked.iter().map(|serial| hex::decode(serial).unwrap().into()).collect(),
        };
        Watch {
            fetcher: Fetcher::with_resolver(&settings, Box::new(Names(live.clone()))).unwrap(),
            limits: Limits { slow_ms: SLOW.as_millis().try_into().unwrap(), ..Limits::default() },
            target: Target {
                id: TargetId::of(kind, &operator, &url),
                kind,
                operator,
                lists: Vec::new(),
                url,
                origins: vec![Origin::Services],
                subject: Subject::Ocsp(vec![subject]),
                period: Duration::from_secs(12),
            },
            memory: Memory::default(),
            number: 0,
        }
    });
    let watches = watches.collect();
    (live, watches)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_live_responder_is_found_by_its_name_and_goes_away() {
    let (live, mut watches) = start().await;
    // The first CA is the root, which issues CAs only.
    let watch = &mut watches[0];
    assert_eq!(watch.two_rounds().await, (BTreeSet::new(), vec![]));
    let mut wrong = Vec::new();
    for switch in switches().filter(|switch| switch.kind == Kind::Ocsp) {
        let (kind, code) = (switch.kind.as_str(), switch.code.as_str());
        live.set_fault("aurora", kind, code, true).unwrap();
        let (found, words) = watch.two_rounds().await;
        let besides: BTreeSet<_> = switch.besides.iter().map(|code| code.as_str()).collect();
        if !found.contains(code) || found.iter().any(|found| *found != code && !besides.contains(found)) {
            wrong.push(format!("{code} is found as {words:#?}"));
        }
        live.set_fault("aurora", kind, code, false).unwrap();
        // What a side question found stands until it has been asked again, one round later.
        watch.two_rounds().await;
        let (found, words) = watch.two_rounds().await;
        if !found.is_empty() {
            wrong.push(format!("after {code} there is {words:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_pki_gives_no_finding() {
    let (_live, mut watches) = start().await;
    for watch in &mut watches {
        for _ in 0..4 {
            assert_eq!(watch.two_rounds().await, (BTreeSet::new(), vec![]), "{}", watch.target.url);
        }
    }
}
