//! What the history must keep, what it may lose, and how large it may become.

use std::collections::BTreeMap;

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::{Counts, Kind};

use super::*;
use crate::description::Watched;
use crate::hours::{begin_of, hour_of};
use crate::incident::{Incident, Wanted};
use crate::target::TargetId;
use crate::testing;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// 2026-11-21T00:00:00Z in hours.
const HOUR: u32 = 498_672;
const NOW: i64 = HOUR as i64 * HOUR_MS;

fn alpha() -> ParticipantId {
    "alpha-pki".parse().unwrap()
}

fn open(directory: &Path) -> Store {
    Store::open(directory, Retention::default()).unwrap()
}

pub(crate) fn description(number: u32) -> Description {
    Description {
        number,
        kind: Kind::Ocsp,
        operator: alpha(),
        url: format!("http://ocsp-{number}.example/"),
        period_ms: 30_000,
        watched: vec![Watched { from_ms: 0, to_ms: None }],
        promised: Some(true),
    }
}

/// Changes with these counts of targets in an hour.
fn hour(hour: u32, counted: impl IntoIterator<Item = (u32, Counts)>) -> Changes {
    let counted: BTreeMap<u32, Counts> = counted.into_iter().collect();
    let targets = counted.keys().map(|number| (*number, description(*number))).collect();
    Changes { targets, hours: [(hour, counted)].into(), ..Changes::default() }
}

fn good(good: u64) -> Counts {
    let mut counts = Counts { good, answered: good, ..Counts::default() };
    (0..good).for_each(|n| counts.latency_ms.add(n % 40));
    counts
}

fn put_incidents(store: &Store, incidents: impl IntoIterator<Item = Incident>) {
    let incidents = incidents.into_iter().map(|one| (one.number, one)).collect();
    store.write(&Changes { incidents, ..Changes::default() }).unwrap();
}

fn read(store: &Store, numbers: &[u32], from: u32, to: u32) -> Vec<(u32, u32, Counts)> {
    let mut found = Vec::new();
    let each = |number, hour, counts| found.push((number, hour, counts));
    store.hours(&numbers.iter().copied().collect(), from, to, each).unwrap();
    found
}

fn numbers(store: &Store, wanted: &Wanted, limit: usize) -> Vec<u64> {
    let mut found = Vec::new();
    let each = |row: Row| {
        found.extend(row.read().map(|incident| incident.number));
        found.len() < limit
    };
    store.incidents(wanted, each).unwrap();
    found
}

fn incident(number: u64, operator: &str, began_ms: i64, is_breach: bool) -> Incident {
    testing::incident(number, operator, began_ms + 600_000, is_breach)
}

/// Opens the database beside the store.
fn beside(directory: &Path) -> Connection {
    Connection::open(directory.join(FILE)).unwrap()
}

#[test]
fn what_was_kept_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let counts = Counts { reasons: [("slow".to_owned(), 1)].into(), ..good(120) };
    let digest = {
        let store = open(directory.path());
        let changes = Changes {
            last_probes: [(1, NOW + 5)].into(),
            recent: [((7, 1), (1, 10))].into(),
            incidents: [(3, incident(3, "alpha-pki", NOW, true))].into(),
            ..hour(HOUR, [(1, counts.clone()), (700, counts.clone())])
        };
        store.write(&changes).unwrap();
        store.put_memory(TargetId([7; 8]), NOW, b"what was seen").unwrap();
        store.put_evidence(&alpha(), NOW, b"the answer").unwrap()
    };
    let store = open(directory.path());
    let found = read(&store, &[1, 700, 5], HOUR - 1, HOUR + 1);
    assert_eq!(found, [(1, HOUR, counts.clone()), (700, HOUR, counts)]);
    assert!(read(&store, &[1], HOUR + 1, HOUR + 9).is_empty());
    assert!(read(&store, &[1], HOUR - 9, HOUR).is_empty());
    assert_eq!(store.memory(TargetId([7; 8])).unwrap().unwrap(), b"what was seen");
    assert_eq!(store.evidence(&digest).unwrap().unwrap(), b"the answer");
    assert_eq!(store.evidence(&Digest::of(b"another")).unwrap(), None);
    let kept = store.kept(7, 10, 0).unwrap();
    assert_eq!((kept.targets, kept.next_target), (vec![description(1), description(700)], 701));
    assert_eq!((kept.last_probes, kept.recent), ([(1, NOW + 5)].into(), vec![(7, 1, (1, 10))]));
    assert_eq!((kept.incidents.len(), kept.next_incident), (1, 4));
    assert!(store.kept(8, 10, 0).unwrap().recent.is_empty());
    assert!(matches!(Store::open(directory.path(), Retention::default()), Err(StoreError::Locked)));
}

