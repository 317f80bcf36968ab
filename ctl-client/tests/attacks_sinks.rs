//! Attacks on the places that anchors are written to, by whoever owns them, by what others left there
//! and by what a list says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::device::{Options, names_in, set};
use common::*;
use ctl_core::role::Role;
use ctl_pki::Certificate;
use serde_json::json;

const V2G: &str = "everest/ca/v2g/V2G_ROOT_CA.pem";

fn problems(report: &ctl_client::sync::SyncReport) -> String {
    report.problems.iter().map(|problem| format!("{}: {}\n", problem.about, problem.error)).collect()
}

/// A directory of root's that nobody else may read or write, with a file in it.
fn victim(device: &Device) -> PathBuf {
    let folder = device.path("root-only");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("secret.pem"), b"secret").unwrap();
    folder
}

fn assert_unharmed(victim: &Path) {
    let names: Vec<_> = fs::read_dir(victim).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["secret.pem"]);
    assert_eq!(fs::read(victim.join("secret.pem")).unwrap(), b"secret");
}

fn place(path: PathBuf, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}

fn keeping(repository: &Repository) -> Device {
    Device::with(repository, Options { keep_foreign: true, ..Options::default() })
}

/// The repository with its next list.
fn with_anchors(repository: &mut Repository, names: &[&str]) -> Repository {
    repository.pass(60);
    repository.set_anchors(&na(), names);
    repository.publish(&na());
    repository.refresh();
    repository.clone()
}

#[test]
fn a_link_where_a_generation_should_be_is_refused_and_not_emptied() {
    let original = Repository::new();
    for (number, base) in
        [0, 1, 7, u64::MAX].into_iter().flat_map(|n| [(n, "pem"), (n, "everest/.ctl-client")])
    {
        let mut repository = original.clone();
        let mut device = Device::synced(&repository);
        let victim = victim(&device);
        let planted = device.path(base).join(format!("generation-{number}"));
        let _ = fs::remove_dir_all(&planted);
        symlink(&victim, &planted).unwrap();
        for names in [&["alpha"][..], &["beta"], &["gamma"]] {
            let report = device.sync(&with_anchors(&mut repository, names));
            assert!(problems(&report).contains("is a symbolic link, and somebody planted it"), "{report:?}");
        }
        assert_unharmed(&victim);
        assert!(device.status().is_wrong());
        fs::remove_file(&planted).unwrap();
        assert!(device.sync(&with_anchors(&mut repository, &["alpha"])).is_success());
        assert_eq!(device.trusted(), set(&["alpha"]));
    }
}

#[test]
fn links_at_any_name_of_ours_lead_nobody_out() {
    let repository = Repository::new();
    for keep_foreign in [false, true] {
        for base in ["pem", "everest/.ctl-client"] {
            for name in
                [".placed.tmp", "placed", ".current.tmp", "before", ".placed.0123456789abcdef.tmp", "current"]
            {
                let mut device = Device::with(&repository, Options { keep_foreign, ..Options::default() });
                let victim = victim(&device);
                let target = match name {
                    "before" | "current" => victim.clone(),
                    _ => victim.join("secret.pem"),
                };
                fs::create_dir_all(device.path(base)).unwrap();
                symlink(target, device.path(base).join(name)).unwrap();
                place(device.path(V2G), roots()["evil"].to_pem());
                let report = device.sync(&repository);
                let what = format!("{base}/{name}: {}", problems(&report));
                assert_unharmed(&victim);
                if name == "current" || (name == "before" && base != "pem") {
                    assert!(what.contains("symbolic link") || what.contains("no generation"), "{what}");
                    fs::remove_file(device.path(base).join(name)).unwrap();
                    assert!(device.sync(&repository).is_success());
                } else {
                    assert!(report.is_success(), "{what}");
                }
                // Nothing was copied out either.
                let evil = if keep_foreign {
                    &["alpha", "beta", "gamma", "evil"][..]
                } else {
                    &["alpha", "beta", "gamma"]
                };
                assert_eq!(device.everest(), set(evil), "{what}");
                assert_eq!(device.pem(), set(&["alpha", "beta", "gamma"]), "{what}");
            }
        }
    }
}

#[test]
fn links_inside_a_generation_are_neither_read_nor_followed() {
    let original = Repository::new();
    let mut repository = original.clone();
    let mut device = keeping(&repository);
    assert!(device.sync(&repository).is_success());
    let victim = victim(&device);
    symlink(victim.join("secret.pem"), device.path("pem/current/mine.pem")).unwrap();
    let report = device.sync(&with_anchors(&mut repository, &["alpha"]));
    assert!(problems(&report).contains("mine.pem is no regular file"), "{}", problems(&report));
    assert!(device.status().is_wrong());
    fs::remove_file(device.path("pem/current/mine.pem")).unwrap();
    assert!(device.sync_again().unwrap().is_success());
    // A file that we put there, replaced by a link: without keep_foreign it is simply written anew.
    let repository = original.clone();
    let mut device = Device::synced(&repository);
    let own = device.path(&format!("pem/current/{}.pem", fingerprint("alpha")));
    fs::remove_file(&own).unwrap();
    symlink(victim.join("secret.pem"), &own).unwrap();
    assert!(device.sync(&repository).is_success());
    assert!(!is_link(&own));
    assert_unharmed(&victim);
    device.assert_sound();
}

