//! The program as people and scripts meet it: exit codes, JSON, key files, questions.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ctl_core::role::Role;
use serde_json::Value;

use crate::common::story::{World, key, na};
use crate::common::{files, root_json, write};

fn ctl_admin(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctl-admin"))
        .args(arguments)
        .current_dir(directory)
        .env("XDG_CACHE_HOME", directory.join("cache"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_key_is_made_shown_and_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let made = ctl_admin(directory.path(), &["key", "new", "me.pem", "--json"]);
    assert_eq!(code(&made), 0, "{}", errors(&made));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let mode = std::fs::metadata(directory.path().join("me.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = ctl_admin(directory.path(), &["--json", "key", "show", "me.pub"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["key_id"], made["key_id"]);
    let again = ctl_admin(directory.path(), &["key", "new", "me.pem"]);
    assert_eq!(code(&again), 2);
    assert!(errors(&again).contains("exists already"), "{}", errors(&again));
}

#[test]
fn unusable_input_is_two_and_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    for (arguments, expected) in [
        (&["review"][..], "--url is missing"),
        (&["review", "--url", "http://127.0.0.1:9"], "--root"),
        (&["review", "--url", "ftp://x", "--root", "nothing.json"], "nothing.json"),
        (&["vote", "3", "maybe", "--key", "k"], "maybe"),
        (&["no-such-command"], "no-such-command"),
    ] {
        let output = ctl_admin(here, arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(errors(&output).contains(expected), "{arguments:?}: {}", errors(&output));
    }
}

#[test]
fn a_signer_is_asked_and_a_forged_draft_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let now = ctl_replica::system_clock()();
    let mut world = World::published();
    // The program has the system's clock: the draft must be of today.
    world.now = now;
    world.open_draft(&Role::List(na())).unwrap();
    root_json(here, &world);
    let mut served = files(&world);
    let url = write(&here.join("served"), &served);
    let key_file = here.join("signer.pem");
    std::fs::write(&key_file, key("signer-1").to_pem()).unwrap();
    let sign = ["--url", &url, "--root", "trusted-root.json", "draft", "sign", "na", "--key", "signer.pem"];

    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = ctl_admin(here, &sign);
    assert_eq!(code(&output), 2);
    assert!(errors(&output).contains("chmod 600"), "{}", errors(&output));
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600)).unwrap();

    let output = ctl_admin(here, &sign);
    assert_eq!(code(&output), 2);
    assert!(errors(&output).contains("what changes:"), "{}", errors(&output));
    assert!(errors(&output).contains("give --yes"), "{}", errors(&output));

    let show = ["--url", &url, "--root", "trusted-root.json", "draft", "show", "na", "--json"];
    let shown = ctl_admin(here, &show);
    assert_eq!(code(&shown), 0, "{}", errors(&shown));
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["role"], "na");

    let view = String::from_utf8(served["v1/drafts/na"].clone()).unwrap();
    let forged = view.replace("\"version\":1", "\"version\":2");
    assert_ne!(view, forged);
    served.insert("v1/drafts/na".into(), forged.into_bytes());
    write(&here.join("served"), &served);
    let output = ctl_admin(here, &sign);
    assert_eq!(code(&output), 1);
    assert!(errors(&output).contains("version: 1 by the log, 2 shown"), "{}", errors(&output));
}

#[test]
fn an_audit_that_finds_something_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let mut world = World::published();
    world.now = ctl_replica::system_clock()();
    world.publish_list();
    root_json(here, &world);
    let mut served = files(&world);
    let url = write(&here.join("served"), &served);
    let audit = ["audit", &url, "--root", "trusted-root.json", "--json"];
    let output = ctl_admin(here, &audit);
    assert_eq!(code(&output), 0, "{}", String::from_utf8_lossy(&output.stdout));
    served.insert("v1/lists/na/ctl.pem".into(), b"nothing".to_vec());
    write(&here.join("served"), &served);
    let output = ctl_admin(here, &audit);
    assert_eq!(code(&output), 1);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["differences"].as_array().unwrap().len(), 1);

    let verify = ["verify", "served/v1/lists/na/ctl.jws", "--root", "trusted-root.json"];
    let output = ctl_admin(here, &verify);
    assert_eq!(code(&output), 0, "{}", errors(&output));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("VALID: na sequence 1"));
}

#[test]
fn text_from_a_server_cannot_steer_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let world = World::published();
    root_json(here, &world);
    let mut served = files(&world);
    served.insert("log/checkpoint".into(), b"\x1b[2Jno note".to_vec());
    let url = write(&here.join("served"), &served);
    let output = ctl_admin(here, &["--url", &url, "--root", "trusted-root.json", "review"]);
    assert_eq!(code(&output), 1);
    assert!(!errors(&output).contains('\u{1b}'));
}

#[test]
fn a_receipt_that_the_log_does_not_keep_is_five_whatever_was_asked() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let world = World::published();
    root_json(here, &world);
    let url = write(&here.join("served"), &files(&world));
    // The server said that entry 2 is this person's statement.
    let statement = ctl_core::Digest::of(b"a statement that was dropped");
    let receipts = here.join("cache/ctl-admin").join(world.state.scheme.to_string()).join("receipts");
    std::fs::create_dir_all(&receipts).unwrap();
    let note = serde_json::json!({
        "type": "vote.cast", "statement": statement, "sent_at": world.now,
        "log": world.state.charter.server.log_origin,
        "receipt": {
            "index": 2, "leaf_hash": ctl_core::Digest::of(b"leaf"), "recorded_at": world.now, "statement": statement,
        },
    });
    std::fs::write(receipts.join(format!("{statement}.json")), note.to_string()).unwrap();
    for arguments in [&["participants", "--json"][..], &["receipts", "--json"], &["review", "77"]] {
        let output =
            ctl_admin(here, &[&["--url", &url, "--root", "trusted-root.json"][..], arguments].concat());
        assert_eq!(code(&output), 5, "{arguments:?}: {}", errors(&output));
        assert!(errors(&output).contains("THE LOG DOES NOT CONTAIN"), "{}", errors(&output));
        if arguments.contains(&"--json") {
            assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok(), "what was asked is answered");
        }
    }
    // Nor does a note that cannot be read pass for none.
    std::fs::write(receipts.join(format!("{statement}.json")), "{").unwrap();
    let output = ctl_admin(here, &["--url", &url, "--root", "trusted-root.json", "participants"]);
    assert_eq!(code(&output), 2, "{}", errors(&output));
    assert!(errors(&output).contains("is damaged"), "{}", errors(&output));
}
