//! Verifying one JWS file without a repository: from an old, trusted root.json through the roots and
//! the delegating targets that travel in the file itself.
//!
//! What travels in the file is not trusted for it: every root must be signed by its predecessor's
//! board and its own, the targets by the last board, the document by those the targets name. Without
//! a repository nobody can tell that there is something newer, so expiry is reported, not judged.

use std::collections::BTreeSet;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};

use super::{DocumentError, ListPayload, MAX_PAYLOAD};
use crate::json;
use crate::jws::{Jws, JwsError};
use crate::keys::KeyId;
use crate::names::{Environment, ListId, Origin};
use crate::notices::NoticesDocument;
use crate::registry::RegistryDocument;
use crate::role::Role;
use crate::threshold::TooFew;
use crate::tuf::{
    Limits, Metadata as _, Root, Signed, Targets, TufError, V2gTrust, delegated_threshold, verify_role,
    walk_root_chain,
};
use crate::{Digest, Timestamp};

/// Member of the unprotected header: every root version from the first on, base64url, in order.
pub const ROOTS_HEADER: &str = "v2g_roots";
/// Member of the unprotected header: the delegating targets, base64url.
pub const TARGETS_HEADER: &str = "v2g_targets";

/// The largest JWS file in bytes: a payload in base64, and a long chain of roots.
pub const MAX_FILE: usize = 2 * MAX_PAYLOAD;

/// Why a file does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfflineError {
    /// The envelope, or the type in a signature's header.
    #[error("the signed file: {0}")]
    Jws(#[from] JwsError),
    /// The header lacks what is needed, or it is not base64url.
    #[error(
        "the signed file carries no usable {0:?} in its unprotected header: get it from the service anew"
    )]
    Header(&'static str),
    /// The roots in the file do not lead on from the trusted one.
    #[error("the chain from the trusted root.json to the file's newest: {0}")]
    Roots(TufError),
    /// The targets in the file are not what the board signed.
    #[error("the delegating targets in the file: {0}")]
    Targets(TufError),
    /// The root says nothing of a scheme.
    #[error("root version {0} names no scheme (member v2g): it is not one of this kind of service")]
    NoScheme(u64),
    /// Too few of those who may sign did.
    #[error("{role}: {source}")]
    Signatures {
        /// Whose document it claims to be.
        role: Role,
        /// What was counted.
        source: Box<TooFew>,
    },
    /// What they signed is not a document that may be used.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Something in the payload from which its role would follow.
    #[error("the payload does not say which list it is")]
    NoList,
    /// Signed, but not the document that was asked for, or for somebody else.
    #[error("{member}: the document is for {found}, expected {expected}")]
    Mismatch {
        /// Where they differ.
        member: &'static str,
        /// What root.json or the caller says.
        expected: String,
        /// What the document says.
        found: String,
    },
}

/// A document, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// A trust list.
    List(Box<ListPayload>),
    /// The MO registry.
    Registry(Box<RegistryDocument>),
    /// The suspension notices.
    Notices(Box<NoticesDocument>),
}

/// What was found in a file that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDocument {
    /// Whose document it is.
    pub role: Role,
    pub document: Document,
    /// The exact bytes that were signed.
    pub payload: Vec<u8>,
    /// The newest root in the file, by which it was verified.
    pub root_version: u64,
    /// The keys whose signatures counted.
    pub signers: BTreeSet<KeyId>,
    pub root_expires: Timestamp,
    /// When the delegating targets expire.
    pub targets_expires: Timestamp,
    /// When a newer version of the document is due.
    pub next_update: Timestamp,
    /// The log that it was drafted in, where that has ended by a restart since.
    pub former_log: Option<Origin>,
    /// What of these is over, `root`, `targets`, `document`; none if the caller has no clock.
    pub expired: Option<Vec<&'static str>>,
}

/// Verifies a file from a trusted root.json. `role` is the document that is wanted; without one the
/// file says itself what it is.
///
/// # Errors
/// [`OfflineError`] for the first step that does not hold.
pub fn verify_offline(
    trusted_root: &[u8],
    file: &[u8],
    role: Option<&Role>,
    now: Option<Timestamp>,
) -> Result<VerifiedDocument, OfflineError> {
    let jws = Jws::parse(file, MAX_FILE)?;
    let role = match role {
        Some(role) => role.clone(),
        None => claimed_role(&jws)?,
    };
    jws.check_type(role.document_typ().unwrap_or_default())?;

    let limits = Limits::default();
    let root = walk_root_chain(trusted_root, &embedded_roots(&jws)?, &limits).map_err(OfflineError::Roots)?;
    let targets = Signed::<Targets>::parse("targets", &embedded_targets(&jws)?, limits.targets)
        .map_err(OfflineError::Targets)?;
    verify_role("targets", &targets, &root.signed.threshold("targets")).map_err(OfflineError::Targets)?;
    let threshold = delegated_threshold(&targets.signed, &role.to_string()).map_err(OfflineError::Targets)?;
    let count = jws
        .check_threshold(&threshold)
        .map_err(|source| OfflineError::Signatures { role: role.clone(), source: Box::new(source) })?;

    let document = Document::read(&role, &jws.payload)?;
    document.check_belongs(&role, &root.signed)?;
    let (root_expires, targets_expires) = (root.signed.expires(), targets.signed.expires());
    let next_update = document.head().next_update;
    let origin = document.head().origin;
    let present = root.signed.v2g.as_ref().is_some_and(|v2g| v2g.log.origin == origin.as_str());
    let former_log = (!present).then(|| origin.clone());
    let times = [("root", root_expires), ("targets", targets_expires), ("document", next_update)];
    let expired =
        now.map(|now| times.iter().filter(|(_, time)| *time <= now).map(|(name, _)| *name).collect());
    Ok(VerifiedDocument {
        role,
        document,
        root_version: root.signed.version,
        signers: count.counted,
        root_expires,
        targets_expires,
        next_update,
        former_log,
        expired,
        payload: jws.payload,
    })
}

