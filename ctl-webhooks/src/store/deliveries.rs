//! Deliveries: one row for each event and endpoint, from the event on until it has been long past.

use std::time::Duration;

use ctl_core::Timestamp;
use ctl_formats::{PoolForm, RootEvent};
use rusqlite::{Transaction, params};

use super::{Store, StoreError, endpoints};
use crate::endpoint::Settings;
use crate::retry::{Attempt, Next};

/// What became of a delivery that does not wait any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// It was refused, or attempted often enough.
    Failed,
    /// Too much waited for its endpoint.
    Overflow,
    /// Its endpoint was disabled.
    Disabled,
}

impl Outcome {
    /// What became of a delivery after an attempt, if it does not wait for another one.
    #[must_use]
    pub const fn of(next: Next) -> Option<Self> {
        match next {
            Next::Delivered => Some(Self::Delivered),
            Next::GivenUp => Some(Self::Failed),
            Next::Again { .. } => None,
        }
    }

    /// Its word, in the store and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Overflow => "overflow",
            Self::Disabled => "disabled",
        }
    }
}

/// A delivery that is due.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    pub number: i64,
    pub endpoint: String,
    pub client: String,
    pub url: String,
    pub secret: String,
    /// The exact bytes that are sent.
    pub body: Vec<u8>,
    /// When its event was made.
    pub since: Timestamp,
    /// How often it was attempted.
    pub attempts: u32,
}

/// A delivery as its client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub event: String,
    pub kind: String,
    pub at: Timestamp,
    pub attempts: u32,
    pub last_at: Option<Timestamp>,
    pub status: Option<u16>,
    pub reason: Option<String>,
    /// When it is tried next; none if it does not wait.
    pub next_at: Option<Timestamp>,
    pub outcome: Option<String>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub enabled: u64,
    pub disabled: u64,
    pub waiting: u64,
    /// Since when the delivery is due that is due longest.
    pub oldest_due: Option<Timestamp>,
}

/// Makes a delivery for every endpoint of the form that wants such an event; for how many endpoints it was one too many.
pub(super) fn fan_out(
    transaction: &Transaction<'_>,
    (form, kind): (PoolForm, RootEvent),
    event: &str,
    now: Timestamp,
    waiting_per_endpoint: u32,
) -> Result<u64, StoreError> {
    let mut overflow = 0;
    let mut count =
        transaction.prepare("SELECT count(*) FROM deliveries WHERE endpoint = ?1 AND outcome IS NULL")?;
    let mut insert = transaction
        .prepare("INSERT INTO deliveries (endpoint, event, next_at, outcome) VALUES (?1, ?2, ?3, ?4)")?;
    for endpoint in endpoints::of_form(transaction, form)? {
        if !endpoint.settings.wants(kind) {
            continue;
        }
        let waiting: u32 = count.query_row([&endpoint.id], |row| row.get(0))?;
        let outcome = (waiting >= waiting_per_endpoint).then(|| Outcome::Overflow.as_str());
        overflow += u64::from(outcome.is_some());
        insert.execute(params![endpoint.id, event, now.unix(), outcome])?;
    }
    Ok(overflow)
}

/// Gives up what waits for an endpoint.
pub(super) fn give_up(transaction: &Transaction<'_>, endpoint: &str) -> Result<(), StoreError> {
    transaction.execute(
        "UPDATE deliveries SET outcome = ?2 WHERE endpoint = ?1 AND outcome IS NULL",
        params![endpoint, Outcome::Disabled.as_str()],
    )?;
    Ok(())
}

