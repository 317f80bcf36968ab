//! What this device trusts: the anchors of the lists it follows, less what any list distrusts, less
//! what the notices suspend, less what was taken away while the log conflicted, less what it cannot
//! honour. A pure function of verified documents.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::list::{ListAnchor, ListPayload};
use ctl_core::names::{Environment, ListId};
use ctl_core::notices::NoticeEntry;
use ctl_core::parts::{AnchorStatus, Constraints, DistrustKind, Distrusted, Use};
use ctl_core::role::Role;
use ctl_core::tuf::Clock;
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use serde::{Deserialize, Serialize, Serializer};

use crate::apart::Apart;
use crate::local::{Distrust, TakenUp};
use crate::suspensions::with_own_keys;

/// An anchor that is trusted because of one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustedAnchor {
    /// The list.
    pub list: ListId,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// The certificate.
    #[serde(serialize_with = "by_digest")]
    pub certificate: Certificate,
    /// Its name for people.
    pub name: String,
    /// Who operates it.
    pub operator: String,
    /// What it is trusted for.
    pub uses: BTreeSet<Use>,
    /// Its status.
    pub status: AnchorStatus,
    /// Since when it has its status.
    pub since: Timestamp,
    /// Critical constraints that stand in the list and not in the certificate: whoever cannot carry
    /// them along must leave the anchor out.
    pub constraints: Vec<String>,
    /// All constraints that hold for it, with their values: for who judges paths by them.
    pub limits: Constraints,
}

/// An anchor that stands on a list and is not trusted here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The list.
    pub list: ListId,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// Its name for people.
    pub name: String,
    /// Why, for people.
    pub reason: String,
}

/// A version of a list, on which what is trusted stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListVersion {
    /// The scheme's id.
    pub scheme: Digest,
    /// Test or production.
    pub environment: Environment,
    /// The list.
    pub list: ListId,
    /// Its number.
    pub sequence: u64,
    /// When it was drafted.
    pub issued_at: Timestamp,
    /// When a newer one is due.
    pub next_update: Timestamp,
}

impl From<&ListPayload> for ListVersion {
    fn from(list: &ListPayload) -> Self {
        Self {
            scheme: list.scheme,
            environment: list.environment,
            list: list.list.clone(),
            sequence: list.sequence,
            issued_at: list.issued_at,
            next_update: list.next_update,
        }
    }
}

/// What this device trusts, and what it must not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrustStore {
    /// The lists that are followed, by version.
    pub lists: Vec<ListVersion>,
    /// By list, then by fingerprint. An anchor of two lists stands here twice.
    pub anchors: Vec<TrustedAnchor>,
    /// Cross-certificates between trusted anchors.
    #[serde(serialize_with = "by_digests")]
    pub cross_certificates: Vec<Certificate>,
    /// Anchors that stand on a list and are not trusted here.
    pub left_out: Vec<LeftOut>,
    /// How many anchors the lists name.
    pub listed: usize,
    /// Uses that the lists name anchors for, whether these can be used here or not.
    pub listed_uses: BTreeSet<Use>,
    /// Uses that would have no anchor at all if everything were carried out that came while the log
    /// conflicted: for these, nothing of it is.
    pub spared: BTreeSet<Use>,
    /// Certificates of listed anchors that are not trusted here: what stations hold is known by nothing else.
    #[serde(serialize_with = "by_digests")]
    pub withheld: Vec<Certificate>,
    /// Whether what the lists name is not known now: then there are no anchors here, and sinks lose what must not be
    /// used, and nothing else.
    pub only_removes: bool,
    distrusted: BTreeSet<Distrusted>,
}

