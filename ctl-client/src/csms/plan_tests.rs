//! Stations that do as they are told, do not, lie, and vanish; and a client that is cut off between any two steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use proptest::prelude::*;
use serde_json::json;

use super::hash::{Algorithm, HashData};
use super::message::{self, Request};
use super::plan::{Goal, Step};
use super::rollout::Turn;
use super::station::{Change, Entry, Record, Reply, SETTLE};
use super::wants::{Kind, Roots, Version, Wants};
use crate::sink::{Standing, fingerprint};

const DAY: u64 = 86_400;

fn certificates() -> &'static [Certificate] {
    static ROOTS: OnceLock<Vec<Certificate>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let root = |number: u32| {
            let spec = PkiSpec::new(
                PkiKind::V2g,
                &format!("root {number}"),
                "DE",
                "x",
                "client tests",
                1_700_000_000,
            );
            Pki::generate(&spec).unwrap().root().certificate().clone()
        };
        (0..5).map(root).collect()
    })
}

fn print(number: usize) -> Digest {
    fingerprint(&certificates()[number])
}

fn roots() -> Roots {
    let mut roots = Roots::default();
    certificates().iter().for_each(|root| roots.add(root.clone()));
    roots
}

fn entry(kind: Kind, number: usize) -> Entry {
    Entry { kind, name: HashData::of_root(&certificates()[number], Algorithm::Sha384) }
}

