//! The history's file: JSON lines that are only ever added to. When it is full, its older half goes.
//!
//! `told.json` beside it says what was told, and how long the file was then: lines beyond that were added by a sync
//! that was cut off, and are told anew. Both carry digests, so that damage is noticed.

use std::io::ErrorKind;

use ctl_core::{Digest, Timestamp, json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Event, History, Told, What};
use crate::error::ClientError;
use crate::files;
use crate::state::StateDirectory;

/// The events.
const FILE: &str = "history.jsonl";
const TOLD: &str = "told.json";
/// The file has at most so many bytes.
const MAX_BYTES: usize = 1024 * 1024;
/// What was told is at most as much as is remembered.
const MAX_TOLD: usize = 4 * 1024 * 1024;

/// Something with its own digest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    sha256: Digest,
    value: Value,
}

fn seal<T: Serialize>(value: &T) -> Vec<u8> {
    let sha256 = Digest::of(&json::canonical(value));
    json::canonical(&serde_json::json!({ "sha256": sha256, "value": value }))
}

fn unseal<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Option<T> {
    let Sealed { sha256, value } = json::read(bytes, limit).ok()?;
    (Digest::of(&json::canonical(&value)) == sha256).then(|| T::deserialize(value).ok())?
}

impl StateDirectory {
    /// What was told; and why that is not known, if it should be.
    ///
    /// # Errors
    /// [`ClientError::File`] if it cannot be read at the moment.
    pub(crate) fn told(&self) -> Result<(Told, Option<String>), ClientError> {
        let folder = self.folder()?;
        let lost = |why: &str| Ok((Told::default(), Some(why.to_owned())));
        match files::read_in(&folder, TOLD, MAX_TOLD) {
            Ok(Some(bytes)) => match unseal(&bytes, MAX_TOLD) {
                Some(told) => Ok((told, None)),
                None => lost("what was told before is damaged"),
            },
            Ok(None) if matches!(folder.kind(FILE), Ok(Some(_))) => lost("what was told before is missing"),
            Ok(None) => Ok((Told::default(), None)),
            Err(ClientError::File { source, .. }) if source.kind() == ErrorKind::InvalidData => {
                lost("what was told before is damaged")
            }
            Err(error) => Err(error),
        }
    }

    /// Tells what is new, and remembers that it was told.
    ///
    /// # Errors
    /// [`ClientError::File`]. It is told by the next sync then.
    pub(crate) fn tell(
        &self,
        former: &Told,
        now: &mut Told,
        lost: Option<String>,
        (at, clock): (Timestamp, bool),
    ) -> Result<(), ClientError> {
        let begun = lost.map(|why| What::Begun { why });
        let is_known = begun.is_none();
        let events: Vec<What> = begun.into_iter().chain(now.since(former)).collect();
        if events.is_empty() && now == former {
            return Ok(());
        }
        let folder = self.folder()?;
        if !events.is_empty() {
            let mut lines = Vec::new();
            for what in events {
                lines.extend(seal(&Event { at, clock, what }));
                lines.push(b'\n');
            }
            let mut bytes = self.history_bytes()?;
            if is_known {
                bytes.truncate(usize::try_from(former.length).unwrap_or(usize::MAX));
            }
            if bytes.last().is_some_and(|last| *last != b'\n') {
                // Whatever that is, the next line is one of its own.
                lines.insert(0, b'\n');
            }
            let length = bytes.len().saturating_add(lines.len());
            if length > MAX_BYTES {
                let room = (MAX_BYTES / 2).max(lines.len().min(MAX_BYTES)).saturating_sub(lines.len());
                let mut whole = newest_lines(&bytes, room).to_vec();
                whole.extend(lines);
                files::replace(self.files(), &folder, FILE, &whole)?;
                now.length = whole.len() as u64;
            } else {
                files::append(self.files(), &folder, FILE, bytes.len() as u64, &lines)?;
                now.length = length as u64;
            }
        }
        files::replace(self.files(), &folder, TOLD, &seal(now))
    }

    /// The file's bytes; none if it is something else than such a file.
    fn history_bytes(&self) -> Result<Vec<u8>, ClientError> {
        // More than it may have, so that one that was too long once is read all the same.
        match files::read_in(&self.folder()?, FILE, 2 * MAX_BYTES) {
            Ok(found) => Ok(found.unwrap_or_default()),
            Err(ClientError::File { source, .. }) if source.kind() == ErrorKind::InvalidData => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// What changed on this device.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn history(&self) -> Result<History, ClientError> {
        let bytes = files::read_in(&self.folder()?, FILE, 2 * MAX_BYTES)?;
        Ok(bytes.map_or_else(History::default, |bytes| History::read(&bytes)))
    }
}

impl History {
    /// Reads such a file. Whatever it is, what is whole of it is told, and the rest counted.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut history = Self::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match unseal(line, MAX_BYTES) {
                Some(event) => history.events.push(event),
                None => history.damaged = history.damaged.saturating_add(1),
            }
        }
        history
    }
}

