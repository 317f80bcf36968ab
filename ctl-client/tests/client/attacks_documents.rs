//! Attacks by those whose signatures count: a list, notices or a registry that is signed as it must
//! be and says what it must not.

use ctl_core::role::Role;
use serde_json::json;

use crate::common::device::{Options, set};
use crate::common::*;

#[test]
fn rollback_of_the_list_sequence() {
    let mut repository = Repository::new();
    for _ in 0..4 {
        repository.publish(&na());
    }
    repository.refresh();
    let mut device = Device::synced(&repository);
    repository.publish_as(&na(), |list| list["sequence"] = json!(4));
    repository.refresh();
    device.assert_refuses(&repository, "rollback: na.ctl.json has sequence 4, sequence 5 is held");
}

#[test]
fn two_lists_under_one_sequence() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.set_anchors(&na(), &["evil"]);
    repository.publish_as(&na(), |list| {
        list["sequence"] = json!(1);
        list["previous"] = json!(ctl_core::Digest::ZERO);
    });
    repository.refresh();
    device.assert_refuses(&repository, "two histories");
}

#[test]
fn a_successor_of_a_list_that_was_never_seen() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.publish_as(&na(), |list| list["previous"] = json!(ctl_core::Digest::of(b"another")));
    repository.refresh();
    device.assert_refuses(&repository, "does not continue the version held");
}

#[test]
fn metadata_and_list_that_name_different_sequences() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.publish(&na());
    let list = repository.roles.get_mut("na").unwrap();
    list.targets.get_mut("na.ctl.json").unwrap().custom.as_mut().unwrap()["sequence"] = json!(7);
    repository.put_role("na");
    repository.refresh();
    device.assert_refuses(&repository, "names another list, sequence or previous version");
}

#[test]
fn an_empty_list_empties_the_store_and_says_so() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.set_anchors(&na(), &[]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    assert!(report.notes.iter().any(|note| note.contains("name no anchor at all")), "{:?}", report.notes);
    assert_eq!(device.trusted(), set(&[]));
    assert!(device.status().is_wrong());
    device.assert_sound();
}

#[test]
fn a_list_of_which_nothing_can_be_used_does_not_empty_the_store() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let trusted = device.trusted();
    repository.set_list(&na(), vec![constrained("alpha", "unheard_of", json!(1), true)]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    let text = format!("{:?}", report.problems);
    assert!(text.contains("WouldBeEmpty"), "{text}");
    assert_eq!(device.trusted(), trusted);
    assert!(device.status().to_string().contains("keeps its former content"));
}

#[test]
fn explicit_distrust_is_carried_out_even_if_it_leaves_nobody_and_the_rest_stays() {
    let repository = Repository::new();
    // Against everything: it is said that nobody is trusted.
    let mut all = repository.clone();
    let end = all.now.plus_seconds(DAY);
    let names = ["alpha", "beta", "gamma"];
    all.set_notices((0..).zip(names).map(|(n, name)| notice(n, "na", name, end)).collect());
    all.publish(&Role::Notices);
    all.refresh();
    let mut device = Device::synced(&repository);
    let report = device.sync(&all);
    assert!(format!("{:?}", report.problems).contains("TrustsNobody"), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&[]));
    assert!(device.status().is_wrong() && device.status().to_string().contains("TRUSTS NOBODY"));

    // Against one, while nothing else can be used: that one goes, the others are not lost by absence.
    let mut one = repository.clone();
    one.set_notices(vec![notice(0, "na", "beta", end)]);
    one.publish(&Role::Notices);
    one.set_list(&na(), vec![anchor("beta"), constrained("alpha", "unheard_of", json!(1), true)]);
    one.publish(&na());
    one.refresh();
    let mut device = Device::synced(&repository);
    assert!(!device.sync(&one).is_success());
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    assert!(device.status().to_string().contains("keeps its former content"));
}

#[test]
fn a_list_of_another_scheme_environment_or_list() {
    for (member, value) in [
        ("scheme", json!(ctl_core::Digest::of(b"other"))),
        ("environment", json!("production")),
        ("list", json!("eu")),
    ] {
        let mut repository = Repository::new();
        let mut device = Device::synced(&repository);
        repository.set_anchors(&na(), &["evil"]);
        repository.publish_as(&na(), |list| list[member] = value);
        repository.refresh();
        device.assert_refuses(&repository, &format!("is for {member}"));
    }
}

#[test]
fn a_whole_repository_of_another_scheme_or_environment() {
    for (environment, scheme) in [("production", "scheme"), ("test", "another scheme")] {
        // The same people run both, so every signature is good.
        let mut other = Repository::bare(environment, scheme);
        other.rotate_root();
        other.publish_all();
        let mut device = Device::synced(&Repository::new());
        // Newer than anything seen, so that nothing else refuses it.
        for _ in 0..3 {
            other.refresh();
        }
        device.assert_refuses(&other, "this device follows");
    }
}

