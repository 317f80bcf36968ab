//! Proposals and votes.

use std::collections::BTreeSet;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, VectorSync};

use super::{Place, name_blob};
use crate::state::{Event, Proposal, State, Vote};
use crate::statement::body::{Change, ProposalOpen, VoteCast};
use crate::{decide, electorate};

pub(super) fn open(state: &mut State, place: Place<'_>, body: &ProposalOpen) {
    if let Some(rationale) = &body.rationale {
        name_blob(state, rationale);
    }
    let Some(author) = place.author else { return };
    let Ok(frame) = electorate::frame(state, &body.change) else { return };
    let closes_at = place.at.plus_seconds(frame.voting_seconds);
    let proposal = Proposal {
        index: place.index,
        leaf_hash: place.leaf_hash,
        author: author.clone(),
        change: body.change.clone(),
        rationale: body.rationale.clone(),
        opened_at: place.at,
        closes_at,
        electorate: frame.electorate(state),
        recused: frame.recused(state),
        struck: BTreeSet::new(),
        quorum: frame.quorum,
        votes: RedBlackTreeMapSync::new_sync(),
        comments: VectorSync::new_sync(),
        decision: None,
    };
    if let Change::Admit { application, .. } | Change::AdmitCross { application, .. } = &body.change
        && let Some(application) = state.applications.get_mut(application)
    {
        Arc::make_mut(application).proposal = Some(place.index);
    }
    state.agenda.insert_mut((closes_at, Event::VoteCloses(place.index)));
    state.open_proposals.insert_mut(place.index);
    state.proposal_of_leaf.insert_mut(place.leaf_hash, place.index);
    state.proposals.insert_mut(place.index, Arc::new(proposal));
}

pub(super) fn vote(state: &mut State, place: Place<'_>, body: &VoteCast) {
    if let Some(rationale) = &body.rationale {
        name_blob(state, rationale);
    }
    let Some(index) = state.proposal_of_leaf.get(&body.proposal).copied() else { return };
    let (Some(elector), Some(proposal)) = (place.author, state.proposals.get_mut(&index)) else { return };
    let proposal = Arc::make_mut(proposal);
    proposal.votes.insert_mut(elector.clone(), Vote { choice: body.choice, index: place.index });
    if proposal.all_have_voted() {
        decide::decide(place.rules, state, index, place.at);
    }
}
