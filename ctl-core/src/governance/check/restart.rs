//! A restart of the log: the board's word, within what the ledger can check.

use super::Context;
use crate::governance::refusal::{Reason, Refusal};
use crate::governance::state::State;
use crate::keys::Algorithm;
use crate::role::Role;
use crate::statement::body::LogRestart;
use crate::tuf::{Limits, verify::trusted_root};

/// More roles than a charter can have are not named.
const MAX_ROLES: usize = 256;

pub(super) fn restart(context: &Context<'_>, body: &LogRestart) -> Result<(), Refusal> {
    let state = context.state;
    let board = &state.charter.board;
    context.signers.holders(board, board.threshold, "board", &[])?;
    let refuse = |reason, detail: String| Err(Refusal::new(reason, detail));
    if !state.published.contains_key(&Role::Root) {
        return refuse(Reason::Stage, "no root is published yet: found the scheme anew".into());
    }
    let server = &state.charter.server;
    if body.old.origin != server.log_origin {
        let (found, expected) = (&body.old.origin, &server.log_origin);
        return refuse(Reason::Content, format!("the log that ends is {expected}, not {found}"));
    }
    if body.origin == server.log_origin
        || state.restarts.iter().any(|restart| restart.old.origin == body.origin)
    {
        return refuse(Reason::Exists, format!("{} is or was the log's origin: name a new one", body.origin));
    }
    if body.key.algorithm() != Algorithm::EdDsa {
        return refuse(Reason::Content, "checkpoints are signed with Ed25519 only".into());
    }
    if state.former_log_keys.contains(&body.key.key_id()) {
        return refuse(Reason::Exists, "the key was the log's before: make a new one".into());
    }
    super::check_new_key(state, &body.key)?;
    check_numbers(state, body)?;
    check_last_root(state, body)
}

/// Every role's numbers, none smaller than the ledger's own.
fn check_numbers(state: &State, body: &LogRestart) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Reason::Content, detail));
    let lists = state.charter.lists.keys().map(ToString::to_string);
    let fixed = ["notices", "registry", "root", "snapshot", "targets", "timestamp"].map(str::to_owned);
    if let Some(missing) = lists.chain(fixed).find(|role| !body.roles.contains_key(role)) {
        return refuse(format!("roles: {missing} is missing; name the numbers that it goes on from"));
    }
    if body.roles.len() > MAX_ROLES {
        return refuse(format!("roles: more than {MAX_ROLES}"));
    }
    for (name, numbers) in &body.roles {
        let role: Role = match name.as_str() {
            "snapshot" | "timestamp" => continue,
            name => name.parse().map_err(|_| {
                let name: String = name.chars().take(60).collect();
                Refusal::new(Reason::Content, format!("roles: {name:?} is no role"))
            })?,
        };
        let Some(published) = state.published.get(&role) else { continue };
        let (version, sequence) = (published.open.version, published.open.sequence.unwrap_or(0));
        if numbers.version < version || numbers.sequence < sequence {
            return refuse(format!(
                "roles: {name}: version {version} and sequence {sequence} are published, so it cannot go on from \
                 {} and {}",
                numbers.version, numbers.sequence
            ));
        }
    }
    Ok(())
}

/// If root versions were lost, the last of them is named whole: the next one follows from it.
fn check_last_root(state: &State, body: &LogRestart) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Reason::Content, detail));
    let published = state.published.get(&Role::Root).map_or(0, |root| root.open.version);
    let named = body.roles.get("root").map_or(0, |numbers| numbers.version);
    let Some(bytes) = &body.last_root else {
        if named == published {
            return Ok(());
        }
        return refuse(format!("root version {named} is not in this ledger: name it whole in last_root"));
    };
    let root = trusted_root(&bytes.0, &Limits::default())
        .map_err(|error| Refusal::new(Reason::Content, format!("last_root: {error}")))?
        .signed;
    if root.version != named || named <= published {
        let version = root.version;
        return refuse(format!(
            "last_root has version {version}, roles name {named}, published is {published}"
        ));
    }
    let v2g = root.v2g.as_ref().filter(|v2g| v2g.scheme == state.scheme);
    let Some(v2g) = v2g else { return refuse("last_root is of another scheme".into()) };
    if v2g.restarts != state.restarts || v2g.log.origin != state.charter.server.log_origin.as_str() {
        return refuse("last_root names another log or other restarts than this ledger".into());
    }
    Ok(())
}
