//! The documents as last verified, the roots that subscribers know of, and what follows for them from a new look.

use std::collections::BTreeSet;

use ctl_core::list::offline::Document;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_formats::{EventRoot, RootEvent};
use rusqlite::{Transaction, params};

use super::{Store, StoreError, deliveries, json, signed};
use crate::events::{Event, events, living};
use crate::roots::{Key, Roots, form_of, form_word, roots};

/// A document that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub role: Role,
    pub sequence: u64,
    pub sha256: Digest,
    /// The newest root by which it was verified.
    pub root_version: u64,
    pub issued_at: Timestamp,
    pub next_update: Timestamp,
    pub payload: Vec<u8>,
}

/// What a look brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advanced {
    /// The events that were made.
    pub events: Vec<(RootEvent, Key)>,
    /// Roots that were met without an event, as their list was met for the first time.
    pub met: usize,
    /// Deliveries that were too many for their endpoints.
    pub overflow: u64,
}

impl Store {
    /// The documents that are held, without their payloads.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn held(&self) -> Result<Vec<Held>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT role, sequence, sha256, root_version, issued_at, next_update FROM documents ORDER BY role",
        )?;
        let mut rows = statement.query([])?;
        let mut held = Vec::new();
        while let Some(row) = rows.next()? {
            let (role, sha256): (String, String) = (row.get(0)?, row.get(2)?);
            held.push(Held {
                role: role.parse().map_err(StoreError::damaged)?,
                sequence: row.get::<_, i64>(1)?.unsigned_abs(),
                sha256: sha256.parse().map_err(StoreError::damaged)?,
                root_version: row.get::<_, i64>(3)?.unsigned_abs(),
                issued_at: Timestamp::from_unix(row.get(4)?),
                next_update: Timestamp::from_unix(row.get(5)?),
                payload: Vec::new(),
            });
        }
        Ok(held)
    }

    /// Takes new versions of documents, makes the events that follow from them and from the time, and a delivery of each
    /// for every endpoint that wants it: all of it or nothing. Documents of roles that are not followed any more go, and
    /// their roots with them, without a word: nothing happened to those.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn advance(
        &self,
        new: &[Held],
        followed: &[Role],
        now: Timestamp,
        waiting_per_endpoint: u32,
    ) -> Result<Advanced, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let known_roles = roles(&transaction)?;
        let is_first = new
            .iter()
            .any(|held| matches!(held.role, Role::List(_)) && !known_roles.contains(&held.role.to_string()));
        let wanted: BTreeSet<String> = followed.iter().map(Role::to_string).collect();
        let unfollowed: Vec<&String> = known_roles.difference(&wanted).collect();
        for role in &unfollowed {
            transaction.execute("DELETE FROM documents WHERE role = ?1", [role])?;
        }
        for held in new {
            put(&transaction, held)?;
        }
        let before = known(&transaction)?;
        let changed = !new.is_empty() || !unfollowed.is_empty();
        let after = if changed { roots(&documents(&transaction)?) } else { before.clone() };
        let judged = judged(&transaction, now)?;
        let (all, mut advanced) = (events(&before, &after, judged), Advanced::default());
        for event in all {
            let is_silent = match event.kind {
                RootEvent::Added => is_first,
                RootEvent::Revoked => !unfollowed.is_empty(),
                RootEvent::Expired => false,
            };
            if is_silent {
                advanced.met += 1;
                continue;
            }
            advanced.overflow += announce(&transaction, &event, now, waiting_per_endpoint)?;
            advanced.events.push((event.kind, event.key));
        }
        let after = living(after, judged);
        if after != before {
            keep(&transaction, &after)?;
        }
        transaction.commit()?;
        Ok(advanced)
    }
}

/// The time by which ends are judged: not later than any held document says there is a newer one. A clock that is years
/// ahead would otherwise tell all subscribers that all roots have ended.
fn judged(transaction: &Transaction<'_>, now: Timestamp) -> Result<Timestamp, StoreError> {
    let latest: Option<i64> =
        transaction.query_row("SELECT max(next_update) FROM documents", [], |row| row.get(0))?;
    Ok(latest.map_or(now, |latest| now.min(Timestamp::from_unix(latest))))
}

fn roles(transaction: &Transaction<'_>) -> Result<BTreeSet<String>, StoreError> {
    let mut statement = transaction.prepare("SELECT role FROM documents")?;
    let roles = statement.query_map([], |row| row.get(0))?;
    Ok(roles.collect::<Result<_, _>>()?)
}

fn put(transaction: &Transaction<'_>, held: &Held) -> Result<(), StoreError> {
    transaction.execute(
        "INSERT OR REPLACE INTO documents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            held.role.to_string(),
            signed(held.sequence),
            held.sha256.to_string(),
            signed(held.root_version),
            held.issued_at.unix(),
            held.next_update.unix(),
            held.payload,
        ],
    )?;
    Ok(())
}

fn documents(transaction: &Transaction<'_>) -> Result<Vec<Document>, StoreError> {
    let mut statement = transaction.prepare("SELECT role, payload FROM documents")?;
    let mut rows = statement.query([])?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next()? {
        let (role, payload): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let role: Role = role.parse().map_err(StoreError::damaged)?;
        documents.push(Document::read(&role, &payload).map_err(StoreError::damaged)?);
    }
    Ok(documents)
}

fn known(transaction: &Transaction<'_>) -> Result<Roots, StoreError> {
    let mut statement = transaction.prepare("SELECT form, id, root FROM roots")?;
    let mut rows = statement.query([])?;
    let mut roots = Roots::new();
    while let Some(row) = rows.next()? {
        let (form, id, root): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let form = form_of(&form).ok_or_else(|| StoreError::damaged("a root of no pool"))?;
        let root: EventRoot = serde_json::from_str(&root).map_err(StoreError::damaged)?;
        roots.insert(Key { form, id }, root);
    }
    Ok(roots)
}

fn keep(transaction: &Transaction<'_>, roots: &Roots) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM roots", [])?;
    let mut statement = transaction.prepare("INSERT INTO roots VALUES (?1, ?2, ?3)")?;
    for (Key { form, id }, root) in roots {
        statement.execute(params![form_word(*form), id, json(root)?])?;
    }
    Ok(())
}

fn announce(
    transaction: &Transaction<'_>,
    event: &Event,
    now: Timestamp,
    waiting_per_endpoint: u32,
) -> Result<u64, StoreError> {
    let (id, body) = (event.root.event_id(event.kind, now), event.root.event_body(event.kind, now));
    transaction.execute(
        "INSERT OR IGNORE INTO events VALUES (?1, ?2, ?3, ?4)",
        params![id, event.kind.as_str(), now.unix(), body],
    )?;
    deliveries::fan_out(transaction, (event.key.form, event.kind), &id, now, waiting_per_endpoint)
}
