//! What of the watch enters the ledger, as the statements of a watcher: breaches when they begin and end, and each PKI's
//! month. What is due is decided from the ledger's state and from who the watcher is, so nothing is recorded twice,
//! whatever was forgotten in between.

mod breaches;
mod months;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ctl_core::names::{NameError, ParticipantId};
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, PrivateKey, PublicKey, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::SlaReport;
use ctl_governance::statement::parts::{BlobAccess, BlobRef};
use ctl_policy::sla::{Month, SlaPolicy};
use tokio::sync::watch;

pub use breaches::{Due, breaches_due};
pub use months::reports_due;

use self::breaches::without_incident;
use self::months::summary;
use super::incident::Wanted;
use super::keeper::{Incidents, Keeper};
use super::store::StoreError;
use super::target::{OWN, Target};
use crate::blobs::{BlobError, Blobs};
use crate::ledger::{Ledger, RecordError, Recorded, recorder};

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(15);

/// Why something was not recorded. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// A name cannot stand in a statement.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What was counted cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The report cannot be kept.
    #[error("the report: {0}")]
    Blob(#[from] BlobError),
    /// The key is nobody's who may sign.
    #[error(
        "the watcher's key {0} is not the present one of a participant whom the charter names as a watcher"
    )]
    NoWatcher(String),
    /// The ledger does not take it.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Records what is due.
#[derive(Clone)]
pub struct Recorder {
    /// The ledger.
    pub ledger: Ledger,
    /// The watcher's key; without one nothing is recorded.
    pub key: Option<Arc<PrivateKey>>,
    /// Where reports are kept.
    pub blobs: Arc<Blobs>,
    /// What was observed.
    pub keeper: Keeper,
    /// How many breaches the last look held back, for whoever shows it.
    pub held_back: Arc<AtomicU64>,
}

impl Recorder {
    /// Records what is due, again and again, until nobody follows any more.
    pub async fn run(self, mut following: watch::Receiver<Arc<[Arc<Target>]>>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => match self.record_due().await {
                    Ok(_) => {}
                    Err(RecorderError::Record(RecordError::Closed)) => return,
                    Err(error) => tracing::error!(%error, "a breach or report was not recorded"),
                },
                changed = following.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Records everything that is due; returns how many statements were made.
    ///
    /// # Errors
    /// The first failure, after all others were tried.
    pub async fn record_due(&self) -> Result<usize, RecorderError> {
        let Some(key) = &self.key else { return Ok(0) };
        let now = self.ledger.now().map_err(RecordError::from)?;
        let snapshot = self.ledger.snapshot();
        let watcher = &watcher(&snapshot.state.at(now), &key.public_key())?;
        let policy = policy_ref(self.keeper.policy())?;
        let mut made = 0;
        let (incidents, mut failure) = self.incidents(&snapshot.state, watcher).await;
        let complete = failure.is_none();
        let sla = self.keeper.policy();
        let due = breaches_due(&snapshot.state, watcher, &incidents, complete, sla, &policy, now)?;
        self.note_held_back(due.held_back);
        for breach in due.statements {
            match self.say(key, breach.into()).await {
                Ok(_) => made += 1,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        for (operator, month) in reports_due(&snapshot.state, watcher, &self.keeper.levels(), now) {
            match self.report(key, &operator, month, &policy, now).await {
                Ok(recorded) => made += usize::from(recorded),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(made), Err)
    }

    /// Records a statement of the watcher's.
    async fn say(&self, key: &PrivateKey, body: Body) -> Result<Recorded, RecorderError> {
        let now = self.ledger.now().map_err(RecordError::from)?;
        let statement = recorder::statement(&self.ledger.snapshot().state, key, now, body)?;
        Ok(self.ledger.record(statement).await?)
    }

    /// The incidents at hand, and those that are put away of breaches which are open in the ledger; and why the latter
    /// are not all there, if they could not be read.
    async fn incidents(
        &self,
        state: &State,
        watcher: &ParticipantId,
    ) -> (Arc<Incidents>, Option<RecorderError>) {
        let at_hand = self.keeper.incidents();
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
    ) -> Result<Arc<Incidents>, RecorderError> {
        let keeper = self.keeper.clone();
        let read = tokio::task::spawn_blocking(move || {
            for moment in moments {
                let begin_ms = moment.unix().saturating_mul(1000);
                let touching = Some((begin_ms, begin_ms.saturating_add(1000)));
                keeper.history(&Wanted { touching, ..Wanted::default() }, |incident| {
                    if breaches::time(incident.began_ms) == moment {
                        Arc::make_mut(&mut incidents).insert(incident.number, Arc::new(incident.clone()));
                    }
                    true
                })?;
            }
            Ok(incidents)
        });
        read.await.map_err(|error| RecordError::ReadOnly(error.to_string()))?
    }

    /// Says so when it has changed how many breaches are held back.
    fn note_held_back(&self, breaches: u64) {
        let before = self.held_back.swap(breaches, Ordering::Relaxed);
        if breaches > 0 && breaches != before {
            let per_day = self.keeper.policy().breaches_per_day();
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
        key: &PrivateKey,
        operator: &ParticipantId,
        month: Month,
        policy: &PolicyRef,
        now: Timestamp,
    ) -> Result<bool, RecorderError> {
        // Before a report is written that nothing would name.
        self.ledger.writable()?;
        let (recorder, of) = (self.clone(), operator.clone());
        let scheme = self.ledger.snapshot().state.scheme;
        let report = tokio::task::spawn_blocking(move || recorder.month(scheme, &of, month, now)).await;
        let report = report.map_err(|error| RecordError::ReadOnly(error.to_string()))??;
        // A month in which nothing of the operator was watched.
        let Some(report) = report else { return Ok(false) };
        let blobs = Arc::clone(&self.blobs);
        let bytes = ctl_core::json::canonical(&report);
        let added = tokio::task::spawn_blocking(move || blobs.add(&bytes)).await;
        let sha256 = added.map_err(|error| RecordError::ReadOnly(error.to_string()))??;
        let body = SlaReport {
            from: Timestamp::from_unix(report.from.0),
            operator: participant(operator),
            policy: policy.clone(),
            report: BlobRef { access: BlobAccess::Public, sha256 },
            summary: summary(&report)?,
            to: Timestamp::from_unix(report.to.0),
        };
        let recorded = self.say(key, body.into()).await?;
        tracing::info!(%operator, %month, entry = recorded.index, "reported");
        Ok(true)
    }
}

/// Whose key this is: a watcher's in office.
fn watcher(state: &State, key: &PublicKey) -> Result<ParticipantId, RecorderError> {
    let record = state.keys.get(&key.key_id()).filter(|record| record.replaced_by.is_none());
    let watcher = record.map(|record| &record.participant).filter(|id| state.may_watch(id, None));
    watcher.cloned().ok_or_else(|| RecorderError::NoWatcher(key.key_id().short()))
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
