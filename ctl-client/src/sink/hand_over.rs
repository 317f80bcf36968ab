//! A sink that hands what is trusted to a program of the operator's: a folder with every certificate and a manifest,
//! and what changed since what it took last. Any back end that this client does not know is written to this way.
//!
//! What was handed over is remembered only after the program has succeeded, by moving `current` to that folder. So it
//! may be given the same change twice, when the power fails in between, and knows it by its digest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ctl_core::Digest;
use serde::Serialize;

use super::file::{FileSink, Layout};
use super::form::Form;
use super::generation::Generations;
use super::manifest::{self, Entry, Manifest};
use super::{Applied, Commands, Doing, Plan, Prepared, Sink, Stores, pem};
use crate::command;
use crate::config::{CommandConfig, FilesConfig};
use crate::error::ClientError;
use crate::files::{self, Files};
use crate::store::TrustStore;

/// The manifest in the folder.
const MANIFEST: &str = "manifest.json";
/// The file of changes, beside the folders.
const CHANGES: &str = "changes.json";

/// What `pem` writes, with a manifest.
static LAYOUT: Layout = Layout {
    name: "command",
    generations: |config| Generations::new(config.path.clone(), vec![]),
    content: |store, config| {
        let mut content = (pem::LAYOUT.content)(store, config);
        manifest::beside(&mut content, MANIFEST);
        content
    },
    form: |name| if name == MANIFEST { Form::Manifest } else { Form::Pem },
    is_for: |name, r#use| name == MANIFEST || (pem::LAYOUT.is_for)(name, r#use),
    stores: pem::LAYOUT.stores,
    own_name: pem::LAYOUT.own_name,
    takes_cross_certificates: true,
};

/// A sink of this kind.
pub(super) struct HandOver {
    folder: FileSink,
    config: CommandConfig,
}

impl HandOver {
    pub(super) const fn new(config: CommandConfig, folder: FilesConfig) -> Self {
        Self { folder: FileSink::new(&LAYOUT, folder), config }
    }

    /// What the program took last: its files by digest, and its certificates.
    fn taken(&self) -> Result<Taken, ClientError> {
        let files = self.folder.generations().present()?.files;
        Ok(Taken { digest: (!files.is_empty()).then(|| super::digest(&files)), entries: entries(&files) })
    }
}

/// What was handed over.
struct Taken {
    digest: Option<Digest>,
    entries: BTreeMap<Digest, Entry>,
}

fn entries(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<Digest, Entry> {
    let manifest = files.get(MANIFEST).and_then(|bytes| Manifest::parse(bytes).ok());
    manifest.iter().flat_map(Manifest::entries).map(|entry| (entry.fingerprint, entry.clone())).collect()
}

/// The file of changes.
#[derive(Serialize)]
struct Changes {
    r#type: &'static str,
    format: u32,
    /// Of `from` and `to`: the same change, given twice, has the same.
    digest: Digest,
    /// What was taken last; none at first.
    from: Option<Digest>,
    /// What is handed over.
    to: Digest,
    added: Vec<Change>,
    removed: Vec<Change>,
    kept: Vec<Change>,
}

/// A certificate.
#[derive(Serialize)]
struct Change {
    why: String,
    #[serde(flatten)]
    entry: Entry,
}

impl Changes {
    fn between(taken: &Taken, plan: &Plan) -> Self {
        let to = plan.digest();
        let next = entries(&plan.files);
        let change = |entry: &Entry, why: String| Change { why, entry: entry.clone() };
        let named = |entry: &Entry| {
            let lists = entry
                .trusted_by
                .iter()
                .map(|by| format!("list {}: {} since {}", by.list, by.status, by.since));
            match lists.collect::<Vec<_>>().join("; ") {
                none if none.is_empty() => "a cross-certificate between trusted anchors".to_owned(),
                lists => lists,
            }
        };
        let (kept, added): (Vec<&Entry>, Vec<&Entry>) =
            next.values().partition(|entry| taken.entries.contains_key(&entry.fingerprint));
        let removed = taken.entries.values().filter(|entry| !next.contains_key(&entry.fingerprint));
        let why_not = |entry: &Entry| {
            let why = plan.removed.get(&entry.fingerprint);
            why.cloned().unwrap_or_else(|| "no list that this device follows names it any more".to_owned())
        };
        Self {
            r#type: "ctl-client-changes",
            format: 1,
            digest: Digest::of(&ctl_core::json::canonical(&(taken.digest, to))),
            from: taken.digest,
            to,
            added: added.into_iter().map(|entry| change(entry, named(entry))).collect(),
            removed: removed.map(|entry| change(entry, why_not(entry))).collect(),
            kept: kept.into_iter().map(|entry| change(entry, named(entry))).collect(),
        }
    }
}

/// A folder that the program has not taken yet.
struct Offer<'a> {
    sink: &'a HandOver,
    files: &'a dyn Files,
    folder: Box<dyn Prepared + 'a>,
    changes: Vec<u8>,
}

impl Prepared for Offer<'_> {
    fn place(&self) -> PathBuf {
        self.folder.place()
    }

    fn apply<'b>(self: Box<Self>) -> Doing<'b, Applied>
    where
        Self: 'b,
    {
        Box::pin(async move {
            let CommandConfig { path, program, seconds, .. } = &self.sink.config;
            let base = files::create_open_directories(self.files, path)?;
            files::replace(self.files, &base, CHANGES, &self.changes)?;
            let mut command = program.clone();
            let arguments: [&Path; 2] = [&self.folder.place(), &path.join(CHANGES)];
            command.extend(arguments.map(|path| path.display().to_string()));
            match command::run(&command, Duration::from_secs(*seconds)).await {
                Ok(()) => self.folder.apply().await,
                Err(problem) => {
                    self.folder.discard().await?;
                    Err(ClientError::HandOver { sink: self.sink.name(), problem })
                }
            }
        })
    }

    fn discard<'b>(self: Box<Self>) -> Doing<'b, ()>
    where
        Self: 'b,
    {
        self.folder.discard()
    }
}

impl Sink for HandOver {
    fn name(&self) -> String {
        self.folder.name()
    }

    fn commands(&self) -> Commands<'_> {
        Commands::default()
    }

    fn trouble(&self) -> Option<String> {
        self.folder.trouble()
    }

    fn was_filled(&self) -> bool {
        self.folder.was_filled()
    }

    fn plan<'a>(&'a self, store: &'a TrustStore, placed: &'a BTreeSet<Digest>) -> Doing<'a, Plan> {
        self.folder.plan(store, placed)
    }

    fn takes_removals_alone(&self) -> bool {
        self.folder.takes_removals_alone()
    }

    fn prepare<'a>(&'a self, files: &'a dyn Files, plan: &'a Plan) -> Doing<'a, Box<dyn Prepared + 'a>> {
        Box::pin(async move {
            let changes = Changes::between(&self.taken()?, plan);
            let failed = |error: serde_json::Error| self.folder.error(error.to_string());
            let mut changes = serde_json::to_vec_pretty(&changes).map_err(failed)?;
            changes.push(b'\n');
            let folder = self.folder.prepare(files, plan).await?;
            Ok(Box::new(Offer { sink: self, files, folder, changes }) as Box<dyn Prepared + 'a>)
        })
    }

    fn stores(&self, trust: &TrustStore) -> Result<Stores, ClientError> {
        self.folder.stores(trust)
    }
}
