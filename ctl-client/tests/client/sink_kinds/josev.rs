//! Josev's folders: files that take one root, and files that may never be empty.

use std::fs;
use std::path::PathBuf;

use ctl_client::config::{FilesConfig, SinkConfig};
use ctl_client::sink::{self, Sink};
use ctl_core::Digest;
use serde_json::json;

use crate::common::device::{names_in, set};
use crate::common::sinks::problems;
use crate::common::*;

/// A device with Josev's folders beside its other sinks.
fn device(repository: &Repository, order: Vec<Digest>) -> Device {
    let device = Device::new(repository);
    let config = FilesConfig { order, ..FilesConfig::at(device.path("pki")) };
    let sink: Box<dyn Sink> = sink::open(&SinkConfig::Josev(config));
    device.with_sinks(vec![sink])
}

fn at(device: &Device, name: &str) -> PathBuf {
    device.path("pki/iso15118_2/certs").join(name)
}

#[test]
fn of_several_roots_the_first_that_is_trusted_by_the_given_order_is_the_one() {
    let mut repository = Repository::new();
    let mut device =
        device(&repository, vec![fingerprint("evil"), fingerprint("beta"), fingerprint("alpha")]);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(names_in(&at(&device, "v2gRootCACert.pem")), set(&["alpha", "beta"]));
    assert_eq!(names_in(&at(&device, "v2gRootCACert.der")), set(&["beta"]));
    assert_eq!(names_in(&at(&device, "moRootCACert.der")), set(&["gamma"]));
    let status = device.status();
    let line = status.left_out.iter().find(|line| line.by.starts_with("sink josev")).unwrap();
    assert_eq!(line.fingerprint, fingerprint("alpha"));
    assert!(
        line.reason.contains("v2gRootCACert.der takes one certificate; `order` chose"),
        "{}",
        line.reason
    );
    assert!(!status.is_wrong(), "{status}");

    // The chosen one is suspended: the next in order takes its place.
    repository.pass(60);
    repository.set_notices(vec![notice(3, "na", "beta", repository.now.plus_seconds(2 * DAY))]);
    repository.publish(&ctl_core::role::Role::Notices);
    repository.refresh();
    assert!(device.sync(&repository).is_success());
    assert_eq!(names_in(&at(&device, "v2gRootCACert.der")), set(&["alpha"]));
    assert_eq!(names_in(&at(&device, "v2gRootCACert.pem")), set(&["alpha"]));
    device.assert_sound();
}

#[test]
fn without_an_order_nothing_is_chosen_and_it_is_said_what_to_write() {
    let mut repository = Repository::new();
    repository.set_anchors(&na(), &["alpha", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    let mut device = device(&repository, vec![]);
    // One is no choice.
    assert!(device.sync(&repository).is_success());
    assert_eq!(names_in(&at(&device, "v2gRootCACert.der")), set(&["alpha"]));
    repository.pass(60);
    repository.set_anchors(&na(), &["alpha", "beta", "gamma"]);
    repository.publish(&na());
    repository.refresh();
    let report = device.sync(&repository);
    let text = problems(&report);
    assert!(text.contains("v2gRootCACert.der takes one certificate, and the lists name 2"), "{text}");
    assert!(
        text.contains("`order` into client.toml") && text.contains(&fingerprint("beta").to_string()),
        "{text}"
    );
    assert!(report.is_complete() && device.status().is_wrong());
    // What it has is trusted still, and the store of several takes both.
    assert_eq!(names_in(&at(&device, "v2gRootCACert.der")), set(&["alpha"]));
    assert_eq!(names_in(&at(&device, "v2gRootCACert.pem")), set(&["alpha", "beta"]));
}

#[test]
fn a_root_of_the_operators_own_stays_where_one_fits_and_ours_is_not_put_over_it() {
    let repository = Repository::new();
    let mut device = device(&repository, vec![fingerprint("alpha")]);
    let own = roots()["evil"].der();
    sinks::place(at(&device, "v2gRootCACert.der"), own);
    let text = problems(&device.sync(&repository));
    assert!(text.contains("v2gRootCACert.der holds what this client did not put there"), "{text}");
    assert_eq!(fs::read(at(&device, "v2gRootCACert.der")).unwrap(), own);
    // Distrust is for it too.
    let mut next = repository.clone();
    next.pass(60);
    next.documents.get_mut(&na()).unwrap()["distrusted"] = json!([distrusted("spki", spki("evil"))]);
    next.publish(&na());
    next.refresh();
    let report = device.sync(&next);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(names_in(&at(&device, "v2gRootCACert.der")), set(&["alpha"]));
}

#[test]
fn a_store_without_anchors_says_so_in_a_way_that_its_reader_survives() {
    let mut repository = Repository::new();
    let mut device = device(&repository, vec![fingerprint("alpha")]);
    assert!(device.sync(&repository).is_success());
    // No OEM root is listed: OpenSSL's loaders fail at an empty file, and this one is none.
    let nobody = |name: &str| {
        let text = fs::read_to_string(at(&device, name)).unwrap();
        text.starts_with("Trust nobody")
            && text.matches("-----BEGIN ").count() == 1
            && text.contains("X509 CRL")
    };
    assert!(nobody("oemRootCACert.pem"));
    assert!(!at(&device, "oemRootCACert.der").exists(), "Josev judges nothing then");
    let text = fs::read_to_string(device.path("pki/iso15118_20/certs/v2gRootCACert.pem")).unwrap();
    assert!(text.starts_with("Trust nobody"));

    // An anchor comes, and the words go; all are distrusted, and the words are there again.
    repository.pass(60);
    repository.set_list(&na(), vec![anchor("gamma")]);
    let mut keys = [spki("alpha"), spki("beta")];
    keys.sort();
    repository.documents.get_mut(&na()).unwrap()["distrusted"] =
        json!(keys.map(|key| distrusted("spki", key)));
    repository.publish(&na());
    repository.refresh();
    let before = fs::read_to_string(at(&device, "v2gRootCACert.pem")).unwrap();
    assert!(!before.contains("nobody"));
    device.sync(&repository);
    let text = fs::read_to_string(at(&device, "v2gRootCACert.pem")).unwrap();
    assert!(text.starts_with("Trust nobody") && !text.contains("BEGIN CERTIFICATE"), "{text}");
    assert!(!at(&device, "v2gRootCACert.der").exists());
    device.assert_sound();
}
