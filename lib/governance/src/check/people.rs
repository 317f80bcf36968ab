//! Checks statements about participants: registration, key rotation, suspension.

use ctl_core::names::ParticipantId;

use super::{Context, check_new_key};
use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::statement::body::{ParticipantRegister, ParticipantRotateKey, ParticipantSuspend};

pub(super) fn register(context: &Context<'_>, body: &ParticipantRegister) -> Result<(), Refusal> {
    let new = &body.participant;
    let officers = &context.state.charter.admissions_officers;
    if !context.signers.introduced {
        let detail = "the new participant's own key must sign its registration, to show it is held";
        return Err(Refusal::new(Reason::TooFewSignatures, detail));
    }
    context.signers.holders(officers, officers.threshold, "admissions officers", &[])?;
    if context.state.participants.contains_key(&new.id) {
        return Err(Refusal::new(Reason::Exists, format!("participant {} is registered already", new.id)));
    }
    if new.kinds.is_empty() || new.kinds.windows(2).any(|pair| matches!(pair, [a, b] if a >= b)) {
        return Err(Refusal::new(Reason::Content, "kinds: at least one, in order, none twice"));
    }
    check_name(context.rules, &new.id).map_err(|detail| Refusal::new(Reason::Content, detail))?;
    check_new_key(context.state, &new.key)
}

pub(super) fn rotate_key(context: &Context<'_>, body: &ParticipantRotateKey) -> Result<(), Refusal> {
    let id = &body.participant;
    let Some(participant) = context.state.participants.get(id) else {
        return Err(Refusal::new(Reason::NotFound, format!("there is no participant {id}")));
    };
    if participant.key.key_id() != body.old {
        let detail = format!("{} is not the present key of {id}", body.old.short());
        return Err(Refusal::new(Reason::Content, detail));
    }
    let signers = &context.signers;
    if signers.recorder || !signers.introduced || signers.participants.len() != 1 || !signers.include(id) {
        let detail = format!(
            "the old and the new key of {id} sign a rotation; if the old one is lost, \
             the assembly decides"
        );
        return Err(Refusal::new(Reason::TooFewSignatures, detail));
    }
    check_new_key(context.state, &body.new)
}

pub(super) fn suspend(context: &Context<'_>, body: &ParticipantSuspend) -> Result<(), Refusal> {
    let id = &body.participant;
    let Some(participant) = context.state.participants.get(id) else {
        return Err(Refusal::new(Reason::NotFound, format!("there is no participant {id}")));
    };
    if participant.suspended {
        return Err(Refusal::new(Reason::Stage, format!("{id} is suspended already")));
    }
    if context.signers.one().is_ok_and(|signer| signer.id == *id) {
        return Ok(());
    }
    let charter = &context.state.charter;
    if charter.office_holders().contains(id) {
        // Otherwise admissions officers could remove electors.
        let detail = format!(
            "{id} holds an office: only the participant itself or a decision of the \
             assembly suspends it"
        );
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    let officers = &charter.admissions_officers;
    context.signers.holders(officers, officers.threshold, "admissions officers", &[])
}

/// A participant must not have the name of the service itself.
pub(crate) fn check_name(rules: &Rules, id: &ParticipantId) -> Result<(), String> {
    if id.as_str() == rules.reserved_participant {
        return Err(format!(
            "{id} is the name of the service itself in reports on service levels; choose another"
        ));
    }
    Ok(())
}
