//! One emergency officer together with a stolen server: they can withdraw trust within the cap, and
//! neither give it back nor move the clock.

use ctl_core::role::Role;
use serde_json::json;

use crate::common::device::{Options, set};
use crate::common::*;

/// Beta is suspended for ten days.
fn suspended() -> (Repository, Device) {
    suspended_with(Options::default())
}

fn suspended_with(options: Options) -> (Repository, Device) {
    let mut repository = Repository::new();
    repository.set_notices(vec![notice(3, "na", "beta", repository.now.plus_seconds(10 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let mut device = Device::with(&repository, options);
    assert!(device.sync(&repository).is_success());
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    (repository, device)
}

fn publish_notices(repository: &mut Repository, notices: Vec<serde_json::Value>) {
    repository.set_notices(notices);
    repository.publish(&Role::Notices);
    repository.refresh();
}

#[test]
fn one_officer_with_a_stolen_server_cannot_lift_a_suspension() {
    let (mut repository, mut device) = suspended();
    publish_notices(&mut repository, vec![]);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    let status = device.status();
    assert!(!status.notices[0].named);
    assert!(
        status.to_string().contains("still holds although the newest notices do not name it"),
        "{status}"
    );
    // Nor by naming it with an earlier end first.
    publish_notices(&mut repository, vec![notice(3, "na", "beta", start().plus_seconds(60))]);
    device.sync(&repository);
    repository.pass(120);
    publish_notices(&mut repository, vec![]);
    device.now.set(repository.now);
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    // Nor by signing twice.
    repository.signers.insert("notices".into(), vec![50, 50]);
    publish_notices(&mut repository, vec![]);
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    device.assert_sound();
    // Two officers can, also later.
    repository.signers.insert("notices".into(), vec![50, 51]);
    publish_notices(&mut repository, vec![]);
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}

#[test]
fn one_officer_with_a_stolen_server_cannot_lift_a_suspension_by_dating_it_back() {
    let (mut repository, mut device) = suspended();
    // The same suspension, a second longer, and as if it were older than every list.
    let mut again = notice(3, "na", "beta", start().plus_seconds(10 * DAY + 1));
    again["issued_at"] = json!("1970-01-01T00:00:00Z");
    publish_notices(&mut repository, vec![again]);
    device.sync(&repository);
    publish_notices(&mut repository, vec![]);
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    device.assert_sound();
}

#[test]
fn one_notice_suspends_one_anchor_whatever_key_it_names() {
    let repository = Repository::new();
    let end = repository.now.plus_seconds(DAY);
    let with_key = |name, key| {
        let mut notice = notice(3, "na", name, end);
        notice["spki"] = json!(spki(key));
        vec![notice]
    };
    let mut device = Device::synced(&repository);
    let mut attacked = repository.clone();
    publish_notices(&mut attacked, with_key("alpha", "beta"));
    device.assert_refuses(&attacked, "with a key that is not its own");
    // Nor when the log conflicts.
    let mut device = Device::synced(&repository);
    let mut stolen = repository.clone();
    stolen.forge_entries(50, "forged");
    stolen.refresh();
    device.sync(&stolen);
    let mut attacked = repository.clone();
    attacked.newer_than(&stolen);
    publish_notices(&mut attacked, with_key("alpha", "beta"));
    device.assert_refuses(&attacked, "with a key that is not its own");
    // Nor with an anchor that is listed only later.
    let mut device = Device::synced(&repository);
    let mut attacked = repository.clone();
    publish_notices(&mut attacked, with_key("evil", "beta"));
    assert!(device.sync(&attacked).is_success());
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    attacked.set_anchors(&na(), &["alpha", "beta", "evil", "gamma"]);
    attacked.publish(&na());
    attacked.refresh();
    device.sync(&attacked);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}

#[test]
fn one_officer_or_registrar_cannot_number_the_last_version_there_can_be() {
    let last = (1_u64 << 53) - 1;
    for role in [Role::Notices, Role::Registry] {
        // Taken up first, later, and in a conflict.
        for case in ["new", "held", "conflict"] {
            let mut repository = Repository::new();
            let mut device = Device::new(&repository);
            if case != "new" {
                assert!(device.sync(&repository).is_success());
            }
            if case == "conflict" {
                let mut stolen = repository.clone();
                stolen.forge_entries(50, "forged");
                stolen.refresh();
                device.sync(&stolen);
                repository.newer_than(&stolen);
            }
            let mut attacked = repository.clone();
            attacked.publish_as(&role, |document| document["sequence"] = json!(last));
            attacked.refresh();
            let report = device.sync(&attacked);
            let said: String = report.problems.iter().map(|problem| problem.error.to_string()).collect();
            assert!(said.contains("wants it to be the last"), "{role} {case}: {said}");
            let taken = device.sequences().into_iter().find(|(name, _)| *name == role.to_string());
            assert!(taken.is_none_or(|(_, sequence)| sequence == 1), "{role} {case}");
        }
    }
}

#[test]
fn a_restart_takes_the_notices_back_to_the_number_that_the_board_names() {
    let honest = Repository::new();
    let mut device = Device::synced(&honest);
    // As far as one step goes, and the history that has it is thrown away.
    let mut attacked = honest.clone();
    for role in [Role::Notices, Role::Registry] {
        attacked.publish_as(&role, |document| document["sequence"] = json!(1_000_000));
    }
    attacked.refresh();
    assert_eq!(device.sync(&attacked).accepted.len(), 2);
    let mut restored = honest.clone();
    restored.newer_than(&attacked);
    for role in ["notices", "registry"] {
        restored.roles.get_mut(role).unwrap().version = attacked.roles[role].version;
    }
    restored.restart(&attacked, 61, "log.example/v2g-2");
    let roles = &mut restored.root.v2g.as_mut().unwrap().restarts[0].roles;
    for role in ["notices", "registry"] {
        roles.get_mut(role).unwrap().sequence = 1;
    }
    restored.root.version -= 1;
    restored.rotate_root();
    restored.set_notices(vec![notice(3, "na", "beta", restored.now.plus_seconds(DAY))]);
    restored.publish(&Role::Notices);
    restored.publish(&Role::Registry);
    restored.refresh();
    let report = device.sync(&restored);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(report.accepted, [(Role::Notices, 2), (Role::Registry, 2)]);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
}

#[test]
fn a_list_drafted_after_the_notice_lifts_it_and_one_drafted_before_does_not() {
    let (mut repository, mut device) = suspended();
    publish_notices(&mut repository, vec![]);
    // A list of the notice's own moment, then one of later.
    for (seconds, trusted) in [(0, set(&["alpha", "gamma"])), (60, set(&["alpha", "beta", "gamma"]))] {
        repository.pass(seconds);
        repository.publish(&na());
        repository.refresh();
        device.sync(&repository);
        assert_eq!(device.trusted(), trusted, "{seconds}");
    }
    // As long as the notices name it, no list lifts it.
    let (mut repository, mut device) = suspended();
    repository.pass(60);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
}

#[test]
fn a_suspension_ends_by_the_clock_only_if_the_notices_do_not_name_it() {
    let (mut repository, mut device) = suspended();
    publish_notices(&mut repository, vec![]);
    device.sync(&repository);
    device.now.set(start().plus_seconds(10 * DAY).minus_seconds(1));
    device.sync_again().unwrap();
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    device.now.set(start().plus_seconds(10 * DAY));
    device.sync_again().unwrap();
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]), "also without the network");
}

#[test]
fn without_a_clock_only_the_lists_signers_let_time_pass() {
    let (mut repository, mut device) = suspended_with(Options { clock: false, ..Options::default() });
    // An officer and a registrar date their documents far ahead.
    let far = repository.now.plus_seconds(3000 * DAY);
    for role in [Role::Notices, Role::Registry] {
        repository.set_notices(vec![]);
        repository.publish_as(&role, |document| {
            document["issued_at"] = json!(far);
            document["next_update"] = json!(far.plus_seconds(DAY));
        });
    }
    repository.refresh();
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(report.accepted.len(), 2);
    assert_eq!((device.status().time, device.trusted()), (start(), set(&["alpha", "gamma"])));
    // A list dated after the end, which does not name beta: the time is known by its signers.
    repository.pass(11 * DAY);
    repository.set_anchors(&na(), &["alpha", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    assert_eq!(device.status().time, repository.now);
    assert!(device.status().notices.is_empty());
}

#[test]
fn one_officer_with_a_stolen_server_cannot_exceed_the_cap() {
    // root.json allows three.
    let repository = Repository::new();
    let end = repository.now.plus_seconds(10 * DAY);
    let all = |names: &[&str]| -> Vec<serde_json::Value> {
        names.iter().enumerate().map(|(n, name)| notice(n as u64, "na", name, end)).collect()
    };
    let mut root = repository.clone();
    root.root.v2g.as_mut().unwrap().notices_cap = 1;
    root.root.version = 2;
    root.put_root();
    let mut device = Device::synced(&repository);
    let mut attacked = root.clone();
    publish_notices(&mut attacked, all(&["alpha", "beta"]));
    device.assert_refuses(&attacked, "2 suspensions would be in force, and root.json allows 1");
    // Nor one after the other.
    let mut device = Device::synced(&repository);
    let mut attacked = root.clone();
    publish_notices(&mut attacked, all(&["alpha"]));
    assert!(device.sync(&attacked).is_success());
    publish_notices(&mut attacked, all(&["beta"]));
    device.assert_refuses(&attacked, "2 suspensions would be in force");
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    // When a newer list lifts the first, the second is taken up in the same sync.
    attacked.pass(60);
    attacked.publish(&na());
    attacked.refresh();
    let report = device.sync(&attacked);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
}

#[test]
fn a_forged_log_does_not_widen_the_cap() {
    let mut honest = Repository::new();
    honest.root.v2g.as_mut().unwrap().notices_cap = 1;
    honest.root.version = 2;
    honest.put_root();
    let mut device = Device::synced(&honest);
    let mut stolen = honest.clone();
    stolen.forge_entries(50, "forged");
    stolen.refresh();
    device.sync(&stolen);
    honest.newer_than(&stolen);
    let end = honest.now.plus_seconds(DAY);
    publish_notices(&mut honest, vec![notice(3, "na", "alpha", end)]);
    device.sync(&honest);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    publish_notices(&mut honest, vec![notice(4, "na", "beta", end)]);
    device.assert_refuses(&honest, "2 suspensions would be in force");
}

#[test]
fn what_one_officer_signed_in_a_conflict_one_officer_cannot_lift_after_it() {
    let mut honest = Repository::new();
    let mut device = Device::synced(&honest);
    let mut stolen = honest.clone();
    stolen.forge_entries(50, "forged");
    stolen.refresh();
    device.sync(&stolen);
    honest.newer_than(&stolen);
    publish_notices(&mut honest, vec![notice(3, "na", "alpha", start().plus_seconds(DAY))]);
    device.sync(&honest);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    let old = honest.clone();
    honest.restart(&old, 61, "log.example/v2g-2");
    publish_notices(&mut honest, vec![]);
    let report = device.sync(&honest);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    assert!(device.status().apart.is_empty());
}
