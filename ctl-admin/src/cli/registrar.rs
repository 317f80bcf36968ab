//! `mo`: the registry.

use clap::Subcommand;
use ctl_admin::registrar::mo;
use ctl_core::names::{MoId, ParticipantId, RegistryId};

use super::arguments::Keys;

#[derive(Subcommand)]
pub(crate) enum Mo {
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
        #[command(flatten)]
        keys: Keys,
    },
    /// Correct the national registry of an identifier
    Update {
        /// Which
        id: MoId,
        /// The national registry that issued it
        #[arg(long)]
        source: RegistryId,
        #[command(flatten)]
        keys: Keys,
    },
    /// Move an identifier: registrars and its holder sign
    Transfer {
        /// Which
        id: MoId,
        /// To whom
        #[arg(long)]
        to: ParticipantId,
        #[command(flatten)]
        keys: Keys,
    },
    /// Suspend an identifier
    Suspend {
        /// Which
        id: MoId,
        #[command(flatten)]
        keys: Keys,
    },
    /// Withdraw an identifier
    Withdraw {
        /// Which
        id: MoId,
        #[command(flatten)]
        keys: Keys,
    },
}

pub(crate) fn registry(command: Mo) -> (mo::Mo, Keys) {
    match command {
        Mo::Assign { id, holder, source, keys } => (mo::Mo::Assign { id, holder, source }, keys),
        Mo::Update { id, source, keys } => (mo::Mo::Update { id, source }, keys),
        Mo::Transfer { id, to, keys } => (mo::Mo::Transfer { id, to }, keys),
        Mo::Suspend { id, keys } => (mo::Mo::Suspend { id }, keys),
        Mo::Withdraw { id, keys } => (mo::Mo::Withdraw { id }, keys),
    }
}
