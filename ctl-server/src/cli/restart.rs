//! `ctl-server log key` and `ctl-server log restart`: make another key for the log, and begin the log anew by the
//! board's statement, on the ledger of a stopped server.

use std::path::Path;

use ctl_core::names::Origin;
use ctl_core::{Timestamp, json};
use ctl_governance::check;
use ctl_governance::statement::{Body, Entry, MAX_STATEMENT, Statement};
use ctl_host::clock::{Clock as _, SystemClock};
use ctl_host::files;
use serde_json::Value;

use super::Failure;
use crate::keys::{Keys, log_key};
use crate::ledger::verify::Replay;
use crate::ledger::{Damage, Head, OpenError, Store as _};

/// `ctl-admin`'s file of a statement may also hold blobs; this one has none.
const MAX_FILE: u64 = 4 * MAX_STATEMENT as u64;

/// Makes another key for the log: with the same origin for a rotation, with a new one for a restart.
pub(super) fn key(data: &Path, origin: Option<Origin>) -> Result<(), Failure> {
    let (public, path) = Keys::add_log_key(data, origin)?;
    println!("another key of the log is in {}; back it up", data.join("keys").display());
    println!("log {}", log_key(&public)?);
    println!("for the charter or a restart: {}", path.display());
    println!("the server uses it from the moment that either names it");
    Ok(())
}

/// Records the board's statement as the first entry of the new log.
pub(super) fn restart(data: &Path, file: &Path) -> Result<(), Failure> {
    let statement = read(file)?;
    let Body::LogRestart(body) = &statement.payload.body else {
        return Err(
            format!("{}: no log.restart but {}", file.display(), statement.payload.body.type_name()).into()
        );
    };
    let store = super::ledger::open(data)?;
    let mut replay = Replay::new();
    for index in 0..store.size() {
        let lost = || Damage::Entry { index, why: "it is missing".into() };
        let bytes = store.entry(index).map_err(OpenError::from)?.ok_or_else(lost).map_err(OpenError::from)?;
        replay.push(&bytes).map_err(OpenError::from)?;
    }
    // The checkpoint file belongs to the log that ends, which the board's statement is about.
    let (mut state, _) = replay.finish().ok_or(OpenError::Empty)?;
    if !state.is_recorded(&statement.id) {
        let now = SystemClock::new().now().max(state.clock());
        check(&state, &statement, now)?;
        let entry = Entry::new(now, statement.clone())?;
        state.apply(&entry);
        let keys = in_use(data, body.as_ref())?;
        let note = keys.sign_checkpoint(state.size(), state.root())?.to_string();
        store.append(state.size().saturating_sub(1), &[entry.bytes], Some(note.as_bytes()))?;
        keys.settle(data)?;
        set_aside(data, now)?;
        Head::below(data).write(note.as_bytes())?;
    } else {
        // An earlier attempt was interrupted between the entry and the file.
        let keys = Keys::load(data)?.named_by(&state.charter.server);
        keys.settle(data)?;
        let note = keys.sign_checkpoint(state.size(), state.root())?.to_string();
        Head::below(data).write(note.as_bytes())?;
    }
    println!("the log began anew as {} with {} entries", body.origin, state.size());
    println!("serve it, and have the board sign the next root: ctl-admin draft sign root");
    Ok(())
}

/// The keys with the one that the board names in use.
fn in_use(data: &Path, body: &ctl_governance::statement::body::LogRestart) -> Result<Keys, Failure> {
    let keys = Keys::load(data)?;
    let mut named = keys.public();
    (named.log_origin, named.log) = (body.origin.clone(), body.key.clone());
    let keys = keys.named_by(&named);
    log_key(&keys.public())?;
    if keys.public() != named {
        let text = "the key that the board names is not in keys/: it was made elsewhere, or by another `ctl-server log key`";
        return Err(text.into());
    }
    Ok(keys)
}

/// Keeps the last checkpoint of the log that ended under another name.
fn set_aside(data: &Path, now: Timestamp) -> Result<(), Failure> {
    let head = Head::below(data);
    if let Some(note) = head.read()? {
        let path = data.join(format!("checkpoint.before-{}", now.unix()));
        files::write(&path, &note, files::PUBLIC)?;
    }
    Ok(())
}

/// Reads a statement, by itself or in the file of `ctl-admin`.
fn read(path: &Path) -> Result<Statement, Failure> {
    let missing = || format!("{} does not exist", path.display());
    let bytes = files::read(path, MAX_FILE)?.ok_or_else(missing)?;
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let value: Value = json::read(&bytes, MAX_FILE as usize).map_err(|error| wrong(&error))?;
    let statement = value.get("statement").map_or(bytes, json::canonical);
    Ok(Statement::parse(&statement).map_err(|error| wrong(&error))?)
}
