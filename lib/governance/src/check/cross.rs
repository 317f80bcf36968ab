//! Checks requests for cross-certificates and their answers.
//!
//! The ledger keeps who asked whom, when, and with what result. So everyone can count who is kept waiting, or refused
//! for reasons that others are not.

use ctl_core::Digest;
use ctl_core::names::ListId;

use super::Context;
use crate::refusal::{Reason, Refusal};
use crate::state::{Listed, State};
use crate::statement::body::{CrossAnswer, CrossRequest, CrossRespond};
use crate::statement::parts::ParticipantKind;

/// An anchor that is trusted now.
fn anchor<'a>(state: &'a State, list: &ListId, what: &str, digest: &Digest) -> Result<&'a Listed, Refusal> {
    let found = state.anchor(list, digest).map(|anchor| &anchor.listed);
    found.filter(|listed| state.is_trusted(list, listed)).ok_or_else(|| {
        let detail = format!("the {what} anchor {} is not trusted on list {list}", digest.short());
        Refusal::new(Reason::NotFound, detail)
    })
}

pub(super) fn request(context: &Context<'_>, body: &CrossRequest) -> Result<(), Refusal> {
    let state = context.state;
    let requester = context.signers.one()?;
    if !requester.kinds.contains(&ParticipantKind::PkiOperator) {
        let detail = format!("{} is not registered as a PKI operator", requester.id);
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    let own = anchor(state, &body.list, "requester's", &body.requester_anchor)?;
    if own.operator != requester.id {
        let detail = format!("anchor {} is operated by {}", body.requester_anchor.short(), own.operator);
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    let asked = anchor(state, &body.list, "issuer's", &body.issuer_anchor)?;
    if asked.operator == requester.id {
        let detail = "both anchors are of the same operator, who needs to ask nobody";
        return Err(Refusal::new(Reason::Content, detail));
    }
    let mine = || state.cross_open.iter().filter_map(|index| state.cross_requests.get(index));
    let twin = mine().find(|open| {
        open.list == body.list
            && open.requester_anchor == body.requester_anchor
            && open.issuer_anchor == body.issuer_anchor
    });
    if let Some(twin) = twin {
        let detail = format!("request {} for the same waits for its answer already", twin.index);
        return Err(Refusal::new(Reason::Exists, detail));
    }
    let most = context.rules.cross_requests_open;
    if mine().filter(|open| open.requester == requester.id).count() >= most {
        let detail = format!("{} waits for {most} answers, which is its quota", requester.id);
        return Err(Refusal::new(Reason::Quota, detail));
    }
    Ok(())
}

pub(super) fn respond(context: &Context<'_>, body: &CrossRespond) -> Result<(), Refusal> {
    let responder = context.signers.one()?;
    let Some(request) = context.state.cross_requests.get(&body.request) else {
        let detail = format!("there is no request {} for a cross-certificate", body.request);
        return Err(Refusal::new(Reason::NotFound, detail));
    };
    if request.issuer != responder.id {
        let detail = format!("request {} is answered by {}", request.index, request.issuer);
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    if let Some((at, cause)) = request.closed {
        let detail = format!("request {} was closed at {at} by entry {cause}", request.index);
        return Err(Refusal::new(Reason::Stage, detail));
    }
    if let Some(answer) = &request.answer {
        let detail = format!("request {} was answered by entry {} already", request.index, answer.index);
        return Err(Refusal::new(Reason::Stage, detail));
    }
    match (body.answer, body.reason) {
        (CrossAnswer::Accepted, None) | (CrossAnswer::Declined, Some(_)) => Ok(()),
        (CrossAnswer::Accepted, Some(_)) => {
            Err(Refusal::new(Reason::Content, "a reason stands with a refusal only"))
        }
        (CrossAnswer::Declined, None) => {
            Err(Refusal::new(Reason::Content, "a refusal names its reason: refusals are compared by it"))
        }
    }
}
