//! A car with little room takes the roots that somebody signed off, of those that are trusted. Attacks: whoever can
//! write the file of the selection gains no root by it, and keeps none from being removed.

use std::fs;

use ctl_client::config::{FilesConfig, SelectionConfig, SinkConfig};
use ctl_core::jws::Jws;
use ctl_core::names::Environment;
use ctl_core::parts::Standard;
use ctl_core::role::Role;
use ctl_core::selection::{SelectedRoot, Selection};

use super::with;
use crate::common::device::{names_in, set};
use crate::common::sinks::{problems, with_anchors};
use crate::common::*;

/// The key of whoever signs off.
const SIGNER: u8 = 71;

fn selection(repository: &Repository, names: &[&str]) -> Selection {
    let list = &repository.documents[&na()];
    let root = |name: &&str| SelectedRoot { fingerprint: fingerprint(name), name: name.parse().unwrap() };
    Selection {
        environment: Environment::Test,
        format: 1,
        issued_at: start(),
        list: "na".parse().unwrap(),
        roots: names.iter().map(root).collect(),
        scheme: list["scheme"].as_str().unwrap().parse().unwrap(),
        sequence: 1,
        standard: Standard::Iso15118_2,
        r#type: Selection::TYPE.into(),
        why: "room for these".into(),
    }
}

fn signed(selection: &Selection, signer: u8, typ: &str) -> Vec<u8> {
    Jws::sign(selection.payload(), typ, &[&key(signer)]).unwrap().to_bytes()
}

fn good(selection: &Selection) -> Vec<u8> {
    signed(selection, SIGNER, Selection::JWS_TYPE)
}

/// A device whose folder of PEM `car` has room for what is selected.
fn device(repository: &Repository) -> Device {
    let device = with(repository, "car", |path| {
        let at = |name: &str| path.with_file_name(name);
        let selection = Some(SelectionConfig { file: at("selection.jws"), key: at("selection.pub") });
        SinkConfig::Pem(FilesConfig { selection, ..FilesConfig::at(path) })
    });
    fs::write(device.path("selection.pub"), key(SIGNER).public_key().to_pem()).unwrap();
    device
}

fn car(device: &Device) -> std::collections::BTreeSet<&'static str> {
    let files = fs::read_dir(device.path("car/current")).into_iter().flatten().flatten();
    files.flat_map(|file| names_in(&file.path())).collect()
}

fn write(device: &Device, bytes: impl AsRef<[u8]>) {
    fs::write(device.path("selection.jws"), bytes).unwrap();
}

#[test]
fn a_car_takes_what_was_signed_off_and_another_selection_later() {
    let repository = Repository::new();
    let mut device = device(&repository);
    write(&device, good(&selection(&repository, &["beta"])));
    let report = device.sync(&repository);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(car(&device), set(&["beta"]));
    let status = device.status();
    assert!(!status.is_wrong(), "{status}");
    let left: Vec<_> = status.left_out.iter().filter(|line| line.by.ends_with("car")).collect();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|line| line.reason == "the selection does not name it"));
    // The others have room for all.
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    write(&device, good(&selection(&repository, &["alpha", "beta"])));
    assert!(device.sync(&repository).is_success());
    assert_eq!(car(&device), set(&["alpha", "beta"]));
    write(&device, good(&selection(&repository, &["alpha"])));
    assert!(device.sync(&repository).is_success());
    assert_eq!(car(&device), set(&["alpha"]));
    device.assert_sound();
}

