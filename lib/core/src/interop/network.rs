//! Roots and cross-certificates as the question of interoperability sees them: taken from a published
//! list or from the state, with the sub-CAs that PKIs have disclosed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_pki::Certificate;

use super::chains::{Chains, SubCas};
use crate::Digest;
use crate::governance::State;
use crate::governance::state::{Anchor, CrossCertificate, StatusChange};
use crate::list::{ListAnchor, ListCrossCertificate, ListPayload};
use crate::names::{Label, ListId};
use crate::statement::parts::{AnchorStatus, Constraints, DistrustKind, Distrusted, Use};

/// A root, in whatever status.
#[derive(Clone, Debug)]
pub struct Root {
    /// SHA-256 of its certificate.
    pub fingerprint: Digest,
    /// Its name for people.
    pub name: Label,
    /// Its status; notices count.
    pub status: AnchorStatus,
    /// What it is listed for.
    pub uses: Vec<Use>,
    /// Its constraints.
    pub constraints: Constraints,
    /// Its certificate.
    pub certificate: Arc<Certificate>,
    /// The sub-CAs that are known to stand below it.
    pub sub_cas: SubCas,
}

/// A cross-certificate: `issuer`'s root vouches for `subject`'s key.
#[derive(Clone, Debug)]
pub struct Cross {
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// Its name for people.
    pub name: Label,
    /// Its status.
    pub status: AnchorStatus,
    /// Fingerprint of the root that signed it.
    pub issuer: Digest,
    /// Fingerprint of the root whose key it is for.
    pub subject: Digest,
    /// The certificate.
    pub certificate: Arc<Certificate>,
}

/// The roots and cross-certificates of one list.
#[derive(Clone, Debug, Default)]
pub struct Network {
    roots: Vec<Root>,
    crosses: Vec<Cross>,
    distrusted: BTreeSet<Distrusted>,
}

impl Network {
    /// What a published list says. It knows nothing of sub-CAs and notices: see [`Network::in_state`].
    #[must_use]
    pub fn of_list(list: &ListPayload) -> Self {
        let mut network =
            Self { distrusted: list.distrusted.iter().copied().collect(), ..Default::default() };
        network.roots.extend(list.anchors.iter().filter_map(root_of_list));
        network.crosses.extend(list.cross_certificates.iter().filter_map(cross_of_list));
        network.sorted()
    }

    /// What the state says of a list at its clock, with roots and cross-certificates that are suspended
    /// or withdrawn, and with the sub-CAs that were disclosed. Empty if there is no such list.
    #[must_use]
    pub fn of_state(state: &State, list: &ListId) -> Self {
        let Some(contents) = state.lists.get(list) else { return Self::default() };
        let mut network =
            Self { distrusted: contents.distrusted.keys().copied().collect(), ..Default::default() };
        for anchor in contents.anchors.values() {
            let status = state.effective_status(&anchor.listed);
            network.roots.extend(root_of_state(anchor, status));
        }
        for cross in contents.cross_certificates.values() {
            let status = state.effective_status(&cross.listed).status;
            network.crosses.extend(cross_of_state(cross, status));
        }
        // Suspending or withdrawing a root distrusts its key, with every cross-certificate for it.
        let fallen: Vec<Distrusted> = network
            .roots
            .iter()
            .filter(|root| root.status.is_distrusted())
            .map(|root| Distrusted { kind: DistrustKind::Spki, sha256: spki(&root.certificate) })
            .collect();
        network.distrusted.extend(fallen);
        network.sorted().disclose(state)
    }

    /// The same with what the state knows besides: sub-CAs that were disclosed, and notices in force, by
    /// which devices drop keys that a published list still has.
    #[must_use]
    pub fn in_state(mut self, state: &State) -> Self {
        let suspended: BTreeSet<Digest> =
            state.notices.values().filter(|notice| notice.in_force()).map(|notice| notice.spki).collect();
        for root in &mut self.roots {
            if suspended.contains(&spki(&root.certificate)) {
                root.status = AnchorStatus::Suspended;
            }
        }
        self.distrusted
            .extend(suspended.into_iter().map(|sha256| Distrusted { kind: DistrustKind::Spki, sha256 }));
        self.disclose(state)
    }

