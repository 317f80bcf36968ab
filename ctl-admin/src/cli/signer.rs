//! `key`, `charter`, `draft`, `notice` and `log`: what signers, board and officers say.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ctl_admin::signer::restart::Seen;
use ctl_core::Digest;
use ctl_core::names::ListId;
use ctl_core::parts::WithdrawalReason;
use ctl_core::role::Role;
use ctl_core::tuf::RestartReason;

use super::arguments::{Keys, duration, word};

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
        tolerance: Tolerance,
    },
    /// The same, then sign it
    Sign {
        /// A list's id, registry, notices, root or targets
        role: Role,
        /// Private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        tolerance: Tolerance,
    },
}

/// How far a draft's times may be off, and whether to wait for one.
#[derive(Args)]
pub(crate) struct Tolerance {
    /// Wait until the server has opened a draft, for at most so long [default: not at all; without a value: 5min]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "5min", value_parser = duration)]
    pub(crate) wait: Option<u64>,
    /// How far ahead of your clock it may be
    #[arg(long, default_value = "10min", value_parser = duration)]
    pub(crate) max_skew: u64,
    /// How old it may be
    #[arg(long, default_value = "24h", value_parser = duration)]
    pub(crate) max_age: u64,
}

#[derive(Subcommand)]
pub(crate) enum Notice {
    /// Suspend an anchor at once
    Issue {
        /// The anchor's fingerprint
        anchor: Digest,
        /// The list
        #[arg(long)]
        list: ListId,
        /// key-compromise, ca-compromise, misissuance, operator-request, superseded or
        /// cessation-of-operation
        #[arg(long, value_parser = word::<WithdrawalReason>)]
        reason: WithdrawalReason,
        /// How long, like 3days [default: as long as the charter allows]
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        seconds: Option<u64>,
        #[command(flatten)]
        keys: Keys,
    },
    /// End a suspension early: two officers
    Lift {
        /// Index of the notice's entry
        notice: u64,
        #[command(flatten)]
        keys: Keys,
    },
}

#[derive(Subcommand)]
pub(crate) enum Log {
    /// Let the log begin anew from what is left of it; written to --out, cosigned, and recorded by ctl-server
    Restart {
        /// log-key-compromise or ledger-lost
        #[arg(long, value_parser = word::<RestartReason>)]
        reason: RestartReason,
        /// The new log's origin and public key: keys/log-….json of ctl-server log key
        #[arg(long, value_name = "FILE")]
        new_log: PathBuf,
        /// The last checkpoint of the log that ends [default: that of what is left]
        #[arg(long, value_name = "FILE")]
        old: Option<PathBuf>,
        /// The highest numbers of a role that anyone may have seen, like na=7:9 for version and sequence
        #[arg(long, value_name = "ROLE=NUMBERS")]
        seen: Vec<Seen>,
        /// The last root.json that devices hold, if what is left does not have it
        #[arg(long, value_name = "FILE")]
        last_root: Option<PathBuf>,
        #[command(flatten)]
        keys: Keys,
    },
}
