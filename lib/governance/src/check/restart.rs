//! Checks a restart of the log: the board's decision, as far as the ledger can check it.

use ctl_core::keys::Algorithm;
use ctl_core::role::Role;
use ctl_core::tuf::restart::check_log_succession;
use ctl_core::tuf::verify::trusted_root;
use ctl_core::tuf::{Limits, V2gTrust};

use super::Context;
use crate::draft::board;
use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::state::State;
use crate::statement::body::LogRestart;

pub(super) fn restart(context: &Context<'_>, body: &LogRestart) -> Result<(), Refusal> {
    let state = context.state;
    let board = &state.charter.board;
    context.signers.holders(board, board.threshold, "board", &[])?;
    let refuse = |reason, detail: String| Err(Refusal::new(reason, detail));
    if !state.published.contains_key(&Role::Root) {
        return refuse(Reason::Stage, "no root is published yet: found the scheme anew".into());
    }
    if board::before_restart(state).is_some() {
        // Devices refuse a root that adds two.
        let detail = "no published root names the restart before yet: the board signs that root first \
                      (ctl-admin draft sign root)";
        return refuse(Reason::Stage, detail.into());
    }
    let last_root = last_root(state, body)?;
    let server = &state.charter.server;
    let (ends, restarts) = last_root.as_ref().map_or_else(
        || (server.log_origin.as_str(), state.restarts.as_slice()),
        |last| (last.log.origin.as_str(), last.restarts.as_slice()),
    );
    if body.old.origin.as_str() != ends {
        let found = &body.old.origin;
        return refuse(Reason::Content, format!("the log that ends is {ends}, not {found}"));
    }
    if body.origin.as_str() == ends || restarts.iter().any(|restart| restart.old.origin == body.origin) {
        return refuse(Reason::Exists, format!("{} is or was the log's origin: name a new one", body.origin));
    }
    if body.key.algorithm() != Algorithm::EdDsa {
        return refuse(Reason::Content, "checkpoints are signed with Ed25519 only".into());
    }
    if state.former_log_keys.contains(&body.key.key_id()) {
        return refuse(Reason::Exists, "the key was the log's before: make a new one".into());
    }
    super::check_new_key(state, &body.key)?;
    check_numbers(context.rules, state, body)?;
    check_next_root(context, body)
}

/// Every role has numbers, none less than the ledger's own, and none so great that nothing can follow.
fn check_numbers(rules: &Rules, state: &State, body: &LogRestart) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Reason::Content, detail));
    let lists = state.charter.lists.keys().map(ToString::to_string);
    let fixed = ["notices", "registry", "root", "snapshot", "targets", "timestamp"].map(str::to_owned);
    if let Some(missing) = lists.chain(fixed).find(|role| !body.roles.contains_key(role)) {
        return refuse(format!("roles: {missing} is missing; name the numbers that it goes on from"));
    }
    if body.roles.len() > rules.restart_roles {
        return refuse(format!("roles: more than {}", rules.restart_roles));
    }
    for (name, numbers) in &body.roles {
        let published = match name.as_str() {
            "snapshot" | "timestamp" => None,
            name => state.published.get(&name.parse().map_err(|_| {
                let name: String = name.chars().take(60).collect();
                Refusal::new(Reason::Content, format!("roles: {name:?} is no role"))
            })?),
        };
        let (version, sequence) = published
            .map_or((0, 0), |published| (published.open.version, published.open.sequence.unwrap_or(0)));
        if numbers.version < version || numbers.sequence < sequence {
            return refuse(format!(
                "roles: {name}: version {version} and sequence {sequence} are published, so it cannot go on from \
                 {} and {}",
                numbers.version, numbers.sequence
            ));
        }
        let own = state.go_on_from(name);
        if numbers.version > rules.restart_number.max(version).max(own.version)
            || numbers.sequence > rules.restart_number.max(sequence).max(own.sequence)
        {
            return refuse(format!(
                "roles: {name}: numbers above {} leave no room to go on",
                rules.restart_number
            ));
        }
    }
    Ok(())
}

/// If root versions were lost, the last of them must be given whole: the next one follows from it, and it restores the
/// restarts that only it knows.
fn last_root(state: &State, body: &LogRestart) -> Result<Option<V2gTrust>, Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Reason::Content, detail));
    let published = state.published.get(&Role::Root).map_or(0, |root| root.open.version);
    let named = body.roles.get("root").map_or(0, |numbers| numbers.version);
    let Some(bytes) = &body.last_root else {
        // A role that is not named at all is refused with the other numbers.
        if named <= published {
            return Ok(None);
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
    let Some(v2g) = root.v2g.filter(|v2g| v2g.scheme == state.scheme) else {
        return refuse("last_root is of another scheme".into());
    };
    let Some(lost) = v2g.restarts.strip_prefix(state.restarts.as_slice()) else {
        return refuse("last_root does not name every restart of this ledger".into());
    };
    let mut origin = state.charter.server.log_origin.as_str();
    for restart in lost {
        if restart.old.origin.as_str() != origin {
            return refuse(format!("last_root names a restart of {}, not of {origin}", restart.old.origin));
        }
        origin = restart.new.origin.as_str();
    }
    if v2g.log.origin != origin {
        return refuse(format!("last_root is of the log {}, not of {origin}", v2g.log.origin));
    }
    Ok(Some(v2g))
}

/// The root that will name the restart must pass the check by which devices judge it; one that fails would stop all of
/// them for good.
fn check_next_root(context: &Context<'_>, body: &LogRestart) -> Result<(), Refusal> {
    let mut after = context.state.clone();
    crate::apply::begin_anew(&mut after, context.state.size(), context.recorded_at, body);
    let refuse = |detail: String| Refusal::new(Reason::Content, detail);
    let Some(before) = board::before_restart(&after) else {
        return Err(refuse("the published root names more restarts than this ledger has".into()));
    };
    let next = board::root(&after, before.version.saturating_add(1), before.expires);
    check_log_succession(&before, &next).map_err(|error| refuse(format!("no device would follow: {error}")))
}