impl TrustStore {
    /// From the lists in force, the suspensions that hold, and what was kept apart in a conflict.
    #[must_use]
    pub fn new(
        lists: &[&ListPayload],
        notices: &[NoticeEntry],
        apart: &BTreeMap<Role, Apart>,
        clock: Clock,
    ) -> Self {
        let notices = &with_own_keys(notices, lists);
        let full = Self::of(lists, notices, BTreeSet::new(), clock);
        if apart.is_empty() {
            return full;
        }
        let mut lost = Vec::new();
        let narrowed: Vec<ListPayload> = lists
            .iter()
            .map(|list| match apart.get(&Role::List(list.list.clone())) {
                Some(apart) => {
                    let (narrowed, gone) = apart.narrow(list);
                    lost.extend(gone.into_iter().map(|anchor| (list.list.clone(), anchor, apart.sequence)));
                    narrowed
                }
                None => (*list).clone(),
            })
            .collect();
        let distrusted = apart.values().flat_map(|apart| apart.distrusted.iter().copied()).collect();
        let mut store = Self::of(&narrowed.iter().collect::<Vec<_>>(), notices, distrusted, clock);
        store.listed = full.listed;
        store.listed_uses.clone_from(&full.listed_uses);
        store.withheld.extend(full.anchors.iter().map(|anchor| anchor.certificate.clone()));
        for (list, fingerprint, sequence) in lost {
            let reason = format!("version {sequence}, which came while the log conflicted, does not name it");
            let name = lists
                .iter()
                .filter(|other| other.list == list)
                .find_map(|list| list.anchors_by_fingerprint().get(&fingerprint).map(|a| a.name.to_string()));
            store.left_out.push(LeftOut { list, fingerprint, name: name.unwrap_or_default(), reason });
        }
        // What a list's signers removed comes back only where they left nothing. Then each suspension
        // counts, as far as it leaves something: one officer undoes nothing that several people signed.
        store.spare(full);
        for notice in with_own_keys(apart.values().flat_map(|apart| &apart.notices), lists) {
            store.suspend(&notice);
        }
        store.keep_cross_certificates(&narrowed);
        store
    }

    fn of(
        lists: &[&ListPayload],
        notices: &[NoticeEntry],
        distrusted: BTreeSet<Distrusted>,
        clock: Clock,
    ) -> Self {
        let versions = lists.iter().map(|list| ListVersion::from(*list)).collect();
        let mut store = Self { lists: versions, distrusted, ..Self::default() };
        for list in lists {
            store.distrusted.extend(&list.distrusted);
        }
        // A notice is against a key, and removes it from every list: fewer people may take trust
        // away than give it.
        for notice in notices {
            store.distrust(DistrustKind::Certificate, notice.anchor);
            store.distrust(DistrustKind::Spki, notice.spki);
        }
        for list in lists {
            store.add_list(list, notices, clock);
        }
        store
    }

