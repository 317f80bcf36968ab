//! Identifiers of mobility operators, kept by registrars.

use clap::Subcommand;
use ctl_core::Timestamp;
use ctl_core::names::{MoId, ParticipantId, RegistryId};
use ctl_governance::State;
use ctl_governance::statement::body::{MoAssign, MoSuspend, MoTransfer, MoUpdate, MoWithdraw};

use crate::AdminError;
use crate::signing::{Said, Say, Signing};

/// What happens to an identifier.
#[derive(Subcommand, Clone, Debug)]
pub enum Mo {
    /// Give an identifier to a holder
    Assign {
        /// Which, like USEVG
        id: MoId,
        /// To whom
        #[arg(long)]
        holder: ParticipantId,
        /// The national registry that issued it
        #[arg(long)]
        source: RegistryId,
    },
    /// Correct the national registry of an identifier
    Update {
        /// Which
        id: MoId,
        /// The national registry that issued it
        #[arg(long)]
        source: RegistryId,
    },
    /// Move an identifier: registrars and its holder sign
    Transfer {
        /// Which
        id: MoId,
        /// To whom
        #[arg(long)]
        to: ParticipantId,
    },
    /// Suspend an identifier
    Suspend {
        /// Which
        id: MoId,
    },
    /// Withdraw an identifier
    Withdraw {
        /// Which
        id: MoId,
    },
}

impl Say for Mo {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        let body = match self.clone() {
            Self::Assign { id, holder, source } => MoAssign { holder, id, source }.into(),
            Self::Update { id, source } => MoUpdate { id, source }.into(),
            Self::Transfer { id, to } => MoTransfer { id, to }.into(),
            Self::Suspend { id } => MoSuspend { id }.into(),
            Self::Withdraw { id } => MoWithdraw { id }.into(),
        };
        Ok((body, Vec::new()))
    }
}
