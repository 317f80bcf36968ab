//! Stories of charging stations behind a back end, and attacks on the way to them.

mod attacks;
pub mod back_end;
mod power_cuts;
mod rollout;

use std::collections::BTreeSet;

use ctl_client::csms::config::Brand;
use ctl_client::history::What;
use ctl_client::sink::Standing;
use ctl_core::Digest;
use ctl_core::role::Role;
use serde_json::json;

use crate::ask::explained;
use crate::common::device::{block_on, set};
use crate::common::power::Unflushed;
use crate::common::sinks::{problems, with_anchors};
use crate::common::*;
use back_end::{Csms, Mood};

const V2G: &str = "V2GRootCertificate";
const MO: &str = "MORootCertificate";
/// The patience, in seconds, with stations of which one is silent.
const SOON: u64 = 4;

fn device(repository: &Repository, csms: &Csms, brand: Brand) -> Device {
    let device = Device::new(repository);
    let sink = csms.sink(brand, &device);
    device.with_sink(sink)
}

/// The next list, on which these are distrusted.
fn distrusting(repository: &mut Repository, anchors: &[&str], names: &[&str]) -> Repository {
    let entries: Vec<_> = names.iter().map(|name| distrusted("spki", spki(name))).collect();
    repository.documents.get_mut(&na()).unwrap()["distrusted"] = json!(entries);
    with_anchors(repository, anchors)
}

fn suspend(repository: &mut Repository, name: &str) {
    repository.pass(60);
    repository.set_notices(vec![notice(3, "na", name, repository.now.plus_seconds(2 * DAY))]);
    repository.publish(&Role::Notices);
    repository.refresh();
}

fn counts(device: &Device) -> ctl_client::sink::StationCounts {
    let status = device.status();
    status.sinks.iter().find_map(|sink| sink.stations.clone()).unwrap()
}

fn all() -> BTreeSet<(String, &'static str)> {
    [(V2G, "alpha"), (V2G, "beta"), (MO, "gamma")].map(|(kind, name)| (kind.to_owned(), name)).into()
}

#[test]
fn roots_appear_at_every_station_and_a_suspended_one_disappears() {
    for (brand, version) in [(Brand::Citrineos, "2.0.1"), (Brand::Citrineos, "1.6"), (Brand::Steve, "1.6")] {
        let mut repository = Repository::new();
        let csms = Csms::start(&["CP2"]);
        csms.put("CP2", V2G, "evil");
        csms.put("CP2", MO, "gamma");
        let mut device = device(&repository, &csms, brand);
        let ids = if version == "1.6" { "CP2 1.6\n" } else { "CP2\n" };
        std::fs::write(device.path("stations.txt"), ids).unwrap();
        let report = device.sync(&repository);
        assert!(report.is_success(), "{}", problems(&report));
        let mut expected = all();
        expected.insert((V2G.to_owned(), "evil"));
        assert_eq!(csms.holds("CP2"), expected);
        let status = device.status();
        assert!(!status.is_wrong(), "{status}");
        let line = &status.stations.values().next().unwrap()[0];
        assert_eq!(
            (line.standing, line.held, line.wanted, line.foreign),
            (Standing::Installed, Some(3), 3, 2)
        );
        assert!(status.to_string().contains("1 stations: 1 installed"), "{status}");
        assert!(device.sync(&repository).changed.is_empty());

        suspend(&mut repository, "beta");
        let report = device.sync(&repository);
        assert!(report.is_success(), "{}", problems(&report));
        assert_eq!(csms.v2g("CP2"), set(&["alpha", "evil"]));
        // Somebody else's goes only by distrust (by name: the certificate must have stood on a list); what they put there and we want, too, stays when we want it no more.
        assert!(device.sync(&with_anchors(&mut repository, &["alpha", "evil"])).is_success());
        let report = device.sync(&distrusting(&mut repository, &["alpha"], &["evil"]));
        assert!(report.is_success(), "{}", problems(&report));
        assert_eq!(csms.v2g("CP2"), set(&["alpha"]));
        assert!(csms.holds("CP2").contains(&(MO.to_owned(), "gamma")));
        assert!(!csms.inside().stations["CP2"].was_crowded);
    }
}

