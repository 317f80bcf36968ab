//! `import` as people and scripts meet it where there is no scheme: exit codes, text, JSON.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Pki, PkiKind, PkiSpec};
use serde_json::Value;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

fn import(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctl-admin"));
    command.arg("import").args(arguments).current_dir(directory).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_store_is_shown_with_what_it_says_and_what_certificates_tell() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let pki =
        Pki::generate(&PkiSpec::new(PkiKind::V2g, "Aurora", "NL", "Aurora B.V.", "import", START)).unwrap();
    std::fs::create_dir_all(here.join("certs/ca/v2g")).unwrap();
    std::fs::create_dir_all(here.join("certs/ca/mo")).unwrap();
    let root = pki.root().certificate().to_pem();
    std::fs::write(here.join("certs/ca/v2g/V2G_ROOT_CA.pem"), &root).unwrap();
    std::fs::write(here.join("certs/ca/mo/MO_ROOT_CA.pem"), root + "-----BEGIN CERTIFICATE-----\n").unwrap();

    let done = import(here, &["certs"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let shown = text(&done.stdout);
    for part in [
        "certs: folder\n",
        "file ca/mo/MO_ROOT_CA.pem, certificate 1; file ca/v2g/V2G_ROOT_CA.pem: ",
        "profile   v2g-root; a root\n",
        "findings  none\n",
        "said      v2g, mo\n",
        "  file ca/mo/MO_ROOT_CA.pem, certificate 2: its PEM block does not end",
        "\n1 certificates, 1 that cannot be read\n",
    ] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    assert!(!shown.contains("here  "), "nobody was compared with:\n{shown}");

    let done = import(here, &["certs/ca/v2g/V2G_ROOT_CA.pem", "--form", "certificates", "--json"]);
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&report["format"], &report["compared_with"]), (&"pem".into(), &Value::Null));
    assert_eq!(report["certificates"][0]["said"]["purposes"][0], "v2g");
}

#[test]
fn what_is_refused_has_a_status_and_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    std::fs::write(here.join("page"), "<!doctype html>").unwrap();
    std::fs::write(here.join("list"), "{\"signatures\":[],\"payload\":\"\"}").unwrap();
    for (arguments, status, expected) in [
        (&["nothing.pem"][..], 2, "nothing.pem"),
        (&["page"], 2, "an HTML or XML page"),
        (&["list"], 1, "root-json"),
        (&["page", "--form", "cms"], 2, "unknown variant"),
        (&["page", "--prepare", "d"], 2, "need a scheme"),
        (&["page", "--list", "na"], 2, "need a scheme"),
        (&["page", "--signed-at", "2026-01-01T00:00:00Z"], 2, "give signer or issuer too"),
        (&["page", "--signer", "a", "--unverified"], 2, "cannot be used with"),
        (&["http://127.0.0.1:9/", "--timeout", "5s"], 2, "127.0.0.1:9"),
        (&["http://192.0.2.1/", "--bearer", "token"], 2, "https only"),
        (&["http://192.0.2.1/", "--api-key", "key"], 2, "https only"),
        (&["https://192.0.2.1/", "--client-certificate", "c"], 2, "--client-key"),
        (&["https://192.0.2.1/", "--client-key", "k"], 2, "--client-certificate"),
        (
            &["https://192.0.2.1/", "--client-certificate", "nowhere.pem", "--client-key", "k"],
            2,
            "nowhere.pem",
        ),
        (
            &["http://127.0.0.1:9/", "--client-certificate", "c", "--client-key", "k"],
            2,
            "shown over https only",
        ),
    ] {
        let done = import(here, arguments);
        let errors = text(&done.stderr);
        assert_eq!(done.status.code(), Some(status), "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[test]
fn names_of_files_and_certificates_steer_no_terminal_and_forge_no_line() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let key = Key::p256("evil").unwrap();
    let evil =
        Shape::ca("CN=evil\n  here      listed on na: usable", &key, None).unwrap().self_signed().unwrap();
    std::fs::create_dir(here.join("d")).unwrap();
    std::fs::write(here.join("d/\u{1b}[2J\n  here      listed on na: usable.der"), evil.der()).unwrap();
    let done = import(here, &["d"]);
    let shown = text(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(shown.contains("evil") && !shown.contains('\u{1b}'), "{shown}");
    assert!(!shown.lines().any(|line| line.starts_with("  here")), "{shown}");
}
