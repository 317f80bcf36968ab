//! The board lets the log begin anew: the statement `log.restart`, made from what is left of the log.
//!
//! It is written to a file and cosigned by the rest of the board; whoever runs the server records it with
//! `ctl-server log restart`, as the log that would record it does not exist yet.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use ctl_core::Digest;
use ctl_core::list::LogRef;
use ctl_core::log::{Checkpoint, LogKey, Note, note::MAX_NOTE_BYTES};
use ctl_core::parts::Der;
use ctl_core::role::Role;
use ctl_core::tuf::{GoOnFrom, Limits, RestartReason, verify};
use ctl_governance::State;
use ctl_governance::statement::body::LogRestart;
use ctl_replica::{Replica, Submission, log_key};
use serde::Serialize;

use crate::arguments::word;
use crate::output::Render;
use crate::signer::charter;
use crate::signing::{self, Ask, Said, Signing};
use crate::{AdminError, files};

/// The highest numbers of a role that anyone may have seen: `na=7:9`, version and sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The role, `snapshot` and `timestamp` among them.
    pub role: String,
    /// Its numbers.
    pub numbers: GoOnFrom,
}

impl FromStr for Seen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not like na=7:9 (role=version:sequence) or root=4 (role=version)");
        let (role, numbers) = text.split_once('=').ok_or_else(wrong)?;
        let (version, sequence) = numbers.split_once(':').unwrap_or((numbers, "0"));
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        let numbers = GoOnFrom { version: number(version)?, sequence: number(sequence)? };
        Ok(Self { role: role.into(), numbers })
    }
}

/// What the board knows.
#[derive(Args, Clone, Debug)]
pub struct Restart {
    /// log-key-compromise or ledger-lost
    #[arg(long, value_parser = word::<RestartReason>)]
    pub reason: RestartReason,
    /// The new log's origin and public key: keys/log-….json of ctl-server log key
    #[arg(long, value_name = "FILE")]
    pub new_log: PathBuf,
    /// The last checkpoint of the log that ends [default: that of what is left]
    #[arg(long, value_name = "FILE")]
    pub old: Option<PathBuf>,
    /// The highest numbers of a role that anyone may have seen, like na=7:9 for version and sequence
    #[arg(long, value_name = "ROLE=NUMBERS")]
    pub seen: Vec<Seen>,
    /// The last root.json that devices hold, if what is left does not have it
    #[arg(long, value_name = "FILE")]
    pub last_root: Option<PathBuf>,
}

/// The statement, before it is signed.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Prepared(pub LogRestart);

impl Render for Prepared {
    fn text(&self) -> String {
        let LogRestart { key, last_root, old, origin, reason, roles } = &self.0;
        let mut text = format!(
            "the log {} ends ({reason}), with {} entries, root {}\nthe log {origin} begins, with the key {}\nand with \
             all entries that this copy has; what it does not have is lost for ever\n",
            old.origin,
            old.size,
            old.root_hash,
            key.key_id()
        );
        if let Some(Der(root)) = last_root {
            text += &format!(
                "the last root.json that devices hold is given with it, as this copy does not have it: SHA-256 {}\n",
                Digest::of(root)
            );
        }
        for (role, GoOnFrom { version, sequence }) in roles {
            text += &format!("{role} goes on from version {version}");
            text += &if *sequence > 0 { format!(", sequence {sequence}\n") } else { "\n".into() };
        }
        text + "whoever has seen greater numbers will not take up what comes until it is greater still\n"
    }
}

impl Ask for Restart {
    type Prepared = Prepared;

