//! Founds a scheme: first makes the server's own keys, which the charter names; then takes the genesis and the first
//! root.json, which the board has signed.

use std::io;
use std::path::{Path, PathBuf};

use ctl_core::keys::KeyError;
use ctl_core::names::{NameError, Origin};
use ctl_core::parts::{Der, PolicyRef};
use ctl_core::role::Role;
use ctl_core::tuf::{Limits, Root, Signed};
use ctl_core::{Digest, PublicKey, Timestamp};
use ctl_governance::statement::body::{CharterEstablish, DraftOpen, MetadataSignature, PublicationRecord};
use ctl_governance::statement::charter_file::{CharterFile, Files, MAX_CHARTER_FILE};
use ctl_governance::statement::{Body, Entry, MAX_STATEMENT, Statement, StatementError};
use ctl_governance::{Refusal, State, check, genesis};
use ctl_host::files;
use ctl_pki::{MAX_PEM_SIZE, certificate_from_bytes};
use ctl_policy::{ADMISSION, MAX_POLICY_SIZE, Policy, PolicyError};
use serde_json::Value;

use crate::keys::{Keys, KeysError};
use crate::ledger::export::{ExportError, create};
use crate::ledger::{RecordError, Store as _, recorder};

/// Why a scheme was not founded; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The server's keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A file cannot be read.
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    /// A file does not hold what it should.
    #[error("{}: {why}", .path.display())]
    Input { path: PathBuf, why: String },
    /// The charter file and the genesis differ.
    #[error(
        "the genesis that the board signed is not what the charter file says: they differ in {0}. Make the genesis anew from this file, or use the file that it was made from"
    )]
    OtherCharter(String),
    /// The clock is wrong, or the genesis is too old.
    #[error(
        "the genesis was signed at {signed}, and the clock says {now}: set the clock right, or have the genesis signed anew"
    )]
    Clock {
        /// When the genesis was signed.
        signed: Timestamp,
        now: Timestamp,
    },
    /// The rules refuse one of the first three entries.
    #[error("entry {index}, {what}: {refusal}")]
    Refused {
        /// Index of the entry.
        index: u64,
        what: &'static str,
        refusal: Refusal,
    },
    /// root.json does not follow from the genesis.
    #[error("{} is not the root.json that follows from the genesis: make both anew with `ctl-admin charter new`", .0.display())]
    OtherRoot(PathBuf),
    /// The recorder cannot sign.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The ledger cannot be written.
    #[error(transparent)]
    Ledger(#[from] ExportError),
}

/// A genesis may be this many seconds old: ninety days.
const MAX_GENESIS_AGE: u64 = 90 * 86_400;

/// The first step: makes the server's own keys in a data directory.
///
/// # Errors
/// [`InitError::Keys`], for example if there are keys already.
pub fn prepare(data: &Path, origin: Origin) -> Result<Keys, InitError> {
    let keys = Keys::generate(origin)?;
    keys.save(data)?;
    Ok(keys)
}

/// What the board has signed.
#[derive(Clone, Debug)]
pub struct Founding<'a> {
    pub charter: &'a Path,
    /// The genesis statement, JWS.
    pub genesis: &'a Path,
    /// root.json, version 1.
    pub root: &'a Path,
}

/// The second step: checks everything, and writes the ledger's first three entries. Returns the scheme's id.
///
/// # Errors
/// [`InitError`]
pub fn found(data: &Path, founding: &Founding<'_>, now: Timestamp) -> Result<Digest, InitError> {
    let keys = Keys::load(data)?;
    let expected = read_charter(founding.charter, &keys)?;
    let genesis_statement = read_genesis(founding.genesis)?;
    let Body::CharterEstablish(establish) = &genesis_statement.payload.body else {
        let why = format!("is a {}, not a charter.establish", genesis_statement.payload.body.type_name());
        return Err(InitError::Input { path: founding.genesis.to_owned(), why });
    };
    if let Some(place) = difference(&json(&expected), &json(establish), "") {
        return Err(InitError::OtherCharter(place));
    }
    let signed = genesis_statement.payload.issued_at;
    if now.seconds_since(signed) > MAX_GENESIS_AGE {
        return Err(InitError::Clock { signed, now });
    }
    let root = read_root(founding.root)?;

    let first = entry(0, "the genesis", now, genesis_statement)?;
    let mut state =
        genesis(&first).map_err(|refusal| InitError::Refused { index: 0, what: "the genesis", refusal })?;
    let scheme = state.scheme;
    let open = DraftOpen {
        expires: signed.plus_seconds(state.charter.validity.root_seconds),
        issued_at: signed,
        role: Role::Root,
        sequence: None,
        version: 1,
    };
    let second = follow(&mut state, &keys, now, "the draft of root.json", open.into())?;
    let documents = state.drafts.get(&Role::Root).map(|draft| draft.documents.clone());
    let metadata = documents.map(|documents| documents.metadata).unwrap_or_default();
    if root.signing_bytes() != *metadata {
        return Err(InitError::OtherRoot(founding.root.to_owned()));
    }
    let publication = PublicationRecord {
        document: None,
        document_signatures: Vec::new(),
        draft: second.0,
        metadata: Digest::of(&metadata),
        metadata_signatures: metadata_signatures(&root, founding.root)?,
        role: Role::Root,
        sae_cms_signatures: Vec::new(),
    };
    let third = follow(&mut state, &keys, now, "the publication of root.json", publication.into())?;

    let checkpoint = keys.sign_checkpoint(state.size(), state.root())?.to_string().into_bytes();
    let entries = [first.bytes, second.1.bytes, third.1.bytes];
    create(data, &checkpoint, |store| {
        store.append(0, &entries, Some(&checkpoint)).map_err(ExportError::from)
    })?;
    Ok(scheme)
}

