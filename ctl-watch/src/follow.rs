//! The scheme, followed from outside: one task keeps the replica, and tells everyone what it has seen.

use std::sync::Arc;
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_governance::State;
use ctl_replica::{Replica, ReplicaError};
use tokio::sync::{oneshot, watch};

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

/// What is known of the scheme.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The log as it was last verified, in this process or one before it.
    pub seen: Option<Arc<Seen>>,
    /// How the last contact went.
    pub contact: Contact,
}

impl Followed {
    /// Nothing is known.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { seen: None, contact: Contact::None }
    }
}

/// Follows the scheme.
pub struct Follower {
    /// The replica.
    pub replica: Replica,
    /// How often it is looked at.
    pub every: Duration,
    /// Who hears of it.
    pub told: watch::Sender<Followed>,
}

impl Follower {
    /// Looks again and again, until told to stop.
    pub async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
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
        let mut was_good = false;
        self.told.send_modify(|followed| {
            was_good = matches!(followed.contact, Contact::Good(_) | Contact::None);
            if let Ok(log) = self.replica.log()
                && followed.seen.as_ref().is_none_or(|seen| seen.size != log.size())
            {
                followed.seen = Some(Arc::new(Seen { state: log.state().clone(), size: log.size() }));
            }
            followed.contact = contact.clone();
        });
        match &contact {
            Contact::Unanswered(problem) if was_good => {
                tracing::warn!(problem, "the scheme cannot be followed for now");
            }
            Contact::Inconsistent(problem) if was_good => {
                tracing::error!(problem, "the log does not hold");
            }
            _ => {}
        }
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
