//! Where each page stands. Written once, for the links and for the server's table.

use ctl_core::Digest;
use ctl_core::names::{ListId, MoId, ParticipantId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// The overview.
pub const OVERVIEW: &str = "/";
/// Where a certificate or list can be judged.
pub const CHECK: &str = "/check";
/// All applications.
pub const APPLICATIONS: &str = "/applications";
/// All proposals.
pub const PROPOSALS: &str = "/proposals";
/// All participants.
pub const PARTICIPANTS: &str = "/participants";
/// The auditors among them.
pub const AUDITORS: &str = "/auditors";
/// The MO registry.
pub const REGISTRY: &str = "/registry";
/// The log.
pub const LOG: &str = "/log";
/// What the governance body promises.
pub const PROMISES: &str = "/promises";
/// What expires or is due.
pub const CALENDAR: &str = "/calendar";
/// The same for programs (RFC 5545).
pub const ICALENDAR: &str = "/calendar.ics";
/// Decisions and publications for feed readers (RFC 4287).
pub const FEED: &str = "/feed.atom";

/// A text as it stands in a query (RFC 3986 sections 2.1 and 2.3).
pub(crate) fn query(text: &str) -> PercentEncode<'_> {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED)
}

/// A list.
#[must_use]
pub fn list(id: &ListId) -> String {
    format!("/lists/{id}")
}

/// The versions of a list.
#[must_use]
pub fn versions(id: &ListId) -> String {
    format!("/lists/{id}/versions")
}

/// One version of a list.
#[must_use]
pub fn version(id: &ListId, sequence: u64) -> String {
    format!("/lists/{id}/versions/{sequence}")
}

/// What changed between two versions of a list.
#[must_use]
pub fn changes(id: &ListId, from: u64, to: u64) -> String {
    format!("/lists/{id}/changes?from={from}&to={to}")
}

/// Who can charge where, by a list.
#[must_use]
pub fn reach(id: &ListId) -> String {
    format!("/lists/{id}/reach")
}

/// A certificate that stands or stood on a list, or was disclosed.
#[must_use]
pub fn certificate(fingerprint: &Digest) -> String {
    format!("/certificates/{fingerprint}")
}

/// An application.
#[must_use]
pub fn application(index: u64) -> String {
    format!("{APPLICATIONS}/{index}")
}

/// A proposal.
#[must_use]
pub fn proposal(index: u64) -> String {
    format!("{PROPOSALS}/{index}")
}

/// A participant.
#[must_use]
pub fn participant(id: &ParticipantId) -> String {
    format!("{PARTICIPANTS}/{id}")
}

/// An MO identifier.
#[must_use]
pub fn mo_id(id: &MoId) -> String {
    format!("{REGISTRY}/{id}")
}

/// An entry of the log.
#[must_use]
pub fn entry(index: u64) -> String {
    format!("{LOG}/{index}")
}

/// The proof that an entry is in the log, as a file.
#[must_use]
pub fn proof(index: u64) -> String {
    format!("{LOG}/{index}/tlog-proof")
}
