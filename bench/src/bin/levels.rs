//! Service levels over thirty days: what it takes to keep an hour of so many services, to add up all hours of the
//! rolling window, as the monitor does when an hour begins, and to begin again after a stop.
//!
//! `cargo run --release -p ctl-bench --bin levels -- [SERVICES]`
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ctl_bench::process::peak_memory;
use ctl_policy::sla::{BUILT_IN, Counts, Kind, SlaPolicy};
use ctl_watch::keeper::work;
use ctl_watch::levels::{Closed, HOUR_MS, ROLLING_HOURS, begin_of};
use ctl_watch::store::{Description, Keep, Outcome, Record, Store, Watched};

/// 2026-11-21T00:00:00Z in hours.
const NOW: u32 = 498_672;
/// Probes of one service in an hour.
const PROBES: u64 = 120;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let services: u32 = std::env::args().nth(1).map_or(Ok(10_000), |word| word.parse())?;
    let directory = tempfile::tempdir()?;
    // Room for everything, so that nothing is removed meanwhile.
    let store = Store::open(directory.path(), Keep { max_bytes: u64::MAX, ..Keep::default() })?;
    let targets = (0..services).map(describe).collect::<Result<Vec<_>, _>>()?;
    store.put_targets(&targets)?;
    let targets: BTreeMap<u32, Description> = targets.into_iter().map(|one| (one.number, one)).collect();

    // The raw observations of the last six hours are counted again at a start.
    let minutes = NOW * 60 - 360..NOW * 60;
    let of_minute = |minute: u32| -> Vec<Record> {
        (0..services)
            .flat_map(|number| [0, 30_000].map(|at| record(number, i64::from(minute) * 60_000 + at)))
            .collect()
    };
    minutes.clone().try_for_each(|minute| store.put_raw(minute, &of_minute(minute)))?;
    let before = peak_memory()?;
    let policy = Arc::new(SlaPolicy::parse(BUILT_IN)?);
    let (begun, _) = time(|| work::desk(&store, policy.clone(), begin_of(NOW)))?;
    let memory = peak_memory()?.saturating_sub(before) / 1024;

    let counted: BTreeMap<u32, Counts> = (0..services).map(|number| (number, counts())).collect();
    let first = NOW - ROLLING_HOURS;
    let (kept, ()) = time(|| (first..NOW).try_for_each(|hour| store.close_hour(hour, &counted)))?;
    let (added, closed) = time(|| Closed::add_up(&store, &targets, NOW, NOW))?;
    let running = [(NOW, counted)].into();
    let (shown, levels) = time(|| closed.with_running(&store, &targets, &running, begin_of(NOW) + HOUR_MS))?;

    println!(
        "{services} services of {} operators, {PROBES} probes an hour; {} MiB on the disk",
        levels.len(),
        store.bytes_on_disk() >> 20
    );
    println!(
        "| an hour kept | 30 days added up, once an hour | shown with the running hour | a start with six hours of probes | its memory |"
    );
    println!("|---|---|---|---|---|");
    println!(
        "| {:.0} ms | {:.2} s | {:.2} s | {:.2} s | {} MiB |",
        kept.as_secs_f64() * 1000.0 / f64::from(ROLLING_HOURS),
        added.as_secs_f64(),
        shown.as_secs_f64(),
        begun.as_secs_f64(),
        memory
    );
    Ok(())
}

fn time<T, E>(what: impl FnOnce() -> Result<T, E>) -> Result<(Duration, T), E> {
    let begin = Instant::now();
    what().map(|done| (begin.elapsed(), done))
}

fn describe(number: u32) -> Result<Description, Box<dyn Error + Send + Sync>> {
    Ok(Description {
        number,
        kind: Kind::Ocsp,
        operator: format!("pki-{}", number % 40).parse()?,
        url: format!("http://{number}.example/"),
        period_ms: 30_000,
        watched: vec![Watched { from_ms: 0, to_ms: None }],
    })
}

/// An hour with a failure in it.
fn counts() -> Counts {
    let (good, answered) = (PROBES - 2, PROBES - 1);
    let mut counts =
        Counts { good, bad: 2, answered, fresh: answered, correct: answered, ..Counts::default() };
    (0..answered).for_each(|latency| counts.latency_ms.add(latency));
    counts.reasons.insert("tcp_timeout".into(), 1);
    counts
}

const fn record(number: u32, at_ms: i64) -> Record {
    Record {
        number,
        at_ms,
        outcome: Outcome::Good,
        answered: true,
        fresh: true,
        correct: true,
        duration_ms: Some(80),
        codes: Vec::new(),
    }
}
