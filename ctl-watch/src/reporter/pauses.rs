//! What the service did not take: it is tried again after pauses that grow from seconds to an hour, so that a standing
//! refusal costs neither side much. In memory only: after a restart everything is tried again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ctl_core::names::ParticipantId;
use ctl_core::{Digest, Timestamp};
use ctl_governance::service_levels::BreachKey;
use ctl_governance::statement::body::SlaBreach;
use ctl_policy::sla::Month;

use super::ReporterError;

/// The first pause, in seconds. Each is twice as long as the one before it.
const FIRST: u64 = 10;
const LONGEST: u64 = 3600;

/// What is said, or sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A claim, or the end of one: when it began, what it ends, and by what it is proven.
    Breach(BreachKey, Timestamp, Option<u64>, Vec<Digest>),
    Report(ParticipantId, Month),
    /// What a recorded statement names.
    Blobs(Digest),
}

impl Subject {
    /// What this statement is about.
    #[must_use]
    pub fn of(breach: &SlaBreach) -> Self {
        let key = (breach.service.clone(), breach.objective.name.clone());
        Self::Breach(key, breach.opened_at, breach.opened, breach.evidence.clone())
    }
}

#[derive(Debug)]
struct Pause {
    reason: String,
    why: String,
    seconds: u64,
    until: Timestamp,
}

/// What is not tried for now.
#[derive(Debug, Default)]
pub struct Pauses(Mutex<BTreeMap<Subject, Pause>>);

impl Pauses {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Subject, Pause>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries something, unless it failed a short while ago.
    ///
    /// # Errors
    /// As before if it is not tried, otherwise what `trying` says.
    pub async fn unless_paused<T>(
        &self,
        subject: Subject,
        now: Timestamp,
        trying: impl Future<Output = Result<T, ReporterError>>,
    ) -> Result<T, ReporterError> {
        if let Some(pause) = self.all().get(&subject)
            // A clock that is set back makes no pause longer.
            && now < pause.until
            && pause.until.seconds_since(now) <= pause.seconds
        {
            let why = format!("{} (tried again at {})", pause.why, pause.until);
            return Err(ReporterError::Refused { reason: pause.reason.clone(), why });
        }
        let result = trying.await;
        let mut all = self.all();
        match &result {
            Ok(_) => _ = all.remove(&subject),
            // Whether it is recorded shows at the next look.
            Err(ReporterError::Later(_)) => {}
            Err(error) => {
                let reason = match error {
                    ReporterError::Refused { reason, .. } => reason.clone(),
                    _ => String::new(),
                };
                let before = all.get(&subject).filter(|pause| pause.reason == reason);
                let seconds = before.map_or(FIRST, |pause| pause.seconds.saturating_mul(2).min(LONGEST));
                let until = now.plus_seconds(seconds);
                all.insert(subject, Pause { reason, why: error.to_string(), seconds, until });
                // What is not due any more is not asked about again.
                all.retain(|_, pause| now.seconds_since(pause.until) <= LONGEST);
            }
        }
        result
    }
}
