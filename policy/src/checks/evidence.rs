//! Rules about what speaks for a candidate. Before there is an application, nothing can be attached, and
//! none of them asks.

use chrono::{DateTime, Months};

use super::{Checked, Subject, date, fail};
use crate::{Evidence, EvidenceKind, Rule};

fn attached<'a>(subject: &'a Subject<'_>, kind: EvidenceKind) -> Option<Vec<&'a Evidence>> {
    let evidence = subject.context.evidence.as_ref()?;
    Some(evidence.iter().filter(|evidence| evidence.kind == kind).collect())
}

pub(super) fn second_channel(subject: &Subject<'_>, _: &Rule) -> Checked {
    let Some(heard) = attached(subject, EvidenceKind::SecondChannelFingerprint) else { return Ok(()) };
    let fingerprint = subject.certificate.sha256();
    let words = hex::encode(fingerprint);
    let expected = format!("someone else has heard the fingerprint {words} over a second channel");
    if let Some(other) = heard.iter().find(|heard| heard.fingerprint != Some(fingerprint)) {
        let what = other.fingerprint.map_or_else(|| "nothing".to_owned(), hex::encode);
        return fail(format!("{} heard {what}, by entry {}", other.author, other.entry), expected);
    }
    if heard.is_empty() { fail("nobody has confirmed the fingerprint", expected) } else { Ok(()) }
}

/// Published: anyone may read it, and it is there, with the digest that the ledger names.
pub(super) fn certificate_policy(subject: &Subject<'_>, _: &Rule) -> Checked {
    let Some(policies) = attached(subject, EvidenceKind::CertificatePolicy) else { return Ok(()) };
    let expected = "a public certificate policy whose document has the digest in the ledger";
    if policies.iter().any(|policy| policy.public && policy.held) {
        return Ok(());
    }
    match policies.last() {
        None => fail("no certificate policy is attached", expected),
        Some(last) if !last.public => {
            fail(format!("the policy of entry {} is not public", last.entry), expected)
        }
        Some(last) => fail(format!("the document of entry {} was never sent", last.entry), expected),
    }
}

pub(super) fn audit_report(subject: &Subject<'_>, _: &Rule) -> Checked {
    let Some(reports) = attached(subject, EvidenceKind::AuditReport) else { return Ok(()) };
    let expected = "an audit report attached by an accredited auditor, its document sent";
    if reports.iter().any(|report| report.accredited && report.held) {
        return Ok(());
    }
    match reports.iter().rev().find(|report| report.accredited).or(reports.last()) {
        None => fail("no audit report is attached", expected),
        Some(report) if report.accredited => {
            fail(format!("the document of entry {} was never sent", report.entry), expected)
        }
        Some(report) => fail(
            format!("entry {} was attached by {}, who is no accredited auditor", report.entry, report.author),
            expected,
        ),
    }
}

/// The newest report that counts must be new enough; without one, `audit-report` has said so.
pub(super) fn audit_recent(subject: &Subject<'_>, rule: &Rule) -> Checked {
    // A policy without the parameter was refused when it was read.
    let months = rule.parameters.months.unwrap_or_default();
    let Some(reports) = attached(subject, EvidenceKind::AuditReport) else { return Ok(()) };
    let newest = reports
        .into_iter()
        .filter(|report| report.accredited && report.held)
        .max_by_key(|report| report.dated);
    let Some(newest) = newest else { return Ok(()) };
    let now = DateTime::from_timestamp(subject.context.now, 0);
    let Some(since) = now.and_then(|now| now.checked_sub_months(Months::new(months))) else {
        let found = format!("{months} months before the time of screening is on no calendar");
        return fail(found, format!("a report dated at most {months} months ago"));
    };
    let expected = format!("dated {} or later, at most {months} months ago", date(since.timestamp()));
    match newest.dated {
        Some(dated) if dated >= since.timestamp() => Ok(()),
        Some(dated) => {
            fail(format!("the report of entry {} is dated {}", newest.entry, date(dated)), expected)
        }
        None => fail(format!("the report of entry {} bears no date", newest.entry), expected),
    }
}

/// What the policy or the charter lists beyond the kinds that have rules of their own.
pub(super) fn list(subject: &Subject<'_>, rule: &Rule) -> Checked {
    use EvidenceKind::{AuditReport, CertificatePolicy, SecondChannelFingerprint};
    let Some(evidence) = &subject.context.evidence else { return Ok(()) };
    let mut wanted: Vec<EvidenceKind> = rule.parameters.evidence.clone().unwrap_or_default();
    let own_rule = [SecondChannelFingerprint, CertificatePolicy, AuditReport];
    wanted.extend(subject.context.required_evidence.iter().filter(|kind| !own_rule.contains(kind)));
    wanted.sort_unstable();
    wanted.dedup();
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|kind| evidence.iter().all(|evidence| evidence.kind != **kind))
        .map(|kind| kind.words())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let all: Vec<&str> = wanted.iter().map(|kind| kind.words()).collect();
    fail(format!("missing: {}", missing.join(", ")), format!("attached: {}", all.join(", ")))
}

/// How long an application is discussed is the charter's business; a charter that allows less than the
/// policy promises is worth knowing.
pub(super) fn discussion(subject: &Subject<'_>, rule: &Rule) -> Checked {
    if subject.context.evidence.is_none() {
        return Ok(());
    }
    let days = rule.parameters.days.unwrap_or_default();
    let seconds = subject.context.discussion_seconds;
    if seconds >= u64::from(days) * 86_400 {
        return Ok(());
    }
    let found = match (seconds / 86_400, seconds % 86_400) {
        (whole, 0) => format!("the charter gives {whole} days"),
        _ => format!("the charter gives {seconds} seconds"),
    };
    fail(found, format!("at least {days} days of discussion"))
}
