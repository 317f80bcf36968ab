//! What is found out once, before any pair is looked at: which roots are one and the same name and key,
//! and what keeps a cross-certificate from being used by anybody. Here signatures are verified, each
//! once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ctl_core::parts::{Constraints, Standard, Use};
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use ctl_pki::path::{Inputs, Rejection, Signatures, validate};

use super::network::{Network, Root, spki};
use super::reason::{Reason, problem_of_cross};
use super::{Matrix, rules, search};

/// The facts of a network at a moment.
#[derive(Clone, Debug)]
pub struct Facts {
    network: Network,
    at: Timestamp,
    /// Roots with one name and key share a number: a chain that ends in one ends in all of them.
    pub(super) groups: Vec<usize>,
    pub(super) edges: Vec<Edge>,
    /// The places in `edges` of those that a group issued.
    pub(super) issued: Vec<Vec<usize>>,
    pub(super) signatures: Signatures,
}

/// A cross-certificate as part of a graph.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    /// Its place in [`Network::cross_certificates`].
    pub(super) cross: usize,
    /// The place of the root that issued it.
    pub(super) issuer: usize,
    /// The place of the root that it is for.
    pub(super) subject: usize,
    /// What keeps everybody from using it.
    pub(super) problem: Option<Reason>,
    pub(super) path_len: Option<u32>,
    pub(super) self_issued: bool,
    pub(super) not_before: Timestamp,
}

/// How much work an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Signatures verified.
    pub signatures: usize,
    /// Paths of cross-certificates from root to root that were looked at.
    pub cross_paths: usize,
    /// Paths that were validated as a whole.
    pub paths: usize,
}

impl Facts {
    /// Finds them out.
    #[must_use]
    pub fn new(network: Network, at: Timestamp) -> Self {
        let mut names = HashMap::new();
        let mut groups = Vec::new();
        for root in network.roots() {
            let next = names.len();
            groups.push(
                *names.entry((root.certificate.subject_der(), spki(&root.certificate))).or_insert(next),
            );
        }
        let group_count = names.len();
        let places: BTreeMap<Digest, usize> =
            network.roots().iter().enumerate().map(|(place, root)| (root.fingerprint, place)).collect();
        // Every certificate has one issuer: the limit is what there is to verify.
        let sub_cas: usize = network.roots().iter().map(|root| root.sub_cas.len()).sum();
        let limit = network.cross_certificates().len().saturating_add(sub_cas);
        let mut signatures = Signatures::with_limit(limit);
        let mut edges = Vec::new();
        for (cross, certificate) in network.cross_certificates().iter().enumerate() {
            let (Some(&issuer), Some(&subject)) =
                (places.get(&certificate.issuer), places.get(&certificate.subject))
            else {
                continue;
            };
            let (Some(from), Some(to)) = (network.roots().get(issuer), network.roots().get(subject)) else {
                continue;
            };
            let problem = problem_of_cross(&network, cross, certificate, at)
                .or_else(|| judge(cross, from, to, &certificate.certificate, at, &mut signatures));
            edges.push(Edge {
                cross,
                issuer,
                subject,
                problem,
                path_len: certificate.certificate.path_len(),
                self_issued: certificate.certificate.is_self_issued_by_name(),
                not_before: Timestamp::from_unix(certificate.certificate.not_before()),
            });
        }
        let mut issued = vec![Vec::new(); group_count];
        for (place, edge) in edges.iter().enumerate() {
            if let Some(list) = groups.get(edge.issuer).and_then(|group| issued.get_mut(*group)) {
                list.push(place);
            }
        }
        Self { network, at, groups, edges, issued, signatures }
    }

    /// The answers for one standard and purpose.
    #[must_use]
    pub fn matrix(facts: &Arc<Self>, asked: Use) -> Matrix {
        let chains =
            facts.network.roots().iter().map(|root| root.chains(asked, facts.at)).collect::<Vec<_>>();
        let mut work = search::Effort::new(facts);
        let cells = search::cells(facts, asked, &chains, &mut work);
        Matrix { facts: facts.clone(), asked, chains, cells, work: work.total() }
    }

    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The moment.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// What keeps every vehicle from using a cross-certificate, by its place; none if nothing does.
    #[must_use]
    pub fn problem_of(&self, cross: usize) -> Option<&Reason> {
        self.edges.iter().find(|edge| edge.cross == cross).and_then(|edge| edge.problem.as_ref())
    }

