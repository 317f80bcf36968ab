//! What the documents say, taken from the state: anchors that are trusted, what is distrusted,
//! identifiers, notices.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::list::{Identifiers, ListAnchor, ListContents, ListCrossCertificate, ListPayload};
use ctl_core::names::{Label, ListId, ParticipantId};
use ctl_core::notices::NoticeEntry;
use ctl_core::parts::{AnchorStatus, Constraints, Der, DistrustKind, Distrusted, PolicyRef};
use ctl_core::registry::RegistryEntry;
use ctl_core::role::Role;
use ctl_pki::Certificate;
use serde::Serialize;

use crate::State;
use crate::state::{Anchor, CrossCertificate, ListState, Listed, StatusChange};
use crate::statement::charter::SaeCmsCharter;

/// What a list says apart from number, times and log.
#[derive(Serialize)]
pub(super) struct Trusted {
    pub(super) anchors: Vec<ListAnchor>,
    pub(super) cross_certificates: Vec<ListCrossCertificate>,
    pub(super) distrusted: Vec<Distrusted>,
    pub(super) policy: PolicyRef,
    /// How it is signed besides: another way wants a new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sae_cms: Option<SaeCmsCharter>,
}

/// The contents of a list; none if the charter knows no such list.
pub(super) fn list(state: &State, list: &ListId) -> Option<Trusted> {
    let charter = state.charter.lists.get(list)?;
    let empty = ListState::default();
    let contents = state.lists.get(list).unwrap_or(&empty);
    let status = |listed: &Listed| state.effective_status(listed);

    let mut distrusted: BTreeSet<Distrusted> = contents.distrusted.keys().copied().collect();
    for anchor in contents.anchors.values() {
        if status(&anchor.listed).status.is_distrusted() {
            distrusted
                .insert(Distrusted { kind: DistrustKind::Certificate, sha256: anchor.listed.fingerprint });
            distrusted.insert(Distrusted { kind: DistrustKind::Spki, sha256: anchor.listed.spki });
        }
    }
    let mut anchors = BTreeMap::new();
    for anchor in contents.anchors.values() {
        // An anchor also falls with another one that has the same key.
        let status = status(&anchor.listed);
        if status.status.is_listed() && !is_distrusted(&distrusted, &anchor.listed) {
            anchors.extend(list_anchor(anchor, status).map(|listed| (listed.fingerprint, listed)));
        }
    }
    let mut cross_certificates = BTreeMap::new();
    for cross in contents.cross_certificates.values() {
        let status = status(&cross.listed);
        let trusted = status.status.is_listed()
            && !is_distrusted(&distrusted, &cross.listed)
            && anchors.contains_key(&cross.issuer)
            && anchors.contains_key(&cross.subject);
        if trusted {
            cross_certificates.insert(cross.listed.fingerprint, list_cross_certificate(cross, status));
        } else if status.status != AnchorStatus::Expired {
            distrusted
                .insert(Distrusted { kind: DistrustKind::Certificate, sha256: cross.listed.fingerprint });
        }
    }
    Some(Trusted {
        anchors: anchors.into_values().collect(),
        cross_certificates: cross_certificates.into_values().collect(),
        distrusted: distrusted.into_iter().collect(),
        policy: charter.policy.clone(),
        sae_cms: charter.sae_cms.clone(),
    })
}

/// The latest published version of a list.
pub(crate) fn published(state: &State, id: &ListId) -> Option<ListPayload> {
    let published = state.published.get(&Role::List(id.clone()))?;
    serde_json::from_slice(published.documents.document.as_deref()?).ok()
}

/// Whether the latest published version of a list says what the next one would.
pub(crate) fn is_published(state: &State, id: &ListId) -> bool {
    let (Some(published), Some(now)) = (published(state, id), list(state, id)) else { return false };
    published.anchors == now.anchors
        && published.cross_certificates == now.cross_certificates
        && published.distrusted == now.distrusted
        && published.policy == now.policy
}

