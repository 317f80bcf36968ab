//! Pages from a verified state: what the portal shows everyone, and the desk a person.
//!
//! A page is a function from the state of a scheme to text. Nothing here reads a file, a clock or the network: what a page
//! needs beside the state is handed to it. Every text from outside is escaped by [`maud`], and what steers a
//! reader's eyes is made visible ([`ctl_pki::print`]). No page needs a script, a foreign host or an inline style.
#![forbid(unsafe_code)]

mod application;
pub mod asset;
mod auditors;
mod calendar;
mod certificate;
pub mod changes;
mod check;
mod comments;
mod contents;
mod entry;
pub mod feed;
mod frame;
mod levels;
mod list;
mod log;
mod overview;
mod participants;
mod parts;
pub mod place;
mod promises;
mod proposal;
mod reach;
mod registry;
pub mod said;
mod screened;
mod shell;
pub mod status;
mod timeline;
mod trust;
mod version;
mod words;

pub use application::{About, Wanted, application, applications};
pub use auditors::auditors;
pub use calendar::{Wanted as WantedOfCalendar, calendar, icalendar};
pub use certificate::certificate;
pub use check::{check, checked};
pub use frame::Frame;
pub use list::{Rendition, list};
pub use log::{ENTRIES_AT_ONCE, Proof, entry, log, verified};
pub use overview::{Health, SignedBy, overview};
pub use participants::{participant, participants};
pub use promises::promises;
pub use proposal::{proposal, proposals};
pub use reach::{reach, reach_body};
pub use registry::{LONGEST, Search, mo_id, registry};
pub use version::{VERSIONS_AT_ONCE, difference, version, versions};
pub use words::Words;
