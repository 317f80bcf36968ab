//! How large the store may become, and what goes first when it is too large.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::StoreError;
use super::share::Holdings;
use super::{Databases, RAW_MINUTES, ROLLUP_HOURS, Store, cell, generations, share};

/// When the time was last sure, in Unix milliseconds.
const SETTLED: &[u8] = b"c";
/// It is kept when it has become so much later.
const SETTLED_STEP_MS: i64 = 3_600_000;

/// Something that may go for want of room.
enum Piece {
    Folder(PathBuf),
    File(PathBuf),
    Raw(u32),
    Evidence(share::Piece),
    Incidents(u32),
    Hours(u32),
}

impl Store {
    /// Octets that the store takes on the disk.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        cell::bytes_below(&self.directory)
    }

    /// The last moment at which the time was sure, in Unix milliseconds, to an hour.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn settled_ms(&self) -> Result<Option<i64>, StoreError> {
        let mut found = None;
        self.state.scan(SETTLED.to_vec()..=SETTLED.to_vec(), |_, value| {
            found = value.try_into().ok().map(i64::from_be_bytes);
            Ok(false)
        })?;
        Ok(found)
    }

    /// Removes what is too old, if the time is sure (`is_settled`), and then the oldest until the store is inside its
    /// bound: what was put aside, what probes remember, raw observations, evidence of whoever has most of it, old incidents,
    /// roll-ups. If that is not enough, raw observations are not kept until it is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn tidy(&self, now_ms: i64, is_settled: bool) -> Result<(), StoreError> {
        let now = u64::try_from(now_ms.div_euclid(1000)).unwrap_or_default();
        let minute =
            |ago: Duration| u32::try_from(now.saturating_sub(ago.as_secs()) / 60).unwrap_or(u32::MAX);
        let mut evidence = self.shelf.holdings()?;
        if is_settled {
            if self.settled_ms()?.is_none_or(|kept| now_ms.abs_diff(kept) >= SETTLED_STEP_MS.unsigned_abs()) {
                self.state.put([(SETTLED.to_vec(), Some(now_ms.to_be_bytes().to_vec()))])?;
            }
            let mut databases = self.databases();
            let Databases { raw, hours, .. } = &mut *databases;
            for (generations, oldest) in [
                (raw, minute(self.keep.raw) / RAW_MINUTES),
                (hours, minute(self.keep.rollups) / 60 / ROLLUP_HOURS),
            ] {
                for number in generations.numbers()?.into_iter().filter(|number| *number < oldest) {
                    generations.remove(number)?;
                }
            }
            drop(databases);
            let incidents = self.archive().generations.numbers()?;
            let oldest = minute(self.keep.rollups) / 60 / ROLLUP_HOURS;
            for number in incidents.into_iter().filter(|number| *number < oldest) {
                self.archive().remove(number)?;
            }
            let before = SystemTime::UNIX_EPOCH + Duration::from_secs(now).saturating_sub(self.keep.rollups);
            while let Some(piece) = evidence.before(before) {
                self.shelf.remove(&piece)?;
            }
        }
        while let Some(piece) = self.shelf.beyond(&mut evidence) {
            self.shelf.remove(&piece)?;
        }
        // Counted once, while everyone else uses the databases: what is removed is subtracted. What is written until the
        // next time must fit too.
        let (bound, mut bytes) = (self.keep.max_bytes / 10 * 9, self.bytes_on_disk());
        if bytes > bound {
            for piece in self.dispensable(minute(Duration::ZERO), evidence, is_settled)? {
                if bytes <= bound {
                    break;
                }
                bytes = bytes.saturating_sub(self.discard(&piece)?);
            }
        }
        let (is_full, mut databases) = (bytes > bound, self.databases());
        if is_full && !databases.full {
            tracing::error!(
                max_bytes = self.keep.max_bytes,
                "the monitor's store is full with what is not old: raw observations are not kept, and a restart loses what was counted in its hour"
            );
        }
        databases.full = is_full;
        Ok(())
    }

    /// What may go for want of room, in this order.
    fn dispensable(
        &self,
        minute: u32,
        mut evidence: Holdings,
        is_settled: bool,
    ) -> Result<Vec<Piece>, StoreError> {
        let databases = self.databases();
        let aside =
            [databases.raw.aside()?, databases.hours.aside()?, generations::damaged_in(&self.directory)?];
        let (raw, hours) = (databases.raw.numbers()?, databases.hours.numbers()?);
        drop(databases);
        let (incidents, more_aside) = {
            let archive = self.archive();
            (archive.generations.numbers()?, archive.generations.aside()?)
        };
        let (raw_now, hours_now) = (minute / RAW_MINUTES, minute / 60 / ROLLUP_HOURS);
        let past = |all: &[u32], now: u32| all.iter().copied().filter(|one| *one < now).collect::<Vec<_>>();
        // Of a time that is to come: kept by a clock that was wrong, or the clock is wrong now.
        let later = |all: &[u32], now: u32| {
            all.iter().copied().filter(|one| is_settled && *one > now).collect::<Vec<_>>()
        };
        let mut pieces: Vec<Piece> =
            aside.concat().into_iter().chain(more_aside).map(Piece::Folder).collect();
        // Anyone's large CRLs must not push out what everyone's levels stand on.
        pieces.extend(files_by_age(&self.directory.join("memory"))?.into_iter().map(Piece::File));
        pieces.extend([past(&raw, raw_now), later(&raw, raw_now)].concat().into_iter().map(Piece::Raw));
        pieces.extend(std::iter::from_fn(|| evidence.next()).map(Piece::Evidence));
        let old = [past(&incidents, hours_now), later(&incidents, hours_now)].concat();
        pieces.extend(old.into_iter().map(Piece::Incidents));
        pieces.extend(
            [past(&hours, hours_now), later(&hours, hours_now)].concat().into_iter().map(Piece::Hours),
        );
        Ok(pieces)
    }

    /// Removes a piece; how many octets that frees. What is being read stays until the next time.
    fn discard(&self, piece: &Piece) -> Result<u64, StoreError> {
        match piece {
            Piece::Folder(place) => {
                let bytes = cell::bytes_below(place);
                std::fs::remove_dir_all(place)?;
                Ok(bytes)
            }
            Piece::File(place) => {
                let bytes = std::fs::metadata(place)?.len();
                std::fs::remove_file(place)?;
                Ok(bytes)
            }
            Piece::Evidence(piece) => self.shelf.remove(piece).map(|()| piece.bytes),
            Piece::Raw(number) => self.databases().raw.remove(*number),
            Piece::Incidents(number) => self.archive().remove(*number),
            Piece::Hours(number) => self.databases().hours.remove(*number),
        }
    }
}

/// The files of a directory, the oldest first.
fn files_by_age(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        found.push((entry.metadata()?.modified()?, entry.path()));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, place)| place).collect())
}
