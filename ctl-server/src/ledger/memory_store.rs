//! A store in memory, for tests: nothing survives.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store::{Store, StoreError};

#[derive(Debug, Default)]
struct Contents {
    entries: Vec<Vec<u8>>,
    checkpoint: Option<Vec<u8>>,
    kept: BTreeMap<String, Vec<u8>>,
}

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    contents: Mutex<Contents>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn size(&self) -> u64 {
        self.contents().entries.len() as u64
    }

    fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let index = usize::try_from(index).ok();
        Ok(index.and_then(|index| self.contents().entries.get(index).cloned()))
    }

    fn append(&self, first: u64, entries: &[Vec<u8>], checkpoint: Option<&[u8]>) -> Result<(), StoreError> {
        let mut contents = self.contents();
        let size = contents.entries.len() as u64;
        if first != size {
            return Err(StoreError::OutOfOrder { offered: first, size });
        }
        contents.entries.extend_from_slice(entries);
        contents.checkpoint = checkpoint.map(<[u8]>::to_vec);
        Ok(())
    }

    fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.contents().checkpoint.clone())
    }

    fn keep(&self, name: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        let mut contents = self.contents();
        match value {
            Some(value) => contents.kept.insert(name.to_owned(), value.to_vec()),
            None => contents.kept.remove(name),
        };
        Ok(())
    }

    fn kept(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.contents().kept.get(name).cloned())
    }

    fn kept_under(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let contents = self.contents();
        let all = contents.kept.iter().filter(|(name, _)| name.starts_with(prefix));
        Ok(all.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn bytes_on_disk(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}
