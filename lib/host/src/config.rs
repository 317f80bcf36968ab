//! Configuration files: TOML of a bounded size, read strictly; relative paths are relative to the file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserializer;
use serde::de::{DeserializeOwned, Error as _};

use crate::files;

/// The largest configuration file in bytes.
const MAX_CONFIG: u64 = 256 * 1024;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {}: {error}", .path.display())]
    File {
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is not of the form.
    #[error("configuration {}: {error}", .path.display())]
    Form { path: PathBuf, error: Box<toml::de::Error> },
}

/// Reads a configuration file. The function makes its paths relative to a directory: that of the file.
///
/// # Errors
/// [`ConfigError`]
pub fn read<T: DeserializeOwned>(
    path: &Path,
    relative_to: impl FnOnce(&mut T, &Path),
) -> Result<T, ConfigError> {
    let failed = |error| ConfigError::File { path: path.to_owned(), error };
    let bytes = files::read(path, MAX_CONFIG)
        .and_then(|bytes| bytes.ok_or_else(|| ErrorKind::NotFound.into()))
        .map_err(failed)?;
    let mut config = toml::from_slice(&bytes)
        .map_err(|error| ConfigError::Form { path: path.to_owned(), error: Box::new(error) })?;
    relative_to(&mut config, path.parent().unwrap_or(Path::new("")));
    Ok(config)
}

/// Makes paths relative to a directory; absolute ones stay.
pub fn join<'a>(directory: &Path, paths: impl IntoIterator<Item = &'a mut PathBuf>) {
    for path in paths {
        *path = directory.join(&path);
    }
}

/// Reads a duration that is longer than nothing.
///
/// # Errors
/// Those of the deserializer.
pub fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration: Duration = humantime_serde::deserialize(deserializer)?;
    if duration.is_zero() { Err(D::Error::custom("must be longer than nothing")) } else { Ok(duration) }
}
