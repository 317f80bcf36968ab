//! `key`, `charter` and `draft`: what signers and the board do.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ctl_admin::arguments::duration;
use ctl_admin::signer::draft;
use ctl_core::role::Role;

#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a key: FILE (mode 0600), and the public half beside it
    New {
        /// Where
        file: PathBuf,
        /// ECDSA P-256 instead of Ed25519
        #[arg(long)]
        p256: bool,
    },
    /// Show a key's id and public half
    Show {
        /// The private or public key's file
        file: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum Charter {
    /// Print an annotated charter to start from
    Template,
    /// Make the genesis and the first root.json of a charter
    New {
        /// The charter
        #[arg(long, value_name = "FILE")]
        charter: PathBuf,
        /// server-keys.json of ctl-server init
        #[arg(long, value_name = "FILE")]
        server_keys: PathBuf,
        /// Folder for the documents
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Sign genesis and root.json as a member of the board
    Sign {
        /// Private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Folder with the documents
        directory: PathBuf,
    },
    /// Show who has signed
    Status {
        /// Folder with the documents
        directory: PathBuf,
    },
}

#[derive(Subcommand)]
pub(crate) enum Draft {
    /// Rebuild a draft, compare it with what the server shows, and show what changes
    Show {
        /// A list's id, registry, notices, root or targets
        role: Role,
        #[command(flatten)]
        patience: Patience,
    },
    /// The same, then sign it
    Sign {
        /// A list's id, registry, notices, root or targets
        role: Role,
        /// Private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        patience: Patience,
    },
}

/// How far a draft's times may be off, and whether to wait for one.
#[derive(Args)]
pub(crate) struct Patience {
    /// Wait until the server has opened a draft, for at most so long [default: not at all; without a value: 5min]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "5min", value_parser = duration)]
    pub(crate) wait: Option<u64>,
    #[command(flatten)]
    pub(crate) limits: draft::Tolerance,
}
