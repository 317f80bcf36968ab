//! Refreshing TUF metadata, and what this client reads from the root beyond TUF.

use std::collections::BTreeMap;

use ctl_core::log::note::{KeyRole, NoteKey};
use ctl_core::log::{LogKey, WitnessKey};
use ctl_core::names::Environment;
use ctl_core::paths::METADATA;
use ctl_core::role::Role;
use ctl_core::tuf::verify::trusted_root;
use ctl_core::tuf::{
    Clock, Limits, LocalMetadata, Response, Restart, Root, Step, TufError, Updater, V2gTrust,
};
use ctl_core::{Digest, PublicKey};
use serde::Deserialize;

use super::{Client, Work};
use crate::error::ClientError;
use crate::state::{KeptMetadata, State};
use crate::transport::Source;

const ROOT: &str = "root.json";

/// What the root says of the scheme and its log.
pub(crate) struct Trust {
    pub(crate) root: Root,
    pub(crate) origin: String,
    pub(crate) log: LogKey,
    pub(super) witnesses: Vec<WitnessKey>,
    pub(super) witnesses_needed: u32,
    pub(super) notices_cap: u32,
    pub(super) restarts: Vec<Restart>,
}

impl Trust {
    pub(crate) fn of(root: &Root) -> Result<Self, ClientError> {
        let refused = |problem: String| ClientError::NoScheme { version: root.version, problem };
        let V2gTrust { log, witnesses, witness_threshold, environment, notices_cap, restarts, .. } =
            root.v2g.as_ref().ok_or_else(|| refused("there is none".into()))?;
        if ![Environment::Test, Environment::Production].iter().any(|e| e.to_string() == *environment) {
            return Err(refused(format!("unknown environment {environment:?}")));
        }
        let key = note_key(&log.origin, &log.key).map_err(|e| refused(format!("the log's key: {e}")))?;
        let witnesses = witnesses
            .iter()
            .map(|witness| note_key(&witness.name, &witness.key))
            .collect::<Result<_, _>>()
            .map_err(|e| refused(format!("a witness's key: {e}")))?;
        Ok(Self {
            origin: log.origin.clone(),
            log: key,
            witnesses,
            witnesses_needed: *witness_threshold,
            notices_cap: *notices_cap,
            restarts: restarts.clone(),
            root: root.clone(),
        })
    }

    /// The greatest number that a restart of the log named for a role; 0 if none did.
    pub(super) fn named_sequence(&self, role: &Role) -> u64 {
        let role = role.to_string();
        let named = self.restarts.iter().filter_map(|restart| restart.roles.get(&role));
        named.map(|numbers| numbers.sequence).max().unwrap_or(0)
    }
}

/// A key in one of the two forms that root.json may have: `vkey`, or 64 hex digits.
fn note_key<R: KeyRole>(name: &str, text: &str) -> Result<NoteKey<R>, String> {
    if let Ok(key) = text.parse::<Digest>() {
        return match PublicKey::ed25519(key.as_bytes()) {
            Some(PublicKey::Ed25519(key)) => NoteKey::new(name, key).map_err(|e| e.to_string()),
            _ => Err("not an Ed25519 key".into()),
        };
    }
    let key: NoteKey<R> = text.parse().map_err(|e: ctl_core::log::LogError| e.to_string())?;
    if key.name() == name { Ok(key) } else { Err(format!("it is named {:?}, not {name:?}", key.name())) }
}

/// Takes the updater's steps until it is done. `held` has the earlier version of a file, of which the next one may come
/// as a difference. `change` is told what to keep, and with no bytes what to discard.
///
/// # Errors
/// [`ClientError::Fetch`], [`ClientError::Tuf`], or what `change` returns.
pub async fn take_steps(
    updater: &mut Updater,
    source: &Source,
    base: &str,
    held: impl Fn(&str) -> Option<Vec<u8>>,
    mut change: impl FnMut(String, Option<Vec<u8>>) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    loop {
        match updater.step()? {
            Step::Fetch { path, max_bytes, .. } => {
                let whole = format!("{base}{path}");
                // There need not be a next root; everything else is described by what was verified.
                if path.ends_with(".root.json") {
                    let answer = source.fetch_if_there(&whole, max_bytes).await?;
                    updater.feed(answer.map_or(Response::NotFound, Response::Bytes))?;
                } else {
                    let held = held(without_version(&path));
                    let mut feed = |answer: Option<Vec<u8>>| -> Result<(), ClientError> {
                        Ok(updater.feed(answer.map_or(Response::NotFound, Response::Bytes))?)
                    };
                    source.fetch_coded(&whole, max_bytes, held.as_deref(), &mut feed).await?;
                }
            }
            Step::Keep { name, bytes } => change(name, Some(bytes))?,
            Step::Discard { name } => change(name, None)?,
            Step::Done => return Ok(()),
        }
    }
}

/// `na.json` of `7.na.json`.
fn without_version(path: &str) -> &str {
    match path.split_once('.') {
        Some((version, name)) if version.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => path,
    }
}

