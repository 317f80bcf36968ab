//! Private keys of people: PKCS#8 PEM files that only their owner can read.

use std::path::{Path, PathBuf};

use ctl_core::keys::Algorithm;
use ctl_core::{KeyId, PrivateKey, PublicKey};
use serde::Serialize;

use crate::output::Render;
use crate::{AdminError, files};

/// A PEM file with a key is at most so many bytes.
const MAX_PEM: usize = 4096;

/// A key, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct KeyInfo {
    /// `EdDSA` or `ES256`.
    pub algorithm: Algorithm,
    /// The key's id everywhere.
    pub key_id: KeyId,
    /// The private key's file, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_file: Option<PathBuf>,
    /// The public key's file, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_file: Option<PathBuf>,
    /// The public key in SPKI PEM.
    pub public: String,
}

impl KeyInfo {
    fn of(key: &PublicKey) -> Self {
        Self {
            algorithm: key.algorithm(),
            key_id: key.key_id(),
            private_file: None,
            public_file: None,
            public: key.to_pem(),
        }
    }
}

impl Render for KeyInfo {
    fn text(&self) -> String {
        let algorithm = match self.algorithm {
            Algorithm::EdDsa => "Ed25519",
            Algorithm::Es256 => "P-256",
        };
        let mut text = format!("{algorithm} key {}\n", self.key_id);
        if let (Some(private), Some(public)) = (&self.private_file, &self.public_file) {
            text += &format!("private key: {} (keep it; it is not encrypted)\n", private.display());
            text += &format!("public key:  {}\n", public.display());
        }
        text + &self.public
    }
}

/// Where the public half of a new key goes: beside it, with the ending `.pub`.
#[must_use]
pub fn public_path(private: &Path) -> PathBuf {
    private.with_extension("pub")
}

/// Makes a key: the private half in `path` with mode 0600, the public half beside it. Overwrites
/// nothing.
///
/// # Errors
/// A file exists, or the system gives no randomness.
pub fn new(path: &Path, algorithm: Algorithm) -> Result<KeyInfo, AdminError> {
    let public_file = public_path(path);
    if public_file == path {
        return Err(AdminError::input(path.display(), "the private key's file must not end in .pub"));
    }
    for existing in [path, &public_file] {
        if existing.exists() {
            return Err(AdminError::input(existing.display(), "exists already; choose another name"));
        }
    }
    let key = loop {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| AdminError::input("random numbers", e))?;
        // P-256 refuses a seed with a chance of 2⁻³².
        if let Ok(key) = PrivateKey::from_seed(algorithm, &seed) {
            break key;
        }
    };
    let public = key.public_key();
    files::write_new(path, key.to_pem().as_bytes(), files::SECRET)?;
    files::write_new(&public_file, public.to_pem().as_bytes(), files::PUBLIC)?;
    Ok(KeyInfo {
        private_file: Some(path.to_owned()),
        public_file: Some(public_file),
        ..KeyInfo::of(&public)
    })
}

/// Reads a private key; refuses a file that others can read.
///
/// # Errors
/// The file cannot be read, is open to others, or holds no usable key.
pub fn load(path: &Path) -> Result<PrivateKey, AdminError> {
    let pem = String::from_utf8(files::read_secret(path, MAX_PEM)?).unwrap_or_default();
    PrivateKey::from_pem(&pem).map_err(|e| AdminError::input(path.display(), e))
}

/// Reads a public key in SPKI PEM.
///
/// # Errors
/// The file cannot be read or holds no usable key.
pub fn load_public(path: &Path) -> Result<PublicKey, AdminError> {
    PublicKey::from_pem(&files::read_text(path, MAX_PEM)?).map_err(|e| AdminError::input(path.display(), e))
}

/// Shows a key, from its private or its public file.
///
/// # Errors
/// The file cannot be read or holds no usable key.
pub fn show(path: &Path) -> Result<KeyInfo, AdminError> {
    let text = files::read_text(path, MAX_PEM)?;
    if text.contains("BEGIN PUBLIC KEY") {
        return Ok(KeyInfo::of(&load_public(path)?));
    }
    Ok(KeyInfo::of(&load(path)?.public_key()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_key_is_for_its_owner_alone_and_never_overwrites() {
        let directory = tempfile::tempdir().unwrap();
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
            let path = directory.path().join(format!("{algorithm:?}.pem"));
            let made = new(&path, algorithm).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(load(&path).unwrap().public_key().key_id(), made.key_id);
            assert_eq!(show(&public_path(&path)).unwrap().key_id, made.key_id);
            let before = std::fs::read(&path).unwrap();
            assert!(new(&path, algorithm).is_err());
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        new(&path, Algorithm::EdDsa).unwrap();
        for mode in [0o640, 0o604, 0o644] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = load(&path).err().unwrap();
            assert!(error.to_string().contains("chmod 600"), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
