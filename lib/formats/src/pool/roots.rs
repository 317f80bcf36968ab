//! The roots of one or several of our lists as entries of a pool.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_core::list::ListPayload;
use ctl_core::parts::{DistrustKind, Distrusted, Purpose, Standard};
use ctl_pki::Certificate;

use super::{PoolCtl, PoolForm, RootType};
use crate::omission::{Omission, Selection};

/// A list that feeds a pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolSource<'a> {
    pub list: &'a ListPayload,
    /// What OPNC calls it.
    pub ctl: PoolCtl,
}

/// One item of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolEntry {
    pub certificate: Certificate,
    /// What it is for. In OPCP each entry has one type, and a root several entries.
    pub types: BTreeSet<RootType>,
    /// The lists that it stands on.
    pub ctls: BTreeSet<PoolCtl>,
    /// The standards that it is listed for, for those types.
    pub standards: BTreeSet<Standard>,
    pub(super) form: PoolForm,
}

/// What a pool holds, and what it does not say of the lists that feed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    pub form: PoolForm,
    /// By fingerprint and type.
    pub entries: Vec<PoolEntry>,
    pub omissions: Vec<Omission>,
}

impl Pool {
    /// The anchors of these lists. What one of them distrusts stands in no pool, whatever another says.
    #[must_use]
    pub fn of(sources: &[PoolSource<'_>], form: PoolForm) -> Self {
        let distrusted: BTreeSet<Distrusted> =
            sources.iter().flat_map(|source| source.list.distrusted.iter().copied()).collect();
        let mut omissions = Vec::new();
        let mut roots: BTreeMap<Digest, Root> = BTreeMap::new();
        for PoolSource { list, ctl } in sources {
            let mut selection = Selection::all(list);
            omissions.append(&mut selection.omissions);
            for carried in selection.anchors {
                let (anchor, subject) = (carried.anchor, carried.subject());
                // Some clients refuse a whole pool for one certificate that they cannot read.
                if let Err(problem) = carried.certificate.check_readable() {
                    let problem = problem.to_string();
                    omissions.push(Omission::Unreadable { anchor: subject, problem });
                    continue;
                }
                if is_distrusted(&carried.certificate, &distrusted) {
                    omissions.push(Omission::DistrustedElsewhere { anchor: subject });
                    continue;
                }
                if anchor.uses.iter().all(|r#use| kind(r#use.purpose).is_none()) {
                    omissions.push(Omission::NoUse { anchor: subject, uses: anchor.uses.clone() });
                    continue;
                }
                // OPNC has no word for a standard.
                if form == PoolForm::Opnc {
                    carried.tell_standard(&mut omissions);
                }
                let root = roots
                    .entry(anchor.fingerprint)
                    .or_insert_with(|| Root { certificate: carried.certificate, uses: BTreeMap::new() });
                for r#use in &anchor.uses {
                    match kind(r#use.purpose) {
                        Some(kind) => {
                            let (standards, ctls) = root.uses.entry(kind).or_default();
                            standards.insert(r#use.standard);
                            ctls.insert(*ctl);
                        }
                        None => omissions.push(Omission::Use { anchor: subject.clone(), r#use: *r#use }),
                    }
                }
            }
        }
        let entries = roots.into_values().flat_map(|root| root.entries(form)).collect();
        omissions.sort();
        omissions.dedup();
        Self { form, entries, omissions }
    }
}

struct Root {
    certificate: Certificate,
    uses: BTreeMap<RootType, (BTreeSet<Standard>, BTreeSet<PoolCtl>)>,
}

impl Root {
    fn entries(self, form: PoolForm) -> Vec<PoolEntry> {
        let certificate = self.certificate;
        let entries = self.uses.into_iter().map(|(kind, (standards, ctls))| PoolEntry {
            certificate: certificate.clone(),
            types: BTreeSet::from([kind]),
            ctls,
            standards,
            form,
        });
        match form {
            PoolForm::Opcp => entries.collect(),
            PoolForm::Opnc => entries
                .reduce(|mut all, mut one| {
                    all.types.append(&mut one.types);
                    all.ctls.append(&mut one.ctls);
                    all.standards.append(&mut one.standards);
                    all
                })
                .into_iter()
                .collect(),
        }
    }
}

fn is_distrusted(certificate: &Certificate, distrusted: &BTreeSet<Distrusted>) -> bool {
    let named =
        [(DistrustKind::Certificate, certificate.sha256()), (DistrustKind::Spki, certificate.spki_sha256())];
    named
        .into_iter()
        .any(|(kind, sha256)| distrusted.contains(&Distrusted { kind, sha256: Digest::from_bytes(sha256) }))
}

/// No pool has a type for the chains of vehicles.
const fn kind(purpose: Purpose) -> Option<RootType> {
    match purpose {
        Purpose::V2g => Some(RootType::V2g),
        Purpose::Mo => Some(RootType::Mo),
        Purpose::Oem => Some(RootType::Oem),
        Purpose::Vehicle => None,
    }
}