#[test]
fn notices_that_try_to_add_trust() {
    for (tweak, why) in [("anchors", "unknown field"), ("type", "v2g-certificate-trust-list")] {
        let mut repository = Repository::new();
        let mut device = Device::synced(&repository);
        repository.publish_as(&Role::Notices, |notices| match tweak {
            "anchors" => notices["anchors"] = json!([anchor("evil")]),
            _ => notices["type"] = json!("v2g-certificate-trust-list"),
        });
        repository.refresh();
        device.assert_refuses(&repository, why);
    }
    // A notice against what is not listed changes nothing.
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    repository.set_notices(vec![notice(1, "na", "evil", repository.now.plus_seconds(DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    assert!(device.sync(&repository).is_success());
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}

#[test]
fn a_suspension_whose_lifting_is_withheld_and_one_that_expires_meanwhile() {
    let mut repository = Repository::new();
    let end = repository.now.plus_seconds(2 * DAY);
    repository.set_notices(vec![notice(1, "na", "alpha", end)]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let mut device = Device::synced(&repository);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    // In the ledger the notice expires. This device only knows what it verified: its own clock, or
    // a mirror that shows nothing new, lifts nothing.
    for days in [3, 8, 100] {
        device.now.set(start().plus_seconds(days * DAY));
        device.sync(&repository);
        assert_eq!(device.trusted(), set(&["beta", "gamma"]), "after {days} days");
    }
    let text = device.status().to_string();
    assert!(text.contains("notices: an update has been due"), "{text}");
}

#[test]
fn a_notice_that_is_withheld_until_it_expires() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let mut withheld = repository.clone();
    let end = repository.now.plus_seconds(20 * DAY);
    repository.set_notices(vec![notice(1, "na", "alpha", end)]);
    repository.publish(&Role::Notices);
    repository.refresh();
    // Who has the server's keys signs on as if there were none: the timestamp stays fresh, but the
    // notices' own officer does not sign, and so their age shows.
    withheld.pass(6 * DAY);
    withheld.refresh();
    device.now.set(withheld.now);
    assert!(device.sync(&withheld).is_success(), "not to be noticed yet");
    withheld.pass(2 * DAY);
    withheld.refresh();
    device.now.set(withheld.now);
    device.assert_refuses(&withheld, "notices metadata expired");
    assert!(device.status().to_string().contains("WARNING  notices: an update has been due"));
    // As soon as anything newer gets through, the suspension takes effect.
    repository.now = withheld.now;
    repository.timestamp_version = withheld.timestamp_version;
    repository.snapshot_version = withheld.snapshot_version;
    repository.publish(&Role::Notices);
    repository.refresh();
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
}

#[test]
fn a_new_device_from_which_the_notices_are_withheld() {
    let mut repository = Repository::new();
    repository.set_notices(vec![notice(1, "na", "alpha", repository.now.plus_seconds(DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let mut device = Device::new(&repository);
    let mut attacked = repository.clone();
    attacked.files.retain(|path, _| !path.contains("notices.json") || !path.contains("targets"));
    let report = device.sync(&attacked);
    assert!(!report.is_success());
    assert_eq!(device.trusted(), set(&[]), "nothing is trusted before it is known what is suspended");
    assert!(device.status().to_string().contains("which suspension notices are in force"));
    assert!(device.sync(&repository).is_success());
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
}

#[test]
fn a_snapshot_that_never_lists_the_notices_to_a_new_device() {
    let mut repository = Repository::new();
    repository.set_notices(vec![notice(1, "na", "alpha", repository.now.plus_seconds(DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let mut attacked = repository.clone();
    attacked.roles.remove("notices");
    attacked.refresh();
    let mut device = Device::new(&repository);
    let report = device.sync(&attacked);
    assert!(format!("{:?}", report.problems).contains("NotListed"), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&[]));
}

#[test]
fn a_scheme_that_appoints_nobody_for_notices_has_none() {
    let mut repository = Repository::new();
    repository.put_targets(&[("na", holders(2, &[20, 21, 22]), "na.ctl.json")]);
    repository.roles.retain(|name, _| ["na", "targets"].contains(&name.as_str()));
    repository.refresh();
    let device = Device::synced(&repository);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}

#[test]
fn a_registry_that_comes_with_anchors() {
    let mut repository = Repository::new();
    let mut device = Device::with(&repository, Options::default());
    repository.publish_as(&Role::Registry, |registry| registry["anchors"] = json!([anchor("evil")]));
    repository.refresh();
    let report = device.sync(&repository);
    assert!(format!("{:?}", report.problems).contains("unknown field"));
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]), "the list does not wait for it");
}

#[test]
fn a_certificate_that_is_not_the_one_its_fingerprint_names() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let mut swapped = anchor("alpha");
    swapped["certificate"] = anchor("evil")["certificate"].clone();
    repository.set_list(&na(), vec![swapped]);
    repository.publish(&na());
    repository.refresh();
    device.assert_refuses(&repository, "another fingerprint");
}
