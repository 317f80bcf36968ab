//! What of the watch enters the log, as the statements of a watcher: breaches when they begin and end, and each PKI's
//! month. What is due is decided from the state that follows from the log and from who the watcher is, so nothing is
//! recorded twice, whatever was forgotten in between.

mod breaches;
mod months;
mod sending;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ctl_core::names::{NameError, ParticipantId};
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, PublicKey, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::SlaReport;
use ctl_governance::statement::parts::BlobAccess;
use ctl_policy::sla::{Month, SlaPolicy};

pub use breaches::{Due, breaches_due};
pub use ctl_replica::Blob;
pub use months::reports_due;
pub use sending::Sending;

use self::breaches::without_incident;
use self::months::summary;
use super::aggregator::{Aggregator, Incidents};
use super::incident::Wanted;
use super::store::StoreError;
use super::target::OWN;

/// Why something was not recorded. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReporterError {
    /// A name cannot stand in a statement.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What was counted cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report cannot be made.
    #[error("the report: {0}")]
    Report(String),
    /// The key is nobody's who may sign.
    #[error(
        "the watcher's key {0} is not the present one of a participant whom the charter names as a watcher"
    )]
    NoWatcher(String),
    /// The log does not take it.
    #[error("{0}")]
    Refused(String),
    /// Nothing can be recorded for now, or it is not known yet what became of a statement: nothing else is tried.
    #[error("{0}")]
    Later(String),
    /// Nothing will be recorded any more: the log is closed.
    #[error("the log is closed")]
    Closed,
}

/// The scheme, as far as a reporter needs it.
pub trait Scheme: Send {
    /// The watcher's key.
    fn key(&self) -> PublicKey;

    /// What follows from the log, and the time by the clock that statements are dated by.
    ///
    /// # Errors
    /// Neither is known for now.
    fn present(&self) -> Result<(State, Timestamp), ReporterError>;

    /// Whether anything can be recorded: asked before a report is made that nothing would name.
    ///
    /// # Errors
    /// It cannot.
    fn writable(&self) -> Result<(), ReporterError>;

    /// Has a statement with its blob recorded, signed by the watcher's key; gives the index of its entry once it is
    /// proven that the log has it.
    ///
    /// # Errors
    /// It is not in the log, or not known to be.
    fn say(
        &mut self,
        body: Body,
        blob: Option<Blob>,
    ) -> impl Future<Output = Result<u64, ReporterError>> + Send;
}

/// Records what is due.
#[derive(Clone)]
pub struct Reporter {
    /// What was observed.
    pub aggregator: Aggregator,
    /// How many breaches the last look held back, for whoever shows it.
    pub held_back: Arc<AtomicU64>,
}

impl Reporter {
    /// Records everything that is due; returns how many statements were made.
    ///
    /// # Errors
    /// The first failure, after all others were tried; at once if nothing else can be recorded either.
    pub async fn record_due(&self, scheme: &mut impl Scheme) -> Result<usize, ReporterError> {
        let (state, now) = scheme.present()?;
        let watcher = &watcher(&state.at(now), &scheme.key())?;
        let policy = policy_ref(self.aggregator.policy())?;
        let mut made = 0;
        let (incidents, mut failure) = self.incidents(&state, watcher).await;
        let complete = failure.is_none();
        let due =
            breaches_due(&state, watcher, &incidents, complete, self.aggregator.policy(), &policy, now)?;
        self.note_held_back(due.held_back);
        for breach in due.statements {
            match scheme.say(breach.into(), None).await {
                Ok(_) => made += 1,
                Err(error) => note(&mut failure, error)?,
            }
        }
        for (operator, month) in reports_due(&state, watcher, &self.aggregator.levels(), now) {
            match self.report(scheme, &operator, month, &policy, (state.scheme, now)).await {
                Ok(recorded) => made += usize::from(recorded),
                Err(error) => note(&mut failure, error)?,
            }
        }
        failure.map_or(Ok(made), Err)
    }

    /// The incidents at hand, and those that are put away of breaches which are open in the log; and why the latter are
    /// not all there, if they could not be read.
    async fn incidents(
        &self,
        state: &State,
        watcher: &ParticipantId,
    ) -> (Arc<Incidents>, Option<ReporterError>) {
        let at_hand = self.aggregator.incidents();
        let moments = without_incident(state, watcher, &at_hand);
        if moments.is_empty() {
            return (at_hand, None);
        }
        match self.with_put_away(at_hand.clone(), moments).await {
            Ok(incidents) => (incidents, None),
            Err(error) => (at_hand, Some(error)),
        }
    }