    async fn prepare(&self, session: &mut Replica, _: &Signing) -> Result<Prepared, AdminError> {
        let log = session.sync().await?;
        let new = charter::read_server_keys(&self.new_log)?;
        let last_root = self.last_root.as_ref().map(|path| {
            let bytes = files::read(path, Limits::default().root)?;
            let root = verify::trusted_root(&bytes, &Limits::default());
            let root = root.map_err(|error| AdminError::input(path.display(), error))?;
            Ok::<_, AdminError>((Der(bytes), root.signed))
        });
        let last_root = last_root.transpose()?;
        // The log that ends is the one that devices know, even where this copy is older than an earlier restart.
        let (origin, key) = log_key(log.state())?;
        let known = last_root.as_ref().and_then(|(_, root)| root.v2g.as_ref()).map(|v2g| &v2g.log);
        let known = known.and_then(|log| log.key.parse::<LogKey>().ok());
        let ends = known.as_ref().map_or(origin.as_str(), LogKey::name).to_owned();
        let checkpoint = match &self.old {
            Some(path) => {
                let note = Note::parse(&files::read(path, MAX_NOTE_BYTES)?)
                    .map_err(|error| AdminError::input(path.display(), error))?;
                let keys =
                    [Some(&key), known.as_ref()].into_iter().flatten().filter(|key| key.name() == ends);
                let opened = keys.map(|key| Checkpoint::open_note(&note, &ends, key));
                let opened = opened.reduce(Result::or);
                let missing = || AdminError::input(path.display(), format!("no key of {ends} is known"));
                opened.ok_or_else(missing)?.map_err(|error| AdminError::input(path.display(), error))?
            }
            None if ends != origin => {
                let text = format!(
                    "this copy is of {origin}, before the log became {ends}: give the last checkpoint of {ends} with --old"
                );
                return Err(AdminError::Input(text));
            }
            None => log.checkpoint().clone(),
        };
        let mut roles = numbers(log.state());
        if let Some((_, root)) = &last_root {
            roles.entry("root".into()).or_default().version = root.version;
        }
        for Seen { role, numbers } in &self.seen {
            let most = roles.entry(role.clone()).or_default();
            most.version = most.version.max(numbers.version);
            most.sequence = most.sequence.max(numbers.sequence);
        }
        let origin = ends.parse().map_err(|error| AdminError::input("last root", error))?;
        Ok(Prepared(LogRestart {
            key: new.log,
            last_root: last_root.map(|(root, _)| root),
            old: LogRef { origin, root_hash: checkpoint.root, size: checkpoint.size },
            origin: new.log_origin,
            reason: self.reason,
            roles,
        }))
    }
}

/// The numbers of what is left.
fn numbers(state: &State) -> BTreeMap<String, GoOnFrom> {
    let lists = state.charter.lists.keys().cloned().map(Role::List);
    let roles = [Role::Root, Role::Targets, Role::Registry, Role::Notices].into_iter().chain(lists);
    let roles = roles.map(|role| {
        let open = state.published.get(&role).map(|published| &published.open);
        let version = open.map_or(0, |open| open.version);
        let sequence = open.and_then(|open| open.sequence).unwrap_or(0);
        (role.to_string(), GoOnFrom { version, sequence })
    });
    // The server's own versions never fall below the time, so they need no number.
    let own = ["snapshot", "timestamp"].map(|role| (role.to_owned(), GoOnFrom::default()));
    roles.chain(own).collect()
}

impl signing::Prepared for Prepared {
    const QUESTION: &'static str = "Let the log begin anew?";

    fn said(self) -> Result<Said, AdminError> {
        Ok((self.0.into(), Vec::new()))
    }

    /// Signs it into the file that the rest of the board cosigns.
    async fn send(self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        if signing.out.is_none() {
            let text = "the log that would record this does not exist yet: give --out FILE, have the board cosign it, \
                        and record it with ctl-server log restart";
            return Err(AdminError::Input(text.into()));
        }
        signing::state(session, signing, self.said()?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let seen = |text: &str| text.parse::<Seen>().map(|seen| (seen.role, seen.numbers));
        assert_eq!(seen("na=7:9"), Ok(("na".into(), GoOnFrom { version: 7, sequence: 9 })));
        assert_eq!(seen("root=4"), Ok(("root".into(), GoOnFrom { version: 4, sequence: 0 })));
        for wrong in ["na", "na=", "na=x", "na=1:", "na=1:x", "=1:2:3"] {
            assert!(seen(wrong).is_err(), "{wrong}");
        }
    }
}
