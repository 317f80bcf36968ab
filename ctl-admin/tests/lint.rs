//! `lint` and `profiles` as people and scripts meet them: exit codes, text, JSON.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Output};

use ctl_sandbox::{Pki, PkiKind, PkiSpec, root_with_broken_signature};
use serde_json::Value;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

fn ctl_admin(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctl-admin")).args(arguments).current_dir(directory).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn findings_decide_the_exit_code_and_name_where_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let pki =
        Pki::generate(&PkiSpec::new(PkiKind::V2g, "Aurora", "NL", "Aurora B.V.", "lint", START)).unwrap();
    pki.write_to(here).unwrap();

    let clean = ctl_admin(here, &["lint", "root.pem", "secc.der", "secc.chain.pem"]);
    assert_eq!(clean.status.code(), Some(0), "{}", text(&clean));
    assert_eq!(text(&clean).matches("no findings").count(), 5, "{}", text(&clean));
    assert!(text(&clean).contains("secc.chain.pem [3]: profile cpo-sub1, guessed: "), "{}", text(&clean));

    // A sub-CA is no root; the issuer's key is not the one that is named.
    let wrong =
        ctl_admin(here, &["lint", "cpo-sub2.pem", "--profile", "v2g-root", "--issuer", "root.pem", "--json"]);
    assert_eq!(wrong.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&wrong.stdout).unwrap();
    let linted = &report["certificates"][0];
    assert_eq!((&linted["profile"], linted.get("guessed_because")), (&Value::from("v2g-root"), None));
    let finding = |rule: &str| {
        let findings = linted["findings"].as_array().unwrap().iter();
        findings.clone().find(|finding| finding["rule"] == rule).unwrap_or_else(|| panic!("{report}")).clone()
    };
    assert_eq!(finding("path-length")["found"], "0");
    assert_eq!(finding("path-length")["expected"], "no pathLenConstraint");
    assert_eq!(finding("path-length")["severity"], "error");
    assert!(finding("path-length")["source"].as_str().unwrap().contains("table 6"));
    assert_eq!(finding("issuer-name")["severity"], "error");
    assert_eq!(finding("issuer-key-id")["severity"], "warning");

    // Whether a signature is right is for paths to say.
    let broken = root_with_broken_signature(pki.root()).unwrap();
    std::fs::write(here.join("broken.der"), broken.certificate().der()).unwrap();
    assert_eq!(ctl_admin(here, &["lint", "broken.der"]).status.code(), Some(0));
}

#[test]
fn what_cannot_be_used_is_two_and_what_does_not_parse_is_a_finding() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    std::fs::write(here.join("text"), "no certificate").unwrap();
    std::fs::write(here.join("half.der"), [0x30, 0x82, 0x01]).unwrap();
    std::fs::write(here.join("half.pem"), "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
    for (arguments, expected) in [
        (&["lint", "nothing"][..], "nothing"),
        (&["lint", "text"], "neither DER nor"),
        (&["lint", "half.pem"], "has no end"),
        (&["lint", "half.der", "--profile", "car"], "no profile \"car\""),
        (&["lint"], "FILES"),
        (&["profiles", "car"], "no profile \"car\""),
    ] {
        let output = ctl_admin(here, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let half = ctl_admin(here, &["lint", "half.der"]);
    assert_eq!(half.status.code(), Some(1));
    assert!(text(&half).contains("error   parses at certificate"), "{}", text(&half));
}

#[test]
fn profiles_are_listed_and_explained_with_their_digests() {
    let here = tempfile::tempdir().unwrap();
    let list: Value =
        serde_json::from_slice(&ctl_admin(here.path(), &["profiles", "--json"]).stdout).unwrap();
    let secc = list["profiles"].as_array().unwrap().iter().find(|one| one["name"] == "secc").unwrap();
    let output = ctl_admin(here.path(), &["profiles", "secc"]);
    assert_eq!(output.status.code(), Some(0));
    let explained = text(&output);
    assert!(explained.contains(secc["sha256"].as_str().unwrap()), "{explained}");
    assert!(explained.contains("keyUsage with digitalSignature, keyAgreement; without "), "{explained}");
    assert!(
        explained.contains("at most 800 bytes\n  source: ISO 15118-2, secondary [V2G2-010]"),
        "{explained}"
    );
}
