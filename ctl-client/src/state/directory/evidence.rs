//! Files that show what somebody did wrong.

use std::path::PathBuf;

use ctl_core::Digest;

use super::StateDirectory;
use crate::error::ClientError;
use crate::files;

const EVIDENCE: &str = "evidence";
/// So many files of evidence are kept.
const MAX_EVIDENCE: usize = 64;

impl StateDirectory {
    /// Keeps files that show what somebody did wrong; gives the directory they are in.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn keep_evidence(&self, items: &[(&str, &[u8])]) -> Result<PathBuf, ClientError> {
        let folder = files::subdirectory(&*self.files, &self.folder()?, EVIDENCE)?;
        for (name, bytes) in items {
            // Under its digest, so that evidence seen at every sync is kept once.
            let name = format!("{}-{name}", Digest::of(bytes).short());
            // Two of them prove the matter; a thief who signs ever new ones must not fill the disk.
            let full = self.evidence().len() >= MAX_EVIDENCE;
            if !full && !matches!(folder.kind(&name), Ok(Some(_))) {
                files::replace(&*self.files, &folder, &name, bytes)?;
            }
        }
        Ok(folder.path().to_owned())
    }

    /// The names of the evidence that is kept.
    #[must_use]
    pub fn evidence(&self) -> Vec<String> {
        let folder = self.folder().ok().and_then(|folder| folder.folder(EVIDENCE).ok());
        let entries = folder.and_then(|folder| folder.names().ok()).into_iter().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|name| name.into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Disk;

    #[test]
    fn evidence_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let directory = StateDirectory::create(&path, b"root", Box::new(Disk)).unwrap();
        for _ in 0..2 {
            directory.keep_evidence(&[("a.checkpoint", b"a"), ("b.checkpoint", b"b")]).unwrap();
        }
        assert_eq!(directory.evidence().len(), 2);
        for number in 0..100_u8 {
            directory.keep_evidence(&[("more.checkpoint", &[number])]).unwrap();
        }
        assert_eq!(directory.evidence().len(), MAX_EVIDENCE, "bounded");
    }
}
