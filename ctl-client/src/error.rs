//! Why the client could not do something, or refused what it was given.

use std::io;
use std::path::{Path, PathBuf};

use ctl_core::Digest;
use ctl_core::log::LogError;
use ctl_core::tuf::TufError;

/// Why bytes could not be fetched. Nothing that was fetched in part is ever used.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address in the configuration cannot be used.
    #[error("{url:?} is no address to sync from: {problem}; use http://, https:// or file:///")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A path that leads out of the repository.
    #[error("{path:?} is no path within a repository")]
    Path {
        /// The path.
        path: String,
    },
    /// The connection failed, or ended before the body did.
    #[error("fetching {address}: {problem}")]
    Connection {
        /// What was asked for, without a password.
        address: String,
        /// What went wrong.
        problem: String,
    },
    /// An answer other than the file or its absence.
    #[error("fetching {address}: the server or a proxy answered {status}{hint}")]
    Status {
        /// What was asked for, without a password.
        address: String,
        /// The HTTP status.
        status: u16,
        /// What that means and what to do; empty if nobody can say.
        hint: &'static str,
    },
    /// An answer that is something else than one of our files.
    #[error("fetching {address}: instead of the file came {found}")]
    Unexpected {
        /// What was asked for, without a password.
        address: String,
        /// What came.
        found: String,
    },
    /// More bytes than this file may have.
    #[error("fetching {address}: more than the {limit} bytes that it may have; stopped reading")]
    TooLarge {
        /// What was asked for, without a password.
        address: String,
        /// Bytes allowed.
        limit: usize,
    },
    /// Nothing came for too long. Something on the way may hold it back for the form in which it comes.
    #[error("fetching {address}: no byte for {seconds} seconds")]
    Silent {
        /// What was asked for, without a password.
        address: String,
        /// How long was waited.
        seconds: f64,
    },
    /// Too slow for too long.
    #[error("fetching {address}: {problem}")]
    TooSlow {
        /// What was asked for, without a password.
        address: String,
        /// Which bound was missed.
        problem: String,
    },
}

