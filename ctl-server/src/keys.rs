//! The server's own four keys. None of them can change trust; people's keys never come here.

use std::path::{Path, PathBuf};

use ctl_core::keys::{Algorithm, KeyError};
use ctl_core::log::{Checkpoint, LogError, LogKey, Note};
use ctl_core::names::Origin;
use ctl_core::{Digest, PrivateKey, PublicKey, SignerError};
use ctl_governance::statement::charter::ServerKeys;
use ctl_governance::{State, draft};
use ctl_host::files;

/// The server's own keys.
#[derive(Debug)]
pub struct Keys {
    /// The name that the log signs with.
    pub origin: Origin,
    /// Signs checkpoints; Ed25519.
    pub log: PrivateKey,
    /// Signs what the server observed.
    pub recorder: PrivateKey,
    /// Signs the TUF snapshot.
    pub snapshot: PrivateKey,
    /// Signs the TUF timestamp.
    pub timestamp: PrivateKey,
    /// Other keys of the log, each with its origin: made before a rotation or a restart, and used once the charter
    /// names one.
    pub others: Vec<(Origin, PrivateKey)>,
}

/// Why the server's keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: std::io::Error },
    /// A file is missing.
    #[error("{} is missing: run `ctl-server init` first, or restore the keys from their backup", .0.display())]
    Missing(PathBuf),
    /// There are keys already.
    #[error("{} exists already: the server has its keys, and new ones would not fit the charter", .0.display())]
    Exists(PathBuf),
    /// A file does not hold a key.
    #[error("{}: {error}", .path.display())]
    Key { path: PathBuf, error: KeyError },
    /// The file of public keys does not match the private ones.
    #[error("{} does not match the keys in its directory: {why}", .path.display())]
    Public { path: PathBuf, why: String },
    /// The log's key is of the wrong kind, or the origin cannot be a key's name.
    #[error("the log's key: {0}")]
    Log(LogError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// The file with the public keys, for the charter.
pub const PUBLIC_FILE: &str = "server-keys.json";
const MAX_FILE: u64 = 16 * 1024;

impl Keys {
    /// New random keys, all Ed25519.
    ///
    /// # Errors
    /// [`KeysError::Random`]
    pub fn generate(origin: Origin) -> Result<Self, KeysError> {
        let key = || {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(KeysError::Random)?;
            // Every seed is an Ed25519 key.
            PrivateKey::from_seed(Algorithm::EdDsa, &seed)
                .map_err(|error| KeysError::Key { path: "keys".into(), error })
        };
        let (log, recorder, snapshot, timestamp) = (key()?, key()?, key()?, key()?);
        Ok(Self { origin, log, recorder, snapshot, timestamp, others: vec![] })
    }

    /// The same keys, with the log's key that the charter names in use.
    #[must_use]
    pub fn named_by(mut self, charter: &ServerKeys) -> Self {
        let named = |(origin, log): &mut (Origin, PrivateKey)| {
            *origin == charter.log_origin && log.public_key() == charter.log
        };
        if let Some((origin, log)) = self.others.iter_mut().find_map(|other| named(other).then_some(other)) {
            std::mem::swap(origin, &mut self.origin);
            std::mem::swap(log, &mut self.log);
        }
        self
    }

    /// Makes another key for the log in a data directory that has keys: `keys/log-….pem`, and a `.json` of the same
    /// name with the server's public keys including it, for the charter or a restart.
    ///
    /// # Errors
    /// [`KeysError`]
    pub fn add_log_key(data: &Path, origin: Option<Origin>) -> Result<(ServerKeys, PathBuf), KeysError> {
        let mut public = Self::load(data)?.public();
        let made = Self::generate(origin.unwrap_or_else(|| public.log_origin.clone()))?;
        (public.log_origin, public.log) = (made.origin, made.log.public_key());
        let path = write_log_key(data, &public, &made.log)?;
        Ok((public, path))
    }

    /// Makes the log's key in use the main one of a data directory. The previous one stays, as it may still have to
    /// sign.
    ///
    /// # Errors
    /// [`KeysError`]
    pub fn settle(&self, data: &Path) -> Result<(), KeysError> {
        let before = Self::load(data)?;
        let public = self.public();
        if before.public() == public {
            return Ok(());
        }
        write_log_key(data, &before.public(), &before.log)?;
        write(&data.join(PUBLIC_FILE), &ctl_core::json::canonical(&public), files::PUBLIC)
    }

    fn load_others(directory: &Path) -> Result<Vec<(Origin, PrivateKey)>, KeysError> {
        let failed = |error| KeysError::File { path: directory.to_owned(), error };
        let mut others = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(name) = name.to_str().filter(|name| name.starts_with("log-")) else { continue };
            let Some(stem) = name.strip_suffix(".json") else { continue };
            let (path, secret) = (directory.join(name), directory.join(format!("{stem}.pem")));
            let public: ServerKeys =
                ctl_core::json::read(&there(&path, files::read(&path, MAX_FILE))?, MAX_FILE as usize)
                    .map_err(|error| KeysError::Public { path: path.clone(), why: error.to_string() })?;
            let pem =
                String::from_utf8(there(&secret, files::read_secret(&secret, MAX_FILE))?).unwrap_or_default();
            let key = PrivateKey::from_pem(&pem).map_err(|error| KeysError::Key { path: secret, error })?;
            if key.public_key() != public.log {
                return Err(KeysError::Public {
                    path,
                    why: "the private key of the same name is another".into(),
                });
            }
            others.push((public.log_origin, key));
        }
        Ok(others)
    }

    /// The public keys, as the charter names them.
    #[must_use]
    pub fn public(&self) -> ServerKeys {
        ServerKeys {
            log_origin: self.origin.clone(),
            log: self.log.public_key(),
            recorder: self.recorder.public_key(),
            snapshot: self.snapshot.public_key(),
            timestamp: self.timestamp.public_key(),
        }
    }

    fn named(&self) -> [(&'static str, &PrivateKey); 4] {
        [
            ("log.pem", &self.log),
            ("recorder.pem", &self.recorder),
            ("snapshot.pem", &self.snapshot),
            ("timestamp.pem", &self.timestamp),
        ]
    }

    /// Writes new keys to a data directory: `keys/*.pem`, readable by the owner only, and `server-keys.json`.
    ///
    /// # Errors
    /// [`KeysError::Exists`] if there are some, or [`KeysError::File`].
    pub fn save(&self, data: &Path) -> Result<(), KeysError> {
        let directory = data.join("keys");
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| KeysError::File { path, error }
        };
        std::fs::create_dir_all(data).map_err(failed(data))?;
        match files::create_secret_directory(&directory) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(KeysError::Exists(directory));
            }
            Err(error) => return Err(KeysError::File { path: directory, error }),
        }
        for (name, key) in self.named() {
            let path = directory.join(name);
            files::write(&path, key.to_pem().as_bytes(), files::SECRET).map_err(failed(&path))?;
        }
        let path = data.join(PUBLIC_FILE);
        let public = ctl_core::json::canonical(&self.public());
        files::write(&path, &public, files::PUBLIC).map_err(failed(&path))
    }

    /// Reads the keys of a data directory; refuses a private key that others can read.
    ///
    /// # Errors
    /// [`KeysError`] naming the file.
    pub fn load(data: &Path) -> Result<Self, KeysError> {
        let key = |name: &str| {
            let path = data.join("keys").join(name);
            let pem =
                String::from_utf8(there(&path, files::read_secret(&path, MAX_FILE))?).unwrap_or_default();
            PrivateKey::from_pem(&pem).map_err(|error| KeysError::Key { path, error })
        };
        let path = data.join(PUBLIC_FILE);
        let public: ServerKeys =
            ctl_core::json::read(&there(&path, files::read(&path, MAX_FILE))?, MAX_FILE as usize)
                .map_err(|error| KeysError::Public { path: path.clone(), why: error.to_string() })?;
        let mut others = Self::load_others(&data.join("keys"))?;
        // `server-keys.json` says which of the log's keys is in use.
        let named = |(origin, log): &(Origin, PrivateKey)| {
            *origin == public.log_origin && log.public_key() == public.log
        };
        let log = match others.iter().position(named) {
            Some(place) => others.swap_remove(place).1,
            None => key("log.pem")?,
        };
        let keys = Self {
            origin: public.log_origin.clone(),
            log,
            recorder: key("recorder.pem")?,
            snapshot: key("snapshot.pem")?,
            timestamp: key("timestamp.pem")?,
            others,
        };
        if keys.public() != public {
            return Err(KeysError::Public { path, why: "a public key differs".into() });
        }
        Ok(keys)
    }

    /// Signs the checkpoint of a whole log. While the published root.json still names an earlier key of the same log,
    /// that key also signs if it is here, because devices follow root.json until the board signs the next one.
    ///
    /// # Errors
    /// As [`Keys::sign_checkpoint`].
    pub fn sign_for(&self, state: &State, size: u64, root: Digest) -> Result<Note, KeysError> {
        let mut note = self.sign_checkpoint(size, root)?;
        if self.others.is_empty() {
            return Ok(note);
        }
        let named = draft::published_root(state).and_then(|root| root.v2g).map(|v2g| v2g.log.key);
        for (origin, other) in &self.others {
            let PublicKey::Ed25519(public) = other.public_key() else { continue };
            let own = LogKey::new(origin.as_str(), public).map_err(KeysError::Log)?;
            if *origin == self.origin && named.as_ref() == Some(&own.to_string()) {
                note.sign(origin.as_str(), other).map_err(KeysError::Log)?;
            }
        }
        Ok(note)
    }

    /// Signs a checkpoint of the log with this size and root.
    ///
    /// # Errors
    /// The log's key does not sign or is not Ed25519, or the origin cannot be a key's name.
    pub fn sign_checkpoint(&self, size: u64, root: Digest) -> Result<Note, KeysError> {
        let checkpoint = Checkpoint { origin: self.origin.to_string(), size, root };
        checkpoint.sign(&self.log).map_err(KeysError::Log)
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeysError> {
    files::write(path, bytes, mode).map_err(|error| KeysError::File { path: path.to_owned(), error })
}

/// Writes a key of the log, and a file with the server's public keys including it; returns the path of the latter.
fn write_log_key(data: &Path, public: &ServerKeys, key: &PrivateKey) -> Result<PathBuf, KeysError> {
    let name = format!("log-{}", public.log.key_id().short());
    let path = |end: &str| data.join("keys").join(format!("{name}.{end}"));
    write(&path("pem"), key.to_pem().as_bytes(), files::SECRET)?;
    write(&path("json"), &ctl_core::json::canonical(public), files::PUBLIC)?;
    Ok(path("json"))
}

/// The key that verifies checkpoints of the log that a charter names.
///
/// # Errors
/// It is not Ed25519, or the origin cannot be a key's name.
pub fn log_key(server: &ServerKeys) -> Result<LogKey, LogError> {
    match &server.log {
        PublicKey::Ed25519(key) => LogKey::new(server.log_origin.as_str(), *key),
        key @ PublicKey::P256(_) => Err(SignerError::NotEd25519 { key: key.key_id() }.into()),
    }
}

/// The content of a file that must exist.
fn there(path: &Path, read: std::io::Result<Option<Vec<u8>>>) -> Result<Vec<u8>, KeysError> {
    let failed = |error| KeysError::File { path: path.to_owned(), error };
    read.map_err(failed)?.ok_or_else(|| KeysError::Missing(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_and_read_back() {
        let data = tempfile::tempdir().unwrap();
        let keys = Keys::generate("log.example".parse().unwrap()).unwrap();
        keys.save(data.path()).unwrap();
        assert_eq!(Keys::load(data.path()).unwrap().public(), keys.public());
        assert!(matches!(keys.save(data.path()), Err(KeysError::Exists(_))));

        std::fs::remove_file(data.path().join("keys/recorder.pem")).unwrap();
        assert!(matches!(Keys::load(data.path()), Err(KeysError::Missing(_))));
        let other = Keys::generate("log.example".parse().unwrap()).unwrap();
        let path = data.path().join("keys/recorder.pem");
        files::write(&path, other.recorder.to_pem().as_bytes(), files::SECRET).unwrap();
        assert!(matches!(Keys::load(data.path()), Err(KeysError::Public { .. })));
    }

    #[test]
    fn a_private_key_that_others_can_read_is_not_used() {
        let data = tempfile::tempdir().unwrap();
        let keys = Keys::generate("log.example".parse().unwrap()).unwrap();
        keys.save(data.path()).unwrap();
        let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
        for name in ["log.pem", "recorder.pem", "snapshot.pem", "timestamp.pem"] {
            let path = data.path().join("keys").join(name);
            mode(&path, 0o644).unwrap();
            let error = Keys::load(data.path()).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("chmod 600"), "{error}");
            mode(&path, 0o600).unwrap();
        }
        assert!(Keys::load(data.path()).is_ok(), "done as it said");
    }

    #[test]
    fn a_further_key_of_the_log_becomes_the_one_in_use_and_the_one_before_stays() {
        let data = tempfile::tempdir().unwrap();
        let first = Keys::generate("log.example".parse().unwrap()).unwrap();
        first.save(data.path()).unwrap();
        let (named, _) = Keys::add_log_key(data.path(), Some("log.example/2".parse().unwrap())).unwrap();
        let keys = Keys::load(data.path()).unwrap();
        assert_eq!((keys.public(), keys.others.len()), (first.public(), 1));
        let keys = keys.named_by(&named);
        assert_eq!(keys.public(), named);
        keys.settle(data.path()).unwrap();
        let keys = Keys::load(data.path()).unwrap();
        assert_eq!(keys.public(), named);
        assert_eq!(keys.others[0].1.public_key(), first.log.public_key());
        // The next one is of the origin in use.
        let (next, _) = Keys::add_log_key(data.path(), None).unwrap();
        assert_eq!(next.log_origin, named.log_origin);
    }

    #[test]
    fn its_checkpoints_verify_with_the_charters_key() {
        let keys = Keys::generate("log.example/na".parse().unwrap()).unwrap();
        let note = keys.sign_checkpoint(7, Digest::of(b"root")).unwrap().to_string();
        let key = log_key(&keys.public()).unwrap();
        assert_eq!(Checkpoint::open(note.as_bytes(), "log.example/na", &key).unwrap().size, 7);
    }
}
