//! What a replica is opened with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::charter::ServerKeys;

use crate::Lost;
use crate::transport::Bounds;

/// How long to wait for a checkpoint: servers publish one within a second, mirrors within half a minute.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How the scheme is known.
#[derive(Clone, Debug)]
pub enum Trust {
    /// By a root.json of it, of any age.
    Root(PathBuf),
    /// By its id, heard from someone trusted.
    Scheme(Digest),
}

/// What a person has confirmed of a log that began anew.
#[derive(Clone, Debug, Default)]
pub struct Confirmed {
    /// The number of a restart that root.json names.
    pub restart: Option<usize>,
    /// The new log's public keys, heard from the board before root.json names them.
    pub new_log: Option<ServerKeys>,
}

/// Tells the time; tests bring their own.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The system's clock.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    })
}

/// What happened while the log was followed that is no error of the call, and that somebody must hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The log does not contain what there is a receipt for. Said once by each replica that is opened.
    Lost(Box<Lost>),
    /// The log began anew, which was confirmed.
    BegunAnew {
        /// The new log's name.
        origin: String,
        /// Whether it begins with everything that was seen of the old one.
        kept: bool,
    },
    /// Something in the folder is not as it was written or cannot be used; the sentence says what is done without it.
    Memory(String),
    /// A note of what was sent cannot be read and was put aside, so nobody looks any more whether the log keeps it. In a
    /// sentence.
    SetAside(String),
    /// The snapshot in the folder is whole, and the state in it is not what follows from the log: whoever wrote it
    /// deceived the tools that went on from it. Said when all of the log is verified afresh. In a sentence.
    Forged(String),
}

impl std::fmt::Display for News {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(lost) => lost.fmt(f),
            Self::BegunAnew { origin, kept } => {
                let what = if *kept {
                    "nothing lost: it begins with all that you have seen"
                } else {
                    "history replaced: what you have seen is not in it. What you have receipts for is looked for by itself"
                };
                write!(f, "the log began anew as {origin}: {what}")
            }
            Self::Memory(what) | Self::SetAside(what) | Self::Forged(what) => f.write_str(what),
        }
    }
}

/// Hears of news.
pub type Listener = Arc<dyn Fn(&News) + Send + Sync>;

/// How far a long piece of work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub what: &'static str,
    /// How many steps are done.
    pub done: u64,
    /// Out of how many. When as many are done, the work is over.
    pub of: u64,
    /// How many bytes were downloaded for it so far.
    pub bytes: u64,
}

/// Hears of steps, often: it should return soon.
pub type Progress = Arc<dyn Fn(Step) + Send + Sync>;

/// Nobody hears of steps.
#[must_use]
pub fn silence() -> Progress {
    Arc::new(|_| ())
}

/// What a replica needs.
#[derive(Clone)]
pub struct Options {
    /// Address of the server or mirror, or `file:///` and a directory.
    pub url: String,
    /// How the scheme is known.
    pub trust: Trust,
    /// PEM files of certificates that are trusted for the server's TLS, in addition to the system's.
    pub tls_roots: Vec<PathBuf>,
    /// Where to remember what was seen and sent, one folder per scheme in it. Without one, everything is forgotten with
    /// the process: then a server can show each process another history.
    pub folder: Option<PathBuf>,
    /// Download and verify all of the log once more, whatever the folder remembers of it; that is held against the
    /// result, with its entries and its snapshot of the state.
    pub afresh: bool,
    /// The time.
    pub clock: Clock,
    /// Who hears of progress.
    pub progress: Progress,
    /// How much one contact may download, and how long it may take.
    pub bounds: Bounds,
    /// How long to wait for the proof that something was recorded.
    pub patience: Duration,
    /// Who hears of news.
    pub listener: Listener,
    /// What a person has confirmed of a log that began anew.
    pub confirmed: Confirmed,
}

impl Options {
    /// With the system's clock, default bounds, and nothing remembered or listened to.
    #[must_use]
    pub fn new(url: impl Into<String>, trust: Trust) -> Self {
        Self {
            url: url.into(),
            trust,
            tls_roots: Vec::new(),
            folder: None,
            afresh: false,
            clock: system_clock(),
            progress: silence(),
            bounds: Bounds::default(),
            patience: PATIENCE,
            listener: Arc::new(|_| ()),
            confirmed: Confirmed::default(),
        }
    }

    /// With a folder to remember in.
    #[must_use]
    pub fn remembering(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..self }
    }
}