#[test]
fn a_station_that_is_away_keeps_no_removal_out_of_the_history() {
    let mut repository = Repository::new();
    let csms = Csms::start(&["good", "away"]);
    csms.mood("away", Mood::Offline);
    let mut device = device(&repository, &csms, Brand::Citrineos);
    device.sync(&repository);
    suspend(&mut repository, "beta");
    device.sync(&repository);
    let history = device.client.history().unwrap();
    let removed: Vec<_> = history
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Sink(change) if change.sink.starts_with("citrineos") => Some(&change.removed),
            _ => None,
        })
        .flatten()
        .map(|placed| placed.sha256)
        .collect();
    assert_eq!(removed, [Digest::of(roots()["beta"].der())], "{history}");
    // And the alert stands on a metric that there is.
    let shown = device.client.metrics(&device.status());
    assert!(shown.contains("ctl_client_stations_with_distrusted"), "{shown}");
}

#[test]
fn stations_that_are_offline_refuse_or_lie_are_told_apart_and_hold_up_nobody() {
    let repository = Repository::new();
    let csms = Csms::start(&["good", "offline", "silent", "refuses", "lies", "babbles"]);
    csms.inside().answer_seconds = SOON;
    for (id, mood) in [
        ("offline", Mood::Offline),
        ("silent", Mood::Silent),
        ("refuses", Mood::Refuses),
        ("lies", Mood::Lies),
        ("babbles", Mood::Babbles),
    ] {
        csms.mood(id, mood);
    }
    let mut device = device(&repository, &csms, Brand::Citrineos);
    let report = device.sync(&repository);
    assert!(
        !report.is_success() && report.is_complete(),
        "a station's trouble is no failed sync: {report:?}"
    );
    let found = counts(&device);
    assert_eq!((found.stations, found.installed, found.offline, found.refused), (6, 1, 3, 2), "{found}");
    let status = device.status();
    let lines = &status.stations.values().next().unwrap();
    let reasons = |id: &str| lines.iter().find(|line| line.station == id).unwrap().reasons.join("; ");
    assert!(reasons("refuses").contains("Rejected (NoSpace)"), "{}", reasons("refuses"));
    assert!(reasons("lies").contains("does not list it"), "{}", reasons("lies"));
    assert!(reasons("offline").contains("Failed to find a connection"), "{}", reasons("offline"));
    assert!(reasons("silent").contains("did not answer in time"), "{}", reasons("silent"));
    assert!(reasons("babbles").contains("names nothing"), "{}", reasons("babbles"));
    assert!(status.is_wrong() && !csms.inside().stations.values().any(|station| station.was_crowded));
    // Nobody is asked again before their time.
    let asked = csms.inside().requests.len();
    device.sync(&repository);
    assert_eq!(csms.inside().requests.len(), asked);
    let ids = ["offline", "silent", "refuses", "lies", "babbles"];
    ids.iter().for_each(|id| csms.mood(id, Mood::Honest));
    device.now.set(device.now.get().plus_seconds(2 * DAY));
    device.sync_again().unwrap();
    assert_eq!(counts(&device).installed, 6, "{}", device.status());
    ids.iter().for_each(|id| assert_eq!(csms.holds(id), all(), "{id}"));
}

