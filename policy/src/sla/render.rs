//! A report as people read it.

use std::fmt::Write as _;

use ctl_pki::print::line as plain;

use super::counts::Counts;
use super::level::{Level, Objective};
use super::report::Report;

/// Parts per million as a percentage: `99.9000 %`.
#[must_use]
pub fn share(ppm: u64) -> String {
    format!("{}.{:04} %", ppm / 10_000, ppm % 10_000)
}

fn optional(ppm: Option<u64>) -> String {
    ppm.map_or_else(|| "not measured".to_owned(), share)
}

fn signed(ppm: Option<i64>) -> String {
    ppm.map_or_else(String::new, |ppm| {
        let sign = if ppm < 0 { "-" } else { "" };
        format!("{sign}{}", share(ppm.unsigned_abs()))
    })
}

fn time(milliseconds: Option<u64>, measured: bool) -> String {
    match milliseconds {
        Some(bound) => format!("at most {bound} ms"),
        None if measured => "more than 10 s".to_owned(),
        None => "not measured".to_owned(),
    }
}

/// The report as plain text. What comes from operators is shown with its control characters escaped.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(format!("Service levels of {} in {}", plain(&report.operator), report.month));
    line(format!("from {} to {}, made at {}", report.from, report.to, report.made_at));
    line(format!("scheme {}", plain(&report.scheme)));
    let policy = &report.policy;
    line(format!(
        "policy {} {}, SHA-256 {}",
        plain(&policy.name),
        plain(&policy.version),
        plain(&policy.sha256)
    ));
    line(plain(&report.method));
    for kind in &report.kinds {
        line(String::new());
        line(format!("{}: {}", kind.kind, kind.level.verdict().as_str()));
        line(levels(&kind.level, &kind.objective, &kind.counts));
    }
    if !report.targets.is_empty() {
        line(String::new());
        line("targets".to_owned());
    }
    for target in &report.targets {
        line(format!(
            "  {} {}: {} ({} good, {} bad, {} excused, {} missing)",
            target.kind,
            plain(&target.url),
            optional(target.level.availability_ppm),
            target.counts.good,
            target.counts.bad,
            target.counts.excused,
            target.counts.missing,
        ));
    }
    let left_out = report.left_out.clone().unwrap_or_default();
    for others in &left_out.targets {
        let Counts { good, bad, excused, missing, .. } = others.counts;
        line(format!(
            "  {} {} more that the report has no room for, together {good} good, {bad} bad, {excused} excused, \
             {missing} missing",
            others.targets, others.kind,
        ));
    }
    line(String::new());
    line(if report.incidents.is_empty() { "no incidents".to_owned() } else { "incidents".to_owned() });
    for incident in &report.incidents {
        let ended = incident.ended_at.map_or_else(|| "not over".to_owned(), |at| at.to_string());
        line(format!(
            "  {} {} {}: {} to {}, {} bad probes{}",
            incident.incident,
            incident.kind,
            plain(&incident.url),
            incident.began_at,
            ended,
            incident.failures,
            if incident.breach { ", a breach" } else { "" },
        ));
        let reasons = incident.reasons.iter().map(|(reason, count)| format!("{} {count}", plain(reason)));
        line(format!("    reasons: {}", reasons.collect::<Vec<_>>().join(", ")));
        for digest in &incident.evidence {
            line(format!("    evidence: {}", plain(digest)));
        }
    }
    if left_out.incidents > 0 {
        line(format!(
            "  {} more that the report has no room for; those above are the breaches, then the longest",
            left_out.incidents
        ));
    }
    for maintenance in &report.maintenance {
        line(format!(
            "maintenance {} to {}, announced at {}{}: {}",
            maintenance.starts_at,
            maintenance.ends_at,
            maintenance.announced_at,
            if maintenance.excuses { "" } else { ", too late to excuse" },
            plain(&maintenance.text),
        ));
    }
    text
}

fn levels(level: &Level, objective: &Objective, counts: &Counts) -> String {
    let mut text = String::new();
    let mut row = |name: &str, measured: String, promised: String, kept: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<16} {measured:<18} promised {promised:<18} {kept}");
    };
    let availability = level.availability.as_str();
    row("availability", optional(level.availability_ppm), share(objective.availability_ppm), availability);
    row("freshness", optional(level.freshness_ppm), share(objective.freshness_ppm), level.freshness.as_str());
    let correctness = level.correctness.as_str();
    row("correctness", optional(level.correctness_ppm), share(objective.correctness_ppm), correctness);
    let measured = counts.latency_ms.total() > 0;
    for (name, time_ms, promised) in [
        ("half of answers", level.p50_ms, objective.p50_ms),
        ("95 of 100", level.p95_ms, objective.p95_ms),
        ("99 of 100", level.p99_ms, objective.p99_ms),
    ] {
        let promised = format!("at most {promised} ms");
        row(name, time(time_ms, measured), promised, level.response_time.as_str());
    }
    let _ = writeln!(
        text,
        "  {} good, {} bad, {} excused, {} missing; between {} and {} whatever was missed",
        counts.good,
        counts.bad,
        counts.excused,
        counts.missing,
        optional(level.availability_at_least_ppm),
        optional(level.availability_at_most_ppm),
    );
    if level.budget_left_ppm.is_some() {
        let (left, budget) = (signed(level.budget_left_ppm), share(objective.budget_ppm()));
        let _ = writeln!(text, "  error budget left: {left} of {budget}");
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn a_report_tells_what_was_promised_and_what_was_kept() {
        let counts =
            Counts { good: 998, bad: 2, answered: 999, fresh: 998, correct: 999, ..Counts::default() };
        let text = render(&report(vec![counts]));
        for expected in [
            "Service levels of alpha-pki in 2026-11",
            "ocsp: missed",
            "99.8000 %",
            "promised 99.9000 %",
            "error budget left: -0.1000 % of 0.1000 %",
            "reasons: tcp_refused 30",
            "a breach",
        ] {
            assert!(text.contains(expected), "{expected:?} is missing:\n{text}");
        }
    }

    #[test]
    fn an_address_cannot_write_on_the_readers_terminal() {
        let mut report = report(vec![Counts::default()]);
        report.targets[0].url = "http://a\u{1b}[2J\u{202e}/".into();
        let text = render(&report);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    }
}
