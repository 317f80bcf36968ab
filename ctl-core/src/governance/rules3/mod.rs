//! The rules, version 3: rules 2, with the watch's findings in the ledger and requests for
//! cross-certificates. Entered by amending the charter to `rules: 3`; there is no way back.
//!
//! What is new:
//! - `sla.breach` and `sla.report`, by the recorder: they change no trust. What follows from a breach is for
//!   electors to decide, as ever (see [`service_levels`]).
//! - `cross.request` and `cross.respond`, by PKI operators: what comes of them applies for the list like any
//!   certificate. They stand in the ledger so that anyone can count how long whom was kept waiting (see
//!   [`cross`] and [`promises`](crate::governance::promises)).
//! - nobody registers under the name by which reports call the service itself: what is found of it would be taken
//!   for what is found of them.

pub(super) mod cross;
pub(super) mod service_levels;

use crate::Timestamp;
use crate::governance::refusal::{Reason, Refusal};
use crate::governance::service_levels::TRUST_LIST_MANAGER;
use crate::governance::state::State;
use crate::governance::{rules1, rules2};
use crate::names::ParticipantId;
use crate::statement::{Body, Statement};

/// Whether a statement may be recorded.
pub(super) fn check(state: &State, statement: &Statement, recorded_at: Timestamp) -> Result<(), Refusal> {
    let body = &statement.payload.body;
    if body.known_since() >= 3 {
        return rules1::check::check_common(state, statement, recorded_at);
    }
    rules2::check_known(state, statement, recorded_at)?;
    match body {
        Body::ParticipantRegister(body) => {
            check_name(&body.participant.id).map_err(|detail| Refusal::new(Reason::Content, detail))
        }
        _ => Ok(()),
    }
}

/// Whether a participant may have this name: it must not be the one of the service itself.
pub(super) fn check_name(id: &ParticipantId) -> Result<(), String> {
    if id.as_str() == TRUST_LIST_MANAGER {
        return Err(format!(
            "{id} is the name of the service itself in reports on service levels; choose another"
        ));
    }
    Ok(())
}

/// What came with these rules is unknown under earlier ones, as it was to the releases that knew no others.
pub(super) fn check_known_under(rules: u32, body: &Body) -> Result<(), Refusal> {
    let since = body.known_since();
    if since <= rules {
        return Ok(());
    }
    let type_name = body.type_name();
    let detail = format!(
        "statements of type {type_name} are unknown under rules {rules}; amend the charter to rules {since}"
    );
    Err(Refusal::new(Reason::Content, detail))
}
