//! Proposals and votes.

use std::path::PathBuf;

use ctl_core::governance::State;
use ctl_core::governance::application::Application;
use ctl_core::names::{ListId, MoId, ParticipantId, RuleId};
use ctl_core::statement::body::{Candidate, Change, Choice, ParticipantAction, ProposalOpen, VoteCast};
use ctl_core::statement::parts::{AnchorStatus, Distrusted, Use};
use ctl_core::{Digest, Timestamp};

use crate::application::Limits;
use crate::compose::{self, Blob, Signing, Submission};
use crate::{AdminError, Session, charter};

/// What a person proposes; the rest is taken from the log.
#[derive(Clone, Debug)]
pub enum Proposed {
    /// A root comes on the list for which it applied.
    Admit {
        /// Index of the application's entry.
        application: u64,
        /// Rules whose errors the electors are asked to waive.
        waived: Vec<RuleId>,
        /// Other uses than those it applied for.
        uses: Option<Vec<Use>>,
        /// Other constraints than those it applied with.
        constraints: Option<Limits>,
    },
    /// A cross-certificate comes on the list for which it applied.
    AdmitCross {
        /// Index of the application's entry.
        application: u64,
        /// Rules whose errors the electors are asked to waive.
        waived: Vec<RuleId>,
    },
    /// An anchor gets these constraints and no others.
    Constrain {
        /// The list.
        list: ListId,
        /// The anchor's fingerprint.
        anchor: Digest,
        /// All the constraints it will have.
        constraints: Limits,
    },
    /// An anchor or cross-certificate gets another status.
    ChangeStatus {
        /// The list.
        list: ListId,
        /// Its fingerprint.
        certificate: Digest,
        /// The status.
        to: AnchorStatus,
        /// With `deprecated`: nothing issued after this moment is trusted.
        not_issued_after: Option<Timestamp>,
    },
    /// A certificate or key must not be used on any path.
    Distrust {
        /// The list.
        list: ListId,
        /// What.
        what: Distrusted,
    },
    /// A notice ends early.
    LiftNotice {
        /// Index of the notice's entry.
        notice: u64,
    },
    /// The charter in this file.
    AmendCharter {
        /// The file.
        file: PathBuf,
        /// The server's public keys, if they change.
        server_keys: Option<PathBuf>,
    },
    /// Something about a participant.
    Participant {
        /// Who.
        participant: ParticipantId,
        /// What.
        action: ParticipantAction,
    },
    /// An MO identifier moves although its holder did not sign.
    TransferMo {
        /// Which.
        id: MoId,
        /// To whom.
        to: ParticipantId,
    },
    /// An auditor's reports count.
    AccreditAuditor {
        /// Who.
        auditor: ParticipantId,
        /// Until when.
        expires_at: Option<Timestamp>,
    },
    /// An auditor's reports count no more.
    WithdrawAuditor {
        /// Who.
        auditor: ParticipantId,
    },
}

/// Puts a change to the vote.
#[derive(Clone, Debug)]
pub struct Propose {
    /// The change.
    pub proposed: Proposed,
    /// Why: public, and can be erased later.
    pub rationale: Option<String>,
}

impl Propose {
    /// Does it.
    ///
    /// # Errors
    /// What it names does not exist, or refused.
    pub async fn run(&self, session: &mut Session, signing: &Signing) -> Result<Submission, AdminError> {
        let now = session.now();
        let replayed = session.sync().await?;
        let state = replayed.at(now);
        let change = self.proposed.change(&state)?;
        let charter = state.charter_since;
        let rationale = Blob::of_text(self.rationale.as_deref())?;
        let body = ProposalOpen {
            change,
            charter,
            rationale: rationale.as_ref().map(|blob| blob.reference.clone()),
        };
        compose::state(session, signing, body, rationale.into_iter().collect()).await
    }
}

