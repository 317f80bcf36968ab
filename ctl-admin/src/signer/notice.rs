//! Emergency suspensions.

use clap::Args;
use ctl_core::names::ListId;
use ctl_core::parts::WithdrawalReason;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::body::{NoticeIssue, NoticeLift};

use crate::AdminError;
use crate::arguments::{duration, word};
use crate::signing::{Said, Say, Signing};

/// Suspends an anchor in a hurry.
#[derive(Args, Clone, Debug)]
pub struct Issue {
    /// The anchor's fingerprint
    pub anchor: Digest,
    /// The list
    #[arg(long)]
    pub list: ListId,
    /// key-compromise, ca-compromise, misissuance, operator-request, superseded or
    /// cessation-of-operation
    #[arg(long, value_parser = word::<WithdrawalReason>)]
    pub reason: WithdrawalReason,
    /// How long, like 3days [default: as long as the charter allows]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub seconds: Option<u64>,
}

impl Say for Issue {
    fn said(&self, state: &State, now: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        // The charter counts from when it is recorded: a little less than its bound fits whatever the clocks say.
        let longest = state.charter.notices.max_duration_seconds;
        let body = NoticeIssue {
            anchor: self.anchor,
            expires_at: now.plus_seconds(self.seconds.unwrap_or(longest - longest / 100)),
            list: self.list.clone(),
            reason: self.reason,
        };
        Ok((body.into(), Vec::new()))
    }
}

/// Ends a suspension early: two officers.
#[derive(Args, Clone, Copy, Debug)]
pub struct Lift {
    /// Index of the notice's entry
    pub notice: u64,
}

impl Say for Lift {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        Ok((NoticeLift { notice: self.notice }.into(), Vec::new()))
    }
}
