//! Drafts fix the bytes to be signed; publications are what devices see.

use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::list::ListPayload;
use ctl_core::role::Role;

use super::Place;
use crate::draft;
use crate::state::{Draft, Event, Published, State};
use crate::statement::body::{DraftOpen, PublicationRecord};

pub(super) fn open_draft(state: &mut State, place: Place<'_>, body: &DraftOpen) {
    let documents = draft::build(state, body, place.index);
    let authorities = draft::authorities(state, &body.role);
    let draft = Draft { index: place.index, open: body.clone(), documents, authorities };
    state.drafts.insert(body.role.clone(), Arc::new(draft));
}

pub(super) fn record(state: &mut State, place: Place<'_>, body: &PublicationRecord) {
    let Some(draft) = state.drafts.remove(&body.role) else { return };
    let draft = Arc::unwrap_or_clone(draft);
    let document = draft.documents.document.as_deref().map(Digest::of);
    state.authorities.extend(draft.authorities);
    if let (Role::List(_), Some(bytes)) = (&body.role, draft.documents.document.as_deref()) {
        mark_published(state, place, bytes);
    }
    let published = Published {
        index: place.index,
        at: place.at,
        draft: draft.index,
        open: draft.open,
        documents: draft.documents,
        document,
    };
    state.published.insert(body.role.clone(), published);
}

/// From its first publication on, the time for devices to take it up runs.
fn mark_published(state: &mut State, place: Place<'_>, bytes: &[u8]) {
    let Ok(payload) = serde_json::from_slice::<ListPayload>(bytes) else { return };
    let Some(charter) = state.charter.lists.get(&payload.list) else { return };
    let usable_at = place.at.plus_seconds(charter.take_up_seconds);
    let Some(contents) = state.lists.get_mut(&payload.list) else { return };
    let mut first = Vec::new();
    for fingerprint in payload.anchors.iter().map(|anchor| anchor.fingerprint) {
        if let Some(anchor) = contents.anchors.get_mut(&fingerprint)
            && anchor.listed.first_published.is_none()
        {
            Arc::make_mut(anchor).listed.first_published = Some((place.index, place.at));
            first.push(fingerprint);
        }
    }
    for fingerprint in payload.cross_certificates.iter().map(|cross| cross.fingerprint) {
        if let Some(cross) = contents.cross_certificates.get_mut(&fingerprint)
            && cross.listed.first_published.is_none()
        {
            Arc::make_mut(cross).listed.first_published = Some((place.index, place.at));
            first.push(fingerprint);
        }
    }
    for fingerprint in first {
        state.agenda.insert_mut((usable_at, Event::TakenUp(payload.list.clone(), fingerprint)));
    }
}
