//! A draft of a target: everything that certificates, lists and the configuration say about one address.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::names::{ListId, ParticipantId};
use ctl_pki::Certificate;
use ctl_pki::revocation::shortest_serial;

use super::left_out::{LeftOut, Why};
use crate::target::{CrlSubject, Kind, OcspSubject, Origin, Roots, Subject};

/// About how many certificates of an issuer a responder is asked, in turn.
const MAX_CANARIES: usize = 16;
/// About how many issuers a responder is asked.
const MAX_ISSUERS: usize = 64;
/// For how many certificates a CRL is judged.
const MAX_COVERED: usize = 256;

/// What identifies a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) operator: ParticipantId,
    pub(super) kind: Kind,
    pub(super) url: String,
}

/// Identifies an issuer by name and key: a root and a cross-certificate for it are one issuer.
pub(super) fn issuer_id(issuer: &Certificate) -> Digest {
    Digest::of_parts(&[issuer.spki_der(), issuer.subject_der()])
}

/// What is said about one address.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) origins: BTreeSet<Origin>,
    pub(super) lists: BTreeSet<ListId>,
    /// By [`issuer_id`].
    pub(super) asked: BTreeMap<Digest, Asked>,
    /// Roots that must be served there, by fingerprint.
    pub(super) due: BTreeMap<Digest, Arc<Certificate>>,
    pub(super) known: BTreeMap<Digest, Arc<Certificate>>,
}

/// What is asked about one issuer.
pub(super) struct Asked {
    pub(super) issuer: Arc<Certificate>,
    /// Valid certificates, or those covered; by importance and fingerprint.
    pub(super) certificates: BTreeMap<(u8, Digest), Arc<Certificate>>,
    pub(super) revoked: BTreeSet<Box<[u8]>>,
}

/// The order of importance when not everything fits; what applicants name comes last.
pub(super) const fn rank(origin: Origin) -> u8 {
    match origin {
        Origin::Configuration => 0,
        Origin::Listed => 1,
        Origin::Services => 2,
        Origin::SubCa => 3,
        Origin::Application => 4,
    }
}

impl Draft {
    /// What is asked about this issuer here.
    pub(super) fn of_issuer(&mut self, issuer: &Arc<Certificate>) -> &mut Asked {
        self.asked.entry(issuer_id(issuer)).or_insert_with(|| Asked {
            issuer: issuer.clone(),
            certificates: BTreeMap::new(),
            revoked: BTreeSet::new(),
        })
    }

    pub(super) fn rank(&self) -> u8 {
        self.origins.iter().map(|origin| rank(*origin)).min().unwrap_or(u8::MAX)
    }

    /// Whether only undecided applications name it.
    pub(super) fn is_undecided(&self) -> bool {
        self.origins.iter().all(|origin| *origin == Origin::Application)
    }

    /// What the answers are judged by; none if nothing is known.
    pub(super) fn subject(
        self,
        key: &Key,
        points: &BTreeMap<(ParticipantId, Digest), BTreeSet<String>>,
        left_out: &mut Vec<LeftOut>,
    ) -> Option<Subject> {
        let mut leave_out = |what: String, why| {
            let (operator, kind) = (Some(key.operator.clone()), Some(key.kind));
            left_out.push(LeftOut { operator, kind, what, why });
        };
        match key.kind {
            Kind::Ocsp => {
                for asked in self.asked.values().skip(MAX_ISSUERS) {
                    leave_out(
                        format!("{} for {}", key.url, asked.issuer.subject()),
                        Why::Issuers(MAX_ISSUERS),
                    );
                }
                let subjects = self.asked.into_values().take(MAX_ISSUERS).map(Asked::ocsp);
                Some(Subject::Ocsp(subjects.collect()))
            }
            Kind::Crl => {
                // The issuer with the most certificates that name the address; the first of several.
                let count = |asked: &Asked| usize::MAX - asked.certificates.len();
                let mut asked: Vec<_> = self.asked.into_iter().collect();
                asked.sort_by_key(|(id, asked)| (count(asked), *id));
                let mut asked = asked.into_iter();
                let (id, chosen) = asked.next()?;
                for (_, other) in asked {
                    leave_out(key.url.clone(), Why::SeveralIssuers(other.issuer.subject().to_owned()));
                }
                let mut points = points.get(&(key.operator.clone(), id)).cloned().unwrap_or_default();
                points.insert(key.url.clone());
                Some(Subject::Crl(CrlSubject {
                    covered: chosen.certificates(MAX_COVERED),
                    issuer: chosen.issuer,
                    points: points.into_iter().collect(),
                }))
            }
            Kind::CaIssuers => {
                Some(Subject::CaIssuers(self.asked.into_values().map(|asked| asked.issuer).collect()))
            }
            Kind::Est => Some(Subject::Est(self.roots())),
            Kind::RootPool => Some(Subject::RootPool(self.roots())),
            Kind::Https => Some(Subject::Https),
            Kind::Service => None,
        }
    }

    fn roots(mut self) -> Roots {
        self.known.extend(self.due.clone());
        Roots { due: self.due.into_values().collect(), known: self.known.into_values().collect() }
    }
}

impl Asked {
    /// The most important certificates, each once.
    fn certificates(&self, limit: usize) -> Vec<Arc<Certificate>> {
        let mut seen = BTreeSet::new();
        let once = self.certificates.iter().filter(|((_, fingerprint), _)| seen.insert(*fingerprint));
        once.take(limit).map(|(_, certificate)| certificate.clone()).collect()
    }

    fn ocsp(self) -> OcspSubject {
        let is_revoked =
            |certificate: &Certificate| self.revoked.contains(shortest_serial(certificate.serial()));
        let mut good = self.certificates(usize::MAX);
        good.retain(|certificate| !is_revoked(certificate));
        good.truncate(MAX_CANARIES);
        OcspSubject {
            issuer: self.issuer,
            good,
            revoked: self.revoked.into_iter().take(MAX_CANARIES).collect(),
        }
    }
}
