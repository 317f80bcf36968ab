//! `propose`: each change and its arguments.

use std::path::PathBuf;

use ctl_admin::proposal::{Propose, Proposed, Scrutiny};
use ctl_admin::{AdminError, key};
use ctl_core::parts::{DistrustKind, Distrusted};
use ctl_governance::statement::body::ParticipantAction;

use super::arguments::Keys;
use super::subcommands::Motion;

/// What is proposed, how what it rests on is looked at, and who signs.
pub(crate) fn propose(change: Motion) -> Result<(Propose, Scrutiny, Keys), AdminError> {
    let mut scrutiny = Scrutiny::new(&[] as &[PathBuf], None)?;
    let (proposed, author) = match change {
        Motion::Admit { application, waived, uses, constrain, constraints, scrutinised, author } => {
            scrutiny = scrutinised.scrutiny()?;
            let uses = (!uses.is_empty()).then_some(uses);
            let constraints = constrain.then(|| constraints.into());
            (Proposed::Admit { application, waived, uses, constraints }, author)
        }
        Motion::AdmitCross { application, waived, scrutinised, author } => {
            scrutiny = scrutinised.scrutiny()?;
            (Proposed::AdmitCross { application, waived }, author)
        }
        Motion::CloseApplication { application, author } => {
            (Proposed::CloseApplication { application }, author)
        }
        Motion::Constrain { anchor, list, constraints, author } => {
            (Proposed::Constrain { list, anchor, constraints: constraints.into() }, author)
        }
        Motion::ChangeStatus { certificate, to, list, not_issued_after, author } => {
            (Proposed::ChangeStatus { list, certificate, to, not_issued_after }, author)
        }
        Motion::Distrust { sha256, spki, list, author } => {
            let kind = if spki { DistrustKind::Spki } else { DistrustKind::Certificate };
            (Proposed::Distrust { list, what: Distrusted { kind, sha256 } }, author)
        }
        Motion::LiftNotice { notice, author } => (Proposed::LiftNotice { notice }, author),
        Motion::AmendCharter { file, server_keys, author } => {
            (Proposed::AmendCharter { file, server_keys }, author)
        }
        Motion::SuspendParticipant { participant, compromised, author } => {
            let action = if compromised {
                ParticipantAction::SuspendForCompromise {}
            } else {
                ParticipantAction::Suspend {}
            };
            (Proposed::Participant { participant, action }, author)
        }
        Motion::ReinstateParticipant { participant, author } => {
            (Proposed::Participant { participant, action: ParticipantAction::Reinstate {} }, author)
        }
        Motion::ReplaceKey { participant, public_key, author } => {
            let action = ParticipantAction::RotateKey { new: key::load_public(&public_key)? };
            (Proposed::Participant { participant, action }, author)
        }
        Motion::TransferMo { id, to, author } => (Proposed::TransferMo { id, to }, author),
        Motion::AccreditAuditor { auditor, until, author } => {
            (Proposed::AccreditAuditor { auditor, expires_at: until }, author)
        }
        Motion::WithdrawAuditor { auditor, author } => (Proposed::WithdrawAuditor { auditor }, author),
    };
    Ok((Propose { proposed, rationale: author.rationale }, scrutiny, author.keys))
}
