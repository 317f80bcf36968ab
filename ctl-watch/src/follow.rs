//! Follows the scheme from outside: one task keeps the replica, sends the watcher's statements, and publishes what it
//! sees.

use std::sync::Arc;
use std::time::Duration;

use ctl_core::{Signer, Timestamp};
use ctl_governance::State;
use ctl_replica::{Lost, Replica, ReplicaError};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use super::reporter::{Reporter, ReporterError, Sending};

/// A good contact is recent for so many looks, and at least for so long.
const RECENT_LOOKS: u32 = 12;
const RECENT: Duration = Duration::from_secs(60);

/// What was verified of the scheme's log.
#[derive(Debug)]
pub struct Seen {
    /// The state as of the last entry.
    pub state: State,
    /// How many entries its checkpoint covers.
    pub size: u64,
}

/// How the last contact with the service went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// There has been none.
    None,
    /// The log is unchanged, or continues what was seen.
    Good(Timestamp),
    /// The service did not answer with a log; why.
    Unanswered(String),
    /// The watch itself was kept from following; by what. It says nothing about the service.
    Hindered(String),
    /// What the service showed is invalid, or contradicts what was seen before; how.
    Inconsistent(String),
}

/// Whether breaches and reports are sent to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// No: the configuration names no key.
    Off,
    /// Not known yet: nothing was fetched since the start.
    Unknown,
    /// Yes, and everything due is in the log.
    Good,
    /// Yes, but something due is not in the log; why.
    Failed(String),
}

/// What is known of the scheme.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The log as last verified, in this process or an earlier one.
    pub seen: Option<Arc<Seen>>,
    /// The last contact.
    pub contact: Contact,
    /// When the oldest statement of the watcher was sent that the service says it recorded, and that the log does not
    /// contain yet.
    pub promised: Option<Timestamp>,
    /// Whether the watcher's statements are recorded.
    pub signing: Signing,
    /// Until when the last good contact is a recent one.
    pub recent_until: Option<Instant>,
}

impl Followed {
    /// The state before the first contact.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { seen: None, contact: Contact::None, promised: None, signing: Signing::Off, recent_until: None }
    }
}

impl Followed {
    /// Whether the last contact was good, and is not too long ago: another one that hangs must not hide that.
    #[must_use]
    pub fn is_following(&self) -> bool {
        let is_recent = self.recent_until.is_some_and(|until| Instant::now() < until);
        is_recent && matches!(self.contact, Contact::Good(_))
    }
}

/// Follows the scheme.
pub struct Follower {
    pub replica: Replica,
    /// How often the log is fetched.
    pub every: Duration,
    /// How long one look may take, and how long sending what is due. The first look of a process may take as long as the
    /// replica allows: then there may be years to download.
    pub deadline: Duration,
    /// Where the result is published.
    pub told: watch::Sender<Followed>,
    /// The watcher's key, and the reporter that decides what is due.
    pub watcher: Option<([Box<dyn Signer>; 1], Reporter)>,
}