    /// These incidents, and those that are put away and began in one of these seconds.
    async fn with_put_away(
        &self,
        mut incidents: Arc<Incidents>,
        moments: BTreeSet<Timestamp>,
    ) -> Result<Arc<Incidents>, ReporterError> {
        let aggregator = self.aggregator.clone();
        let read = tokio::task::spawn_blocking(move || {
            for moment in moments {
                let begin_ms = moment.unix().saturating_mul(1000);
                let touching = Some((begin_ms, begin_ms.saturating_add(1000)));
                aggregator.all_incidents(&Wanted { touching, ..Wanted::default() }, |incident| {
                    if breaches::time(incident.began_ms) == moment {
                        Arc::make_mut(&mut incidents).insert(incident.number, Arc::new(incident.clone()));
                    }
                    true
                })?;
            }
            Ok(incidents)
        });
        read.await.map_err(|error| ReporterError::Refused(error.to_string()))?
    }

    /// Says so when it has changed how many breaches are held back.
    fn note_held_back(&self, breaches: u64) {
        let before = self.held_back.swap(breaches, Ordering::Relaxed);
        if breaches > 0 && breaches != before {
            let per_day = self.aggregator.policy().breaches_per_day();
            tracing::warn!(
                breaches,
                of_all = per_day.all,
                of_operator = per_day.of_operator,
                "as many breaches entered the log within a day as the service level policy lets; these wait"
            );
        }
    }

    async fn report(
        &self,
        to: &mut impl Scheme,
        operator: &ParticipantId,
        month: Month,
        policy: &PolicyRef,
        (scheme, now): (Digest, Timestamp),
    ) -> Result<bool, ReporterError> {
        to.writable()?;
        let (reporter, of) = (self.clone(), operator.clone());
        let report = tokio::task::spawn_blocking(move || reporter.month(scheme, &of, month, now)).await;
        let report = report.map_err(|error| ReporterError::Report(error.to_string()))??;
        // A month in which nothing of the operator was watched.
        let Some(report) = report else { return Ok(false) };
        let blob = Blob::new(&ctl_core::json::canonical(&report), BlobAccess::Public);
        let blob = blob.map_err(|error| ReporterError::Report(error.to_string()))?;
        let body = SlaReport {
            from: Timestamp::from_unix(report.from.0),
            operator: participant(operator),
            policy: policy.clone(),
            report: blob.reference.clone(),
            summary: summary(&report)?,
            to: Timestamp::from_unix(report.to.0),
        };
        let entry = to.say(body.into(), Some(blob)).await?;
        tracing::info!(%operator, %month, entry, "reported");
        Ok(true)
    }
}

/// Keeps the first failure; gives it back at once if nothing else can be recorded either.
fn note(first: &mut Option<ReporterError>, error: ReporterError) -> Result<(), ReporterError> {
    match error {
        ReporterError::Later(_) | ReporterError::Closed => Err(first.take().unwrap_or(error)),
        error => {
            first.get_or_insert(error);
            Ok(())
        }
    }
}

/// Whose key this is: a watcher's in office.
fn watcher(state: &State, key: &PublicKey) -> Result<ParticipantId, ReporterError> {
    let record = state.keys.get(&key.key_id()).filter(|record| record.replaced_by.is_none());
    let watcher = record.map(|record| &record.participant).filter(|id| state.may_watch(id, None));
    watcher.cloned().ok_or_else(|| ReporterError::NoWatcher(key.key_id().short()))
}

/// The service level policy as statements name it.
///
/// # Errors
/// It cannot be named. [`SlaPolicy::parse`] lets no such policy through.
pub fn policy_ref(policy: &SlaPolicy) -> Result<PolicyRef, NameError> {
    Ok(PolicyRef {
        name: policy.name().parse()?,
        sha256: Digest::from_bytes(policy.digest()),
        version: policy.version().parse()?,
    })
}

/// An operator as statements name it: the trust list manager itself is none.
fn participant(operator: &ParticipantId) -> Option<ParticipantId> {
    (operator.as_str() != OWN).then(|| operator.clone())
}
