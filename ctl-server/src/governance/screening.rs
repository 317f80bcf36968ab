//! Screening: what the policy finds about an application is recorded as soon as it is submitted, and
//! again when the list gets another policy. The findings in full are a public blob.

use std::sync::Arc;
use std::time::Duration;

use ctl_core::governance::State;
use ctl_core::governance::application::Application;
use ctl_core::names::{NameError, RuleId};
use ctl_core::statement::body::{Candidate, ScreeningRecord};
use ctl_core::statement::parts::{BlobAccess, BlobRef, Finding, PolicyRef, Severity};
use ctl_core::{Digest, Timestamp};
use ctl_policy::{Context, ENGINE, Kind, Listed, Policy};
use serde::Serialize;

use super::policies::{Policies, PoliciesError};
use crate::blobs::{BlobError, Blobs};
use crate::ledger::{Ledger, RecordError};

/// After a failure, screening is tried again even if nothing else is recorded.
const RETRY: Duration = Duration::from_secs(60);

/// Why an application was not screened. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ScreeningError {
    /// Its policy is not at hand.
    #[error(transparent)]
    Policy(#[from] PoliciesError),
    /// A name in the policy cannot stand in a statement.
    #[error("the policy: {0}")]
    Name(#[from] NameError),
    /// The report cannot be kept.
    #[error("the report: {0}")]
    Report(#[from] BlobError),
    /// The record was not accepted.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The findings in full, as anyone may read them.
#[derive(Debug, Serialize)]
struct Report<'a> {
    r#type: &'static str,
    application: u64,
    engine: &'static str,
    findings: &'a [ctl_policy::Finding],
    fingerprint: Digest,
    ledger_size: u64,
    policy: &'a PolicyRef,
    screened_at: Timestamp,
}

/// Screens whatever is submitted.
#[derive(Clone)]
pub struct Screener {
    ledger: Ledger,
    blobs: Arc<Blobs>,
    policies: Arc<Policies>,
}

impl Screener {
    /// Screens what this ledger records.
    #[must_use]
    pub const fn new(ledger: Ledger, blobs: Arc<Blobs>, policies: Arc<Policies>) -> Self {
        Self { ledger, blobs, policies }
    }

    /// Screens everything that is to be screened, now and whenever something is recorded, until the
    /// ledger is closed.
    pub async fn run(self) {
        let mut changes = self.ledger.changes();
        loop {
            changes.mark_unchanged();
            let failed = match self.screen_all().await {
                Ok(_) => false,
                Err(ScreeningError::Record(RecordError::Closed)) => return,
                Err(error) => {
                    tracing::error!(%error, "an application was not screened");
                    true
                }
            };
            let changed = changes.changed();
            if failed {
                // Whatever comes first; a closed ledger ends the loop above.
                let _ = tokio::time::timeout(RETRY, changed).await;
            } else if changed.await.is_err() {
                return;
            }
        }
    }

    /// Screens every application that is to be screened; returns how many records were made.
    ///
    /// # Errors
    /// The first failure, after all others were tried.
    pub async fn screen_all(&self) -> Result<usize, ScreeningError> {
        let snapshot = self.ledger.snapshot();
        let waiting: Vec<Arc<Application>> = {
            let applications = snapshot.state.applications.values();
            applications.filter(|application| is_due(&snapshot.state, application)).cloned().collect()
        };
        let (mut made, mut failure) = (0, None);
        for application in waiting {
            match self.screen(&application).await {
                Ok(true) => made += 1,
                Ok(false) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(made), Err)
    }

    async fn screen(&self, application: &Application) -> Result<bool, ScreeningError> {
        // Before a report is written that nothing would name.
        self.ledger.writable()?;
        let now = self.ledger.now().map_err(RecordError::from)?;
        let snapshot = self.ledger.snapshot();
        let state = snapshot.state.at(now);
        let Some(list) = state.charter.lists.get(&application.list) else { return Ok(false) };
        let policy = self.policies.get(&list.policy.sha256).ok_or_else(|| PoliciesError::Missing {
            list: application.list.clone(),
            policy: Box::new(list.policy.clone()),
        })?;
        let full = findings(&state, application, policy, now);
        let report = Report {
            r#type: "v2g-screening-report",
            application: application.index,
            engine: ENGINE,
            findings: &full,
            fingerprint: application.fingerprint,
            ledger_size: state.size(),
            policy: &list.policy,
            screened_at: now,
        };
        let report = self.blobs.add(&ctl_core::json::canonical(&report))?;
        let record = ScreeningRecord {
            application: application.index,
            engine: ENGINE.parse()?,
            findings: recorded(&full)?,
            ledger_size: state.size(),
            observed: Vec::new(),
            policy: list.policy.clone(),
            report: BlobRef { access: BlobAccess::Public, sha256: report },
            screened_at: now,
        };
        let index = application.index;
        let made = self.ledger.observe(move |state| {
            let application = state.applications.get(&index)?;
            is_due(state, application).then(|| record.into())
        });
        let made = made.await?;
        if let Some(made) = made {
            tracing::info!(application = index, findings = full.len(), entry = made.index, "screened");
        }
        Ok(made.is_some())
    }
}

/// Whether an application waits for a screening by the policy in force, against the list as it is.
fn is_due(state: &State, application: &Application) -> bool {
    let Some(list) = state.charter.lists.get(&application.list) else { return false };
    let current = |screening: &ctl_core::governance::application::Screening| screening.policy == list.policy;
    application.is_open()
        && application.proposal.is_none()
        && (!application.screening.as_ref().is_some_and(current)
            || state.key_listed_since_screening(application).is_some())
}

/// What the policy finds about an application, compared with everything that is or was on its list.
fn findings(
    state: &State,
    application: &Application,
    policy: &Policy,
    now: Timestamp,
) -> Vec<ctl_policy::Finding> {
    let facts = state.screening_facts(&application.list, &application.candidate);
    let listed: Vec<Listed> = facts
        .listed
        .into_iter()
        .map(|fact| Listed { fingerprint: fact.fingerprint, spki: fact.spki, subject: fact.subject })
        .collect();
    let context = Context {
        now: now.unix(),
        listed: &listed,
        distrusted_certificates: &facts.distrusted_certificates,
        distrusted_keys: &facts.distrusted_keys,
        issuer: facts.issuer,
    };
    let kind = match &application.candidate {
        Candidate::Root { .. } => Kind::Root,
        Candidate::CrossCertificate { .. } => Kind::CrossCertificate,
    };
    let candidate = ctl_policy::Candidate { certificate_der: &application.certificate, kind };
    ctl_policy::screen(policy, &candidate, &context)
}

/// The findings as the record has them: by rule, none twice.
fn recorded(findings: &[ctl_policy::Finding]) -> Result<Vec<Finding>, NameError> {
    let mut recorded = findings
        .iter()
        .map(|finding| {
            let severity = match finding.severity {
                ctl_policy::Severity::Notice => Severity::Notice,
                ctl_policy::Severity::Warning => Severity::Warning,
                ctl_policy::Severity::Error => Severity::Error,
            };
            Ok(Finding { id: finding.id.parse::<RuleId>()?, severity, waivable: finding.waivable })
        })
        .collect::<Result<Vec<_>, NameError>>()?;
    recorded.sort_by(|a, b| a.id.cmp(&b.id));
    recorded.dedup_by(|a, b| a.id == b.id);
    Ok(recorded)
}