#[test]
fn counts_of_an_hour_add_up_whenever_they_come_and_however_many_targets_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let slow = Counts { bad: 1, reasons: [("slow".to_owned(), 1)].into(), ..Counts::default() };
    for counts in [good(100), slow.clone(), good(19)] {
        store.write(&hour(HOUR + 100, (0..300).map(|number| (number, counts.clone())))).unwrap();
        store.write(&hour(HOUR, [(0, counts)])).unwrap();
    }
    let mut sum = good(100);
    sum.merge(&slow);
    sum.merge(&good(19));
    let few = read(&store, &[0, 299], 0, u32::MAX);
    assert_eq!(few, [(0, HOUR, sum.clone()), (0, HOUR + 100, sum.clone()), (299, HOUR + 100, sum)]);
    let all = read(&store, &(0..300).collect::<Vec<_>>(), 0, u32::MAX);
    assert_eq!(all.len(), 301);
    assert!(few.iter().all(|one| all.contains(one)));
}

#[test]
fn what_could_not_be_written_is_added_to_what_came_since() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    store.refuse(true);
    let mut failed = hour(HOUR, [(1, good(10))]);
    failed.last_probes = [(1, 5), (2, 5)].into();
    failed.recent = [((7, 1), (1, 10))].into();
    assert!(matches!(store.write(&failed), Err(StoreError::Database(_))));
    store.refuse(false);
    let mut changes = hour(HOUR, [(1, good(20)), (2, good(1))]);
    changes.last_probes = [(1, 9)].into();
    changes.recent = [((7, 1), (2, 5))].into();
    changes.put_back(failed);
    store.write(&changes).unwrap();
    let mut sum = good(20);
    sum.merge(&good(10));
    assert_eq!(read(&store, &[1], HOUR, HOUR + 1), [(1, HOUR, sum)]);
    let kept = store.kept(0, 0, 0).unwrap();
    assert_eq!((kept.last_probes, kept.recent), ([(1, 9), (2, 5)].into(), vec![(7, 1, (3, 15))]));
}

#[test]
fn a_damaged_database_is_moved_away_and_a_new_one_begun() {
    let directory = tempfile::tempdir().unwrap();
    {
        let store = open(directory.path());
        store.write(&hour(HOUR, [(1, good(1))])).unwrap();
        assert!(store.damaged().is_empty());
    }
    let file = directory.path().join(FILE);
    std::fs::write(&file, vec![0x5a; 8192]).unwrap();
    let store = open(directory.path());
    assert_eq!((store.damaged().len(), store.replaced()), (1, 0));
    assert!(read(&store, &[1], 0, u32::MAX).is_empty());
    store.write(&hour(HOUR, [(1, good(1))])).unwrap();
    drop(store);
    // Of another release: nobody touches it.
    beside(directory.path()).pragma_update(None, "user_version", 99).unwrap();
    let refused = Store::open(directory.path(), Retention::default()).unwrap_err().to_string();
    assert!(refused.contains("format 99") && refused.contains("watch.db"), "{refused}");
}