/// Everything that stands on a list or stood there, at the state's clock; none if there is no such list.
pub(crate) fn whole_list(state: &State, list: &ListId) -> Option<ListContents> {
    let contents = state.lists.get(list)?;
    let mut distrusted: BTreeSet<Distrusted> = contents.distrusted.keys().copied().collect();
    let mut anchors = Vec::new();
    for anchor in contents.anchors.values() {
        let status = state.effective_status(&anchor.listed);
        if status.status.is_distrusted() {
            // With every cross-certificate for its key.
            distrusted.insert(Distrusted { kind: DistrustKind::Spki, sha256: anchor.listed.spki });
        }
        anchors.extend(list_anchor(anchor, status));
    }
    let crosses = contents.cross_certificates.values();
    let crosses = crosses.map(|cross| list_cross_certificate(cross, state.effective_status(&cross.listed)));
    Some(ListContents {
        anchors,
        cross_certificates: crosses.collect(),
        distrusted: distrusted.into_iter().collect(),
    })
}

fn is_distrusted(distrusted: &BTreeSet<Distrusted>, listed: &Listed) -> bool {
    distrusted.contains(&Distrusted { kind: DistrustKind::Certificate, sha256: listed.fingerprint })
        || distrusted.contains(&Distrusted { kind: DistrustKind::Spki, sha256: listed.spki })
}

/// None if the certificate cannot be read, which no application lets through.
fn list_anchor(anchor: &Anchor, status: StatusChange) -> Option<ListAnchor> {
    let listed = &anchor.listed;
    let certificate = Certificate::from_der(&listed.certificate).ok()?;
    let mut constraints = anchor.constraints.clone();
    if status.status == AnchorStatus::Deprecated && constraints.time(Constraints::NOT_ISSUED_AFTER).is_none()
    {
        // Deprecated means that nothing issued from then on is trusted, whatever became of the date.
        constraints.set_time(Constraints::NOT_ISSUED_AFTER, status.at, false);
    }
    let uses: BTreeSet<_> = anchor.uses.iter().copied().collect();
    Some(ListAnchor {
        certificate: Der(listed.certificate.to_vec()),
        constraints,
        decision: status.cause,
        fingerprint: listed.fingerprint,
        identifiers: Identifiers::of(&certificate),
        name: listed.name.clone(),
        operator: listed.operator.clone(),
        services: anchor.services.clone(),
        since: status.at,
        status: status.status,
        uses: uses.into_iter().collect(),
    })
}

fn list_cross_certificate(cross: &CrossCertificate, status: StatusChange) -> ListCrossCertificate {
    ListCrossCertificate {
        certificate: Der(cross.listed.certificate.to_vec()),
        decision: status.cause,
        fingerprint: cross.listed.fingerprint,
        issuer: cross.issuer,
        name: cross.listed.name.clone(),
        since: status.at,
        status: status.status,
        subject: cross.subject,
    }
}

/// Every MO identifier that was ever assigned, in order.
pub(super) fn identifiers(state: &State) -> Vec<RegistryEntry> {
    let name = |holder: &ParticipantId| -> Option<Label> {
        state.participants.get(holder).map(|participant| participant.name.clone())
    };
    let entries = state.mo_ids.iter().filter_map(|(id, entry)| {
        Some(RegistryEntry {
            decision: entry.cause,
            holder: entry.holder.clone(),
            id: id.clone(),
            name: name(&entry.holder)?,
            since: entry.since,
            source: entry.source.clone(),
            status: entry.status,
        })
    });
    entries.collect()
}

/// The notices in force, in the order of their entries.
pub(super) fn notices(state: &State) -> Vec<NoticeEntry> {
    let in_force = state.notices.values().filter(|notice| notice.in_force());
    let entries = in_force.map(|notice| NoticeEntry {
        anchor: notice.anchor,
        expires_at: notice.expires_at,
        issued_at: notice.issued_at,
        list: notice.list.clone(),
        notice: notice.index,
        reason: notice.reason,
        spki: notice.spki,
    });
    entries.collect()
}