#[test]
fn a_distrusted_root_at_a_station_that_does_not_answer_is_an_error_until_it_is_proven_gone() {
    let mut repository = Repository::new();
    let csms = Csms::start(&["CP1", "CP2"]);
    let mut device = device(&repository, &csms, Brand::Citrineos);
    assert!(device.sync(&repository).is_success());
    csms.mood("CP1", Mood::Offline);
    suspend(&mut repository, "beta");
    let report = device.sync(&repository);
    assert!(problems(&report).contains("MAY HOLD A DISTRUSTED ROOT"), "{}", problems(&report));
    assert_eq!((csms.v2g("CP1"), csms.v2g("CP2")), (set(&["alpha", "beta"]), set(&["alpha"])));
    assert_eq!(counts(&device).may_hold_distrusted, 1);
    assert!(device.status().to_string().contains("may hold a DISTRUSTED root (CP1"), "{}", device.status());
    // It says that it removed it, and has not.
    csms.mood("CP1", Mood::Lies);
    device.now.set(device.now.get().plus_seconds(900));
    device.sync_again().unwrap();
    assert_eq!(counts(&device).may_hold_distrusted, 1);
    csms.mood("CP1", Mood::Honest);
    device.now.set(device.now.get().plus_seconds(3600));
    device.sync_again().unwrap();
    assert_eq!((csms.v2g("CP1"), counts(&device).may_hold_distrusted), (set(&["alpha"]), 0));
    assert!(!device.status().is_wrong(), "{}", device.status());
}

#[test]
fn maeve_is_told_and_never_believed() {
    let mut repository = Repository::new();
    let csms = Csms::start(&["CP1"]);
    let mut device = device(&repository, &csms, Brand::Maeve);
    std::fs::write(device.path("stations.txt"), "CP1\nunknown\n").unwrap();
    device.sync(&repository);
    let found = counts(&device);
    assert_eq!((found.installed, found.sent, found.offline), (0, 1, 1), "{found}");
    assert!(device.status().to_string().contains("sent, not proven"), "{}", device.status());
    let sent: BTreeSet<(String, &str)> = csms.holds("CP1");
    assert_eq!(
        sent,
        [("V2G", "alpha"), ("V2G", "beta"), ("MO", "gamma")].map(|(k, n)| (k.to_owned(), n)).into()
    );
    std::fs::write(device.path("stations.txt"), "CP1\n").unwrap();
    assert!(device.sync(&repository).is_success());
    let asked = csms.inside().requests.len();
    assert!(device.sync(&repository).is_success());
    assert_eq!(csms.inside().requests.len(), asked, "once told is enough");
    suspend(&mut repository, "beta");
    let report = device.sync(&repository);
    assert!(problems(&report).contains("MAY HOLD A DISTRUSTED ROOT"), "{}", problems(&report));
    let status = device.status();
    assert!(status.findings.iter().any(|finding| {
        finding.severity == ctl_client::status::Severity::Error
            && finding.text.contains("may hold a DISTRUSTED root")
    }));
    // Nothing that is distrusted is ever sent again.
    let later = with_anchors(&mut repository, &["alpha", "evil", "gamma"]);
    device.sync(&later);
    let (_, body) = csms.inside().requests.last().cloned().unwrap();
    assert_eq!(body["certificates"].as_array().unwrap().len(), 3);
    assert!(!body.to_string().contains(&roots()["beta"].to_pem().replace('\n', "\\n")));
}

#[test]
fn a_station_of_ocpp_1_6_without_plug_and_charge_refuses() {
    let repository = Repository::new();
    let csms = Csms::start(&["CP1"]);
    csms.mood("CP1", Mood::Ignorant);
    let mut device = device(&repository, &csms, Brand::Steve);
    device.sync(&repository);
    let status = device.status();
    let line = &status.stations.values().next().unwrap()[0];
    assert_eq!(line.standing, Standing::Refused);
    assert!(line.reasons[0].contains("does not know Plug & Charge"), "{line:?}");
}

