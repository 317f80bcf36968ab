//! Why the watch cannot start.

use std::path::PathBuf;

use ctl_core::names::NameError;
use ctl_fetch::SetupError;
use ctl_policy::sla::SlaPolicyError;
use ctl_replica::ReplicaError;

use super::store::StoreError;

/// Why the watch cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file of a canary cannot be used.
    #[error("[[watch.canaries]] {}: {why}", .path.display())]
    Canary { path: PathBuf, why: String },
    /// The configuration does not say how the scheme is known, or says it twice.
    #[error("[scheme] needs one of id and root, by which the scheme is known")]
    Scheme,
    /// The service is a folder, which answers no probes and takes no statements.
    #[error("[scheme] server {0}: a watch asks a service; name its address, http://… or https://…")]
    NoServer(String),
    /// The scheme cannot be followed.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The fetcher cannot be made.
    #[error(transparent)]
    Fetch(#[from] SetupError),
    /// The watcher's key cannot be used.
    #[error("the watcher's key {}: {why}", .path.display())]
    Key { path: PathBuf, why: String },
    /// The service level policy cannot be read.
    #[error("[watch] service_levels {}: {error}", .path.display())]
    PolicyFile { path: PathBuf, error: std::io::Error },
    /// The service level policy cannot be used.
    #[error(transparent)]
    Policy(#[from] SlaPolicyError),
    /// The service level policy has a name or version that no statement can carry.
    #[error("the service level policy cannot be named in the log: {0}")]
    PolicyName(#[from] NameError),
    /// The service level policy names a reason code that this release does not know.
    #[error(
        "the service level policy names the reason {0:?}, which this release does not know; correct the policy"
    )]
    UnknownCode(String),
    /// The sources contradict each other.
    #[error("[[sources]]: {0}")]
    Sources(String),
    /// The history cannot be opened.
    #[error("{}: {error}", .path.display())]
    Store { path: PathBuf, error: StoreError },
}
