//! What people ask of a device: where a certificate belongs, which root is meant. The files they bring are strangers'.

use std::process::{Command, Output};

use ctl_client::ask::{Explanation, Form, Query, Resolved, Verdict, explain, resolve};
use ctl_core::parts::{Purpose, Standard, Use};
use ctl_core::role::Role;
use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec, Role as Entity, cross_certify};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::common::device::Options;
use crate::common::*;

/// The whole PKI below one of the pretend roots.
fn pki(name: &str) -> Pki {
    let kind = if name == "gamma" { PkiKind::Mo } else { PkiKind::V2g };
    let not_before = start().minus_seconds(30 * DAY).unix();
    let pki = Pki::generate(&PkiSpec::new(kind, name, "DE", name, "client tests", not_before)).unwrap();
    assert_eq!(pki.root().certificate(), &roots()[name]);
    pki
}

fn bundle<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Vec<u8> {
    certificates.into_iter().map(Certificate::to_pem).collect::<String>().into_bytes()
}

pub fn explained(device: &Device, files: &[(&str, Vec<u8>)]) -> Vec<Explanation> {
    let files: Vec<_> = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
    explain(&device.client.known().unwrap(), &files)
}

fn one(device: &Device, bytes: Vec<u8>) -> Explanation {
    let mut all = explained(device, &[("file", bytes)]);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn asked(device: &Device, query: &Query) -> Resolved {
    resolve(&device.client.known().unwrap(), query)
}

/// The lists' names of the roots that a text means.
fn meant(device: &Device, text: &str, form: Option<Form>) -> Vec<String> {
    let found = asked(device, &Query::from_text(text, form).unwrap());
    found.matches.iter().map(|found| found.anchor.name.clone()).collect()
}

#[test]
fn a_pki_s_delivery_is_sorted_into_the_stores_it_belongs_to() {
    let repository = Repository::new();
    let device = Device::synced(&repository);
    let alpha = pki("alpha");
    let chain: Vec<&Certificate> = alpha.chain(Entity::Secc).into_iter().take(3).collect();
    let key =
        format!("{}{}", alpha.get(Entity::Secc).unwrap().key_pkcs8_pem().unwrap(), roots()["gamma"].to_pem());
    let found = explained(
        &device,
        &[
            ("secc.chain.pem", bundle(chain)),
            ("root.der", roots()["alpha"].der().to_vec()),
            ("mixed.pem", key.into_bytes()),
            ("evil.pem", roots()["evil"].to_pem().into_bytes()),
        ],
    );
    let verdicts: Vec<Verdict> = found.iter().map(|one| one.verdict).collect();
    assert_eq!(
        verdicts,
        [
            Verdict::NotARoot,
            Verdict::NotARoot,
            Verdict::NotARoot,
            Verdict::Trusted,
            Verdict::NoCertificate,
            Verdict::Trusted,
            Verdict::NotListed
        ]
    );
    // Each member of the chain ends in alpha, whose places are told.
    for member in &found[..3] {
        assert!(member.chains[0].valid, "{member:?}");
        assert_eq!(member.chains[0].anchor, fingerprint("alpha"));
        assert_eq!(member.anchors[0].name, "alpha");
        assert!(member.reason.contains("whoever owns it sends it along"), "{}", member.reason);
    }
    assert!(found[0].reason.contains("secc"), "{}", found[0].reason);
    // The stores that are named hold the root, and no others do.
    let named: Vec<&String> = found[3].anchors[0].sinks.iter().flat_map(|sink| &sink.files).collect();
    let (v2g, mo) =
        (device.path("everest/ca/v2g/V2G_ROOT_CA.pem"), device.path("everest/ca/mo/MO_ROOT_CA.pem"));
    assert_eq!(named.len(), 3, "{named:?}");
    for file in &named {
        assert!(device::names_in(file.as_ref()).contains("alpha"), "{file}");
    }
    assert!(named.contains(&&v2g.display().to_string()));
    let gamma: Vec<&String> = found[5].anchors[0].sinks.iter().flat_map(|sink| &sink.files).collect();
    assert!(gamma.contains(&&mo.display().to_string()) && !gamma.contains(&&v2g.display().to_string()));
    // A contract whose root no list has for contracts is not told that all is well.
    let contract =
        explained(&device, &[("contract", bundle(alpha.chain(Entity::Contract).into_iter().take(3)))]);
    assert!(contract[0].reason.contains("no list has that root for mo"), "{}", contract[0].reason);
    assert!(found[4].reason.contains("private key") && found[5].line > 1, "{found:?}");
    assert!(found[6].reason.contains("no list that this device follows (na)"), "{}", found[6].reason);
}

#[test]
fn a_root_for_a_use_that_a_sink_has_no_store_for_belongs_elsewhere() {
    let mut repository = Repository::new();
    let mut oem = anchor("beta");
    oem["uses"] = json!([Use { standard: Standard::Iso15118_2, purpose: Purpose::Oem }]);
    let tight = constrained("gamma", "mo_ids", json!(["USEVG"]), true);
    repository.set_list(&na(), vec![anchor("alpha"), oem, tight]);
    repository.publish(&na());
    repository.refresh();
    let mut device = Device::new(&repository);
    device.sync(&repository);
    let beta = one(&device, roots()["beta"].der().to_vec());
    let [pem, everest] = &beta.anchors[0].sinks[..] else { panic!("{beta:?}") };
    assert!(pem.files.iter().any(|file| file.ends_with("oem-iso15118-2.pem")), "{pem:?}");
    assert!(
        everest.files.is_empty()
            && everest.reason.as_ref().unwrap().contains("no store for what it is listed for")
    );
    let gamma = one(&device, roots()["gamma"].der().to_vec());
    assert_eq!(gamma.verdict, Verdict::Trusted);
    for sink in &gamma.anchors[0].sinks {
        assert!(
            sink.files.is_empty() && sink.reason.as_ref().unwrap().contains("cannot express"),
            "{sink:?}"
        );
    }
}

#[test]
fn what_must_not_be_used_is_told_with_who_says_so() {
    let mut repository = Repository::new();
    repository.pass(60);
    repository.set_anchors(&na(), &["alpha", "evil", "gamma"]);
    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("beta"))]);
    repository.publish(&na());
    repository.set_notices(vec![notice(7, "na", "alpha", start().plus_seconds(20 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let device = Device::synced(&repository);
    let beta = one(&device, roots()["beta"].der().to_vec());
    assert_eq!(beta.verdict, Verdict::Distrusted);
    assert!(beta.reason.contains("list na, version 2, distrusts its key"), "{}", beta.reason);
    let alpha = one(&device, roots()["alpha"].der().to_vec());
    assert_eq!(alpha.verdict, Verdict::ListedNotTrusted);
    assert!(alpha.reason.contains("notice 7") && alpha.anchors[0].sinks.is_empty(), "{alpha:?}");
    // A chain below it is found, and said to be worth nothing.
    let leaf = one(&device, bundle(pki("alpha").chain(Entity::CpoSub1).into_iter().take(1)));
    assert!(!leaf.chains[0].valid && leaf.reason.contains("notice 7"), "{leaf:?}");
    // With the distrusted root brought along.
    let brought = explained(&device, &[("chain", bundle(pki("beta").chain(Entity::CpoSub1)))]);
    assert!(brought[0].chains.is_empty() && brought[0].reason.contains("distrusts its key"), "{brought:?}");
}

#[test]
fn a_root_issued_again_and_a_cross_certificate_are_known_for_what_they_are() {
    let mut repository = Repository::new();
    let not_before = start().minus_seconds(10 * DAY).unix();
    let (alpha, beta) = (pki("alpha"), pki("beta"));
    let cross = cross_certify(
        alpha.root(),
        beta.root().certificate(),
        not_before,
        start().plus_seconds(90 * DAY).unix(),
    );
    let cross = cross.unwrap();
    repository.documents.get_mut(&na()).unwrap()["cross_certificates"] = json!([{
        "certificate": ctl_core::parts::Der(cross.der().to_vec()), "decision": 0,
        "fingerprint": ctl_core::Digest::of(cross.der()), "issuer": fingerprint("alpha"), "name": "beta by alpha",
        "since": start(), "status": "usable", "subject": fingerprint("beta"),
    }]);
    repository.publish(&na());
    repository.refresh();
    let device = Device::synced(&repository);
    let found = one(&device, cross.der().to_vec());
    assert_eq!(found.verdict, Verdict::CrossCertificate, "{found:?}");
    assert!(found.sinks[0].files[0].ends_with("cross-certificates.pem") && found.sinks[1].files.is_empty());

    let again = |name: &str, before| {
        let spec = PkiSpec::new(
            PkiKind::V2g,
            name,
            "DE",
            name,
            "client tests",
            start().minus_seconds(before).unix(),
        );
        Pki::generate(&spec).unwrap().root().certificate().clone()
    };
    let newer = again("alpha", 20 * DAY);
    let found = one(&device, newer.der().to_vec());
    assert_eq!(found.verdict, Verdict::NotListed);
    assert!(found.reason.contains(&fingerprint("alpha").to_string()), "{}", found.reason);
    assert!(found.reason.contains("its name and its key"), "{}", found.reason);
}

#[test]
fn the_root_is_found_by_whatever_name_a_program_has_for_it() {
    let repository = Repository::new();
    let device = Device::synced(&repository);
    let beta = &roots()["beta"];
    let colons = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let parts: Vec<String> = beta.subject_name().attributes().map(ToString::to_string).collect();
    let as_openssl = format!("issuer={}", parts.join(", ").replace('=', " = "));
    for (what, text, form) in [
        ("its subject", beta.subject().to_owned(), None),
        ("its subject as openssl prints it", as_openssl, None),
        ("its subject in other case", beta.subject().to_uppercase(), None),
        ("its subject in DER", hex(beta.subject_der()), None),
        ("its subject in DER, as told", colons(beta.subject_der()), Some(Form::Name)),
        ("its key identifier", colons(beta.subject_key_id().unwrap()), Some(Form::KeyId)),
        ("key_sha1_hash", hex(&beta.public_key_sha1()), None),
        ("cert_sha1_hash", colons(&beta.sha1()), Some(Form::Fingerprint)),
        ("its fingerprint", colons(&beta.sha256()), None),
    ] {
        assert_eq!(meant(&device, &text, form), ["beta"], "{what}: {text}");
    }
    // An identifier of a key is no fingerprint, if somebody says which of them is asked for.
    let key_id = colons(beta.subject_key_id().unwrap());
    assert!(meant(&device, &key_id, Some(Form::Fingerprint)).is_empty());
    assert!(meant(&device, "CN=nobody", None).is_empty());
    assert!(meant(&device, roots()["evil"].subject(), None).is_empty());

    type Hasher = fn(&[u8]) -> Vec<u8>;
    let digests: [(&str, Hasher); 3] = [
        ("SHA256", |bytes| Sha256::digest(bytes).to_vec()),
        ("SHA384", |bytes| Sha384::digest(bytes).to_vec()),
        ("SHA512", |bytes| Sha512::digest(bytes).to_vec()),
    ];
    for (algorithm, digest) in digests {
        let (name, key) = (hex(&digest(beta.subject_der())), hex(&digest(beta.public_key_bits())));
        for (serial, how) in
            [(beta.serial_hex().to_uppercase(), "this certificate's"), ("0a".into(), "it issued")]
        {
            let data = json!({ "hashAlgorithm": algorithm, "issuerNameHash": name.to_uppercase(),
                "issuerKeyHash": key, "serialNumber": format!("00{serial}") });
            for text in [data.to_string(), json!({ "certificateHashData": data }).to_string()] {
                let found = asked(&device, &Query::from_text(&text, None).unwrap());
                assert_eq!(found.matches.len(), 1, "{text}");
                assert!(
                    found.is_found() && found.matches[0].how[0].contains(how),
                    "{:?}",
                    found.matches[0].how
                );
            }
        }
    }
}

#[test]
fn the_right_root_among_several_is_the_one_that_issued_the_certificate() {
    let mut repository = Repository::new();
    // Another root with the same name: a key identifier and a signature tell them apart, a name does not.
    let spec =
        PkiSpec::new(PkiKind::V2g, "alpha", "DE", "alpha", "another key", start().minus_seconds(DAY).unix());
    let twin = Pki::generate(&spec).unwrap().root().certificate().clone();
    repository.set_list(&na(), vec![anchor("alpha"), anchor("beta"), anchor_with("twin", &twin)]);
    repository.publish(&na());
    repository.refresh();
    let device = Device::synced(&repository);
    let alpha = pki("alpha");
    assert_eq!(meant(&device, alpha.root().certificate().subject(), None).len(), 2);
    let sub1 = alpha.get(Entity::CpoSub1).unwrap().certificate();
    for bytes in [sub1.der().to_vec(), bundle([sub1]), bundle(alpha.chain(Entity::Secc).into_iter().take(3))]
    {
        let found = asked(&device, &Query::from_file(&bytes).unwrap());
        let names: Vec<&str> = found.matches.iter().map(|found| found.anchor.name.as_str()).collect();
        assert_eq!(names, ["alpha"], "{found:?}");
        assert!(!found.matches[0].anchor.sinks[0].files.is_empty());
        assert_eq!(found.matches[0].pem, alpha.root().certificate().to_pem());
    }
    // A leaf alone does not lead to its root: it is said what is missing.
    let leaf = alpha.get(Entity::Secc).unwrap().certificate();
    let found = asked(&device, &Query::from_file(leaf.der()).unwrap());
    assert!(!found.is_found() && found.notes[0].contains("no certificate for its issuer"), "{found:?}");
    let name = Query::from_file(sub1.issuer_der()).unwrap();
    assert_eq!(asked(&device, &name).matches.len(), 2);
}

#[test]
fn a_root_that_is_listed_and_suspended_is_found_and_not_good_enough() {
    let mut repository = Repository::new();
    repository.set_notices(vec![notice(7, "na", "alpha", start().plus_seconds(20 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
    let device = Device::synced(&repository);
    let found = asked(&device, &Query::from_text(roots()["alpha"].subject(), None).unwrap());
    assert_eq!(found.matches.len(), 1);
    assert!(!found.is_found() && found.matches[0].anchor.reason.as_ref().unwrap().contains("notice 7"));
}

#[test]
fn before_the_first_sync_nothing_is_said_of_what_is_trusted() {
    let device = Device::new(&Repository::new());
    assert!(device.client.known().unwrap_err().to_string().contains("run sync"));
}

#[test]
fn two_lists_that_name_one_root_are_two_answers() {
    let mut repository = Repository::new();
    let mut other = anchor("alpha");
    other["status"] = json!("warning");
    repository.set_list(&eu(), vec![other]);
    repository.publish(&eu());
    repository.refresh();
    let mut device = Device::with(&repository, Options { lists: vec!["na", "eu"], ..Options::default() });
    assert!(device.sync(&repository).is_success());
    let found = asked(&device, &Query::from_text(&fingerprint("alpha").to_string(), None).unwrap());
    let lists: Vec<(&str, &str)> =
        found.matches.iter().map(|one| (one.anchor.list.as_str(), one.anchor.status.as_str())).collect();
    assert_eq!(lists, [("eu", "warning"), ("na", "usable")]);
}

pub fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ctl-client")).args(arguments).output().unwrap()
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A device of today, for the program, which has the real clock; and its state directory.
pub fn of_today() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::of_today();
    let at = |name: &str| folder.path().join(name).display().to_string();
    repository.write(at("repository").as_ref());
    std::fs::write(at("root.json"), repository.first_root()).unwrap();
    let (url, state) = (format!("file://{}", at("repository")), at("state"));
    let begin = ["--dir", &state, "init", "--url", &url, "--root", &at("root.json"), "--list", "na"];
    let sinks = ["--pem", &at("pem"), "--everest", &at("everest")];
    let output = run(&[&begin[..], &sinks].concat());
    assert!(output.status.success(), "{}", text(&output));
    let output = run(&["--dir", &state, "sync", "--once"]);
    assert!(output.status.success(), "{}", text(&output));
    (folder, state)
}

#[test]
fn the_commands_answer_without_the_network() {
    let (folder, state) = of_today();
    std::fs::remove_dir_all(folder.path().join("repository")).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("alpha.pem"), roots()["alpha"].to_pem()).unwrap();
    let said = run(&["--dir", &state, "explain", &at("alpha.pem")]);
    assert!(said.status.success(), "{}", text(&said));
    for line in ["INSTALL: a root that is trusted here", "-> ", "not in sink"] {
        assert_eq!(text(&said).contains(line), line != "not in sink", "{}", text(&said));
    }
    let said = run(&["--dir", &state, "explain", "--json", &at("alpha.pem")]);
    let json: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(json[0]["verdict"], "trusted");
    assert_eq!(json[0]["anchors"][0]["sinks"][1]["files"][0], at("everest/ca/v2g/V2G_ROOT_CA.pem"));
    assert!(!run(&["--dir", &state, "explain", &at("nothing")]).status.success());

    let said = run(&["--dir", &state, "resolve", "--pem", roots()["alpha"].subject()]);
    assert!(said.status.success());
    assert_eq!(text(&said), roots()["alpha"].to_pem());
    let said = run(&["--dir", &state, "resolve", "--json", &at("alpha.pem")]);
    let json: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(json["matches"][0]["name"], "alpha");
    let said = run(&["--dir", &state, "resolve", "CN=nobody"]);
    assert!(!said.status.success() && text(&said).contains("no listed root is meant"));
    let said = run(&["--dir", &state, "resolve", "nobody"]);
    assert!(!said.status.success() && text(&said).contains("neither a file"), "{}", text(&said));
}
