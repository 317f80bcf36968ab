//! What each kind of sink does of its own.

mod command;
mod everest;
mod josev;
mod manifest;
mod selection;

use std::path::PathBuf;

use ctl_client::config::{FilesConfig, SinkConfig};
use ctl_client::sink;

use crate::common::*;

/// A device with one sink more, at this place.
fn with(repository: &Repository, name: &str, config: impl FnOnce(PathBuf) -> SinkConfig) -> Device {
    let device = Device::new(repository);
    let config = config(device.path(name));
    device.with_sinks(vec![sink::open(&config)])
}

fn files(path: PathBuf) -> FilesConfig {
    FilesConfig::at(path)
}

#[test]
fn two_sinks_at_one_place_are_refused_with_both_names() {
    let repository = Repository::new();
    let device = Device::new(&repository);
    let file = device.path("state/client.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let at = |kind: &str, path: &str, more: &str| {
        format!("\n[[sink]]\nkind = \"{kind}\"\npath = \"{path}\"\n{more}")
    };
    let program = "program = [\"/bin/true\"]\n";
    let list = "ctl_folder = \"/b/ctl\"\n";
    for (two, is_refused) in [
        (at("everest", "/a", "") + &at("josev", "/a", ""), true),
        (at("pem", "/a", "") + &at("command", "/a/", program), true),
        (at("p7c", "/a/x", "") + &at("manifest", "/a/./x", ""), true),
        (at("pem", "/a", "") + &at("pem", "/a", ""), true),
        (at("everest", "/a", list) + &at("everest", "/c", list), true),
        (at("pem", "/a", "") + &at("everest", "/a", "") + &at("p7c", "/a/x", ""), false),
        (at("p7c", "/a/x", "") + &at("manifest", "/a/y", ""), false),
    ] {
        std::fs::write(&file, format!("{text}{two}")).unwrap();
        match ctl_client::config::Config::read(&device.path("state")) {
            Err(error) => assert!(is_refused && error.to_string().contains("same place"), "{two}: {error}"),
            Ok(_) => assert!(!is_refused, "{two}"),
        }
    }
}
