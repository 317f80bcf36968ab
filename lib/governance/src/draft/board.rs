//! The board's metadata: root.json and the top-level targets, which carry out the charter.

use ctl_core::Timestamp;
use ctl_core::keys::PublicKey;
use ctl_core::log::note::{KeyRole, LogRole, NoteKey, WitnessRole};
use ctl_core::names::Origin;
use ctl_core::role::Role;
use ctl_core::threshold::{Authority, Threshold};
use ctl_core::tuf::restart::check_log_succession;
use ctl_core::tuf::{
    Delegations, KeyHolders, LogTrust, Root, Targets, TopLevelRoles, V2gTrust, WitnessTrust,
};

use super::Documents;
use crate::State;
use crate::statement::charter::Holders;

/// The holders of an office with their present keys. One who is suspended holds no key, and what is
/// then too few for the threshold is for the assembly to mend.
pub(super) fn threshold(state: &State, holders: &Holders) -> Threshold {
    let keys = holders.holders.iter().filter_map(|id| state.active(id)).map(|participant| {
        let organisation = Some(participant.organisation.to_string());
        (participant.key.key_id(), Authority { key: participant.key.clone(), organisation })
    });
    Threshold { needed: holders.threshold, keys: keys.collect() }
}

fn key_holders(state: &State, holders: &Holders) -> KeyHolders {
    let keys = threshold(state, holders).keys.into_values().map(|authority| authority.key).collect();
    KeyHolders { threshold: holders.threshold, keys }
}

/// To whom the top-level targets delegate, in their order.
pub(super) fn delegations(state: &State) -> Vec<(Role, &Holders)> {
    let charter = &state.charter;
    let lists = charter.lists.iter().map(|(id, list)| (Role::List(id.clone()), &list.signers));
    let others = [(Role::Registry, &charter.registry.registrars), (Role::Notices, &charter.notices.officers)];
    lists.chain(others).collect()
}

/// The root that devices hold, while a restart of the log is not in it yet: the next root names the
/// restart and changes nothing else.
pub(crate) fn before_restart(state: &State) -> Option<Root> {
    if state.restarts.is_empty() {
        return None;
    }
    let last = super::published_root(state)?;
    if last.v2g.as_ref()?.restarts.len() >= state.restarts.len() {
        return None;
    }
    Some(state.lost_root.as_deref().cloned().unwrap_or(last))
}

/// Whether devices, with the root that they hold, would follow a drafted one.
///
/// # Errors
/// What they would say.
pub(crate) fn follows(state: &State, drafted: &Documents) -> Result<(), String> {
    let Some(held) = before_restart(state).or_else(|| super::published_root(state)) else { return Ok(()) };
    let next: Root = serde_json::from_slice(&drafted.signed).map_err(|error| error.to_string())?;
    check_log_succession(&held, &next).map_err(|error| error.to_string())
}

/// root.json: by the charter, unless a restart comes first.
pub(crate) fn root(state: &State, version: u64, expires: Timestamp) -> Root {
    let by_charter = root_by_charter(state, version, expires);
    let Some(mut root) = before_restart(state) else { return by_charter };
    (root.version, root.expires) = (version, expires);
    if let (Some(v2g), Some(new)) = (&mut root.v2g, by_charter.v2g) {
        (v2g.log, v2g.restarts) = (new.log, new.restarts);
    }
    root
}

/// root.json. It names nothing of the ledger but the scheme and its keys, so that its first version
/// follows from the genesis alone.
fn root_by_charter(state: &State, version: u64, expires: Timestamp) -> Root {
    let charter = &state.charter;
    let server = &charter.server;
    let board = key_holders(state, &charter.board);
    let one = |key: &PublicKey| KeyHolders { threshold: 1, keys: vec![key.clone()] };
    let holders = TopLevelRoles {
        root: board.clone(),
        targets: board,
        snapshot: one(&server.snapshot),
        timestamp: one(&server.timestamp),
    };
    let witnesses = charter.witnesses.witnesses.iter().map(|witness| WitnessTrust {
        name: witness.name.to_string(),
        key: verifier_key::<WitnessRole>(&witness.name, &witness.key),
    });
    let v2g = V2gTrust {
        scheme: state.scheme,
        environment: state.environment.to_string(),
        log: LogTrust {
            origin: server.log_origin.to_string(),
            key: verifier_key::<LogRole>(&server.log_origin, &server.log),
        },
        recorder: Some(server.recorder.to_object()),
        witnesses: witnesses.collect(),
        witness_threshold: charter.witnesses.threshold,
        notices_cap: charter.notices.max_in_force,
        restarts: state.restarts.to_vec(),
    };
    Root::new(version, expires, &holders, Some(v2g))
}

/// The verifier key of C2SP `signed-note`. The charter admits Ed25519 only; another key would stand
/// there as it is and verify nothing.
fn verifier_key<R: KeyRole>(name: &Origin, key: &PublicKey) -> String {
    if let PublicKey::Ed25519(ed25519) = key
        && let Ok(note_key) = NoteKey::<R>::new(name.as_str(), *ed25519)
    {
        return note_key.to_string();
    }
    key.to_object().keyval.public
}

/// The top-level targets: terminating delegations and nothing else.
pub(super) fn targets(state: &State, version: u64, expires: Timestamp) -> Targets {
    let mut delegated = Delegations::default();
    for (role, holders) in delegations(state) {
        let paths = role.target_name().into_iter().collect();
        delegated.add(&role.to_string(), &key_holders(state, holders), paths, true);
    }
    let mut targets = Targets::new(version, expires);
    targets.delegations = Some(delegated);
    targets
}
