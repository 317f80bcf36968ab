//! What is kept of other people's lists and pools: how each stands, and the newest incidents of each.

use rusqlite::{OptionalExtension as _, params};

use super::super::sources::{SourceIncident, Standing};
use super::{Store, StoreError, json, readable, signed};

/// Incidents that are kept of one source: one that changes with every look must not fill the history.
const INCIDENTS: i64 = 1000;

impl Store {
    /// How a source stood when it was last written.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn source(&self, name: &str) -> Result<Option<Standing>, StoreError> {
        let sql = "SELECT standing FROM sources WHERE name = ?1";
        let kept: Option<String> =
            self.with(|connection| Ok(connection.query_row(sql, [name], |row| row.get(0)).optional()?))?;
        Ok(kept.and_then(|text| readable("sources", &text)))
    }

    /// Writes how a source stands, with the incidents that begin or end, all or nothing. Returns it with the number of
    /// what begins.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn put_source(
        &self,
        name: &str,
        mut standing: Standing,
        incidents: Vec<(Option<u64>, SourceIncident)>,
    ) -> Result<Standing, StoreError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            for (number, incident) in incidents {
                let text = json(&incident)?;
                match number {
                    Some(number) => {
                        let sql =
                            "UPDATE source_incidents SET incident = ?3 WHERE number = ?1 AND source = ?2";
                        transaction.execute(sql, params![signed(number), name, text])?;
                    }
                    None => {
                        let sql = "INSERT INTO source_incidents (source, incident) VALUES (?1, ?2)";
                        transaction.execute(sql, params![name, text])?;
                        if incident.ended_at.is_none() {
                            let number = transaction.last_insert_rowid().unsigned_abs();
                            standing.open = Some((number, incident));
                        }
                    }
                }
            }
            let sql =
                "INSERT INTO sources VALUES (?1, ?2) ON CONFLICT DO UPDATE SET standing = excluded.standing";
            transaction.execute(sql, params![name, json(&standing)?])?;
            let sql = "DELETE FROM source_incidents WHERE source = ?1 AND number NOT IN \
                       (SELECT number FROM source_incidents WHERE source = ?1 ORDER BY number DESC LIMIT ?2)";
            transaction.execute(sql, params![name, INCIDENTS])?;
            transaction.commit()?;
            Ok(standing)
        })
    }

    /// Incidents of a source, the newest first: those before this number, at most so many.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn source_incidents(
        &self,
        name: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, SourceIncident)>, StoreError> {
        let sql = "SELECT number, incident FROM source_incidents WHERE source = ?1 AND (?2 IS NULL OR number < ?2) \
                   ORDER BY number DESC LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.with(|connection| {
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query(params![name, before.map(signed), limit])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
                let number = row.get::<_, i64>(0)?.unsigned_abs();
                found.extend(readable("source_incidents", text).map(|incident| (number, incident)));
            }
            Ok(found)
        })
    }
}
