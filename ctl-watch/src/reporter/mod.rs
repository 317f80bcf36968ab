//! The watcher's statements to the log: breaches when they begin and end, and each PKI's month. What is due follows
//! from the log's state, the incidents and the watcher, so nothing is recorded twice, even if this machine has
//! forgotten it.

mod breaches;
mod months;
mod pauses;
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

pub(crate) use breaches::withholds;
pub use breaches::{Due, breaches_due, in_log};
pub use ctl_replica::Blob;
pub use months::reports_due;
pub use pauses::{Pauses, Subject};
pub use sending::Sending;

use self::breaches::without_incident;
use self::months::summary;
use super::aggregator::clock::BOUNDS;
use super::aggregator::{Aggregator, Incidents};
use super::incident::Wanted;
use super::store::StoreError;
use super::target::OWN;

/// Why something was not recorded; it will be tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReporterError {
    /// A statement cannot carry a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The counts cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the report: {0}")]
    Report(String),
    /// The key belongs to no watcher in office.
    #[error(
        "the watcher's key {0} is not the present one of a participant whom the charter names as a watcher"
    )]
    NoWatcher(String),
    /// The history has the incident of a claim that is open in the log, and it cannot be read.
    #[error(
        "an incident whose breach is open in the log is in the history and cannot be read, so its end is not recorded; the \
         watch's log says what is damaged"
    )]
    Unread,
    /// Whoever learned of the evidence named it before. The next bad answer is kept for the claim.
    #[error(
        "{0} incidents cannot be claimed: other watchers have named all of their evidence before; the answer to the next \
         bad probe will be evidence of their own"
    )]
    Copied(usize),
    /// The log refuses the statement.
    #[error("{why}")]
    Refused {
        /// The refusal's word.
        reason: String,
        why: String,
    },
    /// Nothing can be recorded now, or the fate of an earlier statement is unknown; nothing else is tried.
    #[error("{0}")]
    Later(String),
}

/// What a reporter needs of the scheme.
pub trait Scheme: Send {
    /// The watcher's key.
    fn key(&self) -> PublicKey;

    /// The state, and the time that statements are dated by.
    ///
    /// # Errors
    /// If neither is known now.
    fn present(&self) -> Result<(State, Timestamp), ReporterError>;

    /// Sends a statement with its blob, signed with the watcher's key; returns the index of its entry once it is proven
    /// to be in the log.
    ///
    /// # Errors
    /// If it is not in the log, or not known to be.
    fn say(
        &mut self,
        body: Body,
        blob: Option<Blob>,
    ) -> impl Future<Output = Result<u64, ReporterError>> + Send;
}

/// Records everything that is due.
#[derive(Clone)]
pub struct Reporter {
    pub aggregator: Aggregator,
    /// How many breaches were held back last time.
    pub held_back: Arc<AtomicU64>,
    /// What the service did not take.
    pub pauses: Arc<Pauses>,
}

impl Reporter {
    /// Records everything that is due; returns the number of new statements.
    ///
    /// # Errors
    /// The first failure, after everything else was tried; at once if nothing else can be recorded either.
    pub async fn record_due(&self, scheme: &mut impl Scheme) -> Result<usize, ReporterError> {
        let (state, now) = scheme.present()?;
        let behind = state.clock().seconds_since(now);
        if behind > BOUNDS.tolerance.as_secs() || self.aggregator.moment().is_off() {
            return Err(ReporterError::Later(format!(
                "the clock of this machine, which says {now}, is not believed (the log goes to {}); nothing is recorded \
                 before it is right",
                state.clock()
            )));
        }
        let watcher = &watcher(&state.at(now), &scheme.key())?;
        let policy = policy_ref(self.aggregator.policy())?;
        let mut made = 0;
        let (incidents, unread, mut failure) = self.incidents(&state, watcher).await;
        let due = breaches_due(&state, watcher, &incidents, &unread, self.aggregator.policy(), &policy, now)?;
        self.note_held_back(due.held_back);
        if !due.copied.is_empty() {
            note(&mut failure, ReporterError::Copied(due.copied.len()))?;
            self.aggregator.prove_anew(due.copied).await;
        }
        for breach in due.statements {
            let subject = Subject::of(&breach);
            match self.pauses.unless_paused(subject, now, scheme.say(breach.into(), None)).await {
                Ok(_) => made += 1,
                Err(error) => note(&mut failure, error)?,
            }
        }
        // What was just recorded counts towards the day's share.
        let (state, now) = scheme.present()?;
        for (operator, month) in reports_due(&state, watcher, &self.aggregator.levels(), now) {
            let subject = Subject::Report(operator.clone(), month);
            let report = self.report(scheme, &operator, month, &policy, (&state, now));
            match self.pauses.unless_paused(subject, now, report).await {
                Ok(recorded) => made += usize::from(recorded),
                Err(error) => note(&mut failure, error)?,
            }
        }
        failure.map_or(Ok(made), Err)
    }

