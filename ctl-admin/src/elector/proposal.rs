//! Proposals and votes.

use std::path::{Path, PathBuf};

use ctl_core::names::{ListId, MoId, ParticipantId, RuleId, print};
use ctl_core::parts::{AnchorStatus, Distrusted, Use};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::application::Application;
use ctl_governance::statement::body::{Candidate, Change, Choice, ParticipantAction, ProposalOpen, VoteCast};
use ctl_replica::{Blob, Replica, Submission};
use serde::Serialize;

use crate::applicant::application::Limits;
use crate::elector::recompute;
use crate::elector::review::{self, ProposalReview, Review};
use crate::output::{Render, section};
use crate::screening::Policies;
use crate::signer::charter;
use crate::signing::{self, Signing};
use crate::{AdminError, describe, difference};

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
    /// An application is closed, whatever its stage.
    CloseApplication {
        /// Index of the application's entry.
        application: u64,
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
    /// Looks at what it would change, and at the screening that it rests on.
    ///
    /// # Errors
    /// What it names does not exist, or the screening is not what is found here.
    pub async fn prepare(
        &self,
        session: &mut Replica,
        scrutiny: &Scrutiny,
    ) -> Result<PreparedProposal, AdminError> {
        let now = session.now();
        let state = session.sync().await?.at(now).into_owned();
        let change = self.proposed.change(&state)?;
        let overridden = scrutiny.of(session, &state, &change).await?;
        Ok(PreparedProposal {
            kind: describe::kind(&change),
            difference: describe::change(&state, &change),
            in_full: describe::in_full(&state, &change),
            rationale: self.rationale.clone(),
            overridden,
            charter: state.charter_since,
            change,
        })
    }

    /// Does it, with this release's own policies and without overriding anything.
    ///
    /// # Errors
    /// As [`Propose::prepare`], or refused.
    pub async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        let prepared = self.prepare(session, &Scrutiny::new(&[] as &[&Path], None)?).await?;
        prepared.send(session, signing).await
    }
}

/// How what a proposal or a vote rests on is looked at.
#[derive(Clone)]
pub struct Scrutiny {
    /// The policies at hand; what is missing is fetched.
    pub policies: Policies,
    /// The entry of the one screening that is accepted although it is not what is found here.
    pub despite_screening: Option<u64>,
}

impl Scrutiny {
    /// With the policies in these files beside the release's own.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn new(policies: &[impl AsRef<Path>], despite_screening: Option<u64>) -> Result<Self, AdminError> {
        Ok(Self { policies: Policies::with(policies)?, despite_screening })
    }

    /// Refuses a change that rests on a screening which is not what is found here; gives what was overridden.
    async fn of(&self, session: &Replica, state: &State, change: &Change) -> Result<Vec<String>, AdminError> {
        let (Change::Admit { screening, .. } | Change::AdmitCross { screening, .. }) = change else {
            return Ok(Vec::new());
        };
        let policies = self.policies.for_scheme(session.transport(), state).await?;
        recompute::must_agree(session.log()?, *screening, &policies, self.despite_screening)
    }
}

/// A proposal, ready to be sent, with all that it says.
#[derive(Clone, Debug, Serialize)]
pub struct PreparedProposal {
    /// The kind of change.
    pub kind: &'static str,
    /// What would be different, in words.
    pub difference: Vec<String>,
    /// The proposal in full.
    pub in_full: Vec<difference::Change>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// What its author overrides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
    /// Index of the entry that put the charter in force which it is made under.
    pub charter: u64,
    #[serde(skip)]
    change: Change,
}

impl Render for PreparedProposal {
    fn text(&self) -> String {
        let mut text = section("ATTENTION:", &self.overridden);
        text += &format!("you propose under the charter of entry {}: {}\n", self.charter, self.kind);
        text += &section("if accepted:", &self.difference);
        text += &section("in full:", &difference::text(&self.in_full));
        text + &rationale_line(self.rationale.as_deref())
    }
}

impl PreparedProposal {
    /// Sends it.
    ///
    /// # Errors
    /// Refused.
    pub async fn send(self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        let rationale = Blob::of_text(self.rationale.as_deref())?;
        let body = ProposalOpen {
            change: self.change,
            charter: self.charter,
            rationale: rationale.as_ref().map(|blob| blob.reference.clone()),
        };
        signing::state(session, signing, body, rationale.into_iter().collect()).await
    }
}

fn rationale_line(rationale: Option<&str>) -> String {
    rationale.map(|text| format!("rationale: {}\n", print::quoted(text))).unwrap_or_default()
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
            Self::CloseApplication { application } => Change::CloseApplication {
                application,
                list: application_of(state, application)?.list.clone(),
            },
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
    /// Looks at everything that the vote is about. The vote names the leaf hash of the proposal as this person's own
    /// log has it.
    ///
    /// # Errors
    /// There is no such proposal, or the screening that it rests on is not what is found here.
    pub async fn prepare(
        &self,
        session: &mut Replica,
        scrutiny: &Scrutiny,
    ) -> Result<PreparedVote, AdminError> {
        let Review::Proposal(review) = review::one(session, self.proposal, &scrutiny.policies).await? else {
            return Err(AdminError::input(
                self.proposal,
                "is the entry of an application; a vote is on a proposal: ctl-admin review lists the open ones",
            ));
        };
        let state = &session.log()?.state();
        let overridden = match state.proposals.get(&self.proposal) {
            Some(proposal) => scrutiny.of(session, state, &proposal.change).await?,
            None => Vec::new(),
        };
        let (choice, rationale) = (self.choice, self.rationale.clone());
        Ok(PreparedVote { choice, proposal: review, rationale, overridden })
    }

    /// Does it, with this release's own policies and without overriding anything.
    ///
    /// # Errors
    /// As [`CastVote::prepare`], or refused.
    pub async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        let prepared = self.prepare(session, &Scrutiny::new(&[] as &[&Path], None)?).await?;
        prepared.send(session, signing).await
    }
}

/// A vote, ready to be sent, with all that it is about.
#[derive(Clone, Debug, Serialize)]
pub struct PreparedVote {
    /// For or against.
    pub choice: Choice,
    /// The proposal.
    pub proposal: Box<ProposalReview>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// What the elector overrides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
}

impl Render for PreparedVote {
    fn text(&self) -> String {
        let choice = match self.choice {
            Choice::Approve => "APPROVE",
            Choice::Reject => "REJECT",
            Choice::Abstain => "ABSTAIN on",
        };
        let mut text = section("ATTENTION:", &self.overridden);
        text += &self.proposal.text();
        text += &format!("you {choice} proposal {}\n", self.proposal.index);
        text + &rationale_line(self.rationale.as_deref())
    }
}

impl PreparedVote {
    /// Sends it.
    ///
    /// # Errors
    /// Refused.
    pub async fn send(self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        let rationale = Blob::of_text(self.rationale.as_deref())?;
        let body = VoteCast {
            choice: self.choice,
            proposal: self.proposal.leaf_hash,
            rationale: rationale.as_ref().map(|blob| blob.reference.clone()),
        };
        signing::state(session, signing, body, rationale.into_iter().collect()).await
    }
}