#[test]
fn a_selection_never_adds_trust() {
    let mut repository = Repository::new();
    let mut device = device(&repository);
    write(&device, good(&selection(&repository, &["evil", "alpha", "beta"])));
    assert!(device.sync(&repository).is_success());
    assert_eq!(car(&device), set(&["alpha", "beta"]));
    let status = device.status();
    assert!(status.to_string().contains("(evil), which is not trusted here: no list"), "{status}");
    // Nor does it keep what is suspended, or dropped.
    repository.pass(60);
    repository.set_notices(vec![notice(3, "na", "beta", repository.now.plus_seconds(2 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    assert!(device.sync(&repository).is_success());
    assert_eq!(car(&device), set(&["alpha"]));
    assert!(device.status().to_string().contains("suspended by notice 3"), "{}", device.status());
}

/// What cannot be followed, and what is said of it.
fn bad(repository: &Repository) -> Vec<(&'static str, Option<Vec<u8>>, &'static str)> {
    let all = selection(repository, &["alpha", "beta", "gamma"]);
    let other_scheme = Selection { scheme: ctl_core::Digest::of(b"another"), ..all.clone() };
    let production = Selection { environment: Environment::Production, ..all.clone() };
    let other_list = Selection { list: "eu".parse().unwrap(), ..all.clone() };
    let two_lines = Selection { why: "for these\n2. and those".into(), ..all.clone() };
    let mut forged = Jws::parse(&good(&selection(repository, &["alpha"])), 100_000).unwrap();
    forged.payload = all.payload();
    let cut = good(&all);
    vec![
        ("missing", None, "does not exist"),
        ("empty", Some(vec![]), "the selection"),
        ("truncated", Some(cut[..cut.len() / 2].to_vec()), "the selection"),
        ("of another key", Some(signed(&all, 73, Selection::JWS_TYPE)), "not signed with the key"),
        ("signed as something else", Some(signed(&all, SIGNER, "v2g.mo-registry+jws")), "of type"),
        ("changed after it was signed", Some(forged.to_bytes()), "not signed with the key"),
        ("of another scheme", Some(good(&other_scheme)), "for another scheme"),
        ("of the production scheme", Some(good(&production)), "for another scheme"),
        ("of another list", Some(good(&other_list)), "list eu, which this device does not follow"),
        ("with a reason that looks like more", Some(good(&two_lines)), "on one line"),
        ("not signed", Some(all.payload()), "the selection"),
        ("huge", Some(vec![b' '; 600 * 1024]), "selection.jws"),
    ]
}

#[test]
fn a_selection_that_cannot_be_followed_changes_nothing_but_removals() {
    let original = Repository::new();
    for (what, bytes, said) in bad(&original) {
        let mut repository = original.clone();
        let mut device = device(&repository);
        write(&device, good(&selection(&repository, &["alpha", "beta"])));
        assert!(device.sync(&repository).is_success());
        match bytes {
            Some(bytes) => write(&device, bytes),
            None => fs::remove_file(device.path("selection.jws")).unwrap(),
        }
        let report = device.sync(&repository);
        let text = problems(&report);
        assert!(text.contains("only what must go changes there") && text.contains(said), "{what}: {text}");
        assert!(!report.is_success() && report.is_complete(), "{what}: the exit status says so");
        assert!(device.status().is_wrong() && device.status().to_string().contains(said), "{what}");
        assert_eq!(car(&device), set(&["alpha", "beta"]), "{what}");
        // Nor does anybody say that a sync would bring more.
        let known = device.client.known().unwrap();
        let asked = known.places(fingerprint("gamma")).into_iter().find(|place| place.sink.ends_with("car"));
        let asked = asked.unwrap();
        assert!(asked.files.is_empty() && asked.reason.unwrap().contains(said), "{what}");
        let found = device::block_on(device.client.preflight(None)).unwrap();
        let of_car = |sink: &str| sink.ends_with("car");
        assert!(!found.stores.iter().any(|store| of_car(&store.sink)
            && store.problems.iter().any(|problem| problem.remedy.contains("run sync"))));
        assert!(found.sinks.iter().any(|(sink, problem)| of_car(sink) && problem.problem.contains(said)));
        // A root comes, and one is suspended: only the second has an effect.
        let mut next = with_anchors(&mut repository, &["alpha", "beta", "evil", "gamma"]);
        next.pass(60);
        next.set_notices(vec![notice(3, "na", "beta", next.now.plus_seconds(2 * DAY))]);
        next.publish(&Role::Notices);
        next.refresh();
        device.sync(&next);
        assert_eq!(car(&device), set(&["alpha"]), "{what}");
        write(&device, good(&selection(&next, &["alpha", "evil"])));
        assert!(device.sync(&next).is_success(), "{what}");
        assert_eq!(car(&device), set(&["alpha", "evil"]), "{what}");
    }
}

#[test]
fn a_car_that_was_never_filled_waits_for_a_selection_that_can_be_followed() {
    let repository = Repository::new();
    let mut device = device(&repository);
    let text = problems(&device.sync(&repository));
    assert!(text.contains("selection.jws does not exist"), "{text}");
    assert!(!device.path("car").exists());
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]), "nothing else waits for it");
    write(&device, good(&selection(&repository, &["alpha"])));
    fs::write(device.path("selection.pub"), "no key").unwrap();
    let text = problems(&device.sync(&repository));
    assert!(text.contains("selection.pub holds no public key in PEM"), "{text}");
    fs::write(device.path("selection.pub"), key(SIGNER).public_key().to_pem()).unwrap();
    assert!(device.sync(&repository).is_success());
    assert_eq!(car(&device), set(&["alpha"]));
}

#[test]
fn a_selection_of_nothing_that_is_trusted_empties_no_sink() {
    let repository = Repository::new();
    let mut device = device(&repository);
    write(&device, good(&selection(&repository, &["alpha"])));
    assert!(device.sync(&repository).is_success());
    write(&device, good(&selection(&repository, &["evil"])));
    let text = problems(&device.sync(&repository));
    assert!(text.contains("its files keeps its former content"), "{text}");
    assert_eq!(car(&device), set(&["alpha"]));
    assert!(device.status().is_wrong());
}

#[test]
fn attack_a_sink_that_forgot_that_it_was_filled_still_removes_under_a_bad_selection() {
    let mut repository = Repository::new();
    let mut device = device(&repository);
    write(&device, good(&selection(&repository, &["alpha", "beta"])));
    assert!(device.sync(&repository).is_success());
    fs::remove_file(device.path("car/placed")).unwrap();
    write(&device, "no selection");
    repository.pass(60);
    repository.set_notices(vec![notice(3, "na", "beta", repository.now.plus_seconds(2 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let text = problems(&device.sync(&repository));
    assert!(text.contains("only what must go changes there"), "{text}");
    assert_eq!(car(&device), set(&["alpha"]));
    // What was there before our first change was nothing, and our own files are not taken for it.
    assert!(!device.path("car/before").exists());
}
