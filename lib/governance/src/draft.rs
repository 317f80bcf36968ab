//! Drafts: the exact bytes that people sign, as a pure function of the ledger up to the draft's entry.
//!
//! The state has passed every check, so nothing in this module can fail: what cannot be expressed is left out of the
//! document, and so never trusted through it.

pub(crate) mod board;
pub(crate) mod contents;
mod due;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod list_tests;
#[cfg(test)]
mod offline_tests;
mod sae_cms;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use ctl_core::list::{ListPayload, LogRef};
use ctl_core::notices::NoticesDocument;
use ctl_core::registry::RegistryDocument;
use ctl_core::role::Role;
use ctl_core::threshold::Threshold;
use ctl_core::tuf::{Hashes, Metadata, Root, Target, Targets, TufSignature, signing_bytes};
use ctl_core::{Digest, Timestamp, json};
use serde::{Deserialize, Serialize};

use crate::State;
use crate::snapshot::form;
use crate::statement::body::DraftOpen;

pub(crate) use due::{Ceremony, ceremony, half_of, roles};
pub use due::{due, due_for, opens_correctly};
pub use sae_cms::SaeCms;

/// The bytes to be signed for one version of one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documents {
    /// The document in canonical JSON, signed as JWS; none for the board's metadata.
    #[serde(with = "form::bytes_or_none")]
    pub document: Option<Arc<[u8]>>,
    /// The `signed` part of the role's TUF metadata in OLPC canonical JSON.
    #[serde(with = "form::bytes")]
    pub metadata: Arc<[u8]>,
    /// Digest of what it says and who signs it, whatever its number, times and log: see [`content`].
    pub content: Digest,
    /// The metadata once more as JSON: the OLPC form leaves line breaks in PEM keys unescaped, which
    /// no parser reads.
    #[serde(with = "form::bytes")]
    signed: Arc<[u8]>,
    /// What is signed besides, so that the list is an SAE list in CMS as well.
    pub sae_cms: SaeCms,
}

impl Documents {
    fn new<T: Metadata>(document: Option<Vec<u8>>, metadata: &T, content: Digest) -> Self {
        Self {
            document: document.map(Into::into),
            metadata: signing_bytes(metadata).into(),
            content,
            signed: json::canonical(metadata).into(),
            sae_cms: SaeCms::Unwanted,
        }
    }

    /// The metadata file to publish, with these signatures.
    #[must_use]
    pub fn metadata_file(&self, signatures: &[TufSignature]) -> Vec<u8> {
        let signatures = json::canonical(&signatures);
        [b"{\"signatures\":", &*signatures, b",\"signed\":", &self.signed, b"}"].concat()
    }
}

/// Builds what is to be signed. `state` ends with the draft's entry, which is the one at `index`.
#[must_use]
pub fn build(state: &State, open: &DraftOpen, index: u64) -> Documents {
    let role = &open.role;
    let sequence = open.sequence.unwrap_or(open.version);
    let previous = state.published.get(role).and_then(|published| published.document).unwrap_or(Digest::ZERO);
    let log = || LogRef {
        origin: state.charter.server.log_origin.clone(),
        root_hash: state.root(),
        size: state.size(),
    };
    let signers = Signers::of(state, role);
    let mut sae_cms = SaeCms::Unwanted;
    let (document, content) = match role {
        Role::Root => {
            let metadata = board::root(state, open.version, open.expires);
            return Documents::new(None, &metadata, content(state, role));
        }
        Role::Targets => {
            let metadata = board::targets(state, open.version, open.expires);
            return Documents::new(None, &metadata, content(state, role));
        }
        Role::Registry => {
            let identifiers = contents::identifiers(state);
            let content = digest(&(&signers, &identifiers));
            let document = RegistryDocument {
                environment: state.environment,
                format: RegistryDocument::FORMAT,
                identifiers,
                issued_at: open.issued_at,
                log: log(),
                next_update: open.expires,
                previous,
                scheme: state.scheme,
                sequence,
                r#type: RegistryDocument::TYPE.into(),
            };
            (json::canonical(&document), content)
        }
        Role::Notices => {
            let notices = contents::notices(state);
            let content = digest(&(&signers, &notices));
            let document = NoticesDocument {
                environment: state.environment,
                format: NoticesDocument::FORMAT,
                issued_at: open.issued_at,
                log: log(),
                next_update: open.expires,
                notices,
                previous,
                scheme: state.scheme,
                sequence,
                r#type: NoticesDocument::TYPE.into(),
            };
            (json::canonical(&document), content)
        }
        Role::List(list) => {
            let Some(contents) = contents::list(state, list) else {
                // Refused by `opens_correctly`: metadata without a target publishes nothing.
                return Documents::new(None, &Targets::new(open.version, open.expires), Digest::ZERO);
            };
            let content = digest(&(&signers, &contents));
            let wanted = contents.sae_cms;
            let document = ListPayload {
                anchors: contents.anchors,
                cross_certificates: contents.cross_certificates,
                distrusted: contents.distrusted,
                environment: state.environment,
                format: ListPayload::FORMAT,
                issued_at: open.issued_at,
                list: list.clone(),
                log: log(),
                next_update: open.expires,
                policy: contents.policy,
                previous,
                scheme: state.scheme,
                sequence,
                r#type: ListPayload::TYPE.into(),
            };
            sae_cms = SaeCms::of(state, wanted.as_ref(), &document);
            (json::canonical(&document), content)
        }
    };
    let metadata = role_metadata(open, &document, sequence, &previous, index);
    Documents { sae_cms, ..Documents::new(Some(document), &metadata, content) }
}

