//! Incidents in the database: open ones, and closed ones for as long as hours are kept.

use ctl_core::names::ParticipantId;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::super::incident::{Incident, Wanted};
use super::{Store, StoreError, json, readable, signed};

/// How many are read at once; others may use the database in between.
const PAGE: usize = 500;

/// An incident in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// As it was written.
    Read(Incident),
    /// It is there, and what it says cannot be read: nobody may take it for lost.
    Unread {
        number: u64,
        /// When its first bad probe began, in Unix milliseconds.
        began_ms: i64,
    },
}

impl Row {
    /// The incident, if it can be read.
    #[must_use]
    pub fn read(self) -> Option<Incident> {
        match self {
            Self::Read(incident) => Some(incident),
            Self::Unread { .. } => None,
        }
    }

    /// The incident's number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        match self {
            Self::Read(Incident { number, .. }) | Self::Unread { number, .. } => *number,
        }
    }
}

/// The number of the next incident. No number is used twice.
pub(super) fn next_number(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'incidents'";
    let last: Option<i64> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(last.unwrap_or_default().unsigned_abs().saturating_add(1))
}

/// The open incidents and so many closed ones: breaches that ended since a moment, then the newest.
pub(super) fn at_hand(
    connection: &Connection,
    past: usize,
    since_ms: i64,
) -> Result<Vec<Incident>, StoreError> {
    let sql = "SELECT number, began_ms, incident FROM incidents WHERE ended_ms IS NULL OR number IN \
               (SELECT number FROM incidents WHERE ended_ms IS NOT NULL \
               ORDER BY is_breach AND ended_ms >= ?2 DESC, number DESC LIMIT ?1) ORDER BY number";
    readable_of(connection, sql, vec![signed(past as u64).into(), since_ms.into()])
}

/// Those that can be read.
fn readable_of(connection: &Connection, sql: &str, values: Vec<Value>) -> Result<Vec<Incident>, StoreError> {
    Ok(read(connection, sql, values)?.into_iter().filter_map(Row::read).collect())
}

/// Reads rows of number, beginning and incident.
fn read(connection: &Connection, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, began_ms) = (row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?);
        let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        found.push(readable("incidents", text).map_or(Row::Unread { number, began_ms }, Row::Read));
    }
    Ok(found)
}

pub(super) fn put<'a>(
    connection: &Connection,
    incidents: impl IntoIterator<Item = &'a Incident>,
) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare("INSERT OR REPLACE INTO incidents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for one in incidents {
        statement.execute(params![
            signed(one.number),
            one.operator.as_str(),
            one.began_ms,
            one.opened_ms,
            one.ended_ms,
            one.breach_ms.is_some(),
            json(one)?
        ])?;
    }
    Ok(())
}

impl Store {
    /// Passes incidents to `each` in the order of their numbers, until it returns false; also those that cannot be read.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn incidents(&self, wanted: &Wanted, mut each: impl FnMut(Row) -> bool) -> Result<(), StoreError> {
        let mut first = signed(wanted.first);
        let operator = wanted.operator.as_ref().map(ParticipantId::to_string);
        let (from_ms, to_ms) = wanted.touching.unwrap_or((i64::MIN, i64::MAX));
        let sql = format!(
            "SELECT number, began_ms, incident FROM incidents WHERE number >= ?1 AND (?2 IS NULL OR operator = ?2) AND began_ms < ?3 \
             AND (ended_ms IS NULL OR ended_ms > ?4) ORDER BY number LIMIT {PAGE}"
        );
        loop {
            let values = vec![first.into(), operator.clone().into(), to_ms.into(), from_ms.into()];
            let page = self.with(|connection| read(connection, &sql, values))?;
            let is_last = page.len() < PAGE;
            for row in page {
                first = signed(row.number()).saturating_add(1);
                if !each(row) {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// The newest incidents that are over and have a smaller number than this, at most so many; of one operator if one is
    /// given.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn newest_incidents(
        &self,
        before: Option<u64>,
        operator: Option<&ParticipantId>,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        // Each has an index of its own.
        let of = if operator.is_some() { "operator = ?3 AND" } else { "" };
        let sql = format!(
            "SELECT number, began_ms, incident FROM incidents WHERE {of} number < ?1 AND ended_ms IS NOT NULL \
             ORDER BY number DESC LIMIT ?2"
        );
        let values: Vec<Value> = vec![signed(before.unwrap_or(u64::MAX)).into(), signed(limit as u64).into()];
        let operator = operator.map(|operator| operator.to_string().into());
        self.with(|connection| readable_of(connection, &sql, values.into_iter().chain(operator).collect()))
    }

    /// One incident.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn incident(&self, number: u64) -> Result<Option<Incident>, StoreError> {
        let sql = "SELECT number, began_ms, incident FROM incidents WHERE number = ?1";
        Ok(self.with(|connection| readable_of(connection, sql, vec![signed(number).into()]))?.pop())
    }
}
