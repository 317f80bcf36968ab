//! Every screening that the log records, computed again on the prefix of the log that it looked at, and
//! its report compared with that.

use ctl_core::Digest;
use ctl_core::parts::PolicyRef;
use ctl_core::paths;
use ctl_governance::statement::body::ScreeningRecord;
use ctl_policy::Finding;
use ctl_replica::Replica;
use ctl_replica::statement::{MAX_BLOB, SALT};
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

/// Computes all of them again, each on the prefix of the log that it looked at; also returns what is different.
pub(super) async fn check(
    replica: &Replica,
    records: &[(u64, Box<ScreeningRecord>)],
    policies: &Policies,
) -> Result<(Screenings, Vec<String>), AdminError> {
    let mut policies = policies.clone();
    let mut named: Vec<&PolicyRef> = Vec::new();
    for (_, record) in records {
        if !named.contains(&&record.policy) {
            named.push(&record.policy);
            policies.obtain(replica.transport(), &record.policy).await?;
        }
    }
    let sizes: Vec<u64> = records.iter().map(|(_, record)| record.ledger_size).collect();
    let mut again = Vec::new();
    replica.log()?.prefixes(&sizes, |place, prefix| {
        if let Some((index, record)) = records.get(place) {
            again.push((*index, record, recompute(prefix, record, &policies)));
        }
    })?;
    let mut result = Screenings { recorded: records.len(), ..Screenings::default() };
    let mut differences = Vec::new();
    for (index, record, recomputed) in again {
        let what = format!("entry {index}, screening of application {}", record.application);
        match recomputed {
            Recomputed::NotRecomputable(why) => result.not_recomputable.push(format!("{what}: {why}")),
            Recomputed::Different { difference, .. } => {
                differences.push(format!("{what}: {}", difference.join("; ")));
            }
            Recomputed::Same(findings) => {
                result.same += 1;
                match report(replica, &record.report.sha256).await {
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

/// The report of a screening as it is served.
enum Served {
    /// Not at this address: a mirror need not carry it, and a blob may be erased.
    Not,
    /// Other bytes than the record names.
    Wrong,
    /// These findings.
    Found(Vec<Finding>),
}

async fn report(replica: &Replica, digest: &Digest) -> Served {
    let found = replica.transport().get(&paths::blob(digest), MAX_BLOB).await;
    let Ok(Some(blob)) = found else { return Served::Not };
    let content = blob.get(SALT..).filter(|_| Digest::of(&blob) == *digest);
    match content.map(serde_json::from_slice::<Report>) {
        Some(Ok(report)) => Served::Found(report.findings),
        _ => Served::Wrong,
    }
}
