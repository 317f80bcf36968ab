//! What a list says of paths, read once for all certificates that are examined: anchors in whatever status,
//! cross-certificates, disclosed sub-CAs, and what the scheme has against any of them.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::list::{ListAnchor, ListContents};
use ctl_core::names::ListId;
use ctl_core::parts::{DistrustKind, Distrusted};
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
        let gone = contents.cross_certificates.iter().filter(|cross| cross.status.is_distrusted());
        let gone =
            gone.map(|cross| Distrusted { kind: DistrustKind::Certificate, sha256: cross.fingerprint });
        contents.distrusted.extend(gone.collect::<Vec<_>>());
        let read = |der: &[u8]| Certificate::from_der(der).ok();
        let anchors = contents.anchors.iter().filter_map(|anchor| read(&anchor.certificate.0)).collect();
        let decided = state.lists.get(list);
        // As a version shows it: published, and between two anchors of the list.
        let is_listed = |anchor: &Digest| {
            contents.anchors.iter().any(|one| one.fingerprint == *anchor && one.status.is_listed())
        };
        let is_published = |cross: &Digest| {
            let found = decided.and_then(|decided| decided.cross_certificates.get(cross));
            found.is_some_and(|found| found.listed.first_published.is_some())
        };
        let listed = contents.cross_certificates.iter().filter(|cross| {
            cross.status.is_listed()
                && is_published(&cross.fingerprint)
                && is_listed(&cross.issuer)
                && is_listed(&cross.subject)
        });
        let crosses = listed.filter_map(|cross| read(&cross.certificate.0)).collect();
        let below = |root: &Digest| state.anchor(list, root).is_some();
        let disclosed = || state.sub_cas.values().filter(|sub_ca| below(&sub_ca.root));
        let in_use = disclosed().filter(|sub_ca| sub_ca.revoked.is_none());
        let revoked = disclosed().filter_map(|sub_ca| {
            let (entry, _) = sub_ca.revoked?;
            Some((*sub_ca.fingerprint.as_bytes(), entry))
        });
        let decided = decided.into_iter().flat_map(|found| found.anchors.values());
        let unpublished = decided.filter(|anchor| anchor.listed.first_published.is_none());
        let published = state.published.get(&Role::List(list.clone()));
        Self {
            list,
            next_update: published.map(|published| published.open.expires),
            anchors,
            crosses,
            sub_cas: in_use.filter_map(|sub_ca| read(&sub_ca.certificate)).take(MAX_SUB_CAS).collect(),
            revoked: revoked.collect(),
            unpublished: unpublished.map(|anchor| *anchor.listed.fingerprint.as_bytes()).collect(),
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

    pub(super) fn anchor(&self, certificate: &Certificate) -> Option<&ListAnchor> {
        let fingerprint = certificate.sha256();
        self.contents.anchors.iter().find(|anchor| *anchor.fingerprint.as_bytes() == fingerprint)
    }
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
        let unpublished = self.unpublished.contains(&anchor.sha256()).then(|| {
            let words = "the anchor was admitted, and no published version of the list has it yet";
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
