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
            let sink = ctl_client::sink::open(&SinkConfig::Command(CommandConfig {
                path: device.path("hand-over"),
                program: [
                    "/bin/sh",
                    "-c",
                    &KEEPS.replace("HOME", &device.folder.path().display().to_string()),
                    "take",
                ]
                .map(str::to_owned)
                .to_vec(),
                seconds: 60,
                selection: None,
            }));
            let list = serde_json::from_value(next.documents[&na()].clone()).unwrap();
            let clock = ctl_core::tuf::Clock::Known(start());
            let store = ctl_client::store::TrustStore::new(&[&list], &[], &Default::default(), clock);
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
