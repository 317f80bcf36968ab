//! What bytes that anybody brings are, and what a scheme says of them: a certificate, a chain, a list.
//!
//! Asked is what the portal's and the desk's page *Check* answers: which profile a certificate follows and what it breaks
//! of it, whether it stands on a list, and whether a path leads from it to an anchor of one, for which use and through
//! which certificates, or why not; and of a list, whether this scheme has published it.
//!
//! Nothing that is brought is believed: roots in it are no anchors, signatures count when they are verified, and what
//! cannot be read or was not looked at is said to be so. Work is bounded whatever is brought. Revocation is asked of nobody.

mod certificate;
mod file;
mod ground;
mod trust;

use std::collections::BTreeSet;

use ctl_core::{Digest, Timestamp};
use ctl_formats::recognise::{self, Contents, Demand, Form, Format, Item};
use ctl_governance::State;
use ctl_pki::{Certificate, print};
use serde::Serialize;

pub use certificate::{Examined, Standing, StandsAs, Validity};
pub use file::{FileFound, Files, Origin, Signatures};
pub use trust::{Answer, Judged, Member, Source, Way};

/// The most bytes that are looked at: a list of some hundred roots with its signatures.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The most certificates that are examined; a chain has four.
pub const MAX_CERTIFICATES: usize = 20;
/// The most things told of what is passed over.
const MAX_TOLD: usize = 20;
/// The longest text that is repeated of what was brought, in characters.
const MAX_TEXT: usize = 300;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// How many bytes were brought.
    pub size: usize,
    /// SHA-256 of them.
    pub sha256: Digest,
    /// The moment that everything is judged for.
    pub at: Timestamp,
    /// What they were read as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<ReadAs>,
    /// Why they were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What this scheme knows of a list or another of its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileFound>,
    pub certificates: Vec<Examined>,
    /// What should be a certificate and is none: where, and why.
    pub unreadable: Vec<(String, String)>,
    /// How many more of these there are.
    pub unreadable_more: usize,
    /// How many more certificates there are, which were not examined.
    pub left_aside: usize,
}

/// What bytes were read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadAs {
    pub format: Format,
    /// The same for people.
    pub words: String,
    /// The number of this edition, where the format has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// From when until when it says that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validity: Option<(Timestamp, Timestamp)>,
    /// How many certificates stand in it, those that cannot be read among them.
    pub items: usize,
    /// What should be known besides.
    pub told: Vec<String>,
}

/// Examines bytes by a scheme's state at a moment.
#[must_use]
pub fn examine(state: &State, files: &Files<'_>, bytes: &[u8], now: Timestamp) -> Examination {
    let mut examination = Examination {
        size: bytes.len(),
        sha256: Digest::of(bytes),
        at: now,
        read: None,
        refused: None,
        file: None,
        certificates: Vec::new(),
        unreadable: Vec::new(),
        unreadable_more: 0,
        left_aside: 0,
    };
    if bytes.len() > MAX_BYTES {
        examination.refused = Some(format!(
            "{} bytes are more than the {MAX_BYTES} that are looked at: bring one certificate, chain or list at a time",
            bytes.len()
        ));
        return examination;
    }
    match recognise::read(bytes, Form::Auto, Demand::Unverified, now) {
        Ok(contents) => {
            examination.file = file::find(state, files, bytes, Some(contents.format));
            examination.look_into(state, &contents, now);
        }
        Err(error) => {
            examination.file = file::find(state, files, bytes, None);
            examination.refused = Some(refusal(&error));
        }
    }
    examination
}

impl Examination {
    fn look_into(&mut self, state: &State, contents: &Contents, now: Timestamp) {
        let mut told: Vec<String> = contents.told.iter().map(|one| safe(one)).collect();
        if told.len() > MAX_TOLD {
            let more = told.len() - MAX_TOLD;
            told.truncate(MAX_TOLD);
            told.push(format!("and {more} things more"));
        }
        self.read = Some(ReadAs {
            format: contents.format,
            words: contents.format.to_string(),
            sequence: contents.sequence,
            validity: contents.validity,
            items: contents.items.len(),
            told,
        });
        let unreadable = contents.unreadable().map(|(place, why)| (safe(place), safe(why)));
        self.unreadable = unreadable.take(MAX_TOLD).collect();
        self.unreadable_more = contents.unreadable().count().saturating_sub(MAX_TOLD);
        let mut seen = BTreeSet::new();
        let distinct = contents.items.iter().filter_map(|item| {
            let certificate = item.certificate.as_ref().ok()?;
            seen.insert(certificate.sha256()).then_some((item, certificate))
        });
        let mut given: Vec<(&Item, &Certificate)> = distinct.collect();
        self.left_aside = given.len().saturating_sub(MAX_CERTIFICATES);
        given.truncate(MAX_CERTIFICATES);
        self.certificates = certificate::examine_all(state, &given, now);
    }
}

/// Why nothing was read, and what to do.
fn refusal(error: &recognise::ReadError) -> String {
    let words = safe(&error.to_string());
    match error {
        recognise::ReadError::PrivateKey => format!(
            "{words}. Nothing of it was kept or looked at here, but it has left your machine: replace the key if it is in use"
        ),
        _ => words,
    }
}

/// A text of others on one line, its length bounded; nothing in it steers who reads it.
fn safe(text: &str) -> String {
    let mut characters = text.chars();
    let mut begin: String = characters.by_ref().take(MAX_TEXT).collect();
    if characters.next().is_some() {
        begin.push('…');
    }
    print::line(&begin)
}
