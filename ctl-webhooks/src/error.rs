//! Why the program cannot start.

use std::io;
use std::path::PathBuf;

use ctl_fetch::SetupError;
use ctl_serve::forward::SecretError;

use crate::store::StoreError;

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The trusted root.json cannot be read.
    #[error("[scheme] root {}: {error}", .path.display())]
    Root { path: PathBuf, error: io::Error },
    /// No list is followed.
    #[error("[scheme] lists names no list: nothing could ever be told")]
    NoLists,
    /// The service is none that can be asked.
    #[error("[scheme] server {0}: name its address, http://… or https://…")]
    NoServer(String),
    /// A fetcher cannot be made.
    #[error(transparent)]
    Fetch(#[from] SetupError),
    /// The secret that is shared with the server cannot be used.
    #[error("[webhooks] secret: {0}")]
    Secret(#[from] SecretError),
    /// The store cannot be opened.
    #[error("{}: {error}", .path.display())]
    Store { path: PathBuf, error: StoreError },
    /// Two metrics have one name: a mistake in this crate.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
}