#[test]
fn damage_that_is_found_at_work_costs_what_was_there_and_not_what_comes() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    (0..200).for_each(|n| store.write(&hour(HOUR + n, (0..20).map(|number| (number, good(1))))).unwrap());
    store.tidy(NOW, true).unwrap();
    store.connection().execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA cache_size = 0").unwrap();
    let mut bytes = std::fs::read(directory.path().join(FILE)).unwrap();
    let length = bytes.len();
    bytes[8192..length].fill(0x5a);
    std::fs::write(directory.path().join(FILE), bytes).unwrap();
    let damaged = store.hours(&(0..20).collect(), 0, u32::MAX, |_, _, _| ());
    assert!(matches!(damaged, Err(StoreError::Damaged(_))), "{damaged:?}");
    assert_eq!((store.replaced(), store.damaged().len()), (1, 1));
    store.write(&hour(HOUR, [(1, good(1))])).unwrap();
    assert_eq!(read(&store, &[1], 0, u32::MAX).len(), 1);
}

#[test]
fn a_row_that_cannot_be_read_costs_that_row() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    store.write(&hour(HOUR, [(1, good(1)), (2, good(1))])).unwrap();
    put_incidents(&store, (1..=2).map(|number| incident(number, "alpha-pki", NOW, true)));
    let digest = store.put_evidence(&alpha(), NOW, b"the answer").unwrap();
    let other = beside(directory.path());
    other.execute("UPDATE hours SET latency = '[1' WHERE target = 1", []).unwrap();
    other.execute("UPDATE incidents SET incident = '{' WHERE number = 1", []).unwrap();
    other.execute("UPDATE evidence SET bundle = x'00'", []).unwrap();
    let found: Vec<u32> = read(&store, &[1, 2], HOUR, HOUR + 1).iter().map(|one| one.0).collect();
    assert_eq!(found, [2]);
    assert_eq!(numbers(&store, &Wanted::default(), 9), [2]);
    assert_eq!(store.evidence(&digest).unwrap(), None, "a nicer answer is no evidence");
    assert_eq!(store.replaced(), 0);
}

#[test]
fn damaged_incidents_are_told_as_such_and_hide_none_of_those_after_them() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put_incidents(&store, (1..=1200).map(|number| incident(number, "alpha-pki", NOW, true)));
    let damaged = beside(directory.path());
    damaged.execute("UPDATE incidents SET incident = '{' WHERE number IN (7, 1100)", []).unwrap();
    let (mut seen, mut unread) = (0, Vec::new());
    let each = |row: Row| {
        seen += 1;
        if let Row::Unread { number, began_ms } = row {
            unread.push((number, began_ms));
        }
        true
    };
    store.incidents(&Wanted::default(), each).unwrap();
    let began_ms = incident(7, "alpha-pki", NOW, true).began_ms;
    assert_eq!((seen, unread), (1200, vec![(7, began_ms), (1100, began_ms)]));
}

#[test]
fn an_incident_of_a_release_that_knew_less_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    put_incidents(&store, [incident(1, "alpha-pki", NOW, true)]);
    let older = "UPDATE incidents SET incident = json_remove(incident, '$.unwatched', '$.bad_ms')";
    assert_eq!(beside(directory.path()).execute(older, []).unwrap(), 1);
    let found = store.incident(1).unwrap().unwrap();
    assert!(!found.unwatched && found.bad_ms == 0, "what it did not say was not so: {found:?}");
    assert_eq!(store.kept(0, 10, 0).unwrap().incidents, [found]);
}

#[test]
fn a_week_of_probes_stays_inside_its_bound_on_the_disk() {
    const TARGETS: u32 = 200;
    const MAX: u64 = 24 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), Retention { max_bytes: MAX, ..Retention::default() }).unwrap();
    let counts = Counts { bad: 2, reasons: [("tcp_timeout".to_owned(), 2)].into(), ..good(118) };
    let mut largest = 0;
    for n in 0..7 * 24 {
        // Twenty minutes at a time, which is the same to the database as ten seconds, and quicker to write.
        for part in 0..3 {
            let slot = begin_of(HOUR + n) / 300_000 + part * 4;
            let recent = (0..TARGETS * 4).map(|at| ((slot + i64::from(at / TARGETS), at % TARGETS), (1, 10)));
            let last_probes = (0..TARGETS).map(|number| (number, begin_of(HOUR + n))).collect();
            let all = (0..TARGETS).map(|number| (number, counts.clone()));
            store.write(&Changes { recent: recent.collect(), last_probes, ..hour(HOUR + n, all) }).unwrap();
        }
        store.put_evidence(&alpha(), begin_of(HOUR + n), &n.to_be_bytes().repeat(5000)).unwrap();
        store.put_memory(TargetId([7; 8]), begin_of(HOUR + n), &[7; 100_000]).unwrap();
        store.tidy(begin_of(HOUR + n + 1), true).unwrap();
        largest = largest.max(store.bytes_on_disk());
    }
    assert!(largest <= MAX, "{largest} bytes at most");
    assert_eq!(read(&store, &[0], 0, u32::MAX).len(), 7 * 24, "every hour is still there");
    assert!(store.kept(0, 0, 0).unwrap().recent.len() <= 75 * 200, "of the last six hours");
}

