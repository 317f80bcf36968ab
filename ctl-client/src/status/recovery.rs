//! What `status` says of a log that conflicts, of what is kept apart meanwhile, of suspensions that
//! nothing lifts, and of restarts of the log.

use ctl_core::notices::NoticeEntry;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use serde::Serialize;

use super::{NoticeLine, Severity, Status};
use crate::state::{Contradiction, State};
use crate::store::TrustStore;
use crate::sync::{Client, InForce};

/// A log that contradicts what is remembered of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictStatus {
    /// How.
    pub how: Contradiction,
    /// Entries remembered.
    pub held: u64,
    /// Entries of the checkpoint that contradicted it first.
    pub shown: u64,
    /// Its root hash.
    pub root: Digest,
    /// Since when.
    pub since: Timestamp,
}

/// A version that came in a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApartLine {
    /// `na`, `notices`.
    pub role: Role,
    /// Its number: a version of at least that, fully accepted, ends what it takes away.
    pub sequence: u64,
}

impl Client {
    /// Fills in what the state says.
    pub(super) fn recovery_lines(&self, state: &State, documents: &InForce, status: &mut Status) {
        let held = state.log.as_ref().map_or(0, |log| log.size);
        status.conflict = state.conflict.as_ref().map(|conflict| ConflictStatus {
            how: conflict.how,
            held,
            shown: conflict.size,
            root: conflict.root,
            since: conflict.since,
        });
        if let Some(conflict) = &status.conflict {
            let how = match conflict.how {
                Contradiction::Smaller => "has fewer entries than",
                Contradiction::OtherHistory => "has another history than",
            };
            let text = format!(
                "THE LOG CONFLICTS since {}: what is shown ({} entries) {how} what is remembered ({held} entries). \
                 Versions and checkpoint held stay; what newer versions take away is taken away, what they add \
                 waits. Sync from another mirror; if it stays, the board has to let the log begin anew \
                 (docs/operators.md)",
                conflict.since, conflict.shown
            );
            status.find(Severity::Error, text);
        }
        for (role, apart) in &state.apart {
            status.apart.push(ApartLine { role: role.clone(), sequence: apart.sequence });
            let text = format!(
                "{role}: version {} came while the log conflicted: what it takes away is not trusted until a version \
                 of at least {} is accepted in full",
                apart.sequence, apart.sequence
            );
            status.find(Severity::Warning, text);
        }
        let named = documents.notices.as_ref().map_or(&[][..], |document| &document.notices);
        for notice in self.suspensions(state, documents) {
            let same = |other: &NoticeEntry| {
                (&other.list, other.anchor, other.spki) == (&notice.list, notice.anchor, notice.spki)
            };
            let lifted = !named.iter().any(same);
            if lifted {
                let text = format!(
                    "the suspension of {} by notice {} still holds although the newest notices do not name it: two \
                     officers must sign that, or a list drafted since must name the anchor; it ends at {}",
                    notice.anchor.short(),
                    notice.notice,
                    notice.expires_at
                );
                status.find(Severity::Note, text);
            }
            status.notices.push(NoticeLine {
                notice: notice.notice,
                list: notice.list.to_string(),
                anchor: notice.anchor,
                issued_at: notice.issued_at,
                named: !lifted,
            });
        }
        if let Some(restart) = &state.restart {
            let what = if restart.replaced {
                "history replaced: what this device had seen is not in the new log"
            } else {
                "nothing lost: the new log begins with what this device had seen"
            };
            let text = format!(
                "the board let the log begin anew (restart {}); {} entries were remembered of the log before: {what}",
                restart.number, restart.held
            );
            status.find(Severity::Note, text);
        }
    }

    /// Says which uses are spared.
    pub(super) fn spared_lines(store: &TrustStore, status: &mut Status) {
        for spared in &store.spared {
            let text = format!(
                "what came while the log conflicted would leave no anchor for {spared}: none of it is carried out for \
                 that use"
            );
            status.find(Severity::Error, text);
        }
    }
}
