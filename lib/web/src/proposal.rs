//! Proposals: what would change, who may vote, who did, and how it ended.

use ctl_core::parts::DistrustKind;
use ctl_governance::State;
use ctl_governance::statement::body::{Change, ParticipantAction};

use crate::words::Words;
use crate::{parts, place};

/// What would change, in a line.
pub(crate) fn title(state: &State, change: &Change) -> Words {
    match change {
        Change::Admit { application, list, .. } => {
            Words::new("admit ").application(state, *application).and(" to list ").list(state, list)
        }
        Change::AdmitCross { application, list, .. } => {
            let words = Words::new("admit the cross-certificate ").application(state, *application);
            words.and(" to list ").list(state, list)
        }
        Change::CloseApplication { application, list } => {
            let words = Words::new("close the application ").application(state, *application);
            words.and(" for list ").list(state, list)
        }
        Change::Constrain { anchor, list, .. } => {
            let words = Words::new("set other conditions for ").certificate(state, list, anchor);
            words.and(" on list ").list(state, list)
        }
        Change::ChangeStatus { certificate, list, to, .. } => {
            let words = Words::new("make ").certificate(state, list, certificate);
            words.and(format!(" {to} ({}) on list ", parts::meaning(*to))).list(state, list)
        }
        Change::Distrust { list, what } => {
            let kind = match what.kind {
                DistrustKind::Certificate => "the certificate",
                DistrustKind::Spki => "every certificate with the key",
            };
            Words::new(format!("distrust {kind} {} on list ", what.sha256.short())).list(state, list)
        }
        Change::LiftNotice { notice } => match state.notices.get(notice) {
            Some(found) => {
                let words = Words::new("lift the notice against ");
                let words = words.certificate(state, &found.list, &found.anchor);
                words.and(" on list ").list(state, &found.list)
            }
            None => Words::new("lift ").named(format!("notice {notice}"), place::entry(*notice)),
        },
        Change::AmendCharter { .. } => Words::new("replace the charter"),
        Change::Participant { action, participant } => {
            let (before, after) = match action {
                ParticipantAction::Suspend {} => ("let ", " sign no more"),
                ParticipantAction::SuspendForCompromise {} => ("let ", " sign no more, and strike its votes"),
                ParticipantAction::Reinstate {} => ("let ", " sign again"),
                ParticipantAction::RotateKey { .. } => ("give ", " a new key"),
            };
            Words::new(before).participant(state, participant).and(after)
        }
        Change::TransferMo { id, to } => {
            let words = Words::new("move the MO identifier ").named(id.to_string(), place::mo_id(id));
            words.and(" to ").participant(state, to)
        }
        Change::AccreditAuditor { auditor, .. } => {
            Words::new("let audit reports of ").participant(state, auditor).and(" count")
        }
        Change::WithdrawAuditor { auditor } => {
            Words::new("let audit reports of ").participant(state, auditor).and(" count no more")
        }
    }
}
