//! What follows from the state for a reader: the status that counts, with notices on top of
//! decisions; stages; who may sign.

use ctl_core::list::{DisclosedSubCa, ListContents, ListPayload};
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::parts::{AnchorStatus, Constraints, Der, DistrustKind, Distrusted, Use};
use ctl_core::{Digest, Timestamp};

use crate::application::Application;
use crate::draft::contents;
use crate::refusal::{Reason, Refusal};
use crate::state::{Anchor, CrossCertificate, Listed, Notice, State, StatusChange, SubCa};
use crate::statement::body::Candidate;

/// How long before its end a certificate is reported: two years, when a new root can still reach the vehicles,
/// and 90 days. In seconds.
pub const END_NOTICES: [u64; 2] = [2 * 365 * 86_400, 90 * 86_400];

impl State {
    /// Everything that stands on a list or stood there, with the status that counts; none if there is no
    /// such list.
    #[must_use]
    pub fn whole_list(&self, list: &ListId) -> Option<ListContents> {
        contents::whole_list(self, list)
    }

    /// Whether the latest published version of a list says everything that is decided now: what does not, devices do not
    /// know yet.
    #[must_use]
    pub fn is_published(&self, list: &ListId) -> bool {
        contents::is_published(self, list)
    }

    /// The latest published version of a list, as it was signed; none if there is none or it cannot be read.
    #[must_use]
    pub fn published_list(&self, list: &ListId) -> Option<ListPayload> {
        contents::published(self, list)
    }

    /// Everything that stands or stood on a list: roots and cross-certificates, in whatever status.
    pub fn everything(&self) -> impl Iterator<Item = (&ListId, &Listed)> {
        self.lists.iter().flat_map(|(list, contents)| {
            let anchors = contents.anchors.values().map(|anchor| &anchor.listed);
            let crosses = contents.cross_certificates.values().map(|cross| &cross.listed);
            anchors.chain(crosses).map(move |listed| (list, listed))
        })
    }

    /// Whether this participant is a watcher in office, and may speak about the services of this operator (none: the
    /// trust list manager's).
    #[must_use]
    pub fn may_watch(&self, watcher: &ParticipantId, operator: Option<&ParticipantId>) -> bool {
        let named = self.charter.watchers.as_ref().is_some_and(|watchers| watchers.holders.contains(watcher));
        let Some(watcher) = self.active(watcher).filter(|_| named) else { return false };
        operator.is_none_or(|operator| {
            let operator = self.participants.get(operator);
            operator.is_some_and(|operator| operator.organisation != watcher.organisation)
        })
    }

    /// Whether anything of this operator's stands on a list, whatever notices say of it.
    #[must_use]
    pub fn is_listed(&self, operator: &ParticipantId) -> bool {
        let of = |listed: &Listed| {
            listed.operator == *operator && listed.current().status.is_listed() && listed.expired.is_none()
        };
        self.lists.values().any(|list| {
            list.anchors.values().any(|anchor| of(&anchor.listed))
                || list.cross_certificates.values().any(|cross| of(&cross.listed))
        })
    }

    /// The sub-CAs that were disclosed and not revoked since.
    pub fn disclosed_sub_cas(&self) -> impl Iterator<Item = DisclosedSubCa> {
        self.sub_cas.values().filter(|sub_ca| sub_ca.revoked.is_none()).map(|sub_ca| DisclosedSubCa {
            fingerprint: sub_ca.fingerprint,
            issuer: sub_ca.issuer,
            certificate: Der(sub_ca.certificate.to_vec()),
        })
    }

    /// The keys (SHA-256 of the SubjectPublicKeyInfo) that a notice in force suspends.
    pub fn suspended_keys(&self) -> impl Iterator<Item = Digest> {
        self.notices.values().filter(|notice| notice.in_force()).map(|notice| notice.spki)
    }

    /// The notices in force against anything on this list, on whatever list they were issued.
    pub fn notices_in_force<'a>(&'a self, list: &'a ListId) -> impl Iterator<Item = &'a Notice> {
        let stands = move |notice: &Notice| {
            self.everything().any(|(here, listed)| here == list && listed.spki == notice.spki)
        };
        self.notices.values().filter(move |notice| notice.in_force() && stands(notice))
    }

    /// The status that counts: suspended while a notice against the key is in force, on whatever list
    /// it was issued: devices drop the key everywhere; expired once the certificate has ended.
    #[must_use]
    pub fn effective_status(&self, listed: &Listed) -> StatusChange {
        let current = listed.current();
        if !current.status.is_listed() {
            return current;
        }
        let notice = self.notices.values().find(|notice| notice.in_force() && notice.spki == listed.spki);
        if let Some(notice) = notice {
            let (status, at, cause) = (AnchorStatus::Suspended, notice.issued_at, notice.index);
            return StatusChange { status, at, cause };
        }
        match listed.expired {
            Some(at) => StatusChange { status: AnchorStatus::Expired, at, ..current },
            None => current,
        }
    }

