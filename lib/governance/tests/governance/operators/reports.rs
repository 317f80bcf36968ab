//! Reports: one of each watcher for each month, once it is over, and none that says better than its numbers.

use ctl_core::Timestamp;
use ctl_governance::Reason;
use ctl_governance::statement::body::*;
use ctl_governance::statement::parts::*;

use super::setup::*;
use crate::common::*;

#[test]
fn a_time_is_reported_on_once_and_when_it_is_over() {
    let mut world = world();
    assert_eq!(refused(&mut world, "before it is over", january()), Reason::Time);
    world.wait(31 * DAY);
    let index = world.say(&[NORTH], january()).unwrap();
    let key = (Some("alpha-pki".parse().unwrap()), january().from, NORTH.parse().unwrap());
    assert_eq!(world.state.service_levels.reports[&key].index, index);
    assert_eq!(world.state.blobs[&january().report.sha256], BlobAccess::Public, "may be uploaded now");

    let again = SlaReport { report: blob("a kinder report"), ..january() };
    assert_eq!(refused(&mut world, "the same month, kinder", again), Reason::Exists);
    let shorter = SlaReport { to: "2026-01-15T00:00:00Z".parse().unwrap(), ..january() };
    assert_eq!(refused(&mut world, "the same month, shorter", shorter), Reason::Time);
    world.say(&[SOUTH], SlaReport { report: blob("what south saw"), ..january() }).expect("each has its own");
    let beta = SlaReport { operator: Some("beta-pki".parse().unwrap()), ..january() };
    world.say(&[NORTH], beta).unwrap();
    let own = SlaReport { operator: None, summary: vec![line("service", 9, 9, true)], ..january() };
    world.say(&[NORTH], own.clone()).expect("the trust list manager is reported on like everyone else");
    assert_eq!(refused(&mut world, "on it twice", own), Reason::Exists);
    assert_eq!(world.state.service_levels.reports.size(), 4);
}

#[test]
fn no_report_says_that_a_promise_was_kept_which_its_own_numbers_say_was_not() {
    let mut world = world();
    world.wait(40 * DAY);
    let with = |change: &dyn Fn(&mut SlaReport)| {
        let mut body = january();
        change(&mut body);
        body
    };
    let now = world.now;
    for (what, expected, forged) in [
        ("not met", Reason::Content, with(&|r| r.summary[1].met = true)),
        ("more good than all", Reason::Content, with(&|r| r.summary[0].good = 1001)),
        ("out of order", Reason::Content, with(&|r| r.summary.reverse())),
        ("a kind twice", Reason::Content, with(&|r| r.summary = vec![line("crl", 1, 1, true); 2])),
        ("a target above all", Reason::Content, with(&|r| r.summary[1].target_ppm = 1_000_001)),
        ("that nobody may read", Reason::Content, with(&|r| r.report.access = BlobAccess::Restricted)),
        ("of no time", Reason::Time, with(&|r| r.to = r.from)),
        ("backwards", Reason::Time, with(&|r| std::mem::swap(&mut r.from, &mut r.to))),
        ("of a time to come", Reason::Time, with(&|r| r.to = now.plus_seconds(1))),
        ("of ages", Reason::Time, with(&|r| r.from = Timestamp::EPOCH)),
        (
            "of a month long ago",
            Reason::Time,
            with(&|r| (r.from, r.to) = (Timestamp::EPOCH, Timestamp::EPOCH.plus_seconds(31 * DAY))),
        ),
        (
            "of two months",
            Reason::Time,
            with(&|r| (r.from, r.to) = ("2025-12-01T00:00:00Z".parse().unwrap(), january().to)),
        ),
        ("of a day", Reason::Time, with(&|r| r.to = r.from.plus_seconds(DAY))),
        ("from the second day on", Reason::Time, with(&|r| r.from = r.from.plus_seconds(DAY))),
        ("from the second second on", Reason::Time, with(&|r| r.from = r.from.plus_seconds(1))),
        ("of nobody", Reason::NotFound, with(&|r| r.operator = Some("nobody".parse().unwrap()))),
        (
            "too long",
            Reason::Content,
            with(&|r| {
                let mut kinds: Vec<_> = (0..65).map(|n| format!("kind-{n}")).collect();
                kinds.sort();
                r.summary = kinds.iter().map(|kind| line(kind, 1, 1, true)).collect();
            }),
        ),
    ] {
        assert_eq!(refused(&mut world, what, forged), expected, "{what}");
    }
    // On the very target it is met; that it is not met although the share is, is for other promises.
    let edge = with(&|r| r.summary = vec![line("crl", 999, 1000, true), line("ocsp", 1000, 1000, false)]);
    world.say(&[NORTH], edge).unwrap();
}
