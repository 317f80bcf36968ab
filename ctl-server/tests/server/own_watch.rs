//! The trust list manager watches itself by the same codes: what it forgets is found, and is gone when it is done.

use std::collections::BTreeSet;
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_policy::sla::Limits;
use ctl_server::monitor::own::{judge, targets};
use ctl_server::monitor::{Code, Facts};
use ctl_server::publish::publisher::Status;

use crate::common::world::{self, World};

const DAY: u64 = 86_400;

/// What is found at the log and at the lists, by the limits of the built-in policy.
fn found(world: &World, status: &Status, uncovered: Option<Timestamp>) -> BTreeSet<(String, Code)> {
    let state = world.state.at(world.now);
    let limits = Limits::default();
    let look = |target: std::sync::Arc<ctl_server::monitor::Target>| {
        let (findings, _): (_, Facts) = judge(&state, status, uncovered, &target, &limits, world.now);
        findings.into_iter().map(move |finding| (target.url.clone(), finding.code)).collect::<Vec<_>>()
    };
    let targets = targets(state.charter.lists.keys(), Duration::from_secs(30));
    assert_eq!(targets.len(), 2, "the log and one list");
    targets.into_iter().flat_map(look).collect()
}

fn at(url: &str, code: Code) -> BTreeSet<(String, Code)> {
    BTreeSet::from([(url.to_owned(), code)])
}

/// All is served, and snapshot and timestamp are fresh.
fn in_order(world: &World) -> Status {
    let freshness_expires = Some((world.now.plus_seconds(7 * DAY), world.now.plus_seconds(DAY)));
    Status { size: world.state.size(), freshness_expires, ..Status::default() }
}

#[test]
fn a_change_that_nobody_publishes_is_found_after_a_week_until_it_is_published() {
    let mut world = World::published();
    world.publish_list();
    world.admitted("alpha-pki");
    assert_eq!(found(&world, &in_order(&world), None), BTreeSet::new());
    world.wait(7 * DAY);
    assert_eq!(found(&world, &in_order(&world), None), BTreeSet::new(), "a week is given");
    world.wait(1);
    let list = format!("/v1/lists/{}", world::na());
    assert_eq!(found(&world, &in_order(&world), None), at(&list, Code::PublicationDelayed));
    world.publish_list();
    assert_eq!(found(&world, &in_order(&world), None), BTreeSet::new());
}

#[test]
fn a_list_that_nobody_renews_and_metadata_that_nobody_signs_are_stale_until_somebody_does() {
    let mut world = World::published();
    world.publish_list();
    let expires = world.state.published[&ctl_core::role::Role::List(world::na())].open.expires;
    world.now = expires;
    assert_eq!(found(&world, &in_order(&world), None), BTreeSet::new());
    world.wait(1);
    let list = format!("/v1/lists/{}", world::na());
    assert_eq!(found(&world, &in_order(&world), None), at(&list, Code::ListStale));
    world.publish_list();
    assert_eq!(found(&world, &in_order(&world), None), BTreeSet::new());

    let status = in_order(&world);
    world.wait(DAY);
    assert_eq!(found(&world, &status, None), BTreeSet::new());
    world.wait(1);
    assert_eq!(found(&world, &status, None), at("/log/checkpoint", Code::ListStale), "the timestamp ran out");
    assert_eq!(found(&world, &in_order(&world), None), BTreeSet::new());
}

#[test]
fn an_entry_that_no_checkpoint_covers_is_found_after_five_minutes_until_one_does() {
    let mut world = World::published();
    world.publish_list();
    let before = in_order(&world);
    let recorded_at = world.now;
    world.apply_with_root("alpha-pki").unwrap();
    world.wait(300);
    assert_eq!(found(&world, &before, Some(recorded_at)), BTreeSet::new());
    world.wait(1);
    assert_eq!(found(&world, &before, Some(recorded_at)), at("/log/checkpoint", Code::CheckpointOld));
    assert_eq!(found(&world, &in_order(&world), None), BTreeSet::new());
}