#[test]
fn for_want_of_room_go_memories_evidence_incidents_and_old_hours_in_this_order() {
    let directory = tempfile::tempdir().unwrap();
    let max_bytes = 4 * 1024 * 1024;
    let store = Store::open(directory.path(), Retention { max_bytes, ..Retention::default() }).unwrap();
    let old = HOUR - 200 * 24;
    let has = |store: &Store| {
        let is_there =
            |sql: &str| store.connection().query_row(sql, [], |row| row.get::<_, bool>(0)).unwrap();
        ["memories", "evidence", "incidents", "hours"]
            .map(|table| is_there(&format!("SELECT EXISTS (SELECT 1 FROM {table})")))
    };
    let fill = |bytes: usize| {
        let sql = "INSERT INTO meta VALUES (hex(randomblob(8)) || ?1, 0)";
        store.connection().execute(sql, ["x".repeat(bytes)]).unwrap();
        store.tidy(NOW, false).unwrap();
    };
    store.put_memory(TargetId([7; 8]), NOW, &[7; 200_000]).unwrap();
    for n in 0..3_u8 {
        store.put_evidence(&alpha(), NOW, &[n; 60_000]).unwrap();
    }
    put_incidents(&store, (1..=3000).map(|number| incident(number, "alpha-pki", NOW, true)));
    for hours in [old..old + 48, HOUR..HOUR + 1] {
        hours.for_each(|one| store.write(&hour(one, (0..60).map(|number| (number, good(120))))).unwrap());
    }
    std::fs::write(directory.path().join(format!("{DAMAGED}1")), vec![0; 3_000_000]).unwrap();
    fill(1000);
    assert!(store.damaged().is_empty(), "what was damaged goes first");
    assert_eq!(has(&store), [true; 4]);
    // Less and less room.
    let mut seen = vec![has(&store)];
    for _ in 0..60 {
        fill(60_000);
        assert!(store.bytes_on_disk() <= max_bytes + 100_000);
        seen.push(has(&store));
    }
    seen.dedup();
    let [all, memories, evidence, incidents] =
        [[true; 4], [false, true, true, true], [false, false, true, true], [false, false, false, true]];
    assert_eq!(seen, [all, memories, evidence, incidents], "one after the other");
    let left: Vec<u32> = read(&store, &[0], 0, u32::MAX).iter().map(|one| one.1).collect();
    assert_eq!(left, [HOUR], "what levels stand on stays");
    // Hours are written all the same, and nothing else is.
    store.write(&hour(HOUR + 1, [(1, good(1))])).unwrap();
    store.put_memory(TargetId([7; 8]), NOW, b"what was seen").unwrap();
    let digest = store.put_evidence(&alpha(), NOW, b"the answer").unwrap();
    assert_eq!((store.memory(TargetId([7; 8])).unwrap(), store.evidence(&digest).unwrap()), (None, None));
    assert_eq!(read(&store, &[1], HOUR + 1, HOUR + 2).len(), 1);
    store.connection().execute("DELETE FROM meta", []).unwrap();
    store.tidy(NOW, false).unwrap();
    store.put_evidence(&alpha(), NOW, b"the answer").unwrap();
    assert!(store.evidence(&digest).unwrap().is_some(), "there is room again");
}