#[test]
fn explain_names_the_stations_stores_without_asking_the_back_end() {
    let mut repository = Repository::new();
    let mut vehicle = anchor("beta");
    vehicle["uses"] = json!([{ "standard": "iso15118-20", "purpose": "vehicle" }]);
    let mut provisioning = anchor("evil");
    provisioning["uses"] = json!([{ "standard": "iso15118-2", "purpose": "oem" }]);
    repository.set_list(&na(), vec![anchor("alpha"), vehicle, anchor("gamma"), provisioning]);
    repository.publish(&na());
    repository.refresh();
    let csms = Csms::start(&["CP1", "CP2"]);
    let mut device = device(&repository, &csms, Brand::Citrineos);
    std::fs::write(device.path("stations.txt"), "CP1\nCP2 2.1\n").unwrap();
    device.sync(&repository);
    let asked = csms.inside().requests.len();
    let files = ["alpha", "beta", "gamma", "evil"].map(|name| (name, roots()[name].to_pem().into_bytes()));
    let found = explained(&device, &files);
    let of =
        |number: usize| found[number].anchors[0].sinks.iter().find(|place| place.sink.contains("citrineos"));
    let stores = |number: usize| of(number).unwrap().stores.clone();
    let at = |kind: &str, version: &str| format!("{kind} of stations that speak OCPP {version}");
    assert_eq!(stores(0), [at(V2G, "2.0.1"), at(V2G, "2.1")]);
    assert_eq!(stores(1), [at("OEMRootCertificate", "2.1")]);
    assert_eq!(stores(2), [at(MO, "2.0.1"), at(MO, "2.1")]);
    let why = of(3).unwrap().reason.clone().unwrap();
    assert!(stores(3).is_empty() && why.contains("provisioning chains alone"), "{why}");
    assert_eq!(csms.inside().requests.len(), asked);
}

