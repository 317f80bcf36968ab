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