    /// Whoever forges a log must not be able to empty a store with it: a use that had anchors and has
    /// none left keeps those it had. An anchor counts if every sink can take it: one more constraint may
    /// empty a store too.
    fn spare(&mut self, full: Self) {
        let uses = |store: &Self| -> BTreeSet<Use> {
            let plain = store.anchors.iter().filter(|anchor| anchor.constraints.is_empty());
            plain.flat_map(|anchor| anchor.uses.iter().copied()).collect()
        };
        self.spared = &uses(&full) - &uses(self);
        if self.spared.is_empty() {
            return;
        }
        for mut anchor in full.anchors {
            anchor.uses.retain(|r#use| self.spared.contains(r#use));
            // With other constraints it stands beside, for the use that is spared.
            let same = |other: &&mut TrustedAnchor| {
                (&other.list, other.fingerprint, &other.constraints)
                    == (&anchor.list, anchor.fingerprint, &anchor.constraints)
            };
            match self.anchors.iter_mut().find(same) {
                _ if anchor.uses.is_empty() => {}
                Some(other) => other.uses.extend(anchor.uses),
                None => {
                    self.left_out
                        .retain(|left| (&left.list, left.fingerprint) != (&anchor.list, anchor.fingerprint));
                    self.anchors.push(anchor);
                }
            }
        }
    }

    /// Carries out a notice that came apart, but for the last anchor of a use.
    fn suspend(&mut self, notice: &NoticeEntry) {
        let is_hit = |anchor: &TrustedAnchor| {
            hits(notice, anchor.fingerprint, Digest::from_bytes(anchor.certificate.spki_sha256()))
        };
        let others = self.anchors.iter().filter(|anchor| anchor.constraints.is_empty() && !is_hit(anchor));
        let left: BTreeSet<Use> = others.flat_map(|anchor| anchor.uses.iter().copied()).collect();
        let mut is_spared = false;
        for mut anchor in std::mem::take(&mut self.anchors) {
            if is_hit(&anchor) {
                let last = |r#use: &Use| anchor.constraints.is_empty() && !left.contains(r#use);
                anchor.uses.retain(last);
                if anchor.uses.is_empty() {
                    self.withheld.push(anchor.certificate);
                    self.left_out.push(LeftOut {
                        list: anchor.list,
                        fingerprint: anchor.fingerprint,
                        name: anchor.name,
                        reason: suspended(notice),
                    });
                    continue;
                }
                is_spared = true;
                self.spared.extend(&anchor.uses);
            }
            self.anchors.push(anchor);
        }
        if !is_spared {
            self.distrust(DistrustKind::Certificate, notice.anchor);
            self.distrust(DistrustKind::Spki, notice.spki);
        }
    }

    /// Leaves out what this device has not taken up of its lists. `why` is given a list and what waits.
    pub(crate) fn leave_waiting(
        &mut self,
        lists: &[ListPayload],
        taken: &BTreeMap<ListId, TakenUp>,
        why: impl Fn(&ListId, Digest) -> String,
    ) {
        let nothing = TakenUp::default();
        let of = |list: &ListId| taken.get(list).unwrap_or(&nothing);
        self.retain_anchors(|anchor| {
            let uses = of(&anchor.list).anchors.get(&anchor.fingerprint);
            anchor.uses.retain(|r#use| uses.is_some_and(|uses| uses.contains(r#use)));
            anchor.uses.is_empty().then(|| why(&anchor.list, anchor.fingerprint))
        });
        let narrowed: Vec<ListPayload> = lists.iter().map(|list| of(&list.list).narrow(list)).collect();
        self.keep_cross_certificates(&narrowed);
    }

    /// Trusts nothing that the operator of this device distrusts.
    pub(crate) fn forbid(&mut self, lists: &[ListPayload], local: &[Distrust]) {
        for one in local {
            self.distrust(one.kind, one.sha256);
        }
        self.retain_anchors(|anchor| {
            let key = Digest::from_bytes(anchor.certificate.spki_sha256());
            let is_hit = |one: &&Distrust| match one.kind {
                DistrustKind::Certificate => one.sha256 == anchor.fingerprint,
                DistrustKind::Spki => one.sha256 == key,
            };
            local
                .iter()
                .find(is_hit)
                .map(|one| format!("distrusted by this device's operator: {}", one.reason))
        });
        self.keep_cross_certificates(lists);
    }

    /// The same without any anchor, for when not all is known that the lists name.
    pub(crate) fn that_only_removes(mut self) -> Self {
        self.anchors.clear();
        self.cross_certificates.clear();
        self.only_removes = true;
        self
    }

    /// Leaves out each anchor for which there is a reason.
    fn retain_anchors(&mut self, reason: impl Fn(&mut TrustedAnchor) -> Option<String>) {
        for mut anchor in std::mem::take(&mut self.anchors) {
            match reason(&mut anchor) {
                None => self.anchors.push(anchor),
                Some(reason) => {
                    self.withheld.push(anchor.certificate);
                    self.left_out.push(LeftOut {
                        list: anchor.list,
                        fingerprint: anchor.fingerprint,
                        name: anchor.name,
                        reason,
                    });
                }
            }
        }
    }

    /// Keeps cross-certificates only between anchors that are still trusted.
    fn keep_cross_certificates(&mut self, lists: &[ListPayload]) {
        let trusted: BTreeSet<Digest> = self.anchors.iter().map(|anchor| anchor.fingerprint).collect();
        let between: BTreeSet<Digest> = lists
            .iter()
            .flat_map(|list| &list.cross_certificates)
            .filter(|cross| trusted.contains(&cross.issuer) && trusted.contains(&cross.subject))
            .map(|cross| cross.fingerprint)
            .collect();
        let mut crosses = std::mem::take(&mut self.cross_certificates);
        crosses.retain(|cross| {
            between.contains(&Digest::from_bytes(cross.sha256())) && !self.is_distrusted(cross)
        });
        self.cross_certificates = crosses;
    }

    fn distrust(&mut self, kind: DistrustKind, sha256: Digest) {
        self.distrusted.insert(Distrusted { kind, sha256 });
    }

    fn add_list(&mut self, list: &ListPayload, notices: &[NoticeEntry], clock: Clock) {
        let mut trusted = BTreeSet::new();
        for anchor in &list.anchors {
            self.listed = self.listed.saturating_add(1);
            self.listed_uses.extend(&anchor.uses);
            let judged = Certificate::from_der(&anchor.certificate.0)
                .map_err(|error| error.to_string())
                .and_then(|certificate| {
                    self.judge(anchor, &certificate, notices, clock)?;
                    Ok(certificate)
                });
            match judged {
                Ok(certificate) => {
                    trusted.insert(anchor.fingerprint);
                    self.anchors.push(trusted_anchor(list, anchor, certificate));
                }
                Err(reason) => {
                    self.withheld.extend(Certificate::from_der(&anchor.certificate.0));
                    self.left_out.push(LeftOut {
                        list: list.list.clone(),
                        fingerprint: anchor.fingerprint,
                        name: anchor.name.to_string(),
                        reason,
                    });
                }
            }
        }
        for cross in &list.cross_certificates {
            let between = trusted.contains(&cross.issuer) && trusted.contains(&cross.subject);
            let Ok(certificate) = Certificate::from_der(&cross.certificate.0) else { continue };
            if between && !self.is_distrusted(&certificate) && !self.cross_certificates.contains(&certificate)
            {
                self.cross_certificates.push(certificate);
            }
        }
    }

    fn judge(
        &self,
        anchor: &ListAnchor,
        certificate: &Certificate,
        notices: &[NoticeEntry],
        clock: Clock,
    ) -> Result<(), String> {
        let key = Digest::from_bytes(certificate.spki_sha256());
        if let Some(notice) = notices.iter().find(|notice| hits(notice, anchor.fingerprint, key)) {
            return Err(suspended(notice));
        }
        if self.is_distrusted(certificate) {
            return Err("distrusted by a list that this device follows".into());
        }
        if let Some(name) = anchor.constraints.unknown_critical() {
            return Err(format!(
                "its critical constraint {name:?} is unknown to this release: update the client"
            ));
        }
        let name = Constraints::NOT_TRUSTED_AFTER;
        let Some(end) = anchor.constraints.time(name) else { return Ok(()) };
        let critical = anchor.constraints.0.get(name).is_some_and(|constraint| constraint.critical);
        match clock {
            _ if clock.earliest() >= end => Err(format!("not trusted after {end}")),
            Clock::UnknownButAfter(_) if critical => {
                Err(format!("not trusted after {end}, which a device without a clock cannot honour"))
            }
            _ => Ok(()),
        }
    }

    /// Why a certificate that was trusted is not, for people.
    #[must_use]
    pub fn why_not(&self, certificate: Digest, is_distrusted: bool) -> String {
        let left = self.left_out.iter().find(|left| left.fingerprint == certificate);
        match left {
            Some(left) => format!("list {}: {}", left.list, left.reason),
            None if is_distrusted => "distrusted by a list that this device follows".into(),
            None if self.anchors.iter().any(|anchor| anchor.fingerprint == certificate) => {
                "this sink does not take it any more".into()
            }
            None => "no list that this device follows names it any more".into(),
        }
    }

    /// A digest of all of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&ctl_core::json::canonical(self))
    }

    /// Whether a certificate must not be used, whoever put it where it is.
    #[must_use]
    pub fn is_distrusted(&self, certificate: &Certificate) -> bool {
        let key = Digest::from_bytes(certificate.spki_sha256());
        self.distrusts(Digest::from_bytes(certificate.sha256()))
            || self.distrusted.contains(&Distrusted { kind: DistrustKind::Spki, sha256: key })
    }

    /// The same of a certificate of which only the SHA-256 is known.
    #[must_use]
    pub fn distrusts(&self, certificate: Digest) -> bool {
        self.distrusted.contains(&Distrusted { kind: DistrustKind::Certificate, sha256: certificate })
    }
}

fn by_digest<S: Serializer>(certificate: &Certificate, serializer: S) -> Result<S::Ok, S::Error> {
    Digest::from_bytes(certificate.sha256()).serialize(serializer)
}

fn by_digests<S: Serializer>(certificates: &[Certificate], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(certificates.iter().map(|one| Digest::from_bytes(one.sha256())))
}

/// Whether a notice is against a certificate.
fn hits(notice: &NoticeEntry, fingerprint: Digest, key: Digest) -> bool {
    notice.anchor == fingerprint || notice.spki == key
}

fn suspended(notice: &NoticeEntry) -> String {
    format!("suspended by notice {} of {}", notice.notice, notice.issued_at)
}

fn trusted_anchor(list: &ListPayload, anchor: &ListAnchor, certificate: Certificate) -> TrustedAnchor {
    // When trust ends is honoured by this client itself, at every sync.
    let constraints = anchor.constraints.critical().filter(|name| *name != Constraints::NOT_TRUSTED_AFTER);
    TrustedAnchor {
        list: list.list.clone(),
        fingerprint: anchor.fingerprint,
        certificate,
        name: anchor.name.to_string(),
        operator: anchor.operator.to_string(),
        uses: anchor.uses.iter().copied().collect(),
        status: anchor.status,
        since: anchor.since,
        constraints: constraints.map(str::to_owned).collect(),
        limits: anchor.constraints.clone(),
    }
}
