use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use ctl_policy::sla::{BUILT_IN, SlaPolicy};

use super::*;
use crate::aggregator::machine::StateMachine;
use crate::changes::Kept;
use crate::code::Code;
use crate::observation::{Facts, Finding, Status};
use crate::sources::Sources;
use crate::target::{Kind, Target};
use crate::testing::target;

const URL: &str = "http://ocsp.alpha.example/";

/// A probe of an OCSP responder that is about to end in some way.
pub(crate) struct Probe(Observation);

impl Probe {
    pub(crate) fn at(at_ms: i64) -> Self {
        Self::of(target("alpha", Kind::Ocsp, URL), at_ms)
    }

    pub(crate) fn of(target: Arc<Target>, at_ms: i64) -> Self {
        Self(Observation {
            target,
            at_ms,
            findings: BTreeSet::new(),
            timings: None,
            facts: Facts::default(),
            evidence: Vec::new(),
        })
    }

    pub(crate) fn good(mut self) -> Observation {
        self.0.timings = Some(Timings {
            dns: Duration::from_millis(1),
            tcp: Duration::from_millis(2),
            tls: None,
            first_byte: Duration::from_millis(30),
            total: Duration::from_millis(40),
        });
        self.0.facts.statuses =
            vec![Status { issuer_spki: [7; 32], serial: Box::new([0x0a]), revoked: true, since: None }];
        self.0.facts.next_update = Some(1_795_000_000);
        self.0
    }

    pub(crate) fn wrong(self, code: Code) -> Observation {
        let mut observation = self.good();
        observation.findings.insert(Finding { code, address: None, detail: String::new() });
        observation
    }

    pub(crate) fn unanswered(mut self, code: Code) -> Observation {
        self.0.findings.insert(Finding { code, address: None, detail: String::new() });
        self.0
    }

    pub(crate) fn silent(self) -> Observation {
        self.0
    }
}

/// The aggregator's machine and the metrics beside it.
struct Scrape {
    watch: WatchMetrics,
    machine: StateMachine,
    watched: BTreeMap<TargetId, Arc<Target>>,
}

impl Scrape {
    fn new() -> Self {
        let policy = Arc::new(SlaPolicy::parse(BUILT_IN).unwrap());
        Self {
            watch: WatchMetrics::new(&mut Registrar::default()).unwrap(),
            machine: StateMachine::new(policy, Kept::default(), 0),
            watched: BTreeMap::new(),
        }
    }

    fn watch(&mut self, targets: impl IntoIterator<Item = Arc<Target>>, at_ms: i64) {
        self.watched = targets.into_iter().map(|target| (target.id, target)).collect();
        let targets: Vec<_> = self.watched.values().cloned().collect();
        self.machine.watch(&targets, at_ms);
    }

    fn saw(&mut self, observation: Observation) {
        let target = &observation.target;
        if !self.watched.contains_key(&target.id) {
            let all: Vec<_> = self.watched.values().chain([target]).cloned().collect();
            self.watch(all, observation.at_ms);
        }
        let taken = self.machine.take(observation).unwrap();
        self.watch.observe(&taken.observation, taken.verdict.as_ref());
    }

    fn text(&self) -> String {
        self.text_with(&[], &[])
    }

    fn text_with(&self, levels: &[ServiceLevel], incidents: &[OpenIncident]) -> String {
        let mut text = String::new();
        let standings = self.machine.standings();
        let readings = Readings {
            standings: &standings,
            certificates: &[],
            levels,
            incidents,
            internals: Internals::default(),
            sources: &Sources::default(),
        };
        self.watch.prune(&standings);
        self.watch.write(&mut text, &readings);
        text
    }
}

/// The values of a metric's series, in the order of the text.
fn values(text: &str, name: &str) -> Vec<String> {
    let series = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    text.lines().filter(series).filter_map(|line| Some(line.rsplit_once(' ')?.1.to_owned())).collect()
}

