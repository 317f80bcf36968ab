//! Applies an entry that passed the checks to the state. Cannot fail.

mod applications;
mod cross;
mod decisions;
mod publications;
pub(crate) mod service_levels;

use std::sync::Arc;

use ctl_core::list::LogRef;
use ctl_core::log::LogKey;
use ctl_core::names::ParticipantId;
use ctl_core::parts::MoStatus;
use ctl_core::tuf::{Limits, Restart, Root, Signed};
use ctl_core::{Digest, PublicKey, Timestamp};

use crate::rules::Rules;
use crate::state::{Event, KeyRecord, MoEntry, Notice, State};
use crate::statement::body::{LogRestart, MoAssign, NoticeIssue, ParticipantRegister};
use crate::statement::parts::BlobRef;
use crate::statement::{Body, Entry};
use crate::{check, closing, decide, genesis, time};

/// The position of an entry, which its effects name as their cause.
#[derive(Clone, Copy)]
struct Place<'a> {
    rules: &'static Rules,
    index: u64,
    at: Timestamp,
    leaf_hash: Digest,
    /// The first participant that signed; none for the recorder.
    author: Option<&'a ParticipantId>,
}

pub(crate) fn apply(state: &mut State, entry: &Entry) {
    time::advance(state, entry.recorded_at);
    let index = state.size();
    state.frontier.push(entry.leaf_hash);
    state.roots.push_back_mut(state.frontier.root());
    state.times.push_back_mut(entry.recorded_at);
    state.recorded.insert_mut(entry.statement.id);

    let signers = signers(state, entry);
    let today = check::day(entry.recorded_at);
    let counted = !entry.statement.payload.body.is_of_watchers();
    for signer in signers.iter().filter(|_| counted) {
        let used = match state.recorded_today.get(signer) {
            Some((day, used)) if *day == today => used.saturating_add(1),
            _ => 1,
        };
        state.recorded_today.insert_mut(signer.clone(), (today, used));
    }
    let (at, leaf_hash) = (entry.recorded_at, entry.leaf_hash);
    let place = Place { rules: state.rules(), index, at, leaf_hash, author: signers.first() };
    body(state, place, &entry.statement.payload.body);
}

fn signers(state: &State, entry: &Entry) -> Vec<ParticipantId> {
    let signatures = &entry.statement.jws.signatures;
    let records = signatures.iter().filter_map(|signature| state.keys.get(&signature.protected.kid));
    records.map(|record| record.participant.clone()).collect()
}

fn body(state: &mut State, place: Place<'_>, body: &Body) {
    let Place { index, at, .. } = place;
    match body {
        // The genesis comes first and is never applied to a state.
        Body::CharterEstablish(_) => {}
        Body::ParticipantRegister(body) => register(state, place, body),
        Body::ParticipantRotateKey(body) => decide::rotate(state, &body.participant, &body.new, index),
        Body::ParticipantSuspend(body) => {
            if let Some(participant) = state.participants.get_mut(&body.participant) {
                participant.suspended = true;
                participant.since = index;
                closing::of_suspended(place.rules, state, &body.participant, at, index);
            }
        }
        Body::ApplicationSubmit(body) => applications::submit(state, place, body),
        Body::ApplicationWithdraw(body) => applications::withdraw(state, place, body),
        Body::EvidenceAttach(body) => applications::evidence(state, place, body),
        Body::ScreeningRecord(body) => applications::screening(state, place, body),
        Body::CommentAdd(body) => applications::comment(state, place, body),
        Body::SubcaDisclose(body) => applications::disclose_sub_ca(state, place, body),
        Body::SubcaRevoke(body) => {
            if let Some(sub_ca) = state.sub_cas.get_mut(&body.certificate) {
                Arc::make_mut(sub_ca).revoked = Some((index, body.reason));
            }
        }
        Body::ProposalOpen(body) => decisions::open(state, place, body),
        Body::VoteCast(body) => decisions::vote(state, place, body),
        Body::MoAssign(body) => assign(state, place, body),
        Body::MoUpdate(body) => {
            change_mo(state, place, &body.id, |entry| entry.source = body.source.clone());
        }
        Body::MoTransfer(body) => {
            change_mo(state, place, &body.id, |entry| entry.holder = body.to.clone());
        }
        Body::MoSuspend(body) => {
            change_mo(state, place, &body.id, |entry| entry.status = MoStatus::Suspended);
        }
        Body::MoWithdraw(body) => {
            change_mo(state, place, &body.id, |entry| entry.status = MoStatus::Withdrawn);
        }
        Body::NoticeIssue(body) => notice(state, place, body),
        Body::NoticeLift(body) => {
            if let Some(notice) = state.notices.get_mut(&body.notice) {
                notice.ended = Some((at, Some(index)));
            }
        }
        Body::DraftOpen(body) => publications::open_draft(state, place, body),
        Body::PublicationRecord(body) => publications::record(state, place, body),
        Body::SlaBreach(body) => service_levels::breach(state, place, body),
        Body::SlaReport(body) => service_levels::report(state, place, body),
        Body::CrossRequest(body) => cross::request(state, place, body),
        Body::CrossRespond(body) => cross::respond(state, place, body),
        #[cfg(test)]
        Body::Greet(body) => crate::second::apply(state, body),
        Body::LogRestart(body) => begin_anew(state, index, at, body),
    }
}