/// Why the client could not do something, or refused what it was given. What was trusted before
/// stays trusted after any of these.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What the operator's address says of the roll-out cannot be read.
    #[error(
        "{address}: does not say whether the roll-out goes on: {problem}; a JSON object with \"paused\" is expected"
    )]
    Gate {
        /// What was asked for, without a password.
        address: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of this device.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The configuration.
    #[error("{}: {problem}", path.display())]
    Config {
        /// The configuration file.
        path: PathBuf,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// `init` where a state exists already.
    #[error(
        "{} holds a client's state already; remove it to begin anew, which forgets what was trusted",
        path.display()
    )]
    AlreadyInitialised {
        /// The state directory.
        path: PathBuf,
    },
    /// Another process works on the same state.
    #[error("another ctl-client works on {} at the moment", path.display())]
    Busy {
        /// The state directory.
        path: PathBuf,
    },
    /// The root that everything starts from is not what it was.
    #[error(
        "the trusted root {} is missing or damaged: nothing can be verified without it. Get root.json over a \
         channel that you trust, and run init with it on a new directory",
        path.display()
    )]
    RootDamaged {
        /// The file.
        path: PathBuf,
    },
    /// A root that does not say which scheme and log it is for.
    #[error("root.json version {version} names no usable scheme and log (member v2g): {problem}")]
    NoScheme {
        /// The root's version.
        version: u64,
        /// What is missing or wrong.
        problem: String,
    },
    /// Bytes could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Metadata or a target was refused.
    #[error(transparent)]
    Tuf(#[from] TufError),
    /// The repository describes no such document.
    #[error("the repository publishes no {name}{}", if *had { ", although it did before" } else { "" })]
    NotPublished {
        /// The target's name.
        name: String,
        /// Whether an earlier version is held.
        had: bool,
    },
    /// Another role than the document's own describes it.
    #[error("{name} is described by the role {found}, not by its own role {expected}")]
    WrongRole {
        /// The target's name.
        name: String,
        /// The role whose document it is.
        expected: String,
        /// The role that described it.
        found: String,
    },
    /// A document's form.
    #[error("{name}: {problem}")]
    Document {
        /// The target's name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A document of another scheme, environment or list.
    #[error("{name} is for {what} {found}, this device follows {expected}")]
    Foreign {
        /// The document.
        name: String,
        /// `scheme`, `environment` or `list`.
        what: &'static str,
        /// What this device follows.
        expected: String,
        /// What the document says.
        found: String,
    },
    /// A document older than the one held.
    #[error("rollback: {name} has sequence {found}, sequence {held} is held already")]
    Rollback {
        /// The document.
        name: String,
        /// The sequence held.
        held: u64,
        /// The sequence offered.
        found: u64,
    },
    /// Two documents under one number, or a successor of a document never seen.
    #[error(
        "{name}, sequence {sequence}, does not continue the version held: the publisher signed two histories"
    )]
    Forked {
        /// The document.
        name: String,
        /// The sequence offered.
        sequence: u64,
    },
    /// The log's proof for a document.
    #[error("the log's proof for {name}: {source}")]
    Proof {
        /// The document.
        name: String,
        /// What is wrong.
        source: LogError,
    },
    /// A genuine proof, of something else.
    #[error("the log's proof for {name} is about something else: {problem}")]
    OtherProof {
        /// The document.
        name: String,
        /// What it is about.
        problem: String,
    },
    /// The log's checkpoint, or a tile.
    #[error("the log: {0}")]
    Log(#[from] LogError),
    /// The log is smaller than it was.
    #[error(
        "the log has {found} entries and had {held} before: a stale mirror, or a log that was rolled back. Until \
         that is settled, what newer versions take away is taken away, and what they add waits"
    )]
    LogShrunk {
        /// Entries remembered.
        held: u64,
        /// Entries offered.
        found: u64,
    },
    /// The log contradicts what it said before.
    #[error(
        "THE LOG SHOWS TWO HISTORIES: {problem}. Until that is settled, what newer versions take away is taken \
         away, and what they add waits. Both signed checkpoints are kept in {}: send them to the scheme's auditors",
        evidence.display()
    )]
    TwoHistories {
        /// Which two checkpoints.
        problem: String,
        /// Where both are.
        evidence: PathBuf,
    },
    /// Another log than the one that the board let begin.
    #[error(
        "the board let the log begin anew with {size} entries that root.json names, and the log shown does not begin \
         with them: nothing new is accepted; sync from another mirror"
    )]
    NotTheRestarted {
        /// Entries that the new log began with.
        size: u64,
    },
    /// What is trusted cannot be said.
    #[error("nothing can be said of what is trusted: {why}; run sync")]
    NothingKnown {
        /// Why.
        why: String,
    },
    /// A sink could not be written, or not as it should be.
    #[error("sink {sink}: {problem}")]
    Sink {
        /// The sink.
        sink: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// What others left at a sink, or what its readers do not take, keeps it from holding all that it should.
    #[error("sink {sink}: {problem}")]
    Spoilt {
        /// The sink.
        sink: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A listed certificate that devices cannot read.
    #[error(
        "sink {sink} goes without certificate {certificate}: devices could read nothing of a file that holds it \
         ({problem}). Tell the governance body"
    )]
    Unreadable {
        /// The sink.
        sink: String,
        /// SHA-256 of the certificate.
        certificate: Digest,
        /// What devices do not read.
        problem: String,
    },
    /// No anchor would be left in a file although the lists name some.
    #[error(
        "sink {sink}: {file} keeps its former content, but for what is distrusted: none of the listed anchors can be \
         used there, and a bundle without anchors only follows from explicit distrust, a notice or lists that name nobody for it"
    )]
    WouldBeEmpty {
        /// The sink.
        sink: String,
        /// Which file.
        file: String,
    },
    /// No anchor is left.
    #[error(
        "sink {sink} TRUSTS NOBODY: none of the {listed} listed anchors can be used here; status says why"
    )]
    TrustsNobody {
        /// The sink.
        sink: String,
        /// Anchors on the lists followed.
        listed: usize,
    },
    /// No anchor is left in a file, though the lists name some for it.
    #[error(
        "sink {sink}: {file} TRUSTS NOBODY: none of the anchors that the lists name for it can be used here; status \
         says why"
    )]
    FileTrustsNobody {
        /// The sink.
        sink: String,
        /// Which file.
        file: String,
    },
    /// A file that takes one certificate, and several that it could be.
    #[error(
        "sink {sink}: {file} takes one certificate, and the lists name {}: write the SHA-256 of the one to take, \
         and of those to take where it is not trusted, as `order` into client.toml: {}",
        roots.len(),
        roots.join("; ")
    )]
    Undecided {
        /// The sink.
        sink: String,
        /// Which file.
        file: String,
        /// What it could be: SHA-256 and subject.
        roots: Vec<String>,
    },
    /// Some of a change was made.
    #[error(
        "sink {sink} holds only some of what it should; the next sync tries the rest again: {}",
        missing.join("; ")
    )]
    PartlyApplied {
        /// The sink.
        sink: String,
        /// What is not as it should be, and why.
        missing: Vec<String>,
    },
    /// Some stations do not hold what they should, and that is theirs or time's to mend.
    #[error("sink {sink}: {}", missing.join("; "))]
    Waits {
        /// The sink.
        sink: String,
        /// What is not as it should be, and why.
        missing: Vec<String>,
    },
    /// A sink's first fill waits.
    #[error(
        "sink {sink} was never filled, and is not before every list that this device follows was seen: {lists} \
         is missing, and may withdraw what the others name. Sync from a mirror that has it, or name in client.toml \
         the lists that you need"
    )]
    WaitsForLists {
        /// The sink.
        sink: String,
        /// The lists that were never seen.
        lists: String,
    },
    /// The operator's command refused what was about to be put in place.
    #[error("sink {sink} keeps its former content: the command before a change: {problem}")]
    Check {
        /// The sink.
        sink: String,
        /// What it said.
        problem: String,
    },
    /// A selection that cannot be followed.
    #[error("sink {sink}: only what must go changes there, for its selection cannot be followed: {problem}")]
    Selection {
        /// The sink.
        sink: String,
        /// Why not.
        problem: String,
    },
    /// A program did not take what was handed to it.
    #[error(
        "sink {sink}: the program did not take the change: {problem}. It has what it took last, and is handed this \
         again at the next sync"
    )]
    HandOver {
        /// The sink.
        sink: String,
        /// What went wrong.
        problem: String,
    },
    /// The command after a change.
    #[error("the command after a change of sink {sink}: {problem}; it is run again at the next sync")]
    Command {
        /// The sink.
        sink: String,
        /// What went wrong.
        problem: String,
    },
}

