//! Why a source is refused: what was wrong, where, and what to do.

use std::path::PathBuf;

use ctl_formats::recognise::ReadError;

/// Why a source gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// How it is described cannot be.
    #[error("the source: {0}")]
    Config(String),
    /// Something on this machine cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A folder that is larger than one of certificates is.
    #[error("{}: {what}", path.display())]
    Folder { path: PathBuf, what: String },
    /// Nobody answers, or not as it must be.
    #[error("{address}: {why}")]
    Unanswered {
        address: String,
        /// In words.
        why: String,
    },
    /// The answer says no.
    #[error("{address} answers {status}{}", help(*status))]
    Status { address: String, status: u16 },
    /// The place that gives tokens does not.
    #[error("the token from {address}: {why}")]
    Token {
        address: String,
        /// In words.
        why: String,
    },
    /// What is there is refused.
    #[error("{place}: {error}")]
    Read { place: String, error: ReadError },
}

fn help(status: u16) -> &'static str {
    match status {
        401 => ": it wants a token, key or client certificate that it knows, and this was none",
        403 => ": the token, key or client certificate is known there, and has no right to read this",
        404 => ": nothing is there; check the address",
        429 => ": it was asked too often; ask again later",
        _ => "",
    }
}
