//! Bounds the history, and decides what is removed first.

use std::sync::atomic::Ordering;

use rusqlite::{Connection, params};

use super::super::hours::{ROLLING_HOURS, hour_of};
use super::super::incident::{RECENT_MS, SLOT_MS};
use super::{SIDE_FILES, Store, StoreError, evidence, signed};

/// Once the time is sure, anything dated further ahead was written under a wrong clock.
const TO_COME_MS: i64 = 86_400_000;
/// How many incidents are kept of one operator that opened in the same thirty days: this many breaches, and as many
/// others. A service that fails and recovers every few minutes would fill the history.
const INCIDENTS: i64 = 5000;
const THIRTY_DAYS_MS: i64 = 30 * 86_400_000;
/// Levels and reports need the hours of the last two months; they are not removed for lack of space.
const HOURS_THAT_STAY: u32 = 2 * ROLLING_HOURS;

/// Bytes that the pages of the database take.
pub(super) fn used(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

impl Store {
    /// The bytes of the history on the disk, including damaged databases that were moved aside.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.flat_map(|entry| entry.metadata()).map(|metadata| metadata.len()).sum()
    }

    /// Removes what is too old, if the time is sure (`is_settled`). Then removes the oldest until the history is within
    /// its bound, in this order: damaged databases, memories, evidence of the operator with the most, closed incidents,
    /// hours. If that is not enough, no more evidence and memories are stored until it is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn tidy(&self, now_ms: i64, is_settled: bool) -> Result<(), StoreError> {
        let bound = self.retention.max_bytes / 10 * 9;
        for file in self.damaged() {
            if self.bytes_on_disk() > bound {
                for part in SIDE_FILES {
                    // There may be none.
                    let _ = std::fs::remove_file(format!("{}{part}", file.display()));
                }
                std::fs::remove_file(file)?;
            }
        }
        let is_full = self.with(|connection| {
            let transaction = connection.transaction()?;
            if is_settled {
                self.remove_old(&transaction, now_ms)?;
            }
            evidence::bound(&transaction, self.evidence_of_operator(), self.evidence_in_all())?;
            // Older ones do not grow any more.
            let since_ms = (now_ms / THIRTY_DAYS_MS - 1) * THIRTY_DAYS_MS;
            transaction.execute(
                "DELETE FROM incidents WHERE number IN (SELECT number FROM (SELECT number, row_number() OVER \
                 (PARTITION BY operator, opened_ms / ?1, is_breach ORDER BY number) AS place FROM incidents \
                 WHERE opened_ms >= ?2 AND ended_ms IS NOT NULL) WHERE place > ?3)",
                params![THIRTY_DAYS_MS, since_ms, INCIDENTS],
            )?;
            make_room(&transaction, bound, hour_of(now_ms))?;
            let is_full = used(&transaction)? > bound;
            transaction.commit()?;
            connection.execute_batch("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")?;
            Ok(is_full)
        })?;
        if is_full && !self.full.swap(is_full, Ordering::Relaxed) {
            tracing::error!(
                max_bytes = self.retention.max_bytes,
                "the history is full of recent data; evidence and memories of probes are not stored. Raise max_bytes, or lower rollups"
            );
        }
        self.full.store(is_full, Ordering::Relaxed);
        Ok(())
    }

    fn remove_old(&self, connection: &Connection, now_ms: i64) -> Result<(), StoreError> {
        let oldest_ms = now_ms.saturating_sub(self.incident_life_ms());
        let to_come_ms = now_ms.saturating_add(TO_COME_MS);
        let before = |sql: &str, oldest: i64, to_come: i64| connection.execute(sql, [oldest, to_come]);
        before(
            "DELETE FROM recent WHERE slot < ?1 OR slot > ?2",
            now_ms.saturating_sub(RECENT_MS) / SLOT_MS - 1,
            to_come_ms / SLOT_MS,
        )?;
        let (oldest, to_come) = (hour_of(oldest_ms).into(), hour_of(to_come_ms).into());
        before("DELETE FROM hours WHERE hour < ?1 OR hour > ?2", oldest, to_come)?;
        connection.execute("DELETE FROM incidents WHERE ended_ms < ?1", [oldest_ms])?;
        before("DELETE FROM evidence WHERE at_ms < ?1 OR at_ms > ?2", oldest_ms, to_come_ms)?;
        let seen = now_ms.div_euclid(1000);
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('seen', ?1)", [seen])?;
        Ok(())
    }
}

/// Deletes what can be spared, in this order, until the database is within the bound.
fn make_room(connection: &Connection, bound: u64, present: u32) -> Result<(), StoreError> {
    let excess = || Ok::<_, StoreError>(signed(used(connection)?.saturating_sub(bound)));
    if excess()? > 0 {
        // One operator's large CRLs must not displace the counts of all.
        connection.execute(
            "DELETE FROM memories WHERE target IN (SELECT target FROM \
             (SELECT target, sum(length(memory)) OVER (ORDER BY at_ms, target) - length(memory) AS older FROM memories) \
             WHERE older < ?1)",
            [excess()?],
        )?;
    }
    if excess()? > 0 {
        let left = evidence::bytes(connection)?.saturating_sub(excess()?.unsigned_abs());
        evidence::bound(connection, u64::MAX, left)?;
    }
    let last = i64::from(present.saturating_sub(HOURS_THAT_STAY));
    for sql in [
        "DELETE FROM incidents WHERE number IN \
         (SELECT number FROM incidents WHERE ended_ms IS NOT NULL AND ?1 >= 0 ORDER BY number LIMIT 1000)",
        "DELETE FROM hours WHERE hour < ?1 AND hour < (SELECT min(hour) FROM hours) + 24",
    ] {
        while excess()? > 0 && connection.execute(sql, [last])? > 0 {}
    }
    Ok(())
}
