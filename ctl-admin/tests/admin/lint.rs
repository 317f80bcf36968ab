//! `lint` and `profiles` as people and scripts meet them: exit codes, text, JSON.

use std::path::Path;
use std::process::{Command, Output};

use ctl_sandbox::mutation::{Content, Edit, Node};
use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Edition, Pki, PkiKind, PkiSpec, root_with_broken_signature, specimen};
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
fn the_issuers_name_may_be_written_in_another_way() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let leaf = specimen("secc", Edition::Iso2).unwrap().unwrap();
    let edit = Edit::of(&leaf.certificate).unwrap();
    let printable = |(kind, value): (Node, Node)| match value.content {
        Content::Bytes(bytes) if value.tag == 0x0c => (kind, Node::new(0x13, &bytes)),
        _ => (kind, value),
    };
    let issuer: Vec<_> = edit.issuer().into_iter().map(printable).collect();
    assert_ne!(issuer, edit.issuer());
    std::fs::write(here.join("leaf.der"), edit.names(Some(issuer), None).sign(&leaf.issuer_key)).unwrap();
    std::fs::write(here.join("issuer.der"), leaf.issuer.der()).unwrap();
    let output = ctl_admin(here, &["lint", "leaf.der", "--issuer", "issuer.der"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(!text(&output).contains("issuer-name"), "{}", text(&output));
}

/// It was judged as a charger's, and its findings were those of a kind that it is not.
#[test]
fn a_certificate_of_something_else_fits_no_profile_and_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let code_signing = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 3];
    let shape = Shape::new("CN=A list's signer,O=Lists,C=US", &Key::p256("signer").unwrap()).unwrap();
    let shape = shape.key_usage(&[0, 1]).extension("2.5.29.37", true, &code_signing);
    let signer = shape.signed_by("CN=Lists CA,O=Lists,C=US", &Key::p256("ca").unwrap()).unwrap();
    std::fs::write(here.join("signer.der"), signer.der()).unwrap();
    let output = ctl_admin(here, &["lint", "signer.der"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("fits no profile, held against RFC 5280 alone"), "{}", text(&output));
    let json: Value =
        serde_json::from_slice(&ctl_admin(here, &["lint", "signer.der", "--json"]).stdout).unwrap();
    let rules: Vec<_> = json["certificates"][0]["findings"].as_array().unwrap().clone();
    assert_eq!(rules.iter().map(|one| one["rule"].clone()).collect::<Vec<_>>(), ["profile"]);
    let named = ctl_admin(here, &["lint", "signer.der", "--profile", "any"]);
    assert_eq!(named.status.code(), Some(0), "{}", text(&named));
}

#[test]
fn explicit_curves_null_parameters_and_broken_crl_points_are_named_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let leaf = specimen("secc", Edition::Iso2).unwrap().unwrap();
    let edit = || Edit::of(&leaf.certificate).unwrap();
    let null = || Some(Node::new(0x05, &[]));
    let ecdsa = |parameters: Option<Node>| {
        Node::of(0x30, [Some(Node::oid("1.2.840.10045.4.3.2")), parameters].into_iter().flatten().collect())
    };
    let key = |parameters: Node| {
        let algorithm = Node::of(0x30, vec![Node::oid("1.2.840.10045.2.1"), parameters]);
        Node::of(0x30, vec![algorithm, Node::new(0x03, &[0, 4, 1, 2])])
    };
    for (edit, words) in [
        (edit().algorithms(ecdsa(null())), "NULL parameters inside the signed part and beside the signature"),
        (edit().algorithm_inside(ecdsa(null())), "NULL parameters inside the signed part"),
        (edit().algorithm_outside(ecdsa(null())), "NULL parameters beside the signature"),
        (edit().key(key(Node::of(0x30, vec![Node::new(0x02, &[1])]))), "explicit curve parameters"),
        (edit().key(key(Node::new(0x05, &[]))), "NULL parameters: the curve is that of the issuer"),
        (
            edit().extension("2.5.29.31", false, &[0x30, 6, 0x30, 4, 0x81, 2, 1, 6]),
            "a distribution point has neither a name nor a CRL issuer",
        ),
        (
            edit().extension("2.5.29.31", false, &[0x30, 9, 0x30, 7, 0xa0, 5, 0x86, 3, b'a', b'/', b'b']),
            "a distribution point has a name of unknown form",
        ),
    ] {
        std::fs::write(here.join("leaf.der"), edit.sign(&leaf.issuer_key)).unwrap();
        let output = ctl_admin(here, &["lint", "leaf.der", "--profile", "secc"]);
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(text(&output).contains(words), "{words}: {}", text(&output));
    }
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
        (&["lint", "text"], "neither a DER certificate nor"),
        (&["lint", "half.pem"], "has no \"-----END CERTIFICATE-----\""),
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
