//! Checks statements about MO identifiers. Registrars keep the registry, but an identifier moves to another holder only
//! with the present holder's signature, or by a decision of the assembly.

use ctl_core::names::{MoId, ParticipantId};
use ctl_core::parts::MoStatus;

use super::Context;
use crate::refusal::{Reason, Refusal};
use crate::state::{MoEntry, State};
use crate::statement::body::{MoAssign, MoSuspend, MoTransfer, MoUpdate, MoWithdraw};
use crate::statement::parts::ParticipantKind;

fn registrars(context: &Context<'_>, besides: &[&ParticipantId]) -> Result<(), Refusal> {
    let registrars = &context.state.charter.registry.registrars;
    context.signers.holders(registrars, registrars.threshold, "registrars", besides)
}

fn entry<'a>(state: &'a State, id: &MoId) -> Result<&'a MoEntry, Refusal> {
    state.mo_ids.get(id).ok_or_else(|| Refusal::new(Reason::NotFound, format!("{id} is not assigned")))
}

/// Someone who may hold an identifier.
pub(super) fn check_holder(state: &State, holder: &ParticipantId) -> Result<(), Refusal> {
    let Some(participant) = state.active(holder) else {
        return Err(Refusal::new(Reason::NotFound, format!("{holder} is no active participant")));
    };
    if participant.kinds.contains(&ParticipantKind::Mo) {
        return Ok(());
    }
    Err(Refusal::new(Reason::Content, format!("{holder} is not registered as a mobility operator")))
}

pub(super) fn assign(context: &Context<'_>, body: &MoAssign) -> Result<(), Refusal> {
    registrars(context, &[])?;
    check_holder(context.state, &body.holder)?;
    match context.state.mo_ids.get(&body.id) {
        None => Ok(()),
        Some(entry) if entry.holder != body.holder => {
            // Even if it is withdrawn: otherwise withdrawing and assigning would be a transfer.
            let (id, holder) = (&body.id, &entry.holder);
            let detail = format!(
                "{id} is or was {holder}'s; it moves by mo.transfer with that signature, \
                 or by a decision of the assembly"
            );
            Err(Refusal::new(Reason::Exists, detail))
        }
        Some(entry) if entry.status == MoStatus::Assigned => {
            Err(Refusal::new(Reason::Exists, format!("{} is assigned to {} already", body.id, body.holder)))
        }
        Some(_) => Ok(()),
    }
}

pub(super) fn update(context: &Context<'_>, body: &MoUpdate) -> Result<(), Refusal> {
    registrars(context, &[])?;
    entry(context.state, &body.id).map(|_| ())
}

pub(super) fn transfer(context: &Context<'_>, body: &MoTransfer) -> Result<(), Refusal> {
    let entry = entry(context.state, &body.id)?;
    registrars(context, &[&entry.holder])?;
    check_holder(context.state, &body.to)?;
    if !context.signers.include(&entry.holder) {
        let detail = format!("{} moves only with the signature of its holder, {}", body.id, entry.holder);
        return Err(Refusal::new(Reason::TooFewSignatures, detail));
    }
    if entry.holder == body.to {
        return Err(Refusal::new(Reason::Exists, format!("{} is {}'s already", body.id, body.to)));
    }
    Ok(())
}

pub(super) fn suspend(context: &Context<'_>, body: &MoSuspend) -> Result<(), Refusal> {
    registrars(context, &[])?;
    match entry(context.state, &body.id)?.status {
        MoStatus::Assigned => Ok(()),
        MoStatus::Suspended | MoStatus::Withdrawn => {
            Err(Refusal::new(Reason::Stage, format!("{} is not in use", body.id)))
        }
    }
}

pub(super) fn withdraw(context: &Context<'_>, body: &MoWithdraw) -> Result<(), Refusal> {
    registrars(context, &[])?;
    match entry(context.state, &body.id)?.status {
        MoStatus::Withdrawn => Err(Refusal::new(Reason::Stage, format!("{} is withdrawn already", body.id))),
        MoStatus::Assigned | MoStatus::Suspended => Ok(()),
    }
}
