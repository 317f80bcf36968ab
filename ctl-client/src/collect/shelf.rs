//! The reports on the disk: one file for each device, whole or not at all, so that the fleet is known again after a
//! restart.

use std::io;
use std::path::{Path, PathBuf};

use ctl_core::{Timestamp, json};
use ctl_host::files;
use serde::Deserialize;
use serde_json::Value;

use super::fleet::{Entry, Fleet, Head, Rules};
use crate::report::{DeviceId, MAX_BYTES};

const FOLDER: &str = "devices";
/// What is written around a report.
const AROUND: usize = 1024;

/// The folder of the reports.
pub struct Shelf {
    folder: PathBuf,
}

/// A file.
#[derive(Deserialize)]
struct Kept {
    received_at: Timestamp,
    report: Head,
}

impl Shelf {
    /// Opens it, and creates it if it is missing.
    ///
    /// # Errors
    /// The operating system's.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let folder = directory.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn place(&self, device: &DeviceId) -> PathBuf {
        // A name never begins with a dot, as temporary files do.
        self.folder.join(format!("{device}.json"))
    }

    /// Keeps a report.
    ///
    /// # Errors
    /// The operating system's. The former report is still there then.
    pub fn keep(&self, device: &DeviceId, received_at: Timestamp, report: &Value) -> io::Result<()> {
        let kept = serde_json::json!({ "received_at": received_at, "report": report });
        files::write(&self.place(device), &json::canonical(&kept), files::SECRET)
    }

    /// Forgets a device.
    ///
    /// # Errors
    /// The operating system's.
    pub fn forget(&self, device: &DeviceId) -> io::Result<()> {
        match std::fs::remove_file(self.place(device)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Everything that was kept, and what could not be read.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn read(&self, rules: &Rules) -> io::Result<(Fleet, Vec<String>)> {
        let (mut fleet, mut problems) = (Fleet::default(), Vec::new());
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                // What an interrupted write left.
                let _ = std::fs::remove_file(self.folder.join(&*name));
                continue;
            }
            match self.read_one(&name) {
                Ok(entry) if fleet.has_room(&entry.head.device, rules) => fleet.put(entry),
                Ok(entry) => {
                    problems
                        .push(format!("{name}: more than the {} devices that there may be", rules.devices));
                    drop(entry);
                }
                Err(problem) => problems.push(format!("{name}: {problem}")),
            }
        }
        Ok((fleet, problems))
    }

    fn read_one(&self, name: &str) -> Result<Entry, String> {
        let limit = MAX_BYTES.saturating_add(AROUND);
        let bytes = files::read(&self.folder.join(name), limit as u64).map_err(|error| error.to_string())?;
        let Kept { received_at, report: head } =
            json::read(&bytes.unwrap_or_default(), limit).map_err(|error| error.to_string())?;
        match head.problem() {
            Some(problem) => Err(problem.to_owned()),
            None if name != format!("{}.json", head.device) => Err("it is another device's".to_owned()),
            None => Ok(Entry { received_at, head }),
        }
    }
}
