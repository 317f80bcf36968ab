//! Requests for cross-certificates and their answers.

use std::sync::Arc;

use super::{Place, name_blob};
use crate::cross::{Answer, CrossCertification};
use crate::state::State;
use crate::statement::body::{CrossRequest, CrossRespond};

pub(super) fn request(state: &mut State, place: Place<'_>, body: &CrossRequest) {
    if let Some(terms) = &body.terms {
        name_blob(state, terms);
    }
    let Some(requester) = place.author.cloned() else { return };
    let asked = state.anchor(&body.list, &body.issuer_anchor);
    let Some(issuer) = asked.map(|anchor| anchor.listed.operator.clone()) else { return };
    let request = CrossCertification {
        index: place.index,
        at: place.at,
        list: body.list.clone(),
        requester,
        requester_anchor: body.requester_anchor,
        issuer,
        issuer_anchor: body.issuer_anchor,
        terms: body.terms.clone(),
        answer: None,
        closed: None,
    };
    state.cross_open.insert_mut(place.index);
    state.cross_requests.insert_mut(place.index, Arc::new(request));
}

pub(super) fn respond(state: &mut State, place: Place<'_>, body: &CrossRespond) {
    if let Some(document) = &body.document {
        name_blob(state, document);
    }
    let Some(request) = state.cross_requests.get(&body.request) else { return };
    let mut request = CrossCertification::clone(request);
    request.answer = Some(Answer {
        index: place.index,
        at: place.at,
        answer: body.answer,
        reason: body.reason,
        document: body.document.clone(),
    });
    state.cross_open.remove_mut(&body.request);
    state.cross_requests.insert_mut(body.request, Arc::new(request));
}
