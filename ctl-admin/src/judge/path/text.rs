//! What was found, as it is shown to people: the answer, then each path as a tree below its anchor, then
//! the paths that ended.

use super::report::{CertificateRef, CheckReport, DeadEndReport, PathReport, Report, VerdictReport};
use crate::output::Render;

impl Render for Report {
    fn text(&self) -> String {
        let accepted = self.paths.iter().filter(|path| path.accepted).count();
        let mut text = match accepted {
            0 => format!("NO VALID PATH to {} at {}\n", name(&self.leaf), self.time),
            _ => format!("VALID: {} at {}\n", name(&self.leaf), self.time),
        };
        text += &self.premises();
        text += &match self.paths.len() + self.not_shown {
            0 => "no path leads to an anchor\n".to_owned(),
            all => format!(
                "{} to an anchor: {accepted} accepted, {} refused\n",
                plural(all, "path"),
                all - accepted
            ),
        };
        for (index, path) in self.paths.iter().enumerate() {
            text += &format!("\n{}", self.path(index + 1, path));
        }
        if self.not_shown > 0 {
            text += &format!("\n{} more that were refused are not shown\n", plural(self.not_shown, "path"));
        }
        if !self.dead_ends.is_empty() {
            text += "\nRoads that end before an anchor:\n";
            text += &self.dead_ends.iter().map(dead_end).collect::<String>();
        }
        for limit in &self.limits_reached {
            text += &format!("\nINCOMPLETE: {}\n", limit.words);
        }
        text
    }
}

impl Report {
    /// What the answer rests on.
    fn premises(&self) -> String {
        let mut text = format!("rules: {}", self.rules);
        if let Some(purpose) = &self.purpose {
            let guessed = if purpose.guessed { ", as the certificate looks" } else { "" };
            text += &format!(", purpose: {}{guessed}", purpose.name);
        }
        text += match self.crls {
            0 => "; revocation was not looked at: no CRL was given\n",
            _ => "; revocation by CRL\n",
        };
        if let Some(list) = &self.list {
            text += &format!(
                "list {} {} of scheme {} ({}), {}: {}\n",
                list.list,
                list.sequence,
                list.scheme.short(),
                list.environment,
                list.source,
                list.words
            );
            if list.next_update <= self.time {
                text += &format!("the list is stale: a newer one was due {}\n", list.next_update);
            }
            for rejected in &list.rejected {
                text += &format!("anchor left out: {rejected}\n");
            }
        }
        text
    }

    fn path(&self, number: usize, path: &PathReport) -> String {
        let verdict = if path.accepted { "accepted" } else { "REFUSED" };
        let mut text = format!("Path {number}: {verdict}\n");
        text += &line(0, &path.anchor, "anchor");
        for (position, step) in path.steps.iter().enumerate() {
            let is_leaf = position + 1 == path.steps.len();
            text += &line(position + 1, &step.certificate, if is_leaf { "leaf" } else { "CA" });
            let indent = " ".repeat(3 * position + 6);
            let passed = step.checks.iter().filter(|check| check.outcome == "passed");
            let passed: Vec<_> = passed.map(|check| check.rule.as_str()).collect();
            if !self.explain && !passed.is_empty() {
                text += &format!("{indent}passed: {}\n", passed.join(", "));
            }
            for check in step.checks.iter().filter(|check| self.explain || check.outcome == "failed") {
                text += &format!("{indent}{}\n", sentence(check));
            }
        }
        if path.steps.is_empty() {
            text += "   the certificate is itself a trust anchor: there is no path to validate\n";
        }
        text + &path.verdicts.iter().map(|verdict| self.verdict(path, verdict)).collect::<String>()
    }

    fn verdict(&self, path: &PathReport, verdict: &VerdictReport) -> String {
        let word = if verdict.accepted { "valid" } else { "NOT VALID" };
        let mut text = format!("  {}: {word}\n", verdict.judge);
        // What the tree above has told already.
        let told = |finding: &&CheckReport| verdict.judge == "rfc5280" && finding.step.is_some();
        let findings = verdict.findings.iter().filter(|one| self.explain || one.outcome != "passed");
        for finding in findings.filter(|finding| !told(finding)) {
            let whose = match finding.step.and_then(|step| path.steps.get(step)) {
                Some(step) => format!("{}: ", name(&step.certificate)),
                None => String::new(),
            };
            text += &format!(
                "    {} {whose}{} ({}; {})\n",
                sign(finding),
                finding.words,
                finding.rule,
                finding.source
            );
        }
        text
    }
}

fn sign(check: &CheckReport) -> &'static str {
    match check.outcome {
        "passed" => "ok     ",
        "warning" => "WARNING",
        _ => "FAILED ",
    }
}

fn sentence(check: &CheckReport) -> String {
    format!("{} {}: {} ({})", sign(check), check.rule, check.words, check.source)
}

/// A certificate in the tree of its path.
fn line(depth: usize, certificate: &CertificateRef, what: &str) -> String {
    let branch = if depth == 0 { "   ".to_owned() } else { format!("{}└─ ", " ".repeat(3 * depth)) };
    format!(
        "{branch}{what} {}, SHA-256 {}, until {}\n",
        name(certificate),
        short(&certificate.sha256),
        certificate.not_after
    )
}

fn dead_end(end: &DeadEndReport) -> String {
    let mut names = end.certificates.iter().map(name);
    let last = names.next().unwrap_or_default();
    let below: Vec<String> = names.collect();
    let where_ = if below.is_empty() { String::new() } else { format!(" (above {})", below.join(", ")) };
    format!("  {last}{where_}\n    {} ({})\n", end.words, end.rule)
}

fn name(certificate: &CertificateRef) -> String {
    if certificate.subject.is_empty() {
        format!("a certificate without a name (serial {})", certificate.serial)
    } else {
        certificate.subject.clone()
    }
}

fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(16).collect()
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