    pub(super) fn group(&self, root: usize) -> usize {
        self.groups.get(root).copied().unwrap_or(usize::MAX)
    }

    /// The cross-certificates with what one standard's rules have against them besides.
    pub(super) fn edges_for(&self, standard: Standard) -> Vec<Edge> {
        let roots = self.network.roots();
        let judged = self.edges.iter().map(|edge| {
            let mut edge = edge.clone();
            let cross = self.network.cross_certificates().get(edge.cross);
            if let (None, Some(issuer), Some(cross)) = (&edge.problem, roots.get(edge.issuer), cross) {
                let refused =
                    rules::problem_of_cross(&issuer.certificate, &cross.certificate, standard, self.at);
                edge.problem = refused.map(|words| Reason::CrossRefused(edge.cross, words));
            }
            edge
        });
        judged.collect()
    }

    /// What list and standard have against a root on any path for this use, wherever it stands.
    pub(super) fn problem_of_root(&self, place: usize, asked: Use) -> Option<Reason> {
        let root = self.network.roots().get(place)?;
        if !root.status.is_listed() {
            return Some(Reason::RootStatus(place, root.status));
        }
        if self.network.is_distrusted(&root.certificate, &root.fingerprint) {
            return Some(Reason::RootDistrusted(place));
        }
        if let Some(name) = root.constraints.unknown_critical() {
            return Some(Reason::UnknownConstraint(place, name.chars().take(60).collect()));
        }
        // From that moment on, as the list's judge and devices see it.
        let end = root.constraints.time(Constraints::NOT_TRUSTED_AFTER);
        if let Some(end) = end.filter(|end| *end <= self.at) {
            return Some(Reason::NotTrustedAfter(place, end));
        }
        if !root.uses.contains(&asked) {
            return Some(Reason::NotListedFor(place));
        }
        let refused = rules::problem_of_root(&root.certificate, asked.standard, self.at);
        refused.map(|words| Reason::RootRefused(place, words))
    }

    /// What keeps a root from being a vehicle's trust anchor.
    pub(super) fn problem_of_anchor(&self, place: usize, asked: Use) -> Option<Reason> {
        self.problem_of_root(place, asked).or_else(|| {
            let certificate = &self.network.roots().get(place)?.certificate;
            if self.at.unix() > certificate.not_after() {
                Some(Reason::RootExpired(place))
            } else if self.at.unix() < certificate.not_before() {
                Some(Reason::RootNotYetValid(place))
            } else {
                None
            }
        })
    }

    pub(super) fn issued_until(&self, root: usize) -> Option<Timestamp> {
        self.network.roots().get(root)?.constraints.time(Constraints::NOT_ISSUED_AFTER)
    }
}

/// What path validation has against a cross-certificate as a CA below its issuer. The last certificate of
/// a path need not be a CA for RFC 5280, so that is asked besides.
fn judge(
    place: usize,
    from: &Root,
    to: &Root,
    cross: &Certificate,
    at: Timestamp,
    signatures: &mut Signatures,
) -> Option<Reason> {
    if cross.subject_name() != to.certificate.subject_name() {
        return Some(Reason::CrossOtherName(place));
    }
    let validation = validate(&from.certificate, &[cross], &Inputs::at(at.unix()), signatures);
    let rejection = validation.failure.map(|failure| failure.rejection).or_else(|| {
        if !cross.is_ca() {
            return Some(Rejection::NotCa);
        }
        match cross.key_usage() {
            Ok(Some(usage)) if !usage.value.key_cert_sign() => {
                Some(Rejection::KeyUsage { allowed: usage.value.to_string() })
            }
            Ok(_) => None,
            Err(error) => Some(Rejection::MalformedExtension(error.clone())),
        }
    });
    rejection.map(|rejection| Reason::CrossRefused(place, rejection.to_string()))
}
