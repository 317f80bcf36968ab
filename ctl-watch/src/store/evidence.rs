//! Evidence, and memories of probes. The bytes of evidence are bounded for each operator: a service that fails in ever
//! new ways displaces its own operator's oldest evidence, and nobody else's.

use std::sync::atomic::Ordering;

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::target::TargetId;
use super::{Store, StoreError, signed};

/// The largest piece of evidence or memory, in bytes.
const MAX_PIECE: usize = 32 * 1024 * 1024;

/// Deletes evidence beyond `?1` bytes of one operator, and beyond `?2` bytes in all: the oldest of each operator, and
/// then the oldest of the operator with the most. `held` is the size of a piece together with all newer ones of its
/// operator. The piece with the largest `held` is the oldest of the operator with the most, so pieces with a smaller
/// one stay before it.
const BEYOND: &str = "DELETE FROM evidence WHERE number IN (SELECT number FROM \
    (SELECT number, held, sum(bytes) OVER (ORDER BY held, number) AS kept FROM \
    (SELECT number, bytes, sum(bytes) OVER (PARTITION BY operator ORDER BY at_ms DESC, number DESC) AS held FROM evidence)) \
    WHERE held > ?1 OR kept > ?2)";

/// Deletes evidence beyond these bounds.
pub(super) fn bound(connection: &Connection, of_operator: u64, in_all: u64) -> Result<(), StoreError> {
    connection.execute(BEYOND, params![signed(of_operator), signed(in_all)])?;
    Ok(())
}

/// Bytes of all evidence.
pub(super) fn bytes(connection: &Connection) -> Result<u64, StoreError> {
    let sum =
        connection.query_row("SELECT coalesce(sum(bytes), 0) FROM evidence", [], |row| row.get::<_, i64>(0));
    Ok(sum?.unsigned_abs())
}

impl Store {
    /// Bytes that all evidence may take: half of the bound.
    pub(super) const fn evidence_in_all(&self) -> u64 {
        self.retention.max_bytes / 2
    }

    /// Bytes that one operator's evidence may take: a tenth of all.
    pub(super) const fn evidence_of_operator(&self) -> u64 {
        self.evidence_in_all() / 10
    }

    fn has_room(&self, connection: &Connection, bytes: usize) -> Result<bool, StoreError> {
        let fits = super::tidy::used(connection)?.saturating_add(bytes as u64) <= self.retention.max_bytes;
        Ok(bytes <= MAX_PIECE && fits && !self.full.load(Ordering::Relaxed))
    }

    /// Stores evidence about an operator's service, observed at this moment, under its digest. Stores nothing if there
    /// is no space.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn put_evidence(
        &self,
        operator: &ParticipantId,
        at_ms: i64,
        bundle: &[u8],
    ) -> Result<Digest, StoreError> {
        let (digest, bytes) = (Digest::of(bundle), bundle.len() as u64);
        let share = self.evidence_of_operator();
        self.with(|connection| {
            if bytes > share || !self.has_room(connection, bundle.len())? {
                return Ok(digest);
            }
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT OR IGNORE INTO evidence VALUES (NULL, ?1, ?2, ?3, ?4, ?5)",
                params![digest.as_bytes(), operator.as_str(), at_ms, signed(bytes), bundle],
            )?;
            let sql = "SELECT coalesce(sum(bytes), 0) FROM evidence WHERE operator = ?1";
            let held: i64 = transaction.query_row(sql, [operator.as_str()], |row| row.get(0))?;
            if held.unsigned_abs() > share {
                // A little more than needed, for the next piece.
                transaction.execute(
                    "DELETE FROM evidence WHERE number IN (SELECT number FROM \
                     (SELECT number, sum(bytes) OVER (ORDER BY at_ms DESC, number DESC) AS held FROM evidence \
                     WHERE operator = ?1) WHERE held > max(?2, ?3))",
                    params![operator.as_str(), signed(share / 10 * 9), signed(bytes)],
                )?;
            }
            transaction.commit()?;
            Ok(digest)
        })
    }

    /// The length of the evidence with this digest, if it is there.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn evidence_bytes(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT bytes FROM evidence WHERE sha256 = ?1";
        let bytes: Option<i64> = self.with(|connection| {
            Ok(connection.query_row(sql, [digest.as_bytes()], |row| row.get(0)).optional()?)
        })?;
        Ok(bytes.map(i64::unsigned_abs))
    }

    /// The evidence with this digest; none if it was never stored, or was removed for its age or for lack of space.
    ///
    /// # Errors
    /// [`StoreError`]. Evidence that does not fit its digest is reported in the log and left out.
    pub fn evidence(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT bundle FROM evidence WHERE sha256 = ?1";
        let found: Option<Vec<u8>> = self.with(|connection| {
            Ok(connection.query_row(sql, [digest.as_bytes()], |row| row.get(0)).optional()?)
        })?;
        let is_right = |bundle: &Vec<u8>| {
            let is_right = Digest::of(bundle) == *digest;
            if !is_right {
                tracing::error!(%digest, "evidence does not fit its digest; the history is damaged");
            }
            is_right
        };
        Ok(found.filter(is_right))
    }

    /// The stored memory of a target.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn memory(&self, target: TargetId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT memory FROM memories WHERE target = ?1";
        self.with(|connection| Ok(connection.query_row(sql, [target.0], |row| row.get(0)).optional()?))
    }

    /// Stores the memory of a target, as of this moment. Stores nothing if there is no space.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn put_memory(&self, target: TargetId, at_ms: i64, memory: &[u8]) -> Result<(), StoreError> {
        self.with(|connection| {
            if self.has_room(connection, memory.len())? {
                let sql = "INSERT OR REPLACE INTO memories VALUES (?1, ?2, ?3)";
                connection.execute(sql, params![target.0, at_ms, memory])?;
            }
            Ok(())
        })
    }
}
