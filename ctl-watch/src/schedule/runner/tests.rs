//! The runner under a clock that the tests move.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use ctl_fetch::{Exchange, Request, Timings};

use super::*;
use crate::observation::Finding;
use crate::target::{Origin, Subject};

const PERIOD: Duration = Duration::from_secs(30);

fn targets(urls: &[&str]) -> Arc<[Arc<Target>]> {
    let target = |url: &&str| {
        let operator = "volt".parse().unwrap();
        Arc::new(Target {
            id: TargetId::of(Kind::Https, &operator, url),
            kind: Kind::Https,
            operator,
            lists: vec![],
            url: (*url).into(),
            origins: vec![],
            subject: Subject::Https,
            period: PERIOD,
        })
    };
    urls.iter().map(target).collect()
}

/// Anyone can apply with the address of anything: what it answers is not for everybody to read.
#[test]
fn nothing_that_a_service_of_an_applicant_sent_is_shown() {
    let mut target = (*targets(&["http://volt.example/"])[0]).clone();
    let secret = "status 500 where 200 is due; the body begins: \"root:x:0:0\"";
    let probed = || Probed {
        findings: [Finding { code: Code::HttpStatus, address: None, detail: secret.to_owned() }].into(),
        evidence: vec![Evidence {
            request: "GET http://volt.example/".to_owned(),
            request_body: Bytes::new(),
            address: None,
            status: Some(500),
            headers: vec![("server".to_owned(), "internal/1".to_owned())],
            body: Bytes::from_static(b"root:x:0:0"),
            body_bytes: 10,
        }],
        ..Probed::default()
    };
    let shown = public(&target, &Nobody, probed());
    assert_eq!(
        (shown.findings.len(), &shown.evidence[0].body[..]),
        (1, &b"root:x:0:0"[..]),
        "of the listed, all"
    );
    target.origins = vec![Origin::Application];
    let shown = public(&target, &Nobody, probed());
    let text = format!("{shown:?}");
    assert!(!text.contains("root:x") && !text.contains("internal/1"), "{text}");
    assert_eq!((shown.evidence[0].status, shown.evidence[0].body_bytes), (Some(500), 10));
    target.origins.push(Origin::Listed);
    assert_eq!(public(&target, &Nobody, probed()).evidence[0].body.len(), 10);
}

/// Asks nobody.
struct Nobody;

impl Fetch for Nobody {
    fn fetch<'a>(&'a self, _: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        Box::pin(async { Vec::new() })
    }
}

/// A probe that behaves as its URL says, and remembers how often it was asked.
#[derive(Default)]
struct Pretended {
    seeds: Arc<Mutex<Vec<[u8; 32]>>>,
    remembered: Arc<Mutex<Vec<bool>>>,
}

/// What is kept, in memory.
#[derive(Default)]
struct Kept(Mutex<HashMap<TargetId, Vec<u8>>>);

impl MemoryStore for Kept {
    fn take(&self, target: TargetId) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(&target).cloned()
    }

    fn keep(&self, target: TargetId, memory: &[u8]) -> bool {
        self.0.lock().unwrap().insert(target, memory.into());
        true
    }
}

impl Probe for Pretended {
    fn kind(&self) -> Kind {
        Kind::Https
    }

    fn probe<'a>(
        &'a self,
        target: &'a Target,
        round: Round<'a>,
        memory: &'a Memory,
    ) -> Pin<Box<dyn Future<Output = Probed> + Send + 'a>> {
        Box::pin(async move {
            assert_eq!(round.timeout, PERIOD / 2);
            self.seeds.lock().unwrap().push(round.random);
            match target.url.as_str() {
                "stuck" => std::future::pending().await,
                "broken" => panic!("a fault of the probe"),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            self.remembered.lock().unwrap().push(memory.0.is_some());
            let before = memory.0.as_ref().and_then(|kept| kept.downcast_ref::<u64>()).copied().unwrap_or(0);
            if target.url != "recalled" {
                assert_eq!(before, round.number, "what was remembered is what the round before left");
            }
            let (timings, memory) = (Some(Timings::default()), Memory(Some(Arc::new(before + 1))));
            Probed { timings, memory, ..Probed::default() }
        })
    }

    fn save(&self, memory: &Memory) -> Option<Vec<u8>> {
        let count = memory.0.as_ref()?.downcast_ref::<u64>()?;
        Some(count.to_be_bytes().into())
    }

    fn restore(&self, bytes: &[u8]) -> Memory {
        Memory(bytes.try_into().ok().map(|bytes| Arc::new(u64::from_be_bytes(bytes)) as _))
    }
}

struct Stage {
    targets: watch::Sender<Arc<[Arc<Target>]>>,
    observations: mpsc::Receiver<Observation>,
    counters: Arc<Counters>,
    seeds: Arc<Mutex<Vec<[u8; 32]>>>,
    remembered: Arc<Mutex<Vec<bool>>>,
    task: task::JoinHandle<()>,
}

fn stage(urls: &[&str], room: usize) -> Stage {
    stage_with(urls, room, Arc::default())
}

