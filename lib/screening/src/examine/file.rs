//! Whether a scheme has published a file: by what it says of itself and by its digest, never by its name.

use ctl_core::jws::Jws;
use ctl_core::list::ListPayload;
use ctl_core::names::ListId;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_formats::recognise::Format;
use ctl_governance::State;
use serde::Serialize;

/// What a scheme has published, as far as its state does not say it: the state knows the latest versions only.
pub struct Files<'a> {
    /// Whether this is the digest of a list's version; none if there was no such version, or nobody knows.
    pub version: &'a dyn Fn(&ListId, u64, &Digest) -> Option<bool>,
    /// The path at which exactly these bytes are served now.
    pub served: &'a dyn Fn(&Digest) -> Option<String>,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFound {
    pub origin: Origin,
    /// The path at which exactly these bytes are served now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_at: Option<String>,
    pub signatures: Signatures,
}

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Origin {
    /// This scheme has published it, as this version of a list.
    Version {
        list: ListId,
        sequence: u64,
        /// The version in force now.
        latest: u64,
        /// When the version in force should be replaced.
        next_update: Timestamp,
    },
    /// It says that it is a version of this scheme, which has another document under that number.
    Another { list: ListId, sequence: u64 },
    /// It says that it is a version of this scheme, which has published none of that number.
    Unpublished { list: ListId, sequence: u64, latest: Option<u64> },
    /// It says that it is a version of this scheme, and what was published under that number cannot be looked up.
    NotKnown { list: ListId, sequence: u64 },
    /// It says that it is of another scheme.
    OtherScheme { scheme: Digest, list: ListId, sequence: u64 },
    /// A file that this scheme serves now.
    Served,
    /// A list, and none of the files that this scheme serves now.
    Unknown,
}

/// What its signatures are worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Signatures {
    /// It carries none.
    None,
    /// Enough of those that the board names for the list today have signed it.
    Enough { counted: usize, needed: u32 },
    /// Too few of them; those of an older version may have been others.
    TooFew { words: String },
    /// They are of a kind that is not judged here.
    NotJudged,
}

/// What the scheme knows of a file; none of certificates that it does not serve.
pub(super) fn find(
    state: &State,
    files: &Files<'_>,
    bytes: &[u8],
    format: Option<Format>,
) -> Option<FileFound> {
    let served_at = served(files, bytes);
    if let Some((payload, jws)) = list(bytes) {
        let role = Role::List(payload.list.clone());
        let signatures = jws.map_or(Signatures::None, |jws| judge(state, &role, &jws));
        let origin = origin(state, files, &role, &payload);
        return Some(FileFound { origin, served_at, signatures });
    }
    let is_list = format.is_some_and(|format| !matches!(format, Format::Pem | Format::Der));
    let origin = match &served_at {
        Some(_) => Origin::Served,
        None if is_list => Origin::Unknown,
        None => return None,
    };
    Some(FileFound { origin, served_at, signatures: Signatures::NotJudged })
}

/// The path at which these bytes are served. A form in a browser writes line ends its own way.
fn served(files: &Files<'_>, bytes: &[u8]) -> Option<String> {
    let unix: Vec<u8> = String::from_utf8_lossy(bytes).replace("\r\n", "\n").into_bytes();
    let ended = [unix.trim_ascii(), b"\n"].concat();
    [bytes, bytes.trim_ascii(), &unix, &ended].into_iter().find_map(|form| (files.served)(&Digest::of(form)))
}

/// A list's payload with its exact bytes' digest, and the envelope around it.
fn list(bytes: &[u8]) -> Option<(Payload, Option<Jws>)> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    if text.first() != Some(&b'{') {
        return None;
    }
    if let Ok(payload) = ListPayload::read(text) {
        return Some((Payload::of(payload, text), None));
    }
    let jws = Jws::parse(text, text.len()).ok()?;
    let payload = ListPayload::read(&jws.payload).ok()?;
    Some((Payload::of(payload, &jws.payload), Some(jws)))
}

/// What is asked of a payload.
struct Payload {
    sha256: Digest,
    scheme: Digest,
    list: ListId,
    sequence: u64,
}

impl Payload {
    fn of(payload: ListPayload, bytes: &[u8]) -> Self {
        let ListPayload { scheme, list, sequence, .. } = payload;
        Self { sha256: Digest::of(bytes), scheme, list, sequence }
    }
}

fn origin(state: &State, files: &Files<'_>, role: &Role, payload: &Payload) -> Origin {
    let Payload { sha256, scheme, sequence, .. } = *payload;
    let list = payload.list.clone();
    if scheme != state.scheme {
        return Origin::OtherScheme { scheme, list, sequence };
    }
    let published = state.published.get(role);
    let Some((latest, published)) = published.and_then(|one| Some((one.open.sequence?, one))) else {
        return Origin::Unpublished { list, sequence, latest: None };
    };
    let is_this = match sequence {
        _ if sequence == latest => Some(published.document == Some(sha256)),
        _ => (files.version)(&list, sequence, &sha256),
    };
    match is_this {
        Some(true) => Origin::Version { list, sequence, latest, next_update: published.open.expires },
        Some(false) => Origin::Another { list, sequence },
        None if sequence > latest => Origin::Unpublished { list, sequence, latest: Some(latest) },
        None => Origin::NotKnown { list, sequence },
    }
}

fn judge(state: &State, role: &Role, jws: &Jws) -> Signatures {
    let Some(threshold) = state.authorities.get(role) else {
        return Signatures::TooFew { words: "the board names nobody who may sign this list".to_owned() };
    };
    if let Err(error) = jws.check_type(role.document_typ().unwrap_or_default()) {
        return Signatures::TooFew { words: super::safe(&error.to_string()) };
    }
    match jws.check_threshold(threshold) {
        Ok(count) => Signatures::Enough { counted: count.counted.len(), needed: threshold.needed },
        Err(error) => Signatures::TooFew { words: error.to_string() },
    }
}
