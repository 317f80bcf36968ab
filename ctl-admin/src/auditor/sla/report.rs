//! Watchers' reports on an operator's month: found in the verified log, fetched, and believed only if each is the
//! very report that its watcher entered and its numbers follow from one another.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::names::ParticipantId;
use ctl_core::paths;
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

/// The reports of all watchers on an operator's month, or of one of them.
#[derive(Clone, Debug, Serialize)]
pub struct Reports {
    /// Number of entries in the log, all verified and replayed.
    pub entries: u64,
    /// Root hash over them.
    pub root_hash: Digest,
    /// Each watcher's.
    pub reports: Vec<Verified>,
}

impl Render for Reports {
    fn text(&self) -> String {
        let Self { entries, root_hash, reports } = self;
        let text = format!("log of {entries} entries, verified and replayed, root hash {root_hash}\n");
        reports.iter().fold(text, |text, report| text + &report.text())
    }
}

/// A report, verified.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Index of the entry that records the report.
    pub entry: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Whose it is.
    pub watcher: ParticipantId,
    /// The watcher's key, whose signature was verified.
    pub keys: Vec<KeyId>,
    /// What the watcher signed.
    pub statement: SlaReport,
    /// The report in full; none if it is not served.
    pub report: Option<Report>,
}

impl Verified {
    fn text(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(KeyId::short).collect();
        let Self { entry, recorded_at, watcher, .. } = self;
        let mut text = format!(
            "entry {entry}, recorded at {recorded_at}, signed by {watcher}'s key {}\n",
            keys.join(", ")
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
    let found = session.transport().get(&paths::blob(&digest), MAX_BLOB).await;
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

/// Where a report is not what its watcher said it is, or not what it says itself.
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

/// Finds, fetches and verifies the reports on an operator's services (none: the trust list manager's) in a month, or
/// the latest: those of all watchers, or of one.
///
/// # Errors
/// There is none; one does not hold; the log cannot be had or does not hold.
pub async fn report(
    session: &mut Replica,
    operator: Option<&ParticipantId>,
    watcher: Option<&ParticipantId>,
    month: Option<Month>,
) -> Result<Reports, AdminError> {
    session.sync().await?;
    let session = &*session;
    let replayed = session.log()?;
    let state = replayed.state();
    let mut reports = Vec::new();
    for (watcher, found) in find(state, operator, watcher, month)? {
        let entry = replayed.entry(found.index)?;
        let Body::SlaReport(statement) = entry.statement.payload.body.clone() else {
            return Err(AdminError::Untrue(format!("entry {} of the log is no report", found.index)));
        };
        let report = match fetch(session, &statement).await {
            Served::Not => None,
            Served::Found(report) => Some(*report),
            Served::Wrong(why) => {
                let address = session.transport().address(&paths::blob(&statement.report.sha256));
                let why = why.join("; ");
                return Err(AdminError::Untrue(format!(
                    "{address} is not what {watcher} entered as entry {}: {why}. Do not believe it; keep it as \
                     evidence",
                    found.index
                )));
            }
        };
        reports.push(Verified {
            entry: found.index,
            recorded_at: found.recorded_at,
            watcher: watcher.clone(),
            keys: entry.statement.jws.signatures.iter().map(|signature| signature.protected.kid).collect(),
            statement: *statement,
            report,
        });
    }
    Ok(Reports { entries: state.size(), root_hash: replayed.checkpoint().root, reports })
}

fn find<'a>(
    state: &'a State,
    operator: Option<&ParticipantId>,
    watcher: Option<&ParticipantId>,
    month: Option<Month>,
) -> Result<Vec<(&'a ParticipantId, &'a LevelReport)>, AdminError> {
    for id in operator.into_iter().chain(watcher) {
        if !state.participants.contains_key(id) {
            return Err(AdminError::Input(format!("there is no participant {id}")));
        }
    }
    let mine =
        state.service_levels.reports.iter().filter(|((of, _, by), _)| {
            of.as_ref() == operator && watcher.is_none_or(|watcher| by == watcher)
        });
    let mine: Vec<(Timestamp, &ParticipantId, &LevelReport)> =
        mine.map(|((_, from, by), report)| (*from, by, &**report)).collect();
    let latest = mine.last().map(|(from, ..)| from.unix());
    let wanted = month.map(|month| month.begin().0).or(latest);
    let found: Vec<_> = mine
        .iter()
        .filter(|(from, ..)| Some(from.unix()) == wanted)
        .map(|(_, by, report)| (*by, *report))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let asked = month.map_or_else(String::new, |month| format!(" for {month}"));
    let by = watcher.map_or_else(String::new, |watcher| format!(" by {watcher}"));
    let known: BTreeSet<String> =
        mine.iter().map(|(from, ..)| Month::of(sla::Time(from.unix())).to_string()).collect();
    let known: Vec<String> = known.into_iter().collect();
    let known = if known.is_empty() { "none at all".into() } else { known.join(", ") };
    Err(AdminError::NotNow(format!(
        "the log has no report on {}{by}{asked}; it has: {known}. Reports are recorded after a month's end",
        whose(operator)
    )))
}
