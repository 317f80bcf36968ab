//! A sink that hands what is trusted to a program of the operator's: a folder with every certificate and a manifest,
//! and what changed since what it took last. Any back end that this client does not know is written to this way.
//!
//! What was handed over is remembered only after the program has succeeded, by moving `current` to that folder. So it
//! may be given the same change twice, when the power fails in between, and knows it by its digest. What it was offered
//! and perhaps took before it failed is remembered until then, too: it is removed like everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ctl_core::Digest;
use ctl_pki::Certificate;
use serde::{Deserialize, Serialize};

use super::file::{FileSink, Layout};
use super::form::Form;
use super::generation::Generations;
use super::manifest::{self, Entry, Manifest};
use super::{Applied, Commands, Doing, MAX_FILE, Plan, Prepared, Sink, Stores, fingerprint, pem};
use crate::command;
use crate::config::{CommandConfig, FilesConfig};
use crate::error::ClientError;
use crate::files::{self, Files};
use crate::store::TrustStore;

/// The manifest in the folder.
const MANIFEST: &str = "manifest.json";
/// The file of changes, beside the folders.
const CHANGES: &str = "changes.json";
/// What the program was offered since it last succeeded, beside the folders.
const OFFERED: &str = "offered.json";
/// Stands beside them, until a person removes it, since that could not be read again.
const LOST: &str = "offered.lost";

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

    /// What the program took last: its files by digest, and its certificates. A manifest that cannot be read says
    /// nothing of that: the certificates beside it do.
    fn taken(&self) -> Result<Taken, ClientError> {
        let files = self.folder.generations().present()?.files;
        let mut all = entries(&files);
        for block in
            files.iter().filter(|(name, _)| *name != MANIFEST).flat_map(|(_, file)| Form::Pem.blocks(file))
        {
            if let Some(certificate) = block.parsed {
                let entry = || Entry::of(&certificate, &TrustStore::default());
                all.entry(fingerprint(&certificate)).or_insert_with(entry);
            }
        }
        Ok(Taken { digest: (!files.is_empty()).then(|| super::digest(&files)), entries: all })
    }

    /// Whether what it was offered could not be read once, and nobody has looked since.
    fn has_lost(&self) -> Result<bool, ClientError> {
        let folder = files::open_directory(&self.config.path)?;
        let is_said = folder.is_some_and(|folder| folder.kind(LOST).is_ok_and(|kind| kind.is_some()));
        Ok(is_said || self.offered()?.is_err())
    }

    /// What the program was offered since it last succeeded; an error in words if that cannot be read any more.
    fn offered(&self) -> Result<Result<Option<Offered>, String>, ClientError> {
        let Some(folder) = files::open_directory(&self.config.path)? else { return Ok(Ok(None)) };
        let bytes = match folder.read(OFFERED, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let read = bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
        Ok(read.transpose())
    }
}

/// What was handed over.
struct Taken {
    digest: Option<Digest>,
    entries: BTreeMap<Digest, Entry>,
}

/// What the program was offered since it last succeeded. It may have taken any of it.
#[derive(Default, Serialize, Deserialize)]
struct Offered {
    /// Of the last offer: another one has another, though it be for the same files.
    id: Option<Digest>,
    /// What was offered last.
    to: Option<Digest>,
    /// All that was offered.
    entries: Vec<Entry>,
}

impl Offered {
    /// With one offer more.
    fn and(self, to: Digest, next: &BTreeMap<Digest, Entry>) -> Result<Self, String> {
        let id = match self.to == Some(to) {
            true => self.id,
            false => {
                let mut random = [0; 32];
                getrandom::fill(&mut random).map_err(|error| error.to_string())?;
                Some(Digest::from_bytes(random))
            }
        };
        let mut all = by_fingerprint(&self.entries);
        all.extend(next.iter().map(|(digest, entry)| (*digest, entry.clone())));
        Ok(Self { id, to: Some(to), entries: all.into_values().collect() })
    }
}

