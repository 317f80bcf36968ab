//! The search for paths: from a certificate upwards through a pool of others to anchors, with bounded work
//! whatever the pool holds.
//!
//! The shortest paths that no single certificate spoils come first, so that whoever floods the pool pays with
//! paths that are looked at last. Every path found is judged and kept with its reason, valid or not; a partial
//! path that ends before an anchor is reported as a [`DeadEnd`].

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet};

use super::dead_end::{DeadEnd, DeadEndReason};
use super::graph::{Graph, Node, Signers, UNREACHABLE};
use super::judgement::{Candidate, Judge};
use super::limits::{Limit, Limits, Work};
use super::{Inputs, Signatures};
use crate::Certificate;

/// What is asked of a search.
pub struct Question<'q> {
    /// How paths are validated (RFC 5280 section 6.1.1).
    pub inputs: Inputs,
    /// Who else judges a path: rule sets, revocation, what a list says of its anchors.
    pub judges: Vec<&'q dyn Judge>,
    /// How much work it may be.
    pub limits: Limits,
}

impl Question<'_> {
    /// Whether RFC 5280 paths exist at this moment, within the usual limits.
    pub fn at(time: i64) -> Self {
        Self { inputs: Inputs::at(time), judges: Vec::new(), limits: Limits::default() }
    }
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// The paths, accepted ones first, then the shorter ones.
    pub candidates: Vec<Candidate<'a>>,
    /// Paths that were judged, not accepted, and are too many to keep.
    pub not_kept: usize,
    /// Where partial paths ended.
    pub dead_ends: Vec<DeadEnd<'a>>,
    /// Which limits cut the search short; empty when everything was looked at.
    pub reached: BTreeSet<Limit>,
    /// What it took.
    pub work: Work,
}

impl<'a> Search<'a> {
    /// The best path: accepted by RFC 5280 and by every judge.
    pub fn best(&self) -> Option<&Candidate<'a>> {
        self.candidates.first().filter(|candidate| candidate.is_accepted())
    }
}

/// Looks for every path from `leaf` up to one of the anchors, through the pool.
///
/// Anchors are used as they are (RFC 5280 section 6.1.1 (d)): by name and key. An anchor that somebody else
/// signed can also stand within a path to that other's anchor.
pub fn search<'a>(
    leaf: &'a Certificate,
    pool: impl IntoIterator<Item = &'a Certificate>,
    anchors: impl IntoIterator<Item = &'a Certificate>,
    question: &Question<'_>,
) -> Search<'a> {
    let graph = Graph::new(leaf, pool, anchors, question.inputs.time);
    let certificates = graph.len();
    let mut walk = Walk {
        question,
        graph,
        signatures: Signatures::with_limit(question.limits.signatures),
        partials: Vec::new(),
        queue: BinaryHeap::new(),
        told: HashSet::new(),
        search: Search {
            candidates: Vec::new(),
            not_kept: 0,
            dead_ends: Vec::new(),
            reached: BTreeSet::new(),
            work: Work { certificates, ..Work::default() },
        },
    };
    // Stopping early is told by the limits reached.
    let _ = walk.run();
    walk.finish()
}

/// The leaf is the first node of its graph.
const LEAF: usize = 0;

/// A path from the leaf up to a certificate that need not be an anchor: its last step, and the partial path before it.
#[derive(Clone, Copy)]
struct Partial {
    node: usize,
    below: Option<usize>,
    /// Certificates in it, the leaf included.
    length: usize,
    /// CAs in it that count towards a path length (RFC 5280 section 4.2.1.9): not those that issued themselves.
    counted: u32,
    /// Certificates in it that spoil any path.
    unsound: usize,
}

/// What is looked at before what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Along the likeliest signer of each certificate.
    Likely,
    /// Along other keys that carry the signer's name: one signature can be made to fit two keys.
    Unlikely,
    /// Where no chain of names leads to an anchor: followed only to report where it ends.
    Lost,
}

/// A partial path that waits to be followed, the most promising first: by stage, then the fewest spoiling certificates,
/// then the least that a whole path can come to, then the nearest to an anchor, then age.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    rank: (Stage, usize, usize, usize),
    partial: usize,
    signers: Signers,
}