/// Digest of what the role's document would say now and who would sign it, leaving out number,
/// times, previous version and log: a new draft is needed when it changes. Within one release only;
/// it is never signed nor stored.
#[must_use]
pub fn content(state: &State, role: &Role) -> Digest {
    let signers = Signers::of(state, role);
    match role {
        // A new root brings its own signers along.
        Role::Root => Digest::of(&signing_bytes(&board::root(state, 0, Timestamp::EPOCH))),
        Role::Targets => {
            let targets = signing_bytes(&board::targets(state, 0, Timestamp::EPOCH));
            digest(&(&signers, Digest::of(&targets)))
        }
        Role::Registry => digest(&(&signers, contents::identifiers(state))),
        Role::Notices => digest(&(&signers, contents::notices(state))),
        Role::List(list) => {
            contents::list(state, list).map_or(Digest::ZERO, |contents| digest(&(&signers, contents)))
        }
    }
}

/// The last published root.json: what devices know of the scheme.
#[must_use]
pub fn published_root(state: &State) -> Option<Root> {
    serde_json::from_slice(&state.published.get(&Role::Root)?.documents.signed).ok()
}

/// Who may sign for which role once this role's draft is published: what root.json says of the
/// board, and the top-level targets of everyone else. Documents appoint nobody.
#[must_use]
pub fn authorities(state: &State, role: &Role) -> BTreeMap<Role, Threshold> {
    match role {
        Role::Root => match board::before_restart(state) {
            Some(root) => {
                [(Role::Root, root.threshold("root")), (Role::Targets, root.threshold("targets"))].into()
            }
            None => {
                let board = board::threshold(state, &state.charter.board);
                [(Role::Root, board.clone()), (Role::Targets, board)].into()
            }
        },
        Role::Targets => board::delegations(state)
            .into_iter()
            .map(|(role, holders)| (role, board::threshold(state, holders)))
            .collect(),
        Role::Registry | Role::Notices | Role::List(_) => BTreeMap::new(),
    }
}

/// Those who may sign for a role now. They are part of the content: once others have been appointed,
/// devices no longer accept what the former ones signed, so it must be signed anew.
#[derive(Serialize)]
struct Signers {
    needed: u32,
    keys: Vec<Digest>,
}

impl Signers {
    fn of(state: &State, role: &Role) -> Self {
        let threshold = state.authorities.get(role);
        let keys = threshold.iter().flat_map(|threshold| threshold.keys.keys().copied()).collect();
        Self { needed: threshold.map_or(0, |threshold| threshold.needed), keys }
    }
}

#[expect(clippy::expect_used, reason = "documents of strings and integers have a JSON form")]
fn digest<T: Serialize>(content: &T) -> Digest {
    Digest::of(&serde_json::to_vec(content).expect("content has a JSON form"))
}

/// The TUF metadata of a delegated role: its one target.
fn role_metadata(open: &DraftOpen, document: &[u8], sequence: u64, previous: &Digest, index: u64) -> Targets {
    let mut custom = serde_json::json!({ "sequence": sequence, "previous": previous, "draft": index });
    if let (Role::List(list), Some(members)) = (&open.role, custom.as_object_mut()) {
        members.insert("list".into(), list.as_str().into());
    }
    let mut metadata = Targets::new(open.version, open.expires);
    if let Some(name) = open.role.target_name() {
        let hashes = Hashes::of(document);
        metadata.targets.insert(name, Target { length: document.len() as u64, hashes, custom: Some(custom) });
    }
    metadata
}
