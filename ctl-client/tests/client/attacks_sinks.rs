//! What lists say and others left must not spoil what devices read; and what a mirror keeps back must
//! not fill a sink.

use std::fs;

use ctl_core::Digest;
use ctl_core::role::Role;
use ctl_pki::Certificate;
use serde_json::json;

use crate::common::device::{Options, names_in, set};
use crate::common::sinks::*;
use crate::common::*;

fn der_with_padded_serial(certificate: &Certificate) -> Certificate {
    let mut der = certificate.der().to_vec();
    let serial = der.windows(5).position(|window| window == [0xa0, 3, 2, 1, 2]).unwrap() + 5;
    assert_eq!(der[serial], 2);
    // One byte more in the serial number, the signed part and the whole.
    der[serial + 1] += 1;
    der.insert(serial + 2, 0);
    for length in [2, 6] {
        let longer = u16::from_be_bytes([der[length], der[length + 1]]) + 1;
        der[length..length + 2].copy_from_slice(&longer.to_be_bytes());
    }
    Certificate::from_der(&der).unwrap()
}

#[test]
fn a_listed_certificate_that_devices_cannot_read_is_left_out_loudly_and_the_others_stay_readable() {
    let mut repository = Repository::new();
    let spoiling = der_with_padded_serial(&roots()["evil"]);
    repository.set_list(&na(), vec![anchor("alpha"), anchor("gamma"), anchor_with("spoiler", &spoiling)]);
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::new(&repository);
    for _ in 0..2 {
        let report = device.sync(&repository);
        assert!(!report.is_success() && report.is_complete(), "the exit status says so: {report:?}");
        let text = problems(&report);
        assert_eq!(text.matches("devices could read nothing of a file that holds it").count(), 2, "{text}");
        assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    }
    let status = device.status();
    assert!(status.is_wrong() && status.to_string().contains("Tell the governance body"), "{status}");
    // It is no failure of the sync, which would be tried again and again.
    assert_eq!(status.last_sync.unwrap().failures, 0);
    for file in fs::read_dir(device.path("pem/current")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!ctl_pki::readable_bundle(&bytes).unwrap().is_empty());
    }
}

/// What an operator has in a bundle, and whether our anchors can stand beside it.
fn of_others() -> Vec<(&'static str, Vec<u8>, bool)> {
    let evil = &roots()["evil"];
    let pem = evil.to_pem();
    let trusted = pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    let half = pem[..pem.len() / 2].to_owned();
    let without_newline = pem.trim_end().to_owned();
    let padded = der_with_padded_serial(evil).to_pem();
    vec![
        ("text around", format!("# by hand, 2024\n{pem}# end\n").into(), true),
        ("CRLF", pem.replace('\n', "\r\n").into(), true),
        ("no newline at the end", without_newline.into(), true),
        ("DER in a .pem", evil.der().to_vec(), false),
        ("TRUSTED CERTIFICATE", trusted.into(), false),
        ("truncated", half.clone().into(), false),
        ("truncated, then whole", format!("{half}\n{pem}").into(), false),
        ("unreadable for devices", padded.into(), false),
        ("not text", b"\xff\xfe\0\0 something else".to_vec(), false),
    ]
}

#[test]
fn what_others_left_is_kept_byte_for_byte_or_the_change_is_refused_and_said() {
    let original = Repository::new();
    for (what, bytes, beside) in of_others() {
        let mut repository = original.clone();
        let mut device = Device::new(&repository);
        place(device.path(V2G), &bytes);
        for names in [&["alpha", "beta"][..], &["alpha"], &["beta", "gamma"]] {
            let report = device.sync(&with_anchors(&mut repository, names));
            let found = fs::read(device.path(V2G)).unwrap();
            if beside {
                assert!(report.is_success(), "{what}: {}", problems(&report));
                let ours = ctl_pki::readable_bundle(&found).unwrap();
                let v2g = names.iter().filter(|name| **name != "gamma");
                assert_eq!(ours.len(), v2g.count() + 1, "{what}");
            } else {
                let text = problems(&report);
                assert!(
                    text.contains("V2G_ROOT_CA.pem holds what this client did not put there"),
                    "{what}: {text}"
                );
                assert!(device.status().is_wrong(), "{what}");
                assert!(report.is_complete(), "{what}: what the lists say is known all the same: {text}");
            }
            assert!(found.starts_with(&bytes), "{what}");
        }
        // The other bundle is written all the same.
        assert_eq!(names_in(&device.path("everest/ca/mo/MO_ROOT_CA.pem")), set(&["gamma"]), "{what}");
    }
}

