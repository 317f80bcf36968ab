//! What `status` says of this device itself: its memory, its medium, and whether syncs still succeed.

use ctl_core::Timestamp;
use ctl_core::tuf::Clock;

use super::{Severity, Status, WITNESSED};
use crate::state::State;
use crate::sync::{Client, LastSync};

/// So many intervals without a sync that succeeded are an error.
const MISSED_INTERVALS: u64 = 4;
/// So many failures in a row are an error where there is no clock: the daemon then has tried for about
/// three hours.
const MANY_FAILURES: u32 = 10;

impl Client {
    pub(super) fn other_findings(&self, state: &State, status: &mut Status) {
        let is_here = |name: &&String| self.sinks.iter().any(|sink| sink.name() == **name);
        for sink in state.commands_due.iter().filter(is_here) {
            status.find(
                Severity::Warning,
                format!("the command after a change of {sink} has not succeeded yet"),
            );
        }
        if state.recoveries > 0 && !state.memory_lost {
            let text =
                "what was remembered here was lost once by damage, and begun anew from the trusted root";
            status.find(Severity::Note, text);
        }
        let evidence = self.directory.evidence();
        if !evidence.is_empty() {
            let folder = self.directory.path().join("evidence");
            let text = format!(
                "THE LOG SHOWED TWO HISTORIES: {} signed checkpoints are kept in {}. Send them to the scheme's \
                 auditors; remove them when the matter is settled",
                evidence.len(),
                folder.display()
            );
            status.find(Severity::Error, text);
        }
        if let Some(log) = &status.log
            && log.assurance != WITNESSED
        {
            let text = log.assurance.clone();
            // A board that asks for no witnesses has decided so.
            let severity = if log.witnesses_needed > 0 { Severity::Warning } else { Severity::Note };
            status.find(severity, text);
        }
        match self.directory.folder().map(|folder| folder.trouble()) {
            Ok(None) => {}
            Ok(Some(trouble)) => {
                let place = self.directory.path().display();
                status.find(
                    Severity::Error,
                    format!("the state directory {place} {trouble}: no sync can succeed"),
                );
            }
            Err(error) => status.find(Severity::Error, error.to_string()),
        }
        match status.last_sync.clone() {
            None => status.find(Severity::Warning, "never synced; run sync"),
            Some(last) => {
                if let Some((severity, text)) = self.age(&last, state.known_time) {
                    status.find(severity, text);
                }
                for (about, problem) in last.problems {
                    // What concerns a sink was looked at anew above.
                    if !status.findings.iter().any(|finding| finding.text == problem) {
                        status.find(Severity::Warning, format!("last sync: {about}: {problem}"));
                    }
                }
            }
        }
        status.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    }

    /// What the age of the last sync that succeeded says: it tells also of failures that could not be
    /// written down.
    fn age(&self, last: &LastSync, known: Timestamp) -> Option<(Severity, String)> {
        let failures = last.failures;
        let Some(succeeded) = last.succeeded_at else {
            let severity = if failures < MANY_FAILURES { Severity::Warning } else { Severity::Error };
            return Some((severity, format!("no sync has succeeded yet, {failures} failed")));
        };
        let Clock::Known(_) = self.clock(known).0 else {
            let text =
                format!("{failures} syncs in a row have failed: what was withdrawn since is not known here");
            return (failures >= MANY_FAILURES).then_some((Severity::Error, text));
        };
        let now = (self.now)();
        if now < succeeded {
            let text = format!(
                "the last sync succeeded at {succeeded}, which is still to come: the clock was set back"
            );
            return Some((Severity::Warning, text));
        }
        let missed = now.seconds_since(succeeded) / self.config.interval_seconds.max(1);
        let severity = match missed {
            0..=1 => return None,
            2..MISSED_INTERVALS => Severity::Warning,
            _ => Severity::Error,
        };
        let text = format!(
            "the last sync that succeeded was at {succeeded}, {missed} intervals of {} s ago: what was withdrawn since \
             is not known here. If syncs are run less often on purpose, say so with interval_seconds in client.toml",
            self.config.interval_seconds
        );
        Some((severity, text))
    }
}
