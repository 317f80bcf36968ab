//! The entries of a log on disk, one after the other, and where each ends: memory does not grow with them.
//!
//! `entries` has their bytes, `offsets` where each ends (8 bytes, big-endian). What is read is held against the leaf
//! hash that was verified, so damage shows when it matters.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use ctl_core::log::MAX_ENTRY_BYTES;
use tempfile::TempDir;

/// The files of entries, in the order in which they are made durable.
pub(crate) const FILES: [&str; 2] = ["entries", "offsets"];
/// Bytes of an offset.
const OFFSET: u64 = 8;

/// The entries of a log on disk.
#[derive(Debug)]
pub(crate) struct Entries {
    directory: PathBuf,
    entries: File,
    offsets: File,
    /// Removes the directory with the last user of it.
    temporary: Option<TempDir>,
}

impl Entries {
    /// Those in a directory; none at first.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let [entries, offsets] = FILES.map(|name| {
            File::options().read(true).write(true).create(true).truncate(false).open(directory.join(name))
        });
        Ok(Self { directory: directory.to_owned(), entries: entries?, offsets: offsets?, temporary: None })
    }

    /// In a directory of their own among the system's temporary files, which ends with them.
    pub(crate) fn temporary() -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("ctl-replica-").tempdir()?;
        let opened = Self::open(directory.path())?;
        Ok(Self { temporary: Some(directory), ..opened })
    }

    /// Where the files are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn end(&self, entries: u64) -> io::Result<u64> {
        let Some(last) = entries.checked_sub(1) else { return Ok(0) };
        let mut bytes = [0; OFFSET as usize];
        self.offsets.read_exact_at(&mut bytes, last.saturating_mul(OFFSET))?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// The bytes of an entry, as they are on disk.
    pub(crate) fn read(&self, index: u64) -> io::Result<Vec<u8>> {
        let (start, end) = (self.end(index)?, self.end(index.saturating_add(1))?);
        let length = end.checked_sub(start).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= MAX_ENTRY_BYTES);
        let length = length.ok_or_else(|| io::Error::other("longer than an entry may be"))?;
        let mut bytes = vec![0; length];
        self.entries.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    /// Writes behind the first `kept` entries; what stood there is given up.
    pub(crate) fn append(&self, kept: u64) -> io::Result<Appending<'_>> {
        let end = self.end(kept)?;
        let at = |file: &File, offset: u64| {
            let mut file = file.try_clone()?;
            file.set_len(offset)?;
            file.seek(SeekFrom::Start(offset))?;
            Ok::<_, io::Error>(BufWriter::new(file))
        };
        Ok(Appending {
            store: self,
            entries: at(&self.entries, end)?,
            offsets: at(&self.offsets, kept.saturating_mul(OFFSET))?,
            end,
        })
    }
}

/// Entries being written.
pub(crate) struct Appending<'a> {
    store: &'a Entries,
    entries: BufWriter<File>,
    offsets: BufWriter<File>,
    end: u64,
}

impl Appending<'_> {
    /// Writes one more.
    pub(crate) fn push(&mut self, entry: &[u8]) -> io::Result<()> {
        self.end = self.end.saturating_add(entry.len() as u64);
        self.entries.write_all(entry)?;
        self.offsets.write_all(&self.end.to_be_bytes())
    }

    /// All are there to be read; what is remembered for good survives a loss of power.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.entries.flush()?;
        self.offsets.flush()?;
        if self.store.temporary.is_none() {
            self.store.entries.sync_all()?;
            self.store.offsets.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_written_and_given_up_behind_what_is_kept() {
        let entries = Entries::temporary().unwrap();
        let mut appending = entries.append(0).unwrap();
        for entry in [&b"one"[..], b"", b"three"] {
            appending.push(entry).unwrap();
        }
        appending.finish().unwrap();
        let mut appending = entries.append(2).unwrap();
        appending.push(b"another").unwrap();
        appending.finish().unwrap();
        assert_eq!(entries.read(0).unwrap(), b"one");
        assert_eq!(entries.read(1).unwrap(), b"");
        assert_eq!(entries.read(2).unwrap(), b"another");
        assert!(entries.read(3).is_err());
        assert!(entries.append(5).is_err(), "what is not there cannot be kept");
        let directory = entries.directory().to_owned();
        drop(entries);
        assert!(!directory.exists());
    }
}