#[test]
fn a_suspension_takes_effect_beside_whatever_others_left_and_none_of_that_is_lost() {
    let repository = Repository::new();
    let mut suspended = repository.clone();
    suspended.pass(60);
    suspended.set_notices(vec![notice(3, "na", "beta", suspended.now.plus_seconds(2 * DAY))]);
    suspended.publish(&Role::Notices);
    suspended.refresh();
    for (what, bytes, beside) in of_others() {
        if what == "not text" {
            continue;
        }
        for ours_first in [true, false] {
            let mut device = Device::new(&repository);
            assert!(device.sync(&repository).is_success());
            let ours = fs::read(device.path(V2G)).unwrap();
            fs::remove_file(device.path(V2G)).unwrap();
            let order =
                if ours_first { [ours, bytes.clone()] } else { [bytes.clone(), [b"\n", &ours[..]].concat()] };
            place(device.path(V2G), order.concat());
            let report = device.sync(&suspended);
            assert_eq!(report.is_success(), beside, "{what}: {}", problems(&report));
            let found = fs::read(device.path(V2G)).unwrap();
            assert!(found.windows(bytes.len()).any(|window| window == bytes), "{what}");
            let text = String::from_utf8_lossy(&found);
            assert!(!text.contains(&roots()["beta"].to_pem()), "{what}");
            assert!(text.contains(&roots()["alpha"].to_pem()), "{what}");
        }
    }
}

#[test]
fn distrust_reaches_what_others_left_in_any_form() {
    let repository = Repository::new();
    let mut distrusting = repository.clone();
    distrusting.documents.get_mut(&na()).unwrap()["distrusted"] =
        json!([distrusted("certificate", fingerprint("evil")), distrusted("spki", spki("evil"))]);
    distrusting.publish(&na());
    distrusting.refresh();
    let pem = roots()["evil"].to_pem();
    for bytes in [
        pem.clone().into_bytes(),
        roots()["evil"].der().to_vec(),
        pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE").into_bytes(),
        pem.replace("CERTIFICATE", "X509 CERTIFICATE").into_bytes(),
    ] {
        let mut device = Device::new(&repository);
        place(device.path(V2G), &bytes);
        let report = device.sync(&distrusting);
        assert!(report.is_success(), "{}", problems(&report));
        assert_eq!(names_in(&device.path(V2G)), set(&["alpha", "beta"]));
    }
}

#[test]
fn what_was_there_before_the_first_change_is_kept_whatever_comes_later() {
    let original = Repository::new();
    let first = roots()["evil"].to_pem();
    for keep_foreign in [false, true] {
        let mut repository = original.clone();
        let mut device = Device::with(&repository, Options { keep_foreign, ..Options::default() });
        place(device.path(V2G), &first);
        assert!(device.sync(&repository).is_success());
        // EVerest replaces the file, and the list changes.
        fs::remove_file(device.path(V2G)).unwrap();
        place(device.path(V2G), roots()["beta"].to_pem());
        assert!(device.sync(&with_anchors(&mut repository, &["alpha"])).is_success());
        let kept = device.path("everest/.ctl-client/before/V2G_ROOT_CA.pem");
        assert_eq!(fs::read_to_string(kept).unwrap(), first);
    }
}

#[test]
fn the_operator_s_command_judges_the_files_before_they_are_in_place() {
    let original = Repository::new();
    // Fails as soon as the bundle names beta.
    let mark = roots()["beta"].to_pem().lines().nth(3).unwrap().to_owned();
    let asked = tempfile::NamedTempFile::new().unwrap();
    let times = || fs::read_to_string(asked.path()).unwrap().lines().count();
    let script = format!(
        "echo >>{}; for f in \"$1\"/*.pem; do test -f \"$f\" || exit 9; done; ! grep -qF '{mark}' \"$1\"/*.pem",
        asked.path().display()
    );
    let check = vec!["/bin/sh".to_owned(), "-c".into(), script, "check".into()];
    let mut repository = original.clone();
    let mut device = Device::with(&repository, Options { check, ..Options::default() });
    assert!(device.sync(&with_anchors(&mut repository, &["alpha", "gamma"])).is_success());
    let report = device.sync(&with_anchors(&mut repository, &["alpha", "beta", "gamma"]));
    let text = problems(&report);
    assert_eq!(text.matches("keeps its former content: the command before a change").count(), 2, "{text}");
    assert!(!report.is_complete());
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    let status = device.status();
    assert!(status.is_wrong() && status.to_string().contains("the command before a change"), "{status}");
    // At each sync it is asked once about each sink, although sinks are looked at twice.
    let before = times();
    assert!(!device.sync(&repository).is_success());
    assert_eq!(times(), before + 2);
    // Nothing is left of the attempts.
    let generations = fs::read_dir(device.path("pem")).unwrap().flatten();
    let generations =
        generations.filter(|entry| entry.file_name().to_string_lossy().starts_with("generation-"));
    assert_eq!(generations.count(), 1);
    assert!(device.sync(&with_anchors(&mut repository, &["gamma"])).is_success());
    assert_eq!(device.trusted(), set(&["gamma"]));
}