    /// The incidents in memory, and those only in the history whose breaches are open in the log; with the seconds of which
    /// not all of the latter could be read, and why.
    async fn incidents(
        &self,
        state: &State,
        watcher: &ParticipantId,
    ) -> (Arc<Incidents>, BTreeSet<Timestamp>, Option<ReporterError>) {
        let at_hand = self.aggregator.incidents();
        let moments = without_incident(state, watcher, &at_hand);
        if moments.is_empty() {
            return (at_hand, moments, None);
        }
        match self.with_put_away(at_hand.clone(), moments.clone()).await {
            Ok((incidents, unread)) => {
                let failure = (!unread.is_empty()).then_some(ReporterError::Unread);
                (incidents, unread, failure)
            }
            Err(error) => (at_hand, moments, Some(error)),
        }
    }

    /// These incidents, and those in the history that began in one of these seconds; with the seconds in which one began that
    /// cannot be read.
    async fn with_put_away(
        &self,
        mut incidents: Arc<Incidents>,
        moments: BTreeSet<Timestamp>,
    ) -> Result<(Arc<Incidents>, BTreeSet<Timestamp>), ReporterError> {
        let aggregator = self.aggregator.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut unread = BTreeSet::new();
            for moment in moments {
                let begin_ms = moment.unix().saturating_mul(1000);
                let touching = Some((begin_ms, begin_ms.saturating_add(1000)));
                let wanted = Wanted { touching, ..Wanted::default() };
                let damaged = aggregator.all_incidents(&wanted, |incident| {
                    if breaches::time(incident.began_ms) == moment {
                        Arc::make_mut(&mut incidents).insert(incident.number, Arc::new(incident.clone()));
                    }
                    true
                })?;
                if damaged.into_iter().any(|began_ms| breaches::time(began_ms) == moment) {
                    unread.insert(moment);
                }
            }
            Ok((incidents, unread))
        });
        read.await.map_err(|error| ReporterError::Report(error.to_string()))?
    }

    /// Logs how many breaches are held back, if that has changed.
    fn note_held_back(&self, breaches: u64) {
        let before = self.held_back.swap(breaches, Ordering::Relaxed);
        if breaches > 0 && breaches != before {
            let per_day = self.aggregator.policy().breaches_per_day();
            tracing::warn!(
                breaches,
                of_all = per_day.all,
                of_operator = per_day.of_operator,
                "the service level policy allows no more breaches in one day; these wait"
            );
        }
    }

    async fn report(
        &self,
        to: &mut impl Scheme,
        operator: &ParticipantId,
        month: Month,
        policy: &PolicyRef,
        (state, now): (&State, Timestamp),
    ) -> Result<bool, ReporterError> {
        let (reporter, of, state, key) = (self.clone(), operator.clone(), state.clone(), to.key());
        let report = move || reporter.month((&state, &key), &of, month, now);
        let report = tokio::task::spawn_blocking(report).await;
        let report = report.map_err(|error| ReporterError::Report(error.to_string()))??;
        // Nothing of the operator was watched in that month.
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

/// Keeps the first failure; returns it at once if nothing else can be recorded either.
fn note(first: &mut Option<ReporterError>, error: ReporterError) -> Result<(), ReporterError> {
    match error {
        ReporterError::Later(_) => Err(first.take().unwrap_or(error)),
        error => {
            first.get_or_insert(error);
            Ok(())
        }
    }
}

/// The watcher in office whose key this is.
pub(crate) fn watcher(state: &State, key: &PublicKey) -> Result<ParticipantId, ReporterError> {
    let record = state.keys.get(&key.key_id()).filter(|record| record.replaced_by.is_none());
    let watcher = record.map(|record| &record.participant).filter(|id| state.may_watch(id, None));
    watcher.cloned().ok_or_else(|| ReporterError::NoWatcher(key.key_id().short()))
}

/// How statements name the service level policy.
///
/// # Errors
/// If they cannot; [`SlaPolicy::parse`] refuses such a policy.
pub fn policy_ref(policy: &SlaPolicy) -> Result<PolicyRef, NameError> {
    Ok(PolicyRef {
        name: policy.name().parse()?,
        sha256: Digest::from_bytes(policy.digest()),
        version: policy.version().parse()?,
    })
}

/// How statements name an operator; none for the trust list manager itself.
fn participant(operator: &ParticipantId) -> Option<ParticipantId> {
    (operator.as_str() != OWN).then(|| operator.clone())
}
