//! Roots and cross-certificates as the question of reach sees them: what a list says, with the sub-CAs
//! that PKIs have disclosed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::list::{DisclosedSubCa, ListAnchor, ListContents, ListCrossCertificate, ListPayload};
use ctl_core::names::Label;
use ctl_core::parts::{AnchorStatus, Constraints, DistrustKind, Distrusted, Use};
use ctl_pki::Certificate;

use super::chains::{Chains, SubCas};

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
    pub constraints: Constraints,
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
    pub status: AnchorStatus,
    /// Fingerprint of the root that signed it.
    pub issuer: Digest,
    /// Fingerprint of the root whose key it is for.
    pub subject: Digest,
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
    /// What a published list says. It knows nothing of sub-CAs and notices: see [`Network::disclose`] and
    /// [`Network::suspend`].
    #[must_use]
    pub fn of_list(list: &ListPayload) -> Self {
        Self::of(&list.anchors, &list.cross_certificates, &list.distrusted)
    }

    /// What stands on a list, with what is suspended or withdrawn.
    #[must_use]
    pub fn of_contents(list: &ListContents) -> Self {
        Self::of(&list.anchors, &list.cross_certificates, &list.distrusted)
    }

    fn of(anchors: &[ListAnchor], crosses: &[ListCrossCertificate], distrusted: &[Distrusted]) -> Self {
        let network = Self {
            roots: anchors.iter().filter_map(root_of_list).collect(),
            crosses: crosses.iter().filter_map(cross_of_list).collect(),
            distrusted: distrusted.iter().copied().collect(),
        };
        network.sorted()
    }

    /// The same under notices against these keys (SHA-256 of the SubjectPublicKeyInfo): devices drop them,
    /// although a published list still has them.
    #[must_use]
    pub fn suspend(mut self, keys: impl IntoIterator<Item = Digest>) -> Self {
        let keys: BTreeSet<Digest> = keys.into_iter().collect();
        for root in &mut self.roots {
            if keys.contains(&spki(&root.certificate)) {
                root.status = AnchorStatus::Suspended;
            }
        }
        self.distrusted
            .extend(keys.into_iter().map(|sha256| Distrusted { kind: DistrustKind::Spki, sha256 }));
        self
    }

    /// The same with the sub-CAs that were disclosed below its roots.
    #[must_use]
    pub fn disclose(mut self, sub_cas: impl IntoIterator<Item = DisclosedSubCa>) -> Self {
        let mut known = BTreeMap::new();
        let mut children: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        for sub_ca in sub_cas {
            children.entry(sub_ca.issuer).or_default().push(sub_ca.fingerprint);
            known.insert(sub_ca.fingerprint, sub_ca.certificate);
        }
        let read = |fingerprint: &Digest| parse(&known.get(fingerprint)?.0);
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
    pub fn chains(&self, asked: Use, at: ctl_core::Timestamp) -> Chains {
        self.sub_cas.chains(asked, at)
    }
}

impl Cross {
    /// A cross-certificate that is not listed yet, as if it were; none if it cannot be read.
    #[must_use]
    pub fn proposed(certificate: &[u8], name: Label, issuer: Digest, subject: Digest) -> Option<Self> {
        let certificate = parse(certificate)?;
        let fingerprint = Digest::of(certificate.der());
        Some(Self { fingerprint, name, status: AnchorStatus::Qualified, issuer, subject, certificate })
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
