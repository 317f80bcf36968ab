//! What others tell a client in the field: stations and their back ends, the devices of a fleet, whoever pauses a roll-out or
//! signs a selection off; and the files beside them that somebody may have written to: manifest, history, configuration.
#![no_main]

use ctl_client::collect::{Entry, Fleet, Head, Rules};
use ctl_client::config::Config;
use ctl_client::csms::hash::HashData;
use ctl_client::csms::message::{from_data_transfer, installed, reply};
use ctl_client::csms::station::Change;
use ctl_client::csms::wants::Version;
use ctl_client::history::History;
use ctl_client::local::Gate;
use ctl_client::report;
use ctl_client::sink::manifest::Manifest;
use ctl_core::selection::Selection;
use ctl_core::{Timestamp, json};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize as _;
use serde_json::Value;

fn station(answer: &Value) {
    for version in Version::ALL {
        let Ok(entries) = installed(answer, version) else { continue };
        for entry in entries {
            assert!(version.kinds().contains(&entry.kind));
            assert_eq!(HashData::read(&entry.name.to_json()).as_ref(), Ok(&entry.name));
            let _ = reply(answer, &Change::Delete { name: entry.name });
        }
    }
}

fn device(report: &Value) {
    let Ok(head) = Head::deserialize(report) else { return };
    if head.problem().is_some() {
        return;
    }
    let rules = Rules { devices: 1, percent: 0, least: 1, silent: 1, between: 0 };
    let (mut fleet, received_at) = (Fleet::default(), Timestamp::from_unix(1_793_534_400));
    fleet.put(Entry { received_at, head });
    assert!(!fleet.verdict(&rules, received_at).paused || fleet.troubled() == 1);
    assert_eq!(fleet.summary(&rules, received_at), fleet.summary(&rules, received_at));
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(answer) = serde_json::from_slice::<Value>(bytes) {
        station(&answer);
        if let Ok(inner) = from_data_transfer(&answer) {
            station(&inner);
        }
    }
    if let Ok(report) = json::parse(bytes, report::MAX_BYTES) {
        device(&report);
    }
    if let Ok(selection) = Selection::read(bytes) {
        assert_eq!(Selection::read(&selection.payload()), Ok(selection));
    }
    let _ = serde_json::from_slice::<Gate>(bytes);
    let _ = Manifest::parse(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let history = History::read(bytes);
    assert_eq!(history.events.len() + history.damaged, lines);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = toml::from_str::<Config>(text);
    }
});
