//! The table as a story of moments, with random numbers at hand.

use std::collections::HashMap;

use ctl_policy::sla::Kind;

use super::*;
use crate::target::Origin;
use crate::testing;

const PERIOD: Duration = Duration::from_secs(30);

fn target(url: &str) -> Arc<Target> {
    testing::target("volt", Kind::Https, url)
}

/// Random numbers of a fixed sequence.
fn dice() -> impl FnMut() -> u64 {
    let mut state = 1u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state
    }
}

/// Runs the table until a moment, each probe taking so long; tells when each target started.
fn play(
    table: &mut Table,
    begin: Instant,
    length: Duration,
    takes: Duration,
) -> HashMap<TargetId, Vec<Instant>> {
    let (mut starts, mut random) = (HashMap::<_, Vec<_>>::new(), dice());
    let mut ends: BinaryHeap<Reverse<(Instant, Entered)>> = BinaryHeap::new();
    let mut now = begin;
    loop {
        while let Some(Reverse((_, entry))) = ends.peek().filter(|Reverse((end, _))| *end <= now).copied() {
            ends.pop();
            table.end(entry);
        }
        assert!(table.line_up(now, &mut random).is_empty(), "everything is in time here");
        while let Some(start) = table.start(now) {
            starts.entry(start.target.id).or_default().push(now);
            ends.push(Reverse((now + takes, start.entry)));
        }
        let next_end = ends.peek().map(|Reverse((end, _))| *end);
        match table.next().into_iter().chain(next_end).min() {
            Some(next) if next < begin + length => now = next,
            _ => return starts,
        }
    }
}

#[test]
fn a_thousand_targets_start_all_over_the_period_and_keep_to_it() {
    let targets: Vec<_> = (0..1000).map(|n| target(&format!("http://pki-{n}.example/"))).collect();
    let (mut table, begin) = (Table::new(256, 8), Instant::now());
    table.update(&targets, begin, &mut dice());
    let starts = play(&mut table, begin, PERIOD * 20, Duration::from_millis(50));
    assert_eq!(starts.len(), 1000);
    let mut halves = [0, 0];
    for moments in starts.values() {
        let first = moments[0] - begin;
        assert!(first < PERIOD);
        halves[usize::from(first > PERIOD / 2)] += 1;
        assert!((17..=23).contains(&moments.len()), "{} probes in 20 periods", moments.len());
        for pair in moments.windows(2) {
            let gap = pair[1] - pair[0];
            assert!(gap >= PERIOD * 79 / 100 && gap <= PERIOD * 121 / 100, "{gap:?}");
        }
    }
    assert!(halves.iter().all(|half| (400..600).contains(half)), "{halves:?}");
}

/// Applicants name services that swallow every call: they hold up each other and nobody else.
#[test]
fn what_only_applications_name_has_a_part_of_the_probes_and_no_more() {
    let begin = Instant::now();
    let applied = |n: usize| {
        let mut target = (*target(&format!("http://tarpit-{n}.example/"))).clone();
        target.origins = vec![Origin::Application];
        Arc::new(target)
    };
    let mut targets: Vec<_> = (0..100).map(applied).collect();
    targets.push(target("http://listed.example/"));
    let mut table = Table::new(40, 8);
    table.update(&targets, begin, &mut dice());
    table.line_up(begin + PERIOD, &mut dice());
    let running: Vec<Start> = std::iter::from_fn(|| table.start(begin + PERIOD)).collect();
    assert_eq!(running.len(), 6, "an eighth of forty, and the listed one");
    assert!(running.iter().any(|start| start.target.url == "http://listed.example/"));
    // Once it is on a list, it has its own host's queue.
    let mut admitted = (*targets[0]).clone();
    admitted.origins.push(Origin::Listed);
    targets[0] = Arc::new(admitted);
    table.update(&targets, begin + PERIOD, &mut dice());
    assert_eq!(&*table.entries[&targets[0].id].host, "tarpit-0.example");
}

