//! What changed on this device, when, and by which entry of the log: for people, and for reports.
//!
//! An event is the difference between what was last told ([`Told`]) and what is now, so it does not matter when the
//! power failed in between: what was not told yet is told by the next sync. Nothing that is trusted depends on it, and a
//! medium that is full or damaged stops no sync.

mod difference;
mod file;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::names::ListId;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::sink::{Plan, certificates_in};
use crate::store::TrustStore;
pub(crate) use difference::gist;

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was noticed, by the time that counts.
    pub at: Timestamp,
    /// Whether that is a clock's; if not, it was not earlier.
    pub clock: bool,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// A version of a document was accepted.
    Accepted(Version),
    /// A sink holds other certificates of ours than before.
    Sink(SinkChange),
    /// A sink is not configured any more. What it holds stays there, and is not looked after.
    SinkForgotten {
        /// Its kind and path.
        sink: String,
    },
    /// A suspension holds.
    Suspended(Suspension),
    /// It holds no more.
    Lifted(Suspension),
    /// The operator of this device says something beside the lists.
    Said {
        /// What.
        said: String,
    },
    /// And says it no more.
    Unsaid {
        /// What.
        said: String,
    },
    /// What was received was refused.
    Refused(Trouble),
    /// Something else went wrong.
    Trouble(Trouble),
    /// Nothing is wrong with it any more.
    Over {
        /// `repository`, a role, `log`, `state`, or a sink.
        about: String,
    },
    /// What was told before is not known here, so that what follows may have been told already.
    Begun {
        /// Why.
        why: String,
    },
}

/// A version of a document, and where the log says that it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The document.
    pub role: Role,
    /// Its number.
    pub sequence: u64,
    /// SHA-256 of the document.
    pub sha256: Digest,
    /// Index of the entry that published it.
    pub entry: Option<u64>,
    /// The checkpoint that it was proven by.
    pub checkpoint: Option<Proven>,
}

/// A checkpoint of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// Number of entries.
    pub size: u64,
    /// Root hash over them.
    pub root_hash: Digest,
}

/// How a sink changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkChange {
    /// Its kind and path.
    pub sink: String,
    /// What it holds now and did not before.
    pub added: Vec<Placed>,
    /// What it held before and does not any more.
    pub removed: Vec<Placed>,
    /// How many more were added or removed than are named.
    pub unnamed: usize,
    /// The versions in force that this follows from.
    pub by: Vec<By>,
}

/// A certificate in a sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// SHA-256 of the certificate.
    pub sha256: Digest,
    /// Its name for people.
    pub name: String,
    /// The stores (files) of the sink; none where a sink has none that can be told apart.
    pub stores: Vec<String>,
}

/// A version in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The document.
    pub role: Role,
    /// Its number.
    pub sequence: u64,
    /// Index of the entry that published it.
    pub entry: Option<u64>,
}

/// A suspension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suspension {
    /// Index of the notice's entry in the log.
    pub notice: u64,
    /// The list.
    pub list: ListId,
    /// SHA-256 of the anchor's certificate.
    pub anchor: Digest,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trouble {
    /// `repository`, a role, `log`, `state`, or a sink.
    pub about: String,
    /// What went wrong.
    pub problem: String,
}

/// What this device has told of itself: the next events are what differs from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How many bytes of the history have been told for certain.
    length: u64,
    versions: BTreeMap<Role, Version>,
    suspensions: BTreeSet<Suspension>,
    /// What the operator of this device says.
    #[serde(default)]
    said: BTreeSet<String>,
    /// By sink, what it holds of ours.
    pub(crate) sinks: BTreeMap<String, Held>,
    refused: BTreeSet<Trouble>,
    troubles: BTreeSet<Trouble>,
}

/// What a sink holds of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Of its files, to tell cheaply that nothing changed.
    files: Option<Digest>,
    pub(crate) certificates: BTreeMap<Digest, In>,
}

/// Where a certificate is in a sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct In {
    pub(crate) name: String,
    pub(crate) stores: BTreeSet<String>,
}

/// A name for what a sink holds: its files, and what of them is ours.
pub(crate) fn holding<'a>(files: Digest, ours: impl Iterator<Item = &'a Digest>) -> Digest {
    Digest::of(&ctl_core::json::canonical(&(files, ours.collect::<Vec<_>>())))
}

impl Told {
    /// Whether it was told that a sink holds this.
    pub(crate) fn tells(&self, sink: &str, what: Digest) -> bool {
        let held = self.sinks.get(sink).and_then(|held| Some((held.files?, held.certificates.keys())));
        held.is_some_and(|(files, ours)| holding(files, ours) == what)
    }

    /// A sink holds this.
    pub(crate) fn hold(&mut self, sink: String, plan: &Plan, store: &TrustStore) {
        let files = Some(plan.digest());
        if self
            .sinks
            .get(&sink)
            .is_some_and(|held| held.files == files && held.certificates.keys().eq(&plan.ours))
        {
            return;
        }
        let named = |digest: &Digest| {
            store
                .anchors
                .iter()
                .find(|anchor| anchor.fingerprint == *digest)
                .map(|anchor| anchor.name.clone())
        };
        let ours = plan.ours.iter();
        let mut certificates: BTreeMap<Digest, In> = ours
            .map(|digest| (*digest, In { name: named(digest).unwrap_or_default(), stores: BTreeSet::new() }))
            .collect();
        for (file, bytes) in &plan.files {
            for (digest, name) in certificates_in(bytes) {
                let Some(held) = certificates.get_mut(&digest) else { continue };
                held.stores.insert(file.clone());
                if held.name.is_empty() {
                    held.name = name.unwrap_or_default();
                }
            }
        }
        self.sinks.insert(sink, Held { files, certificates });
    }
}

/// What was told here, newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// The events.
    pub events: Vec<Event>,
    /// How many lines could not be read, and were skipped.
    pub damaged: usize,
}

impl History {
    /// The same without what was before a moment.
    #[must_use]
    pub fn since(mut self, moment: Timestamp) -> Self {
        self.events.retain(|event| event.at >= moment);
        self
    }
}
