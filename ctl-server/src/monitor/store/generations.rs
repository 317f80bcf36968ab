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
        while self.open.len() >= OPEN && self.used.len() > 1 {
            let oldest = self.used.remove(0);
            self.open.remove(&oldest);
        }
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

    /// Removes a generation from the disk.
    pub(super) fn remove(&mut self, number: u32) -> Result<(), StoreError> {
        self.close(number);
        Ok(std::fs::remove_dir_all(self.place(number))?)
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
