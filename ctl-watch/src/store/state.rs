//! The small database of what is overwritten: targets, incidents that are open or new, when the time was last sure.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::cell::Cell;
use super::error::StoreError;

/// The database, opened again after the disk has refused something.
#[derive(Debug)]
pub(super) struct State {
    place: PathBuf,
    cell: Mutex<Option<Arc<Cell>>>,
}

impl State {
    pub(super) fn new(place: PathBuf, cell: Cell) -> Self {
        Self { place, cell: Mutex::new(Some(Arc::new(cell))) }
    }

    fn cell(&self) -> Result<Arc<Cell>, StoreError> {
        let mut cell = self.cell.lock().unwrap_or_else(PoisonError::into_inner);
        match &*cell {
            Some(cell) => Ok(cell.clone()),
            None => Ok(cell.insert(Arc::new(Cell::open(&self.place)?)).clone()),
        }
    }

    /// Writes all or nothing; on the disk when this returns.
    pub(super) fn put(
        &self,
        pairs: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), StoreError> {
        let put = self.cell()?.put(pairs);
        if let Err(StoreError::Io(_)) = &put {
            *self.cell.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        put
    }

    /// As [`Cell::scan`].
    pub(super) fn scan(
        &self,
        range: RangeInclusive<Vec<u8>>,
        each: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        self.cell()?.scan(range, each)
    }
}
