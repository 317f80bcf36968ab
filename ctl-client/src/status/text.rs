//! The status on one screen.

use std::fmt;

use ctl_core::names::print::{line as plain, name};

use super::{Freshness, Severity, Status, sinks};

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "scheme       {} ({})", self.scheme, self.environment)?;
        writeln!(f, "repository   {}", plain(&self.url))?;
        let clock = if self.clock { "" } else { " at least: no clock that can be believed" };
        writeln!(f, "time         {}{clock}", self.time)?;
        match &self.last_sync {
            Some(last) => {
                let success = last.succeeded_at.map_or("never".to_owned(), |time| time.to_string());
                write!(f, "last sync    {}, last success {success}", last.attempted_at)?;
                match last.failures {
                    0 => writeln!(f)?,
                    n => writeln!(f, ", {n} failed since")?,
                }
            }
            None => writeln!(f, "last sync    never")?,
        }
        for document in &self.documents {
            let freshness = match document.freshness {
                Freshness::Fresh => "fresh",
                Freshness::Overdue => "OVERDUE",
                Freshness::Stale => "STALE",
                Freshness::Unknown => "freshness unknown",
            };
            writeln!(
                f,
                "{:<12} version {} of {}, next update {}: {freshness}",
                document.role.to_string(),
                document.sequence,
                document.issued_at,
                document.next_update
            )?;
        }
        if let Some(number) = self.mo_identifiers {
            writeln!(f, "MO ids       {number}")?;
        }
        if let Some(log) = &self.log {
            writeln!(f, "log          {} entries, {}", log.size, log.assurance)?;
        }
        if let Some(conflict) = &self.conflict {
            writeln!(f, "             CONFLICT since {}: {} entries shown", conflict.since, conflict.shown)?;
        }
        for apart in &self.apart {
            writeln!(
                f,
                "{:<12} version {} kept apart: it only takes away",
                apart.role.to_string(),
                apart.sequence
            )?;
        }
        writeln!(f, "\ntrusted anchors: {}", self.trusted.len())?;
        for anchor in &self.trusted {
            writeln!(
                f,
                "  {}  {:<9} since {}  {}: {} ({})  {}",
                anchor.fingerprint.short(),
                anchor.status,
                anchor.since,
                anchor.list,
                name(&anchor.name),
                plain(&anchor.operator),
                anchor.uses.join(" ")
            )?;
        }
        if !self.left_out.is_empty() {
            writeln!(f, "\nlisted, and not trusted or not written:")?;
        }
        for left in &self.left_out {
            writeln!(f, "  {}  {}: {}", left.fingerprint.short(), plain(&left.by), plain(&left.reason))?;
        }
        write!(f, "{}", self.local)?;
        if !self.notices.is_empty() {
            writeln!(f, "\nsuspension notices in force:")?;
        }
        for notice in &self.notices {
            let anchor = notice.anchor.short();
            let kept = if notice.named { "" } else { ", not lifted although no longer named" };
            writeln!(
                f,
                "  {anchor}  on {} since {} (entry {}{kept})",
                notice.list, notice.issued_at, notice.notice
            )?;
        }
        if !self.sinks.is_empty() {
            writeln!(f, "\nsinks:")?;
        }
        for sink in &self.sinks {
            let state = match &sink.stations {
                Some(counts) => counts.to_string(),
                None if sink.in_place => "in place".to_owned(),
                None => "NOT AS IT SHOULD BE".to_owned(),
            };
            write!(f, "  {}: {} certificates", plain(&sink.sink), sink.certificates)?;
            if sink.foreign > 0 {
                write!(f, " and {} of others", sink.foreign)?;
            }
            writeln!(f, ", {state}")?;
            let Some(rollout) = &sink.rollout else { continue };
            for line in &rollout.lines {
                writeln!(f, "    roll-out: {line}")?;
            }
            if let Some(pause) = &rollout.paused {
                writeln!(f, "    roll-out: PAUSED since {}", pause.since)?;
            }
        }
        for (sink, lines) in &self.stations {
            writeln!(f, "\nstations of {}:", plain(sink))?;
            sinks::table(f, lines)?;
        }
        if self.findings.is_empty() {
            return writeln!(f, "\nnothing is wrong");
        }
        writeln!(f)?;
        for finding in &self.findings {
            let mark = match finding.severity {
                Severity::Note => "note    ",
                Severity::Warning => "WARNING ",
                Severity::Error => "ERROR   ",
            };
            writeln!(f, "{mark} {}", plain(&finding.text))?;
        }
        Ok(())
    }
}
