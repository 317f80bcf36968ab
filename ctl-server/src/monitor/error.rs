//! Why the monitor cannot start.

use std::path::PathBuf;

use ctl_policy::sla::SlaPolicyError;

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
    /// The service level policy cannot be read.
    #[error("[monitor] service_levels {}: {error}", .path.display())]
    PolicyFile {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The service level policy cannot be used.
    #[error(transparent)]
    Policy(#[from] SlaPolicyError),
}
