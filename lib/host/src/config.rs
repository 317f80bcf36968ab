//! Configuration files: TOML of a bounded size, read strictly.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

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

/// Reads a configuration file. Its paths are as they stand in it.
///
/// # Errors
/// [`ConfigError`]
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let failed = |error| ConfigError::File { path: path.to_owned(), error };
    let bytes = files::read(path, MAX_CONFIG)
        .and_then(|bytes| bytes.ok_or_else(|| ErrorKind::NotFound.into()))
        .map_err(failed)?;
    toml::from_slice(&bytes)
        .map_err(|error| ConfigError::Form { path: path.to_owned(), error: Box::new(error) })
}
