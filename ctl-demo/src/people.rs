//! Those who act: each has a key in a file and a view of the log of their own, which their tool has
//! downloaded, verified and replayed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ctl_admin::AdminError;
use ctl_admin::ctl_replica::{Options, Replica, Submission, Trust};
use ctl_admin::output::Render as _;
use ctl_admin::signing::Signing;

use crate::Problem;

/// Everyone whom the charter names; their keys are made before the scheme is founded.
pub(crate) const OFFICES: [&str; 17] = [
    "board-alpha",
    "board-beta",
    "board-gamma",
    "elector-alpha",
    "elector-alpha-deputy",
    "elector-beta",
    "elector-gamma",
    "elector-delta",
    "signer-alpha",
    "signer-beta",
    "signer-gamma",
    "registrar",
    "officer-alpha",
    "officer-beta",
    "admissions",
    "watcher-north",
    "watcher-south",
];

/// Those whose watches run.
pub(crate) const WATCHERS: [&str; 2] = ["watcher-north", "watcher-south"];

/// One elector of each organisation that votes.
pub(crate) const ELECTORS: [&str; 4] = ["elector-alpha", "elector-beta", "elector-gamma", "elector-delta"];

/// Companies that register once the scheme is there. Elektra runs a root and sells charging contracts;
/// Veritas audits.
pub(crate) const COMPANIES: [&str; 8] =
    ["aurora", "borealis", "cirrus", "dynamo", "elektra", "eclipse", "wattway", AUDITOR];

/// The auditor whom the electors accredit.
pub(crate) const AUDITOR: &str = "veritas";

/// The people of a tour.
pub(crate) struct People {
    url: String,
    root: PathBuf,
    keys: PathBuf,
    sessions: BTreeMap<String, Replica>,
}

impl People {
    /// They know the scheme by its first root.json.
    pub(crate) fn new(url: String, root: PathBuf, keys: PathBuf) -> Self {
        Self { url, root, keys, sessions: BTreeMap::new() }
    }

    /// The server's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The first root.json.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What a tool needs that has seen nothing yet.
    pub(crate) fn options(&self) -> Options {
        Options::new(self.url.clone(), Trust::Root(self.root.clone()))
    }

    /// A person's own view of the log.
    pub(crate) fn session(&mut self, id: &str) -> Result<&mut Replica, Problem> {
        if !self.sessions.contains_key(id) {
            let session = Replica::open(self.options())?;
            self.sessions.insert(id.to_owned(), session);
        }
        self.sessions.get_mut(id).ok_or_else(|| Problem::Unexpected(format!("{id} takes no part")))
    }

    /// The file of a private key.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        key_file(&self.keys, name)
    }

    /// Signing with the keys of these names.
    pub(crate) fn signing(&self, names: &[&str]) -> Result<Signing, Problem> {
        let files: Vec<PathBuf> = names.iter().map(|name| self.key(name)).collect();
        Ok(Signing::with(&files)?)
    }
}

/// The file of a private key below the folder of keys.
pub(crate) fn key_file(keys: &Path, name: &str) -> PathBuf {
    keys.join(format!("{name}.pem"))
}

/// The index under which a statement was recorded.
pub(crate) fn index(submission: Submission) -> Result<u64, Problem> {
    match submission.receipt() {
        Some(receipt) => Ok(receipt.index),
        None => Err(Problem::Unexpected(format!("a statement is not recorded: {}", submission.text()))),
    }
}

/// What the server must refuse, for this reason; gives its words.
pub(crate) fn refused(outcome: Result<Submission, AdminError>, reason: &str) -> Result<String, Problem> {
    match outcome {
        Err(AdminError::Refused { reason: Some(given), detail, .. }) if given == reason => Ok(detail),
        Err(other) => Err(other.into()),
        Ok(_) => Err(Problem::Unexpected(format!("the server recorded what it must refuse ({reason})"))),
    }
}
