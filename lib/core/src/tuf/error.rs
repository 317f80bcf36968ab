//! Every way in which a repository, or whoever stands between it and us, can be wrong.

use crate::Timestamp as Moment;
use crate::json::JsonError;
use crate::threshold::TooFew;

/// Why metadata or a target was refused. Nothing refused ever replaces what was trusted before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TufError {
    /// The bytes are not JSON, or more of them than this role may have.
    #[error("{role} metadata: {source}")]
    Json {
        /// The role that the file claims to be.
        role: String,
        source: JsonError,
    },
    /// JSON, but not metadata of this role.
    #[error("{role} metadata is not as TUF 1.0 §4 asks: {problem}")]
    Malformed {
        /// The role that the file claims to be.
        role: String,
        problem: String,
    },
    /// `_type` names another kind of metadata.
    #[error("{role} metadata says it is of type {found:?}, not {expected:?}")]
    WrongType {
        /// The role that was asked for.
        role: String,
        /// Its type.
        expected: &'static str,
        /// The type found, empty if there is none.
        found: String,
    },
    /// Written for another major version of TUF.
    #[error("{role} metadata has spec_version {found:?}; this client reads 1.x")]
    SpecVersion {
        role: String,
        /// The version found.
        found: String,
    },
    /// A key id stands twice among the signatures or in a role.
    #[error("{role} metadata names the key {key_id} twice")]
    DuplicateKeyId { role: String, key_id: String },
    /// Fewer valid signatures than the role's threshold.
    #[error("{role} metadata has too few valid signatures: {source}")]
    Signatures {
        role: String,
        /// What was counted.
        source: Box<TooFew>,
    },
    /// A root whose log does not follow from the log that the root before it names.
    #[error("root version {version} is refused for what it says of the log: {problem}")]
    Restart {
        /// The root's version.
        version: u64,
        problem: String,
    },
    /// A root that is not the successor of the trusted one.
    #[error("root version {found} cannot follow version {}: expected {expected}", expected.saturating_sub(1))]
    RootVersion {
        /// The version that must come next.
        expected: u64,
        /// The version found.
        found: u64,
    },
    /// More new roots than [`super::Limits::root_rotations`]; those accepted are kept, so another
    /// run goes on from there.
    #[error("more than {limit} new root versions in one run; run again to go on")]
    EndlessRootChain { limit: u32 },
    /// Older than what was trusted before.
    #[error("rollback: {role} version {found} is older than version {trusted}, which was trusted before")]
    Rollback {
        /// The role whose version goes back.
        role: String,
        /// The version trusted before.
        trusted: u64,
        /// The version found.
        found: u64,
    },
    /// The snapshot no longer lists a role that it once listed.
    #[error("the snapshot dropped {role}, which it listed before")]
    RoleDropped { role: String },
    /// Mix and match: not the version that timestamp or snapshot lists.
    #[error("{role} metadata has version {found} where version {listed} is listed")]
    WrongVersion {
        role: String,
        /// The version that timestamp or snapshot lists.
        listed: u64,
        /// The version found.
        found: u64,
    },
    /// Not as long as listed.
    #[error("{file} has {found} bytes where {expected} are listed")]
    Length {
        /// The file or target.
        file: String,
        /// Bytes listed.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// Other bytes than those listed.
    #[error("{file} does not have the hash that is listed for it")]
    Hash {
        /// The file or target.
        file: String,
    },
    /// Genuine, but no longer to be accepted as new.
    #[error("{role} metadata expired at {expires} (it is {now}): the repository or a mirror is stale")]
    Expired {
        role: String,
        expires: Moment,
        /// The time it was compared with.
        now: Moment,
    },
    /// Delegated to, but not in the snapshot.
    #[error("the snapshot does not list {role}")]
    NotListed { role: String },
    /// Not delegated to by the metadata at hand.
    #[error("nothing delegates to a role {role:?}")]
    NotDelegated { role: String },
    /// The repository lacks a file that it must have.
    #[error("the repository has no {path}")]
    Missing {
        /// Where it was looked for.
        path: String,
    },
    /// Too many roles to visit for one target.
    #[error("more than {limit} delegated roles would have to be visited for one target")]
    TooManyDelegations { limit: usize },
    /// Not a name that a target may have.
    #[error("{name:?} is no target name to ask for: use flat ASCII names such as na.ctl.json")]
    TargetName { name: String },
    /// The caller answered without being asked, or looked for a target before the refresh was done.
    #[error("the updater is not waiting for this: take its steps until it says Done")]
    OutOfTurn,
}
