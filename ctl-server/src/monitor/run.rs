//! The monitor as a whole: what the server starts, asks and stops.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::board::Board;

/// Why the monitor cannot start.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The file of a canary cannot be used.
    #[error("[[monitor.canaries]] {}: {why}", .path.display())]
    Canary {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A file of TLS roots cannot be used.
    #[error("[monitor] tls_roots {}: {why}", .path.display())]
    TlsRoots {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// TLS cannot be set up.
    #[error("the monitor cannot speak TLS: {0}")]
    Tls(String),
}

/// A handle on the monitor. Clones are cheap.
#[derive(Clone, Default)]
pub struct Monitor {
    board: Arc<ArcSwap<Board>>,
}

impl Monitor {
    /// How things stand now.
    #[must_use]
    pub fn board(&self) -> Arc<Board> {
        self.board.load_full()
    }
}
