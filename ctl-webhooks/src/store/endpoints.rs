//! Endpoints. Whoever names one that is another's, or of the other protocol, is told what is told of one that is not there.

use ctl_core::Timestamp;
use ctl_formats::PoolForm;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Store, StoreError, deliveries, json};
use crate::endpoint::{Endpoint, Settings};
use crate::roots::{form_of, form_word};

/// Why there can be no more endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The client has as many as one may have.
    OfClient,
    /// There are as many as there may be.
    OfAll,
}

const COLUMNS: &str = "id, client, form, created, secret, settings";

pub(super) fn read(row: &Row<'_>) -> Result<Endpoint, StoreError> {
    let (form, settings): (String, String) = (row.get(2)?, row.get(5)?);
    Ok(Endpoint {
        id: row.get(0)?,
        client: row.get(1)?,
        form: form_of(&form).ok_or_else(|| StoreError::damaged("an endpoint of no protocol"))?,
        created: Timestamp::from_unix(row.get(3)?),
        secret: row.get(4)?,
        settings: serde_json::from_str(&settings).map_err(StoreError::damaged)?,
    })
}

/// All endpoints of a protocol.
pub(super) fn of_form(connection: &Connection, form: PoolForm) -> Result<Vec<Endpoint>, StoreError> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM endpoints WHERE form = ?1"))?;
    let mut rows = statement.query([form_word(form)])?;
    let mut endpoints = Vec::new();
    while let Some(row) = rows.next()? {
        endpoints.push(read(row)?);
    }
    Ok(endpoints)
}

impl Store {
    /// Adds an endpoint, unless there would be too many.
    ///
    /// # Errors
    /// [`StoreError`]; [`Refused`], inside.
    pub fn add(
        &self,
        endpoint: &Endpoint,
        per_client: u32,
        all: u32,
    ) -> Result<Result<(), Refused>, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let own: u32 = transaction.query_row(
            "SELECT count(*) FROM endpoints WHERE client = ?1",
            [&endpoint.client],
            |row| row.get(0),
        )?;
        if own >= per_client {
            return Ok(Err(Refused::OfClient));
        }
        let others: u32 = transaction.query_row("SELECT count(*) FROM endpoints", [], |row| row.get(0))?;
        if others >= all {
            return Ok(Err(Refused::OfAll));
        }
        transaction.execute(
            "INSERT INTO endpoints VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                endpoint.id,
                endpoint.client,
                form_word(endpoint.form),
                endpoint.created.unix(),
                endpoint.secret,
                json(&endpoint.settings)?,
            ],
        )?;
        transaction.commit()?;
        Ok(Ok(()))
    }

    /// A client's endpoint.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn endpoint(&self, client: &str, form: PoolForm, id: &str) -> Result<Option<Endpoint>, StoreError> {
        let connection = self.connection();
        let sql = format!("SELECT {COLUMNS} FROM endpoints WHERE id = ?1 AND client = ?2 AND form = ?3");
        connection
            .query_row(&sql, params![id, client, form_word(form)], |row| Ok(read(row)))
            .optional()?
            .transpose()
    }

    /// A client's endpoints, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn endpoints(&self, client: &str, form: PoolForm) -> Result<Vec<Endpoint>, StoreError> {
        let connection = self.connection();
        let sql =
            format!("SELECT {COLUMNS} FROM endpoints WHERE client = ?1 AND form = ?2 ORDER BY created, id");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query(params![client, form_word(form)])?;
        let mut endpoints = Vec::new();
        while let Some(row) = rows.next()? {
            endpoints.push(read(row)?);
        }
        Ok(endpoints)
    }

    /// Changes an endpoint's settings; what waits for one that is not enabled any more is given up.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn change(&self, id: &str, settings: &Settings) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction
            .execute("UPDATE endpoints SET settings = ?2 WHERE id = ?1", params![id, json(settings)?])?;
        if !settings.enabled {
            deliveries::give_up(&transaction, id)?;
        }
        Ok(transaction.commit()?)
    }

    /// Removes a client's endpoint with all that waits for it; whether there was one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn remove(&self, client: &str, form: PoolForm, id: &str) -> Result<bool, StoreError> {
        let removed = self.connection().execute(
            "DELETE FROM endpoints WHERE id = ?1 AND client = ?2 AND form = ?3",
            params![id, client, form_word(form)],
        )?;
        Ok(removed > 0)
    }
}