impl Store {
    /// Deliveries that are due, the longest waiting first and at most one of each endpoint: its oldest.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT d.number, e.id, e.client, e.settings, e.secret, v.body, v.at, d.attempts \
             FROM endpoints e \
             JOIN deliveries d ON d.number = (SELECT min(number) FROM deliveries \
                 WHERE endpoint = e.id AND outcome IS NULL AND next_at <= ?1) \
             JOIN events v ON v.id = d.event ORDER BY d.next_at, d.number LIMIT ?2",
        )?;
        let mut rows = statement.query(params![now.unix(), i64::try_from(limit).unwrap_or(i64::MAX)])?;
        let mut due = Vec::new();
        while let Some(row) = rows.next()? {
            let settings: String = row.get(3)?;
            let settings: Settings = serde_json::from_str(&settings).map_err(StoreError::damaged)?;
            due.push(Delivery {
                number: row.get(0)?,
                endpoint: row.get(1)?,
                client: row.get(2)?,
                url: settings.url,
                secret: row.get(4)?,
                body: row.get(5)?,
                since: Timestamp::from_unix(row.get(6)?),
                attempts: row.get(7)?,
            });
        }
        Ok(due)
    }

    /// Records an attempt. One of an endpoint that was removed or disabled meanwhile leaves no trace.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn record(
        &self,
        number: i64,
        attempt: Attempt,
        next: Next,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (at, counts) = match next {
            Next::Delivered | Next::GivenUp => (now, true),
            Next::Again { at, counts } => (at, counts),
        };
        let status = match attempt {
            Attempt::Answered(status) => Some(status),
            Attempt::Unanswered(_) => None,
        };
        self.connection().execute(
            "UPDATE deliveries SET attempts = attempts + ?2, last_at = ?3, status = ?4, reason = ?5, next_at = ?6, \
             outcome = ?7 WHERE number = ?1 AND outcome IS NULL",
            params![
                number,
                u32::from(counts),
                now.unix(),
                status,
                attempt.word(),
                at.unix(),
                Outcome::of(next).map(Outcome::as_str)
            ],
        )?;
        Ok(())
    }

    /// The deliveries of an endpoint, newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn logged(&self, endpoint: &str, limit: u32) -> Result<Vec<Logged>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT v.id, v.kind, v.at, d.attempts, d.last_at, d.status, d.reason, d.next_at, d.outcome \
             FROM deliveries d JOIN events v ON v.id = d.event WHERE d.endpoint = ?1 \
             ORDER BY d.number DESC LIMIT ?2",
        )?;
        let rows = statement.query_map(params![endpoint, limit], |row| {
            let outcome: Option<String> = row.get(8)?;
            let next_at: i64 = row.get(7)?;
            Ok(Logged {
                event: row.get(0)?,
                kind: row.get(1)?,
                at: Timestamp::from_unix(row.get(2)?),
                attempts: row.get(3)?,
                last_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_unix),
                status: row.get(5)?,
                reason: row.get(6)?,
                next_at: outcome.is_none().then(|| Timestamp::from_unix(next_at)),
                outcome,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets deliveries that are long past or too many for their endpoint, and events that nobody has left.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn tidy(&self, now: Timestamp, keep: Duration, per_endpoint: u32) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "DELETE FROM deliveries WHERE outcome IS NOT NULL AND next_at < ?1",
            [now.minus_seconds(keep.as_secs()).unix()],
        )?;
        transaction.execute(
            "DELETE FROM deliveries WHERE outcome IS NOT NULL AND number < (SELECT number FROM deliveries AS newer \
             WHERE newer.endpoint = deliveries.endpoint AND newer.outcome IS NOT NULL \
             ORDER BY number DESC LIMIT 1 OFFSET ?1)",
            [per_endpoint.saturating_sub(1)],
        )?;
        transaction.execute("DELETE FROM events WHERE id NOT IN (SELECT event FROM deliveries)", [])?;
        transaction.commit()?;
        connection.execute_batch("PRAGMA incremental_vacuum")?;
        Ok(())
    }

    /// How much there is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        let connection = self.connection();
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let all = count("SELECT count(*) FROM endpoints")?;
        let enabled = count("SELECT count(*) FROM endpoints WHERE settings ->> '$.enabled'")?;
        let waiting = count("SELECT count(*) FROM deliveries WHERE outcome IS NULL")?;
        let next: Option<i64> =
            connection.query_row("SELECT min(next_at) FROM deliveries WHERE outcome IS NULL", [], |row| {
                row.get(0)
            })?;
        let number = i64::unsigned_abs;
        Ok(Counts {
            enabled: number(enabled),
            disabled: number(all - enabled),
            waiting: number(waiting),
            oldest_due: next.map(Timestamp::from_unix).filter(|next| *next <= now),
        })
    }
}
