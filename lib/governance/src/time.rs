//! The passing of time: votes close, notices expire, anchors become usable, certificates end.

use std::sync::Arc;

use ctl_core::names::ListId;
use ctl_core::parts::AnchorStatus;
use ctl_core::{Digest, Timestamp};

use crate::decide;
use crate::rules::Rules;
use crate::state::{Event, Listed, State, StatusChange};

/// The next moment at which something happens by itself.
pub(crate) fn next_due(state: &State) -> Option<Timestamp> {
    state.agenda.first().map(|(due, _)| *due)
}

/// Makes everything happen that is due by this moment, in order, each at its own moment.
pub(crate) fn advance(state: &mut State, to: Timestamp) {
    while let Some((due, event)) = state.agenda.first().cloned() {
        if due > to {
            break;
        }
        state.agenda.remove_mut(&(due, event.clone()));
        state.clock = state.clock.max(due);
        happen(state.rules(), state, &event, due);
    }
    state.clock = state.clock.max(to);
}

fn happen(rules: &Rules, state: &mut State, event: &Event, at: Timestamp) {
    match event {
        Event::VoteCloses(index) => decide::decide(rules, state, *index, at),
        Event::NoticeExpires(index) => {
            if let Some(notice) = state.notices.get_mut(index).filter(|notice| notice.in_force()) {
                notice.ended = Some((at, None));
            }
        }
        Event::TakenUp(list, fingerprint) => {
            let Some(listed) = listed(state, list, fingerprint) else { return };
            if listed.current().status == AnchorStatus::Qualified {
                let cause = listed.first_published.map_or(listed.current().cause, |(index, _)| index);
                listed.history.push_back_mut(StatusChange { status: AnchorStatus::Usable, at, cause });
            }
        }
        Event::Ends(list, fingerprint) => {
            if let Some(listed) = listed(state, list, fingerprint) {
                listed.expired = Some(at);
            }
        }
    }
}

/// A certificate on a list, to be changed.
fn listed<'a>(state: &'a mut State, list: &ListId, fingerprint: &Digest) -> Option<&'a mut Listed> {
    let contents = state.lists.get_mut(list)?;
    match contents.anchors.get_mut(fingerprint) {
        Some(anchor) => Some(&mut Arc::make_mut(anchor).listed),
        None => {
            contents.cross_certificates.get_mut(fingerprint).map(|cross| &mut Arc::make_mut(cross).listed)
        }
    }
}
