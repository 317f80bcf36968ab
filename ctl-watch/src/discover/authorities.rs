//! The CA certificates that still matter: anchors and cross-certificates of every list in every status but withdrawn,
//! and the disclosed sub-CAs below them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::parts::{AnchorStatus, Services};
use ctl_governance::State;
use ctl_governance::state::Listed;
use ctl_pki::Certificate;

use super::left_out::{LeftOut, Why};
use crate::target::{Origin, WatchedCertificate};

/// One CA certificate.
pub(super) struct Authority {
    pub(super) certificate: Arc<Certificate>,
    pub(super) operator: ParticipantId,
    pub(super) lists: BTreeSet<ListId>,
    /// Fingerprint of its issuer; its own for a root.
    pub(super) issuer: Digest,
    pub(super) origin: Origin,
    pub(super) is_root: bool,
    pub(super) is_revoked: bool,
    /// What the anchors declare.
    pub(super) services: Vec<Services>,
}

/// All CA certificates, by fingerprint.
#[derive(Default)]
pub(super) struct Authorities(pub(super) BTreeMap<Digest, Authority>);

impl Authorities {
    /// Reads them from the state. A sub-CA counts while its issuer does. A revoked one stays, because its services must
    /// say that it is revoked.
    pub(super) fn read(state: &State, left_out: &mut Vec<LeftOut>) -> Self {
        let mut all = Self::default();
        for (list, contents) in &state.lists {
            for anchor in contents.anchors.values() {
                let own = anchor.listed.fingerprint;
                if let Some(authority) = all.listed(list, &anchor.listed, own, left_out) {
                    authority.is_root = true;
                    authority.services.push(anchor.services.clone());
                }
            }
        }
        for (list, contents) in &state.lists {
            for cross in contents.cross_certificates.values() {
                all.listed(list, &cross.listed, cross.issuer, left_out);
            }
        }
        let mut sub_cas: Vec<_> = state.sub_cas.values().collect();
        // An issuer was disclosed before what it issued.
        sub_cas.sort_by_key(|sub_ca| (sub_ca.disclosed, sub_ca.fingerprint));
        for sub_ca in sub_cas {
            let Some(issuer) = all.0.get(&sub_ca.issuer).filter(|issuer| !issuer.is_revoked) else {
                continue;
            };
            let operator = sub_ca.operator.clone();
            let lists = issuer.lists.clone();
            let Some(certificate) = parse(&sub_ca.certificate, &operator, &sub_ca.fingerprint, left_out)
            else {
                continue;
            };
            let authority = Authority {
                certificate,
                operator,
                lists,
                issuer: sub_ca.issuer,
                origin: Origin::SubCa,
                is_root: false,
                is_revoked: sub_ca.revoked.is_some(),
                services: Vec::new(),
            };
            all.0.entry(sub_ca.fingerprint).or_insert(authority);
        }
        all
    }

    fn listed(
        &mut self,
        list: &ListId,
        listed: &Listed,
        issuer: Digest,
        left_out: &mut Vec<LeftOut>,
    ) -> Option<&mut Authority> {
        if listed.current().status == AnchorStatus::Withdrawn || listed.expired.is_some() {
            return None;
        }
        let authority = match self.0.entry(listed.fingerprint) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let (der, operator) = (&listed.certificate, &listed.operator);
                place.insert(Authority {
                    certificate: parse(der, operator, &listed.fingerprint, left_out)?,
                    operator: operator.clone(),
                    lists: BTreeSet::new(),
                    issuer,
                    origin: Origin::Listed,
                    is_root: false,
                    is_revoked: false,
                    services: Vec::new(),
                })
            }
        };
        authority.lists.insert(list.clone());
        Some(authority)
    }

    /// What this CA issued, except itself.
    pub(super) fn issued_by(&self, issuer: Digest) -> impl Iterator<Item = &Authority> {
        self.0
            .iter()
            .filter(move |(own, authority)| authority.issuer == issuer && **own != issuer)
            .map(|(_, authority)| authority)
    }

    /// The roots of an operator.
    pub(super) fn roots_of<'a>(
        &'a self,
        operator: &'a ParticipantId,
    ) -> impl Iterator<Item = (&'a Digest, &'a Authority)> {
        self.0.iter().filter(move |(_, authority)| authority.is_root && authority.operator == *operator)
    }

    /// The certificates whose end is watched.
    pub(super) fn watched(&self) -> Vec<WatchedCertificate> {
        let in_use = self.0.iter().filter(|(_, authority)| !authority.is_revoked);
        in_use
            .map(|(fingerprint, authority)| WatchedCertificate {
                operator: authority.operator.clone(),
                fingerprint: *fingerprint,
                certificate: authority.certificate.clone(),
                is_root: authority.is_root,
                lists: authority.lists.iter().cloned().collect(),
            })
            .collect()
    }
}

/// Parses a certificate of the ledger.
pub(super) fn parse(
    der: &[u8],
    operator: &ParticipantId,
    fingerprint: &Digest,
    left_out: &mut Vec<LeftOut>,
) -> Option<Arc<Certificate>> {
    match Certificate::from_der(der) {
        Ok(certificate) => Some(Arc::new(certificate)),
        Err(error) => {
            left_out.push(LeftOut {
                operator: Some(operator.clone()),
                kind: None,
                what: format!("certificate {fingerprint}"),
                why: Why::Certificate(error.to_string()),
            });
            None
        }
    }
}
