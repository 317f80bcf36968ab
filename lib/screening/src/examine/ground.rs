//! What a list says of paths, read once for all certificates that are examined: anchors in whatever status,
//! cross-certificates, disclosed sub-CAs, and what the scheme has against any of them.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::list::{ListAnchor, ListContents, ListPayload};
use ctl_core::names::ListId;
use ctl_core::parts::{AnchorStatus, DistrustKind, Distrusted};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_pki::Certificate;
use ctl_pki::path::{Finding, Judge, Outcome, Signatures};

/// The most sub-CAs of a list that are looked at.
const MAX_SUB_CAS: usize = 2000;

pub(super) struct Ground<'s> {
    pub(super) list: &'s ListId,
    /// What it says, with what no version shows: who is suspended or withdrawn.
    pub(super) contents: ListContents,
    pub(super) anchors: Vec<Certificate>,
    pub(super) crosses: Vec<Certificate>,
    pub(super) sub_cas: Vec<Certificate>,
    /// The sub-CAs that their operators have revoked, each with the entry that says so.
    revoked: BTreeMap<[u8; 32], u64>,
    /// The anchors that no published version has yet.
    unpublished: BTreeSet<[u8; 32]>,
    /// The anchors of the version in force, as devices have them.
    pub(super) in_force: Vec<ListAnchor>,
    /// When the version in force should have been replaced.
    next_update: Option<Timestamp>,
}

impl<'s> Ground<'s> {
    /// Every list of the charter.
    pub(super) fn all(state: &'s State) -> Vec<Self> {
        state.charter.lists.keys().map(|list| Self::new(state, list)).collect()
    }

    fn new(state: &'s State, list: &'s ListId) -> Self {
        let mut contents = state.whole_list(list).unwrap_or_default();
        let published = state.published.get(&Role::List(list.clone()));
        // What the ledger has, it has read.
        let document = published.and_then(|published| published.documents.document.as_deref());
        let in_force: Option<ListPayload> = document.and_then(|bytes| serde_json::from_slice(bytes).ok());
        contents.distrusted.extend(crosses_without_end(state, list));
        contents.distrusted.extend(in_force.iter().flat_map(|version| version.distrusted.iter().copied()));
        let read = |der: &[u8]| Certificate::from_der(der).ok();
        let anchors = contents.anchors.iter().filter_map(|anchor| read(&anchor.certificate.0)).collect();
        let listed = in_force.iter().flat_map(|version| &version.cross_certificates);
        let crosses = listed.filter_map(|cross| read(&cross.certificate.0)).collect();
        let below = |root: &Digest| state.anchor(list, root).is_some();
        let disclosed = || state.sub_cas.values().filter(|sub_ca| below(&sub_ca.root));
        let in_use = disclosed().filter(|sub_ca| sub_ca.revoked.is_none());
        let revoked = disclosed().filter_map(|sub_ca| {
            let (entry, _) = sub_ca.revoked?;
            Some((*sub_ca.fingerprint.as_bytes(), entry))
        });
        let decided = state.lists.get(list).into_iter().flat_map(|found| found.anchors.values());
        let unpublished = decided.filter(|anchor| anchor.listed.first_published.is_none());
        Self {
            list,
            next_update: published.map(|published| published.open.expires),
            anchors,
            crosses,
            sub_cas: in_use.filter_map(|sub_ca| read(&sub_ca.certificate)).take(MAX_SUB_CAS).collect(),
            revoked: revoked.collect(),
            unpublished: unpublished.map(|anchor| *anchor.listed.fingerprint.as_bytes()).collect(),
            in_force: in_force.map(|version| version.anchors).unwrap_or_default(),
            contents,
        }
    }

    /// What the list itself knows of certificates below and between its anchors.
    pub(super) fn pool(&self) -> impl Iterator<Item = &Certificate> {
        self.crosses.iter().chain(&self.sub_cas)
    }

    /// What to know of a version that should have been replaced by now.
    pub(super) fn overdue(&self, now: Timestamp) -> Option<String> {
        let due = self.next_update.filter(|due| *due < now)?;
        Some(format!("the list should have been replaced by {due}: devices hold on to it, and warn"))
    }

    /// How many certificates a search has before it.
    pub(super) fn size(&self) -> usize {
        self.anchors.len().saturating_add(self.crosses.len()).saturating_add(self.sub_cas.len())
    }

    /// An anchor as the state has it, and as the version in force has it.
    pub(super) fn anchor(&self, certificate: &Certificate) -> Option<(&ListAnchor, &ListAnchor)> {
        let of = |anchors: &'_ [ListAnchor]| {
            let fingerprint = certificate.sha256();
            anchors.iter().position(|anchor| *anchor.fingerprint.as_bytes() == fingerprint)
        };
        let decided = of(&self.contents.anchors).and_then(|place| self.contents.anchors.get(place))?;
        let in_force = of(&self.in_force).and_then(|place| self.in_force.get(place))?;
        Some((decided, in_force))
    }
}

/// The cross-certificates of a list that the next version distrusts, since they or one of their ends are not trusted any more.
fn crosses_without_end(state: &State, list: &ListId) -> Vec<Distrusted> {
    let Some(contents) = state.lists.get(list) else { return Vec::new() };
    let gone = contents.cross_certificates.values().filter(|cross| {
        let has_ended = state.effective_status(&cross.listed).status == AnchorStatus::Expired;
        !has_ended && !state.is_cross_trusted(list, cross)
    });
    gone.map(|cross| Distrusted { kind: DistrustKind::Certificate, sha256: cross.listed.fingerprint })
        .collect()
}

/// What the log says besides the list.
impl Judge for Ground<'_> {
    fn name(&self) -> &str {
        "the log"
    }

    fn judge(&self, anchor: &Certificate, chain: &[&Certificate], _: &mut Signatures) -> Vec<Finding> {
        let found = |rule, position, words| Finding {
            rule,
            outcome: Outcome::Failed,
            position,
            words,
            source: "the log",
        };
        // What was decided or lifted since holds from the next version on; what was taken away holds at once.
        let is_in_force = self.anchor(anchor).is_some();
        let unpublished = (!is_in_force).then(|| {
            let words = match self.unpublished.contains(&anchor.sha256()) {
                true => "the anchor was admitted, and no published version of the list has it yet",
                false => "the version of the list in force does not have the anchor: devices do not trust it",
            };
            found("published", None, words.to_owned())
        });
        let revoked = chain.iter().enumerate().filter_map(|(position, certificate)| {
            let entry = self.revoked.get(&certificate.sha256())?;
            let words = format!("its operator has revoked this sub-CA (entry {entry} of the log)");
            Some(found("revoked", Some(position), words))
        });
        unpublished.into_iter().chain(revoked).collect()
    }
}