#[test]
fn what_was_due_is_what_was_watched() {
    let watched =
        vec![Watched { from_ms: 0, to_ms: Some(HOUR_MS) }, Watched { from_ms: 2 * HOUR_MS, to_ms: None }];
    let description = Description { watched, ..description(1) };
    assert_eq!(description.due(0, HOUR_MS), 120);
    assert_eq!(description.due(HOUR_MS, 2 * HOUR_MS), 0, "nobody was to watch");
    assert_eq!(description.due(0, 3 * HOUR_MS), 240);
}

#[test]
fn while_the_time_is_not_sure_nothing_goes_for_its_age() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let year = 365 * DAY_MS;
    store.write(&hour(HOUR, [(1, good(1))])).unwrap();
    put_incidents(&store, [incident(1, "alpha-pki", NOW, true)]);
    let digest = store.put_evidence(&alpha(), NOW, b"the answer").unwrap();
    store.tidy(NOW, true).unwrap();
    let seen = Some(Timestamp::from_unix(NOW / 1000));
    assert_eq!(store.seen().unwrap(), seen);
    store.tidy(NOW + 10 * year, false).unwrap();
    assert_eq!(store.seen().unwrap(), seen, "a start under this clock is to be wary");
    assert_eq!(read(&store, &[1], 0, u32::MAX).len(), 1);
    assert_eq!(numbers(&store, &Wanted::default(), 9), [1]);
    assert!(store.evidence(&digest).unwrap().is_some());
    store.tidy(NOW + 10 * year, true).unwrap();
    assert!(read(&store, &[1], 0, u32::MAX).is_empty() && numbers(&store, &Wanted::default(), 9).is_empty());
    assert!(store.evidence(&digest).unwrap().is_none());
    assert_eq!(store.kept(0, 0, 0).unwrap().next_incident, 2, "no number is given twice");
}

#[test]
fn what_a_clock_that_was_ahead_has_kept_goes_once_the_time_is_sure() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let later = HOUR + 8760;
    store.write(&hour(later, [(1, good(1))])).unwrap();
    store.write(&hour(HOUR + 3, [(1, good(1))])).unwrap();
    store.tidy(NOW, false).unwrap();
    assert_eq!(read(&store, &[1], 0, u32::MAX).len(), 2);
    store.tidy(NOW, true).unwrap();
    assert_eq!(read(&store, &[1], 0, u32::MAX).iter().map(|one| one.1).collect::<Vec<_>>(), [HOUR + 3]);
}

#[test]
fn one_operators_evidence_pushes_out_its_own_and_nobody_elses() {
    let directory = tempfile::tempdir().unwrap();
    let max_bytes = 4 * 1024 * 1024;
    let store = Store::open(directory.path(), Retention { max_bytes, ..Retention::default() }).unwrap();
    let theirs = store.put_evidence(&alpha(), NOW, &[7; 2000]).unwrap();
    let mallory: ParticipantId = "mallory-pki".parse().unwrap();
    // Ever new failures, all of a minute, before anyone tidies.
    let all: Vec<Digest> = (0..400_u64)
        .map(|n| store.put_evidence(&mallory, NOW + n.cast_signed(), &n.to_be_bytes().repeat(500)).unwrap())
        .collect();
    let is_there = |digest: &&Digest| store.evidence(digest).unwrap().is_some();
    assert!(is_there(&&theirs));
    let kept: Vec<&Digest> = all.iter().filter(is_there).collect();
    let share = max_bytes / 20;
    assert!((share / 10 * 8..=share).contains(&(kept.len() as u64 * 4000)), "{}", kept.len());
    assert_eq!(kept, all.iter().rev().take(kept.len()).rev().collect::<Vec<_>>(), "the newest");
    store.put_evidence(&mallory, NOW, &[7; 1024 * 1024]).unwrap();
    assert!(!is_there(&&Digest::of(&[7; 1024 * 1024])) && is_there(&kept[0]), "one that no share holds");
}

