//! EVerest's folder of trust lists, whose reader appends to the bundles.

use std::fs;

use ctl_client::config::{FilesConfig, SinkConfig};
use serde_json::json;

use super::with;
use crate::common::device::{names_in, set};
use crate::common::sinks::{certificates_in, place, problems};
use crate::common::*;

const BUNDLE: &str = "second/ca/v2g/V2G_ROOT_CA.pem";

fn device(repository: &Repository) -> Device {
    with(repository, "second", |path| {
        let ctl_folder = Some(path.with_file_name("CTL"));
        SinkConfig::Everest(FilesConfig { ctl_folder, ..FilesConfig::at(path) })
    })
}

/// What EVerest does at its start: each certificate of the folder goes to the end of a bundle, again.
fn start_everest(device: &Device) {
    for file in fs::read_dir(device.path("CTL")).unwrap() {
        for certificate in certificates_in(&fs::read(file.unwrap().path()).unwrap()) {
            let name = certificate.subject().to_owned();
            let bundle = if name.contains("DC=MO") { "second/ca/mo/MO_ROOT_CA.pem" } else { BUNDLE };
            let mut bytes = fs::read(device.path(bundle)).unwrap();
            bytes.extend_from_slice(certificate.to_pem().as_bytes());
            fs::write(device.path(bundle), bytes).unwrap();
        }
    }
}

#[test]
fn what_everest_appends_at_each_start_is_what_the_bundles_hold_already() {
    let repository = Repository::new();
    let mut device = device(&repository);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(names_in(&device.path("CTL/ctl-client.p7c")), set(&["alpha", "beta", "gamma"]));
    for _ in 0..3 {
        start_everest(&device);
    }
    // No sync changes anything for that, or a command that starts EVerest again would never end.
    let report = device.sync(&repository);
    assert!(report.is_success() && report.changed.is_empty(), "{report:?}");
    assert!(!device.status().is_wrong(), "{}", device.status());
    // What is suspended goes from both, however often it was added.
    let mut next = repository.clone();
    next.pass(60);
    next.set_notices(vec![notice(3, "na", "beta", next.now.plus_seconds(2 * DAY))]);
    next.publish(&ctl_core::role::Role::Notices);
    next.refresh();
    assert!(device.sync(&next).is_success());
    start_everest(&device);
    assert_eq!(names_in(&device.path(BUNDLE)), set(&["alpha"]));
    assert_eq!(names_in(&device.path("CTL/ctl-client.p7c")), set(&["alpha", "gamma"]));
}

#[test]
fn a_root_that_everest_would_sort_elsewhere_stands_in_the_bundles_only() {
    let mut repository = Repository::new();
    // A root of V2G by its name, which the list names for contracts alone.
    let mut strange = anchor("beta");
    strange["uses"] = json!([{ "purpose": "mo", "standard": "iso15118-2" }]);
    repository.set_list(&na(), vec![anchor("alpha"), strange]);
    repository.publish(&na());
    repository.refresh();
    let mut device = device(&repository);
    assert!(device.sync(&repository).is_success());
    assert_eq!(names_in(&device.path("second/ca/mo/MO_ROOT_CA.pem")), set(&["beta"]));
    assert_eq!(names_in(&device.path("CTL/ctl-client.p7c")), set(&["alpha"]));
}

/// What a device says once a root is suspended of which somebody else put a file into a folder of EVerest's.
fn told_of_a_file_of_others(place_of_it: &str, bytes: &[u8]) {
    let repository = Repository::new();
    let mut device = device(&repository);
    place(device.path(place_of_it), bytes);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{}", problems(&report));
    let mut next = repository.clone();
    next.pass(60);
    next.set_notices(vec![notice(3, "na", "beta", next.now.plus_seconds(2 * DAY))]);
    next.publish(&ctl_core::role::Role::Notices);
    next.refresh();
    let text = problems(&device.sync(&next));
    assert!(text.contains(&format!("{place_of_it} holds")) && text.contains("remove it"), "{text}");
    assert!(device.status().is_wrong());
    assert_eq!(names_in(&device.path(BUNDLE)), set(&["alpha"]), "what can be done is done");
}

#[test]
fn another_file_in_the_folder_of_lists_that_brings_back_what_is_distrusted_is_told() {
    let old = ctl_formats::certificates_to_pkcs7([&roots()["beta"]]).unwrap();
    told_of_a_file_of_others("CTL/sae.p7b", &old);
}

#[test]
fn another_file_beside_a_bundle_that_holds_what_is_distrusted_is_told() {
    told_of_a_file_of_others(
        "second/ca/v2g/installed_by_the_back_end.pem",
        roots()["beta"].to_pem().as_bytes(),
    );
}
