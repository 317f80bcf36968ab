//! `ctl-admin path` as people and scripts meet it: files, lists, exit codes, words.

use std::path::Path;
use std::process::{Command, Output};

use ctl_core::Digest;
use ctl_core::parts::{DistrustKind, Distrusted};
use ctl_governance::statement::body::Change;
use ctl_pki::Certificate;
use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Pki, Role, cross_certify};
use serde_json::Value;

use crate::common::story::{World, root};
use crate::common::{files, root_json, write};

fn ctl_admin(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctl-admin")).args(arguments).current_dir(directory).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn pem(certificates: &[&Certificate]) -> String {
    certificates.iter().map(|certificate| certificate.to_pem()).collect()
}

/// A folder with the chains of a PKI and its root.
fn write_pki(directory: &Path, pki: &Pki) {
    for role in [Role::Secc, Role::Contract] {
        let chain = pki.chain(role);
        let without_root = &chain[..chain.len() - 1];
        std::fs::write(directory.join(format!("{}.pem", role.file_name())), pem(without_root)).unwrap();
    }
    std::fs::write(directory.join("root.pem"), pem(&[pki.root().certificate()])).unwrap();
    std::fs::write(directory.join("root.der"), pki.root().certificate().der()).unwrap();
}

/// The moment at which pretend PKIs of the stories are valid.
fn time(world: &World) -> String {
    world.now.to_string()
}

#[test]
fn a_chain_is_accepted_and_every_step_says_what_it_rests_on() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let world = World::found();
    write_pki(here, &root("beta-pki"));
    let time = time(&world);
    for anchor in ["root.pem", "root.der"] {
        let asked = ["path", "secc.pem", "--anchor", anchor, "--time", &time, "--rules", "iso15118-2"];
        let output = ctl_admin(here, &asked);
        assert_eq!(code(&output), 0, "{}", text(&output));
        let shown = text(&output);
        assert!(shown.starts_with("VALID: "), "{shown}");
        assert!(shown.contains("purpose: v2g, as the certificate looks"), "{shown}");
        assert!(shown.contains("passed: name-chaining, validity, signature"), "{shown}");
    }
    let explained =
        ctl_admin(here, &["path", "secc.pem", "--anchor", "root.pem", "--time", &time, "--explain"]);
    assert!(text(&explained).contains("its key may sign certificates"), "{}", text(&explained));
}

#[test]
fn a_path_that_is_well_for_the_rfc_and_useless_for_a_car_says_both() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let world = World::found();
    let (alpha, beta) = (root("alpha-pki"), root("beta-pki"));
    write_pki(here, &beta);
    let now = world.now.unix();
    let cross = cross_certify(alpha.root(), beta.root().certificate(), now, now + 86_400).unwrap();
    std::fs::write(here.join("cross.pem"), pem(&[&cross])).unwrap();
    std::fs::write(here.join("other.pem"), pem(&[alpha.root().certificate()])).unwrap();
    let time = time(&world);
    let plain = [
        "path",
        "secc.pem",
        "--anchor",
        "other.pem",
        "--intermediate",
        "cross.pem",
        "--time",
        &time,
        "--json",
    ];
    let output = ctl_admin(here, &plain);
    assert_eq!(code(&output), 0, "{}", text(&output));
    let output = ctl_admin(here, &[&plain[..], &["--rules", "iso15118-2"]].concat());
    assert_eq!(code(&output), 1);
    let report = json(&output);
    assert_eq!(report["valid"], false);
    let verdicts = &report["paths"][0]["verdicts"];
    assert_eq!((&verdicts[0]["judge"], &verdicts[0]["accepted"]), (&"rfc5280".into(), &true.into()));
    assert_eq!((&verdicts[1]["judge"], &verdicts[1]["accepted"]), (&"iso15118-2".into(), &false.into()));
    let findings = verdicts[1]["findings"].as_array().unwrap();
    let failed: Vec<_> = findings.iter().filter(|one| one["outcome"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["rule"], "depth");
}

/// The first certificate of such a file was taken for the one asked about: a verdict about a sub-CA, and none of the
/// leaf.
#[test]
fn a_chain_file_is_judged_by_its_leaf_wherever_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let world = World::found();
    let pki = root("beta-pki");
    write_pki(here, &pki);
    let (secc, contract) = (pki.chain(Role::Secc), pki.chain(Role::Contract));
    let backwards: Vec<_> = secc[..3].iter().rev().copied().collect();
    std::fs::write(here.join("last.pem"), pem(&backwards)).unwrap();
    std::fs::write(here.join("cas.pem"), pem(&backwards[..2])).unwrap();
    std::fs::write(here.join("two.pem"), pem(&[secc[0], secc[1], secc[2], contract[0]])).unwrap();
    let time = time(&world);
    let ask = |file: &str| {
        let asked =
            ["path", file, "--anchor", "root.pem", "--time", &time, "--rules", "iso15118-2", "--json"];
        ctl_admin(here, &asked)
    };
    for file in ["secc.pem", "last.pem"] {
        let output = ask(file);
        assert_eq!(
            (code(&output), &json(&output)["leaf"]["subject"]),
            (0, &secc[0].subject().into()),
            "{file}"
        );
    }
    assert_eq!(json(&ask("cas.pem"))["leaf"]["subject"], secc[1].subject(), "the lower CA is asked about");
    let two = ask("two.pem");
    assert_eq!(code(&two), 2);
    let words = String::from_utf8_lossy(&two.stderr).into_owned();
    assert!(words.contains("which one is asked about cannot be told"), "{words}");
}