    /// What leaves a list by itself within this many seconds because its certificate ends, soonest first.
    #[must_use]
    pub fn ending(&self, now: Timestamp, within: u64) -> Vec<(&ListId, &Listed)> {
        let mut ending: Vec<_> = self
            .everything()
            .filter(|(_, listed)| {
                let here = self.effective_status(listed).status.is_listed();
                here && listed.not_after <= now.plus_seconds(within)
            })
            .collect();
        ending.sort_by_key(|(list, listed)| (listed.not_after, *list, listed.fingerprint));
        ending
    }

    /// An anchor by its fingerprint on every list that has or had it.
    pub fn anchors_of(&self, fingerprint: &Digest) -> impl Iterator<Item = (&ListId, &Anchor)> {
        let fingerprint = *fingerprint;
        self.lists
            .iter()
            .filter_map(move |(list, contents)| Some((list, &**contents.anchors.get(&fingerprint)?)))
    }

    /// The anchor at the top of a chain of disclosed sub-CAs, of which this is an issuer.
    #[must_use]
    pub fn root_above(&self, issuer: &Digest) -> Option<Digest> {
        match self.anchors_of(issuer).next() {
            Some(_) => Some(*issuer),
            None => self.sub_cas.get(issuer).map(|parent| parent.root),
        }
    }

    /// The lists that a sub-CA is disclosed for: all those that have the anchor above it.
    pub fn lists_of(&self, sub_ca: &SubCa) -> impl Iterator<Item = &ListId> {
        self.anchors_of(&sub_ca.root).map(|(list, _)| list)
    }

    /// Whether a certificate on a list is trusted now: listed, not suspended by a notice, and neither
    /// it nor its key distrusted, by decision or with another anchor that has the same key.
    #[must_use]
    pub fn is_trusted(&self, list: &ListId, listed: &Listed) -> bool {
        self.is_trusted_with(list, listed, |listed| self.effective_status(listed).status)
    }

    /// The same with another opinion of what status counts.
    fn is_trusted_with(
        &self,
        list: &ListId,
        listed: &Listed,
        status: impl Fn(&Listed) -> AnchorStatus,
    ) -> bool {
        let Some(contents) = self.lists.get(list) else { return false };
        let distrusted = |kind, sha256| contents.distrusted.contains_key(&Distrusted { kind, sha256 });
        status(listed).is_listed()
            && !distrusted(DistrustKind::Certificate, listed.fingerprint)
            && !distrusted(DistrustKind::Spki, listed.spki)
            && contents
                .anchors
                .values()
                .all(|a| a.listed.spki != listed.spki || !status(&a.listed).is_distrusted())
    }

    /// Whether a cross-certificate is trusted now: itself, and both roots that it connects.
    #[must_use]
    pub fn is_cross_trusted(&self, list: &ListId, cross: &CrossCertificate) -> bool {
        let end = |fingerprint| {
            self.anchor(list, fingerprint).is_some_and(|end| self.is_trusted(list, &end.listed))
        };
        self.is_trusted(list, &cross.listed) && end(&cross.issuer) && end(&cross.subject)
    }

    /// Whether a root or cross-certificate is trusted at a moment, now or later, if nobody decides anything until then:
    /// notices end, certificates end, and the list's condition `not_trusted_after` ends the trust in a root and in what
    /// hangs on it.
    #[must_use]
    pub fn is_trusted_at(&self, list: &ListId, listed: &Listed, at: Timestamp) -> bool {
        let Some(contents) = self.lists.get(list) else { return false };
        let alone = |listed: &Listed| {
            let anchor = contents.anchors.get(&listed.fingerprint);
            let limit = anchor.and_then(|anchor| anchor.constraints.time(Constraints::NOT_TRUSTED_AFTER));
            limit.is_none_or(|limit| at < limit)
                && self.is_trusted_with(list, listed, |listed| self.status_at(listed, at))
        };
        let end = |fingerprint| contents.anchors.get(fingerprint).is_some_and(|end| alone(&end.listed));
        let cross = contents.cross_certificates.get(&listed.fingerprint);
        alone(listed) && cross.is_none_or(|cross| end(&cross.issuer) && end(&cross.subject))
    }

    /// The status that counts at a moment, now or later, if nobody decides anything until then.
    fn status_at(&self, listed: &Listed, at: Timestamp) -> AnchorStatus {
        let current = listed.current().status;
        let holds =
            |notice: &Notice| notice.in_force() && notice.expires_at > at && notice.spki == listed.spki;
        if !current.is_listed() {
            current
        } else if self.notices.values().any(holds) {
            AnchorStatus::Suspended
        } else if listed.expired.is_some() || listed.not_after < at {
            AnchorStatus::Expired
        } else {
            current
        }
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

    /// Why an application can never lead to an admission any more, if so: its certificate has ended by then, or the list
    /// has or refuses it or its key by now.
    #[must_use]
    pub fn never_admitted(&self, application: &Application, at: Timestamp) -> Option<Refusal> {
        let contents = self.lists.get(&application.list);
        let refused = contents.and_then(|list| list.refuses(&application.fingerprint, &application.spki));
        let ended = || format!("its certificate ended at {}", application.not_after);
        let ended = || (application.not_after < at).then(|| Refusal::new(Reason::Stage, ended()));
        refused.map(|why| Refusal::new(Reason::Exists, why)).or_else(ended)
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
    pub fn anchors_by_status(&self, list: &ListId) -> [(AnchorStatus, usize); AnchorStatus::ALL.len()] {
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
