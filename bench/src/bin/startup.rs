//! A server with a long ledger: how long it takes until it is open, with and without the snapshot of the state, what it
//! holds in memory, and how many statements it records a second. The ledger is made once and kept in the folder.
//!
//! Peers, in the same run: reading every entry of the same sled tree, for the start; appending the same bytes to a plain
//! file with an fsync for each 64 of them, as many as the writer flushes together, for the writes.
//!
//! `cargo run --profile bench -p ctl-bench --bin startup -- FOLDER [ENTRIES]`
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement may stop at once")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ctl_bench::scheme::{Scheme, server_keys};
use ctl_core::Timestamp;
use ctl_governance::statement::{Entry, Statement};
use ctl_host::clock::{ClockBounds, GuardedClock, ManualClock};
use ctl_server::ledger::{Head, Ledger, Setup, SledStore, Store as _, Verification};

/// Statements that are recorded to measure writes, and how many wait at a time.
const WRITES: usize = 20_000;
const WAITING: usize = 256;
/// How many entries are put into the store at a time; the writer flushes as many together.
const CHUNK: usize = 10_000;
const FLUSHED: usize = 64;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder: PathBuf = arguments.next().unwrap().into();
    match arguments.next().as_deref() {
        // The measurement of one start is a process of its own, so that its memory is what one server has.
        Some("open") => return open(&folder),
        entries => make(&folder, entries.map_or(1_000_000, |entries| entries.parse().unwrap())),
    }
    let read = read_all(&folder);
    let snapshot = folder.join("state.snapshot");
    let without = if snapshot.exists() { None } else { Some(start(&folder)) };
    let with = start(&folder);
    println!("\n| start | until it is open | ratio | resident then | peak | verified after |");
    println!("|---|---|---|---|---|---|");
    println!("| reading the entries from sled | {:.2} s | 1.00 | | | |", read.as_secs_f64());
    for (name, row) in [("without a snapshot", without), ("with it", Some(with))] {
        if let Some(Row { open, verified, resident, peak }) = row {
            let ratio = open / read.as_secs_f64();
            println!("| {name} | {open:.2} s | {ratio:.2} | {resident} MiB | {peak} MiB | {verified:.1} s |");
        }
    }
    println!("\nsnapshot: {} MB", fs::metadata(&snapshot).unwrap().len() / 1_000_000);
    write(&folder);
}

fn now() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

/// Fills the store, unless it is there.
fn make(folder: &Path, entries: usize) {
    if folder.join("checkpoint").exists() {
        return;
    }
    let start = Instant::now();
    let store = SledStore::open(&folder.join("ledger")).unwrap();
    let mut scheme = Scheme::found(now());
    let mut said = 0;
    while said < entries {
        let more = CHUNK.min(entries - said);
        scheme.chatter_from(said, more);
        said += more;
        let bytes: Vec<Vec<u8>> = scheme.entries.drain(..).map(|entry| entry.bytes).collect();
        let checkpoint = (said == entries).then(|| scheme.checkpoint());
        store.append(store.size(), &bytes, checkpoint.as_ref().map(String::as_bytes)).unwrap();
    }
    Head::below(folder).write(scheme.checkpoint().as_bytes()).unwrap();
    println!("{} entries made in {:.0} s", store.size(), start.elapsed().as_secs_f64());
}

/// The peer of a start.
fn read_all(folder: &Path) -> Duration {
    let store = SledStore::open(&folder.join("ledger")).unwrap();
    let start = Instant::now();
    let bytes: usize = (0..store.size()).map(|index| store.entry(index).unwrap().unwrap().len()).sum();
    let took = start.elapsed();
    println!("{} entries, {:.1} MB", store.size(), bytes as f64 / 1e6);
    took
}

fn ledger(folder: &Path) -> Ledger {
    let clock = ManualClock::at(now());
    Ledger::open(Setup {
        store: Arc::new(SledStore::open(&folder.join("ledger")).unwrap()),
        keys: Arc::new(server_keys()),
        clock: Arc::new(GuardedClock::new(Arc::new(clock), ClockBounds::default())),
        head: Some(Head::below(folder)),
        queue: WAITING,
    })
    .unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// MiB by a line of /proc/self/status.
fn memory(line: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let found = text.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    found.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// One start, in a process of its own.
fn open(folder: &Path) {
    let start = Instant::now();
    let ledger = ledger(folder);
    let open = start.elapsed().as_secs_f64();
    let resident = memory("VmRSS:");
    while ledger.verification() != Verification::Whole {
        assert!(matches!(ledger.verification(), Verification::Running { .. }));
        std::thread::sleep(Duration::from_millis(20));
    }
    let verified = start.elapsed().as_secs_f64();
    println!("{open} {verified} {resident} {}", memory("VmHWM:"));
    // Writes the snapshot.
    runtime().block_on(ledger.close());
}

struct Row {
    open: f64,
    verified: f64,
    resident: u64,
    peak: u64,
}

fn start(folder: &Path) -> Row {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).arg(folder).arg("open").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    Row { open: numbers[0], verified: numbers[1], resident: numbers[2] as u64, peak: numbers[3] as u64 }
}

/// Statements recorded a second, through the ledger's writer, and the same bytes appended to a plain file.
fn write(folder: &Path) {
    // The statements are signed before: that is their authors' work. They go to a copy of the scheme, so that the
    // ledger can be measured again.
    let copy = tempfile::tempdir_in(folder).unwrap();
    let mut scheme = Scheme::found(now());
    let founded = [scheme.entries[0].bytes.clone()];
    let checkpoint = scheme.checkpoint();
    let store = SledStore::open(&copy.path().join("ledger")).unwrap();
    store.append(0, &founded, Some(checkpoint.as_bytes())).unwrap();
    drop(store);
    Head::below(copy.path()).write(checkpoint.as_bytes()).unwrap();
    scheme.chatter(WRITES);
    let said: Vec<Entry> = scheme.entries.drain(1..).collect();

    let mut file = fs::File::create(copy.path().join("plain")).unwrap();
    let begun = Instant::now();
    for entries in said.chunks(FLUSHED) {
        for entry in entries {
            file.write_all(&entry.bytes).unwrap();
        }
        file.sync_all().unwrap();
    }
    let plain = WRITES as f64 / begun.elapsed().as_secs_f64();

    let ledger = ledger(copy.path());
    let statements: Vec<Statement> = said.into_iter().map(|entry| entry.statement).collect();
    let begun = Instant::now();
    runtime().block_on(async {
        for together in statements.chunks(WAITING) {
            // On this runtime tasks begin in the order in which they were made: each statement stands on those before.
            let record = |statement: &Statement| {
                let (ledger, statement) = (ledger.clone(), statement.clone());
                tokio::spawn(async move { ledger.record(statement).await })
            };
            let waiting: Vec<_> = together.iter().map(record).collect();
            for recorded in waiting {
                recorded.await.unwrap().unwrap();
            }
        }
    });
    let recorded = WRITES as f64 / begun.elapsed().as_secs_f64();
    println!("\n| statements recorded /s | the same bytes appended with fsync /s | ratio |");
    println!("|---|---|---|");
    println!("| {recorded:.0} | {plain:.0} | {:.2} |", recorded / plain);
}