/// Rule sets that skip the rules for leaves where the purpose is unknown promise what no car accepts.
#[test]
fn a_chargers_leaf_that_says_nothing_of_its_purpose_is_refused_by_path_and_called_the_same_by_lint() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let key = |label: &str| Key::p256(label).unwrap();
    let (root, sub) = ("CN=V2G Root,DC=V2G,O=Test,C=DE", "CN=CPO Sub2,DC=V2G,O=Test,C=DE");
    let top = Shape::ca(root, &key("root"), None).unwrap().self_signed().unwrap();
    let below = Shape::ca(sub, &key("sub"), Some(0)).unwrap().signed_by(root, &key("root")).unwrap();
    std::fs::write(here.join("root.pem"), pem(&[&top])).unwrap();
    std::fs::write(here.join("sub.pem"), pem(&[&below])).unwrap();
    for (leaf, usage, purpose, profile) in [
        ("CN=DEABCE12345,DC=CPO,O=Test,C=DE", &[0, 4][..], Some("v2g"), "secc"),
        ("CN=DEABCE12345,O=Test,C=DE", &[0, 4], Some("v2g"), "secc"),
        ("CN=DEABCE12345,DC=V2G,O=Test,C=DE", &[0, 4], Some("v2g"), "secc"),
        ("CN=EMP77TWTW00002,O=Test", &[0, 1, 2, 4], None, "any"),
        ("CN=www.example,O=Test", &[0], Some("v2g"), "secc"),
    ] {
        let sound = leaf.contains("DC=CPO");
        let shape = Shape::new(leaf, &key("leaf")).unwrap().key_usage(usage);
        let certificate = shape.signed_by(sub, &key("sub")).unwrap();
        std::fs::write(here.join("leaf.pem"), pem(&[&certificate])).unwrap();
        let plain = ["path", "leaf.pem", "--anchor", "root.pem", "--intermediate", "sub.pem", "--json"];
        assert_eq!(code(&ctl_admin(here, &plain)), 0, "{leaf} is fine for RFC 5280");
        for more in [&["--rules", "iso15118-2"][..], &["--rules", "iso15118-2", "--purpose", "v2g"]] {
            let output = ctl_admin(here, &[&plain[..], more].concat());
            assert_eq!(code(&output) == 0, sound, "{leaf} {more:?}: {}", text(&output));
        }
        let report = json(&ctl_admin(here, &plain));
        assert_eq!(report["purpose"]["name"].as_str(), purpose, "{leaf}");
        let linted = ctl_admin(here, &["lint", "leaf.pem", "--issuer", "sub.pem", "--json"]);
        assert_eq!(json(&linted)["certificates"][0]["profile"], profile, "{leaf}");
    }
}

#[test]
fn an_anchor_that_openssl_would_not_let_issue_carries_a_path_only_where_nobody_asked() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let key = |label: &str| Key::p256(label).unwrap();
    let shape = Shape::ca("CN=V2G Root,DC=V2G", &key("root"), None).unwrap().key_usage(&[6]);
    std::fs::write(here.join("root.pem"), pem(&[&shape.self_signed().unwrap()])).unwrap();
    let leaf = Shape::new("CN=DEABCE12345,DC=CPO", &key("leaf")).unwrap().key_usage(&[0, 4]);
    let leaf = leaf.signed_by("CN=V2G Root,DC=V2G", &key("root")).unwrap();
    std::fs::write(here.join("leaf.pem"), pem(&[&leaf])).unwrap();
    let ask = |more: &[&str]| {
        let asked = ["path", "leaf.pem", "--anchor", "root.pem", "--json"];
        ctl_admin(here, &[&asked[..], more].concat())
    };
    assert_eq!(code(&ask(&[])), 0);
    for more in [&["--anchor-constraints"][..], &["--rules", "iso15118-2"]] {
        let output = ask(more);
        assert_eq!(code(&output), 1);
        let findings = json(&output)["paths"][0]["verdicts"][1]["findings"].as_array().unwrap().clone();
        let failed: Vec<_> = findings.iter().filter(|one| one["outcome"] == "failed").collect();
        assert!(failed.iter().any(|one| one["rule"] == "anchor-key-usage"), "{failed:?}");
    }
}

#[test]
fn no_way_to_an_anchor_is_one_and_says_where_the_road_ends() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    write_pki(here, &root("beta-pki"));
    let other = root("alpha-pki");
    std::fs::write(here.join("other.pem"), pem(&[other.root().certificate()])).unwrap();
    let output = ctl_admin(here, &["path", "contract.pem", "--anchor", "other.pem"]);
    assert_eq!(code(&output), 1);
    let shown = text(&output);
    assert!(shown.starts_with("NO VALID PATH"), "{shown}");
    assert!(shown.contains("(no-issuer)"), "{shown}");
}