/// Two lists: `eu` names beta, which `na` distrusts.
fn one_list_withdraws_what_the_other_names() -> Repository {
    let mut repository = Repository::new();
    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("beta"))]);
    repository.set_anchors(&na(), &["alpha"]);
    repository.publish(&na());
    repository.set_anchors(&eu(), &["beta", "gamma"]);
    repository.publish(&eu());
    repository.refresh();
    repository
}

/// A mirror needs no key to keep back what one list says.
fn without_na(repository: &Repository) -> Repository {
    let mut hiding = repository.clone();
    hiding.files.retain(|path, _| !path.contains("na.ctl.json"));
    hiding
}

#[test]
fn a_mirror_that_hides_a_list_from_a_new_device_gives_it_nothing() {
    let honest = one_list_withdraws_what_the_other_names();
    for lists in [vec![], vec!["na", "eu"]] {
        let mut device = Device::with(&honest, Options { lists, ..Options::default() });
        for _ in 0..2 {
            let report = device.sync(&without_na(&honest));
            assert!(
                problems(&report).contains("was never filled, and is not before every list"),
                "{report:?}"
            );
            assert_eq!(device.trusted(), set(&[]));
            let status = device.status().to_string();
            assert!(status.contains("ERROR") && status.contains("na is missing"), "{status}");
        }
        let report = device.sync(&honest);
        assert!(report.is_success(), "{}", problems(&report));
        assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    }
}

#[test]
fn a_thief_of_the_server_s_keys_cannot_say_that_a_list_was_never_published() {
    let honest = one_list_withdraws_what_the_other_names();
    let mut thief = honest.clone();
    thief.roles.remove("na");
    thief.refresh();
    let mut device = Device::with(&honest, Options { lists: vec![], ..Options::default() });
    let report = device.sync(&thief);
    assert!(problems(&report).contains("was never filled"), "{}", problems(&report));
    assert_eq!(device.trusted(), set(&[]));
}

#[test]
fn later_an_unseen_list_adds_nothing_and_delays_nothing() {
    let original = Repository::new();
    let mut repository = original.clone();
    let mut device = Device::with(&repository, Options { lists: vec!["na"], ..Options::default() });
    assert!(device.sync(&repository).is_success());
    // The operator follows one more, and a mirror hides it.
    let config = fs::read_to_string(device.path("state/client.toml")).unwrap();
    let more = config.replace("lists = [\"na\"]", "lists = [\"na\", \"eu\"]");
    assert_ne!(config, more);
    fs::write(device.path("state/client.toml"), more).unwrap();
    device.restart(Box::new(crate::common::power::Unflushed));
    let mut next = with_anchors(&mut repository, &["alpha"]);
    let report = device.sync(&next);
    assert!(!report.is_success(), "the other list is missing");
    assert_eq!(device.trusted(), set(&["alpha"]));
    next.set_anchors(&eu(), &["gamma"]);
    next.publish(&eu());
    next.refresh();
    assert!(device.sync(&next).is_success());
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
}

#[test]
fn the_owner_of_a_sink_s_folder_cannot_make_the_device_forget_what_it_knows() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let many: String = (0..70_000_u32).map(|n| format!("{}\n", Digest::of(&n.to_be_bytes()))).collect();
    for sink in ["pem", "everest/.ctl-client"] {
        let own = fs::read_to_string(device.path(sink).join("placed")).unwrap();
        fs::write(device.path(sink).join("placed"), own + &many).unwrap();
    }
    let report = device.sync(&with_anchors(&mut repository, &["alpha", "gamma"]));
    assert!(report.is_success(), "{}", problems(&report));
    let (state, damage) = device.state_directory().load().unwrap();
    assert_eq!((state.memory_lost, damage), (false, vec![]));
    assert!(state.placed.values().all(|placed| placed.len() == 3), "{:?}", state.placed);
    assert_eq!(device.trusted(), set(&["alpha", "gamma"]));
    device.assert_sound();
}