fn wants(v2g: &[usize], mo: &[usize], distrusted: &[usize]) -> Wants {
    let prints = |numbers: &[usize]| numbers.iter().map(|number| print(*number)).collect::<BTreeSet<_>>();
    let bad = prints(distrusted);
    let good = |numbers| &prints(numbers) - &bad;
    Wants {
        version: Version::V201,
        roots: BTreeMap::from([(Kind::V2g, good(v2g)), (Kind::Mo, good(mo))]),
        left_out: vec![],
        listed: BTreeSet::new(),
        distrusted: bad,
    }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn seen(record: &mut Record, goal: &Goal<'_>, entries: &[Entry], now: Timestamp) {
    let entries = entries.iter().cloned().collect();
    record.read(entries, |entry, placed| goal.is_placed(entry, placed), now);
}

/// A root that was put there from here, as the station confirmed.
fn put(record: &mut Record, kind: Kind, number: usize) {
    let change = Change::Install { kind, root: print(number) };
    record.sending(&change, now());
    record.replied(&change, Reply::Accepted, now());
}

fn install(kind: Kind, number: usize) -> Step {
    Step::Change(Change::Install { kind, root: print(number) })
}

fn delete(kind: Kind, number: usize) -> Step {
    Step::Change(Change::Delete { name: entry(kind, number).name })
}

#[test]
fn a_station_is_read_before_anything_is_sent_and_after_everything_that_was() {
    let (roots, wants) = (roots(), wants(&[0], &[], &[]));
    let goal = Goal { wants: &wants, roots: &roots, reread: DAY, retry: 60, turn: Turn::always() };
    let mut record = Record::new("CP1");
    assert_eq!(goal.next(&record, now()).step, Step::Read);
    assert_eq!(goal.standing(&record, now()), Standing::Pending);
    seen(&mut record, &goal, &[], now());
    assert_eq!(goal.next(&record, now()).step, install(Kind::V2g, 0));
    put(&mut record, Kind::V2g, 0);
    assert_eq!(goal.next(&record, now()).step, Step::Read, "its word is no proof");
    assert_ne!(goal.standing(&record, now()), Standing::Installed);
    seen(&mut record, &goal, &[entry(Kind::V2g, 0)], now());
    assert_eq!(goal.next(&record, now()).step, Step::Done);
    assert_eq!(goal.standing(&record, now()), Standing::Installed);
    assert_eq!(goal.next(&record, now().plus_seconds(DAY)).step, Step::Read, "a proof gets old");
    assert_eq!(goal.next(&record, now().minus_seconds(5)).step, Step::Read, "the clock was set back");
}

#[test]
fn what_others_put_there_stays_unless_it_is_distrusted_and_that_goes_first() {
    let (roots, plain) = (roots(), wants(&[0], &[], &[]));
    let goal = Goal { wants: &plain, roots: &roots, reread: DAY, retry: 60, turn: Turn::always() };
    let mut record = Record::new("CP1");
    seen(&mut record, &goal, &[entry(Kind::V2g, 0), entry(Kind::V2g, 1), entry(Kind::Mo, 2)], now());
    assert_eq!(goal.next(&record, now()).step, Step::Done);
    let distrusting = wants(&[0, 3], &[], &[2]);
    let goal = Goal { wants: &distrusting, ..goal };
    assert_eq!(goal.next(&record, now()).step, delete(Kind::Mo, 2), "before the missing one is installed");
    assert!(goal.may_hold_distrusted(&record, now()));
}

#[test]
fn installed_before_removed_and_the_last_one_stays_when_absence_alone_would_take_it() {
    let roots = roots();
    let (old, new) = (wants(&[0], &[], &[]), wants(&[1], &[], &[]));
    let mut record = Record::new("CP1");
    put(&mut record, Kind::V2g, 0);
    let goal = Goal { wants: &old, roots: &roots, reread: DAY, retry: 60, turn: Turn::always() };
    seen(&mut record, &goal, &[entry(Kind::V2g, 0)], now());
    let goal = Goal { wants: &new, ..goal };
    assert_eq!(goal.next(&record, now()).step, install(Kind::V2g, 1));
    // It refuses: the old one stays, since it would be the last.
    let change = Change::Install { kind: Kind::V2g, root: print(1) };
    record.sending(&change, now());
    record.replied(&change, Reply::Refused("no".into()), now());
    seen(&mut record, &goal, &[entry(Kind::V2g, 0)], now());
    let decision = goal.next(&record, now());
    assert_eq!(decision.step, Step::Refused);
    assert!(decision.reasons.iter().any(|reason| reason.contains("stays until")), "{decision:?}");
    seen(&mut record, &goal, &[entry(Kind::V2g, 0), entry(Kind::V2g, 1)], now());
    assert_eq!(goal.next(&record, now()).step, delete(Kind::V2g, 0));
    // Anchors are listed, and none can be used there.
    let mut none = wants(&[], &[], &[]);
    none.listed.insert(Kind::V2g);
    let goal = Goal { wants: &none, ..goal };
    seen(&mut record, &goal, &[entry(Kind::V2g, 0)], now());
    assert_eq!(goal.next(&record, now()).step, Step::Refused);
    // Distrust does not ask what is left.
    let mut none = wants(&[], &[], &[0]);
    none.listed.insert(Kind::V2g);
    let goal = Goal { wants: &none, ..goal };
    assert_eq!(goal.next(&record, now()).step, delete(Kind::V2g, 0));
}

#[test]
fn a_root_of_two_stores_is_not_taken_out_of_one_of_them_at_the_other_s_cost() {
    let roots = roots();
    let both = wants(&[0], &[0, 1], &[]);
    let goal = Goal { wants: &both, roots: &roots, reread: DAY, retry: 60, turn: Turn::always() };
    let mut record = Record::new("CP1");
    for (kind, number) in [(Kind::V2g, 0), (Kind::Mo, 0), (Kind::Mo, 1)] {
        put(&mut record, kind, number);
    }
    let all = [entry(Kind::V2g, 0), entry(Kind::Mo, 0), entry(Kind::Mo, 1)];
    seen(&mut record, &goal, &all, now());
    let v2g_alone = wants(&[0], &[1], &[]);
    let goal = Goal { wants: &v2g_alone, ..goal };
    let decision = goal.next(&record, now());
    assert_eq!(decision.step, Step::Refused);
    assert!(decision.reasons[0].contains("the only one of another store"), "{decision:?}");
    // With another V2G root beside it, it goes and comes back.
    let beside = wants(&[0, 2], &[1], &[]);
    let goal = Goal { wants: &beside, ..goal };
    put(&mut record, Kind::V2g, 2);
    seen(&mut record, &goal, &[&all[..], &[entry(Kind::V2g, 2)]].concat(), now());
    assert_eq!(goal.next(&record, now()).step, delete(Kind::Mo, 0));
    seen(&mut record, &goal, &[entry(Kind::Mo, 1), entry(Kind::V2g, 2)], now());
    assert_eq!(goal.next(&record, now()).step, install(Kind::V2g, 0));
}

#[test]
fn what_was_sent_without_an_answer_may_come_later_and_is_looked_for() {
    let (roots, plain) = (roots(), wants(&[0], &[], &[]));
    let goal = Goal { wants: &plain, roots: &roots, reread: DAY, retry: 60, turn: Turn::always() };
    let mut record = Record::new("CP1");
    seen(&mut record, &goal, &[], now());
    let change = Change::Install { kind: Kind::V2g, root: print(0) };
    record.sending(&change, now());
    record.failed(Some(&change), true, "silence".into(), now());
    assert!(matches!(goal.next(&record, now()).step, Step::Wait(_)), "one request at a time");
    assert_eq!(goal.standing(&record, now()), Standing::Offline);
    // Meanwhile it is distrusted; the station says that it is not there.
    let distrusting = wants(&[], &[], &[0]);
    let goal = Goal { wants: &distrusting, ..goal };
    let later = now().plus_seconds(600);
    seen(&mut record, &goal, &[], later);
    assert_eq!(goal.next(&record, later).step, Step::Wait(now().plus_seconds(SETTLE)));
    assert!(goal.may_hold_distrusted(&record, later));
    let settled = now().plus_seconds(SETTLE);
    assert_eq!(goal.next(&record, settled).step, Step::Read);
    seen(&mut record, &goal, &[], settled);
    assert_eq!(goal.next(&record, settled).step, Step::Done);
    assert!(!goal.may_hold_distrusted(&record, settled) && record.placed.is_empty());
}

#[test]
fn waits_grow_and_are_short_while_a_distrusted_root_may_be_there() {
    let (roots, plain, distrusting) = (roots(), wants(&[0], &[], &[]), wants(&[], &[], &[0]));
    let goal = Goal { wants: &plain, roots: &roots, reread: DAY, retry: 60, turn: Turn::always() };
    let mut record = Record::new("CP1");
    put(&mut record, Kind::V2g, 0);
    let waits = |record: &Record, goal: &Goal<'_>| match goal.next(record, now()).step {
        Step::Wait(until) => until.seconds_since(now()),
        other => panic!("{other:?}"),
    };
    let lengths: Vec<u64> = (0..12)
        .map(|_| {
            record.failed(None, false, "offline".into(), now());
            waits(&record, &goal)
        })
        .collect();
    assert_eq!(&lengths[..3], &[60, 120, 240]);
    assert_eq!(lengths[11], 6 * 3600);
    assert_eq!(waits(&record, &Goal { wants: &distrusting, ..goal }), 600);
    assert_eq!(
        goal.next(&record, now().minus_seconds(DAY)).step,
        Step::Read,
        "a clock set back holds nobody up"
    );
}

