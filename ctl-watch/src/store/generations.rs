//! Databases side by side, one for each stretch of time, each in a directory named by its number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cell::{self, Cell};
use super::error::StoreError;

/// So many databases stay open.
const OPEN: usize = 4;

/// Databases side by side.
#[derive(Debug)]
pub(super) struct Generations {
    directory: PathBuf,
    open: BTreeMap<u32, Arc<Cell>>,
    /// Those that are open, least recently used first.
    used: Vec<u32>,
}

impl Generations {
    pub(super) fn new(directory: PathBuf) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self { directory, open: BTreeMap::new(), used: Vec::new() })
    }

    fn place(&self, number: u32) -> PathBuf {
        self.directory.join(format!("{number:08}"))
    }

    /// The numbers of all generations, in order.
    pub(super) fn numbers(&self) -> Result<Vec<u32>, StoreError> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The database of a generation, for reading; none if there is none.
    pub(super) fn get(&mut self, number: u32) -> Result<Option<Arc<Cell>>, StoreError> {
        if !self.open.contains_key(&number) && !self.place(number).exists() {
            return Ok(None);
        }
        self.get_or_make(number).map(Some)
    }

    /// The database of a generation. A damaged one is put aside and begun anew.
    pub(super) fn get_or_make(&mut self, number: u32) -> Result<Arc<Cell>, StoreError> {
        self.used.retain(|used| *used != number);
        self.used.push(number);
        if let Some(cell) = self.open.get(&number) {
            return Ok(cell.clone());
        }
        self.evict();
        let place = self.place(number);
        let cell = match Cell::open(&place) {
            Err(StoreError::Damaged(why)) => {
                let aside = cell::set_aside(&place)?;
                tracing::error!(why, aside = %aside.display(), "a part of the monitor's history was damaged, put aside and begun anew");
                Cell::open(&place)?
            }
            opened => opened?,
        };
        let cell = Arc::new(cell);
        self.open.insert(number, cell.clone());
        Ok(cell)
    }

    /// Closes those that were not used for longest, down to what stays open. One that is in use stays open however old
    /// its last use is: its database is locked until its last reader is done, so that opening it again would fail, and
    /// with it the writing of an hour.
    fn evict(&mut self) {
        let open = &self.open;
        let is_idle = |number: &u32| open.get(number).is_some_and(|cell| Arc::strong_count(cell) == 1);
        let surplus = (self.open.len() + 1).saturating_sub(OPEN);
        let idle: Vec<u32> = self.used.iter().copied().filter(is_idle).take(surplus).collect();
        idle.into_iter().for_each(|number| self.close(number));
    }

    /// Has something written to a generation, and written again to a new one if this turns out to be damaged: what
    /// was damaged is lost, what comes is not. Where the disk refuses, the database is closed, for sled answers
    /// everything after that with the same failure, until it is opened again.
    pub(super) fn write<T>(
        &mut self,
        number: u32,
        mut write: impl FnMut(&Cell) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut written = write(&*self.get_or_make(number)?);
        if let Err(StoreError::Damaged(why)) = &written {
            self.abandon(number, why)?;
            written = write(&*self.get_or_make(number)?);
        }
        if let Err(StoreError::Io(_)) = &written {
            self.close(number);
        }
        written
    }

    /// Puts a generation aside that turned out to be damaged.
    pub(super) fn abandon(&mut self, number: u32, why: &str) -> Result<(), StoreError> {
        self.close(number);
        let place = self.place(number);
        if place.exists() {
            let aside = cell::set_aside(&place)?;
            tracing::error!(why, aside = %aside.display(), "a part of the monitor's history was damaged and put aside");
        }
        Ok(())
    }

    fn close(&mut self, number: u32) {
        self.open.remove(&number);
        self.used.retain(|used| *used != number);
    }

    /// Removes a generation from the disk; how many octets that frees. One that is in use stays.
    pub(super) fn remove(&mut self, number: u32) -> Result<u64, StoreError> {
        if self.open.get(&number).is_some_and(|cell| Arc::strong_count(cell) > 1) {
            return Ok(0);
        }
        self.close(number);
        let place = self.place(number);
        let bytes = cell::bytes_below(&place);
        std::fs::remove_dir_all(place)?;
        Ok(bytes)
    }

    /// Directories that were put aside.
    pub(super) fn aside(&self) -> Result<Vec<PathBuf>, StoreError> {
        damaged_in(&self.directory)
    }
}

/// Directories in this one that were put aside.
pub(super) fn damaged_in(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(".damaged-") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(number: u32) -> [(Vec<u8>, Option<Vec<u8>>); 1] {
        [(number.to_be_bytes().to_vec(), Some(b"value".to_vec()))]
    }

    #[test]
    fn a_generation_that_is_in_use_is_neither_closed_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut generations = Generations::new(directory.path().to_owned()).unwrap();
        let first = generations.get_or_make(0).unwrap();
        // Whoever reads or writes it is slow, and many others are used meanwhile.
        for number in 1..20 {
            generations.get_or_make(number).unwrap().put(pair(number)).unwrap();
        }
        assert!(generations.open.len() <= OPEN, "{:?}", generations.used);
        let again = generations.get_or_make(0).unwrap();
        assert!(Arc::ptr_eq(&first, &again), "the same database, and no second one that finds it locked");
        first.put(pair(0)).unwrap();
        assert_eq!(generations.remove(0).unwrap(), 0);
        drop((first, again));
        let cell = generations.get(0).unwrap().unwrap();
        assert_eq!(cell.last(&[]).unwrap().unwrap(), 0_u32.to_be_bytes());
        drop(cell);
        assert!(generations.remove(0).unwrap() > 0);
        assert!(generations.get(0).unwrap().is_none());
    }

    #[test]
    fn what_comes_after_damage_is_written_to_a_new_database() {
        let directory = tempfile::tempdir().unwrap();
        let mut generations = Generations::new(directory.path().to_owned()).unwrap();
        let mut tries = 0;
        let written = generations.write(7, |cell| {
            tries += 1;
            if tries == 1 { Err(StoreError::damaged("a page")) } else { cell.put(pair(7)) }
        });
        written.unwrap();
        let cell = generations.get(7).unwrap().unwrap();
        assert_eq!(cell.last(&[]).unwrap().unwrap(), 7_u32.to_be_bytes());
        assert_eq!(generations.aside().unwrap().len(), 1);
    }

    #[test]
    fn a_database_whose_disk_refused_is_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut generations = Generations::new(directory.path().to_owned()).unwrap();
        let first = Arc::downgrade(&generations.get_or_make(3).unwrap());
        let refused = generations.write(3, |_| Err::<(), _>(std::io::Error::other("full").into()));
        assert!(matches!(refused, Err(StoreError::Io(_))));
        assert!(first.upgrade().is_none());
        generations.write(3, |cell| cell.put(pair(3))).unwrap();
        assert!(generations.aside().unwrap().is_empty(), "a full disk is no damage");
    }

    #[test]
    fn more_than_stay_open_may_be_in_use_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut generations = Generations::new(directory.path().to_owned()).unwrap();
        let all: Vec<_> = (0..2 * 4).map(|number| generations.get_or_make(number).unwrap()).collect();
        assert_eq!(generations.open.len(), all.len());
        all.iter().zip(0..).for_each(|(cell, number)| cell.put(pair(number)).unwrap());
        drop(all);
        drop(generations.get_or_make(100).unwrap());
        assert!(generations.open.len() <= OPEN, "and are closed when they are not");
    }
}
