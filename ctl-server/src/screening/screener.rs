//! Screens each application by its policy as soon as it is submitted, and again when anything that the screening
//! depends on has changed: the policy, the list, the evidence, an auditor's accreditation. The full findings are a
//! public blob.
//!
//! Each change makes at most one more record. Evidence is recorded before its document is sent, so the screener waits a
//! while for the document; otherwise every piece of evidence would be screened twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::names::NameError;
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::application::{Application, Screening};
use ctl_governance::statement::body::ScreeningRecord;
use ctl_governance::statement::parts::{BlobAccess, BlobRef, Observed, ObservedKind};
use ctl_policy::ENGINE;
use ctl_screening::{recorded, screen_application};
use serde::{Deserialize, Serialize};

use super::policies::{Policies, PoliciesError};
use crate::blobs::{BlobError, Blobs};
use crate::ledger::{Ledger, RecordError};

/// The screener looks again after this time in any case: an accreditation can end and a document stay away without an
/// entry, and failures are tried again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How many seconds a named document is waited for.
const PATIENCE: u64 = 60;

/// Why an application cannot be screened; will try again; it will be tried again.
#[derive(Debug, thiserror::Error)]
pub enum ScreeningError {
    /// Its policy is not available.
    #[error(transparent)]
    Policy(#[from] PoliciesError),
    /// A statement cannot carry a name in the policy.
    #[error("the policy: {0}")]
    Name(#[from] NameError),
    /// The report cannot be stored.
    #[error("the report: {0}")]
    Report(#[from] BlobError),
    /// The record was refused.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The screening crashed.
    #[error("the screening stopped: {0}")]
    Stopped(String),
}

/// The full findings, as anyone may read them.
#[derive(Debug, Serialize)]
struct Report<'a> {
    r#type: &'static str,
    application: u64,
    engine: &'static str,
    findings: &'a [ctl_policy::Finding],
    fingerprint: Digest,
    ledger_size: u64,
    observed: &'a [Observed],
    policy: &'a PolicyRef,
    screened_at: Timestamp,
}

/// The findings of a report, as readers ask for them.
#[derive(Debug, Deserialize)]
pub(crate) struct FullFindings {
    pub(crate) findings: Vec<ctl_policy::Finding>,
}

/// Screens applications.
#[derive(Clone)]
pub struct Screener {
    ledger: Ledger,
    blobs: Arc<Blobs>,
    policies: Arc<Policies>,
}

impl Screener {
    #[must_use]
    pub const fn new(ledger: Ledger, blobs: Arc<Blobs>, policies: Arc<Policies>) -> Self {
        Self { ledger, blobs, policies }
    }

    /// Screens everything that is due, now and whenever something is recorded or a document arrives, until the ledger
    /// is closed.
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
            tokio::select! {
                changed = changes.changed() => if changed.is_err() && !failed { return },
                () = self.blobs.arrival() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Screens everything that is due; returns the number of new records.
    ///
    /// # Errors
    /// The first failure, after everything else was tried.
    pub async fn screen_all(&self) -> Result<usize, ScreeningError> {
        let now = self.ledger.now().map_err(RecordError::from)?;
        let snapshot = self.ledger.snapshot();
        let waiting: Vec<Arc<Application>> = {
            let state = snapshot.state.at(now);
            let applications = state.applications.values();
            applications.filter(|application| self.is_due(&state, application, now)).cloned().collect()
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
        let (index, screener) = (application.index, self.clone());
        // The policy's checks and the documents' hashes take a while.
        let prepared = tokio::task::spawn_blocking(move || screener.prepare(index)).await;
        let prepared = prepared.map_err(|error| ScreeningError::Stopped(error.to_string()))??;
        let Some(record) = prepared else { return Ok(false) };
        let (screener, now, found) = (self.clone(), record.screened_at, record.findings.len());
        let made = self.ledger.observe(move |state| {
            let application = state.applications.get(&index)?;
            screener.is_due(state, application, now).then(|| record.into())
        });
        let made = made.await?;
        if let Some(made) = made {
            tracing::info!(application = index, findings = found, entry = made.index, "screened");
        }
        Ok(made.is_some())
    }

    /// Screens an application as everything is now, and stores the report; none if nothing is due.
    fn prepare(&self, index: u64) -> Result<Option<ScreeningRecord>, ScreeningError> {
        // Before a report is written that no statement would name.
        self.ledger.writable()?;
        let now = self.ledger.now().map_err(RecordError::from)?;
        let snapshot = self.ledger.snapshot();
        let state = snapshot.state.at(now);
        // What was attached meanwhile is included.
        let Some(application) = state.applications.get(&index) else { return Ok(None) };
        let Some(list) = state.charter.lists.get(&application.list) else { return Ok(None) };
        let policy = self.policies.get(&list.policy.sha256).ok_or_else(|| PoliciesError::Missing {
            list: application.list.clone(),
            policy: Box::new(list.policy.clone()),
        })?;
        let held = self.held(application);
        let held = |digest: &Digest| held.contains(digest);
        let (full, observed) = screen_application(&state, application, policy, &held, now);
        let report = Report {
            r#type: "v2g-screening-report",
            application: application.index,
            engine: ENGINE,
            findings: &full,
            fingerprint: application.fingerprint,
            ledger_size: state.size(),
            observed: &observed,
            policy: &list.policy,
            screened_at: now,
        };
        let report = self.blobs.add(&ctl_core::json::canonical(&report))?;
        Ok(Some(ScreeningRecord {
            application: application.index,
            engine: ENGINE.parse()?,
            findings: recorded(&full)?,
            ledger_size: state.size(),
            observed,
            policy: list.policy.clone(),
            report: BlobRef { access: BlobAccess::Public, sha256: report },
            screened_at: now,
        }))
    }

    /// The documents attached to an application whose whole bytes are here.
    fn held(&self, application: &Application) -> BTreeSet<Digest> {
        let blobs = application.evidence.iter().filter_map(|evidence| evidence.blob.as_ref());
        let digests = blobs.map(|blob| blob.sha256);
        digests.filter(|digest| self.blobs.holds(digest).unwrap_or(false)).collect()
    }

    /// Whether an application is due for a screening.
    fn is_due(&self, state: &State, application: &Application, now: Timestamp) -> bool {
        if !application.is_open() || application.proposal.is_some() {
            return false;
        }
        let Some(list) = state.charter.lists.get(&application.list) else { return false };
        let Some(screening) = &application.screening else { return true };
        if screening.policy != list.policy {
            return true;
        }
        let outdated = state.screening_outdated(application, now).is_some()
            || self.document_came_late(application, screening);
        outdated && !self.document_is_on_its_way(application, screening, now)
    }

    /// Whether a document has arrived that was missing when the application was screened.
    fn document_came_late(&self, application: &Application, screening: &Screening) -> bool {
        let seen = |sha256| screening.observed.contains(&Observed { what: ObservedKind::Evidence, sha256 });
        let mut blobs = application.evidence.iter().filter_map(|evidence| evidence.blob.as_ref());
        blobs.any(|blob| !seen(blob.sha256) && self.blobs.has(&blob.sha256))
    }

    fn document_is_on_its_way(
        &self,
        application: &Application,
        screening: &Screening,
        now: Timestamp,
    ) -> bool {
        application.evidence.iter().filter(|evidence| evidence.index >= screening.ledger_size).any(
            |evidence| {
                let missing = evidence.blob.as_ref().is_some_and(|blob| !self.blobs.has(&blob.sha256));
                missing && now < evidence.at.plus_seconds(PATIENCE)
            },
        )
    }
}