    /// The same with the sub-CAs that were disclosed below its roots and not revoked since.
    fn disclose(mut self, state: &State) -> Self {
        let mut children: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        for sub_ca in state.sub_cas.values() {
            if sub_ca.revoked.is_none() {
                children.entry(sub_ca.issuer).or_default().push(sub_ca.fingerprint);
            }
        }
        let read = |fingerprint: &Digest| {
            let sub_ca = state.sub_cas.get(fingerprint)?;
            Certificate::from_der(&sub_ca.certificate).ok().map(Arc::new)
        };
        for root in &mut self.roots {
            root.sub_cas = SubCas::below(&root.fingerprint, &children, read);
        }
        self
    }

    /// The same with one more cross-certificate: what a proposal asks about. One that is there already
    /// is replaced.
    #[must_use]
    pub fn with_cross_certificate(mut self, cross: Cross) -> Self {
        self.crosses.retain(|known| known.fingerprint != cross.fingerprint);
        self.crosses.push(cross);
        self.sorted()
    }

    /// The same with one more root. One that is there already is replaced.
    #[must_use]
    pub fn with_root(mut self, root: Root) -> Self {
        self.roots.retain(|known| known.fingerprint != root.fingerprint);
        self.roots.push(root);
        self.sorted()
    }

    /// The roots, by fingerprint.
    #[must_use]
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// The cross-certificates, by fingerprint.
    #[must_use]
    pub fn cross_certificates(&self) -> &[Cross] {
        &self.crosses
    }

    /// Whether a certificate or its key is distrusted.
    pub(super) fn is_distrusted(&self, certificate: &Certificate, fingerprint: &Digest) -> bool {
        let found = |kind, sha256| self.distrusted.contains(&Distrusted { kind, sha256 });
        found(DistrustKind::Certificate, *fingerprint) || found(DistrustKind::Spki, spki(certificate))
    }

    fn sorted(mut self) -> Self {
        self.roots.sort_by_key(|root| root.fingerprint);
        self.crosses.sort_by_key(|cross| cross.fingerprint);
        self
    }
}

impl Root {
    /// How many sub-CAs stand between this root and its chargers at a moment, for one standard.
    #[must_use]
    pub fn chains(&self, asked: Use, at: crate::Timestamp) -> Chains {
        self.sub_cas.chains(asked, at)
    }
}

impl Cross {
    /// A cross-certificate that is not listed yet, as if it were.
    #[must_use]
    pub fn proposed(certificate: Arc<Certificate>, name: Label, issuer: Digest, subject: Digest) -> Self {
        let fingerprint = Digest::of(certificate.der());
        Self { fingerprint, name, status: AnchorStatus::Qualified, issuer, subject, certificate }
    }
}

pub(super) fn spki(certificate: &Certificate) -> Digest {
    Digest::from_bytes(certificate.spki_sha256())
}

/// None if the certificate cannot be read, which no list that was read and no application lets through.
fn parse(der: &[u8]) -> Option<Arc<Certificate>> {
    Certificate::from_der(der).ok().map(Arc::new)
}

fn root_of_list(anchor: &ListAnchor) -> Option<Root> {
    Some(Root {
        fingerprint: anchor.fingerprint,
        name: anchor.name.clone(),
        status: anchor.status,
        uses: anchor.uses.clone(),
        constraints: anchor.constraints.clone(),
        certificate: parse(&anchor.certificate.0)?,
        sub_cas: SubCas::default(),
    })
}

fn cross_of_list(cross: &ListCrossCertificate) -> Option<Cross> {
    Some(Cross {
        fingerprint: cross.fingerprint,
        name: cross.name.clone(),
        status: cross.status,
        issuer: cross.issuer,
        subject: cross.subject,
        certificate: parse(&cross.certificate.0)?,
    })
}

fn root_of_state(anchor: &Anchor, status: StatusChange) -> Option<Root> {
    let mut constraints = anchor.constraints.clone();
    if status.status == AnchorStatus::Deprecated && constraints.time(Constraints::NOT_ISSUED_AFTER).is_none()
    {
        // As the list will say it.
        constraints.set_time(Constraints::NOT_ISSUED_AFTER, status.at, false);
    }
    Some(Root {
        fingerprint: anchor.listed.fingerprint,
        name: anchor.listed.name.clone(),
        status: status.status,
        uses: anchor.uses.clone(),
        constraints,
        certificate: parse(&anchor.listed.certificate)?,
        sub_cas: SubCas::default(),
    })
}

fn cross_of_state(cross: &CrossCertificate, status: AnchorStatus) -> Option<Cross> {
    Some(Cross {
        fingerprint: cross.listed.fingerprint,
        name: cross.listed.name.clone(),
        status,
        issuer: cross.issuer,
        subject: cross.subject,
        certificate: parse(&cross.listed.certificate)?,
    })
}
