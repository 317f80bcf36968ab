//! What `status` says of the operator's own say: what is distrusted here, held, or waits for its turn.

use std::fmt;

use ctl_core::names::ListId;
use ctl_core::names::print::line as plain;
use ctl_core::parts::DistrustKind;
use ctl_core::{Digest, Timestamp};
use serde::Serialize;

use super::{Severity, Status};
use crate::local::{Distrust, Hold, place};
use crate::state::State;
use crate::sync::{Client, InForce};

/// What is found while the roll-out is paused.
pub(super) const PAUSED: &str = "the roll-out is paused";

/// What the operator of this device says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LocalStatus {
    /// What its operator calls this device.
    pub device: Option<String>,
    /// Where this device stands in the roll-out, in percent of the fleet that come before it; none without one.
    pub place: Option<u8>,
    /// Why the roll-out was paused at the last sync, if it was.
    pub paused: Option<String>,
    /// What is never trusted here.
    pub distrust: Vec<Distrust>,
    /// Which versions are held.
    pub hold: Vec<Hold>,
    /// What a list adds and is not taken up yet: anchors, uses of anchors, cross-certificates.
    pub waiting: Vec<WaitingLine>,
}

/// Something that a list adds and that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingLine {
    /// The list.
    pub list: ListId,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// When it was first seen here.
    pub since: Timestamp,
    /// Why it waits.
    pub reason: String,
}

impl Client {
    pub(super) fn local_lines(&self, state: &State, documents: &InForce, status: &mut Status) {
        let local = &self.config.local;
        status.local = LocalStatus {
            device: self.config.device.clone(),
            place: local.rollout.as_ref().and(self.config.device.as_deref()).map(|name| place(name) as u8),
            paused: state.rollout_paused.clone(),
            distrust: local.distrust.clone(),
            hold: local.hold.clone(),
            waiting: self.waiting(state),
        };
        if let Some(why) = &state.rollout_paused {
            status.find(Severity::Warning, format!("{PAUSED}: {why}"));
        }
        for hold in &local.hold {
            let waits = status.local.waiting.iter().filter(|line| line.list == hold.list).count();
            let (severity, text) = match documents.lists.iter().find(|list| list.list == hold.list) {
                None => (Severity::Warning, "no such list is in force here; correct or remove it".to_owned()),
                Some(_) if waits == 0 => (
                    Severity::Note,
                    "no addition waits because of it; what a version relaxes is never held".to_owned(),
                ),
                Some(list) => (
                    Severity::Warning,
                    format!(
                        "version {} is in force, additions that wait: {waits}; what it relaxes is not held",
                        list.sequence
                    ),
                ),
            };
            status
                .find(severity, format!("local.hold of {} at version {}: {text}", hold.list, hold.sequence));
        }
    }

    fn waiting(&self, state: &State) -> Vec<WaitingLine> {
        let mut lines = Vec::new();
        for (list, taken) in &state.taken {
            lines.extend(taken.waiting.iter().map(|(fingerprint, since)| WaitingLine {
                list: list.clone(),
                fingerprint: *fingerprint,
                since: *since,
                reason: self.why_waiting(state, list, fingerprint),
            }));
        }
        lines
    }
}

impl fmt::Display for LocalStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says_nothing = self.distrust.is_empty() && self.hold.is_empty() && self.place.is_none();
        if says_nothing && self.waiting.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nthis device's operator says:")?;
        for Distrust { sha256, kind, reason } in &self.distrust {
            let what = match kind {
                DistrustKind::Certificate => "certificate",
                DistrustKind::Spki => "key",
            };
            writeln!(f, "  {}  {what} never trusted here: {}", sha256.short(), plain(reason))?;
        }
        for Hold { list, sequence, reason } in &self.hold {
            writeln!(f, "  {list} held at version {sequence}: {}", plain(reason))?;
        }
        if let (Some(device), Some(place)) = (&self.device, self.place) {
            writeln!(f, "  staged roll-out: {} comes after {place} % of the fleet", plain(device))?;
        }
        for line in &self.waiting {
            let (certificate, list, since) = (line.fingerprint.short(), &line.list, line.since);
            writeln!(f, "  {certificate}  {list}: added, first seen {since}, waits")?;
        }
        Ok(())
    }
}
