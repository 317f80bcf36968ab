//! Where verified anchors go. A [`Sink`] says what it should hold, compared with what it holds, and makes it so.
//! What is asked of every sink stands here; the kinds that write files are in [`file`].

pub(crate) mod block;
mod everest;
mod file;
mod form;
mod generation;
mod hand_over;
mod josev;
mod kept;
pub mod manifest;
mod p7c;
mod pem;
mod plan;
mod present;
mod selection;
mod stations;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use ctl_core::Digest;
use ctl_pki::Certificate;

use crate::config::{FilesConfig, SinkConfig};
#[cfg(feature = "back-end")]
use crate::csms::{StationsSink, config::Brand};
use crate::error::ClientError;
use crate::files::Files;
use crate::store::TrustStore;
use file::{FileSink, Layout};
pub use form::Form;
pub(crate) use form::without_nobody;
use hand_over::HandOver;
pub use stations::{RolloutLine, RolloutPause, Standing, StationCounts, StationLine, StationRollout};

/// A file of a sink is at most so many bytes.
const MAX_FILE: usize = 16 * 1024 * 1024;
/// All files of a sink are at most so many bytes.
const MAX_SUM: usize = 64 * 1024 * 1024;
/// A sink has at most so many files.
const MAX_FILES: usize = 10_000;

/// Something that a sink does: at once, or after asking somebody else.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, ClientError>> + 'a>>;

/// One place that anchors are put.
///
/// A change takes three steps, so that a power cut between any two of them is made good by the next sync:
/// [`Sink::plan`] compares, [`Sink::prepare`] gets everything ready without changing what is read, and
/// [`Prepared::apply`] makes the change, in one step where that is possible. Between the last two the operator's
/// command may refuse it, and the client remembers what is about to be its own.
pub trait Sink {
    /// Its name in messages and in the state. Another name is another sink.
    fn name(&self) -> String;

    /// The operator's commands.
    fn commands(&self) -> Commands<'_>;

    /// Why no change can be put there now, for `status`; none if nothing is known to be in the way.
    fn trouble(&self) -> Option<String>;

    /// Whether it was ever filled, by what the sink itself remembers.
    fn was_filled(&self) -> bool;

    /// What the sink should hold, and how that differs from what is there now. `placed` are the fingerprints of
    /// everything that this client remembers to have put there; the sink may remember them too, should the state
    /// be lost. What is there and not among them belongs to somebody else.
    ///
    /// # Errors
    /// What is there cannot be read or must not be changed. The sink is left alone then.
    fn plan<'a>(&'a self, store: &'a TrustStore, placed: &'a BTreeSet<Digest>) -> Doing<'a, Plan>;

    /// A digest of all that a plan follows from ([`Plan::evidence`]), as it is now; none where that cannot be told.
    fn evidence(&self, _trust: &TrustStore, _placed: &BTreeSet<Digest>) -> Option<Digest> {
        None
    }

    /// Gets a plan ready, and changes nothing that others read.
    ///
    /// # Errors
    /// The sink cannot be written.
    fn prepare<'a>(&'a self, files: &'a dyn Files, plan: &'a Plan) -> Doing<'a, Box<dyn Prepared + 'a>>;

    /// Whether it can plan with a store that only removes ([`TrustStore::only_removes`]).
    fn takes_removals_alone(&self) -> bool {
        false
    }

    /// How the charging stations behind it stood at the last plan; none for sinks without any.
    fn stations(&self) -> Option<Vec<StationLine>> {
        None
    }

    /// How far what the lists add has come among them, by the last plan; none without a staged roll-out.
    fn rollout(&self) -> Option<StationRollout> {
        None
    }

    /// The files that its readers load, or stores elsewhere, and which certificates belong into each: what is asked
    /// without looking at what is there.
    ///
    /// # Errors
    /// This kind of sink cannot take what is trusted.
    fn stores(&self, _trust: &TrustStore) -> Result<Stores, ClientError> {
        Ok(Stores::default())
    }
}

/// A file that readers of a sink load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFile {
    /// Where readers look for it.
    pub path: PathBuf,
    /// How they read it.
    pub form: Form,
    /// Fingerprints of the certificates that belong there.
    pub certificates: BTreeSet<Digest>,
}

/// The files that readers of a sink load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stores {
    /// Those that should be there.
    pub files: Vec<StoreFile>,
    /// Directories of which readers may load every file, whoever put it there.
    pub folders: Vec<PathBuf>,
    /// Stores that are no files of this device, in words, by the certificates that belong there.
    pub elsewhere: BTreeMap<Digest, Vec<String>>,
    /// Anchors that this sink cannot take, and why.
    pub left_out: Vec<(Digest, String)>,
}

/// A change that is ready.
pub trait Prepared {
    /// Where the operator's command finds the files that are about to be put there.
    fn place(&self) -> PathBuf;

    /// Makes the change.
    ///
    /// # Errors
    /// Nothing was changed, or nobody knows what was: the next plan finds out.
    fn apply<'a>(self: Box<Self>) -> Doing<'a, Applied>
    where
        Self: 'a;

    /// Takes it back.
    ///
    /// # Errors
    /// Something of it is left.
    fn discard<'a>(self: Box<Self>) -> Doing<'a, ()>
    where
        Self: 'a;
}

