//! What `status` says of sinks, and of the charging stations behind them.

use std::fmt;

use ctl_core::names::print::line as plain;

use super::local::PAUSED;
use super::{LeftOutLine, Severity, SinkStatus, Status};
use crate::sink::{RolloutPause, Sink, Standing, StationCounts, StationLine};
use crate::state::State;
use crate::store::TrustStore;
use crate::sync::Client;

/// So many stations are named in a finding.
const NAMED: usize = 5;

impl Client {
    pub(super) async fn sink_line(
        &self,
        sink: &dyn Sink,
        state: &State,
        store: &TrustStore,
        status: &mut Status,
    ) {
        let name = sink.name();
        if let Some(trouble) = sink.trouble() {
            let text = format!("sink {name} {trouble}: no change can be put there");
            status.find(Severity::Error, text);
        }
        if let Err(waits) = self.may_fill(sink, state) {
            return status.find(Severity::Error, waits.to_string());
        }
        let placed = state.placed.get(&name).cloned().unwrap_or_default();
        match sink.plan(store, &placed).await {
            Ok(plan) => {
                let (stations, rollout) = (sink.stations(), sink.rollout());
                let counts = stations.as_deref().map(StationCounts::of);
                let in_place = match &counts {
                    // What has to be read again some time is no fault.
                    Some(counts) => {
                        let well = counts.installed.saturating_add(counts.waiting);
                        well == counts.stations && counts.may_hold_distrusted == 0
                    }
                    None => plan.in_place,
                };
                if let Some(lines) = stations {
                    Self::station_findings(&name, &lines, status);
                    let paused = rollout.as_ref().and_then(|rollout| rollout.paused.as_ref());
                    if let Some(RolloutPause { since, reason }) = paused {
                        let text = format!("sink {name}: {PAUSED} since {since}: {reason}");
                        status.find(Severity::Warning, text);
                    }
                    status.stations.insert(name.clone(), lines);
                } else if !plan.in_place {
                    let text = format!("sink {name} does not hold what it should; run sync");
                    status.find(Severity::Error, text);
                }
                for complaint in plan.complaints {
                    status.find(Severity::Error, complaint.to_string());
                }
                for note in plan.notes {
                    status.find(Severity::Note, format!("sink {name}: {note}"));
                }
                for (fingerprint, reason) in plan.left_out {
                    status.left_out.push(LeftOutLine { by: format!("sink {name}"), fingerprint, reason });
                }
                status.sinks.push(SinkStatus {
                    sink: name,
                    in_place,
                    stations: counts,
                    rollout,
                    certificates: plan.ours.len(),
                    foreign: plan.foreign.len(),
                });
            }
            Err(error) => status.find(Severity::Error, error.to_string()),
        }
    }

    fn station_findings(sink: &str, lines: &[StationLine], status: &mut Status) {
        let counts = StationCounts::of(lines);
        let named = |which: &dyn Fn(&StationLine) -> bool| {
            let found: Vec<&StationLine> = lines.iter().filter(|line| which(line)).collect();
            let mut names: Vec<&str> = found.iter().take(NAMED).map(|line| line.station.as_str()).collect();
            if found.len() > NAMED {
                names.push("…");
            }
            let reason = found.iter().find_map(|line| line.reasons.first());
            let reason = reason.map_or_else(String::new, |reason| format!(", the first: {reason}"));
            format!("({}{reason}); see status --stations", names.join(", "))
        };
        if counts.may_hold_distrusted > 0 {
            let number = counts.may_hold_distrusted;
            let who = named(&|line| line.may_hold_distrusted);
            let text = format!("sink {sink}: {number} stations may hold a DISTRUSTED root {who}");
            status.find(Severity::Error, text);
        }
        for (number, standing, what) in [
            (counts.refused, Standing::Refused, "do not take what they should"),
            (counts.offline, Standing::Offline, "do not answer, and are asked again later"),
            (counts.pending, Standing::Pending, "are not proven to hold what they should yet: run sync"),
        ] {
            if number > 0 {
                let who = named(&|line| line.standing == standing);
                status.find(Severity::Warning, format!("sink {sink}: {number} stations {what} {who}"));
            }
        }
        if counts.waiting > 0 {
            let (number, who) = (counts.waiting, named(&|line| line.standing == Standing::Waiting));
            let text = format!("sink {sink}: {number} stations wait for their turn in the roll-out {who}");
            status.find(Severity::Note, text);
        }
        if counts.sent > 0 {
            let number = counts.sent;
            let text = format!(
                "sink {sink}: what {number} stations hold is sent, not proven: this back end asks no station"
            );
            status.find(Severity::Note, text);
        }
    }
}

/// One line for each station.
pub(super) fn table(f: &mut fmt::Formatter<'_>, lines: &[StationLine]) -> fmt::Result {
    let widest = lines.iter().map(|line| plain(&line.station).to_string().chars().count()).max().unwrap_or(0);
    for line in lines {
        let held = line.held.map_or_else(|| "?".to_owned(), |held| held.to_string());
        let read = line.read_at.map_or_else(|| "not read".to_owned(), |time| format!("read {time}"));
        write!(
            f,
            "  {:<widest$}  {:<5}  {:<16}  {held}/{} roots",
            plain(&line.station).to_string(),
            line.ocpp,
            line.standing,
            line.wanted
        )?;
        if line.foreign > 0 {
            write!(f, " and {} of others", line.foreign)?;
        }
        write!(f, ", {read}")?;
        if line.may_hold_distrusted {
            write!(f, ", MAY HOLD A DISTRUSTED ROOT")?;
        }
        match line.reasons.is_empty() {
            true => writeln!(f)?,
            false => writeln!(f, ": {}", plain(&line.reasons.join("; ")))?,
        }
    }
    Ok(())
}
