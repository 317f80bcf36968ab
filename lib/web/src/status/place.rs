//! Where each page of a watch stands. Written once, for the links and for the watch's table.

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_governance::service_levels::TRUST_LIST_MANAGER;

/// How everything stands.
pub const OVERVIEW: &str = "/";
/// Everything that went or goes wrong.
pub const INCIDENTS: &str = "/incidents";
/// The trust list manager, watched like everyone else.
pub const MANAGER: &str = "/manager";
/// Other people's lists and pools.
pub const SOURCES: &str = "/sources";

/// An operator's services; the trust list manager has a page of its own.
#[must_use]
pub fn operator(id: &ParticipantId) -> String {
    if id.as_str() == TRUST_LIST_MANAGER { MANAGER.to_owned() } else { format!("/operators/{id}") }
}

/// One incident.
#[must_use]
pub fn incident(number: u64) -> String {
    format!("{INCIDENTS}/{number}")
}

/// One of the other lists and pools.
#[must_use]
pub fn source(name: &str) -> String {
    format!("{SOURCES}/{name}")
}

/// The exchanges behind an incident, as they were received.
#[must_use]
pub fn evidence(digest: &Digest) -> String {
    format!("/v1/evidence/{digest}")
}

/// The name under which they are saved.
#[must_use]
pub fn evidence_file(digest: &Digest) -> String {
    format!("{digest}.json")
}
