//! Why a tour ended early: which step, what happened, what a program said last.

use std::path::PathBuf;
use std::time::Duration;

use ctl_admin::AdminError;
use ctl_admin::ctl_replica::ReplicaError;
use ctl_client::ClientError;
use ctl_sandbox::SandboxError;
use ctl_sandbox::live::LiveError;

/// Why a tour ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A step did not do what it should.
    #[error("step {number} ({title}) failed: {problem}{}", last_words(whose, log))]
    Step {
        /// Its number.
        number: u32,
        /// Its title.
        title: String,
        /// What happened.
        #[source]
        problem: Box<Problem>,
        /// The program that has something to say about it: the server, or a watch.
        whose: String,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// The address is taken, or not this machine's.
    #[error(
        "cannot listen on {address}: {source}; name another address with --listen, or 127.0.0.1:0 for any that is free"
    )]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The directory cannot be used.
    #[error("--dir {}: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory holds something, perhaps an earlier tour.
    #[error("--dir {}: is not empty; name a new directory, or remove this one first", .0.display())]
    NotEmpty(PathBuf),
    /// No temporary directory.
    #[error("a temporary directory cannot be made: {0}; name one with --dir")]
    Temporary(std::io::Error),
    /// The system gives no signals.
    #[error("Ctrl-C cannot be heard: {0}")]
    Signals(std::io::Error),
}

/// What happened in a step.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A person's tool said no.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The device said no.
    #[error("the device: {0}")]
    Client(#[from] ClientError),
    /// A pretend PKI cannot be made.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A pretend PKI's services cannot be started or switched.
    #[error(transparent)]
    Services(#[from] LiveError),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program that the tour started.
    #[error("{who} {what}")]
    Process {
        /// Which.
        who: String,
        /// What became of it.
        what: String,
    },
    /// Something is otherwise than it must be.
    #[error("{0}")]
    Unexpected(String),
    /// Something did not happen in time.
    #[error("waited {} seconds in vain for {what}", waited.as_secs())]
    Late {
        /// What.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// A person ended the tour.
    #[error("interrupted")]
    Interrupted,
}

impl From<ReplicaError> for Problem {
    fn from(error: ReplicaError) -> Self {
        Self::Admin(error.into())
    }
}

impl Problem {
    /// For `map_err` around file operations.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

fn last_words(whose: &str, log: &[String]) -> String {
    if log.is_empty() {
        return String::new();
    }
    log.iter().fold(format!("\nthe last words of {whose}:"), |text, line| text + "\n  " + line)
}
