//! A recorded screening, computed again here: what people vote on must be what the policy finds, not what a server
//! says that it finds.

use ctl_core::Digest;
use ctl_governance::State;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::ScreeningRecord;
use ctl_governance::statement::parts::{self, Observed, ObservedKind};
use ctl_policy::{ENGINE, Finding};
use ctl_replica::Log;
use ctl_screening::{recorded, severity};

use crate::AdminError;
use crate::screening::{Policies, screen_application};

/// What came of computing a recorded screening again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recomputed {
    /// This engine finds what the record says, and this in full.
    Same(Vec<Finding>),
    /// It finds something else.
    Different {
        /// What it finds.
        findings: Vec<Finding>,
        /// What is different, in lines.
        difference: Vec<String>,
    },
    /// Another engine or a policy that is not at hand: nothing can be said.
    NotRecomputable(String),
}

/// Computes a recorded screening again: by the same policy, on the prefix of the ledger that it looked at,
/// at the same time, with the documents that the record says were there.
#[must_use]
pub fn recompute(prefix: &State, record: &ScreeningRecord, policies: &Policies) -> Recomputed {
    if record.engine.as_str() != ENGINE {
        let why = format!("it was made by engine {}, this release has {ENGINE}", record.engine);
        return Recomputed::NotRecomputable(why);
    }
    let state = prefix.at(record.screened_at);
    let Some(application) = state.applications.get(&record.application) else {
        let difference = vec![format!("there was no application {} yet", record.application)];
        return Recomputed::Different { findings: Vec::new(), difference };
    };
    let held = |sha256: &Digest| {
        let seen = Observed { what: ObservedKind::Evidence, sha256: *sha256 };
        record.observed.contains(&seen)
    };
    let (findings, observed) =
        match screen_application(&state, application, policies, &held, record.screened_at) {
            Ok(found) => found,
            Err(error) => return Recomputed::NotRecomputable(error.to_string()),
        };
    let ours = match recorded(&findings) {
        Ok(ours) => ours,
        Err(error) => return Recomputed::NotRecomputable(format!("the policy: {error}")),
    };
    let mut difference = Vec::new();
    let theirs = &record.findings;
    let lost = theirs.iter().filter(|one| !ours.contains(one));
    difference
        .extend(lost.map(|one| format!("the record has {}, which is not found here", recorded_line(one))));
    let more = ours.iter().filter(|one| !theirs.contains(one));
    difference.extend(more.map(|one| format!("found here and not in the record: {}", recorded_line(one))));
    if observed != record.observed {
        difference.push("the record observed other things than the log and this release have".into());
    }
    if difference.is_empty() {
        Recomputed::Same(findings)
    } else {
        Recomputed::Different { findings, difference }
    }
}

/// The screening of an entry with what it says, computed again on the prefix of the log that it looked at. None if the
/// entry is no screening.
///
/// # Errors
/// The prefix cannot be replayed.
pub fn of_entry(
    replayed: &Log,
    index: u64,
    policies: &Policies,
) -> Result<Option<(Box<ScreeningRecord>, Recomputed)>, AdminError> {
    if index >= replayed.size() {
        return Ok(None);
    }
    let entry = replayed.entry(index)?;
    let Body::ScreeningRecord(record) = entry.statement.payload.body else { return Ok(None) };
    let mut recomputed = None;
    replayed.prefixes(&[record.ledger_size], |_, prefix| {
        recomputed = Some(recompute(prefix, &record, policies));
    })?;
    Ok(recomputed.map(|recomputed| (record, recomputed)))
}

/// What a proposal or vote rests on: refused if the screening of this entry is not what is found here, or cannot be
/// computed, unless the person names that very entry as overridden. Gives what was overridden, in lines.
///
/// # Errors
/// Refused.
pub fn must_agree(
    replayed: &Log,
    index: u64,
    policies: &Policies,
    overridden: Option<u64>,
) -> Result<Vec<String>, AdminError> {
    let (head, lines) = match of_entry(replayed, index, policies)? {
        Some((_, Recomputed::Same(_))) => return Ok(Vec::new()),
        Some((_, Recomputed::Different { difference, .. })) => {
            (format!("THE SCREENING RECORDED AS ENTRY {index} IS NOT WHAT THE POLICY FINDS"), difference)
        }
        Some((_, Recomputed::NotRecomputable(why))) => {
            (format!("the screening recorded as entry {index} cannot be computed again here"), vec![why])
        }
        None => (format!("entry {index}, on which it rests, is no screening"), Vec::new()),
    };
    if overridden == Some(index) {
        let head = format!("overridden by --despite-screening {index}: {head}");
        return Ok(std::iter::once(head).chain(lines).collect());
    }
    let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    Err(AdminError::Untrue(format!(
        "{head}:{lines}\nNothing was signed. Show it to the other electors and the board; ctl-admin review says more. \
         To go ahead in spite of exactly this, give --despite-screening {index}"
    )))
}

fn recorded_line(finding: &parts::Finding) -> String {
    format!("{} {}", severity(finding.severity), finding.id)
}

/// The findings of a record, in lines.
#[must_use]
pub fn recorded_lines(findings: &[parts::Finding]) -> Vec<String> {
    findings.iter().map(recorded_line).collect()
}
