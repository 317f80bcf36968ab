//! What stands at a sink now, within bounds: whoever owns the folder can put anything there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::{MAX_FILE, MAX_FILES, MAX_SUM};
use crate::error::ClientError;
use crate::files;
use crate::folder::{Folder, Kind};

/// The files as others see them now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Present {
    /// Bytes by file name.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Names of what is no file.
    pub(super) others: BTreeSet<String>,
}

impl Present {
    pub(super) fn add(&mut self, folder: &Path, name: String, bytes: Vec<u8>) -> Result<(), ClientError> {
        self.files.insert(name, bytes);
        if self.files.values().map(Vec::len).sum::<usize>() <= MAX_SUM {
            return Ok(());
        }
        let problem =
            format!("its files have more than {MAX_SUM} bytes together: remove what does not belong there");
        Err(ClientError::file("read", folder, io::Error::other(problem)))
    }
}

/// What is in a directory, links not followed.
pub(super) fn read_folder(folder: &Folder) -> Result<Present, ClientError> {
    let failed = |source| ClientError::file("read", folder.path(), source);
    let mut present = Present::default();
    let names = folder.names().map_err(failed)?;
    if names.len() > MAX_FILES {
        let problem = format!("it has more than {MAX_FILES} names: remove what does not belong there");
        return Err(failed(io::Error::other(problem)));
    }
    for name in names {
        let text = name.to_string_lossy().into_owned();
        if folder.kind(&name).map_err(failed)? != Some(Kind::File) || name.to_str().is_none() {
            present.others.insert(text);
        } else if let Some(bytes) = files::read_in(folder, &text, MAX_FILE)? {
            present.add(folder.path(), text, bytes)?;
        }
    }
    Ok(present)
}
