//! What the store must keep, what it may lose, and how large it may become.

use std::time::SystemTime;

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::Kind;

use super::*;
use crate::code::Code;
use crate::target::TargetId;

/// 2026-11-21T00:00:00Z in hours.
const HOUR: u32 = 498_672;
const MINUTE: u32 = HOUR * 60;

fn record(number: u32, at_ms: i64) -> Record {
    Record {
        number,
        at_ms,
        outcome: Outcome::Good,
        answered: true,
        fresh: true,
        correct: true,
        duration_ms: Some(u64::from(number.wrapping_mul(7919) % 150)),
        codes: Vec::new(),
    }
}

fn raw(store: &Store, from: u32, to: u32) -> Vec<Record> {
    let mut found = Vec::new();
    store.raw(from, to, |record| found.push(record)).unwrap();
    found
}

fn alpha() -> ParticipantId {
    "alpha-pki".parse().unwrap()
}

fn open(directory: &Path) -> Store {
    Store::open(directory, Keep::default()).unwrap()
}

#[test]
fn what_was_kept_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let minute_ms = i64::from(MINUTE) * 60_000;
    let (first, second) = (record(1, minute_ms + 5), record(2, minute_ms + 7));
    let counts = Counts { good: 120, reasons: [("slow".to_owned(), 1)].into(), ..Counts::default() };
    let digest = {
        let store = open(directory.path());
        store.put_raw(MINUTE, std::slice::from_ref(&first)).unwrap();
        store.put_raw(MINUTE, std::slice::from_ref(&second)).unwrap();
        store.close_hour(HOUR, &[(1, counts.clone()), (700, counts.clone())].into()).unwrap();
        store.put_memory(TargetId([7; 8]), b"what was seen").unwrap();
        store.put_evidence(&alpha(), b"the answer").unwrap()
    };
    let store = open(directory.path());
    assert_eq!(raw(&store, MINUTE, MINUTE), [first, second]);
    assert!(raw(&store, MINUTE + 1, MINUTE + 9).is_empty());
    assert_eq!(store.last_closed(u32::MAX).unwrap(), Some(HOUR));
    let mut found = Vec::new();
    store
        .hours(&[1, 700, 5].into(), HOUR - 1, HOUR + 1, |number, hour, c| found.push((number, hour, c)))
        .unwrap();
    assert_eq!(found, [(1, HOUR, counts.clone()), (700, HOUR, counts)]);
    store.hours(&[1].into(), HOUR + 1, HOUR + 9, |_, _, _| panic!("not in these hours")).unwrap();
    assert_eq!(store.memory(TargetId([7; 8])).unwrap().unwrap(), b"what was seen");
    assert_eq!(store.evidence(&digest).unwrap().unwrap(), b"the answer");
    assert_eq!(store.evidence(&Digest::of(b"another")).unwrap(), None);
}

#[test]
fn evidence_that_changed_on_the_disk_is_not_evidence() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let digest = store.put_evidence(&alpha(), b"the answer").unwrap();
    std::fs::write(directory.path().join("evidence/alpha-pki").join(digest.to_string()), b"a nicer answer")
        .unwrap();
    assert!(matches!(store.evidence(&digest), Err(StoreError::Damaged(_))));
}

#[test]
fn a_damaged_store_is_put_aside_and_a_new_one_begun() {
    let directory = tempfile::tempdir().unwrap();
    {
        let store = open(directory.path());
        store.put_raw(MINUTE, &[record(1, 0)]).unwrap();
        store.close_hour(HOUR, &[(1, Counts::default())].into()).unwrap();
    }
    for part in
        ["state", &format!("hours/{:08}", HOUR / ROLLUP_HOURS), &format!("raw/{:08}", MINUTE / RAW_MINUTES)]
    {
        for file in ["db", "conf"] {
            let place = directory.path().join(part).join(file);
            let length = std::fs::metadata(&place).unwrap().len();
            std::fs::write(&place, vec![0x5a; usize::try_from(length.min(4096)).unwrap()]).unwrap();
        }
    }
    let store = open(directory.path());
    assert_eq!(store.last_closed(u32::MAX).unwrap(), None);
    store.put_raw(MINUTE, &[record(1, 0)]).unwrap();
    store.close_hour(HOUR, &BTreeMap::new()).unwrap();
    assert_eq!(store.last_closed(u32::MAX).unwrap(), Some(HOUR));
    let aside = std::fs::read_dir(directory.path()).unwrap().flatten();
    assert!(aside.filter(|entry| entry.file_name().to_string_lossy().contains("damaged")).count() >= 1);
}