#[test]
fn only_what_is_understood_is_an_answer() {
    let change = Change::Install { kind: Kind::V2g, root: print(0) };
    let remove = Change::Delete { name: entry(Kind::V2g, 0).name };
    assert_eq!(message::reply(&json!({ "status": "Accepted" }), &change), Ok(Reply::Accepted));
    assert_eq!(message::reply(&json!({ "status": "NotFound" }), &remove), Ok(Reply::Accepted));
    let refused =
        json!({ "status": "Rejected", "statusInfo": { "reasonCode": "Full\u{1b}", "additionalInfo": "x" } });
    match message::reply(&refused, &change).unwrap() {
        Reply::Refused(why) => assert!(why.contains("Rejected (Full") && !why.contains('\u{1b}'), "{why}"),
        other => panic!("{other:?}"),
    }
    for odd in [json!({}), json!([]), json!({ "status": 1 }), json!({ "status": "NotFound" }), json!(null)] {
        assert!(message::reply(&odd, &change).is_err(), "{odd}");
    }
    let read = |answer: serde_json::Value| message::installed(&answer, Version::V201);
    assert_eq!(read(json!({ "status": "NotFound" })), Ok(BTreeSet::new()));
    let one = entry(Kind::Mo, 1);
    let chain = json!({ "certificateType": "MORootCertificate", "certificateHashData": one.name.to_json() });
    let other = json!({ "certificateType": "V2GCertificateChain", "certificateHashData": {} });
    assert_eq!(
        read(json!({ "status": "Accepted", "certificateHashDataChain": [chain, other] })),
        Ok(BTreeSet::from([one]))
    );
    for odd in [
        json!({ "status": "Accepted" }),
        json!({ "status": "Accepted", "certificateHashDataChain": [] }),
        json!({ "status": "Accepted", "certificateHashDataChain": [chain, { "certificateType": "V2GRootCertificate" }] }),
        json!({ "status": "Accepted", "certificateHashDataChain": [{ "certificateHashData": {} }] }),
        json!({ "certificateHashDataChain": [chain] }),
        json!({ "status": "Rejected" }),
    ] {
        assert!(read(odd.clone()).is_err(), "{odd}");
    }
    let transfer = |status: &str, data: serde_json::Value| {
        message::from_data_transfer(&json!({ "status": status, "data": data }))
    };
    assert_eq!(transfer("Accepted", json!("{\"status\":\"NotFound\"}")), Ok(json!({ "status": "NotFound" })));
    assert!(transfer("Accepted", json!({ "status": "NotFound" })).is_err());
    assert!(transfer("UnknownVendorId", json!("{}")).unwrap_err().contains("does not know"));
    assert!(Request::of(&Step::Done, &roots(), Version::V201).is_none());
}

