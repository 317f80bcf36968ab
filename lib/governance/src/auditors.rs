//! Accreditation of auditors, by decision.
//!
//! The assembly decides, not the electors of one list: it already decides on participants, and an audit of a PKI is the
//! same for every list. Electors of the auditor's own organisation are recused, like those of an applicant's. An
//! accreditation ends at its date, if it has one, or by decision. Reports attached before then stop counting too, so
//! that a corrupt auditor's reports do not outlive the trust in it.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;

use crate::electorate::Frame;
use crate::refusal::{Reason, Refusal};
use crate::state::{Accreditation, State};
use crate::statement::body::Change;
use crate::statement::parts::ParticipantKind;

/// What a vote on an auditor needs.
pub(crate) fn frame<'a>(state: &'a State, auditor: &ParticipantId) -> Frame<'a> {
    let assembly = &state.charter.assembly;
    Frame {
        electors: &assembly.electors,
        quorum: assembly.quorum,
        voting_seconds: assembly.voting_seconds,
        recused: state.participants.get(auditor).map(|auditor| auditor.organisation.clone()),
    }
}

/// Whether such a vote may open.
pub(crate) fn check(state: &State, change: &Change, now: Timestamp) -> Result<(), Refusal> {
    match change {
        Change::AccreditAuditor { auditor, expires_at } => {
            if !state.participants.contains_key(auditor) {
                return Err(Refusal::new(Reason::NotFound, format!("there is no participant {auditor}")));
            }
            may_accredit(state, auditor, *expires_at, now).map_err(|why| Refusal::new(Reason::Stage, why))?;
            let found = state.auditors.get(auditor).filter(|found| found.in_force(now));
            if found.is_some_and(|found| found.expires_at == *expires_at) {
                let detail = format!("{auditor} is accredited already, until the same time");
                return Err(Refusal::new(Reason::Exists, detail));
            }
            Ok(())
        }
        Change::WithdrawAuditor { auditor } => match state.auditors.get(auditor) {
            Some(found) if found.in_force(now) => Ok(()),
            _ => Err(Refusal::new(Reason::Stage, format!("{auditor} is not accredited"))),
        },
        _ => Ok(()),
    }
}

fn may_accredit(
    state: &State,
    auditor: &ParticipantId,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), String> {
    let Some(found) = state.active(auditor) else {
        return Err(format!("{auditor} is no active participant"));
    };
    if !found.kinds.contains(&ParticipantKind::Auditor) {
        return Err(format!("{auditor} is not registered as an auditor"));
    }
    match expires_at {
        Some(expires_at) if expires_at <= now => {
            Err(format!("the accreditation would have ended at {expires_at}"))
        }
        _ => Ok(()),
    }
}

/// An auditor's reports count from now on.
pub(crate) fn accredit(
    state: &mut State,
    auditor: &ParticipantId,
    expires_at: Option<Timestamp>,
    cause: u64,
    at: Timestamp,
) -> Result<(), String> {
    may_accredit(state, auditor, expires_at, at)?;
    let decided_size = state.size();
    let accreditation = Accreditation { since: at, cause, expires_at, withdrawn: None, decided_size };
    state.auditors.insert_mut(auditor.clone(), accreditation);
    Ok(())
}

/// An auditor's reports no longer count.
pub(crate) fn withdraw(
    state: &mut State,
    auditor: &ParticipantId,
    cause: u64,
    at: Timestamp,
) -> Result<(), String> {
    let decided_size = state.size();
    let found = state.auditors.get_mut(auditor).filter(|found| found.in_force(at));
    let found = found.ok_or_else(|| format!("{auditor} is not accredited any more"))?;
    found.withdrawn = Some((at, cause));
    found.decided_size = decided_size;
    Ok(())
}