#[test]
fn one_damaged_stretch_of_time_costs_that_stretch_only() {
    let directory = tempfile::tempdir().unwrap();
    let later = MINUTE + RAW_MINUTES;
    {
        let store = open(directory.path());
        store.put_raw(MINUTE, &[record(1, 1)]).unwrap();
        store.put_raw(later, &[record(2, 2)]).unwrap();
    }
    let place = directory.path().join(format!("raw/{:08}", MINUTE / RAW_MINUTES)).join("conf");
    std::fs::write(place, b"segment_size: nonsense").unwrap();
    let store = open(directory.path());
    let numbers: Vec<u32> = raw(&store, MINUTE, later).iter().map(|record| record.number).collect();
    assert_eq!(numbers, [2]);
}

#[test]
fn a_week_of_probes_stays_inside_its_bound_on_the_disk() {
    const TARGETS: u32 = 200;
    const MAX: u64 = 24 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let keep = Keep { raw: Duration::from_secs(3 * 86_400), max_bytes: MAX, ..Keep::default() };
    let store = Store::open(directory.path(), keep).unwrap();
    let mut largest = 0;
    for hour in HOUR..HOUR + 7 * 24 {
        // Ten minutes' probes at a time, which is the same to the store as ten minutes, and quicker to write.
        for part in 0..6 {
            let minute = hour * 60 + part * 10;
            let base = i64::from(minute) * 60_000;
            let records = (0..TARGETS * 20)
                .map(|n| record(n / 20, base + i64::from(n.wrapping_mul(104_729) % 600_000)));
            let mut records: Vec<Record> = records.collect();
            records.iter_mut().step_by(97).for_each(|record| {
                (record.outcome, record.codes) = (Outcome::Bad, vec![Code::TcpTimeout, Code::Slow]);
            });
            store.put_raw(minute, &records).unwrap();
        }
        let counted = (0..TARGETS).map(|number| {
            let mut counts =
                Counts { good: 118, bad: 2, answered: 119, fresh: 119, correct: 119, ..Counts::default() };
            (0..120).for_each(|n| counts.latency_ms.add(u64::from((number + n) % 40)));
            (number, counts)
        });
        store.close_hour(hour, &counted.collect()).unwrap();
        store.put_evidence(&alpha(), &hour.to_be_bytes().repeat(5000)).unwrap();
        store.tidy((i64::from(hour) + 1) * 3_600_000, true).unwrap();
        largest = largest.max(store.bytes_on_disk());
    }
    assert!(largest <= MAX, "{largest} octets at most");
    let hours = (HOUR..HOUR + 7 * 24).filter(|hour| {
        let mut found = false;
        store.hours(&[0].into(), *hour, *hour + 1, |_, _, _| found = true).unwrap();
        found
    });
    assert_eq!(hours.count(), 7 * 24, "every hour's roll-up is still there");
    let last = (HOUR + 7 * 24 - 1) * 60;
    assert!(!raw(&store, last, last + 59).is_empty(), "and the last hour's probes");
    assert!(raw(&store, MINUTE, MINUTE + 59).is_empty(), "but not those of a week ago");
}

#[test]
fn a_store_without_room_keeps_its_hours_and_stays_inside_its_bound() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), Keep { max_bytes: 100, ..Keep::default() }).unwrap();
    let now_ms = i64::from(HOUR) * 3_600_000;
    store.put_raw(MINUTE, &[record(1, now_ms)]).unwrap();
    store.tidy(now_ms, true).unwrap();
    let before = store.bytes_on_disk();
    (0..200).for_each(|n| store.put_raw(MINUTE + n, &[record(n, now_ms)]).unwrap());
    assert_eq!(store.bytes_on_disk(), before, "nothing more is written");
    store.close_hour(HOUR, &[(1, Counts::default())].into()).unwrap();
    assert_eq!(store.last_closed(u32::MAX).unwrap(), Some(HOUR), "but hours are");
}

