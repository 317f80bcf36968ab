//! Who may watch: the charter says it, and a decision changes it.

use ctl_governance::statement::body::*;
use ctl_governance::statement::charter::*;
use ctl_governance::{Reason, genesis};

use crate::common::*;

fn amended(watchers: Option<Holders>) -> Charter {
    Charter { watchers, ..charter() }
}

#[test]
fn a_charter_asks_for_no_more_organisations_of_watchers_than_there_are() {
    for (what, watchers, fits) in [
        ("none at all", None, true),
        ("one", Some(holders(&["watcher-north"], 1)), true),
        ("two of two organisations", Some(holders(&["watcher-north", "watcher-south"], 2)), true),
        ("two of one organisation", Some(holders(&["watcher-north", "watcher-north-2"], 1)), true),
        ("both of one organisation", Some(holders(&["watcher-north", "watcher-north-2"], 2)), false),
        ("none of one", Some(holders(&["watcher-north"], 0)), false),
        ("one of nobody", Some(holders(&[], 1)), false),
        ("nobody of nobody", Some(holders(&[], 0)), false),
        ("the same twice", Some(holders(&["watcher-north", "watcher-north"], 1)), false),
        ("a stranger", Some(holders(&["nobody"], 1)), false),
    ] {
        let founded = genesis(&World::genesis_with(amended(watchers.clone()), &[]));
        assert_eq!(founded.is_ok(), fits, "{what}: {founded:?}");
        let mut world = World::found();
        let change = Change::AmendCharter { charter: Box::new(amended(watchers)) };
        let proposed = world.propose("elector-1", change);
        // The charter in force has other watchers, so that each of these is a change.
        assert_eq!(proposed.is_ok(), fits, "{what}: {proposed:?}");
    }
}

#[test]
fn only_a_decision_or_the_watcher_itself_suspends_a_watcher() {
    let mut world = World::found();
    let suspend = |id: &str| ParticipantSuspend { participant: id.parse().unwrap() };
    let refusal = world.say(&["admissions"], suspend("watcher-north")).unwrap_err();
    assert_eq!(refusal.reason, Reason::WrongRole, "{refusal}");
    world.say(&["watcher-south"], suspend("watcher-south")).unwrap();
}
