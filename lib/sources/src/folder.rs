//! Files and folders: every file that holds certificates, whatever it is called, within bounds.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ctl_core::Timestamp;
use ctl_formats::recognise::{Contents, Demand, Form, Format, Item, MAX_SIZE, ReadError, read};
use ctl_host::files;

use crate::error::SourceError;
use crate::stores::said_by;

/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 8;
/// The most entries of all folders together.
const MAX_ENTRIES: usize = 5_000;
/// The most bytes of all files together.
const MAX_TOTAL: usize = 64 * 1024 * 1024;
/// The most certificates of all files together.
const MAX_ITEMS: usize = 10_000;
/// Of these a file is expected to hold certificates: one that does not is named.
const EXPECTED: [&str; 12] =
    ["pem", "der", "crt", "cer", "ca", "p7b", "p7c", "p7", "cms", "ctl", "jws", "b64"];

/// Reads a file, or every file of a folder.
pub(crate) fn read_path(
    path: &Path,
    form: Form,
    demand: Demand<'_>,
    now: Timestamp,
) -> Result<Contents, SourceError> {
    let failed = |source| SourceError::File { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        let bytes = bytes_of(path, MAX_SIZE).map_err(failed)?;
        let refused = |error| SourceError::Read { place: path.display().to_string(), error };
        let mut contents = read(&bytes, form, demand, now).map_err(refused)?;
        let said = said_by(path);
        contents.items.iter_mut().for_each(|item| item.said.merge(&said));
        return Ok(contents);
    }
    let refused = |error| SourceError::Read { place: path.display().to_string(), error };
    // A folder may be asked for by what its files are.
    if !matches!(form, Form::Auto | Form::Certificates) {
        form.check(Format::Folder).map_err(refused)?;
    }
    let root = path.canonicalize().map_err(failed)?;
    let mut walk = Walk { shown: path, root: &root, entries: 0, files: Vec::new(), told: Vec::new() };
    walk.folder(path, 0)?;
    let mut contents = Contents::new(Format::Folder, Vec::new());
    contents.told = walk.told;
    let (mut total, mut aside) = (0_usize, 0_usize);
    for file in walk.files {
        let place = file.strip_prefix(path).unwrap_or(&file);
        let name = format!("file {}", place.display());
        let left = MAX_TOTAL.saturating_sub(total);
        let bytes = match bytes_of(&file, left.min(MAX_SIZE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge && left < MAX_SIZE => {
                let what = format!("its files are more than {MAX_TOTAL} bytes; give a smaller folder");
                return Err(SourceError::Folder { path: path.to_owned(), what });
            }
            Err(error) => {
                contents.items.push(Item::unreadable(name, &error));
                continue;
            }
        };
        total = total.saturating_add(bytes.len());
        match read(&bytes, Form::Auto, demand, now) {
            Ok(found) => {
                let said = said_by(place);
                let several = found.items.len() > 1;
                for mut item in found.items {
                    item.place = if several { format!("{name}, {}", item.place) } else { name.clone() };
                    item.said.merge(&said);
                    contents.items.push(item);
                }
                contents.told.extend(found.told.into_iter().map(|told| format!("{name}: {told}")));
            }
            Err(error) if is_expected(&file, &error) => contents.items.push(Item::unreadable(name, &error)),
            Err(_) => aside += 1,
        }
        if contents.items.len() > MAX_ITEMS {
            let what = format!("more than {MAX_ITEMS} certificates; give a smaller folder");
            return Err(SourceError::Folder { path: path.to_owned(), what });
        }
    }
    if aside > 0 {
        contents.told.push(format!("{aside} files that hold no certificates were left aside"));
    }
    Ok(contents)
}

fn bytes_of(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    files::read(path, limit)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether a file that cannot be read should have held certificates. Keys stand beside them in many stores.
fn is_expected(file: &Path, error: &ReadError) -> bool {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    !matches!(error, ReadError::PrivateKey)
        && ending.is_some_and(|ending| EXPECTED.contains(&ending.as_str()))
}

/// A walk through a folder.
struct Walk<'a> {
    /// The folder as it was named, and where it is.
    shown: &'a Path,
    root: &'a Path,
    entries: usize,
    /// In the order of their names.
    files: Vec<PathBuf>,
    told: Vec<String>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), SourceError> {
        let failed = |source| SourceError::File { path: folder.to_owned(), source };
        let too_much = |what: String| SourceError::Folder { path: self.shown.to_owned(), what };
        if depth > MAX_DEPTH {
            return Err(too_much(format!("its folders lie more than {MAX_DEPTH} deep in each other")));
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(too_much(format!("more than {MAX_ENTRIES} files; give a smaller folder")));
            }
            entries.push(entry.map_err(failed)?.path());
        }
        entries.sort_unstable();
        for path in entries {
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if is_hidden {
                continue;
            }
            match self.kind(&path) {
                Some(true) => self.folder(&path, depth + 1)?,
                Some(false) => self.files.push(path),
                None => {}
            }
        }
        Ok(())
    }

    /// Whether it is a folder or a file. A link is followed to a file inside the folder, and told of otherwise.
    fn kind(&mut self, path: &Path) -> Option<bool> {
        let name = path.strip_prefix(self.shown).unwrap_or(path).display().to_string();
        let found = fs::symlink_metadata(path).ok()?.file_type();
        if !found.is_symlink() {
            return match (found.is_dir(), found.is_file()) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => {
                    self.told.push(format!("{name} is neither file nor folder, and was left aside"));
                    None
                }
            };
        }
        let to = path.canonicalize().ok().filter(|to| to.starts_with(self.root) && to.is_file());
        if to.is_none() {
            self.told
                .push(format!("{name} is a link that leads to no file in this folder, and was not followed"));
        }
        to.map(|_| false)
    }
}