/// How a station, or the way to it, takes one request.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Honest,
    /// Says yes and does nothing.
    Lies,
    Refuses,
    Fails,
    Offline,
    /// Does it, and nobody hears of it.
    Silent,
    /// Nobody hears of it, and it is done when it is next asked something.
    Late,
    /// The client is cut off after it was sent.
    Crash,
}

fn mood() -> impl Strategy<Value = Mood> {
    use Mood::*;
    prop_oneof![
        4 => Just(Honest), 1 => Just(Lies), 1 => Just(Refuses), 1 => Just(Fails), 1 => Just(Offline), 1 => Just(Silent),
        1 => Just(Late), 1 => Just(Crash)
    ]
}

struct World {
    holds: BTreeSet<Entry>,
    late: Vec<Change>,
    record: Record,
    now: Timestamp,
    foreign: BTreeSet<Entry>,
}

impl World {
    fn carry_out(&mut self, change: &Change) {
        match change {
            Change::Install { kind, root } => {
                let number = (0..5).find(|number| print(*number) == *root).unwrap();
                self.holds.insert(entry(*kind, number));
            }
            Change::Delete { name } => {
                self.holds.retain(|entry| entry.name != *name);
                self.foreign.retain(|entry| entry.name != *name);
            }
        }
    }

    /// One sync. Gives the step at which nothing more was to be done.
    fn sync(&mut self, goal: &Goal<'_>, moods: &mut dyn Iterator<Item = Mood>) -> Step {
        self.record.aim(goal.wants.digest());
        for _ in 0..200 {
            let step = goal.next(&self.record, self.now).step;
            let change = match &step {
                Step::Read => None,
                Step::Change(change) => Some(change.clone()),
                _ => return step,
            };
            if let Some(change) = &change {
                self.check(change, goal);
                self.record.sending(change, self.now);
            }
            let mood = moods.next().unwrap_or(Mood::Honest);
            let now = self.now;
            // Whatever is late is done before the next request.
            for late in std::mem::take(&mut self.late) {
                self.carry_out(&late);
            }
            match (mood, &change) {
                (Mood::Crash, Some(change)) => self.carry_out(change),
                (Mood::Offline, _) => self.record.failed(change.as_ref(), false, "offline".into(), now),
                (Mood::Silent | Mood::Late, None) | (Mood::Crash, None) => {
                    self.record.failed(None, true, "silence".into(), now);
                }
                (Mood::Silent, Some(change)) => {
                    self.carry_out(change);
                    self.record.failed(Some(change), true, "silence".into(), now);
                }
                (Mood::Late, Some(change)) => {
                    self.late.push(change.clone());
                    self.record.failed(Some(change), true, "silence".into(), now);
                }
                (_, None) => {
                    let holds = self.holds.clone();
                    self.record.read(holds, |entry, placed| goal.is_placed(entry, placed), now);
                }
                (mood, Some(change)) => {
                    let reply = match mood {
                        Mood::Refuses => Reply::Refused("no".into()),
                        Mood::Fails => Reply::Failed("cannot".into()),
                        _ => Reply::Accepted,
                    };
                    if matches!(mood, Mood::Honest) {
                        self.carry_out(change);
                    }
                    self.record.replied(change, reply, now);
                }
            }
        }
        panic!("it does not end: {:?}", self.record);
    }

