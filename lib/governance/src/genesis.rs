//! The genesis: the entry that founds a scheme.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::log::merkle;
use ctl_core::log::merkle::Frontier;
use ctl_core::names::ParticipantId;
use ctl_core::threshold::{Authority, Threshold};
use rpds::{HashTrieSetSync, RedBlackTreeMapSync, RedBlackTreeSetSync, VectorSync};

use crate::check::check_name;
use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::service_levels::ServiceLevels;
use crate::state::{KeyRecord, Participant, State};
use crate::statement::body::CharterEstablish;
use crate::statement::parts::NewParticipant;
use crate::statement::{Body, Entry};

fn refused(detail: impl Into<String>) -> Refusal {
    Refusal::new(Reason::Genesis, detail)
}

pub(crate) fn found(entry: &Entry) -> Result<State, Refusal> {
    let state = propose(entry)?;
    let threshold = Threshold {
        needed: state.charter.board.threshold,
        keys: state
            .charter
            .board
            .holders
            .iter()
            .filter_map(|id| state.participants.get(id))
            .map(|holder| {
                let organisation = Some(holder.organisation.to_string());
                (holder.key.key_id(), Authority { key: holder.key.clone(), organisation })
            })
            .collect(),
    };
    let count = entry
        .statement
        .jws
        .check_threshold(&threshold)
        .map_err(|too_few| Refusal::new(Reason::TooFewSignatures, format!("the board's {too_few}")))?;
    if !count.wrong.is_empty() || !count.unknown.is_empty() {
        return Err(Refusal::new(
            Reason::Signature,
            "a signature on the genesis is wrong or not the board's",
        ));
    }
    Ok(state)
}

/// The state after a genesis; checks everything except its signatures.
pub(crate) fn propose(entry: &Entry) -> Result<State, Refusal> {
    let payload = &entry.statement.payload;
    let Body::CharterEstablish(body) = &payload.body else {
        let found = payload.body.type_name();
        return Err(refused(format!("a ledger begins with charter.establish, this one with {found}")));
    };
    if payload.scheme != Digest::ZERO {
        return Err(refused("the genesis names no scheme: its own digest becomes the scheme's id"));
    }
    if payload.basis.size != 0 || payload.basis.root_hash != merkle::empty_root() {
        return Err(refused("the genesis stands on the empty log"));
    }
    let rules = body.charter.rules.rules();
    if payload.issued_at > entry.recorded_at.plus_seconds(rules.issued_ahead_seconds) {
        return Err(refused(format!(
            "the genesis was signed at {}, after it was recorded at {}",
            payload.issued_at, entry.recorded_at
        )));
    }
    let participants = participants(rules, body)?;
    let organisation = |id: &ParticipantId| participants.get(id).map(|p| p.organisation.clone());
    let key = |id: &ParticipantId| participants.get(id).map(|p| p.key.clone());
    body.charter.validate(&organisation, &key).map_err(|error| refused(error.to_string()))?;

    let mut keys = BTreeMap::new();
    let machines: BTreeSet<_> = body.charter.machine_keys().iter().map(|key| key.key_id()).collect();
    for participant in participants.values() {
        let key_id = participant.key.key_id();
        let record = KeyRecord { participant: participant.id.clone(), replaced_by: None };
        if machines.contains(&key_id) {
            return Err(refused(format!("{} has a key of the server or a witness", participant.id)));
        }
        if let Some(other) = keys.insert(key_id, record) {
            let other = other.participant;
            return Err(refused(format!("{} and {other} have the same key", participant.id)));
        }
    }

    let mut frontier = Frontier::new();
    frontier.push(entry.leaf_hash);
    let roots = VectorSync::new_sync().push_back(merkle::empty_root()).push_back(frontier.root());
    Ok(State {
        scheme: entry.statement.id,
        environment: body.environment,
        lists: body.charter.lists.keys().map(|list| (list.clone(), Default::default())).collect(),
        charter: Arc::new(body.charter.clone()),
        charter_since: 0,
        founded_at: payload.issued_at,
        clock: entry.recorded_at,
        recorder: body.charter.server.recorder.key_id(),
        participants: participants.into_iter().collect(),
        keys: keys.into_iter().collect(),
        auditors: RedBlackTreeMapSync::new_sync(),
        applications: RedBlackTreeMapSync::new_sync(),
        proposals: RedBlackTreeMapSync::new_sync(),
        proposal_of_leaf: RedBlackTreeMapSync::new_sync(),
        open_proposals: RedBlackTreeSetSync::new_sync(),
        restarts: Arc::default(),
        lost_root: None,
        former_log_keys: RedBlackTreeSetSync::new_sync(),
        sub_cas: RedBlackTreeMapSync::new_sync(),
        mo_ids: RedBlackTreeMapSync::new_sync(),
        notices: RedBlackTreeMapSync::new_sync(),
        drafts: BTreeMap::new(),
        published: BTreeMap::new(),
        authorities: BTreeMap::new(),
        blobs: RedBlackTreeMapSync::new_sync(),
        service_levels: ServiceLevels::default(),
        cross_requests: RedBlackTreeMapSync::new_sync(),
        cross_open: RedBlackTreeSetSync::new_sync(),
        recorded_today: RedBlackTreeMapSync::new_sync(),
        agenda: RedBlackTreeSetSync::new_sync(),
        frontier,
        roots,
        times: VectorSync::new_sync().push_back(entry.recorded_at),
        recorded: HashTrieSetSync::new_sync().insert(entry.statement.id),
    })
}

fn participants(
    rules: &Rules,
    body: &CharterEstablish,
) -> Result<BTreeMap<ParticipantId, Participant>, Refusal> {
    let mut participants = BTreeMap::new();
    for new in &body.participants {
        check_name(rules, &new.id).map_err(refused)?;
        if participants.insert(new.id.clone(), registered(new, 0)).is_some() {
            return Err(refused(format!("participant {} stands twice", new.id)));
        }
    }
    Ok(participants)
}

/// A participant as registered by the entry of this index.
pub(super) fn registered(new: &NewParticipant, index: u64) -> Participant {
    Participant {
        id: new.id.clone(),
        organisation: new.organisation.clone(),
        name: new.name.clone(),
        kinds: new.kinds.clone(),
        key: new.key.clone(),
        suspended: false,
        since: index,
    }
}