#[test]
fn no_answer_never_reads_as_a_status() {
    let mut scrape = Scrape::new();
    scrape.saw(Probe::at(30_000).unanswered(Code::TcpTimeout));
    for status in ["ctl_probe_good", "ctl_canary_revoked", "ctl_probe_last_duration_seconds"] {
        assert_eq!(values(&scrape.text(), status), [""; 0], "{status} before any answer");
    }
    scrape.saw(Probe::at(60_000).good());
    assert_eq!(values(&scrape.text(), "ctl_probe_good"), ["1"]);
    assert_eq!(values(&scrape.text(), "ctl_canary_revoked"), ["1"]);
    scrape.saw(Probe::at(90_000).wrong(Code::CanaryGoodNotGood));
    assert_eq!(values(&scrape.text(), "ctl_probe_good"), ["0"]);
    // It was good, it was wrong, and now it does not answer: neither may remain.
    scrape.saw(Probe::at(120_000).unanswered(Code::TcpRefused));
    let text = scrape.text();
    for status in ["ctl_probe_good", "ctl_canary_revoked", "ctl_probe_last_duration_seconds"] {
        assert_eq!(values(&text, status), [""; 0], "{status} without an answer");
    }
    // What the last answer said of itself stays true.
    assert_eq!(values(&text, "ctl_revocation_next_update_timestamp_seconds"), ["1795000000"]);
    assert_eq!(values(&text, "ctl_probe_last_answer_timestamp_seconds"), ["90.000"]);
    assert_eq!(values(&text, "ctl_probe_last_good_timestamp_seconds"), ["60.000"]);
    assert_eq!(values(&text, "ctl_probes_total"), ["1", "1", "2", "0"]);
}

#[test]
fn what_the_last_believed_answer_said_stays_and_its_status_does_not() {
    let mut scrape = Scrape::new();
    scrape.saw(Probe::at(1).good());
    // An answer came that is none to the question: only its frame is known.
    let mut refused = Probe::at(2).wrong(Code::HttpStatus);
    refused.facts = Facts { body_bytes: Some(7), clock_offset: Some(3), ..Facts::default() };
    scrape.saw(refused);
    let text = scrape.text();
    assert_eq!(values(&text, "ctl_revocation_next_update_timestamp_seconds"), ["1795000000"]);
    assert_eq!(values(&text, "ctl_answer_bytes"), ["7"]);
    assert_eq!(values(&text, "ctl_service_clock_offset_seconds"), ["3"]);
    for status in ["ctl_canary_revoked", "ctl_probe_good"] {
        assert_eq!(values(&text, status), [""; 0], "{status}");
    }
    scrape.saw(Probe::at(3).good());
    assert_eq!(values(&scrape.text(), "ctl_answer_bytes"), [""; 0], "of the answer before");
}

#[test]
fn what_a_policy_forgives_is_no_answer_all_the_same() {
    let forgiving = format!(
        "{BUILT_IN}\n[[operator]]\noperator = \"alpha\"\nkind = \"ocsp\"\ntext = \"It may refuse.\"\n\
         source = \"A practice statement\"\nexcused = [\"tcp_refused\", \"nonce_wrong\"]\n"
    );
    let policy = Arc::new(SlaPolicy::parse(&forgiving).unwrap());
    let mut scrape = Scrape { machine: StateMachine::new(policy, Kept::default(), 0), ..Scrape::new() };
    scrape.saw(Probe::at(1).unanswered(Code::TcpRefused));
    assert_eq!(
        values(&scrape.text(), "ctl_probes_total"),
        ["1", "0", "0", "0"],
        "as the service level counts it"
    );
    assert_eq!(values(&scrape.text(), "ctl_probe_good"), [""; 0]);
    scrape.saw(Probe::at(2).wrong(Code::NonceWrong));
    assert_eq!(values(&scrape.text(), "ctl_probe_good"), ["1"]);
}

#[test]
fn a_target_that_was_never_probed_counts_from_nought() {
    let mut scrape = Scrape::new();
    scrape.watch([target("alpha", Kind::Crl, "http://crl.alpha.example/root.crl")], 5_000);
    let text = scrape.text();
    assert_eq!(values(&text, "ctl_probes_total"), ["0", "0", "0", "0"]);
    assert_eq!(values(&text, "ctl_target_watched_timestamp_seconds"), ["5.000"]);
    assert_eq!(values(&text, "ctl_probe_last_timestamp_seconds"), [""; 0]);
    assert_eq!(values(&text, "ctl_targets"), ["1"]);
}

#[test]
fn series_vanish_with_their_target() {
    let mut scrape = Scrape::new();
    scrape.saw(Probe::at(1).wrong(Code::NextUpdatePast));
    scrape.saw(Probe::of(target("beta", Kind::Crl, "http://crl.beta.example/"), 1).good());
    assert_eq!(scrape.watch.durations.collect_count(), 2);
    let beta = scrape.watched.values().filter(|target| target.operator.as_str() == "beta").cloned();
    scrape.watch(beta.collect::<Vec<_>>(), 2);
    let text = scrape.text();
    assert!(!text.contains("alpha"), "{text}");
    assert_eq!(values(&text, "ctl_probes_total"), ["1", "0", "0", "0"]);
    assert_eq!(scrape.watch.durations.collect_count(), 1);
    // Whoever comes back begins anew.
    scrape.saw(Probe::at(2).good());
    assert_eq!(values(&scrape.text(), "ctl_probes_total").iter().filter(|value| *value == "1").count(), 2);
}

