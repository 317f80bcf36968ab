//! The graph that a search for paths walks: certificates, the names and keys that join them, and which joins
//! hold. Names join for nothing; a signature is verified only when the search stands before it, and once.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::{SignatureLimit, Signatures};
use crate::{Certificate, DistinguishedName, SignatureError};

/// No chain of names leads from here to an anchor.
pub(super) const UNREACHABLE: usize = usize::MAX;

/// One certificate of the graph. The same bytes given twice are one.
pub(super) struct Node<'a> {
    pub(super) certificate: &'a Certificate,
    /// The subject's name together with the key: what may not stand in a path twice (RFC 4158 section 5.2).
    pub(super) entity: usize,
    pub(super) is_anchor: bool,
    /// How many certificates must at least stand above this one before an anchor can, by names alone.
    pub(super) distance: usize,
    /// Whether every path with this certificate above the leaf fails, whatever else stands in it.
    pub(super) unsound_issuer: bool,
    subject: usize,
    issuer: usize,
    key: usize,
    tried: Option<Tried>,
}

/// What is known about who signed a certificate.
#[derive(Clone, Default)]
struct Tried {
    /// Keys that carry the issuer's name and were not tried yet, the likeliest last.
    untried: Vec<usize>,
    verified: Vec<usize>,
    refused: Vec<(usize, SignatureError)>,
}

/// Which of those who signed a certificate are meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Signers {
    /// The first whose key fits.
    Likeliest,
    /// All whose key fits, too.
    Others,
}

pub(super) struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    by_subject: HashMap<usize, Vec<usize>>,
}

/// Numbers for things by their equality.
struct Numbers<T>(HashMap<T, usize>);

impl<T: Eq + Hash> Numbers<T> {
    fn of(&mut self, thing: T) -> usize {
        let next = self.0.len();
        *self.0.entry(thing).or_insert(next)
    }
}

impl<'a> Graph<'a> {
    /// A graph of the leaf (always the first node), the anchors, and the pool.
    pub(super) fn new(
        leaf: &'a Certificate,
        pool: impl IntoIterator<Item = &'a Certificate>,
        anchors: impl IntoIterator<Item = &'a Certificate>,
        time: i64,
    ) -> Self {
        let mut names = Numbers::<&DistinguishedName>(HashMap::new());
        let mut keys = Numbers::<&[u8]>(HashMap::new());
        let mut entities = Numbers::<(usize, usize)>(HashMap::new());
        let mut known = HashMap::<[u8; 32], usize>::new();
        let mut nodes: Vec<Node<'a>> = Vec::new();
        let all = std::iter::once((leaf, false))
            .chain(anchors.into_iter().map(|anchor| (anchor, true)))
            .chain(pool.into_iter().map(|certificate| (certificate, false)));
        for (certificate, is_anchor) in all {
            if let Some(node) = known.get(&certificate.sha256()).and_then(|index| nodes.get_mut(*index)) {
                node.is_anchor |= is_anchor;
                continue;
            }
            known.insert(certificate.sha256(), nodes.len());
            let (subject, issuer) =
                (names.of(certificate.subject_name()), names.of(certificate.issuer_name()));
            let key = keys.of(certificate.spki_der());
            let untimely = time < certificate.not_before() || time > certificate.not_after();
            nodes.push(Node {
                certificate,
                entity: entities.of((subject, key)),
                is_anchor,
                distance: UNREACHABLE,
                unsound_issuer: untimely || !may_issue(certificate),
                subject,
                issuer,
                key,
                tried: None,
            });
        }
        let mut by_subject = HashMap::<usize, Vec<usize>>::new();
        for (index, node) in nodes.iter().enumerate() {
            by_subject.entry(node.subject).or_default().push(index);
        }
        let mut graph = Self { nodes, by_subject };
        graph.measure();
        graph
    }

    pub(super) fn node(&self, index: usize) -> Option<&Node<'a>> {
        self.nodes.get(index)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether subject and issuer are the same name.
    pub(super) fn is_self_issued(&self, index: usize) -> bool {
        self.node(index).is_some_and(|node| node.subject == node.issuer)
    }

    /// Whether somebody here has the name of this certificate's issuer.
    pub(super) fn has_named_issuer(&self, index: usize) -> bool {
        self.node(index).is_some_and(|node| !self.named(node.issuer).is_empty())
    }

    fn named(&self, name: usize) -> &[usize] {
        self.by_subject.get(&name).map_or(&[], Vec::as_slice)
    }

