//! A month's report on an operator's services: found in the verified log, fetched, and believed only if it is the
//! very report that the recorder entered and its numbers follow from one another.

use std::collections::BTreeMap;

use ctl_core::names::ParticipantId;
use ctl_core::{Digest, KeyId, Timestamp};
use ctl_governance::State;
use ctl_governance::service_levels::{LevelReport, TRUST_LIST_MANAGER};
use ctl_governance::statement::Body;
use ctl_governance::statement::body::{ServiceSummary, SlaReport};
use ctl_policy::sla::{self, Month, Report, Verdict};
use ctl_replica::Replica;
use ctl_replica::statement::{MAX_BLOB, SALT};
use serde::Serialize;

use super::whose;
use crate::AdminError;
use crate::output::Render;

/// A report, verified.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Number of entries in the log, all verified and replayed.
    pub entries: u64,
    /// Root hash over them.
    pub root_hash: Digest,
    /// Index of the entry that records the report.
    pub entry: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The recorder's key, whose signature was verified.
    pub recorder: Vec<KeyId>,
    /// What the recorder signed.
    pub statement: SlaReport,
    /// The report in full; none if it is not served.
    pub report: Option<Report>,
}

impl Render for Verified {
    fn text(&self) -> String {
        let recorder: Vec<String> = self.recorder.iter().map(KeyId::short).collect();
        let mut text = format!(
            "log of {} entries, verified and replayed, root hash {}\nentry {}, recorded at {}, signed by the \
             recorder's key {}\n",
            self.entries,
            self.root_hash,
            self.entry,
            self.recorded_at,
            recorder.join(", ")
        );
        match &self.report {
            Some(report) => {
                text += &format!(
                    "report {} is the one that was recorded, and its numbers follow from one another\n\n",
                    self.statement.report.sha256
                );
                text + &sla::render(report)
            }
            None => {
                text += &format!(
                    "REPORT {} IS NOT SERVED: it may have been erased. What the log says of it:\n",
                    self.statement.report.sha256
                );
                self.statement.summary.iter().fold(text, |text, line| text + &summary(line) + "\n")
            }
        }
    }
}

/// One kind of service, as the statement has it, in a line.
fn summary(line: &ServiceSummary) -> String {
    let met = if line.met { "met" } else { "not met" };
    let ServiceSummary { good, kind, missing, target_ppm, valid, .. } = line;
    let (measured, promised) = (super::share(*good, *valid), super::percent((*target_ppm).into()));
    format!("  {kind}: {met}; {measured} ({good} good of {valid}, {missing} missing), promised {promised}")
}

/// The report as it is served.
pub(crate) enum Served {
    /// Not at this address: a mirror need not carry it, and a blob may be erased.
    Not,
    /// It does not hold; why, in lines.
    Wrong(Vec<String>),
    /// It holds.
    Found(Box<Report>),
}

/// Fetches a recorded report and compares it with what was recorded.
pub(crate) async fn fetch(session: &Replica, recorded: &SlaReport) -> Served {
    let digest = recorded.report.sha256;
    let found = session.transport().get(&format!("v1/blobs/{digest}"), MAX_BLOB).await;
    let Ok(Some(blob)) = found else { return Served::Not };
    match read(&blob, &digest) {
        Err(why) => Served::Wrong(vec![why]),
        Ok(report) => match differences(session.scheme(), recorded, &report) {
            wrong if wrong.is_empty() => Served::Found(Box::new(report)),
            wrong => Served::Wrong(wrong),
        },
    }
}

fn read(blob: &[u8], digest: &Digest) -> Result<Report, String> {
    if Digest::of(blob) != *digest {
        return Err("what is served is another file than was recorded".into());
    }
    let content = blob.get(SALT..).unwrap_or_default();
    if content.len() > sla::MAX_REPORT_SIZE {
        let (size, limit) = (content.len(), sla::MAX_REPORT_SIZE);
        return Err(format!("it has {size} bytes; a report has at most {limit}"));
    }
    serde_json::from_slice(content).map_err(|e| format!("it cannot be read as a report: {e}"))
}