struct Walk<'a, 'q> {
    question: &'q Question<'q>,
    graph: Graph<'a>,
    signatures: Signatures,
    partials: Vec<Partial>,
    queue: BinaryHeap<Reverse<Waiting>>,
    /// Dead ends that were reported: the last certificate of the partial path, and the issuer that was tried there.
    told: HashSet<(usize, Option<usize>)>,
    search: Search<'a>,
}

/// A limit ends the search.
struct Stop;

impl<'a> Walk<'a, '_> {
    fn run(&mut self) -> Result<(), Stop> {
        let Some(leaf) = self.graph.node(LEAF) else { return Ok(()) };
        if leaf.is_anchor {
            self.judge(leaf.certificate, Vec::new())?;
        }
        self.enqueue(Partial { node: LEAF, below: None, length: 1, counted: 0, unsound: 0 }, Stage::Likely);
        while let Some(Reverse(waiting)) = self.queue.pop() {
            self.follow(&waiting)?;
        }
        Ok(())
    }

    fn enqueue(&mut self, partial: Partial, stage: Stage) {
        self.partials.push(partial);
        self.wait(self.partials.len() - 1, Signers::Likeliest, stage);
    }

    fn wait(&mut self, index: usize, signers: Signers, stage: Stage) {
        let Some(partial) = self.partials.get(index) else { return };
        let distance = self.graph.node(partial.node).map_or(UNREACHABLE, |node| node.distance);
        let stage = if distance == UNREACHABLE { Stage::Lost } else { stage };
        let rank = (stage, partial.unsound, partial.length.saturating_add(distance), distance);
        self.queue.push(Reverse(Waiting { rank, partial: index, signers }));
    }

    /// Extends a partial path by everybody who signed the certificate at its end.
    fn follow(&mut self, waiting: &Waiting) -> Result<(), Stop> {
        let Some(partial) = self.partials.get(waiting.partial).copied() else { return Ok(()) };
        let (stage, ..) = waiting.rank;
        let Ok(issuers) = self.graph.issuers(partial.node, waiting.signers, &mut self.signatures) else {
            if stage != Stage::Lost {
                self.search.reached.insert(Limit::Signatures);
            }
            return Ok(());
        };
        let mut onward = false;
        for issuer in &issuers {
            if self.search.work.edges >= self.question.limits.edges {
                if stage != Stage::Lost {
                    self.search.reached.insert(Limit::Edges);
                }
                return Err(Stop);
            }
            self.search.work.edges += 1;
            onward |= self.step(waiting.partial, &partial, *issuer, stage)?;
        }
        if waiting.signers == Signers::Likeliest && self.graph.has_others(partial.node) {
            self.wait(waiting.partial, Signers::Others, stage.max(Stage::Unlikely));
        }
        self.tell_of(waiting.partial, &partial, !issuers.is_empty(), onward);
        Ok(())
    }

    /// Takes one step to one issuer, and returns whether the path went on or came to an anchor.
    fn step(&mut self, index: usize, partial: &Partial, issuer: usize, stage: Stage) -> Result<bool, Stop> {
        let Some(node) = self.graph.node(issuer) else { return Ok(false) };
        let Node { certificate, entity, is_anchor, distance, unsound_issuer, .. } = *node;
        let repeated = self.stands_in(index, entity);
        // A renewed root may stand as leaf below its older self, which has the same name and key.
        if is_anchor && (!repeated || partial.length == 1) {
            let chain = self.chain(index);
            self.judge(certificate, chain)?;
        }
        // Nothing vouches for a root above itself.
        if repeated || is_anchor && self.graph.is_self_issued(issuer) {
            return Ok(is_anchor);
        }
        let length = partial.length + 1;
        if length.saturating_add(if distance == UNREACHABLE { 0 } else { distance })
            > self.question.limits.depth
        {
            // Without an anchor in sight more depth would find none; where the path was cut is reported all the same.
            if stage != Stage::Lost && distance != UNREACHABLE {
                self.search.reached.insert(Limit::Depth);
            }
            self.tell(index, partial.node, None, DeadEndReason::TooDeep);
            return Ok(true);
        }
        let too_many_below = certificate.path_len().is_some_and(|allowed| allowed < partial.counted);
        let spoils = unsound_issuer || too_many_below;
        let counted = partial.counted + u32::from(!self.graph.is_self_issued(issuer));
        let unsound = partial.unsound + usize::from(spoils);
        self.enqueue(Partial { node: issuer, below: Some(index), length, counted, unsound }, stage);
        Ok(true)
    }

    /// Judges one whole path and keeps it, if there is room.
    fn judge(&mut self, anchor: &'a Certificate, chain: Vec<&'a Certificate>) -> Result<(), Stop> {
        let limits = &self.question.limits;
        if self.search.work.judged >= limits.judged {
            self.search.reached.insert(Limit::Judged);
            return Err(Stop);
        }
        if self.search.work.checks >= limits.checks {
            self.search.reached.insert(Limit::Checks);
            return Err(Stop);
        }
        self.search.work.judged += 1;
        let bytes: usize = chain.iter().map(|certificate| certificate.der().len()).sum();
        let candidate = Candidate::judge(
            anchor,
            chain,
            &self.question.inputs,
            &self.question.judges,
            &mut self.signatures,
        );
        self.search.work.checks += candidate.validation.work + bytes / 64;
        let accepted = candidate.is_accepted();
        let alike = self.search.candidates.iter().filter(|other| other.is_accepted() == accepted).count();
        match (alike >= limits.kept, accepted) {
            (false, _) => self.search.candidates.push(candidate),
            (true, true) => {
                self.search.reached.insert(Limit::Kept);
                return Err(Stop);
            }
            (true, false) => self.search.not_kept += 1,
        }
        Ok(())
    }

    /// Reports why a partial path ended, if it did, and who only seemed to be the issuer.
    fn tell_of(&mut self, index: usize, partial: &Partial, has_issuer: bool, onward: bool) {
        if self.graph.node(partial.node).is_none_or(|node| node.is_anchor) {
            return;
        }
        let refused: Vec<(usize, DeadEndReason<'a>)> = self
            .graph
            .refused(partial.node)
            .into_iter()
            .filter_map(|(issuer, error)| {
                let certificate = self.graph.node(issuer)?.certificate;
                Some((issuer, DeadEndReason::NotTheSigner { issuer: certificate, error: error.clone() }))
            })
            .collect();
        let nobody_seemed = refused.is_empty();
        for (issuer, reason) in refused {
            self.tell(index, partial.node, Some(issuer), reason);
        }
        if onward {
            return;
        }
        if has_issuer {
            self.tell(index, partial.node, None, DeadEndReason::Loop);
        } else if self.graph.is_self_issued(partial.node) {
            self.tell(index, partial.node, None, DeadEndReason::NotAnAnchor);
        } else if nobody_seemed {
            let reason = if self.graph.has_named_issuer(partial.node) {
                DeadEndReason::Loop
            } else {
                DeadEndReason::NoIssuer
            };
            self.tell(index, partial.node, None, reason);
        }
    }

    /// Reports a dead end once, by the first path that comes there, which is the shortest.
    fn tell(&mut self, index: usize, node: usize, issuer: Option<usize>, reason: DeadEndReason<'a>) {
        if self.search.dead_ends.len() < self.question.limits.dead_ends && self.told.insert((node, issuer)) {
            let chain = self.chain(index);
            self.search.dead_ends.push(DeadEnd { chain, reason });
        }
    }

    /// The nodes of a partial path, from its end down to the leaf.
    fn nodes(&self, index: usize) -> impl Iterator<Item = &Node<'a>> {
        std::iter::successors(self.partials.get(index), |partial| self.partials.get(partial.below?))
            .filter_map(|partial| self.graph.node(partial.node))
    }

    fn stands_in(&self, index: usize, entity: usize) -> bool {
        self.nodes(index).any(|node| node.entity == entity)
    }

    fn chain(&self, index: usize) -> Vec<&'a Certificate> {
        self.nodes(index).map(|node| node.certificate).collect()
    }

    fn finish(mut self) -> Search<'a> {
        let search = &mut self.search;
        search.work.signatures = self.signatures.verified();
        // Equal candidates keep the order in which they were found.
        search.candidates.sort_by_key(|candidate| (!candidate.is_accepted(), candidate.chain.len()));
        if !search.candidates.is_empty() {
            // Among certificates that sign each other every path ends in a circle sooner or later.
            let is_noise =
                |reason: &DeadEndReason<'_>| matches!(reason, DeadEndReason::Loop | DeadEndReason::TooDeep);
            search.dead_ends.retain(|end| !is_noise(&end.reason));
        }
        self.search
    }
}
