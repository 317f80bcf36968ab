//! Proposals and votes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ctl_core::names::{ListId, MoId, ParticipantId, RuleId, print};
use ctl_core::parts::{AnchorStatus, DistrustKind, Distrusted, Use};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::application::Application;
use ctl_governance::statement::body::{Candidate, Change, Choice, ParticipantAction, ProposalOpen, VoteCast};
use ctl_replica::{Blob, Replica};
use serde::Serialize;

use crate::applicant::application::{Limits, sorted};
use crate::arguments::{parse_use, word};
use crate::elector::review::{self, ProposalReview, Review};
use crate::output::{Render, section};
use crate::recompute;
use crate::screening::Policies;
use crate::signer::charter;
use crate::signing::{self, Ask, Said, Signing};
use crate::{AdminError, describe, difference, key};

/// What a person proposes; the rest is taken from the log.
#[derive(Subcommand, Clone, Debug)]
pub enum Proposed {
    /// Admit a root
    Admit(Admission),
    /// Admit a cross-certificate
    AdmitCross {
        /// Index of the application's entry
        application: u64,
        /// A rule whose error is to be waived; may be given several times
        #[arg(long = "waive", value_name = "RULE")]
        waived: Vec<RuleId>,
        /// How the screening is looked at.
        #[command(flatten)]
        scrutiny: Scrutiny,
    },
    /// Close an application, whatever its stage
    CloseApplication {
        /// Index of the application's entry
        application: u64,
    },
    /// Give an anchor these constraints and no others
    Constrain {
        /// The anchor's fingerprint
        anchor: Digest,
        /// The list
        #[arg(long)]
        list: ListId,
        /// All the constraints it will have.
        #[command(flatten)]
        constraints: Limits,
    },
    /// Give an anchor or cross-certificate another status
    ChangeStatus {
        /// Its fingerprint
        certificate: Digest,
        /// usable, warning, suspended, deprecated or withdrawn
        #[arg(value_parser = word::<AnchorStatus>)]
        to: AnchorStatus,
        /// The list
        #[arg(long)]
        list: ListId,
        /// With deprecated: nothing issued after this moment is trusted
        #[arg(long, value_name = "TIME")]
        not_issued_after: Option<Timestamp>,
    },
    /// Forbid a certificate, or every certificate with a key, on any path
    Distrust {
        /// SHA-256 of the certificate, or of the key (SubjectPublicKeyInfo) with --spki
        sha256: Digest,
        /// The digest is of a key
        #[arg(long)]
        spki: bool,
        /// The list
        #[arg(long)]
        list: ListId,
    },
    /// End a notice early
    LiftNotice {
        /// Index of the notice's entry
        notice: u64,
    },
    /// Put another charter in force
    AmendCharter {
        /// The charter
        file: PathBuf,
        /// The server's new public keys: keys/log-….json of ctl-server log key [default: as they are]
        #[arg(long, value_name = "FILE")]
        server_keys: Option<PathBuf>,
    },
    /// Suspend a participant
    SuspendParticipant {
        /// Who
        participant: ParticipantId,
        /// Its key is in wrong hands: strike its votes in open votes
        #[arg(long)]
        compromised: bool,
    },
    /// Let a suspended participant sign again
    ReinstateParticipant {
        /// Who
        participant: ParticipantId,
    },
    /// Give a participant a new key without the old one's signature
    ReplaceKey {
        /// Whose
        participant: ParticipantId,
        /// The new public key
        public_key: PathBuf,
    },
    /// Move an MO identifier although its holder did not sign
    TransferMo {
        /// Which
        id: MoId,
        /// To whom
        to: ParticipantId,
    },
    /// Let an auditor's reports count
    AccreditAuditor {
        /// Who
        auditor: ParticipantId,
        /// Until when, like 2028-01-01T00:00:00Z [default: until it is withdrawn]
        #[arg(long = "until", value_name = "TIME")]
        expires_at: Option<Timestamp>,
    },
    /// Let an auditor's reports count no more, those attached included
    WithdrawAuditor {
        /// Who
        auditor: ParticipantId,
    },
}

