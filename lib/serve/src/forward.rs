//! What a program that forwards requests for its callers and one that answers them have in common: the secret by which the
//! one knows the other, and the header that names the caller.

use std::io;
use std::path::{Path, PathBuf};

use ctl_host::files;
use subtle::ConstantTimeEq as _;

/// The header with the caller's id. Believed only beside the [secret](SECRET).
pub const CLIENT: &str = "ctl-client";
/// The header with the secret.
pub const SECRET: &str = "ctl-forward-secret";

/// The largest secret file in bytes.
const MAX_FILE: u64 = 256;
/// 128 bits, in hex.
const DIGITS: usize = 32;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("the secret {}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    /// The file holds something else.
    #[error("the secret {}: not 32 hex digits; delete it, and the program that answers makes a new one", .0.display())]
    Form(PathBuf),
}

/// A secret that two programs share; not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ForwardSecret(String);

impl std::fmt::Debug for ForwardSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ForwardSecret(…)")
    }
}

impl ForwardSecret {
    /// Reads it.
    ///
    /// # Errors
    /// [`SecretError`]; also if others than the file's owner may read it.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        Self::found(path)?.ok_or_else(|| failed(path, io::ErrorKind::NotFound.into()))
    }

    /// Reads it, or makes it where there is none.
    ///
    /// # Errors
    /// As [`ForwardSecret::read`].
    pub fn read_or_make(path: &Path) -> Result<Self, SecretError> {
        if let Some(found) = Self::found(path)? {
            return Ok(found);
        }
        let mut bytes = [0; DIGITS / 2];
        getrandom::fill(&mut bytes).map_err(|error| failed(path, io::Error::other(error.to_string())))?;
        let text = hex::encode(bytes);
        files::write_new(path, format!("{text}\n").as_bytes(), files::SECRET)
            .map_err(|error| failed(path, error))?;
        Ok(Self(text))
    }

    fn found(path: &Path) -> Result<Option<Self>, SecretError> {
        let bytes = files::read_secret(path, MAX_FILE).map_err(|error| failed(path, error))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        let is_one = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_one { Ok(Some(Self(text))) } else { Err(SecretError::Form(path.to_owned())) }
    }

    /// As it stands in the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is it. How long the answer takes tells nothing of how much of it is right.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

fn failed(path: &Path, error: io::Error) -> SecretError {
    SecretError::File { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(ForwardSecret::read(&path).unwrap_err().to_string().contains("secret"));
        let made = ForwardSecret::read_or_make(&path).unwrap();
        assert_eq!(made, ForwardSecret::read_or_make(&path).unwrap());
        let read = ForwardSecret::read(&path).unwrap();
        assert!(read.is(made.as_str()) && !read.is("") && !read.is(&made.as_str()[1..]));
        assert!(!format!("{read:?}").contains(made.as_str()));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(ForwardSecret::read(&path).is_err());
        std::fs::remove_file(&path).unwrap();
        files::write_new(&path, b"secret", files::SECRET).unwrap();
        assert!(ForwardSecret::read(&path).unwrap_err().to_string().contains("32 hex digits"));
    }
}
