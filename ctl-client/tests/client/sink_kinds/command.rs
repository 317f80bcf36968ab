//! A program to which each change is handed.

use std::fs;
use std::path::Path;

use ctl_client::config::{CommandConfig, SinkConfig};
use ctl_client::files::Disk;
use ctl_core::role::Role;
use serde_json::Value;

use super::with;
use crate::common::power::Power;
use crate::common::sinks::{problems, with_anchors};
use crate::common::*;

/// A program that keeps what it is handed, and fails while there is a file `down`.
fn device(repository: &Repository, seconds: u64, script: &str) -> Device {
    with(repository, "hand-over", |path| {
        let home = path.parent().unwrap().display().to_string();
        let script = script.replace("HOME", &home);
        SinkConfig::Command(CommandConfig {
            path,
            program: ["/bin/sh", "-c", &script, "take"].map(str::to_owned).to_vec(),
            seconds,
            selection: None,
        })
    })
}

const KEEPS: &str = "test ! -e HOME/down || exit 3; n=$(ls HOME/taken 2>/dev/null | wc -l); mkdir -p HOME/taken/$n && \\
                     cp $1/*.pem $1/manifest.json $2 HOME/taken/$n/";

/// The changes that it was handed, in order.
fn taken(device: &Device) -> Vec<Value> {
    let count = fs::read_dir(device.path("taken")).map_or(0, Iterator::count);
    let read = |n: usize| fs::read(device.path("taken").join(n.to_string()).join("changes.json")).unwrap();
    (0..count).map(|n| serde_json::from_slice(&read(n)).unwrap()).collect()
}

fn names(changes: &Value, what: &str) -> Vec<&'static str> {
    let one = |entry: &Value| {
        *roots().keys().find(|name| entry["fingerprint"] == fingerprint(name).to_string()).unwrap()
    };
    let mut names: Vec<&str> = changes[what].as_array().unwrap().iter().map(one).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_program_is_handed_what_changed_and_why_and_nothing_while_nothing_does() {
    let mut repository = Repository::new();
    let mut device = device(&repository, 60, KEEPS);
    for _ in 0..2 {
        let report = device.sync(&repository);
        assert!(report.is_success(), "{}", problems(&report));
    }
    let next = with_anchors(&mut repository, &["alpha", "evil", "gamma"]);
    assert!(device.sync(&next).is_success());
    let mut suspended = next.clone();
    suspended.pass(60);
    suspended.set_notices(vec![notice(3, "na", "alpha", suspended.now.plus_seconds(2 * DAY))]);
    suspended.publish(&Role::Notices);
    suspended.refresh();
    assert!(device.sync(&suspended).is_success());
    let [first, second, third] = taken(&device).try_into().unwrap();
    assert_eq!(names(&first, "added"), ["alpha", "beta", "gamma"]);
    assert!(first["from"].is_null() && names(&first, "kept").is_empty());
    assert!(first["added"][0]["why"].as_str().unwrap().starts_with("list na: usable since"));
    assert_eq!(names(&second, "added"), ["evil"]);
    assert_eq!(names(&second, "removed"), ["beta"]);
    assert_eq!(names(&second, "kept"), ["alpha", "gamma"]);
    assert_eq!(second["from"], first["to"]);
    // With all that it takes to delete it by.
    let gone = &second["removed"][0];
    assert!(gone["why"].as_str().unwrap().contains("names it any more"), "{gone}");
    assert!(gone["certificate_hash_data"]["issuerKeyHash"].is_string());
    assert_eq!(names(&third, "removed"), ["alpha"]);
    assert!(third["removed"][0]["why"].as_str().unwrap().contains("suspended by notice 3"), "{third}");
    assert!(Path::new(&device.path("taken/2")).join(format!("{}.pem", fingerprint("evil"))).exists());
    device.assert_sound();
}

#[test]
fn a_change_that_the_program_does_not_take_is_handed_to_it_again_until_it_does() {
    let mut repository = Repository::new();
    let mut device = device(&repository, 60, KEEPS);
    assert!(device.sync(&repository).is_success());
    fs::write(device.path("down"), "").unwrap();
    let next = with_anchors(&mut repository, &["alpha", "gamma"]);
    for _ in 0..2 {
        let report = device.sync(&next);
        let text = problems(&report);
        assert_eq!(text.matches("the program did not take the change").count(), 1, "{text}");
        assert!(text.contains("exit status: 3") && !report.is_complete(), "{text}");
        assert!(device.status().is_wrong());
    }
    fs::remove_file(device.path("down")).unwrap();
    assert!(device.sync(&next).is_success());
    let [_, second] = taken(&device).try_into().unwrap();
    assert_eq!(names(&second, "removed"), ["beta"]);
    assert!(!device.status().is_wrong(), "{}", device.status());
    // Nothing is left of what was refused.
    let folders = fs::read_dir(device.path("hand-over")).unwrap().flatten();
    let generations = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with("generation-"));
    assert_eq!(generations.count(), 2);
}

#[test]
fn a_program_that_does_not_end_is_stopped_and_holds_up_nothing() {
    let repository = Repository::new();
    let mut device = device(&repository, 1, "exec sleep 600");
    let text = problems(&device.sync(&repository));
    assert!(text.contains("ran longer than 1s and was stopped"), "{text}");
    assert_eq!(device.trusted().len(), 3);
}

#[test]
fn power_lost_after_the_program_has_succeeded_hands_it_the_same_change_by_the_same_digest() {
    let repository = Repository::new();
    let mut handed_twice = 0;
    let next = with_anchors(&mut repository.clone(), &["alpha", "gamma"]);
    for loses in [false, true] {
        for k in 0.. {
            let mut device = device(&repository, 60, KEEPS);
            assert!(device.sync(&repository).is_success());
            let (sink, store) = (sink(&device), store(&next));
            let power = Power::failing(k, loses);
            let nothing = Default::default();
            device::block_on(async {
                let plan = sink.plan(&store, &nothing).await.unwrap();
                let _ = async { sink.prepare(&power, &plan).await?.apply().await }.await;
                // As after the power came back.
                let plan = sink.plan(&store, &nothing).await.unwrap();
                if !plan.in_place {
                    sink.prepare(&Disk, &plan).await.unwrap().apply().await.unwrap();
                }
                assert!(sink.plan(&store, &nothing).await.unwrap().in_place);
            });
            let changes = taken(&device);
            assert!(matches!(changes.len(), 2 | 3), "operation {k}, loses {loses}: {}", changes.len());
            if let [_, one, two] = &changes[..] {
                assert_eq!((&one["digest"], &one["to"]), (&two["digest"], &two["to"]));
                handed_twice += 1;
            }
            if !power.has_failed() {
                break;
            }
        }
    }
    assert!(handed_twice > 1, "never handed twice");
}

/// What a back end holds that carries out each change but the last thing of it that a failure cut off.
fn back_end(changes: &[Value]) -> std::collections::BTreeSet<&'static str> {
    let (mut holds, mut last) = (std::collections::BTreeSet::new(), None);
    for change in changes {
        // As the documentation says: the same digest is the change that was carried out last.
        if last.replace(change["digest"].clone()).as_ref() != Some(&change["digest"]) {
            holds.extend(names(change, "added"));
            holds.retain(|name| !names(change, "removed").contains(name));
        }
    }
    holds
}

/// Takes what it is handed, and fails then as long as that holds evil.
const HALF: &str = "n=$(ls HOME/taken 2>/dev/null | wc -l); mkdir -p HOME/taken/$n && \\
                    cp $1/*.pem $1/manifest.json $2 HOME/taken/$n/ && test ! -e $1/EVIL.pem || exit 3";

#[test]
fn what_a_program_took_before_it_failed_is_taken_back_from_it_when_it_is_distrusted() {
    let mut repository = Repository::new();
    let mut device = device(&repository, 60, &HALF.replace("EVIL", &fingerprint("evil").to_string()));
    assert!(device.sync(&repository).is_success());
    for round in 0..2 {
        let more = with_anchors(&mut repository, &["alpha", "beta", "evil", "gamma"]);
        assert!(problems(&device.sync(&more)).contains("the program did not take the change"));
        assert!(back_end(&taken(&device)).contains("evil"), "it took it and failed then");
        // It is distrusted before the program ever succeeds: all is as it was, for the lists.
        let mut next = with_anchors(&mut repository, &["alpha", "beta", "gamma"]);
        next.set_notices(vec![notice(3, "na", "evil", next.now.plus_seconds(2 * DAY))]);
        next.publish(&Role::Notices);
        next.refresh();
        assert!(device.status().is_wrong(), "round {round}: nobody may think that it is done");
        let report = device.sync(&next);
        assert!(report.is_success(), "{}", problems(&report));
        let changes = taken(&device);
        assert_eq!(back_end(&changes), ["alpha", "beta", "gamma"].into(), "round {round}");
        let why = changes.last().unwrap()["removed"][0]["why"].as_str().unwrap().to_owned();
        assert!(why.contains("notice 3") || why.contains("distrusted"), "{why}");
        assert!(!device.status().is_wrong(), "{}", device.status());
        assert!(device.sync(&next).changed.is_empty(), "it is told once");
        repository = next;
        repository.set_notices(vec![]);
        repository.signers.insert("notices".into(), vec![50, 51]);
        repository.publish(&Role::Notices);
        repository.refresh();
    }
}

/// The sink of a device, to be asked by itself.
fn sink(device: &Device) -> Box<dyn ctl_client::sink::Sink> {
    let script = KEEPS.replace("HOME", &device.folder.path().display().to_string());
    ctl_client::sink::open(&SinkConfig::Command(CommandConfig {
        path: device.path("hand-over"),
        program: ["/bin/sh", "-c", &script, "take"].map(str::to_owned).to_vec(),
        seconds: 60,
        selection: None,
    }))
}

fn store(repository: &Repository) -> ctl_client::store::TrustStore {
    let list = serde_json::from_value(repository.documents[&na()].clone()).unwrap();
    let clock = ctl_core::tuf::Clock::Known(start());
    ctl_client::store::TrustStore::new(&[&list], &[], &Default::default(), clock)
}

/// What is trusted is handed over, with this file system.
fn hand_over(device: &Device, repository: &Repository, files: &dyn ctl_client::files::Files) -> Vec<String> {
    let (sink, store) = (sink(device), store(repository));
    let placed = ["alpha", "beta", "gamma"].map(fingerprint).into();
    device::block_on(async {
        let plan = sink.plan(&store, &placed).await.unwrap();
        assert!(!plan.in_place);
        let _ = async { sink.prepare(files, &plan).await?.apply().await }.await;
        plan.complaints.iter().map(ToString::to_string).collect()
    })
}

#[test]
fn a_damaged_manifest_is_no_sign_that_the_program_took_nothing() {
    for forgets in [false, true] {
        let mut repository = Repository::new();
        let mut device = device(&repository, 60, KEEPS);
        assert!(device.sync(&repository).is_success());
        fs::write(device.path("hand-over/current/manifest.json"), "damaged").unwrap();
        if forgets {
            fs::remove_file(device.path("hand-over/placed")).unwrap();
        }
        let said = hand_over(&device, &with_anchors(&mut repository, &["alpha", "gamma"]), &Disk);
        assert!(said.is_empty(), "{said:?}");
        let changes = taken(&device);
        assert_eq!(names(changes.last().unwrap(), "removed"), ["beta"]);
        assert_eq!(names(changes.last().unwrap(), "kept"), ["alpha", "gamma"]);
    }
}

#[test]
fn what_was_offered_and_cannot_be_read_again_is_told_until_somebody_has_looked() {
    let repository = Repository::new();
    let mut device = device(&repository, 60, KEEPS);
    assert!(device.sync(&repository).is_success());
    fs::write(device.path("hand-over/offered.json"), "damaged").unwrap();
    for _ in 0..2 {
        let report = device.sync(&repository);
        assert!(problems(&report).contains("compare what your back end holds"), "{}", problems(&report));
        assert!(report.is_complete() && device.status().is_wrong());
    }
    fs::remove_file(device.path("hand-over/offered.lost")).unwrap();
    assert!(device.sync(&repository).is_success());
}

#[test]
fn power_lost_at_any_moment_of_a_change_that_is_then_taken_back_leaves_no_root_behind() {
    let repository = Repository::new();
    let more = with_anchors(&mut repository.clone(), &["alpha", "beta", "evil", "gamma"]);
    let fewer = with_anchors(&mut repository.clone(), &["alpha", "gamma"]);
    for k in 0.. {
        let mut device = device(&repository, 60, KEEPS);
        assert!(device.sync(&repository).is_success());
        let power = Power::failing(k, true);
        hand_over(&device, &more, &power);
        hand_over(&device, &fewer, &Disk);
        assert_eq!(back_end(&taken(&device)), ["alpha", "gamma"].into(), "operation {k}");
        if !power.has_failed() {
            break;
        }
    }
}