#[test]
fn many_operators_that_fill_their_shares_leave_those_with_less_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let of = |operator: &str, at: i64, bytes: usize| {
        let bundle =
            format!("{operator} {at}").into_bytes().into_iter().cycle().take(bytes).collect::<Vec<_>>();
        store.put_evidence(&operator.parse().unwrap(), at, &bundle).unwrap()
    };
    for one in 0..30 {
        for at in 0..10 {
            of(&format!("flooder-{one}"), 100 + at, 1000);
        }
    }
    let [alice, bob] = [of("alice", 1, 1000), of("bob", 2, 1500)];
    evidence::bound(&store.connection(), u64::MAX, 100_000).unwrap();
    let left = evidence::bytes(&store.connection()).unwrap();
    assert!(left <= 100_000 && left > 98_000, "{left}");
    assert!(store.evidence(&alice).unwrap().is_some() && store.evidence(&bob).unwrap().is_some());
    let sql = "SELECT min(n), max(n) FROM (SELECT count(*) AS n FROM evidence WHERE operator LIKE 'flooder%' GROUP BY operator)";
    let (least, most): (i64, i64) =
        store.connection().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert!(most - least <= 1, "each loses as much: {least} to {most}");
    let sql = "SELECT min(at_ms) FROM evidence WHERE operator = 'flooder-7'";
    let oldest: i64 = store.connection().query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(oldest > 100, "its oldest first");
}

#[test]
fn incidents_are_found_by_number_operator_and_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let all: Vec<Incident> = (1..=1300_u64)
        .map(|number| {
            let operator = ["alpha-pki", "beta-pki"][usize::from(number % 3 == 0)];
            incident(number, operator, NOW + i64::try_from(number).unwrap() * DAY_MS, number % 2 == 0)
        })
        .collect();
    put_incidents(&store, all.clone());
    put_incidents(&store, all.clone());
    assert_eq!(numbers(&store, &Wanted::default(), 9999), (1..=1300).collect::<Vec<_>>(), "each once");
    let page = Wanted { first: 100, ..Wanted::default() };
    assert_eq!(numbers(&store, &page, 3), [100, 101, 102]);
    let beta = Wanted { first: 1290, operator: Some("beta-pki".parse().unwrap()), touching: None };
    assert_eq!(numbers(&store, &beta, 1000), [1290, 1293, 1296, 1299]);
    let days = (NOW + 100 * DAY_MS + 1, NOW + 103 * DAY_MS);
    let touching = Wanted { touching: Some(days), ..Wanted::default() };
    assert_eq!(numbers(&store, &touching, 1000), [100, 101, 102], "the one that had begun before too");
    assert_eq!(store.incident(300).unwrap().as_ref(), Some(&all[299]), "as it was");
    assert_eq!(store.incident(1301).unwrap(), None);
    let open = Incident { ended_ms: None, ..all[4].clone() };
    put_incidents(&store, [open]);
    let at_hand: Vec<u64> =
        (store.kept(0, 3, all[9].ended_ms.unwrap() + 1290 * DAY_MS).unwrap().incidents.iter())
            .map(|one| one.number)
            .collect();
    assert_eq!(at_hand, [5, 1298, 1299, 1300], "open, and the newest");
    let at_hand: Vec<u64> = store.kept(0, 3, NOW).unwrap().incidents.iter().map(|one| one.number).collect();
    assert_eq!(at_hand, [5, 1296, 1298, 1300], "breaches before others");
}

#[test]
fn an_operator_whose_services_flap_fills_its_own_room_and_its_breaches_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let flood = (2..9000).map(|number| incident(number, "mallory-pki", NOW, false));
    put_incidents(&store, flood.chain([incident(1, "alpha-pki", NOW, false)]));
    put_incidents(
        &store,
        [incident(9001, "mallory-pki", NOW, true), incident(9002, "alpha-pki", NOW, false)],
    );
    let open = Incident { ended_ms: None, ..incident(9003, "mallory-pki", NOW, false) };
    put_incidents(&store, [open]);
    store.tidy(NOW, true).unwrap();
    let of = |operator: &str| {
        let wanted = Wanted { operator: Some(operator.parse().unwrap()), ..Wanted::default() };
        numbers(&store, &wanted, usize::MAX)
    };
    assert_eq!(of("alpha-pki"), [1, 9002]);
    let kept = of("mallory-pki");
    assert_eq!((kept.len(), &kept[4999..]), (5002, &[5001, 9001, 9003][..]));
    assert_eq!(hour_of(NOW), HOUR);
}
