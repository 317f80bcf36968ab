//! Every screening that the log records, computed again on the prefix of the log that it looked at, and
//! its report compared with that.

use ctl_core::Digest;
use ctl_core::parts::PolicyRef;
use ctl_governance::State;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::ScreeningRecord;
use ctl_policy::Finding;
use ctl_replica::statement::{MAX_BLOB, SALT};
use ctl_replica::{Log, Replica};
use serde::{Deserialize, Serialize};

use crate::AdminError;
use crate::output::section;
use crate::recompute::{Recomputed, recompute};
use crate::screening::Policies;

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Screenings {
    /// How many screenings the log records.
    pub recorded: usize,
    /// How many of them this release finds as they were recorded.
    pub same: usize,
    /// Those that this release can say nothing about, and why: no fault of theirs.
    pub not_recomputable: Vec<String>,
    /// Those whose report is gone, or was never at this address.
    pub without_report: Vec<String>,
}

impl Screenings {
    pub(super) fn text(&self) -> String {
        let Self { recorded, same, not_recomputable, without_report } = self;
        format!("{recorded} screenings recorded, {same} computed again with the same result\n")
            + &section("not recomputable:", not_recomputable)
            + &section("findings in full are not served:", without_report)
    }
}

/// A report, as far as it is compared.
#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

/// Computes all of them again; also returns what is different.
pub(super) async fn check(
    session: &Replica,
    replayed: &Log,
    policies: &Policies,
) -> Result<(Screenings, Vec<String>), AdminError> {
    let records = records(replayed)?;
    let mut policies = policies.clone();
    let mut named: Vec<&PolicyRef> = Vec::new();
    for (_, record) in &records {
        if !named.contains(&&record.policy) {
            named.push(&record.policy);
            policies.obtain(session.transport(), &record.policy).await?;
        }
    }
    let mut result = Screenings { recorded: records.len(), ..Screenings::default() };
    let mut differences = Vec::new();
    for (index, record, recomputed) in recompute_all(replayed, &records, &policies)? {
        let what = format!("entry {index}, screening of application {}", record.application);
        match recomputed {
            Recomputed::NotRecomputable(why) => result.not_recomputable.push(format!("{what}: {why}")),
            Recomputed::Different { difference, .. } => {
                differences.push(format!("{what}: {}", difference.join("; ")));
            }
            Recomputed::Same(findings) => {
                result.same += 1;
                match report(session, &record.report.sha256).await {
                    Served::Not => result.without_report.push(what),
                    Served::Wrong => {
                        differences.push(format!("{what}: what is served as its report is another file"))
                    }
                    Served::Found(served) if served != findings => {
                        differences.push(format!("{what}: its report says something else"));
                    }
                    Served::Found(_) => {}
                }
            }
        }
    }
    Ok((result, differences))
}

/// The screenings of the log with the index of their entries, by the size of the ledger they looked at.
fn records(replayed: &Log) -> Result<Vec<(u64, Box<ScreeningRecord>)>, AdminError> {
    let mut records = Vec::new();
    for index in 0..replayed.size() {
        if let Body::ScreeningRecord(record) = replayed.entry(index)?.statement.payload.body {
            records.push((index, record));
        }
    }
    records.sort_by_key(|(index, record)| (record.ledger_size, *index));
    Ok(records)
}

type Again<'a> = (u64, &'a ScreeningRecord, Recomputed);

/// One replay serves them all: each is computed when it has come to the size that it looked at.
fn recompute_all<'a>(
    replayed: &Log,
    records: &'a [(u64, Box<ScreeningRecord>)],
    policies: &Policies,
) -> Result<Vec<Again<'a>>, AdminError> {
    let mut again = Vec::new();
    let mut state: Option<State> = None;
    let mut waiting = records.iter().peekable();
    for index in 0..replayed.state().size() {
        if waiting.peek().is_none() {
            break;
        }
        let entry = replayed.entry(index)?;
        match &mut state {
            None => {
                let founded = ctl_governance::genesis(&entry);
                state =
                    Some(founded.map_err(|e| AdminError::Untrue(format!("entry {index} of the log: {e}")))?);
            }
            Some(state) => state.apply(&entry),
        }
        let Some(state) = &state else { break };
        while let Some((at, record)) = waiting.next_if(|(_, record)| record.ledger_size <= state.size()) {
            again.push((*at, &**record, recompute(state, record, policies)));
        }
    }
    Ok(again)
}

/// The report of a screening as it is served.
enum Served {
    /// Not at this address: a mirror need not carry it, and a blob may be erased.
    Not,
    /// Other bytes than the record names.
    Wrong,
    /// These findings.
    Found(Vec<Finding>),
}

async fn report(session: &Replica, digest: &Digest) -> Served {
    let found = session.transport().get(&format!("v1/blobs/{digest}"), MAX_BLOB).await;
    let Ok(Some(blob)) = found else { return Served::Not };
    let content = blob.get(SALT..).filter(|_| Digest::of(&blob) == *digest);
    match content.map(serde_json::from_slice::<Report>) {
        Some(Ok(report)) => Served::Found(report.findings),
        _ => Served::Wrong,
    }
}
