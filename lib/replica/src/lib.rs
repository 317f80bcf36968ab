//! A scheme followed from outside: its log fetched, verified and replayed, and statements sent and proven.
//!
//! Nothing that a server says is believed. [`Replica::sync`] fetches the newest checkpoint, verifies its signature and
//! that the log continues what was seen before, downloads the new entries only, checks each by the rules of governance,
//! and gives the [`Log`] with the [`State`](ctl_governance::State) that follows. It may be called again and again, for
//! years; a replica with a folder goes on where it stopped when its process starts anew.
//!
//! ```no_run
//! # async fn example() -> Result<(), ctl_replica::ReplicaError> {
//! use ctl_replica::{Options, Replica, Trust};
//!
//! let trust = Trust::Root("/etc/ctl/root.json".into());
//! let mut replica = Replica::open(Options::new("https://ctl.example", trust).remembering("/var/lib/watch/replica"))?;
//! let log = replica.sync().await?;
//! println!("{} entries, last at {}", log.checkpoint().size, log.state().clock);
//! # Ok(())
//! # }
//! ```
//!
//! [`transport`] fetches bytes, `folder` remembers what was seen; [`statement`] makes statements and sends them, and
//! [`receipts`] holds the log to what the server answered.
#![forbid(unsafe_code)]

mod entries;
mod error;
mod files;
mod folder;
pub mod pending;
pub mod receipts;
mod replica;
pub mod statement;
pub mod transport;

pub use self::error::{Bound, ReplicaError};
pub use self::pending::Pending;
pub use self::receipts::{Lost, Proof, Receipt};
pub use self::replica::{
    Clock, Confirmed, Listener, Log, News, Observer, Options, PATIENCE, Progress, Replica, Step, Trust,
    log_key, read_root, silence, system_clock,
};
pub use self::statement::{Blob, Submission};
pub use self::transport::{Bounds, Transport};
