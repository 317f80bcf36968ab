//! Who votes on a change, how many must approve, and how long: frozen when a proposal opens.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::names::{ListId, OrganisationId, ParticipantId};

use crate::auditors;
use crate::refusal::{Reason, Refusal};
use crate::state::State;
use crate::statement::body::Change;
use crate::statement::charter::{ListCharter, Quorums};

/// What a vote on a change needs.
pub(crate) struct Frame<'a> {
    pub(crate) electors: &'a [ParticipantId],
    pub(crate) quorum: u32,
    pub(crate) voting_seconds: u64,
    /// The organisation whose electors may not vote: the applicant's, or the anchor's operator's.
    pub(crate) recused: Option<OrganisationId>,
}

impl Frame<'_> {
    /// The active electors with their organisations.
    pub(super) fn electorate(&self, state: &State) -> BTreeMap<ParticipantId, OrganisationId> {
        self.electors
            .iter()
            .filter_map(|id| state.active(id).map(|elector| (id.clone(), elector.organisation.clone())))
            .collect()
    }

    /// The electors of the recused organisation.
    pub(super) fn recused(&self, state: &State) -> BTreeSet<ParticipantId> {
        self.electorate(state)
            .into_iter()
            .filter(|(_, organisation)| Some(organisation) == self.recused.as_ref())
            .map(|(id, _)| id)
            .collect()
    }
}

/// The list that a change is about.
pub(super) const fn list_of(change: &Change) -> Option<&ListId> {
    match change {
        Change::Admit { list, .. }
        | Change::AdmitCross { list, .. }
        | Change::CloseApplication { list, .. }
        | Change::Constrain { list, .. }
        | Change::ChangeStatus { list, .. }
        | Change::Distrust { list, .. } => Some(list),
        Change::LiftNotice { .. }
        | Change::AmendCharter { .. }
        | Change::Participant { .. }
        | Change::TransferMo { .. }
        | Change::AccreditAuditor { .. }
        | Change::WithdrawAuditor { .. } => None,
    }
}

/// What a vote on this change needs.
///
/// # Errors
/// [`Refusal`] if it names a list or notice that does not exist.
pub(super) fn frame<'a>(state: &'a State, change: &Change) -> Result<Frame<'a>, Refusal> {
    let charter = &state.charter;
    let (list, of_kind): (&ListId, fn(&Quorums) -> u32) = match change {
        Change::Admit { list, .. } => (list, |q| q.admit),
        // Who can admit can say that there is nothing to admit.
        Change::CloseApplication { list, .. } => (list, |q| q.admit),
        Change::AdmitCross { list, .. } => (list, |q| q.admit_cross),
        Change::Constrain { list, .. } => (list, |q| q.constrain),
        Change::ChangeStatus { list, .. } => (list, |q| q.change_status),
        Change::Distrust { list, .. } => (list, |q| q.distrust),
        // Lifting a notice restores what a change of status would.
        Change::LiftNotice { notice } => {
            let missing = || Refusal::new(Reason::NotFound, format!("there is no notice {notice}"));
            (&state.notices.get(notice).ok_or_else(missing)?.list, |q| q.change_status)
        }
        Change::AmendCharter { .. } | Change::Participant { .. } | Change::TransferMo { .. } => {
            return Ok(Frame {
                electors: &charter.assembly.electors,
                quorum: charter.assembly.quorum,
                voting_seconds: charter.assembly.voting_seconds,
                recused: None,
            });
        }
        Change::AccreditAuditor { auditor, .. } | Change::WithdrawAuditor { auditor } => {
            return Ok(auditors::frame(state, auditor));
        }
    };
    let missing = || Refusal::new(Reason::NotFound, format!("the charter has no list {list}"));
    let list_charter: &ListCharter = charter.lists.get(list).ok_or_else(missing)?;
    Ok(Frame {
        electors: &list_charter.electors,
        quorum: of_kind(&list_charter.quorum),
        voting_seconds: list_charter.voting_seconds,
        recused: recused_organisation(state, change),
    })
}

fn recused_organisation(state: &State, change: &Change) -> Option<OrganisationId> {
    let operator = match change {
        Change::Admit { application, .. }
        | Change::AdmitCross { application, .. }
        | Change::CloseApplication { application, .. } => &state.applications.get(application)?.applicant,
        Change::Constrain { list, anchor, .. } => &state.anchor(list, anchor)?.listed.operator,
        Change::ChangeStatus { list, certificate, .. } => {
            let contents = state.lists.get(list)?;
            contents
                .anchors
                .get(certificate)
                .map(|anchor| &anchor.listed)
                .or_else(|| contents.cross_certificates.get(certificate).map(|cross| &cross.listed))
                .map(|listed| &listed.operator)?
        }
        Change::LiftNotice { notice } => {
            let notice = state.notices.get(notice)?;
            &state.anchor(&notice.list, &notice.anchor)?.listed.operator
        }
        Change::Distrust { .. }
        | Change::AmendCharter { .. }
        | Change::Participant { .. }
        | Change::TransferMo { .. }
        | Change::AccreditAuditor { .. }
        | Change::WithdrawAuditor { .. } => return None,
    };
    state.participants.get(operator).map(|participant| participant.organisation.clone())
}
