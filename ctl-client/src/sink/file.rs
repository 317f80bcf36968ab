//! Sinks that are files: a layout says which files there are and what is in them, and they all change in one
//! step. What others left in them is kept, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ctl_core::Digest;
use ctl_core::parts::Use;
use ctl_pki::Certificate;

use super::form::Form;
use super::generation::{self, Generations};
use super::selection::select;
use super::{Applied, Commands, Doing, Plan, Prepared, Sink, StoreFile, Stores, fingerprint};
use crate::config::FilesConfig;
use crate::error::ClientError;
use crate::files::Files;
use crate::folder::Folder;
use crate::store::TrustStore;

/// The files that a layout is made of, and the anchors that it could not take.
#[derive(Clone, Debug, Default)]
pub(super) struct Content<'a> {
    /// Certificates by file name.
    pub(super) files: BTreeMap<String, Vec<&'a Certificate>>,
    /// Anchors that were left out: name and reason.
    pub(super) left_out: Vec<(Digest, String)>,
    /// What is worth knowing and not wrong.
    pub(super) notes: Vec<String>,
    /// What is wrong at the place itself, and what to do.
    pub(super) complaints: Vec<String>,
    /// Why readers take nothing of the kind, and what to do: then what is there stays as far as it may, and nothing comes.
    pub(super) cannot: Option<String>,
}

/// Which files a sink is made of. One value for each kind in the configuration.
#[derive(Debug)]
pub(super) struct Layout {
    /// What it is called in messages and in the state.
    pub(super) name: &'static str,
    /// The files at the configured place, and how they change.
    pub(super) generations: fn(&FilesConfig) -> Generations,
    /// What is in them. Where a file takes one certificate, all that it could be.
    pub(super) content: for<'a> fn(&'a TrustStore, &FilesConfig) -> Content<'a>,
    /// How certificates stand in the file of this name.
    pub(super) form: fn(&str) -> Form,
    /// Whether a file of this name is for anchors of this use.
    pub(super) is_for: fn(&str, Use) -> bool,
    /// The files in which readers expect an anchor where the lists name one for this use.
    pub(super) stores: fn(&FilesConfig, Use) -> Vec<String>,
    /// The file of one anchor alone, where there are such files.
    pub(super) own_name: fn(&Digest) -> Option<String>,
    /// Whether cross-certificates are written.
    pub(super) takes_cross_certificates: bool,
}

/// A sink of files.
#[derive(Clone, Debug)]
pub(super) struct FileSink {
    pub(super) layout: &'static Layout,
    pub(super) config: FilesConfig,
}

/// Files that nobody reads yet.
struct Written<'a> {
    generations: Generations,
    files: &'a dyn Files,
    written: generation::Prepared,
    contents: &'a BTreeMap<String, Vec<u8>>,
}

impl Prepared for Written<'_> {
    fn place(&self) -> PathBuf {
        self.written.path()
    }

    /// In one step: readers and power cuts see the former content or this.
    fn apply<'b>(self: Box<Self>) -> Doing<'b, Applied>
    where
        Self: 'b,
    {
        Box::pin(async move {
            self.generations.switch(self.files, &self.written, self.contents)?;
            Ok(Applied::Whole)
        })
    }

    fn discard<'b>(self: Box<Self>) -> Doing<'b, ()>
    where
        Self: 'b,
    {
        Box::pin(async move { Generations::discard(self.files, &self.written) })
    }
}

impl Sink for FileSink {
    fn name(&self) -> String {
        format!("{} {}", self.layout.name, self.config.path.display())
    }

    fn commands(&self) -> Commands<'_> {
        Commands {
            check_before_change: &self.config.check_before_change,
            run_after_change: &self.config.run_after_change,
        }
    }

    fn trouble(&self) -> Option<String> {
        let path = &self.config.path;
        // A sink of one file stands in a folder.
        let folder = Folder::open(path).or_else(|_| Folder::open(path.parent().unwrap_or(path)));
        folder.ok()?.trouble().map(str::to_owned)
    }

    /// By what is remembered beside its files.
    fn was_filled(&self) -> bool {
        self.generations().was_filled()
    }

    fn plan<'a>(&'a self, store: &'a TrustStore, placed: &'a BTreeSet<Digest>) -> Doing<'a, Plan> {
        Box::pin(async move { self.plan_files(store, placed) })
    }

    fn evidence(&self, store: &TrustStore, placed: &BTreeSet<Digest>) -> Option<Digest> {
        let selected = self.selected(store);
        self.look(store, selected.as_ref(), placed).ok()?.ok().map(|look| look.evidence)
    }

    /// Beside what is there, which it does not change yet.
    fn prepare<'a>(&'a self, files: &'a dyn Files, plan: &'a Plan) -> Doing<'a, Box<dyn Prepared + 'a>> {
        Box::pin(async move {
            let generations = self.generations();
            // Also what is remembered beside the files, which whoever owns them can add to.
            let placed = &plan.placed | &generations.placed();
            let written = generations.prepare(files, &plan.files, &placed)?;
            Ok(Box::new(Written { generations, files, written, contents: &plan.files })
                as Box<dyn Prepared + 'a>)
        })
    }

    fn takes_removals_alone(&self) -> bool {
        true
    }

    fn stores(&self, trust: &TrustStore) -> Result<Stores, ClientError> {
        let selected = self.config.selection.as_ref().map(|config| select(config, trust)).transpose();
        let selected = selected.map_err(|problem| ClientError::Selection { sink: self.name(), problem })?;
        let trust = selected.as_ref().map_or(trust, |selected| &selected.store);
        let mut content = (self.layout.content)(trust, &self.config);
        if let Some(problem) = content.cannot {
            return Err(self.error(problem));
        }
        self.leave_out_unreadable(&mut content);
        let generations = self.generations();
        // What cannot be read now is told by whoever looks at the files that are named here.
        let present = generations.present().map_or_else(|_| BTreeMap::new(), |present| present.files);
        self.choose(&mut content, &present, &generations.placed());
        let files = content.files.iter().map(|(name, certificates)| StoreFile {
            path: generations.place(name),
            form: (self.layout.form)(name),
            certificates: certificates.iter().map(|certificate| fingerprint(certificate)).collect(),
        });
        Ok(Stores {
            files: files.collect(),
            folders: generations.folder().into_iter().collect(),
            left_out: content.left_out,
            ..Stores::default()
        })
    }
}

impl FileSink {
    /// As configured.
    pub(super) const fn new(layout: &'static Layout, config: FilesConfig) -> Self {
        Self { layout, config }
    }

    pub(super) fn generations(&self) -> Generations {
        (self.layout.generations)(&self.config)
    }

    pub(super) fn error(&self, problem: String) -> ClientError {
        ClientError::Sink { sink: self.name(), problem }
    }

    /// The same of what people must look at while everything else was done.
    pub(super) fn complaint(&self, problem: String) -> ClientError {
        ClientError::Spoilt { sink: self.name(), problem }
    }
}
