//! A list of identifiers of mobility operators, as 0x9004 and 0x9005 have it: comma-separated, bounded, each once.

use std::collections::HashSet;

use ctl_core::names::MoId;

use super::CodecError;
use crate::identifier::mo_id;

/// So many identifiers are read at most. Nobody has as many contracts; the proposal names thousands of operators in all.
pub const MAX_IDENTIFIERS: usize = 1024;

/// Identifiers of mobility operators, each once, at most [`MAX_IDENTIFIERS`], in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identifiers(Vec<MoId>);

impl Identifiers {
    /// Each once.
    ///
    /// # Errors
    /// [`CodecError::TooMany`]
    pub fn new(identifiers: impl IntoIterator<Item = MoId>) -> Result<Self, CodecError> {
        let all: Vec<MoId> = identifiers.into_iter().collect();
        let mut seen = HashSet::with_capacity(all.len().min(MAX_IDENTIFIERS));
        let is_first: Vec<bool> = all.iter().map(|id| seen.insert(id)).collect();
        if seen.len() > MAX_IDENTIFIERS {
            return Err(CodecError::TooMany);
        }
        drop(seen);
        let list =
            all.into_iter().zip(is_first).filter_map(|(id, is_first)| is_first.then_some(id)).collect();
        Ok(Self(list))
    }

    /// Reads them as they stand in a payload; no bytes are no identifiers.
    ///
    /// # Errors
    /// [`CodecError`]
    pub fn read(payload: &[u8]) -> Result<Self, CodecError> {
        let text = std::str::from_utf8(payload).map_err(|_| CodecError::Text)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        let mut list = Vec::new();
        for (at, part) in text.split(',').enumerate() {
            let number = at.saturating_add(1);
            if number > MAX_IDENTIFIERS {
                return Err(CodecError::TooMany);
            }
            list.push(mo_id(part).map_err(|error| CodecError::Identifier { number, error })?);
        }
        Self::new(list)
    }

    /// Those of them that are wanted.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(&MoId) -> bool) -> Self {
        Self(self.0.iter().filter(|id| is_wanted(id)).cloned().collect())
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &MoId> {
        self.0.iter()
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn write(&self, payload: &mut Vec<u8>) {
        for (at, id) in self.0.iter().enumerate() {
            if at > 0 {
                payload.push(b',');
            }
            payload.extend(id.as_str().as_bytes());
        }
    }
}