fn entry(index: u64, what: &'static str, now: Timestamp, statement: Statement) -> Result<Entry, InitError> {
    let refused = |error: StatementError| InitError::Refused {
        index,
        what,
        refusal: crate::ledger::error::refusal_of(&error),
    };
    Entry::new(now, statement).map_err(refused)
}

/// Appends the recorder's next entry.
fn follow(
    state: &mut State,
    keys: &Keys,
    now: Timestamp,
    what: &'static str,
    body: Body,
) -> Result<(u64, Entry), InitError> {
    let index = state.size();
    let statement = recorder::statement(state, &keys.recorder, now, body)?;
    check(state, &statement, now).map_err(|refusal| InitError::Refused { index, what, refusal })?;
    let entry = entry(index, what, now, statement)?;
    state.apply(&entry);
    Ok((index, entry))
}

fn metadata_signatures(root: &Signed<Root>, path: &Path) -> Result<Vec<MetadataSignature>, InitError> {
    let signatures = root.signatures.iter().map(|signature| {
        let keyid = signature.keyid.parse().map_err(|error| InitError::Input {
            path: path.to_owned(),
            why: format!("a signature's key id: {error}"),
        })?;
        Ok(MetadataSignature { keyid, sig: signature.sig.clone() })
    });
    signatures.collect()
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, InitError> {
    let failed = |error| InitError::File { path: path.to_owned(), error };
    files::read(path, limit as u64)
        .and_then(|bytes| bytes.ok_or_else(|| io::ErrorKind::NotFound.into()))
        .map_err(failed)
}

fn read_text(path: &Path, limit: usize) -> Result<String, InitError> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| InitError::Input { path: path.to_owned(), why: "is not UTF-8 text".into() })
}

fn input(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> InitError {
    let path = path.to_owned();
    move |why| InitError::Input { path: path.clone(), why: why.to_string() }
}

fn read_charter(path: &Path, keys: &Keys) -> Result<CharterEstablish, InitError> {
    let file: CharterFile =
        toml::from_str(&read_text(path, MAX_CHARTER_FILE)?).map_err(|error| input(path)(&error))?;
    file.establish(keys.public(), &RelativeTo(path.parent().unwrap_or(Path::new(""))))
}

fn read_genesis(path: &Path) -> Result<Statement, InitError> {
    Statement::parse(&read(path, MAX_STATEMENT)?).map_err(|error| input(path)(&error))
}

fn read_root(path: &Path) -> Result<Signed<Root>, InitError> {
    let limit = Limits::default().root;
    Signed::parse("root", &read(path, limit)?, limit).map_err(|error| input(path)(&error))
}

/// Reads the files that a charter file names, relative to its directory.
struct RelativeTo<'a>(&'a Path);

impl Files for RelativeTo<'_> {
    type Error = InitError;

    fn key(&self, file: &str) -> Result<PublicKey, InitError> {
        let path = self.0.join(file);
        PublicKey::from_pem(&read_text(&path, 4096)?).map_err(|error: KeyError| input(&path)(&error))
    }

    fn policy(&self, file: &str) -> Result<PolicyRef, InitError> {
        if file == "builtin" {
            return reference(ADMISSION, Path::new("the built-in policy"));
        }
        let path = self.0.join(file);
        reference(&read_text(&path, MAX_POLICY_SIZE)?, &path)
    }

    fn certificate(&self, file: &str) -> Result<Der, InitError> {
        let path = self.0.join(file);
        let bytes = read(&path, MAX_PEM_SIZE)?;
        let certificate = certificate_from_bytes(&bytes).map_err(|error| input(&path)(&error))?;
        Ok(Der(certificate.der().to_vec()))
    }
}

fn reference(text: &str, path: &Path) -> Result<PolicyRef, InitError> {
    let policy = Policy::parse(text).map_err(|error: PolicyError| input(path)(&error))?;
    let name = |error: NameError| input(path)(&error);
    Ok(PolicyRef {
        name: policy.name().parse().map_err(name)?,
        sha256: Digest::from_bytes(policy.digest()),
        version: policy.version().parse().map_err(name)?,
    })
}

fn json(establish: &CharterEstablish) -> Value {
    Body::from(establish.clone()).to_value()
}

/// The first place where two values differ.
fn difference(one: &Value, other: &Value, place: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                let (one, other) = (one.get(name), other.get(name));
                difference(one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null), &place)
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => one
            .iter()
            .zip(other)
            .enumerate()
            .find_map(|(index, (one, other))| difference(one, other, &format!("{place}[{index}]"))),
        _ if one == other => None,
        _ => Some(place.to_owned()),
    }
}