fn stage_with(urls: &[&str], room: usize, memory_store: Arc<Kept>) -> Stage {
    let (targets, following) = watch::channel(targets(urls));
    let (sender, observations) = mpsc::channel(room);
    let (counters, probe) = (Arc::new(Counters::default()), Pretended::default());
    let (seeds, remembered) = (Arc::clone(&probe.seeds), Arc::clone(&probe.remembered));
    let setup = Setup {
        probes: vec![Box::new(probe)],
        fetch: Arc::new(Nobody),
        limits: Arc::new(|_| ServiceLimits::default()),
        now_ms: Arc::new(|| 1_800_000_000_500),
        targets: following,
        observations: sender,
        memory_store,
        concurrency: 256,
        per_host: 8,
        counters: Arc::clone(&counters),
    };
    Stage { targets, observations, counters, seeds, remembered, task: tokio::spawn(run(setup)) }
}

#[tokio::test(start_paused = true)]
async fn probes_come_one_after_the_other_with_memory_and_fresh_randomness() {
    let mut stage = stage(&["fine"], 64);
    let mut moments = Vec::new();
    for _ in 0..20 {
        let observation = stage.observations.recv().await.unwrap();
        moments.push(Instant::now());
        assert!(observation.findings.is_empty() && observation.is_valid());
        assert_eq!(observation.at_ms, 1_800_000_000_500);
    }
    let length = *moments.last().unwrap() - moments[0];
    assert!(length > PERIOD * 19 * 4 / 5 && length < PERIOD * 19 * 6 / 5, "{length:?}");
    let seeds: std::collections::BTreeSet<_> = stage.seeds.lock().unwrap().iter().copied().collect();
    assert!(seeds.len() >= 20);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_probe_is_ended_and_a_broken_one_reported_and_others_go_on() {
    let mut stage = stage(&["stuck", "broken", "fine"], 64);
    let mut seen: HashMap<String, Vec<Observation>> = HashMap::new();
    while seen.len() < 3 || seen.values().any(|of| of.len() < 5) {
        let observation = stage.observations.recv().await.unwrap();
        seen.entry(observation.target.url.clone()).or_default().push(observation);
    }
    for (url, code) in [("stuck", Code::ProbeOverrun), ("broken", Code::ProbeMissed)] {
        for observation in &seen[url] {
            assert_eq!(observation.codes(), [code].into(), "{url}");
            assert!(!observation.is_valid(), "a gap says nothing of the service");
        }
    }
    assert!(seen["fine"].iter().all(|observation| observation.findings.is_empty()));
    let counted = stage.counters.read();
    assert!(counted.overrun >= 5 && counted.missed >= 5 && counted.lost == 0, "{counted:?}");
}

#[tokio::test(start_paused = true)]
async fn an_aggregator_that_is_behind_loses_nothing_of_the_probes_and_the_rest_is_counted() {
    let mut stage = stage(&["fine", "too"], 1);
    tokio::time::sleep(PERIOD * 10).await;
    let counted = stage.counters.read();
    assert_eq!(counted.started, 3, "one was handed over; each target has one more that waits");
    assert!(counted.lost > 0 && counted.lost == counted.overrun, "{counted:?}");
    for _ in 0..3 {
        assert!(stage.observations.recv().await.unwrap().findings.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn targets_change_while_it_runs_and_it_ends_with_them() {
    let mut stage = stage(&["fine"], 64);
    assert_eq!(stage.observations.recv().await.unwrap().target.url, "fine");
    stage.targets.send_replace(targets(&["fine", "new"]));
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        seen.insert(stage.observations.recv().await.unwrap().target.url.clone());
    }
    stage.targets.send_replace(targets(&[]));
    tokio::time::sleep(PERIOD).await;
    while stage.observations.try_recv().is_ok() {}
    tokio::time::sleep(PERIOD * 5).await;
    assert!(stage.observations.try_recv().is_err());
    assert_eq!(stage.counters.read().targets, 0);
    drop(stage.targets);
    stage.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_targets_are_all_probed_within_two_periods() {
    let urls: Vec<String> = (0..10_000).map(|n| format!("http://pki-{n}.example/")).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut stage = stage(&urls, 1024);
    let mut seen = std::collections::HashSet::new();
    let begin = Instant::now();
    while seen.len() < 10_000 {
        let observation = stage.observations.recv().await.unwrap();
        assert!(observation.findings.is_empty(), "{:?}", observation.findings);
        seen.insert(observation.target.id);
    }
    assert!(begin.elapsed() < PERIOD * 2);
    let counted = stage.counters.read();
    assert!(counted.latest_ms < 1000, "{counted:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_probe_saves_is_there_after_a_restart() {
    let memory_store = Arc::<Kept>::default();
    let mut before = stage_with(&["recalled"], 64, Arc::clone(&memory_store));
    // The second has begun only after the first was kept.
    for _ in 0..2 {
        before.observations.recv().await.unwrap();
    }
    before.task.abort();
    let kept: Vec<_> = memory_store.0.lock().unwrap().values().cloned().collect();
    assert!(matches!(kept[0][..], [0, 0, 0, 0, 0, 0, 0, 1 | 2]), "{kept:?}");
    let mut after = stage_with(&["recalled"], 64, memory_store);
    after.observations.recv().await.unwrap();
    assert_eq!(*after.remembered.lock().unwrap(), [true]);
    assert_eq!(*before.remembered.lock().unwrap(), [false, true]);
}