/// What the file says it is: the type of its signatures, and for a list the payload's `list`.
/// Nothing is believed of it but which keys to check.
fn claimed_role(jws: &Jws) -> Result<Role, OfflineError> {
    let typ = jws.signatures.first().map_or("", |signature| signature.protected.typ.as_str());
    if let Some(role) = [Role::Registry, Role::Notices].into_iter().find(|r| r.document_typ() == Some(typ)) {
        return Ok(role);
    }
    let source = |source| DocumentError::Json { document: ListPayload::TYPE, source };
    let payload = json::parse(&jws.payload, MAX_PAYLOAD).map_err(source)?;
    let list = payload.get("list").and_then(Value::as_str).and_then(|list| list.parse::<ListId>().ok());
    list.map(Role::List).ok_or(OfflineError::NoList)
}

fn header(jws: &Jws) -> Option<&Map<String, Value>> {
    jws.signatures.iter().find_map(|signature| signature.header.as_ref())
}

fn decode(value: &Value) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(value.as_str()?).ok()
}

fn embedded_roots(jws: &Jws) -> Result<Vec<Vec<u8>>, OfflineError> {
    header(jws)
        .and_then(|header| header.get(ROOTS_HEADER)?.as_array()?.iter().map(decode).collect())
        .ok_or(OfflineError::Header(ROOTS_HEADER))
}

fn embedded_targets(jws: &Jws) -> Result<Vec<u8>, OfflineError> {
    header(jws)
        .and_then(|header| decode(header.get(TARGETS_HEADER)?))
        .ok_or(OfflineError::Header(TARGETS_HEADER))
}

/// What every document says of where it belongs.
struct Head<'a> {
    scheme: &'a Digest,
    environment: Environment,
    origin: &'a Origin,
    next_update: Timestamp,
}

macro_rules! head {
    ($document:expr) => {
        Head {
            scheme: &$document.scheme,
            environment: $document.environment,
            origin: &$document.log.origin,
            next_update: $document.next_update,
        }
    };
}

impl Document {
    /// Reads the document of a role.
    ///
    /// # Errors
    /// [`DocumentError`] if it is another document or none.
    pub fn read(role: &Role, bytes: &[u8]) -> Result<Self, DocumentError> {
        Ok(match role {
            Role::Registry => Self::Registry(Box::new(RegistryDocument::read(bytes)?)),
            Role::Notices => Self::Notices(Box::new(NoticesDocument::read(bytes)?)),
            // The board's roles have no documents; what claims to be one is no list either.
            Role::List(_) | Role::Root | Role::Targets => Self::List(Box::new(ListPayload::read(bytes)?)),
        })
    }

    fn head(&self) -> Head<'_> {
        match self {
            Self::List(list) => head!(list),
            Self::Registry(registry) => head!(registry),
            Self::Notices(notices) => head!(notices),
        }
    }

    /// Whether it is the role's document in the scheme, environment and log that the root names.
    ///
    /// # Errors
    /// [`OfflineError::NoScheme`], [`OfflineError::Mismatch`].
    pub fn check_belongs(&self, role: &Role, root: &Root) -> Result<(), OfflineError> {
        let same = |member, expected: String, found: String| {
            if expected == found { Ok(()) } else { Err(OfflineError::Mismatch { member, expected, found }) }
        };
        let v2g = root.v2g.as_ref().ok_or(OfflineError::NoScheme(root.version))?;
        let V2gTrust { scheme, environment, log, .. } = v2g;
        if let (Self::List(payload), Role::List(list)) = (self, role) {
            same("list", list.to_string(), payload.list.to_string())?;
        }
        let head = self.head();
        same("scheme", scheme.to_string(), head.scheme.to_string())?;
        same("environment", environment.clone(), head.environment.to_string())?;
        // What was drafted before a restart keeps the origin that the log had then.
        if v2g.former_origins().contains(head.origin.as_str()) {
            return Ok(());
        }
        same("log", log.origin.clone(), head.origin.to_string())
    }
}