/// A root comes on the list for which it applied.
#[derive(Args, Clone, Debug, Default)]
pub struct Admission {
    /// Index of the application's entry
    pub application: u64,
    /// A rule whose error is to be waived; may be given several times
    #[arg(long = "waive", value_name = "RULE")]
    pub waived: Vec<RuleId>,
    /// Only these of the uses it applied for
    #[arg(long = "use", value_name = "STANDARD/PURPOSE", value_parser = parse_use)]
    pub uses: Vec<Use>,
    /// With the constraints given here instead of those it applied with
    #[arg(long)]
    pub constrain: bool,
    /// Those constraints.
    #[command(flatten)]
    pub constraints: Limits,
    /// How the screening is looked at.
    #[command(flatten)]
    pub scrutiny: Scrutiny,
}

/// Puts a change to the vote.
#[derive(Clone, Debug)]
pub struct Propose {
    /// The change.
    pub proposed: Proposed,
    /// Why: public, and can be erased later.
    pub rationale: Option<String>,
}

impl Ask for Propose {
    type Prepared = PreparedProposal;

    /// Looks at what it would change, and at the screening that it rests on.
    async fn prepare(&self, session: &mut Replica, _: &Signing) -> Result<PreparedProposal, AdminError> {
        let now = session.now();
        let state = session.sync().await?.at(now).into_owned();
        let change = self.proposed.change(&state)?;
        let overridden = match &self.proposed {
            Proposed::Admit(Admission { scrutiny, .. }) | Proposed::AdmitCross { scrutiny, .. } => {
                scrutiny.of(session, &state, &change).await?
            }
            _ => Vec::new(),
        };
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
}

/// How the screening is looked at that a proposal or vote rests on.
#[derive(Args, Clone, Debug, Default)]
pub struct Scrutiny {
    /// A policy that the charter names and this release does not bring
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
    /// Go ahead although the screening of this entry, and no other, is not what is found here, or cannot be computed
    #[arg(long, value_name = "ENTRY")]
    pub despite_screening: Option<u64>,
}

impl Scrutiny {
    /// Refuses a change that rests on a screening which is not what is found here; gives what was overridden.
    async fn of(&self, session: &Replica, state: &State, change: &Change) -> Result<Vec<String>, AdminError> {
        let (Change::Admit { screening, .. } | Change::AdmitCross { screening, .. }) = change else {
            return Ok(Vec::new());
        };
        let policies = Policies::with(&self.policy)?.for_scheme(session.transport(), state).await?;
        recompute::must_agree(session.log()?, *screening, &policies, self.despite_screening)
    }
}

/// A proposal, ready to be sent, with all that it says.
#[derive(Clone, Debug, Serialize)]
pub struct PreparedProposal {
    /// The kind of change.
    pub kind: String,
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

impl signing::Prepared for PreparedProposal {
    const QUESTION: &'static str = "Propose this?";

