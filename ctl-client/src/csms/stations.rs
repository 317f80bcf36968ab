//! Which stations a back end has: from a file or a command of the operator's, read at each sync.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::config::{BackEndConfig, Brand};
use super::wants::Version;
use crate::{command, files};

const MAX_BYTES: usize = 16 * 1024 * 1024;
const MOST: usize = 100_000;
/// The longest id; OCPP 2.0.1 has 48 characters.
const LONGEST: usize = 255;
const PATIENCE: Duration = Duration::from_secs(60);

/// A charging station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Station {
    /// Its id at the back end.
    pub(super) id: String,
    /// What it speaks.
    pub(super) version: Version,
}

/// The stations of a back end.
///
/// # Errors
/// In words. None of them is touched then.
pub(super) async fn load(config: &BackEndConfig, brand: Brand) -> Result<Vec<Station>, String> {
    let (place, bytes) = match &config.stations {
        Some(path) => {
            let bytes = files::read(path, MAX_BYTES).map_err(|error| error.to_string())?;
            (path.display().to_string(), bytes.ok_or_else(|| format!("{} does not exist", path.display()))?)
        }
        None => {
            let output = command::output(&config.stations_command, PATIENCE, MAX_BYTES).await;
            ("stations_command".to_owned(), output.map_err(|problem| format!("stations_command: {problem}"))?)
        }
    };
    let text = String::from_utf8(bytes).map_err(|_| format!("{place}: not UTF-8"))?;
    read(&text, config.version(brand), brand).map_err(|problem| format!("{place}: {problem}"))
}

/// What the stations of a back end speak, as far as that is known without asking anybody.
pub(super) fn versions(config: &BackEndConfig, brand: Brand) -> BTreeSet<Version> {
    let default = config.version(brand);
    let bytes = config.stations.as_ref().and_then(|path| files::read(path, MAX_BYTES).ok()?);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let stations = text.and_then(|text| read(&text, default, brand).ok()).unwrap_or_default();
    let versions: BTreeSet<Version> = stations.iter().map(|station| station.version).collect();
    if versions.is_empty() { [default].into() } else { versions }
}

fn read(text: &str, default: Version, brand: Brand) -> Result<Vec<Station>, String> {
    let mut stations = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |problem: &str| format!("line {}: {problem}", number.saturating_add(1));
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = line.split_whitespace();
        let id = words.next().unwrap_or_default();
        // Neither dot can stand in a path.
        if id.len() > LONGEST || id.chars().any(char::is_control) || matches!(id, "." | "..") {
            return Err(wrong("no id of a station"));
        }
        let version = match words.next() {
            None => default,
            Some(word) => {
                let known = brand.versions().iter().find(|version| version.as_str() == word);
                *known.ok_or_else(|| {
                    wrong("behind the id stands no version of OCPP that this back end speaks")
                })?
            }
        };
        if words.next().is_some() {
            return Err(wrong("an id, perhaps a version of OCPP, and nothing more"));
        }
        if stations.insert(id.to_owned(), version).is_some() {
            return Err(wrong("this station stood there already"));
        }
        if stations.len() > MOST {
            return Err(wrong("more stations than one client looks after"));
        }
    }
    // Whoever makes the list and fails must not make all of them forgotten.
    if stations.is_empty() {
        return Err("no station is named; if there is none any more, remove this sink".into());
    }
    Ok(stations.into_iter().map(|(id, version)| Station { id, version }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_line_by_line_and_mistakes_are_named() {
        let found = read("# all\nCP1\n\n  CP2\t1.6 \nCP/3 2.1\n", Version::V201, Brand::Citrineos).unwrap();
        let versions: Vec<_> = found.iter().map(|station| (station.id.as_str(), station.version)).collect();
        assert_eq!(versions, [("CP/3", Version::V21), ("CP1", Version::V201), ("CP2", Version::V16)]);
        for (text, named) in [
            ("CP1\nCP1 1.6", "line 2: this station"),
            ("CP1 3.0", "line 1: behind the id"),
            ("CP1 1.6 more", "nothing more"),
            (&"x".repeat(256), "no id"),
            ("..", "no id"),
            ("", "no station is named"),
            ("# CP1\n", "no station is named"),
        ] {
            let problem = read(text, Version::V201, Brand::Citrineos).unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
        assert!(read("CP1 2.0.1", Version::V16, Brand::Steve).is_err());
    }
}
