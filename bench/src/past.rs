//! What a watch remembers: ninety days of everything that a scheme asks to watch, with days on which something was wrong.
#![expect(clippy::unwrap_used, reason = "a measurement may stop at once")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ctl_governance::State;
use ctl_policy::sla::Counts;
use ctl_watch::Target;
use ctl_watch::changes::Changes;
use ctl_watch::code::Code;
use ctl_watch::config::Config;
use ctl_watch::description::{Description, Watched};
use ctl_watch::hours::{HOUR_MS, hour_of};
use ctl_watch::incident::{Cause, Incident};
use ctl_watch::run::discover_at;
use ctl_watch::store::{Retention, Store};

const DAYS: i64 = 90;
/// Of the hours of a day so many have probes, to be quicker.
const HOURS: i64 = 4;
const PROBES: u64 = 30;
/// What was found on a bad day.
const CODES: [&str; 4] = ["http_status", "next_update_past", "tcp_timeout", "tcp_refused"];

/// Writes the past of a watch into the data folder that its configuration names; gives the number of targets.
pub fn remember(config: &Path, state: &State, now_ms: i64) -> usize {
    let config = Config::read(config).unwrap();
    let plan = ctl_watch::plan::plan(&config.watch, &config.fetch.ports).unwrap();
    let targets = discover_at(state, now_ms, &plan).targets;
    let store = Store::open(&config.data.join("history"), Retention::default()).unwrap();
    let begin = now_ms - DAYS * 24 * HOUR_MS;
    let mut changes = Changes::default();
    for (number, target) in (0..).zip(&targets) {
        let watched = vec![Watched { from_ms: begin, to_ms: None }];
        changes.targets.insert(number, Description { watched, ..Description::new(number, target, begin) });
        changes.last_probes.insert(number, now_ms - 60_000);
    }
    store.write(&changes).unwrap();
    let mut incidents = 0;
    for day in 0..DAYS {
        let mut changes = Changes::default();
        for hour in 0..HOURS {
            let at_ms = begin + (day * 24 + hour * 24 / HOURS) * HOUR_MS;
            let counted = (0..).zip(&targets).map(|(number, _)| (number, counts(number, day, hour)));
            changes.hours.insert(hour_of(at_ms), counted.collect());
        }
        for (number, target) in (0..).zip(&targets).filter(|(number, _)| is_bad(*number, day)) {
            incidents += 1;
            let began_ms = begin + (day * 24 + 6) * HOUR_MS;
            changes.incidents.insert(incidents, incident(incidents, number, target, began_ms));
        }
        store.write(&changes).unwrap();
    }
    targets.len()
}

/// One day in a hundred, and some targets more often.
fn is_bad(number: u32, day: i64) -> bool {
    let dice = (i64::from(number) * 7919 + day * 104_729) % 997;
    dice < 5 || number % 41 == 3 && dice < 80
}

fn code(number: u32) -> &'static str {
    CODES.iter().copied().cycle().nth(number as usize % CODES.len()).unwrap_or_default()
}

fn counts(number: u32, day: i64, hour: i64) -> Counts {
    let bad = if is_bad(number, day) && hour == 1 { PROBES / 2 } else { 0 };
    let mut counts = Counts {
        good: PROBES - bad,
        bad,
        answered: PROBES - bad,
        fresh: PROBES - bad,
        correct: PROBES - bad,
        ..Counts::default()
    };
    if bad > 0 {
        counts.reasons = BTreeMap::from([(code(number).to_owned(), bad)]);
    }
    for probe in 0..counts.answered {
        counts.latency_ms.add(20 + u64::from(number % 60) + probe * 3 + u64::try_from(day).unwrap_or(0));
    }
    counts
}

fn incident(incident: u64, number: u32, target: &Arc<Target>, began_ms: i64) -> Incident {
    let code = Code::from_label(code(number)).unwrap_or(Code::HttpStatus);
    Incident {
        number: incident,
        target: target.id.to_string(),
        kind: target.kind,
        operator: target.operator.clone(),
        url: target.url.clone(),
        cause: Cause::Failures,
        began_ms,
        opened_ms: began_ms + 60_000,
        ended_ms: Some(began_ms + 2 * HOUR_MS),
        unwatched: false,
        breach_ms: number.is_multiple_of(3).then_some(began_ms + HOUR_MS),
        bad_ms: 2 * HOUR_MS,
        failures: PROBES / 2,
        probes: PROBES,
        reasons: BTreeMap::from([(code, PROBES / 2)]),
        evidence: Vec::new(),
    }
}
