//! The scheme, followed from outside: one task keeps the replica, and tells everyone what it has seen.

use std::sync::Arc;
use std::time::Duration;

use ctl_core::{Signer, Timestamp};
use ctl_governance::State;
use ctl_replica::{Replica, ReplicaError};
use tokio::sync::{oneshot, watch};

use super::reporter::{Reporter, Sending};

/// What was verified of the scheme's log.
#[derive(Debug)]
pub struct Seen {
    /// What follows from it, as of its last entry.
    pub state: State,
    /// How many entries its checkpoint covers.
    pub size: u64,
}

/// How the last contact with the service went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// There has been none yet.
    None,
    /// The log is what it was, or continues it.
    Good(Timestamp),
    /// It did not answer, or not with a log: in words.
    Unanswered(String),
    /// What it showed does not hold, or contradicts what was seen before: in words.
    Inconsistent(String),
}

/// Whether breaches and reports are sent to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// They are not: the configuration names no key.
    Off,
    /// It is not known yet: the scheme was not followed since the start.
    Unknown,
    /// All that was due is in the log.
    Good,
    /// Something that is due is not: in words.
    Failed(String),
}

/// What is known of the scheme.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The log as it was last verified, in this process or one before it.
    pub seen: Option<Arc<Seen>>,
    /// How the last contact went.
    pub contact: Contact,
    /// How it goes with what the watcher says itself.
    pub signing: Signing,
}

impl Followed {
    /// Nothing is known.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { seen: None, contact: Contact::None, signing: Signing::Off }
    }
}

/// Follows the scheme.
pub struct Follower {
    pub replica: Replica,
    /// How often it is looked at.
    pub every: Duration,
    /// Who hears of it.
    pub told: watch::Sender<Followed>,
    /// The watcher's key, and what says what is due from it.
    pub watcher: Option<([Box<dyn Signer>; 1], Reporter)>,
}

impl Follower {
    /// Looks again and again, until told to stop.
    pub async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let signing = if self.watcher.is_some() { Signing::Unknown } else { Signing::Off };
        self.told.send_modify(|followed| followed.signing = signing);
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                _ = ticks.tick() => {}
            }
            // A stop does not wait for a server that says nothing; what is under way goes on at the next start.
            tokio::select! {
                _ = &mut stopped => return,
                () = self.look() => {}
            }
        }
    }

    async fn look(&mut self) {
        let contact = match self.replica.sync().await {
            Ok(_) => Contact::Good(self.replica.now()),
            Err(error) => contact_of(&error),
        };
        let was_good = matches!(self.told.borrow().contact, Contact::Good(_) | Contact::None);
        self.tell(&contact);
        match &contact {
            Contact::Unanswered(problem) if was_good => {
                tracing::warn!(problem, "the scheme cannot be followed for now");
            }
            Contact::Inconsistent(problem) if was_good => {
                tracing::error!(problem, "the log does not hold");
            }
            Contact::Good(_) => {
                self.record().await;
                // What was sent is in the log that was seen meanwhile.
                self.tell(&contact);
            }
            _ => {}
        }
    }

    fn tell(&self, contact: &Contact) {
        self.told.send_modify(|followed| {
            if let Ok(log) = self.replica.log()
                && followed.seen.as_ref().is_none_or(|seen| seen.size != log.size())
            {
                followed.seen = Some(Arc::new(Seen { state: log.state().clone(), size: log.size() }));
            }
            followed.contact = contact.clone();
        });
    }

    /// Has the log record what is due from the watcher.
    async fn record(&mut self) {
        let Some((key, reporter)) = &self.watcher else { return };
        let recorded = match Sending::begin(&mut self.replica, key).await {
            Ok(mut sending) => reporter.record_due(&mut sending).await,
            Err(error) => Err(error),
        };
        let signing = recorded.map_or_else(|error| Signing::Failed(error.to_string()), |_| Signing::Good);
        let before = self.told.borrow().signing.clone();
        match &signing {
            Signing::Failed(problem) if signing != before => {
                tracing::error!(problem, "a breach or report is not recorded; the watch goes on");
            }
            Signing::Good if matches!(before, Signing::Failed(_)) => {
                tracing::info!("what is due is recorded again");
            }
            _ => {}
        }
        self.told.send_modify(|followed| followed.signing = signing);
    }
}

/// What an error says of the service.
fn contact_of(error: &ReplicaError) -> Contact {
    match error {
        ReplicaError::Conflict { .. }
        | ReplicaError::Rollback { .. }
        | ReplicaError::Restart { .. }
        | ReplicaError::Violation(_) => Contact::Inconsistent(error.to_string()),
        _ => Contact::Unanswered(error.to_string()),
    }
}
