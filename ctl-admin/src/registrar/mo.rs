//! Identifiers of mobility operators, kept by registrars.

use ctl_core::names::{MoId, ParticipantId, RegistryId};
use ctl_governance::statement::Body;
use ctl_governance::statement::body::{MoAssign, MoSuspend, MoTransfer, MoUpdate, MoWithdraw};
use ctl_replica::{Replica, Submission};

use crate::AdminError;
use crate::signing::{self, Signing};

/// What happens to an identifier.
#[derive(Clone, Debug)]
pub enum Mo {
    /// It gets a holder.
    Assign {
        /// Which.
        id: MoId,
        /// To whom.
        holder: ParticipantId,
        /// The national registry that issued it.
        source: RegistryId,
    },
    /// Its source is corrected.
    Update {
        /// Which.
        id: MoId,
        /// The national registry that issued it.
        source: RegistryId,
    },
    /// It moves: also its present holder signs.
    Transfer {
        /// Which.
        id: MoId,
        /// To whom.
        to: ParticipantId,
    },
    /// It is not in use for now.
    Suspend {
        /// Which.
        id: MoId,
    },
    /// It is not in use any more.
    Withdraw {
        /// Which.
        id: MoId,
    },
}

impl Mo {
    /// Does it.
    ///
    /// # Errors
    /// Refused.
    pub async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        session.sync().await?;
        let body: Body = match self.clone() {
            Self::Assign { id, holder, source } => MoAssign { holder, id, source }.into(),
            Self::Update { id, source } => MoUpdate { id, source }.into(),
            Self::Transfer { id, to } => MoTransfer { id, to }.into(),
            Self::Suspend { id } => MoSuspend { id }.into(),
            Self::Withdraw { id } => MoWithdraw { id }.into(),
        };
        signing::state(session, signing, body, Vec::new()).await
    }
}