/// As many of the last lines as there is room for.
fn newest_lines(bytes: &[u8], room: usize) -> &[u8] {
    let from = bytes.len().saturating_sub(room);
    if from == 0 {
        return bytes;
    }
    let tail = bytes.get(from.saturating_sub(1)..).unwrap_or_default();
    match tail.iter().position(|byte| *byte == b'\n') {
        Some(end) => tail.get(end.saturating_add(1)..).unwrap_or_default(),
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Disk;

    fn directory() -> (tempfile::TempDir, StateDirectory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::create(&folder.path().join("d"), b"root", Box::new(Disk)).unwrap();
        (folder, directory)
    }

    /// The next sync has this trouble, and nothing else happened.
    fn sync(directory: &StateDirectory, problem: &str, second: i64) {
        let (former, lost) = directory.told().unwrap();
        let mut now = former.clone();
        now.trouble([("log", problem.to_owned(), true)].into_iter());
        directory.tell(&former, &mut now, lost, (Timestamp::from_unix(second), true)).unwrap();
    }

    fn problems(directory: &StateDirectory) -> Vec<String> {
        let text = |event: &Event| match &event.what {
            What::Refused(trouble) => trouble.problem.clone(),
            other => format!("{other:?}"),
        };
        directory.history().unwrap().events.iter().map(text).collect()
    }

    #[test]
    fn what_is_told_is_told_once() {
        let (_folder, directory) = directory();
        assert_eq!(directory.history().unwrap(), History::default());
        for problem in ["one", "one", "two"] {
            sync(&directory, problem, 0);
        }
        assert_eq!(problems(&directory), ["one", "two"]);
        let later = directory.history().unwrap().since(Timestamp::from_unix(1));
        assert_eq!(later.events, []);
    }

    #[test]
    fn damaged_lines_are_skipped_and_counted() {
        let (_folder, directory) = directory();
        let place = directory.path().join(FILE);
        sync(&directory, "one", 0);
        sync(&directory, "two", 0);
        let good = std::fs::read_to_string(&place).unwrap();
        for bad in [good.replacen("one", "onE", 1), good[10..].to_owned()] {
            std::fs::write(&place, bad).unwrap();
            assert_eq!((problems(&directory), directory.history().unwrap().damaged), (vec!["two".into()], 1));
        }
        // The last line is torn: what comes next is not torn with it.
        std::fs::write(&place, &good[..good.len() - 20]).unwrap();
        sync(&directory, "three", 0);
        assert_eq!(problems(&directory), ["one", "three"]);
        assert_eq!(directory.history().unwrap().damaged, 1);
    }

    #[test]
    fn what_a_sync_that_was_cut_off_had_begun_to_tell_is_told_anew() {
        let (_folder, directory) = directory();
        sync(&directory, "one", 0);
        let told = std::fs::read(directory.path().join(TOLD)).unwrap();
        sync(&directory, "two", 1);
        std::fs::write(directory.path().join(TOLD), &told).unwrap();
        sync(&directory, "two", 2);
        assert_eq!(problems(&directory), ["one", "two"]);
        // Where it is not known what was told, nothing that was is taken away.
        std::fs::write(directory.path().join(TOLD), &told[1..]).unwrap();
        sync(&directory, "two", 3);
        let all = problems(&directory);
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(all[2].contains("damaged"), "{all:?}");
    }

    #[test]
    fn a_full_file_loses_its_older_half_and_nothing_else() {
        let (_folder, directory) = directory();
        let place = directory.path().join(FILE);
        let letters = |number: usize| {
            let digits = format!("{number:05}").into_bytes().into_iter();
            let text: String = digits.map(|digit| char::from(digit - b'0' + b'a')).collect();
            text + &"x".repeat(500)
        };
        let mut number = 0;
        let mut halved = 0;
        let mut before = 0;
        while halved < 2 {
            sync(&directory, &letters(number), 0);
            number += 1;
            let length = std::fs::metadata(&place).unwrap().len();
            assert!(length <= MAX_BYTES as u64);
            halved += usize::from(length < before);
            before = length;
        }
        let told = problems(&directory);
        assert_eq!(directory.history().unwrap().damaged, 0);
        let expected: Vec<String> = (number - told.len()..number).map(letters).collect();
        assert!(told == expected && told.len() > 500, "{} are left", told.len());
    }

    #[test]
    fn planted_links_and_folders_are_not_written_to() {
        let (folder, directory) = directory();
        let victim = folder.path().join("victim");
        std::fs::write(&victim, b"precious").unwrap();
        std::os::unix::fs::symlink(&victim, directory.path().join(FILE)).unwrap();
        let mut now = Told::default();
        now.trouble([("log", "one".to_owned(), true)].into_iter());
        let told = directory.tell(&Told::default(), &mut now, None, (Timestamp::from_unix(0), true));
        assert!(told.unwrap_err().to_string().contains("symbolic link"));
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    }
}
