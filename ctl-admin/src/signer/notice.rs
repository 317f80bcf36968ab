//! Emergency suspensions.

use ctl_core::Digest;
use ctl_core::names::ListId;
use ctl_core::parts::WithdrawalReason;
use ctl_governance::statement::body::{NoticeIssue, NoticeLift};
use ctl_replica::{Replica, Submission};

use crate::AdminError;
use crate::signing::{self, Signing};

/// Suspends an anchor in a hurry.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The list.
    pub list: ListId,
    /// The anchor's fingerprint.
    pub anchor: Digest,
    /// Why.
    pub reason: WithdrawalReason,
    /// How long it lasts, in seconds; as long as the charter allows if none is given.
    pub seconds: Option<u64>,
}

impl Issue {
    /// Does it.
    ///
    /// # Errors
    /// Refused.
    pub async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        let now = session.now();
        let replayed = session.sync().await?;
        // The charter counts from when it is recorded: a little less than its bound fits whatever the clocks say.
        let longest = replayed.at(now).charter.notices.max_duration_seconds;
        let body = NoticeIssue {
            anchor: self.anchor,
            expires_at: now.plus_seconds(self.seconds.unwrap_or(longest - longest / 100)),
            list: self.list.clone(),
            reason: self.reason,
        };
        signing::state(session, signing, body, Vec::new()).await
    }
}

/// Ends a suspension early: two officers.
#[derive(Clone, Copy, Debug)]
pub struct Lift {
    /// Index of the notice's entry.
    pub notice: u64,
}

impl Lift {
    /// Does it.
    ///
    /// # Errors
    /// Refused.
    pub async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        session.sync().await?;
        signing::state(session, signing, NoticeLift { notice: self.notice }, Vec::new()).await
    }
}
