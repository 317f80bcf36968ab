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
    let report = device.sync(&next);
    assert!(report.is_complete(), "what the lists say is known all the same: {report:?}");
    let text = problems(&report);
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

fn plan(
    sink: &dyn ctl_client::sink::Sink,
    lists: &[ctl_core::list::ListPayload],
    distrusted: &[&str],
) -> ctl_client::sink::Plan {
    let notices: Vec<_> = distrusted
        .iter()
        .map(|name| serde_json::from_value(notice(3, "na", name, start().plus_seconds(DAY))).unwrap())
        .collect();
    let lists: Vec<_> = lists.iter().collect();
    let clock = ctl_core::tuf::Clock::Known(start());
    let store = ctl_client::store::TrustStore::new(&lists, &notices, &Default::default(), clock);
    device::block_on(sink.plan(&store, &Default::default())).unwrap()
}

#[test]
fn a_root_that_many_lists_name_is_one_entry() {
    let repository = Repository::new();
    let device = device(&repository);
    let sink = ctl_client::sink::open(&SinkConfig::Everest(FilesConfig::at(device.path("second"))));
    let list: ctl_core::list::ListPayload =
        serde_json::from_value(repository.documents[&na()].clone()).unwrap();
    let named =
        |n: u32| ctl_core::list::ListPayload { list: format!("l{n}").parse().unwrap(), ..list.clone() };
    let lists: Vec<_> = (0..1001).map(named).collect();
    let found = plan(sink.as_ref(), &lists, &[]);
    assert!(found.complaints.is_empty(), "{:?}", found.complaints);
    assert_eq!(certificates_in(&found.files["V2G_ROOT_CA.pem"]).len(), 2);
}

/// So many roots that differ in their serial number alone.
fn many(count: u16) -> Vec<serde_json::Value> {
    let der = roots()["evil"].der();
    let serial = der.windows(5).position(|window| window == [0xa0, 3, 2, 1, 2]).unwrap() + 7;
    let one = |n: u16| {
        let mut der = der.to_vec();
        der[serial + 2..serial + 4].copy_from_slice(&n.to_be_bytes());
        anchor_with("many", &ctl_pki::Certificate::from_der(&der).unwrap())
    };
    (0..count).map(one).collect()
}

#[test]
fn more_roots_than_a_reader_takes_add_nothing_and_hold_up_no_removal() {
    let mut repository = Repository::new();
    for kind in [SinkConfig::Everest, SinkConfig::Pem] {
        let mut device = with(&repository, "second", |path| kind(FilesConfig::at(path)));
        assert!(device.sync(&repository).is_success());
        repository
            .set_list(&na(), many(2000).into_iter().chain([anchor("alpha"), anchor("gamma")]).collect());
        let list = serde_json::from_value(repository.documents[&na()].clone()).unwrap();
        let sink = ctl_client::sink::open(&kind(FilesConfig::at(device.path("second"))));
        let found = plan(sink.as_ref(), &[list], &["beta"]);
        let said: String = found.complaints.iter().map(ToString::to_string).collect();
        assert!(said.contains("2000") && found.complaints.iter().all(|one| one.is_complaint()), "{said}");
        let held = |name: &str| certificates_in(found.files.get(name).map_or(&[], Vec::as_slice));
        let v2g = [held("V2G_ROOT_CA.pem"), held("v2g-iso15118-2.pem")].concat();
        assert_eq!(v2g, [roots()["alpha"].clone()], "what must go goes");
        let mo = [held("MO_ROOT_CA.pem"), held("mo-iso15118-2.pem")].concat();
        assert_eq!(mo, [roots()["gamma"].clone()]);
    }
}

#[test]
fn what_cannot_be_read_in_everests_folders_is_told_and_not_taken_for_clean() {
    let repository = Repository::new();
    let pkcs7 = ctl_formats::certificates_to_pkcs7([&roots()["beta"]]).unwrap();
    let mut other = pkcs7.clone();
    other.push(0);
    let huge = vec![b'x'; 17 * 1024 * 1024];
    for (place_of_it, bytes, is_told) in [
        ("CTL/sae.p7b", &other, true),
        ("second/ca/v2g/huge.pem", &huge, true),
        ("second/ca/v2g/below/root.pem", &pkcs7, true),
        ("second/ca/mo/README", &b"by hand, 2024".to_vec(), false),
        ("CTL/theirs.p7b", &pkcs7, false),
    ] {
        let mut device = device(&repository);
        place(device.path(place_of_it), bytes);
        let report = device.sync(&repository);
        let name = place_of_it.trim_end_matches("/root.pem");
        assert_eq!(!report.is_success(), is_told, "{place_of_it}: {}", problems(&report));
        assert!(
            report.is_complete() && (!is_told || problems(&report).contains(name)),
            "{}",
            problems(&report)
        );
        assert_eq!(names_in(&device.path(BUNDLE)), set(&["alpha", "beta"]));
    }
}