/// EVerest's `ca`, or a part of it, on another partition.
#[test]
fn everest_s_folders_may_be_links_and_the_bundles_are_read_through_them() {
    let original = Repository::new();
    for (link, absolute) in [("ca", false), ("ca", true), ("ca/v2g", false), ("ca/v2g", true), ("", true)] {
        let mut repository = original.clone();
        let mut device = keeping(&repository);
        let partition = device.path("partition/deep/below");
        fs::create_dir_all(partition.join("v2g")).unwrap();
        let to = if link == "ca/v2g" { partition.join("v2g") } else { partition.clone() };
        let at: PathBuf = device.path("everest").join(link).components().collect();
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        let up = if link == "ca/v2g" { "../../" } else { "../" };
        let text = match absolute {
            true => to.clone(),
            false => Path::new(up).join(to.strip_prefix(device.folder.path()).unwrap()),
        };
        symlink(text, &at).unwrap();
        place(device.path(V2G), roots()["evil"].to_pem());
        for names in [&["alpha", "beta"][..], &["alpha", "gamma"], &["beta"]] {
            let report = device.sync(&with_anchors(&mut repository, names));
            assert!(report.is_success(), "{link}: {}", problems(&report));
            let expected: Vec<_> = names.iter().chain(&["evil"]).copied().collect();
            assert_eq!(device.everest(), set(&expected), "{link}");
            device.assert_sound();
        }
        assert!(is_link(&at) && is_link(&device.path(V2G)));
    }
}

#[test]
fn a_bundle_that_is_a_link_of_the_operator_s_is_taken_over_and_its_target_left_alone() {
    let repository = Repository::new();
    let mut device = keeping(&repository);
    let own = device.path("elsewhere/own.pem");
    place(own.clone(), roots()["evil"].to_pem());
    fs::create_dir_all(device.path("everest/ca/v2g")).unwrap();
    symlink(&own, device.path(V2G)).unwrap();
    assert!(device.sync(&repository).is_success());
    assert_eq!(names_in(&device.path(V2G)), set(&["alpha", "beta", "evil"]));
    assert_eq!(fs::read_to_string(&own).unwrap(), roots()["evil"].to_pem());
}

#[test]
fn links_that_lead_nowhere_and_folders_where_a_file_should_be_are_refused_and_nothing_is_broken() {
    let repository = Repository::new();
    for (at, target, why) in [
        ("everest/ca", "not-mounted", "leads nowhere"),
        ("everest/ca/v2g", "/not/mounted", "leads nowhere"),
        (V2G, "/not/mounted.pem", "where nothing is"),
    ] {
        let mut device = Device::new(&repository);
        let at = device.path(at);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        symlink(target, &at).unwrap();
        let report = device.sync(&repository);
        assert!(problems(&report).contains(why), "{}", problems(&report));
        assert_eq!(fs::read_link(&at).unwrap(), Path::new(target));
        // The other sink is none the worse.
        assert_eq!(device.pem(), set(&["alpha", "beta", "gamma"]));
    }
    let mut device = Device::new(&repository);
    place(device.path(V2G).join("one.pem"), roots()["evil"].to_pem());
    let report = device.sync(&repository);
    assert!(problems(&report).contains("a directory of certificates stands here"), "{}", problems(&report));
    assert!(device.path(V2G).join("one.pem").exists());
}

/// Only root can make what belongs to somebody else; nobody else would have anything to lose.
#[test]
fn a_stranger_s_link_to_something_of_root_s_is_not_followed() {
    let repository = Repository::new();
    let mut device = keeping(&repository);
    let victim = victim(&device);
    fs::create_dir_all(device.path("everest")).unwrap();
    symlink(&victim, device.path("everest/ca")).unwrap();
    if std::os::unix::fs::lchown(device.path("everest/ca"), Some(12345), Some(12345)).is_err() {
        return;
    }
    let report = device.sync(&repository);
    assert!(problems(&report).contains("belongs to user 12345"), "{}", problems(&report));
    assert_unharmed(&victim);
}

fn der_with_padded_serial(certificate: &Certificate) -> Certificate {
    let mut der = certificate.der().to_vec();
    let serial = der.windows(5).position(|window| window == [0xa0, 3, 2, 1, 2]).unwrap() + 5;
    assert_eq!(der[serial], 2);
    // One octet more in the serial number, the signed part and the whole.
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
        let mut device = keeping(&repository);
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
            let mut device = keeping(&repository);
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
        let mut device = keeping(&repository);
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
    let script =
        format!("for f in \"$1\"/*.pem; do test -f \"$f\" || exit 9; done; ! grep -qF '{mark}' \"$1\"/*.pem");
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
    device.restart(Box::new(common::power::Unflushed));
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