impl Follower {
    /// Fetches the log again and again, until it is told to stop.
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
            // A stop does not wait for a silent server; an unfinished statement is sent again after the next start.
            tokio::select! {
                _ = &mut stopped => return,
                () = self.look() => {}
            }
        }
    }

    async fn look(&mut self) {
        let has_followed = self.told.borrow().recent_until.is_some();
        let synced = async { self.replica.sync().await.map(drop) };
        let synced = if has_followed { timeout(self.deadline, synced).await } else { Ok(synced.await) };
        let contact = match synced {
            Ok(Ok(())) => lost(self.replica.lost()).unwrap_or_else(|| Contact::Good(self.replica.now())),
            Ok(Err(error)) => contact_of(&error),
            Err(_) => {
                let seconds = self.deadline.as_secs();
                Contact::Unanswered(format!("the log was not there after {seconds} s"))
            }
        };
        if matches!(contact, Contact::Good(_)) {
            let recent = self.every.saturating_mul(RECENT_LOOKS).max(RECENT);
            self.told.send_modify(|followed| followed.recent_until = Some(Instant::now() + recent));
        }
        let was_good = matches!(self.told.borrow().contact, Contact::Good(_) | Contact::None);
        self.tell(&contact);
        match &contact {
            Contact::Unanswered(problem) if was_good => {
                tracing::warn!(problem, "the scheme cannot be followed now; will try again");
            }
            Contact::Inconsistent(problem) if was_good => {
                tracing::error!(problem, "the log does not hold");
            }
            Contact::Hindered(problem) if was_good => {
                tracing::error!(problem, "this watch cannot follow the scheme now; will try again");
            }
            Contact::Good(_) => {
                self.record().await;
                // The log that was seen now contains what was sent.
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
            followed.promised = self.replica.promised();
            followed.contact = contact.clone();
        });
    }

    /// Has everything due from the watcher recorded.
    async fn record(&mut self) {
        let Some((key, reporter)) = &self.watcher else { return };
        let recording = async {
            let mut sending = Sending::begin(&mut self.replica, key, &reporter.pauses).await?;
            reporter.record_due(&mut sending).await
        };
        // What is cut off is finished at the next look, like after a stop.
        let recorded = timeout(self.deadline, recording).await.unwrap_or_else(|_| {
            let seconds = self.deadline.as_secs();
            Err(ReporterError::Later(format!(
                "after {seconds} s not all that is due is recorded; it goes on"
            )))
        });
        let signing = recorded.map_or_else(|error| Signing::Failed(error.to_string()), |_| Signing::Good);
        let before = self.told.borrow().signing.clone();
        match &signing {
            Signing::Failed(problem) if signing != before => {
                tracing::error!(problem, "a breach or report cannot be recorded; will try again");
            }
            Signing::Good if matches!(before, Signing::Failed(_)) => {
                tracing::info!("everything due is recorded again");
            }
            _ => {}
        }
        self.told.send_modify(|followed| followed.signing = signing);
    }
}

/// What an error says about the service: only what its log's key has signed can contradict itself.
fn contact_of(error: &ReplicaError) -> Contact {
    match error {
        ReplicaError::Conflict { .. }
        | ReplicaError::Rollback { .. }
        | ReplicaError::Restart { .. }
        | ReplicaError::Violation(_) => Contact::Inconsistent(error.to_string()),
        ReplicaError::Network { .. }
        | ReplicaError::Refusal { .. }
        | ReplicaError::Silence { .. }
        | ReplicaError::Exhaustion { .. }
        | ReplicaError::Unproven { .. } => Contact::Unanswered(error.to_string()),
        ReplicaError::File { .. }
        | ReplicaError::Input(_)
        | ReplicaError::Misuse(_)
        | ReplicaError::Signer(_)
        | ReplicaError::Outdated { .. } => Contact::Hindered(error.to_string()),
    }
}

/// What it means that the log does not contain what the service gave a receipt for. Nothing is sent to such a log
/// before a person has settled it.
fn lost(lost: &[Lost]) -> Option<Contact> {
    let Lost { sent, why, .. } = lost.first()?;
    let (what, statement, at) = (&sent.r#type, &sent.statement, sent.sent_at);
    let more = if lost.len() > 1 { format!(", and so with {} more", lost.len() - 1) } else { String::new() };
    Some(Contact::Inconsistent(format!(
        "the service gave a receipt for the {what} {statement}, sent at {at}, which the log does not contain: {why}{more}"
    )))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn only_what_is_signed_and_contradicts_itself_is_held_against_the_log() {
        let (address, problem) = ("http://ctl.example/log/checkpoint".to_owned(), "no".to_owned());
        let full = ErrorKind::StorageFull.into();
        for error in [
            ReplicaError::File { path: "entries".into(), source: full },
            ReplicaError::Input("receipts/1.json: damaged".into()),
            ReplicaError::Outdated { index: 7, rules: 2 },
        ] {
            assert!(matches!(contact_of(&error), Contact::Hindered(_)), "{error}");
        }
        for error in [
            ReplicaError::Network { address: address.clone(), problem: problem.clone() },
            ReplicaError::Unproven { address: address.clone(), problem },
        ] {
            assert!(matches!(contact_of(&error), Contact::Unanswered(_)), "{error}");
        }
        for error in [
            ReplicaError::Violation("an entry that the rules refuse".into()),
            ReplicaError::Rollback { address, shown: 1, seen: 2 },
        ] {
            assert!(matches!(contact_of(&error), Contact::Inconsistent(_)), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_contact_is_no_longer_one_when_none_follows() {
        let contact = Contact::Good(Timestamp::EPOCH);
        let recent_until = Some(Instant::now() + RECENT);
        let followed = Followed { contact, recent_until, ..Followed::nothing() };
        assert!(followed.is_following());
        tokio::time::advance(RECENT).await;
        assert!(!followed.is_following());
    }
}
