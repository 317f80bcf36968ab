//! The counts of targets: by hour, in recent slots, and the time of the last probe.

use std::collections::{BTreeMap, BTreeSet};

use ctl_policy::sla::Counts;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::super::changes::Changes;
use super::{Store, StoreError, json, readable, signed};

/// Readers release the database after this many hours.
const HOURS_AT_ONCE: u32 = 24;
/// For fewer targets than this, each target's hours are looked up; for more, all targets of an hour are read.
const LOOKED_UP: usize = 200;

const COUNTED: &str = "good, bad, excused, missing, answered, fresh, correct, latency, reasons";

/// Reads the columns [`COUNTED`], the first of which has this index.
fn counts(row: &Row<'_>, first: usize) -> Result<Option<Counts>, rusqlite::Error> {
    let number = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(first + at)?.unsigned_abs());
    let text = |at: usize| row.get_ref(first + at)?.as_str().map_err(rusqlite::Error::from);
    let latency_ms = readable("hours.latency", text(7)?);
    let reasons = match text(8)? {
        "{}" => Some(BTreeMap::new()),
        reasons => readable("hours.reasons", reasons),
    };
    let (good, bad, excused, missing) = (number(0)?, number(1)?, number(2)?, number(3)?);
    let (answered, fresh, correct) = (number(4)?, number(5)?, number(6)?);
    Ok(latency_ms.zip(reasons).map(|(latency_ms, reasons)| Counts {
        good,
        bad,
        excused,
        missing,
        answered,
        fresh,
        correct,
        latency_ms,
        reasons,
    }))
}

/// Adds counts to what is stored.
pub(super) fn put(transaction: &Transaction<'_>, changes: &Changes) -> Result<(), StoreError> {
    let Changes { last_probes, recent, hours, .. } = changes;
    let mut statement = transaction.prepare(
        "INSERT INTO last_probes VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms",
    )?;
    for (target, at_ms) in last_probes {
        statement.execute(params![target, at_ms])?;
    }
    let mut statement = transaction.prepare(
        "INSERT INTO recent VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT DO UPDATE SET bad = bad + excluded.bad, valid = valid + excluded.valid",
    )?;
    for ((slot, target), (bad, valid)) in recent {
        statement.execute(params![slot, target, bad, valid])?;
    }
    let before = format!("SELECT {COUNTED} FROM hours WHERE hour = ?1 AND target = ?2");
    let mut before = transaction.prepare(&before)?;
    let mut statement = transaction
        .prepare("INSERT OR REPLACE INTO hours VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?;
    for (hour, counted) in hours {
        for (target, more) in counted {
            let mut sum = before.query_row(params![hour, target], |row| counts(row, 0)).optional()?.flatten();
            let sum = sum.get_or_insert_default();
            sum.merge(more);
            let Counts { good, bad, excused, missing, answered, fresh, correct, latency_ms, reasons } = sum;
            let [good, bad, excused, missing, answered, fresh, correct] =
                [*good, *bad, *excused, *missing, *answered, *fresh, *correct].map(signed);
            statement.execute(params![
                hour,
                target,
                good,
                bad,
                excused,
                missing,
                answered,
                fresh,
                correct,
                json(latency_ms)?,
                json(reasons)?
            ])?;
        }
    }
    Ok(())
}

impl Store {
    /// Passes the counts of these targets in the hours `from` to before `to` to `each` (number, hour, counts), in the
    /// order of the hours.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn hours(
        &self,
        numbers: &BTreeSet<u32>,
        from: u32,
        to: u32,
        mut each: impl FnMut(u32, u32, Counts),
    ) -> Result<(), StoreError> {
        let bounds = "SELECT coalesce(min(hour), 0), coalesce(max(hour), -1) FROM hours";
        let (first, last) = self.with(|connection| {
            Ok(connection.query_row(bounds, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?)
        })?;
        let end = i64::from(to).min(last.saturating_add(1));
        let mut from = i64::from(from).max(first);
        let wanted = json(numbers)?;
        let sql = if numbers.len() < LOOKED_UP {
            format!(
                "WITH RECURSIVE span (hour) AS (SELECT ?1 UNION ALL SELECT hour + 1 FROM span WHERE hour + 1 < ?2) \
                 SELECT target, hours.hour, {COUNTED} FROM span CROSS JOIN json_each(?3) AS wanted \
                 CROSS JOIN hours ON hours.hour = span.hour AND hours.target = wanted.value"
            )
        } else {
            format!("SELECT target, hour, {COUNTED} FROM hours WHERE hour >= ?1 AND hour < ?2 AND ?3 <> ''")
        };
        while from < end {
            let next = from.saturating_add(i64::from(HOURS_AT_ONCE)).min(end);
            self.with(|connection| {
                let mut statement = connection.prepare(&sql)?;
                let mut rows = statement.query(params![from, next, wanted])?;
                while let Some(row) = rows.next()? {
                    let (number, hour) = (row.get(0)?, row.get(1)?);
                    if numbers.contains(&number)
                        && let Some(counts) = counts(row, 2)?
                    {
                        each(number, hour, counts);
                    }
                }
                Ok(())
            })?;
            from = next;
        }
        Ok(())
    }

    /// When each of these targets was last probed, in Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn last_probes(&self, numbers: &BTreeSet<u32>) -> Result<BTreeMap<u32, i64>, StoreError> {
        let wanted = json(numbers)?;
        self.with(|connection| {
            let mut statement = connection.prepare(
                "SELECT target, at_ms FROM json_each(?1) AS wanted CROSS JOIN last_probes ON target = wanted.value",
            )?;
            let all = statement.query_map([wanted], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(all.collect::<Result<_, _>>()?)
        })
    }

    /// When the last of all probes took place, in Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn last_probe(&self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT max(at_ms) FROM last_probes";
        self.with(|connection| Ok(connection.query_row(sql, [], |row| row.get(0))?))
    }
}
