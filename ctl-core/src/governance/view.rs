//! What follows from the state for a reader: the status that counts, with notices on top of
//! decisions; stages; who may sign.

use crate::governance::application::Application;
use crate::governance::state::{Anchor, Listed, Notice, State, StatusChange};
use crate::names::{ListId, ParticipantId};
use crate::statement::body::Candidate;
use crate::statement::parts::{AnchorStatus, DistrustKind, Distrusted, Use};
use crate::{Digest, Timestamp};

impl State {
    /// The notices in force against anything on this list.
    pub fn notices_in_force<'a>(&'a self, list: &'a ListId) -> impl Iterator<Item = &'a Notice> {
        self.notices.values().filter(move |notice| notice.in_force() && notice.list == *list)
    }

    /// The status that counts: suspended while a notice against the key is in force, on whatever list
    /// it was issued: devices drop the key everywhere.
    #[must_use]
    pub fn effective_status(&self, listed: &Listed) -> StatusChange {
        let current = listed.current();
        if !current.status.is_listed() {
            return current;
        }
        self.notices
            .values()
            .filter(|notice| notice.in_force())
            .find(|notice| notice.spki == listed.spki)
            .map_or(current, |notice| StatusChange {
                status: AnchorStatus::Suspended,
                at: notice.issued_at,
                cause: notice.index,
            })
    }

    /// Whether a certificate on a list is trusted now: listed, not suspended by a notice, and neither
    /// it nor its key distrusted, by decision or with another anchor that has the same key.
    #[must_use]
    pub fn is_trusted(&self, list: &ListId, listed: &Listed) -> bool {
        let Some(contents) = self.lists.get(list) else { return false };
        let distrusted = |kind, sha256| contents.distrusted.contains_key(&Distrusted { kind, sha256 });
        let listed_now = |listed: &Listed| self.effective_status(listed).status.is_listed();
        listed_now(listed)
            && !distrusted(DistrustKind::Certificate, listed.fingerprint)
            && !distrusted(DistrustKind::Spki, listed.spki)
            && contents.anchors.values().all(|a| a.listed.spki != listed.spki || listed_now(&a.listed))
    }

    /// An anchor with the key of an application that came on its list after the application was
    /// screened, so that the screening could not see it.
    #[must_use]
    pub fn key_listed_since_screening(&self, application: &Application) -> Option<Digest> {
        let screening = application.screening.as_ref()?;
        if !matches!(application.candidate, Candidate::Root { .. }) {
            return None;
        }
        let anchors = self.lists.get(&application.list)?.anchors.values();
        let since = |listed: &Listed| {
            let at = listed.history.first().map(|first| first.at);
            (listed.admitted_size, at) > (screening.ledger_size, Some(screening.screened_at))
        };
        anchors
            .map(|anchor| &anchor.listed)
            .find(|listed| listed.spki == application.spki && since(listed))
            .map(|listed| listed.fingerprint)
    }

    /// Whether an auditor's reports count at this moment: it is accredited and may sign.
    #[must_use]
    pub fn is_accredited(&self, auditor: &ParticipantId, at: Timestamp) -> bool {
        self.active(auditor).is_some() && self.auditors.get(auditor).is_some_and(|found| found.in_force(at))
    }

    /// Why the latest screening of an application has not seen everything that it rests on, if so: the
    /// policy, the list, the evidence or the standing of an auditor is another one by now.
    #[must_use]
    pub fn screening_outdated(&self, application: &Application, now: Timestamp) -> Option<String> {
        let screening = application.screening.as_ref()?;
        if self.charter.lists.get(&application.list).is_some_and(|list| list.policy != screening.policy) {
            return Some("the list has another policy".into());
        }
        if let Some(twin) = self.key_listed_since_screening(application) {
            return Some(format!("{} with the same key came on the list", twin.short()));
        }
        for evidence in &application.evidence {
            if evidence.index >= screening.ledger_size {
                return Some(format!("evidence {} was attached", evidence.index));
            }
            let author = &evidence.author;
            let Some(auditor) = self.auditors.get(author) else { continue };
            let decided_at = auditor.withdrawn.map_or(auditor.since, |(at, _)| at);
            let decided = (auditor.decided_size, decided_at) > (screening.ledger_size, screening.screened_at);
            let standing = self.is_accredited(author, now);
            if decided || standing != screening.accredited.contains(author) {
                return Some(format!("the accreditation of {author} changed"));
            }
        }
        None
    }

    /// An anchor of a list, in whatever status.
    #[must_use]
    pub fn anchor(&self, list: &ListId, fingerprint: &Digest) -> Option<&Anchor> {
        self.lists.get(list)?.anchors.get(fingerprint).map(|anchor| &**anchor)
    }

    /// Whether something other than the anchor with this key still serves a use on the list.
    #[must_use]
    pub fn use_survives_without(&self, list: &ListId, spki: &Digest, wanted: Use) -> bool {
        self.lists.get(list).is_some_and(|contents| {
            contents.anchors.values().any(|anchor| {
                anchor.listed.spki != *spki
                    && anchor.uses.contains(&wanted)
                    && self.is_trusted(list, &anchor.listed)
            })
        })
    }

    /// How many anchors of a list have each status, in the order of [`AnchorStatus::ALL`].
    #[must_use]
    pub fn anchors_by_status(&self, list: &ListId) -> [(AnchorStatus, usize); 6] {
        AnchorStatus::ALL.map(|status| {
            let count = self.lists.get(list).map_or(0, |contents| {
                let effective =
                    |anchor: &&std::sync::Arc<Anchor>| self.effective_status(&anchor.listed).status == status;
                contents.anchors.values().filter(effective).count()
            });
            (status, count)
        })
    }

    /// Seconds of discussion that the charter asks for on a list.
    #[must_use]
    pub fn discussion_seconds(&self, list: &ListId) -> u64 {
        self.charter.lists.get(list).map_or(0, |list| list.discussion_seconds)
    }

    /// A participant that may sign.
    #[must_use]
    pub fn active(&self, id: &ParticipantId) -> Option<&super::state::Participant> {
        self.participants.get(id).filter(|participant| !participant.suspended)
    }

    /// The moment up to which this state was computed.
    #[must_use]
    pub const fn clock(&self) -> Timestamp {
        self.clock
    }
}
