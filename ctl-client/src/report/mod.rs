//! The report: this device's status as JSON to an address of its operator, when something changed and now and then. It
//! says what is, and nobody acts on it here: no sync fails for it.

mod device;
mod send;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ctl_core::{Digest, Timestamp, json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::files;
use crate::history::{Told, gist};
use crate::status::Status;
use crate::sync::Client;
pub use device::DeviceId;
#[cfg(feature = "back-end")]
pub(crate) use send::token;

/// A report is at most so many bytes. What does not fit is left out, and named.
pub const MAX_BYTES: usize = 256 * 1024;
/// The newest events go with it.
const EVENTS: usize = 20;
/// What was reported last.
const FILE: &str = "last-report.json";

/// Where reports go: the section `[report]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportConfig {
    /// `https://…`, or `http://` on this machine.
    pub url: String,
    /// A file that only this program's user may read, with the token that the address asks for.
    pub token_file: PathBuf,
    /// At least so often, if nothing changes.
    #[serde(default = "a_day")]
    pub every_hours: u64,
}

const fn a_day() -> u64 {
    24
}

impl ReportConfig {
    /// What is wrong with it, and what to write instead.
    pub(crate) fn problem(&self, device: Option<&str>) -> Option<String> {
        if let Err(problem) = send::address(&self.url) {
            return Some(format!("[report] url: {problem}"));
        }
        if !self.token_file.is_absolute() {
            return Some(format!("[report] token_file {:?}: write an absolute path", self.token_file));
        }
        if self.every_hours == 0 {
            return Some("[report] every_hours: must be at least 1".into());
        }
        match device.map(str::parse::<DeviceId>) {
            None => Some("[report] needs a name for this device: write device = \"…\" above".into()),
            Some(Err(problem)) => Some(format!("device, for [report]: {problem}")),
            Some(Ok(_)) => None,
        }
    }
}

/// What was reported last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    /// Of what is reported when it changes.
    gist: Digest,
    at: Timestamp,
}

impl Client {
    /// Sends a report, if there is something to say.
    ///
    /// # Errors
    /// Why nothing was reported, for people.
    pub(crate) async fn report(&self, status: &Status) -> Result<(), String> {
        let Some(config) = &self.config.report else { return Ok(()) };
        let told = self.directory.told().map_err(|error| error.to_string())?.0;
        let now = (self.now)();
        let new = Last { gist: digest(status, &told), at: now };
        if self.last_report().is_some_and(|last| !is_due(last, new, config.every_hours)) {
            return Ok(());
        }
        let body = self.body(status, &told);
        send::post(config, body, self.transport()).await?;
        let folder = self.directory.folder().map_err(|error| error.to_string())?;
        files::replace(self.directory.files(), &folder, FILE, &json::canonical(&new))
            .map_err(|error| error.to_string())
    }

    fn last_report(&self) -> Option<Last> {
        let bytes = files::read_in(&self.directory.folder().ok()?, FILE, 4096).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    fn body(&self, status: &Status, told: &Told) -> Vec<u8> {
        let versions: BTreeMap<String, u64> =
            status.documents.iter().map(|line| (line.role.to_string(), line.sequence)).collect();
        let holds: BTreeMap<&String, Value> =
            told.sinks.iter().map(|(sink, held)| (sink, json!(held.certificates))).collect();
        let mut events = self.history().map_or_else(|_| vec![], |history| history.events);
        let events = events.split_off(events.len().saturating_sub(EVENTS));
        bounded(json!({
            "format": 1,
            "device": self.config.device,
            "client": env!("CARGO_PKG_VERSION"),
            "trouble": status.is_troubled(),
            "versions": versions,
            "waiting": status.local.waiting.iter().map(|line| &line.list).collect::<BTreeSet<_>>(),
            "holds": holds,
            "status": status,
            "history": events,
            "left_out": [],
        }))
    }
}

/// The report without what does not fit, which it names.
fn bounded(mut report: Value) -> Vec<u8> {
    // How many there are stands with each sink.
    if let Some(stations) = report.pointer_mut("/status/stations") {
        *stations = json!({});
    }
    for pointer in ["/status/trusted", "/status/left_out", "/holds", "/history", "/status"] {
        let whole = report.to_string();
        if whole.len() <= MAX_BYTES {
            return whole.into_bytes();
        }
        if let Some(member) = report.pointer_mut(pointer) {
            *member = Value::Null;
        }
        if let Some(Value::Array(names)) = report.get_mut("left_out") {
            names.push(pointer.into());
        }
    }
    report.to_string().into_bytes()
}

/// A digest of what is worth a report when it changes: neither times nor how often something failed.
fn digest(status: &Status, told: &Told) -> Digest {
    let versions: Vec<(String, u64)> =
        status.documents.iter().map(|line| (line.role.to_string(), line.sequence)).collect();
    let findings: Vec<(_, String)> =
        status.findings.iter().map(|finding| (finding.severity, gist(&finding.text))).collect();
    Digest::of(&json::canonical(&json!([
        env!("CARGO_PKG_VERSION"),
        versions,
        findings,
        status.sinks,
        told.sinks,
        status.notices,
        status.local.waiting,
    ])))
}

fn is_due(last: Last, new: Last, every_hours: u64) -> bool {
    // A clock that was set back says nothing of how long ago it was.
    last.gist != new.gist
        || new.at < last.at
        || new.at.seconds_since(last.at) >= every_hours.saturating_mul(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_due_when_something_changed_and_now_and_then() {
        let at = Timestamp::from_unix;
        let last = Last { gist: Digest::of(b"one"), at: at(1_000_000) };
        let same = |seconds| Last { at: at(seconds), ..last };
        for (new, due) in [
            (same(1_000_001), false),
            (same(1_000_000 + 2 * 3600 - 1), false),
            (same(1_000_000 + 2 * 3600), true),
            (same(999_999), true),
            (Last { gist: Digest::of(b"two"), ..same(1_000_001) }, true),
        ] {
            assert_eq!(is_due(last, new, 2), due, "{new:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_named() {
        let long = |bytes: usize| Value::String("x".repeat(bytes));
        let report = |trusted, holds, rest| {
            let status = json!({ "trusted": long(trusted), "left_out": [], "url": long(rest) });
            bounded(
                json!({ "device": "a", "holds": long(holds), "history": [], "status": status, "left_out": [] }),
            )
        };
        for (trusted, holds, rest, left_out) in [
            (100, 100, 100, json!([])),
            (MAX_BYTES, 100, 100, json!(["/status/trusted"])),
            (100, MAX_BYTES, 100, json!(["/status/trusted", "/status/left_out", "/holds"])),
            (
                MAX_BYTES,
                MAX_BYTES,
                MAX_BYTES,
                json!(["/status/trusted", "/status/left_out", "/holds", "/history", "/status"]),
            ),
        ] {
            let bytes = report(trusted, holds, rest);
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            assert!(bytes.len() <= MAX_BYTES);
            assert_eq!((&read["left_out"], &read["device"]), (&left_out, &json!("a")));
        }
    }
}
