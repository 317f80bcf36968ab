//! The command line and the exit status.

mod access;
#[cfg(feature = "demo")]
mod demo;
mod ledger;
mod restart;
mod serve;
mod step;

#[cfg(feature = "demo")]
use std::ffi::OsString;
#[cfg(feature = "demo")]
use std::iter::once;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ctl_core::Digest;
use ctl_core::names::Origin;
use ctl_host::clock::{Clock as _, SystemClock};
use ctl_host::process::{self, Failure};

use crate::access::Role;
use crate::blobs::Blobs;
use crate::init;
use crate::keys::PUBLIC_FILE;

/// The service of a certificate trust list scheme: its ledger, its publications, its API.
#[derive(Debug, Parser)]
#[command(name = "ctl-server", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Found a scheme: first with --origin, which makes the server's own keys; then with --charter, --genesis and
    /// --root, which the board has signed.
    Init {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// First step: the name that the log signs with, like ctl.example.org/log.
        #[arg(long, conflicts_with_all = ["charter", "genesis", "root"], required_unless_present = "charter")]
        origin: Option<Origin>,
        /// Second step: the charter file.
        #[arg(long, requires_all = ["genesis", "root"])]
        charter: Option<PathBuf>,
        /// Second step: the genesis, signed by the board (genesis.jws).
        #[arg(long, requires = "charter")]
        genesis: Option<PathBuf>,
        /// Second step: the first root.json, signed by the board (1.root.json).
        #[arg(long, requires = "charter")]
        root: Option<PathBuf>,
    },
    /// Serve a scheme until SIGINT or SIGTERM.
    Serve {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// The guided tour: a scheme from its founding to a charger's trust store, on this machine.
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    /// For the tour, which starts its watches this way: ctl-watch with these arguments.
    #[cfg(feature = "demo")]
    #[command(hide = true, disable_help_flag = true)]
    Watch {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// The same for ctl-webhooks.
    #[cfg(feature = "demo")]
    #[command(hide = true, disable_help_flag = true)]
    Webhooks {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Work on the ledger of a stopped server.
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Make another key for the log, or begin the log anew, on a stopped server.
    Log {
        #[command(subcommand)]
        command: LogCommand,
    },
    /// Make secrets for a client of the root pool, or another key for tokens.
    Access {
        #[command(subcommand)]
        command: AccessCommand,
    },
    /// Work on texts outside the log.
    Blob {
        #[command(subcommand)]
        command: BlobCommand,
    },
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// Verify every entry, the tree and the checkpoints.
    Verify {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
    },
    /// Write the whole log as plain files, in the layout that the server serves below /log/.
    Export {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// An empty or new directory.
        #[arg(long)]
        out: PathBuf,
    },
    /// Import an export, or the log/ directory of a mirror, into a data directory without a ledger.
    Import {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// The directory with the export.
        #[arg(long)]
        from: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Make another key for the log, and show what the charter or a restart must name.
    Key {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// The origin of a log that will begin anew [default: the present one, for a rotation]
        #[arg(long)]
        origin: Option<Origin>,
    },
    /// Begin the log anew by the board's statement: the entries stay, under a new origin and key.
    Restart {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// The statement log.restart, signed by the board.
        #[arg(long)]
        statement: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum AccessCommand {
    /// Make the secrets of a client, and show what goes into the configuration.
    Client {
        /// The client's name.
        id: String,
        /// What it is: cpo, mo, oem, cps (they read the pool), webhooks. Can be given several times.
        #[arg(long = "role", required = true)]
        roles: Vec<Role>,
        /// Make an API key as well.
        #[arg(long)]
        api_key: bool,
    },
    /// Make another key for tokens, of a server that is then started anew.
    Rotate {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// The key before is in wrong hands: refuse its tokens at once.
        #[arg(long)]
        forget: bool,
    },
}

#[derive(Debug, Subcommand)]
enum BlobCommand {
    /// Erase a blob for good. The log stays intact.
    Erase {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// The blob's SHA-256.
        sha256: Digest,
    },
}

/// Does what the arguments ask for.
#[must_use]
pub fn run() -> ExitCode {
    process::run("ctl-server", || dispatch(Arguments::parse().command))
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init { data, origin: Some(origin), .. } => {
            let keys = init::prepare(&data, origin)?;
            println!("the server's keys are in {}; back them up", data.join("keys").display());
            println!("their public halves, for the charter: {}", data.join(PUBLIC_FILE).display());
            println!("log {}", crate::keys::log_key(&keys.public())?);
            Ok(())
        }
        Command::Init { data, charter: Some(charter), genesis: Some(genesis), root: Some(root), .. } => {
            let founding = init::Founding { charter: &charter, genesis: &genesis, root: &root };
            let scheme = init::found(&data, &founding, SystemClock::new().now())?;
            println!("founded scheme {scheme} in {}", data.display());
            Ok(())
        }
        Command::Init { .. } => {
            Err("give either --origin, or --charter with --genesis and --root: see ctl-server init --help"
                .into())
        }
        Command::Serve { config } => serve::serve(&config),
        #[cfg(feature = "demo")]
        Command::Demo(demo) => demo::run(demo),
        #[cfg(feature = "demo")]
        Command::Watch { arguments } => ctl_watch::cli::act(once("ctl-watch".into()).chain(arguments)),
        #[cfg(feature = "demo")]
        Command::Webhooks { arguments } => {
            ctl_webhooks::cli::act(once("ctl-webhooks".into()).chain(arguments))
        }
        Command::Ledger { command } => match command {
            LedgerCommand::Verify { data } => ledger::verify(&data),
            LedgerCommand::Export { data, out } => ledger::export(&data, &out),
            LedgerCommand::Import { data, from } => ledger::import(&data, &from),
        },
        Command::Log { command } => match command {
            LogCommand::Key { data, origin } => restart::key(&data, origin),
            LogCommand::Restart { data, statement } => restart::restart(&data, &statement),
        },
        Command::Access { command } => match command {
            AccessCommand::Client { id, roles, api_key } => access::client(&id, &roles, api_key),
            AccessCommand::Rotate { data, forget } => access::rotate(&data, forget),
        },
        Command::Blob { command: BlobCommand::Erase { data, sha256 } } => {
            Blobs::open(&data)?.erase(&sha256)?;
            println!("erased {sha256}");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_two_steps_of_init_do_not_mix() {
        let parse = |words: &str| Arguments::try_parse_from(words.split(' '));
        assert!(parse("ctl-server init --data d --origin log.example").is_ok());
        assert!(parse("ctl-server init --data d --charter c --genesis g --root r").is_ok());
        for wrong in [
            "ctl-server init --data d",
            "ctl-server init --data d --origin log.example --charter c --genesis g --root r",
            "ctl-server init --data d --charter c --genesis g",
            "ctl-server init --data d --origin log.example --root r",
            "ctl-server init --data d --origin two+words",
            "ctl-server blob erase --data d XYZ",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