    fn said(self) -> Result<Said, AdminError> {
        let rationale = Blob::of_text(self.rationale.as_deref())?;
        let body = ProposalOpen {
            change: self.change,
            charter: self.charter,
            rationale: rationale.as_ref().map(|blob| blob.reference.clone()),
        };
        Ok((body.into(), rationale.into_iter().collect()))
    }
}

fn rationale_line(rationale: Option<&str>) -> String {
    rationale.map(|text| format!("rationale: {}\n", print::quoted(text))).unwrap_or_default()
}

impl Proposed {
    /// The change as electors will read it: with everything that it rests on.
    fn change(&self, state: &State) -> Result<Change, AdminError> {
        Ok(match self.clone() {
            Self::Admit(Admission { application, waived, uses, constrain, constraints, .. }) => {
                let found = application_of(state, application)?;
                let Candidate::Root { uses: asked, constraints: own, .. } = &found.candidate else {
                    let problem = "is for a cross-certificate: propose admit-cross";
                    return Err(AdminError::input(format_args!("application {application}"), problem));
                };
                Change::Admit {
                    application,
                    certificate: found.fingerprint,
                    constraints: if constrain { constraints.constraints() } else { own.clone() },
                    evidence: evidence_of(found),
                    list: found.list.clone(),
                    screening: screening_of(found)?,
                    uses: sorted(if uses.is_empty() { asked.clone() } else { uses }),
                    waived,
                }
            }
            Self::AdmitCross { application, waived, .. } => {
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
            Self::Distrust { list, sha256, spki } => {
                let kind = if spki { DistrustKind::Spki } else { DistrustKind::Certificate };
                Change::Distrust { list, what: Distrusted { kind, sha256 } }
            }
            Self::LiftNotice { notice } => Change::LiftNotice { notice },
            Self::AmendCharter { file, server_keys } => {
                let server = server_keys.map(|path| charter::read_server_keys(&path)).transpose()?;
                let server = server.unwrap_or_else(|| state.charter.server.clone());
                let charter = charter::read_amendment(&file, server)?;
                Change::AmendCharter { charter: Box::new(charter) }
            }
            Self::SuspendParticipant { participant, compromised: true } => {
                Change::Participant { action: ParticipantAction::SuspendForCompromise {}, participant }
            }
            Self::SuspendParticipant { participant, .. } => {
                Change::Participant { action: ParticipantAction::Suspend {}, participant }
            }
            Self::ReinstateParticipant { participant } => {
                Change::Participant { action: ParticipantAction::Reinstate {}, participant }
            }
            Self::ReplaceKey { participant, public_key } => {
                let action = ParticipantAction::RotateKey { new: key::load_public(&public_key)? };
                Change::Participant { action, participant }
            }
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
#[derive(Args, Clone, Debug)]
pub struct CastVote {
    /// Index of the proposal's entry
    pub proposal: u64,
    /// approve, reject or abstain
    #[arg(value_parser = word::<Choice>)]
    pub choice: Choice,
    /// Why; public, and can be erased later
    #[arg(long)]
    pub rationale: Option<String>,
    /// How the screening is looked at.
    #[command(flatten)]
    pub scrutiny: Scrutiny,
}

impl Ask for CastVote {
    type Prepared = PreparedVote;

    /// Looks at everything that the vote is about. The vote names the leaf hash of the proposal as this person's own
    /// log has it.
    async fn prepare(&self, session: &mut Replica, _: &Signing) -> Result<PreparedVote, AdminError> {
        let policies = Policies::with(&self.scrutiny.policy)?;
        let Review::Proposal(review) = review::one(session, self.proposal, &policies).await? else {
            return Err(AdminError::input(
                self.proposal,
                "is the entry of an application; a vote is on a proposal: ctl-admin review lists the open ones",
            ));
        };
        let state = &session.log()?.state();
        let overridden = match state.proposals.get(&self.proposal) {
            Some(proposal) => self.scrutiny.of(session, state, &proposal.change).await?,
            None => Vec::new(),
        };
        let (choice, rationale) = (self.choice, self.rationale.clone());
        Ok(PreparedVote { choice, proposal: review, rationale, overridden })
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

impl signing::Prepared for PreparedVote {
    const QUESTION: &'static str = "Vote?";

    fn said(self) -> Result<Said, AdminError> {
        let rationale = Blob::of_text(self.rationale.as_deref())?;
        let body = VoteCast {
            choice: self.choice,
            proposal: self.proposal.leaf_hash,
            rationale: rationale.as_ref().map(|blob| blob.reference.clone()),
        };
        Ok((body.into(), rationale.into_iter().collect()))
    }
}
