//! `history`: what a device says of its changes, also after power cuts and on a medium that takes nothing.

use ctl_client::history::{Event, What};
use ctl_core::role::Role;

use crate::common::device::Options;
use crate::common::power::{Power, Unflushed};
use crate::common::*;

/// What is told, a line for each event, without its time.
fn told(device: &Device) -> Vec<String> {
    let line = |event: &Event| {
        let sink = |name: &str| name.rsplit('/').next().unwrap().to_owned();
        match &event.what {
            What::Accepted(version) => format!("{} {}", version.role, version.sequence),
            What::Sink(change) => {
                let names = |placed: &[ctl_client::history::Placed]| {
                    let mut names: Vec<_> = placed.iter().map(|placed| placed.name.clone()).collect();
                    names.sort();
                    names.join(" ")
                };
                format!("{}: +{} -{}", sink(&change.sink), names(&change.added), names(&change.removed))
            }
            What::Suspended(suspension) => format!("suspended by {}", suspension.notice),
            What::Lifted(suspension) => format!("lifted {}", suspension.notice),
            What::Refused(trouble) => format!("refused {}", trouble.about),
            What::Trouble(trouble) => format!("trouble {}", trouble.about),
            What::Over { about } => format!("over {about}"),
            What::SinkForgotten { sink: name } => format!("forgotten {}", sink(name)),
            What::Said { said } => format!("said: {said}"),
            What::Unsaid { said } => format!("unsaid: {said}"),
            What::Begun { why } => format!("begun: {why}"),
        }
    };
    device.client.history().unwrap().events.iter().map(line).collect()
}

/// The names of certificates as the lists have them.
fn name(short: &str) -> String {
    anchor(short)["name"].as_str().unwrap().to_owned()
}

/// A list of two, and then one more, one of them suspended.
fn two_states() -> (Repository, Repository) {
    let mut old = Repository::new();
    old.set_anchors(&na(), &["alpha", "gamma"]);
    old.publish(&na());
    old.refresh();
    let mut new = old.clone();
    new.pass(60);
    new.set_anchors(&na(), &["alpha", "beta", "gamma"]);
    new.publish(&na());
    new.set_notices(vec![notice(1, "na", "alpha", new.now.plus_seconds(DAY))]);
    new.publish(&Role::Notices);
    new.refresh();
    (old, new)
}

#[test]
fn a_device_tells_what_changed_and_by_which_entry_of_the_log() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    let (alpha, beta, gamma) = (name("alpha"), name("beta"), name("gamma"));
    let first = [
        "na 2".to_owned(),
        "registry 1".into(),
        "notices 1".into(),
        format!("everest: +{alpha} {gamma} -"),
        format!("pem: +{alpha} {gamma} -"),
    ];
    let mut sorted = told(&device);
    sorted[..3].sort();
    let mut expected = first.to_vec();
    expected[..3].sort();
    assert_eq!(sorted, expected);

    device.now.set(new.now);
    device.sync(&new);
    let after = &told(&device)[5..];
    assert_eq!(
        after[2..],
        ["suspended by 1".to_owned(), format!("everest: +{beta} -{alpha}"), format!("pem: +{beta} -{alpha}"),]
    );
    // Each version names the entry that published it, and a sink's change the versions that it follows from.
    let history = device.client.history().unwrap().since(new.now);
    let entry = |role: &Role| {
        history.events.iter().find_map(|event| match &event.what {
            What::Accepted(version) if version.role == *role => version.entry,
            _ => None,
        })
    };
    let notices = entry(&Role::Notices).unwrap();
    assert_eq!(notices, new.tree.size() - 1, "published last");
    let text = history.to_string();
    assert!(text.contains(&format!("na version 3 (entry {})", entry(&na()).unwrap())), "{text}");
    assert!(text.contains(&format!("notices version 2 (entry {notices})")), "{text}");
    assert!(text.contains(&format!("- {} \"{alpha}\"  in ", fingerprint("alpha"))), "{text}");
    assert!(text.contains("V2G_ROOT_CA.pem"), "{text}");
    assert!(text.contains(&format!("proven by the checkpoint of {} entries", new.tree.size())), "{text}");

    // Nothing new is no event, and no write.
    let before = std::fs::read(device.path("state/history.jsonl")).unwrap();
    let kept = std::fs::metadata(device.path("state/told.json")).unwrap().modified().unwrap();
    device.sync(&new);
    assert_eq!(std::fs::read(device.path("state/history.jsonl")).unwrap(), before);
    assert_eq!(std::fs::metadata(device.path("state/told.json")).unwrap().modified().unwrap(), kept);
}

