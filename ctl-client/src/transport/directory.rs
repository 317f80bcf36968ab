//! Reading a repository from a directory: a USB stick, a network share, a mirror on disk. Whoever
//! prepared it is trusted no more than an HTTP server.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::FetchError;

#[derive(Debug)]
pub(super) struct Directory {
    base: PathBuf,
}

impl Directory {
    pub(super) fn new(base: PathBuf) -> Self {
        Self { base }
    }

    pub(super) fn address(&self, path: &str) -> String {
        self.base.join(path).display().to_string()
    }

    pub(super) fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        let address = self.address(path);
        let failed = |problem: String| FetchError::Connection { address: address.clone(), problem };
        let io_failed = |error: io::Error| failed(error.to_string());
        // A base that is not there is a stick that is not plugged in, not an empty repository.
        let base = self.base.canonicalize().map_err(|error| {
            failed(format!("the directory {} cannot be opened: {error}", self.base.display()))
        })?;
        let mut place = base.clone();
        for segment in path.split('/') {
            let segment = decode(segment).ok_or_else(|| FetchError::Path { path: path.into() })?;
            place.push(segment);
        }
        let place = match place.canonicalize() {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            other => other.map_err(io_failed)?,
        };
        if !place.starts_with(&base) {
            return Err(failed("a symbolic link leads out of the directory".into()));
        }
        // A pipe or device could block or never end.
        if !fs::symlink_metadata(&place).map_err(io_failed)?.is_file() {
            return Err(failed("not a regular file".into()));
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        File::open(&place).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(io_failed)?;
        if bytes.len() > limit {
            return Err(FetchError::TooLarge { address, limit });
        }
        Ok(Some(bytes))
    }
}

/// Undoes the percent-encoding of one segment, as a file server does.
fn decode(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?.into_owned();
    let plain = !text.contains(['/', '\\', '\0']) && !matches!(text.as_str(), "" | "." | "..");
    plain.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("repository/sub")).unwrap();
        fs::write(folder.path().join("secret"), b"secret").unwrap();
        fs::write(folder.path().join("repository/sub/file"), b"hello").unwrap();
        let directory = Directory::new(folder.path().join("repository"));
        (folder, directory)
    }

    #[test]
    fn files_below_the_directory_are_read_and_absent_ones_are_absent() {
        let (_folder, directory) = repository();
        assert_eq!(directory.fetch("sub/file", 5).unwrap().unwrap(), b"hello");
        assert_eq!(directory.fetch("s%75b/file", 5).unwrap().unwrap(), b"hello");
        assert_eq!(directory.fetch("sub/other", 5).unwrap(), None);
        assert_eq!(directory.fetch("sub/file/below", 5).unwrap(), None);
    }

    #[test]
    fn links_and_encoded_dots_do_not_lead_out() {
        let (folder, directory) = repository();
        std::os::unix::fs::symlink("../secret", folder.path().join("repository/link")).unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("repository/up")).unwrap();
        for path in ["link", "up/secret", "%2e%2e/secret", "sub%2F..%2F..%2Fsecret"] {
            assert!(directory.fetch(path, 100).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_too_large_or_no_file_is_refused() {
        let (_folder, directory) = repository();
        assert!(matches!(directory.fetch("sub/file", 4), Err(FetchError::TooLarge { limit: 4, .. })));
        assert!(directory.fetch("sub", 100).is_err());
        let unplugged = Directory::new("/nowhere/to/be/found".into());
        assert!(unplugged.fetch("file", 1).is_err(), "an absent stick is no absent file");
    }
}
