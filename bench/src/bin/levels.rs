//! Service levels over thirty days: what it takes to keep an hour of a number of services, to add up all hours of the
//! rolling window, as the watch does when an hour begins, and to begin again after a stop.
//!
//! `cargo run --profile bench -p ctl-bench --bin levels -- [SERVICES]`
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ctl_bench::process::peak_memory;
use ctl_policy::sla::{BUILT_IN, Counts, Kind, SlaPolicy};
use ctl_watch::aggregator::recall;
use ctl_watch::changes::Changes;
use ctl_watch::description::{Description, Watched};
use ctl_watch::hours::{HOUR_MS, ROLLING_HOURS, begin_of};
use ctl_watch::incident::SLOT_MS;
use ctl_watch::levels::Closed;
use ctl_watch::store::{Retention, Store};

/// 2026-11-21T00:00:00Z in hours.
const NOW: u32 = 498_672;
/// Probes of one service in an hour.
const PROBES: u64 = 120;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let services: u32 = std::env::args().nth(1).map_or(Ok(10_000), |word| word.parse())?;
    let directory = tempfile::tempdir()?;
    // Room for everything, so that nothing is removed meanwhile.
    let store = Store::open(directory.path(), Retention { max_bytes: u64::MAX, ..Retention::default() })?;
    let targets = (0..services).map(describe).collect::<Result<Vec<_>, _>>()?;
    let targets: BTreeMap<u32, Description> = targets.into_iter().map(|one| (one.number, one)).collect();
    store.write(&Changes { targets: targets.clone(), ..Changes::default() })?;

    // What was observed in the last six hours is read at a start.
    let first = begin_of(NOW - 6) / SLOT_MS;
    for slot in first..first + 72 {
        let recent = (0..services).map(|number| ((slot, number), (0, 10))).collect();
        store.write(&Changes { recent, ..Changes::default() })?;
    }
    let before = peak_memory()?;
    let policy = Arc::new(SlaPolicy::parse(BUILT_IN)?);
    let (begun, _) = time(|| recall(&store, policy.clone(), begin_of(NOW)))?;
    let memory = peak_memory()?.saturating_sub(before) / 1024;

    let counted: BTreeMap<u32, Counts> = (0..services).map(|number| (number, counts())).collect();
    let hour = |hour: u32| Changes { hours: [(hour, counted.clone())].into(), ..Changes::default() };
    let (kept, ()) = time(|| (NOW - ROLLING_HOURS..NOW).try_for_each(|one| store.write(&hour(one))))?;
    let (added, closed) = time(|| Closed::add_up(&store, &targets, NOW, NOW))?;
    store.write(&hour(NOW))?;
    let (shown, levels) = time(|| closed.up_to_now(&store, &targets, begin_of(NOW) + HOUR_MS))?;

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
        promised: Some(true),
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
