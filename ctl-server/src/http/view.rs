//! The state at this moment, for readers: votes that ended since the last entry are closed, expired notices are gone.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use ctl_core::Timestamp;
use ctl_governance::State;

use super::App;
use crate::ledger::Snapshot;

/// The state at a moment.
#[derive(Clone)]
pub(super) enum View {
    /// Unchanged since the last entry.
    Still(Arc<Snapshot>),
    /// Changed by time alone.
    Moved(Arc<Moved>),
}

pub(super) struct Moved {
    size: u64,
    at: Timestamp,
    state: State,
}

impl Deref for View {
    type Target = State;

    fn deref(&self) -> &State {
        match self {
            Self::Still(snapshot) => &snapshot.state,
            Self::Moved(moved) => &moved.state,
        }
    }
}

/// Keeps the state that time has changed, so that it is computed once a second and not for every request.
#[derive(Default)]
pub(super) struct Views {
    moved: ArcSwapOption<Moved>,
}

impl App {
    /// The state now, and its time.
    pub(super) fn view(&self) -> (View, Timestamp) {
        let snapshot = self.ledger.snapshot();
        // If the clock is not believed, the last entry's time is the best there is.
        let now = self.ledger.now().unwrap_or_else(|_| snapshot.state.clock());
        if let Some(moved) = &*self.views.moved.load()
            && (moved.size, moved.at) == (snapshot.size(), now)
        {
            return (View::Moved(moved.clone()), now);
        }
        let moved = match snapshot.state.at(now) {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(state) => Some(Arc::new(Moved { size: snapshot.size(), at: now, state })),
        };
        match moved {
            None => (View::Still(snapshot), now),
            Some(moved) => {
                self.views.moved.store(Some(moved.clone()));
                (View::Moved(moved), now)
            }
        }
    }
}