    fn check(&self, change: &Change, goal: &Goal<'_>) {
        let seen = &self.record.seen.as_ref().expect("nothing is sent without a proof").entries;
        match change {
            Change::Install { kind, root } => {
                assert!(goal.wants.has(*kind, root) && !goal.wants.distrusted.contains(root));
                assert!(!seen.iter().any(|entry| goal.means(entry, *kind, root)), "it is there");
            }
            Change::Delete { name } => {
                let named: Vec<&Entry> = seen.iter().filter(|entry| entry.name == *name).collect();
                assert!(!named.is_empty(), "only what the station named");
                if named.iter().any(|entry| goal.is_distrusted(entry)) {
                    return;
                }
                assert!(named.iter().all(|entry| !self.foreign.contains(entry)), "somebody else's");
                let surplus =
                    named.iter().find(|entry| !goal.wants.roots[&entry.kind].contains(&self.print(entry)));
                let kind = surplus.expect("it is wanted").kind;
                let wanted = &goal.wants.roots[&kind];
                let there = wanted.iter().any(|root| seen.iter().any(|entry| goal.means(entry, kind, root)));
                assert!(wanted.is_empty() || there, "removed before anything was installed");
            }
        }
    }

    fn print(&self, entry: &Entry) -> Digest {
        (0..5).map(print).find(|root| roots().named(&entry.name).any(|named| named == root)).unwrap()
    }
}

fn numbers() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..5_usize, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_station_does_the_rules_hold_and_in_the_end_it_has_what_it_should(
        foreign in proptest::collection::btree_set((0..2_usize, 0..5_usize), 0..3),
        lists in proptest::collection::vec((numbers(), numbers(), numbers()), 1..4),
        moods in proptest::collection::vec(mood(), 0..60),
    ) {
        let kinds = [Kind::V2g, Kind::Mo];
        let foreign: BTreeSet<Entry> = foreign.into_iter().map(|(kind, number)| entry(kinds[kind], number)).collect();
        let mut world = World {
            holds: foreign.clone(), late: vec![], record: Record::new("CP1"), now: now(), foreign: foreign.clone(),
        };
        let roots = roots();
        let mut moods = moods.into_iter();
        let mut ever_distrusted = BTreeSet::new();
        for (number, (v2g, mo, distrusted)) in lists.iter().enumerate() {
            let wants = wants(v2g, mo, distrusted);
            ever_distrusted.extend(distrusted.iter().copied());
            let goal = Goal { wants: &wants, roots: &roots, reread: DAY, retry: 60, turn: Turn::always() };
            let is_last = number + 1 == lists.len();
            // At least one request a day, so that the moods are over long before the end.
            let rounds = if is_last { 75 } else { 2 };
            let mut last = Step::Read;
            for _ in 0..rounds {
                last = world.sync(&goal, &mut moods);
                world.now = world.now.plus_seconds(if is_last { DAY } else { 300 });
                // What is there of a distrusted root is always known to be possible.
                let bad = world.holds.iter().any(|entry| goal.is_distrusted(entry) && !world.foreign.contains(entry));
                prop_assert!(!bad || goal.may_hold_distrusted(&world.record, world.now));
            }
            if !is_last {
                continue;
            }
            prop_assert!(matches!(last, Step::Done | Step::Refused), "{last:?}");
            prop_assert!(goal.missing(&world.holds).is_empty(), "{:?}", world.record);
            prop_assert!(!world.holds.iter().any(|entry| goal.is_distrusted(entry)));
            let others = foreign.iter().filter(|entry| !ever_distrusted.iter().any(|n| entry.name == self::entry(entry.kind, *n).name));
            for entry in others {
                prop_assert!(world.holds.contains(entry), "what others put there is gone");
            }
            prop_assert_eq!(last == Step::Done, goal.standing(&world.record, world.now) == Standing::Installed);
        }
    }
}