trait Count {
    fn collect_count(&self) -> usize;
}

impl Count for HistogramVec {
    fn collect_count(&self) -> usize {
        use prometheus::core::Collector as _;
        self.collect().iter().map(|family| family.get_metric().len()).sum()
    }
}

#[test]
fn a_level_without_probes_has_an_objective_and_no_budget() {
    let scrape = Scrape::new();
    let level = ServiceLevel {
        pki: "alpha".parse().unwrap(),
        kind: Kind::Ocsp,
        objective_ppm: 999_000,
        valid: 0,
        good: 0,
        budget_ppm: None,
    };
    let text = scrape.text_with(std::slice::from_ref(&level), &[]);
    assert_eq!(values(&text, "ctl_sla_objective_ratio"), ["0.999000"]);
    assert_eq!(values(&text, "ctl_sla_error_budget_remaining_ratio"), [""; 0]);
    assert_eq!(values(&text, "ctl_incidents_open"), ["0"]);

    let incident = |since_ms, is_breach| OpenIncident {
        pki: "alpha".parse().unwrap(),
        kind: Kind::Ocsp,
        target: URL.to_owned(),
        since_ms,
        is_breach,
    };
    let overdrawn = ServiceLevel { valid: 10, good: 8, budget_ppm: Some(-500_000), ..level };
    let text = scrape.text_with(&[overdrawn], &[incident(9_000, true), incident(4_000, false)]);
    assert_eq!(values(&text, "ctl_sla_error_budget_remaining_ratio"), ["-0.500000"]);
    assert_eq!(values(&text, "ctl_incidents_open"), ["2"]);
    assert_eq!(values(&text, "ctl_breaches_open"), ["1"]);
    // Two incidents of one target are one series, of the older: twice the same series spoils a scrape.
    assert_eq!(values(&text, "ctl_incident_started_timestamp_seconds"), ["4.000"]);
}

#[test]
fn a_watch_that_says_nothing_does_not_read_as_one_whose_claims_are_recorded() {
    let text = |internals| {
        let mut text = String::new();
        levels::write_internals(&mut family::Page(&mut text), &internals);
        text
    };
    let silent = text(Internals::default());
    assert_eq!(values(&silent, "ctl_watch_following"), ["0"], "before the first look");
    assert_eq!(values(&silent, "ctl_watch_unrecorded"), [""; 0]);
    let good = text(Internals { following: true, unrecorded: Some(false), ..Internals::default() });
    assert_eq!(values(&good, "ctl_watch_following"), ["1"]);
    assert_eq!(values(&good, "ctl_watch_unrecorded"), ["0"]);
    let failed = text(Internals { following: true, unrecorded: Some(true), ..Internals::default() });
    assert_eq!(values(&failed, "ctl_watch_unrecorded"), ["1"]);
}

#[test]
fn an_answer_cannot_flood_the_scrape_with_canaries() {
    let mut scrape = Scrape::new();
    let mut observation = Probe::at(1).good();
    observation.facts.statuses = (0..10_000_u32)
        .map(|n| Status {
            issuer_spki: [7; 32],
            serial: Box::new(n.to_be_bytes()),
            revoked: false,
            since: None,
        })
        .collect();
    let again = observation.facts.statuses.first().cloned();
    observation.facts.statuses.extend(again);
    scrape.saw(observation);
    assert_eq!(values(&scrape.text(), "ctl_canary_revoked").len(), 16);
}

#[test]
fn ten_thousand_targets() {
    let mut scrape = Scrape::new();
    let targets = (0..10_000).map(|number| {
        let pki = format!("pki-{}", number % 100);
        let kind = if number % 2 == 0 { Kind::Ocsp } else { Kind::Crl };
        target(&pki, kind, &format!("http://revocation-{number}.pki-{}.example/path", number % 100))
    });
    scrape.watch(targets, 1_795_000_000_000);
    for target in scrape.watched.clone().into_values() {
        scrape.saw(Probe::of(target, 1_795_000_000_000).wrong(Code::CacheControlMissing));
    }
    let began = Instant::now();
    let text = scrape.text();
    let took = began.elapsed();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    println!("{} series, {} bytes, {took:?}", samples, text.len());
    assert!(samples < 20 * 10_000, "{samples} series");
    assert!(text.len() < 25_000_000, "{} bytes", text.len());
}