fn entries(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<Digest, Entry> {
    let manifest = files.get(MANIFEST).and_then(|bytes| Manifest::parse(bytes).ok());
    by_fingerprint(manifest.iter().flat_map(Manifest::entries))
}

fn by_fingerprint<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> BTreeMap<Digest, Entry> {
    entries.into_iter().map(|entry| (entry.fingerprint, entry.clone())).collect()
}

/// The file of changes.
#[derive(Serialize)]
struct Changes {
    r#type: &'static str,
    format: u32,
    /// The same change, given twice in a row, has the same.
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
    /// From what was taken, and perhaps from what was `offered`.
    fn between(
        taken: &Taken,
        offered: &[Entry],
        next: &BTreeMap<Digest, Entry>,
        plan: &Plan,
        id: Option<Digest>,
    ) -> Self {
        let to = plan.digest();
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
        let mut had = by_fingerprint(offered);
        had.extend(taken.entries.clone());
        let removed = had.values().filter(|entry| !next.contains_key(&entry.fingerprint));
        let why_not = |entry: &Entry| {
            let why = plan.removed.get(&entry.fingerprint);
            why.cloned().unwrap_or_else(|| "no list that this device follows names it any more".to_owned())
        };
        Self {
            r#type: "ctl-client-changes",
            format: 1,
            digest: Digest::of(&ctl_core::json::canonical(&(id, taken.digest, to))),
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
    offered: Vec<u8>,
    has_lost: bool,
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
            if self.has_lost {
                files::replace(self.files, &base, LOST, b"see status\n")?;
            }
            // First remember what it may hold from now on, however it ends.
            files::replace(self.files, &base, OFFERED, &self.offered)?;
            let mut command = program.clone();
            let arguments: [&Path; 2] = [&self.folder.place(), &path.join(CHANGES)];
            command.extend(arguments.map(|path| path.display().to_string()));
            match command::run(&command, Duration::from_secs(*seconds)).await {
                Ok(()) => {
                    let applied = self.folder.apply().await?;
                    files::remove(self.files, &base, OFFERED.as_ref())?;
                    Ok(applied)
                }
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
        Box::pin(async move {
            let mut plan = self.folder.plan(store, placed).await?;
            let next = entries(&plan.files);
            match self.offered()? {
                Ok(offered) => {
                    let all = offered.unwrap_or_default().entries;
                    for entry in all.iter().filter(|entry| !next.contains_key(&entry.fingerprint)) {
                        // It may hold it, though it never said so.
                        plan.in_place = false;
                        let parsed = Certificate::from_der(&entry.certificate.0);
                        let is_distrusted = parsed.is_ok_and(|parsed| store.is_distrusted(&parsed));
                        let why = || store.why_not(entry.fingerprint, is_distrusted);
                        plan.removed.entry(entry.fingerprint).or_insert_with(why);
                    }
                }
                Err(_) => plan.in_place = false,
            }
            if self.has_lost()? {
                plan.complaints.push(self.folder.complaint(format!(
                    "{OFFERED} could not be read, so that nobody knows what the program took before it failed: compare \
                     what your back end holds with {MANIFEST}, then remove {}",
                    self.config.path.join(LOST).display()
                )));
            }
            Ok(plan)
        })
    }

    fn takes_removals_alone(&self) -> bool {
        self.folder.takes_removals_alone()
    }

    fn evidence(&self, store: &TrustStore, placed: &BTreeSet<Digest>) -> Option<Digest> {
        self.folder.evidence(store, placed)
    }

    fn prepare<'a>(&'a self, files: &'a dyn Files, plan: &'a Plan) -> Doing<'a, Box<dyn Prepared + 'a>> {
        Box::pin(async move {
            let (next, before) =
                (entries(&plan.files), self.offered()?.unwrap_or_default().unwrap_or_default());
            let before_it = before.entries.clone();
            let offered = before.and(plan.digest(), &next).map_err(|problem| self.folder.error(problem))?;
            let changes = Changes::between(&self.taken()?, &before_it, &next, plan, offered.id);
            let failed = |error: serde_json::Error| self.folder.error(error.to_string());
            let mut changes = serde_json::to_vec_pretty(&changes).map_err(failed)?;
            changes.push(b'\n');
            let offered = serde_json::to_vec(&offered).map_err(failed)?;
            let folder = self.folder.prepare(files, plan).await?;
            let has_lost = self.has_lost()?;
            Ok(Box::new(Offer { sink: self, files, folder, changes, offered, has_lost })
                as Box<dyn Prepared + 'a>)
        })
    }

    fn stores(&self, trust: &TrustStore) -> Result<Stores, ClientError> {
        self.folder.stores(trust)
    }
}