#[test]
fn refusals_and_troubles_are_told_once_and_their_end_too() {
    let (old, new) = two_states();
    let mut device = Device::synced(&new);
    let before = told(&device).len();
    for _ in 0..3 {
        device.sync(&old);
    }
    std::fs::remove_dir_all(device.path("repository")).unwrap();
    for _ in 0..3 {
        assert!(!device.sync_again().unwrap().is_success());
    }
    device.sync(&new);
    assert_eq!(told(&device)[before..], ["refused repository", "trouble repository", "over repository"]);
    let text = device.client.history().unwrap().to_string();
    assert!(text.contains("REFUSED repository: "), "{text}");
}

#[test]
fn what_the_operator_says_is_told_with_what_follows_from_it() {
    let (old, _) = two_states();
    let mut device = Device::synced(&old);
    let before = told(&device).len();
    device.configure(&format!(
        "[[local.distrust]]\nsha256 = \"{}\"\nkind = \"certificate\"\nreason = \"we know better\"",
        fingerprint("alpha")
    ));
    device.sync(&old);
    let alpha = name("alpha");
    let (troubles, others): (Vec<String>, Vec<String>) =
        told(&device).split_off(before).into_iter().partition(|line| line.starts_with("trouble"));
    assert_eq!(troubles.len(), 2, "no root of V2G is left, in either sink: {troubles:?}");
    assert_eq!(
        others,
        [
            format!("said: certificate {} is not trusted here: we know better", fingerprint("alpha")),
            format!("everest: + -{alpha}"),
            format!("pem: + -{alpha}"),
        ]
    );
}

#[test]
fn a_device_without_a_clock_says_not_earlier_than() {
    let (old, _) = two_states();
    let mut device = Device::with(&old, Options { clock: false, ..Options::default() });
    device.now.set("1970-01-01T00:00:00Z".parse().unwrap());
    device.sync(&old);
    let history = device.client.history().unwrap();
    assert!(history.events.iter().all(|event| !event.clock && event.at == old.now), "{history}");
    assert!(history.to_string().contains(" or later  accepted na version 2"), "{history}");
}

#[test]
fn power_lost_at_any_point_loses_nothing_that_was_told_and_tells_the_rest_once() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    new.write(&device.path("repository"));
    device.save();
    let before = told(&device);
    let power = Power::failing(usize::MAX, false);
    device.restart(Box::new(power.clone()));
    device.sync_again().unwrap();
    let operations = power.done();
    let mut whole = told(&device);
    whole.sort();
    for loses in [false, true] {
        // The last ones are those of telling, and some before them.
        for k in operations - 20..=operations {
            device.restore();
            let power = Power::failing(k, loses);
            device.restart(Box::new(power.clone()));
            let _ = device.sync_again();
            let found = told(&device);
            assert_eq!(found[..before.len()], before, "operation {k}, loses {loses}");
            device.restart(Box::new(Unflushed));
            device.sync_again().unwrap();
            // Where some of it was told before the cut, so is the end of the trouble that the cut was.
            let mut found = told(&device);
            found.retain(|line| !line.starts_with("trouble ") && !line.starts_with("over "));
            found.sort();
            assert_eq!(found, whole, "operation {k}, loses {loses}");
            assert_eq!(device.client.history().unwrap().damaged, 0, "operation {k}, loses {loses}");
        }
    }
}

#[test]
fn a_history_that_cannot_be_written_stops_no_sync_and_is_made_good() {
    let (old, new) = two_states();
    let mut device = Device::synced(&old);
    let before = told(&device);
    // Something else stands in its place.
    for planted in ["history.jsonl", "told.json"] {
        let place = device.path("state").join(planted);
        let aside = device.path(planted);
        std::fs::rename(&place, &aside).unwrap();
        std::os::unix::fs::symlink("/dev/full", &place).unwrap();
        device.now.set(new.now);
        let report = device.sync(&new);
        assert!(report.is_success(), "{:?}", report.problems);
        assert!(
            report.notes.iter().any(|note| note.contains("the history is not told")),
            "{:?}",
            report.notes
        );
        std::fs::rename(&aside, &place).unwrap();
        assert_eq!(told(&device), before);
    }
    assert_eq!(device.trusted().len(), 2);
    assert!(device.sync_again().unwrap().is_success());
    assert_eq!(told(&device).len(), before.len() + 5, "{:?}", told(&device));
}