#[test]
fn no_bundle_is_emptied_by_absence_while_another_one_has_anchors() {
    let mut repository = Repository::new();
    let mut device = Device::synced(&repository);
    let v2g = |device: &Device| names_in(&device.path(V2G));
    // No listed V2G root can be used here, and the MO root can.
    repository.pass(60);
    repository.set_list(&na(), vec![constrained("alpha", "unheard_of", json!(1), true), anchor("gamma")]);
    repository.publish(&na());
    repository.refresh();
    for _ in 0..2 {
        let report = device.sync(&repository);
        let text = problems(&report);
        assert!(text.contains("V2G_ROOT_CA.pem keeps its former content"), "{text}");
        assert!(text.contains("v2g-iso15118-2.pem keeps its former content"), "{text}");
        assert!(report.is_complete(), "it is no failure of the sync: {text}");
        assert_eq!(v2g(&device), set(&["alpha", "beta"]));
        assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    }
    assert!(device.status().is_wrong());
    // What is said against an anchor counts all the same, and may empty the bundle.
    repository.set_notices(vec![notice(3, "na", "beta", repository.now.plus_seconds(DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    device.sync(&repository);
    assert_eq!((v2g(&device), device.trusted()), (set(&["alpha"]), set(&["alpha", "gamma"])));
    repository.set_list(&na(), vec![constrained("evil", "unheard_of", json!(1), true), anchor("gamma")]);
    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("alpha"))]);
    repository.publish(&na());
    repository.refresh();
    // What distrust emptied is told, and not once only.
    for _ in 0..2 {
        let report = device.sync(&repository);
        assert_eq!((v2g(&device), device.trusted()), (set(&[]), set(&["gamma"])));
        let text = problems(&report);
        assert!(text.contains("V2G_ROOT_CA.pem TRUSTS NOBODY"), "{text}");
        assert!(text.contains("v2g-iso15118-2.pem TRUSTS NOBODY"), "{text}");
        assert!(report.is_complete(), "it is no failure of the sync: {text}");
        assert!(device.status().to_string().contains("V2G_ROOT_CA.pem TRUSTS NOBODY"));
    }
}

#[test]
fn a_bundle_that_a_notice_or_the_operator_empties_is_told_beside_one_that_holds_anchors() {
    for by_notice in [true, false] {
        let mut repository = Repository::new();
        let mut device = Device::synced(&repository);
        if by_notice {
            repository.pass(60);
            repository.set_notices(vec![notice(3, "na", "gamma", repository.now.plus_seconds(DAY))]);
            repository.publish(&Role::Notices);
            repository.refresh();
        } else {
            let gamma = fingerprint("gamma");
            device.configure(&format!("[[local.distrust]]\nsha256 = \"{gamma}\"\nreason = \"ours\""));
        }
        for _ in 0..2 {
            let text = problems(&device.sync(&repository));
            assert!(text.contains("MO_ROOT_CA.pem TRUSTS NOBODY"), "{text}");
            assert!(text.contains("mo-iso15118-2.pem TRUSTS NOBODY"), "{text}");
            assert_eq!(text.matches("TRUSTS NOBODY").count(), 2, "{text}");
            assert!(device.status().is_wrong());
            assert_eq!(device.trusted(), set(&["alpha", "beta"]));
        }
    }
}

#[test]
fn a_pipe_planted_after_the_check_does_not_hold_up_the_client() {
    let script = "d=\"$1/../../ca/v2g\"; test ! -d \"$d\" || { rm -f \"$d\"/V2G_ROOT_CA.pem && \
                  mkfifo \"$d\"/V2G_ROOT_CA.pem; }";
    let check = ["/bin/sh", "-c", script, "check"].map(str::to_owned).to_vec();
    let (done, waits) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let repository = Repository::new();
        let mut device = Device::with(&repository, Options { check, ..Options::default() });
        let report = device.sync(&repository);
        done.send(problems(&report)).unwrap();
    });
    let text = waits.recv_timeout(std::time::Duration::from_secs(120)).expect("it hangs");
    assert!(text.contains("read back") && text.contains("not a regular file"), "{text}");
}