impl FetchError {
    /// Whether the same file may arrive in another form: what is on the way, or the server, could not cope with this one.
    /// Whoever cannot be reached, is overloaded or refuses to answer is not asked twice.
    pub(crate) const fn is_of_the_form(&self) -> bool {
        match self {
            Self::Unexpected { .. } | Self::TooLarge { .. } | Self::Silent { .. } => true,
            // Bad request, not acceptable, unsupported media type.
            Self::Status { status, .. } => matches!(status, 400 | 406 | 415),
            Self::Address { .. } | Self::Path { .. } | Self::Connection { .. } | Self::TooSlow { .. } => {
                false
            }
        }
    }
}

impl ClientError {
    /// Whether it is about what was received, and not about getting it here: everything was fetched
    /// and put in place but for what this names.
    #[must_use]
    pub const fn is_complaint(&self) -> bool {
        matches!(
            self,
            Self::Unreadable { .. }
                | Self::Spoilt { .. }
                | Self::TrustsNobody { .. }
                | Self::FileTrustsNobody { .. }
                | Self::WouldBeEmpty { .. }
                | Self::Undecided { .. }
                | Self::Waits { .. }
                | Self::Selection { .. }
        )
    }

    /// Whether what was received was refused, whoever made it so.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NoScheme { .. }
                | Self::Tuf(_)
                | Self::WrongRole { .. }
                | Self::Document { .. }
                | Self::Foreign { .. }
                | Self::Rollback { .. }
                | Self::Forked { .. }
                | Self::Proof { .. }
                | Self::OtherProof { .. }
                | Self::Log(_)
                | Self::LogShrunk { .. }
                | Self::TwoHistories { .. }
                | Self::NotTheRestarted { .. }
                | Self::Unreadable { .. }
        )
    }

    /// A failed operation on a file.
    #[must_use]
    pub fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }
}