/// The version in metadata that was verified already.
fn version(bytes: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Envelope {
        signed: Signed,
    }
    #[derive(Deserialize)]
    struct Signed {
        version: u64,
    }
    serde_json::from_slice::<Envelope>(bytes).map_or(0, |envelope| envelope.signed.version)
}

impl Work {
    pub(super) fn keep_metadata(&mut self, name: String, bytes: Vec<u8>) {
        let version = version(&bytes);
        let sha256 = self.object(bytes);
        if name == ROOT {
            self.state.roots.push(sha256);
        }
        self.state.metadata.insert(name, KeptMetadata { sha256, version });
    }
}

impl Client {
    /// The TUF workflow up to the top-level targets. Roots and other metadata that were accepted
    /// stay in the work even if a later step fails.
    pub(super) async fn refresh_metadata(
        &self,
        source: &Source,
        trusted_root: Vec<u8>,
        clock: Clock,
        work: &mut Work,
    ) -> Result<(Updater, Trust), ClientError> {
        let kept = work.state.metadata.iter();
        let mut files: BTreeMap<String, Vec<u8>> = kept
            .filter_map(|(name, kept)| Some((name.clone(), self.directory.object(&kept.sha256)?)))
            .collect();
        let newest = files.remove(ROOT);
        let whole = work.state.roots.iter().all(|digest| self.directory.object(digest).is_some());
        if let Some(root) = newest.filter(|_| whole) {
            let local = LocalMetadata { root, files };
            return self.walk(source, local, clock, work).await;
        }
        // The first refresh; or a root that was accepted is damaged, and the chain is walked once more.
        let roots = std::mem::take(&mut work.state.roots);
        let sha256 = work.object(trusted_root.clone());
        let first = KeptMetadata { sha256, version: version(&trusted_root) };
        let lost = work.state.metadata.insert(ROOT.into(), first);
        let local = LocalMetadata { root: trusted_root, files };
        let mut walked = self.walk(source, local, clock, work).await;
        if let (Ok((updater, _)), Some(lost)) = (&walked, &lost) {
            let found = updater.root().signed.version;
            if found < lost.version {
                walked = Err(rollback(ROOT, lost.version, found));
            }
        }
        if let (Err(_), Some(lost)) = (&walked, lost) {
            work.state.roots = roots;
            work.state.metadata.insert(ROOT.into(), lost);
        }
        walked
    }

    async fn walk(
        &self,
        source: &Source,
        local: LocalMetadata,
        clock: Clock,
        work: &mut Work,
    ) -> Result<(Updater, Trust), ClientError> {
        let roots = work.state.roots.len();
        let mut updater = Updater::new(local, clock, Limits::default())?;
        self.check_identity(&updater.root().signed)?;
        let mut discarded = Vec::new();
        let held = self.held_metadata(&work.state);
        let keep = |name: String, bytes: Option<Vec<u8>>| {
            // What a root discards comes before it, and must not be forgotten for a foreign one.
            let Some(bytes) = bytes else {
                discarded.push(name);
                return Ok(());
            };
            if name == ROOT {
                self.check_identity(&trusted_root(&bytes, &Limits::default())?.signed)?;
                for name in discarded.drain(..) {
                    work.state.metadata.remove(&name);
                }
            }
            // The updater compares with the files it was given, of which damaged ones are missing;
            // their versions are remembered. A new root may have replaced whoever signed too high.
            if let Some(kept) = work.state.metadata.get(&name) {
                let found = version(&bytes);
                if found < kept.version && work.state.roots.len() == roots {
                    return Err(rollback(&name, kept.version, found));
                }
            }
            work.keep_metadata(name, bytes);
            Ok(())
        };
        take_steps(&mut updater, source, METADATA.start(), held, keep).await?;
        let trust = Trust::of(&updater.root().signed)?;
        Ok((updater, trust))
    }

    /// Reads the metadata that a state keeps, by file name.
    pub(super) fn held_metadata(&self, state: &State) -> impl Fn(&str) -> Option<Vec<u8>> + use<'_> {
        let kept = state.metadata.clone();
        move |name| self.directory.object(&kept.get(name)?.sha256)
    }

    /// Test and production, and any two schemes, never mix, not even by a board's signature.
    fn check_identity(&self, root: &Root) -> Result<(), ClientError> {
        let Some(v2g) = &root.v2g else { return Ok(()) };
        let name = format!("root.json version {}", root.version);
        let (scheme, environment) = (self.config.identity.scheme, self.config.identity.environment);
        if v2g.scheme != scheme {
            let (expected, found) = (scheme.to_string(), v2g.scheme.to_string());
            return Err(ClientError::Foreign { name, what: "scheme", expected, found });
        }
        if v2g.environment != environment.to_string() {
            let (expected, found) = (environment.to_string(), v2g.environment.clone());
            return Err(ClientError::Foreign { name, what: "environment", expected, found });
        }
        Ok(())
    }
}

fn rollback(name: &str, trusted: u64, found: u64) -> ClientError {
    let role = name.trim_end_matches(".json").to_owned();
    ClientError::Tuf(TufError::Rollback { role, trusted, found })
}
