//! One file each: PKCS#7, and the manifest by which a program knows everything.

use std::fs;

use ctl_client::config::SinkConfig;
use ctl_client::sink::manifest::Manifest;
use ctl_client::store::TrustStore;
use ctl_core::Digest;
use ctl_core::list::ListPayload;
use serde_json::Value;

use super::{files, with};
use crate::common::device::{names_in, set};
use crate::common::sinks::problems;
use crate::common::*;

#[test]
fn a_manifest_has_every_name_by_which_tls_and_ocpp_ask() {
    let repository = Repository::new();
    let mut device = with(&repository, "trust.json", |path| SinkConfig::Manifest(files(path)));
    assert!(device.sync(&repository).is_success());
    let value: Value = serde_json::from_slice(&fs::read(device.path("trust.json")).unwrap()).unwrap();
    assert_eq!((&value["type"], &value["format"]), (&"ctl-client-manifest".into(), &1.into()));
    assert_eq!((&value["environment"], &value["lists"][0]["sequence"]), (&"test".into(), &1.into()));
    assert_eq!(value["lists"][0]["list"], "na");
    let anchors = value["anchors"].as_array().unwrap();
    assert_eq!(anchors.len(), 3);
    let alpha = &roots()["alpha"];
    let entry =
        anchors.iter().find(|entry| entry["fingerprint"] == fingerprint("alpha").to_string()).unwrap();
    assert_eq!(entry["trusted_by"][0]["status"], "usable");
    assert_eq!(entry["uses"][0]["purpose"], "v2g");
    assert_eq!(entry["trusted_ca_keys"]["cert_sha1_hash"], hex(&alpha.sha1()));
    assert_eq!(entry["trusted_ca_keys"]["key_sha1_hash"], hex(&alpha.public_key_sha1()));
    assert_eq!(entry["trusted_ca_keys"]["x509_name"], entry["certificate_authorities"]);
    let hash = &entry["certificate_hash_data"];
    assert_eq!(hash["hashAlgorithm"], "SHA256");
    assert_eq!(hash["issuerNameHash"], Digest::of(alpha.issuer_der()).to_string());
    assert_eq!(hash["issuerKeyHash"], Digest::of(alpha.public_key_bits()).to_string());
    assert_eq!(hash["serialNumber"], alpha.serial_hex());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_manifest_is_put_over_nothing_that_is_something_else() {
    let repository = Repository::new();
    let mut device = with(&repository, "trust.json", |path| SinkConfig::Manifest(files(path)));
    fs::write(device.path("trust.json"), "the operator's own notes").unwrap();
    let text = problems(&device.sync(&repository));
    assert!(text.contains("trust.json is there already and is something else: move it away"), "{text}");
    assert_eq!(fs::read_to_string(device.path("trust.json")).unwrap(), "the operator's own notes");
    fs::remove_file(device.path("trust.json")).unwrap();
    assert!(device.sync(&repository).is_success());
    // Later it is ours, and who tampers with it has it mended.
    let own = fs::read(device.path("trust.json")).unwrap();
    fs::write(device.path("trust.json"), "{}").unwrap();
    assert!(device.status().is_wrong());
    assert!(device.sync(&repository).is_success());
    assert_eq!(fs::read(device.path("trust.json")).unwrap(), own);
    device.assert_sound();
}

#[test]
fn an_entry_that_somebody_adds_to_a_manifest_goes() {
    let repository = Repository::new();
    let mut device = with(&repository, "trust.json", |path| SinkConfig::Manifest(files(path)));
    assert!(device.sync(&repository).is_success());
    let path = device.path("trust.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut forged = value["anchors"][0].clone();
    forged["certificate"] =
        serde_json::to_value(ctl_core::parts::Der(roots()["evil"].der().to_vec())).unwrap();
    value["anchors"].as_array_mut().unwrap().push(forged);
    fs::write(&path, value.to_string()).unwrap();
    assert!(names_in(&path).contains("evil"));
    assert!(device.sync(&repository).is_success());
    assert_eq!(names_in(&path), set(&["alpha", "beta", "gamma"]));
}

#[test]
fn a_list_that_trusts_nobody_leaves_documents_that_say_so() {
    let repository = Repository::new();
    let mut device = with(&repository, "roots.p7c", |path| SinkConfig::P7c(files(path)));
    assert!(device.sync(&repository).is_success());
    assert_eq!(names_in(&device.path("roots.p7c")), set(&["alpha", "beta", "gamma"]));
    let mut next = repository.clone();
    next.pass(60);
    next.set_list(&na(), vec![]);
    next.publish(&na());
    next.refresh();
    device.sync(&next);
    let bytes = fs::read(device.path("roots.p7c")).unwrap();
    assert_eq!(ctl_formats::certificates_from_pkcs7(&bytes).unwrap(), vec![]);
    device.assert_sound();
}

#[test]
fn the_versions_of_the_lists_are_those_in_force() {
    let repository = Repository::new();
    let list: ListPayload = serde_json::from_value(repository.documents[&na()].clone()).unwrap();
    let store = TrustStore::new(&[&list], &[], &Default::default(), ctl_core::tuf::Clock::Known(start()));
    assert_eq!((store.lists.len(), store.lists[0].sequence), (1, list.sequence));
    assert!(Manifest::parse(b"{}").is_err());
}