/// Where a report is not what the recorder said it is, or not what it says itself.
fn differences(scheme: Digest, recorded: &SlaReport, report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    let mut compare = |what: &str, log: String, found: String| {
        if log != found {
            lines.push(format!("{what}: {log} by the log, {found} in the report"));
        }
    };
    compare("scheme", scheme.to_string(), report.scheme.clone());
    let operator = recorded.operator.as_ref().map_or(TRUST_LIST_MANAGER, ParticipantId::as_str);
    compare("operator", operator.to_owned(), report.operator.clone());
    compare("from", recorded.from.to_string(), report.from.to_string());
    compare("to", recorded.to.to_string(), report.to.to_string());
    compare("policy", recorded.policy.name.to_string(), report.policy.name.clone());
    compare("policy's version", recorded.policy.version.to_string(), report.policy.version.clone());
    compare("policy's SHA-256", recorded.policy.sha256.to_string(), report.policy.sha256.clone());
    let line = |met: bool, numbers: [u64; 4]| {
        let [good, valid, missing, target] = numbers;
        let met = if met { "met" } else { "not met" };
        format!("{good} good of {valid}, {missing} missing, {target} of a million promised, {met}")
    };
    let mut log: BTreeMap<String, String> = recorded
        .summary
        .iter()
        .map(|one| {
            (one.kind.to_string(), line(one.met, [one.good, one.valid, one.missing, one.target_ppm.into()]))
        })
        .collect();
    for one in &report.kinds {
        let counts = &one.counts;
        let numbers = [counts.good, counts.valid(), counts.missing, one.objective.availability_ppm];
        let found = line(one.level.verdict() == Verdict::Met, numbers);
        let recorded = log.remove(one.kind.as_str()).unwrap_or_else(|| "nothing".into());
        compare(one.kind.as_str(), recorded, found);
    }
    for (kind, recorded) in log {
        compare(&kind, recorded, "nothing".into());
    }
    lines.extend(report.check().err().map(|error| error.to_string()));
    lines
}

/// Finds, fetches and verifies the report on an operator's services (none: the trust list manager's) in a month,
/// or the latest.
///
/// # Errors
/// There is none; it does not hold; the log cannot be had or does not hold.
pub async fn report(
    session: &mut Replica,
    operator: Option<&ParticipantId>,
    month: Option<Month>,
) -> Result<Verified, AdminError> {
    session.sync().await?;
    let session = &*session;
    let replayed = session.log()?;
    let found = find(replayed.state(), operator, month)?;
    let entry = replayed.entry(found.index)?;
    let Body::SlaReport(statement) = entry.statement.payload.body.clone() else {
        return Err(AdminError::Untrue(format!("entry {} of the log is no report", found.index)));
    };
    let report = match fetch(session, &statement).await {
        Served::Not => None,
        Served::Found(report) => Some(*report),
        Served::Wrong(why) => {
            let address = session.transport().address(&format!("v1/blobs/{}", statement.report.sha256));
            let why = why.join("; ");
            return Err(AdminError::Untrue(format!(
                "{address} is not what the recorder entered as entry {}: {why}. Do not believe it; keep it as \
                 evidence",
                found.index
            )));
        }
    };
    Ok(Verified {
        entries: replayed.state().size(),
        root_hash: replayed.checkpoint().root,
        entry: found.index,
        recorded_at: found.recorded_at,
        recorder: entry.statement.jws.signatures.iter().map(|signature| signature.protected.kid).collect(),
        statement: *statement,
        report,
    })
}

fn find<'a>(
    state: &'a State,
    operator: Option<&ParticipantId>,
    month: Option<Month>,
) -> Result<&'a LevelReport, AdminError> {
    let whose = whose(operator);
    if let Some(operator) = operator.filter(|operator| !state.participants.contains_key(*operator)) {
        return Err(AdminError::Input(format!("there is no participant {operator}")));
    }
    let mine = state.level_reports.iter().filter(|((of, _), _)| of.as_ref() == operator);
    let mine: Vec<(Timestamp, &LevelReport)> = mine.map(|((_, from), report)| (*from, &**report)).collect();
    let wanted = match month {
        Some(month) => mine.iter().find(|(from, _)| from.unix() == month.begin().0),
        None => mine.last(),
    };
    wanted.map(|(_, report)| *report).ok_or_else(|| {
        let asked = month.map_or_else(String::new, |month| format!(" for {month}"));
        let known: Vec<String> = mine
            .iter()
            .map(|(from, _)| Month::of(sla::Time(from.unix())).to_string())
            .collect();
        let known = if known.is_empty() { "none at all".into() } else { known.join(", ") };
        AdminError::NotNow(format!(
            "the log has no report on {whose}{asked}; it has: {known}. Reports are recorded after a month's end"
        ))
    })
}