/// How far a change came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The sink holds all that was planned.
    Whole,
    /// The same, and nothing had to be changed.
    Nothing,
    /// It holds some of it, and nothing more can be done about the rest for now: others must act first, or time.
    Waits {
        /// What is not as planned, and why: a line for each.
        missing: Vec<String>,
    },
    /// It holds some of it. The next sync plans anew from what is there.
    Partly {
        /// What is not as planned, and why: a line for each.
        missing: Vec<String>,
    },
}

/// The operator's commands around a change; empty for none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Commands<'a> {
    /// Judges what is about to be put there.
    pub check_before_change: &'a [String],
    /// Is told that something changed.
    pub run_after_change: &'a [String],
}

/// What of this device's files and back ends a sink takes for itself: no other sink may be there.
pub(crate) fn places(config: &SinkConfig) -> Vec<PathBuf> {
    let at = |layout: &Layout, files: &FilesConfig| (layout.generations)(files).places().collect();
    match config {
        SinkConfig::Pem(files) => at(&pem::LAYOUT, files),
        SinkConfig::Everest(files) => at(&everest::LAYOUT, files),
        SinkConfig::Josev(files) => at(&josev::LAYOUT, files),
        SinkConfig::P7c(files) => at(&p7c::LAYOUT, files),
        SinkConfig::Manifest(files) => at(&manifest::LAYOUT, files),
        SinkConfig::Command(command) => vec![command.path.clone()],
        #[cfg(feature = "back-end")]
        stations => vec![open(stations).name().into()],
    }
}

/// The sink of a configuration.
#[must_use]
pub fn open(config: &SinkConfig) -> Box<dyn Sink> {
    match config {
        SinkConfig::Pem(files) => Box::new(FileSink::new(&pem::LAYOUT, files.clone())),
        SinkConfig::Everest(files) => Box::new(FileSink::new(&everest::LAYOUT, files.clone())),
        SinkConfig::P7c(files) => Box::new(FileSink::new(&p7c::LAYOUT, files.clone())),
        SinkConfig::Manifest(files) => {
            // All of it is ours.
            let files = FilesConfig { keep_foreign: false, ..files.clone() };
            Box::new(FileSink::new(&manifest::LAYOUT, files))
        }
        SinkConfig::Command(command) => {
            let folder = FilesConfig {
                keep_foreign: false,
                selection: command.selection.clone(),
                ..FilesConfig::at(command.path.clone())
            };
            Box::new(HandOver::new(command.clone(), folder))
        }
        SinkConfig::Josev(files) => Box::new(FileSink::new(&josev::LAYOUT, files.clone())),
        #[cfg(feature = "back-end")]
        SinkConfig::Citrineos(config) => Box::new(StationsSink::new(Brand::Citrineos, config.clone())),
        #[cfg(feature = "back-end")]
        SinkConfig::Maeve(config) => Box::new(StationsSink::new(Brand::Maeve, config.clone())),
        #[cfg(feature = "back-end")]
        SinkConfig::Steve(config) => Box::new(StationsSink::new(Brand::Steve, config.clone())),
    }
}

/// What a sink should hold, compared with what it holds.
#[derive(Debug, Default)]
pub struct Plan {
    /// What it should hold: bytes by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Fingerprints of what is there of ours.
    pub ours: BTreeSet<Digest>,
    /// Fingerprints of everything that this client remembers to have put there, this plan included.
    pub placed: BTreeSet<Digest>,
    /// Fingerprints of what others put there, and stays.
    pub foreign: BTreeSet<Digest>,
    /// What is there of ours and goes, and why.
    pub removed: BTreeMap<Digest, String>,
    /// Anchors that this layout cannot take, and why.
    pub left_out: Vec<(Digest, String)>,
    /// What is worth knowing and not wrong, for `status`.
    pub notes: Vec<String>,
    /// Why it is not all that the lists say: for people to act upon.
    pub complaints: Vec<ClientError>,
    /// Whether the sink is as it should be already.
    pub in_place: bool,
    /// A digest of all that this follows from: what is trusted, every byte that is there, and this release. As long as it
    /// is the same, so is the plan. None where that cannot be told.
    pub evidence: Option<Digest>,
}

impl Plan {
    /// A digest of the files.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest(&self.files)
    }
}

/// A digest of files by name.
fn digest(files: &BTreeMap<String, Vec<u8>>) -> Digest {
    let digests: BTreeMap<&String, Digest> =
        files.iter().map(|(name, bytes)| (name, Digest::of(bytes))).collect();
    Digest::of(&ctl_core::json::canonical(&digests))
}

/// The certificates in a file of a sink: SHA-256, and what it calls itself where this release can read it.
pub(crate) fn certificates_in(file: &[u8]) -> Vec<(Digest, Option<String>)> {
    let called = |certificate: Box<Certificate>| {
        certificate.common_name().unwrap_or_else(|| certificate.subject()).to_owned()
    };
    let forms = [Form::Store, Form::Pkcs7, Form::Manifest];
    let blocks = forms.map(|form| form.blocks(file)).into_iter();
    let found = blocks.map(|blocks| {
        let known =
            blocks.into_iter().filter_map(|block| Some((block.certificate?, block.parsed.map(called))));
        known.collect::<Vec<_>>()
    });
    found.into_iter().find(|found| !found.is_empty()).unwrap_or_default()
}

/// A certificate's SHA-256.
#[must_use]
pub fn fingerprint(certificate: &Certificate) -> Digest {
    Digest::from_bytes(certificate.sha256())
}