#[test]
fn what_cannot_be_used_is_two() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    write_pki(here, &root("beta-pki"));
    std::fs::write(here.join("noise.pem"), "nothing of the kind").unwrap();
    for (arguments, expected) in [
        (&["path", "secc.pem"][..], "nothing is given to trust"),
        (&["path", "missing.pem", "--anchor", "root.pem"], "missing.pem"),
        (&["path", "noise.pem", "--anchor", "root.pem"], "noise.pem"),
        (&["path", "secc.pem", "--anchor", "noise.pem"], "noise.pem"),
        (&["path", "secc.pem", "--anchor", "root.pem", "--rules", "iso15118"], "iso15118-20"),
        (&["path", "secc.pem", "--anchor", "root.pem", "--purpose", "boat"], "vehicle"),
        (&["path", "secc.pem", "--anchor", "root.pem", "--time", "tomorrow"], "tomorrow"),
        (&["path", "secc.pem", "--list", "noise.pem"], "noise.pem"),
        (&["path", "secc.pem", "--anchor", "root.pem", "--crl", "noise.pem"], "noise.pem"),
    ] {
        let output = ctl_admin(here, arguments);
        let errors = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(code(&output), 2, "{arguments:?}: {errors}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[test]
fn anchors_come_from_a_list_whose_signatures_are_verified_or_said_not_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let mut world = World::published();
    world.admitted("beta-pki");
    world.publish_list();
    root_json(here, &world);
    let url = write(&here.join("served"), &files(&world));
    write_pki(here, &root("beta-pki"));
    let time = time(&world);
    let list = format!("{url}/v1/lists/na");
    let ask = |list: &str, more: &[&str]| {
        let plain = ["path", "secc.pem", "--list", list, "--time", &time, "--rules", "iso15118-2", "--json"];
        ctl_admin(here, &[&plain[..], more].concat())
    };
    // By address and verified.
    let verified = ask(&list, &["--root", "trusted-root.json"]);
    assert_eq!(code(&verified), 0, "{}{}", text(&verified), String::from_utf8_lossy(&verified.stderr));
    let report = json(&verified);
    assert_eq!((&report["list"]["verified"], &report["list"]["anchors"]), (&true.into(), &1.into()));
    assert_eq!(report["paths"][0]["verdicts"][2]["judge"], "list na 1");
    // By file, signed and bare; without a root.json nothing is verified, and that is said.
    for file in ["served/v1/lists/na/ctl.jws", "served/v1/lists/na/ctl.json"] {
        let unverified = ask(file, &[]);
        assert_eq!(code(&unverified), 0, "{file}");
        let list = &json(&unverified)["list"];
        assert_eq!(list["verified"], false);
        assert!(list["words"].as_str().unwrap().starts_with("NOT VERIFIED"), "{list}");
    }
    // Who wants it verified gets nothing else.
    assert_eq!(code(&ask("served/v1/lists/na/ctl.json", &["--root", "trusted-root.json"])), 2);
    let mut forged = std::fs::read(here.join("served/v1/lists/na/ctl.jws")).unwrap();
    let at = forged.windows(9).position(|window| window == b"\"payload\"").unwrap() + 40;
    forged[at] ^= 1;
    std::fs::write(here.join("forged.jws"), forged).unwrap();
    assert_eq!(code(&ask("forged.jws", &["--root", "trusted-root.json"])), 1);
    // The anchor is listed for some uses only.
    let wrong = ctl_admin(
        here,
        &["path", "contract.pem", "--list", &list, "--time", &time, "--rules", "iso15118-20", "--json"],
    );
    assert_eq!(code(&wrong), 1);
}

#[test]
fn what_a_list_distrusts_carries_no_path_even_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let mut world = World::published();
    world.admitted("beta-pki");
    let sub = root("alpha-pki").get(Role::CpoSub1).unwrap().certificate().clone();
    let what = Distrusted { kind: DistrustKind::Spki, sha256: Digest::from_bytes(sub.spki_sha256()) };
    let proposal =
        world.propose("elector-1", Change::Distrust { list: crate::common::story::na(), what }).unwrap();
    world.decide(proposal);
    world.publish_list();
    let url = write(&here.join("served"), &files(&world));
    write_pki(here, &root("alpha-pki"));
    let (time, list) = (time(&world), format!("{url}/v1/lists/na"));
    // The anchor is given by hand: what the list says of keys holds all the same.
    let output =
        ctl_admin(here, &["path", "secc.pem", "--anchor", "root.pem", "--list", &list, "--time", &time]);
    assert_eq!(code(&output), 1, "{}", text(&output));
    assert!(text(&output).contains("the list distrusts this key"), "{}", text(&output));
    assert!(text(&output).contains("rfc5280: valid"), "{}", text(&output));
}