#[test]
fn what_was_due_is_what_was_watched() {
    let watched =
        vec![Watched { from_ms: 0, to_ms: Some(3_600_000) }, Watched { from_ms: 7_200_000, to_ms: None }];
    let description = Description {
        number: 1,
        kind: Kind::Ocsp,
        operator: alpha(),
        url: "http://ocsp.example/".into(),
        period_ms: 30_000,
        watched,
    };
    assert_eq!(description.due(0, 3_600_000), 120);
    assert_eq!(description.due(3_600_000, 7_200_000), 0, "nobody was to watch");
    assert_eq!(description.due(0, 10_800_000), 240);
}

#[test]
fn while_the_time_is_not_sure_nothing_goes_for_its_age() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let (now_ms, year) = (i64::from(HOUR) * 3_600_000, 365 * 86_400_000_i64);
    store.put_raw(MINUTE, &[record(1, now_ms)]).unwrap();
    store.close_hour(HOUR, &[(1, Counts::default())].into()).unwrap();
    let digest = store.put_evidence(&alpha(), b"the answer").unwrap();
    store.tidy(now_ms, true).unwrap();
    assert_eq!(store.settled_ms().unwrap(), Some(now_ms));
    store.tidy(now_ms + 10 * year, false).unwrap();
    assert_eq!(store.settled_ms().unwrap(), Some(now_ms), "a start under this clock is to be wary");
    assert_eq!(raw(&store, MINUTE, MINUTE).len(), 1);
    assert_eq!(store.last_closed(u32::MAX).unwrap(), Some(HOUR));
    assert!(store.evidence(&digest).unwrap().is_some());
    store.tidy(now_ms + 10 * year, true).unwrap();
    assert!(raw(&store, MINUTE, MINUTE).is_empty() && store.last_closed(u32::MAX).unwrap().is_none());
}

#[test]
fn one_operators_evidence_pushes_out_its_own_and_nobody_elses() {
    let directory = tempfile::tempdir().unwrap();
    let max_bytes = 4 * 1024 * 1024;
    let store = Store::open(directory.path(), Keep { max_bytes, ..Keep::default() }).unwrap();
    let theirs = store.put_evidence(&alpha(), &[7; 2000]).unwrap();
    let mallory: ParticipantId = "mallory-pki".parse().unwrap();
    let place = |digest: &Digest| directory.path().join("evidence/mallory-pki").join(digest.to_string());
    let mut all = Vec::new();
    // Ever new failures, all of a minute, before anyone tidies.
    for n in 0..400_u64 {
        let digest = store.put_evidence(&mallory, &n.to_be_bytes().repeat(500)).unwrap();
        // One after the other, however coarse the clock of the file system is.
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_219_200 + n);
        std::fs::File::options().write(true).open(place(&digest)).unwrap().set_modified(at).unwrap();
        all.push(digest);
    }
    let is_there = |digest: &&Digest| store.evidence(digest).unwrap().is_some();
    assert!(is_there(&&theirs));
    let kept: Vec<&Digest> = all.iter().filter(is_there).collect();
    let share = max_bytes / 20;
    assert!((share / 10 * 8..=share).contains(&(kept.len() as u64 * 4000)), "{}", kept.len());
    assert_eq!(kept, all.iter().rev().take(kept.len()).rev().collect::<Vec<_>>(), "the newest");
    // The same after a restart, and by what an earlier release had left.
    drop(store);
    std::fs::rename(
        place(all.last().unwrap()),
        directory.path().join("evidence").join(all.last().unwrap().to_string()),
    )
    .unwrap();
    let store = open(directory.path());
    assert!(store.evidence(all.last().unwrap()).unwrap().is_some());
    assert!(store.evidence(&theirs).unwrap().is_some());
}
