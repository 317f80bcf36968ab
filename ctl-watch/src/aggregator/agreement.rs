//! Prometheus and the service levels are told the same: every code, with and without an answer, in announced
//! maintenance and outside, goes through the aggregator, and what both have counted is compared.

use std::sync::Arc;
use std::time::Duration;

use ctl_fetch::Timings;
use ctl_host::clock::ManualClock;
use ctl_policy::sla::{BUILT_IN, Kind};
use tokio::sync::mpsc;

use super::tests::{DAY, target};
use super::*;
use crate::code::{Code, Weight};
use crate::observation::Finding;
use crate::store::Retention;

/// A policy with everything by which counting departs from the weights of the codes.
const DEPARTURES: &str = r#"
[[operator]]
operator = "alpha-pki"
kind = "ocsp"
text = "Caching is promised, nonces are not."
source = "Practice statement of alpha-pki"
counted = ["cache_control_missing", "content_type"]
excused = ["nonce_wrong", "tcp_refused"]

[[maintenance]]
operator = "alpha-pki"
kinds = ["ocsp", "service"]
announced_at = "2026-11-01T00:00:00Z"
starts_at = "2026-11-21T00:10:00Z"
ends_at = "2026-11-21T00:20:00Z"
text = "New hardware."
"#;

const MINUTE: i64 = 60_000;

/// Every observation there can be, as far as counting goes, at this moment.
fn all(target: &Arc<Target>, at_ms: i64) -> Vec<Observation> {
    let codes = Code::ALL.iter().copied().map(Some).chain([None]);
    let each = codes.flat_map(|code| [false, true].map(|answered| (code, answered)));
    let observation = |(code, answered): (Option<Code>, bool)| Observation {
        target: target.clone(),
        at_ms,
        findings: code
            .map(|code| Finding { code, address: None, detail: String::new() })
            .into_iter()
            .collect(),
        timings: answered.then(|| Timings { total: Duration::from_millis(80), ..Timings::default() }),
        facts: Default::default(),
        evidence: Vec::new(),
    };
    each.map(observation).collect()
}

/// The sum of the samples of a metric whose line has all of these.
fn sum(text: &str, name: &str, labels: &[&str]) -> u64 {
    let lines = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
    let of = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    of.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[tokio::test]
async fn prometheus_and_the_service_levels_count_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_unix(DAY / 1000)));
    let metrics = Arc::new(Metrics::new().unwrap());
    let setup = Setup {
        store: Arc::new(Store::open(directory.path(), Retention::default()).unwrap()),
        policy: Arc::new(SlaPolicy::parse(&format!("{BUILT_IN}\n{DEPARTURES}")).unwrap()),
        clock: clock.clone(),
        metrics: metrics.clone(),
    };
    let (sender, receiver) = mpsc::channel(4096);
    let (aggregator, running) = Aggregator::start(setup, receiver).unwrap();
    let targets = [
        target(Kind::Ocsp, "http://ocsp.alpha.example/"),
        target(Kind::Crl, "http://crl.alpha.example/a.crl"),
        target(Kind::Service, "/log/checkpoint"),
    ];
    aggregator.watch(targets.to_vec()).await;
    for minute in [5, 15, 25] {
        let passed = Timestamp::from_unix((DAY + minute * MINUTE) / 1000).seconds_since(clock.now());
        clock.pass(passed);
        for observation in targets.iter().flat_map(|target| all(target, DAY + minute * MINUTE)) {
            sender.send(observation).await.unwrap();
        }
    }
    aggregator.settle().await;

    let standings = aggregator.standings();
    let readings = crate::metrics::Readings {
        standings: &standings,
        certificates: &[],
        levels: &[],
        incidents: &[],
        internals: Default::default(),
        sources: &Default::default(),
    };
    let mut text = String::new();
    metrics.watch().write(&mut text, &readings);
    let timed = metrics.watch().timed();
    let levels = aggregator.levels();
    assert_eq!(levels.services.len(), 3);
    for ((_, kind), standing) in &levels.services {
        let counts = &standing.rolling;
        let label = format!("kind=\"{kind}\"");
        let probes =
            |result: &str| sum(&text, "ctl_probes_total", &[&label, &format!("result=\"{result}\"")]);
        let (wrong, unanswered) = (probes("wrong"), probes("unanswered"));
        assert_eq!(
            [probes("good"), wrong + unanswered, probes("excused")],
            [counts.good, counts.bad, counts.excused],
            "{kind}"
        );
        assert_eq!(probes("good") + wrong, counts.answered, "{kind}");
        assert_eq!(
            timed[&(targets[0].operator.to_string(), kind.as_str())],
            counts.latency_ms.total(),
            "{kind}"
        );
        assert!(wrong > 0 && unanswered > 0, "{kind}");
        assert_eq!(counts.excused > 0, *kind != Kind::Crl, "{kind}");
        // Of gaps only Prometheus is told what they were.
        for code in Code::ALL {
            let found = sum(&text, "ctl_probe_findings_total", &[&label, &format!("reason=\"{code}\"")]);
            let gaps = found - counts.reasons.get(code.as_str()).copied().unwrap_or_default();
            let expected = match code {
                Code::ProbeMissed | Code::ProbeOverrun | Code::NeverProbed => 6,
                // A warning without an answer.
                _ if code.weight() < Weight::Error && *kind != Kind::Service => 3,
                _ => 0,
            };
            assert_eq!(gaps, expected, "{kind}, {code}");
        }
    }
    drop(sender);
    running.await.unwrap();
}
