//! Attacks by whoever owns the directories that anchors are written to, and layouts of the operator's:
//! links and mount points.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::common::device::{Options, names_in, set};
use crate::common::power::Power;
use crate::common::sinks::*;
use crate::common::*;

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

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
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
fn a_generation_that_becomes_a_link_while_it_is_written_leads_nobody_out() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    let victim = victim(&device);
    device.restart(Box::new(Power::planting(&victim)));
    for _ in 0..2 {
        let report = device.sync(&repository);
        assert!(problems(&report).contains("it is a symbolic link, and somebody planted it"), "{report:?}");
        assert_unharmed(&victim);
    }
    assert!(device.status().is_wrong());
}

#[test]
fn links_inside_a_generation_are_neither_read_nor_followed() {
    let original = Repository::new();
    let mut repository = original.clone();
    let mut device = Device::new(&repository);
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
    let mut device = replacing(&repository);
    assert!(device.sync(&repository).is_success());
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
        let mut device = Device::new(&repository);
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
    let mut device = Device::new(&repository);
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
    let mut device = Device::new(&repository);
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