impl Proposed {
    /// The change as electors will read it: with everything that it rests on.
    fn change(&self, state: &State) -> Result<Change, AdminError> {
        Ok(match self.clone() {
            Self::Admit { application, waived, uses, constraints } => {
                let found = application_of(state, application)?;
                let Candidate::Root { uses: asked, constraints: own, .. } = &found.candidate else {
                    let problem = "is for a cross-certificate: propose admit-cross";
                    return Err(AdminError::input(format_args!("application {application}"), problem));
                };
                let mut uses = uses.unwrap_or_else(|| asked.clone());
                uses.sort_unstable();
                uses.dedup();
                Change::Admit {
                    application,
                    certificate: found.fingerprint,
                    constraints: constraints.map_or_else(|| own.clone(), |limits| limits.constraints()),
                    evidence: evidence_of(found),
                    list: found.list.clone(),
                    screening: screening_of(found)?,
                    uses,
                    waived,
                }
            }
            Self::AdmitCross { application, waived } => {
                let found = application_of(state, application)?;
                Change::AdmitCross {
                    application,
                    certificate: found.fingerprint,
                    evidence: evidence_of(found),
                    list: found.list.clone(),
                    screening: screening_of(found)?,
                    waived,
                }
            }
            Self::Constrain { list, anchor, constraints } => {
                Change::Constrain { anchor, constraints: constraints.constraints(), list }
            }
            Self::ChangeStatus { list, certificate, to, not_issued_after } => {
                Change::ChangeStatus { certificate, list, not_issued_after, to }
            }
            Self::Distrust { list, what } => Change::Distrust { list, what },
            Self::LiftNotice { notice } => Change::LiftNotice { notice },
            Self::AmendCharter { file, server_keys } => {
                let server = server_keys.map(|path| charter::read_server_keys(&path)).transpose()?;
                let server = server.unwrap_or_else(|| state.charter.server.clone());
                let charter = charter::read_amendment(&file, server)?;
                Change::AmendCharter { charter: Box::new(charter) }
            }
            Self::Participant { participant, action } => Change::Participant { action, participant },
            Self::TransferMo { id, to } => Change::TransferMo { id, to },
            Self::AccreditAuditor { auditor, expires_at } => Change::AccreditAuditor { auditor, expires_at },
            Self::WithdrawAuditor { auditor } => Change::WithdrawAuditor { auditor },
        })
    }
}

/// An application by the index of its entry.
pub(crate) fn application_of(state: &State, index: u64) -> Result<&Application, AdminError> {
    state.applications.get(&index).map(|application| &**application).ok_or_else(|| {
        AdminError::input(
            index,
            "is not the entry of an application; ctl-admin review lists those that are open",
        )
    })
}

fn evidence_of(application: &Application) -> Vec<u64> {
    application.evidence.iter().map(|evidence| evidence.index).collect()
}

fn screening_of(application: &Application) -> Result<u64, AdminError> {
    let missing = || {
        AdminError::NotNow(format!(
            "application {} has not been screened yet: the server does it, try again in a moment",
            application.index
        ))
    };
    application.screening.as_ref().map(|screening| screening.index).ok_or_else(missing)
}

/// Votes on a proposal.
#[derive(Clone, Debug)]
pub struct CastVote {
    /// Index of the proposal's entry.
    pub proposal: u64,
    /// For or against.
    pub choice: Choice,
    /// Why: public, and can be erased later.
    pub rationale: Option<String>,
}

impl CastVote {
    /// Does it. The vote names the leaf hash of the proposal as this person's own log has it.
    ///
    /// # Errors
    /// There is no such proposal, or refused.
    pub async fn run(&self, session: &mut Session, signing: &Signing) -> Result<Submission, AdminError> {
        let replayed = session.sync().await?;
        let proposal = replayed.state.proposals.get(&self.proposal).ok_or_else(|| {
            AdminError::input(
                self.proposal,
                "is not the entry of a proposal; ctl-admin review lists the open ones",
            )
        })?;
        let leaf_hash = proposal.leaf_hash;
        let rationale = Blob::of_text(self.rationale.as_deref())?;
        let body = VoteCast {
            choice: self.choice,
            proposal: leaf_hash,
            rationale: rationale.as_ref().map(|blob| blob.reference.clone()),
        };
        compose::state(session, signing, body, rationale.into_iter().collect()).await
    }
}