#[test]
fn no_more_probes_run_than_may_in_all_and_at_one_host() {
    let begin = Instant::now();
    let targets: Vec<_> = (0..40)
        .map(|n| target(&format!("http://{}.example/{n}", if n < 20 { "busy" } else { "calm" })))
        .collect();
    let mut table = Table::new(10, 4);
    table.update(&targets, begin, &mut dice());
    let now = begin + PERIOD;
    table.line_up(now, &mut dice());
    let mut running: Vec<Start> = std::iter::from_fn(|| table.start(now)).collect();
    assert_eq!(running.len(), 8, "two hosts of four each");
    let mut seen: HashSet<TargetId> = running.iter().map(|start| start.target.id).collect();
    while let Some(over) = running.pop() {
        table.end(over.entry);
        while let Some(start) = table.start(now) {
            assert!(seen.insert(start.target.id), "twice at once");
            running.push(start);
        }
        for host in ["busy", "calm"] {
            assert!(running.iter().filter(|start| start.target.url.contains(host)).count() <= 4);
        }
        assert!(running.len() <= 10);
    }
    assert_eq!(seen.len(), 40, "everybody had a turn");
    assert_eq!(table.sizes(), (40, 0, 0));
}

#[test]
fn a_probe_that_is_not_over_when_the_next_is_due_is_an_overrun() {
    let begin = Instant::now();
    let mut table = Table::new(1, 1);
    let (slow, other) = (target("http://slow.example/"), target("http://other.example/"));
    table.update(&[slow.clone(), other.clone()], begin, &mut || 0);
    assert!(table.line_up(begin, &mut || 0).is_empty());
    let running = table.start(begin).unwrap();
    assert!(table.start(begin).is_none(), "the other waits");
    let later = begin + PERIOD * 4 / 5;
    let notices = table.line_up(later, &mut || 0);
    assert_eq!(notices.len(), 2);
    for notice in notices {
        let Notice::Overrun { target, runs } = notice else { panic!("{notice:?}") };
        assert_eq!(runs, target.id == running.target.id);
    }
    // Over at last, and the other one has its turn, late.
    table.end(running.entry);
    let next = table.start(later).unwrap();
    assert_ne!(next.target.id, running.target.id);
    assert_eq!(next.late, PERIOD * 4 / 5);
}

#[test]
fn moments_that_passed_while_nobody_looked_are_missed_and_not_made_up_for() {
    let begin = Instant::now();
    let mut table = Table::new(10, 10);
    table.update(&[target("http://pki.example/")], begin, &mut || 0);
    let woken = begin + PERIOD * 10 + Duration::from_secs(1);
    let notices = table.line_up(woken, &mut || 0);
    assert!(matches!(notices[..], [Notice::Missed { probes: 10, .. }]), "{notices:?}");
    assert!(table.start(woken).is_some());
    assert!(table.start(woken).is_none(), "one probe, not eleven");
    assert_eq!(table.next(), Some(woken + PERIOD * 4 / 5));
}

#[test]
fn targets_come_go_and_change_while_probes_run_and_wait() {
    let begin = Instant::now();
    let mut table = Table::new(10, 1);
    let (a, b, c) =
        (target("http://pki.example/a"), target("http://pki.example/b"), target("http://pki.example/c"));
    table.update(&[a.clone(), b.clone(), c.clone()], begin, &mut || 0);
    table.line_up(begin, &mut || 0);
    let first = table.start(begin).unwrap();
    assert!(table.start(begin).is_none());
    // All but one of the waiting go, whichever it is.
    let kept = [a, b, c].into_iter().rfind(|target| target.id != first.target.id).unwrap();
    table.update(std::slice::from_ref(&kept), begin, &mut || 0);
    table.end(first.entry);
    let second = table.start(begin).unwrap();
    assert_eq!(second.target.id, kept.id);
    // A new subject is the same target: it keeps its number and its moment.
    let changed = Arc::new(Target { lists: vec!["na".parse().unwrap()], ..(*kept).clone() });
    let due = table.next();
    table.update(std::slice::from_ref(&changed), begin, &mut || u64::MAX);
    assert_eq!(table.next(), due);
    table.end(second.entry);
    let next = due.unwrap();
    table.line_up(next, &mut || 0);
    let third = table.start(next).unwrap();
    assert_eq!((third.number, third.target.lists.len()), (1, 1));
    // Gone while it runs, and back again: the old probe's end is not the new one's.
    table.update(&[], next, &mut || 0);
    table.update(std::slice::from_ref(&changed), next, &mut || 0);
    table.line_up(next, &mut || 0);
    table.end(third.entry);
    assert_eq!(table.start(next).unwrap().number, 0);
    table.update(&[], next, &mut || 0);
    assert_eq!(table.sizes().0, 0);
}
