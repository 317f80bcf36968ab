//! Syncs that find nothing new are cheap: what was judged once is not judged again from the same evidence. Nothing that
//! happened meanwhile hides behind that: neither on the disk, nor on the clock, nor by the operator's word.

use std::fs;

use ctl_client::sync::SyncReport;
use ctl_core::role::Role;
use serde_json::json;

use crate::common::device::{Options, set};
use crate::common::power::{Power, Unflushed};
use crate::common::sinks::{V2G, problems};
use crate::common::*;

/// After the sync that changes the sinks, one finds that they hold what they should; from then on they are settled.
fn settled(repository: &Repository, options: Options) -> Device {
    let mut device = Device::with(repository, options);
    for _ in 0..2 {
        let report = device.sync(repository);
        assert!(report.is_success(), "{}", problems(&report));
    }
    let (state, _) = device.state_directory().load().unwrap();
    assert_eq!(state.settled.len(), 2, "{:?}", state.settled);
    device
}

fn ours_alone() -> Options {
    Options { keep_foreign: false, ..Options::default() }
}

fn quiet(device: &mut Device) -> SyncReport {
    let report = device.sync_again().unwrap();
    assert!(report.is_success(), "{}", problems(&report));
    report
}

#[test]
fn nothing_is_written_but_when_it_was() {
    let mut device = settled(&Repository::new(), Options::default());
    let power = Power::failing(usize::MAX, false);
    device.restart(Box::new(power.clone()));
    quiet(&mut device);
    let once = power.done();
    quiet(&mut device);
    // One small file is put in its place: when the last sync was.
    assert_eq!((once, power.done()), (4, 8));
}

#[test]
fn attack_a_settled_store_is_changed_and_mended_each_time() {
    let mut repository = Repository::new();
    let mut device = settled(&repository, ours_alone());
    let former = fs::read(device.path(V2G)).unwrap();
    repository.set_anchors(&na(), &["alpha", "gamma"]);
    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("beta"))]);
    repository.publish(&na());
    repository.refresh();
    device.sync(&repository);
    let trusted = set(&["alpha", "gamma"]);
    let evil = roots()["evil"].to_pem().into_bytes();
    for (what, bytes) in [
        ("what it held when it was settled before", Some(former)),
        ("a root of the attacker's", Some(evil)),
        ("nothing", Some(vec![])),
        ("no file", None),
    ] {
        for place in [V2G, "pem/current/v2g-iso15118-2.pem"] {
            quiet(&mut device);
            let report = quiet(&mut device);
            assert!(report.changed.is_empty(), "{:?}", report.changed);
            let path = fs::canonicalize(device.path(place)).unwrap();
            match &bytes {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            assert_eq!(quiet(&mut device).changed.len(), 1, "{place}: {what}");
            assert_eq!(device.trusted(), trusted, "{place}: {what}");
        }
    }
    fs::write(device.path("pem/current/more.pem"), roots()["evil"].to_pem()).unwrap();
    assert_eq!(quiet(&mut device).changed.len(), 1);
    assert_eq!(device.trusted(), trusted);
    device.assert_sound();
}

#[test]
fn what_time_and_the_operator_take_away_goes_though_nothing_is_new() {
    let mut repository = Repository::new();
    let end = repository.now.plus_seconds(3600);
    let anchors =
        vec![constrained("alpha", "not_trusted_after", json!(end), true), anchor("beta"), anchor("gamma")];
    repository.set_list(&na(), anchors);
    repository.publish(&na());
    repository.refresh();
    let mut device = settled(&repository, Options::default());
    device.now.set(end.minus_seconds(1));
    quiet(&mut device);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    device.now.set(end);
    assert_eq!(quiet(&mut device).changed.len(), 2);
    assert_eq!(device.trusted(), set(&["beta", "gamma"]));
    quiet(&mut device);
    device.configure(&format!(
        "[[local.distrust]]\nkind = \"spki\"\nsha256 = \"{}\"\nreason = \"our audit\"\n",
        spki("beta")
    ));
    let report = device.sync_again().unwrap();
    assert!(problems(&report).contains("TRUSTS NOBODY"), "{}", problems(&report));
    assert_eq!(device.trusted(), set(&["gamma"]));
}

#[test]
fn a_suspension_ends_at_its_time_though_nothing_is_new() {
    let mut repository = Repository::new();
    let end = repository.now.plus_seconds(3600);
    repository.set_notices(vec![notice(3, "na", "beta", end)]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let mut device = settled(&repository, Options::default());
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    // The officers' newest document does not name it any more; alone they lift nothing before its time.
    repository.set_notices(vec![]);
    repository.publish(&Role::Notices);
    repository.refresh();
    device.sync(&repository);
    quiet(&mut device);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    device.now.set(end);
    quiet(&mut device);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}

/// The registry is known by its digest, and not read again: so its bytes are what is looked at.
#[test]
fn a_damaged_registry_is_replaced_though_nothing_is_new() {
    let repository = Repository::new();
    let mut device = settled(&repository, Options::default());
    let (state, _) = device.state_directory().load().unwrap();
    let kept = state.documents[&Role::Registry].sha256;
    assert_eq!(device.status().mo_identifiers, Some(0));
    let place = device.path("state/objects").join(kept.to_string());
    let good = fs::read(&place).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    for damage in [bad, vec![]] {
        fs::write(&place, damage).unwrap();
        assert_eq!(device.status().mo_identifiers, None);
        quiet(&mut device);
        assert_eq!(fs::read(&place).unwrap(), good);
        assert_eq!(device.status().mo_identifiers, Some(0));
    }
}

/// Whoever can write to the state can write to the sinks; but what is no evidence settles nothing.
#[test]
fn evidence_of_another_release_or_none_settles_nothing() {
    let repository = Repository::new();
    let mut device = settled(&repository, ours_alone());
    let (mut state, _) = device.state_directory().load().unwrap();
    for settled in state.settled.values_mut() {
        settled.evidence = ctl_core::Digest::of(b"another release");
    }
    device.restart(Box::new(Unflushed));
    device.state_directory().commit(&mut state, []).unwrap();
    fs::write(device.path(V2G), roots()["evil"].to_pem()).unwrap();
    assert_eq!(quiet(&mut device).changed.len(), 1);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
}
