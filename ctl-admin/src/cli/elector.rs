//! `propose` and `vote`: each change and its arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ctl_admin::elector::proposal::{Propose, Proposed, Scrutiny};
use ctl_admin::{AdminError, key};
use ctl_core::names::{ListId, MoId, ParticipantId, RuleId};
use ctl_core::parts::{AnchorStatus, DistrustKind, Distrusted, Use};
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::ParticipantAction;

use super::applicant::Constraints;
use super::arguments::{Keys, parse_use, word};

/// How the screening is looked at that a proposal or vote rests on.
#[derive(Args)]
pub(crate) struct Scrutinised {
    /// A policy that the charter names and this release does not bring
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Go ahead although the screening of this entry, and no other, is not what is found here, or cannot be computed
    #[arg(long, value_name = "ENTRY")]
    despite_screening: Option<u64>,
}

impl Scrutinised {
    pub(crate) fn scrutiny(&self) -> Result<Scrutiny, AdminError> {
        Scrutiny::new(&self.policy, self.despite_screening)
    }
}

/// Why, and who signs.
#[derive(Args)]
pub(crate) struct Author {
    /// Why; public, and can be erased later
    #[arg(long)]
    pub(crate) rationale: Option<String>,
    #[command(flatten)]
    pub(crate) keys: Keys,
}

#[derive(Subcommand)]
pub(crate) enum Motion {
    /// Admit a root
    Admit {
        /// Index of the application's entry
        application: u64,
        /// A rule whose error is to be waived; may be given several times
        #[arg(long = "waive", value_name = "RULE")]
        waived: Vec<RuleId>,
        /// Only these of the uses it applied for
        #[arg(long = "use", value_name = "STANDARD/PURPOSE", value_parser = parse_use)]
        uses: Vec<Use>,
        /// With the constraints given here instead of those it applied with
        #[arg(long)]
        constrain: bool,
        #[command(flatten)]
        constraints: Constraints,
        #[command(flatten)]
        scrutinised: Scrutinised,
        #[command(flatten)]
        author: Author,
    },
    /// Admit a cross-certificate
    AdmitCross {
        /// Index of the application's entry
        application: u64,
        /// A rule whose error is to be waived; may be given several times
        #[arg(long = "waive", value_name = "RULE")]
        waived: Vec<RuleId>,
        #[command(flatten)]
        scrutinised: Scrutinised,
        #[command(flatten)]
        author: Author,
    },
    /// Close an application, whatever its stage
    CloseApplication {
        /// Index of the application's entry
        application: u64,
        #[command(flatten)]
        author: Author,
    },
    /// Give an anchor these constraints and no others
    Constrain {
        /// The anchor's fingerprint
        anchor: Digest,
        /// The list
        #[arg(long)]
        list: ListId,
        #[command(flatten)]
        constraints: Constraints,
        #[command(flatten)]
        author: Author,
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
        #[command(flatten)]
        author: Author,
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
        #[command(flatten)]
        author: Author,
    },
    /// End a notice early
    LiftNotice {
        /// Index of the notice's entry
        notice: u64,
        #[command(flatten)]
        author: Author,
    },
    /// Put another charter in force
    AmendCharter {
        /// The charter
        file: PathBuf,
        /// The server's new public keys: keys/log-….json of ctl-server log key [default: as they are]
        #[arg(long, value_name = "FILE")]
        server_keys: Option<PathBuf>,
        #[command(flatten)]
        author: Author,
    },
    /// Suspend a participant
    SuspendParticipant {
        /// Who
        participant: ParticipantId,
        /// Its key is in wrong hands: strike its votes in open votes
        #[arg(long)]
        compromised: bool,
        #[command(flatten)]
        author: Author,
    },
    /// Let a suspended participant sign again
    ReinstateParticipant {
        /// Who
        participant: ParticipantId,
        #[command(flatten)]
        author: Author,
    },
    /// Give a participant a new key without the old one's signature
    ReplaceKey {
        /// Whose
        participant: ParticipantId,
        /// The new public key
        public_key: PathBuf,
        #[command(flatten)]
        author: Author,
    },
    /// Move an MO identifier although its holder did not sign
    TransferMo {
        /// Which
        id: MoId,
        /// To whom
        to: ParticipantId,
        #[command(flatten)]
        author: Author,
    },
    /// Let an auditor's reports count
    AccreditAuditor {
        /// Who
        auditor: ParticipantId,
        /// Until when, like 2028-01-01T00:00:00Z [default: until it is withdrawn]
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
        #[command(flatten)]
        author: Author,
    },
    /// Let an auditor's reports count no more, those attached included
    WithdrawAuditor {
        /// Who
        auditor: ParticipantId,
        #[command(flatten)]
        author: Author,
    },
}

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