    /// Distances by a walk down from the anchors' names: each name once.
    fn measure(&mut self) {
        let mut by_issuer = HashMap::<usize, Vec<usize>>::new();
        for (index, node) in self.nodes.iter().enumerate() {
            by_issuer.entry(node.issuer).or_default().push(index);
        }
        let mut reached = HashMap::<usize, usize>::new();
        let mut queue = VecDeque::new();
        for node in self.nodes.iter().filter(|node| node.is_anchor) {
            if reached.insert(node.subject, 0).is_none() {
                queue.push_back((node.subject, 0));
            }
        }
        while let Some((name, distance)) = queue.pop_front() {
            for index in by_issuer.get(&name).map_or(&[][..], Vec::as_slice) {
                let Some(node) = self.nodes.get_mut(*index) else { continue };
                node.distance = node.distance.min(distance);
                if let std::collections::hash_map::Entry::Vacant(place) = reached.entry(node.subject) {
                    place.insert(distance + 1);
                    queue.push_back((node.subject, distance + 1));
                }
            }
        }
    }

    /// Who signed a certificate: verifies key after key, the likeliest first, until one made the signature; for
    /// [`Signers::Others`] all the rest.
    pub(super) fn issuers(
        &mut self,
        index: usize,
        signers: Signers,
        signatures: &mut Signatures,
    ) -> Result<Vec<usize>, SignatureLimit> {
        let known = self.nodes.get_mut(index).and_then(|node| node.tried.take());
        let mut tried =
            known.unwrap_or_else(|| Tried { untried: self.candidates(index), ..Tried::default() });
        let answer = self.try_keys(index, signers, &mut tried, signatures);
        let wanted = match signers {
            Signers::Likeliest => tried.verified.get(..1),
            Signers::Others => tried.verified.get(1..),
        };
        let issuers = wanted.unwrap_or(&[]).iter().flat_map(|key| self.signers_with(index, *key)).collect();
        if let Some(node) = self.nodes.get_mut(index) {
            node.tried = Some(tried);
        }
        answer.map(|()| issuers)
    }

    fn try_keys(
        &self,
        index: usize,
        signers: Signers,
        tried: &mut Tried,
        signatures: &mut Signatures,
    ) -> Result<(), SignatureLimit> {
        let Some(node) = self.node(index) else { return Ok(()) };
        while signers == Signers::Others || tried.verified.is_empty() {
            let Some(key) = tried.untried.last().copied() else { break };
            if let Some(issuer) = self.signers_with(index, key).find_map(|issuer| self.node(issuer)) {
                match signatures.verify(node.certificate, issuer.certificate)? {
                    Ok(()) => tried.verified.push(key),
                    Err(error) => tried.refused.push((key, error)),
                }
            }
            tried.untried.pop();
        }
        Ok(())
    }

    /// Whether others than the likeliest signer may have signed.
    pub(super) fn has_others(&self, index: usize) -> bool {
        self.node(index).and_then(|node| node.tried.as_ref()).is_some_and(|tried| {
            !tried.verified.is_empty() && (tried.verified.len() > 1 || !tried.untried.is_empty())
        })
    }

    /// Certificates with the issuer's name whose key did not make the signature, one for each key, and why not.
    pub(super) fn refused(&self, index: usize) -> Vec<(usize, &SignatureError)> {
        let tried = self.node(index).and_then(|node| node.tried.as_ref());
        let refused = tried.map_or(&[][..], |tried| &tried.refused);
        refused
            .iter()
            .filter_map(|(key, error)| Some((self.signers_with(index, *key).next()?, error)))
            .collect()
    }

    /// The certificates that have the name of this one's issuer over this key.
    fn signers_with(&self, index: usize, key: usize) -> impl Iterator<Item = usize> {
        let named = self.node(index).map_or(&[][..], |node| self.named(node.issuer));
        let has_key =
            move |other: &usize| *other != index && self.node(*other).is_some_and(|other| other.key == key);
        named.iter().copied().filter(has_key)
    }

    /// The keys that carry the issuer's name, the likeliest last. Key identifiers order and never exclude:
    /// who made them may have been wrong, or may lie.
    fn candidates(&self, index: usize) -> Vec<usize> {
        let Some(node) = self.node(index) else { return Vec::new() };
        let wanted = node.certificate.authority_key_id();
        let mut best = HashMap::<usize, (u8, bool, bool, usize, usize)>::new();
        for other_index in self.named(node.issuer) {
            let Some(other) = self.node(*other_index) else { continue };
            // Its own name and key stand in the path already; only an anchor other than itself may repeat them.
            if other.entity == node.entity && (!other.is_anchor || *other_index == index) {
                continue;
            }
            let hint = match (wanted, other.certificate.subject_key_id()) {
                (Some(wanted), Some(found)) if wanted == found => 0,
                (Some(_), Some(_)) => 2,
                _ => 1,
            };
            let rank = (hint, other.unsound_issuer, !other.is_anchor, other.distance, *other_index);
            best.entry(other.key).and_modify(|known| *known = rank.min(*known)).or_insert(rank);
        }
        let mut keys: Vec<_> = best.into_iter().map(|(key, rank)| (rank, key)).collect();
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys.into_iter().map(|(_, key)| key).collect()
    }
}

/// Whether the certificate itself lets its key sign certificates (RFC 5280 section 6.1.4 (k) and (n)).
fn may_issue(certificate: &Certificate) -> bool {
    let usage = certificate.key_usage();
    certificate.is_ca() && usage.is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}