#[test]
fn only_what_a_station_can_name_and_take_is_wanted_there() {
    use ctl_client::csms::wants::{Kind, Roots, Version, Wants};
    use ctl_client::store::TrustStore;
    use ctl_core::list::ListPayload;
    use ctl_core::tuf::Clock;

    let child = {
        let spec = ctl_sandbox::PkiSpec::new(
            ctl_sandbox::PkiKind::V2g,
            "child",
            "DE",
            "child",
            "client tests",
            start().minus_seconds(DAY).unix(),
        );
        let pki = ctl_sandbox::Pki::generate(&spec).unwrap();
        let below = pki
            .entities()
            .find(|(_, entity)| entity.certificate().is_ca() && !entity.certificate().is_self_issued());
        below.unwrap().1.certificate().clone()
    };
    let mut vehicle = anchor("beta");
    vehicle["uses"] = json!([{ "standard": "iso15118-20", "purpose": "vehicle" }]);
    let mut provisioning = anchor("evil");
    provisioning["uses"] = json!([{ "standard": "iso15118-2", "purpose": "oem" }]);
    let mut anchors = vec![
        anchor("alpha"),
        vehicle,
        provisioning,
        constrained("gamma", "mo_ids", json!(["USEVG"]), true),
        anchor_with("child", &child),
    ];
    anchors.sort_by_key(|anchor| anchor["fingerprint"].as_str().unwrap().to_owned());
    let list: ListPayload = serde_json::from_value(json!({
        "anchors": anchors, "cross_certificates": [], "distrusted": [], "environment": "test", "format": 1,
        "issued_at": start(), "list": "na", "next_update": start(), "previous": ctl_core::Digest::ZERO,
        "log": { "origin": ORIGIN, "root_hash": ctl_core::Digest::ZERO, "size": 0 },
        "scheme": ctl_core::Digest::ZERO,
        "policy": { "name": "policy", "sha256": ctl_core::Digest::ZERO, "version": "1" }, "sequence": 1,
        "type": ListPayload::TYPE,
    }))
    .unwrap();
    let store = TrustStore::new(&[&list], &[], &Default::default(), Clock::Known(start()));
    let mut known = Roots::default();
    store.anchors.iter().for_each(|anchor| known.add(anchor.certificate.clone()));
    let nothing = BTreeSet::new();
    for (version, vehicles) in [(Version::V16, 0), (Version::V201, 0), (Version::V21, 1)] {
        let wants = Wants::of(&store, &known, &nothing, version);
        assert_eq!(wants.roots.get(&Kind::V2g), Some(&BTreeSet::from([fingerprint("alpha")])));
        assert_eq!(wants.roots.get(&Kind::Oem).map_or(0, BTreeSet::len), vehicles, "{version}");
        let why: Vec<&str> = wants.left_out.iter().map(|(_, why)| why.as_str()).collect();
        assert!(why.iter().any(|why| why.contains("not self-signed")), "{why:?}");
        assert!(why.iter().any(|why| why.contains("\"mo_ids\"")), "{why:?}");
        assert!(why.iter().any(|why| why.contains("provisioning")), "{why:?}");
        assert_eq!(why.iter().any(|why| why.contains("no store for OEM")), vehicles == 0, "{why:?}");
    }
    let bad = Wants {
        distrusted: [fingerprint("alpha")].into(),
        ..Wants::of(&store, &known, &nothing, Version::V16)
    };
    assert_ne!(bad.digest(), Wants::of(&store, &known, &nothing, Version::V16).digest());
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    let repository = Repository::new();
    let device = Device::new(&repository);
    let file = device.path("state/client.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let read = |text: &str| {
        std::fs::write(&file, format!("{good}\n[[sink]]\n{text}")).unwrap();
        ctl_client::config::Config::read(&device.path("state")).map_err(|error| error.to_string())
    };
    let citrineos = "kind = \"citrineos\"\nurl = \"https://csms.example\"\nstations = \"/stations.txt\"\n";
    let callback = "[sink.callback]\nlisten = \"127.0.0.1:0\"\n";
    assert!(read(&format!("{citrineos}{callback}")).is_ok());
    for (text, named) in [
        (citrineos.to_owned(), "[sink.callback] is missing"),
        (
            format!("{citrineos}{callback}").replace("https://csms.", "http://csms."),
            "http:// is for this machine only",
        ),
        (format!("{citrineos}{callback}").replace("https://", "https://user:secret@"), "stand in files"),
        (format!("{citrineos}{}", callback.replace("127.0.0.1", "0.0.0.0")), "how the back end reaches"),
        (format!("{citrineos}{callback}url = \"http://client.example\""), "[sink.callback] url: write https"),
        (format!("{citrineos}{callback}").replace("stations = \"/", "stations = \""), "absolute path"),
        (format!("{citrineos}stations_command = [\"x\"]\n{callback}"), "only one of them"),
        (format!("{citrineos}at_once = 0\n{callback}"), "at_once"),
        (format!("{citrineos}bearer_file = \"/a\"\nbasic_file = \"/b\"\n{callback}"), "only one of them"),
        (citrineos.replace("citrineos", "maeve") + "tenant = 1\n", "only CitrineOS"),
        (citrineos.replace("citrineos", "maeve") + callback, "never calls back"),
        (citrineos.replace("citrineos", "steve") + "ocpp = \"2.0.1\"\n", "does not speak 2.0.1"),
        (citrineos.replace("citrineos", "maeve") + "colour = 1\n", "colour"),
    ] {
        let problem = read(&text).unwrap_err();
        assert!(problem.contains(named), "{text}: {problem}");
        assert!(!problem.contains("secret"), "{problem}");
    }
}

#[test]
fn what_the_operator_distrusts_goes_from_stations_that_had_it_from_others_though_it_was_never_sent() {
    let repository = Repository::new();
    let csms = Csms::start(&["CP1"]);
    csms.put("CP1", V2G, "beta");
    let mut device = Device::new(&repository);
    let beta = spki("beta");
    device.configure(&format!(
        "[[local.distrust]]\nkind = \"spki\"\nsha256 = \"{beta}\"\nreason = \"our audit\""
    ));
    let sink = csms.sink(Brand::Citrineos, &device);
    let mut device = device.with_sink(sink);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{}", problems(&report));
    assert_eq!(csms.v2g("CP1"), set(&["alpha"]));
}