/// From this entry on the log has another name and key. What the old log left is what the new one begins with.
pub(crate) fn begin_anew(state: &mut State, index: u64, at: Timestamp, body: &LogRestart) {
    let LogRestart { key, last_root, old, origin, reason, roles } = body;
    let last_root = last_root.as_ref();
    let last_root = last_root.and_then(|root| Signed::parse("root", &root.0, Limits::default().root).ok());
    state.lost_root = last_root.map(|root: Signed<Root>| Arc::new(root.signed));
    if let Some(known) = state.lost_root.as_ref().and_then(|root| root.v2g.as_ref()) {
        // Devices know these restarts, whether this ledger lost them or not.
        state.restarts = Arc::new(known.restarts.clone());
        if let Ok(key) = known.log.key.parse::<LogKey>() {
            state.former_log_keys.insert_mut(PublicKey::Ed25519(*key.public_key()).key_id());
        }
    }
    let root_hash = state.root_at(index).unwrap_or(Digest::ZERO);
    let new = LogRef { origin: origin.clone(), root_hash, size: index };
    Arc::make_mut(&mut state.restarts).push(Restart {
        old: old.clone(),
        new,
        reason: *reason,
        roles: roles.clone(),
        time: at,
    });
    // Earlier drafts have numbers that others may have seen.
    state.drafts.clear();
    state.former_log_keys.insert_mut(state.charter.server.log.key_id());
    let server = &mut Arc::make_mut(&mut state.charter).server;
    server.log_origin = origin.clone();
    server.log = key.clone();
}

/// Remembers that a statement names this blob, so that it may be uploaded.
fn name_blob(state: &mut State, blob: &BlobRef) {
    if !state.blobs.contains_key(&blob.sha256) {
        state.blobs.insert_mut(blob.sha256, blob.access);
    }
}

fn register(state: &mut State, place: Place<'_>, body: &ParticipantRegister) {
    let participant = genesis::registered(&body.participant, place.index);
    let record = KeyRecord { participant: participant.id.clone(), replaced_by: None };
    state.keys.insert_mut(participant.key.key_id(), record);
    state.participants.insert_mut(participant.id.clone(), participant);
}

fn assign(state: &mut State, place: Place<'_>, body: &MoAssign) {
    let entry = MoEntry {
        holder: body.holder.clone(),
        source: body.source.clone(),
        status: MoStatus::Assigned,
        since: place.at,
        cause: place.index,
    };
    state.mo_ids.insert_mut(body.id.clone(), entry);
}

fn change_mo(
    state: &mut State,
    place: Place<'_>,
    id: &ctl_core::names::MoId,
    change: impl FnOnce(&mut MoEntry),
) {
    let Some(mut entry) = state.mo_ids.get(id).cloned() else { return };
    change(&mut entry);
    entry.since = place.at;
    entry.cause = place.index;
    state.mo_ids.insert_mut(id.clone(), entry);
}

fn notice(state: &mut State, place: Place<'_>, body: &NoticeIssue) {
    let Some(spki) = state.anchor(&body.list, &body.anchor).map(|anchor| anchor.listed.spki) else {
        return;
    };
    let notice = Notice {
        index: place.index,
        list: body.list.clone(),
        anchor: body.anchor,
        spki,
        reason: body.reason,
        issued_at: place.at,
        expires_at: body.expires_at,
        ended: None,
    };
    state.agenda.insert_mut((body.expires_at, Event::NoticeExpires(place.index)));
    state.notices.insert_mut(place.index, notice);
}
