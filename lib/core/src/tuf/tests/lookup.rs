//! Looking for targets: the order in which delegations are visited, and what they can try.

use super::repository::{Device, LIST, Repository, day, holders};
use crate::tuf::*;

/// Parent, role, patterns, terminating.
type Delegation<'a> = (&'a str, &'a str, &'a [&'a str], bool);

/// A repository whose roles delegate as told.
fn graph(delegations: &[Delegation<'_>]) -> Repository {
    let mut repository = Repository::new();
    for (parent, role, paths, end) in delegations {
        repository.delegate(parent, role, &holders(1, &[20]), paths, *end);
        repository.signers.insert((*role).into(), vec![20]);
    }
    repository.publish();
    repository
}

fn visited(device: &Device) -> Vec<String> {
    device
        .asked
        .iter()
        .map(|path| path.trim_start_matches("1.").trim_end_matches(".json").to_owned())
        .collect()
}

#[test]
fn a_list_is_found_and_its_bytes_are_checked() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    let info = device.find(&repository, "na.ctl.json").unwrap().unwrap();
    assert_eq!((info.role.as_str(), info.length), ("na", LIST.len() as u64));
    assert_eq!(info.custom.as_ref().unwrap()["sequence"], 1);
    assert_eq!(info.path, format!("{}.na.ctl.json", crate::Digest::of(LIST)));
    info.check(LIST).unwrap();
    let file = || "na.ctl.json".to_owned();
    let (expected, found) = (LIST.len() as u64, LIST.len() as u64 - 1);
    assert_eq!(info.check(&LIST[1..]).unwrap_err(), TufError::Length { file: file(), expected, found });
    assert_eq!(info.check(&LIST.to_ascii_uppercase()).unwrap_err(), TufError::Hash { file: file() });
    assert_eq!(device.version("na"), 1, "delegated metadata is kept too");
    device.find(&repository, "na.ctl.json").unwrap().unwrap();
    assert!(device.asked.is_empty(), "and not asked for again");
}

#[test]
fn delegations_are_visited_in_order_of_trust() {
    let any: &[&str] = &["*"];
    let py: &[&str] = &["*.py"];
    let cases: [(&str, &[Delegation<'_>], &[&str]); 7] = [
        ("one after the other", &[("targets", "A", any, false), ("targets", "B", any, false)], &["A", "B"]),
        (
            "depth first",
            &[
                ("targets", "A", any, false),
                ("targets", "B", any, false),
                ("A", "C", any, false),
                ("C", "D", any, false),
            ],
            &["A", "C", "D", "B"],
        ),
        (
            "a terminating role ends the search after its own delegations",
            &[
                ("targets", "A", any, false),
                ("targets", "B", any, false),
                ("A", "C", any, true),
                ("C", "D", any, false),
            ],
            &["A", "C", "D"],
        ),
        (
            "patterns that do not match are passed over",
            &[("targets", "A", py, false), ("targets", "B", any, false), ("A", "C", any, false)],
            &["B"],
        ),
        (
            "a terminating role that does not match ends nothing",
            &[("targets", "A", py, true), ("targets", "B", any, false)],
            &["B"],
        ),
        (
            "a circle is walked once",
            &[
                ("targets", "B", any, false),
                ("B", "C", any, false),
                ("C", "D", any, false),
                ("D", "B", any, false),
            ],
            &["B", "C", "D"],
        ),
        (
            "a role reached twice is visited once",
            &[
                ("targets", "A", any, false),
                ("targets", "B", any, false),
                ("B", "C", any, false),
                ("A", "C", any, false),
            ],
            &["A", "C", "B"],
        ),
    ];
    for (name, delegations, expected) in cases {
        let repository = graph(delegations);
        let mut device = Device::new(&repository);
        assert_eq!(device.find(&repository, "missing").unwrap(), None, "{name}");
        assert_eq!(visited(&device), expected, "{name}");
    }
}

#[test]
fn a_role_may_not_describe_targets_outside_its_patterns() {
    let mut repository = Repository::new();
    repository.role("na").add("eu.ctl.json", b"evil", None).unwrap();
    repository.publish();
    let mut device = Device::new(&repository);
    assert_eq!(device.find(&repository, "eu.ctl.json").unwrap(), None);
    assert!(device.asked.is_empty(), "the role is not even asked");
}

#[test]
fn the_most_trusted_role_wins() {
    let any: &[&str] = &["*"];
    let mut repository = graph(&[("targets", "A", any, false), ("targets", "B", any, false)]);
    repository.role("A").add("x.json", b"from A", None).unwrap();
    repository.role("B").add("x.json", b"from B", None).unwrap();
    repository.publish();
    let info = Device::new(&repository).find(&repository, "x.json").unwrap().unwrap();
    assert_eq!(info.role, "A");
}

#[test]
fn delegation_by_hash_of_the_name() {
    let mut repository = graph(&[("targets", "A", &["*"], false)]);
    let prefix = crate::Digest::of(b"x.json").to_string()[..2].to_owned();
    let role = repository.role("targets").delegations.as_mut().unwrap().roles.last_mut().unwrap();
    role.paths = None;
    role.path_hash_prefixes = Some(vec![prefix]);
    assert!(role.covers("x.json") && !role.covers("y.json"));
    repository.role("A").add("x.json", b"x", None).unwrap();
    repository.publish();
    assert!(Device::new(&repository).find(&repository, "x.json").unwrap().is_some());
}

#[test]
fn a_delegated_role_needs_its_own_signers() {
    for signers in [vec![20], vec![20, 1], vec![1, 2, 3], vec![10, 11]] {
        let mut repository = Repository::new();
        repository.signers.insert("na".into(), signers);
        repository.publish();
        let mut device = Device::new(&repository);
        let error = device.find(&repository, "na.ctl.json").unwrap_err();
        assert!(matches!(error, TufError::Signatures { role, .. } if role == "na"));
        assert_eq!(device.version("na"), 0);
    }
}

#[test]
fn each_delegation_to_a_role_is_checked_with_its_own_keys() {
    // C is delegated to by A with key 20, which signed it, and by B with key 22, which did not.
    let any: &[&str] = &["*"];
    let mut repository =
        graph(&[("targets", "A", &["a*"], false), ("targets", "B", &["b*"], false), ("A", "C", any, false)]);
    repository.delegate("B", "C", &holders(1, &[22]), any, false);
    repository.role("C").add("a.json", b"a", None).unwrap();
    repository.role("C").add("b.json", b"b", None).unwrap();
    repository.publish();
    let mut device = Device::new(&repository);
    assert!(device.find(&repository, "a.json").unwrap().is_some());
    let error = device.find(&repository, "b.json").unwrap_err();
    assert!(matches!(error, TufError::Signatures { role, .. } if role == "C"), "also when it was kept");
}

#[test]
fn delegated_metadata_expires_and_cannot_be_mixed_or_missing() {
    let mut repository = Repository::new();
    repository.role("na").expires = day(1);
    repository.publish();
    let error = Device::new(&repository).find(&repository, "na.ctl.json").unwrap_err();
    assert_eq!(error, TufError::Expired { role: "na".into(), expires: day(1), now: day(1) });

    let mut repository = Repository::new();
    repository.hashes = false;
    let old = repository.files["1.na.json"].clone();
    repository.next(&["na"]);
    repository.files.insert("2.na.json".into(), old);
    let error = Device::new(&repository).find(&repository, "na.ctl.json").unwrap_err();
    assert_eq!(error, TufError::WrongVersion { role: "na".into(), listed: 2, found: 1 });

    repository.files.remove("2.na.json");
    let error = Device::new(&repository).find(&repository, "na.ctl.json").unwrap_err();
    assert_eq!(error, TufError::Missing { path: "2.na.json".into() });
}

#[test]
fn a_delegated_role_that_the_snapshot_does_not_list_is_an_error_and_not_an_absence() {
    let mut repository = Repository::new();
    repository.snapshot.meta.remove("na.json");
    repository.publish_snapshot();
    let mut device = Device::new(&repository);
    let error = device.find(&repository, "na.ctl.json").unwrap_err();
    assert_eq!(error, TufError::NotListed { role: "na".into() });
    let mut updater = device.refresh(&repository).unwrap();
    updater.seek("na.ctl.json").unwrap();
    updater.step().unwrap_err();
    updater.seek("eu.ctl.json").unwrap();
    assert_eq!(updater.step().unwrap(), Step::Done, "another search is not in the way of the first");
}

#[test]
fn a_maze_of_delegations_is_left_at_the_limit() {
    let names: Vec<String> = (0..40).map(|n| format!("role-{n}")).collect();
    let mut chain: Vec<Delegation<'_>> = vec![("targets", names[0].as_str(), &["*"], false)];
    chain.extend(names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str(), &["*"][..], false)));
    let repository = graph(&chain);
    let mut device = Device::new(&repository);
    let error = device.find(&repository, "missing").unwrap_err();
    assert_eq!(error, TufError::TooManyDelegations { limit: 32 });
    assert_eq!(device.asked.len(), 32);
}

#[test]
fn delegations_cannot_take_the_place_of_other_files() {
    let any: &[&str] = &["*"];
    for name in ["root", "timestamp", "Snapshot", ""] {
        let mut repository = Repository::new();
        let delegations = repository.role("targets").delegations.as_mut().unwrap();
        delegations.add(name, &holders(1, &[20]), vec!["*".into()], false);
        repository.publish();
        let error = Device::new(&repository).refresh(&repository).unwrap_err();
        assert!(matches!(error, TufError::Malformed { role, .. } if role == "targets"), "{name:?}");
    }
    for name in ["?", "#", "/delegatedrole", "../delegatedrole"] {
        let repository = graph(&[("targets", name, any, false)]);
        let mut device = Device::new(&repository);
        device.find(&repository, "missing").unwrap();
        let file = paths::role_file(name);
        assert_eq!(device.asked, [format!("1.{file}")]);
        assert!(!file.contains(['/', '?', '#']) && device.files.contains_key(&file));
    }
}

#[test]
fn no_target_name_leads_out_of_the_folder() {
    let repository = Repository::new();
    let mut updater = Device::fresh(&repository).refresh(&repository).unwrap();
    for name in ["../x", "", "/x", "a\\b"] {
        assert_eq!(updater.seek(name).unwrap_err(), TufError::TargetName { name: name.into() });
    }
    let error = Targets::new(1, day(1)).add("a/b.json", b"", None).unwrap_err();
    assert_eq!(error, TufError::TargetName { name: "a/b.json".into() });
}
