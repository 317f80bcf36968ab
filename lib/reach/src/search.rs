//! The search for each vehicle's root: breadth first along the cross-certificates, as far as the standard
//! lets a chain be deep. The paths it looks at are at most vehicles × depth × cross-certificates × [`KEPT`];
//! the paths it has validated as a whole at most pairs × depth × [`KEPT`] × known chains.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ctl_core::Timestamp;
use ctl_core::parts::Use;
use ctl_pki::Certificate;
use ctl_pki::path::{AnchorConstraints, Inputs, Judge as _, Outcome, Signatures, validate};

use super::chains::Chain;
use super::facts::{Edge, Facts, Work};
use super::reason::{Limiter, Reason};
use super::{Answer, Cell, Chains, Path, rules};

/// How many paths to a root are kept of each length.
const KEPT: usize = 4;
/// How many reasons are given for a pair.
const MOST_REASONS: usize = 4;
/// How many alternatives are named.
const MOST_ALTERNATIVES: usize = 8;

/// A path of cross-certificates from the vehicle's root to another root.
#[derive(Clone, Debug)]
struct CrossPath {
    crosses: Vec<usize>,
    /// CAs that may still follow.
    left: Option<Allowance>,
    /// Only certificates issued until then count.
    until: Option<Timestamp>,
}

/// What a path length constraint leaves.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: u32,
    by: Limiter,
    allows: u32,
}

impl CrossPath {
    fn left(&self) -> usize {
        self.left.map_or(usize::MAX, |allowance| usize::try_from(allowance.left).unwrap_or(usize::MAX))
    }

    /// How many sub-CAs may stand below, with the leaf below them.
    fn room(&self, limit: usize) -> usize {
        limit.saturating_sub(1).saturating_sub(self.crosses.len()).min(self.left())
    }

    /// Why so many sub-CAs are too many.
    fn too_small_for(&self, sub_cas: usize, limit: usize, assumed: bool) -> Reason {
        let certificates = self.crosses.len() + sub_cas + 1;
        match self.left {
            Some(Allowance { left, by, allows }) if self.left() < sub_cas && certificates <= limit => {
                let used = usize::try_from(allows.saturating_sub(left)).unwrap_or(usize::MAX);
                Reason::PathLength { by, allows, needs: used.saturating_add(sub_cas) }
            }
            _ => Reason::TooDeep { certificates, crosses: self.crosses.len(), limit, assumed },
        }
    }
}

/// The work of a search, and the signatures that were verified before.
pub(super) struct Effort {
    signatures: Signatures,
    cross_paths: usize,
    paths: usize,
}

impl Effort {
    pub(super) fn new(facts: &Facts) -> Self {
        Self { signatures: facts.signatures.clone(), cross_paths: 0, paths: 0 }
    }

    pub(super) fn total(&self) -> Work {
        Work { signatures: self.signatures.verified(), cross_paths: self.cross_paths, paths: self.paths }
    }
}

/// The answers, row by row.
pub(super) fn cells(facts: &Facts, asked: Use, chains: &[Chains], effort: &mut Effort) -> Vec<Cell> {
    let count = chains.len();
    let problems: Vec<Option<Reason>> = (0..count).map(|place| facts.problem_of_root(place, asked)).collect();
    let edges = facts.edges_for(asked.standard);
    let mut cells = Vec::with_capacity(count.saturating_mul(count));
    for vehicle in 0..count {
        let anchor = facts.problem_of_anchor(vehicle, asked);
        let search = anchor.is_none().then(|| Search::new(facts, &edges, asked, &problems, vehicle, effort));
        for (charger, chains) in chains.iter().enumerate() {
            let cell = match (&anchor, problems.get(charger).and_then(Option::as_ref), &search) {
                (Some(reason), _, _) | (None, Some(reason), _) => no(vec![reason.clone()]),
                (None, None, Some(search)) => search.cell(charger, chains, effort),
                (None, None, None) => no(Vec::new()),
            };
            cells.push(cell);
        }
    }
    cells
}

fn no(reasons: Vec<Reason>) -> Cell {
    Cell { answer: Answer::No, path: None, alternatives: Vec::new(), reasons, issued_until: None }
}

struct Search<'a> {
    facts: &'a Facts,
    /// The edges as the standard has them.
    edges: &'a [Edge],
    problems: &'a [Option<Reason>],
    vehicle: usize,
    limit: usize,
    /// For each number of cross-certificates, the paths to each group of roots.
    layers: Vec<BTreeMap<usize, Vec<CrossPath>>>,
    /// Groups reached through sound cross-certificates without regard to depth, each with the place of
    /// the edge that leads there.
    reached: BTreeMap<usize, usize>,
    /// The same with unsound ones.
    wished: BTreeMap<usize, usize>,
}

impl<'a> Search<'a> {
    fn new(
        facts: &'a Facts,
        edges: &'a [Edge],
        asked: Use,
        problems: &'a [Option<Reason>],
        vehicle: usize,
        effort: &mut Effort,
    ) -> Self {
        let limit = rules::most_below_root(asked.standard);
        let mut search = Self {
            facts,
            edges,
            problems,
            vehicle,
            limit,
            layers: Vec::new(),
            reached: BTreeMap::new(),
            wished: BTreeMap::new(),
        };
        search.reached = search.spread(|edge| edge.problem.is_none() && search.passes(edge.issuer));
        search.wished = search.spread(|_| true);
        search.layers = search.grow(effort);
        search
    }

    /// Whether paths may go through a root.
    fn passes(&self, root: usize) -> bool {
        self.problems.get(root).is_some_and(Option::is_none)
    }

    /// The paths of no, one, two … cross-certificates.
    fn grow(&self, effort: &mut Effort) -> Vec<BTreeMap<usize, Vec<CrossPath>>> {
        let certificate = self.facts.network().roots().get(self.vehicle).map(|root| &root.certificate);
        let left = certificate.and_then(|certificate| certificate.path_len()).map(|allows| Allowance {
            left: allows,
            by: Limiter::Root(self.vehicle),
            allows,
        });
        let start = CrossPath { crosses: Vec::new(), left, until: self.facts.issued_until(self.vehicle) };
        let mut layers: Vec<BTreeMap<usize, Vec<CrossPath>>> =
            vec![[(self.facts.group(self.vehicle), vec![start])].into()];
        for _ in 1..self.limit {
            let mut next: BTreeMap<usize, Vec<CrossPath>> = BTreeMap::new();
            for (group, cross_paths) in layers.last().into_iter().flatten() {
                for edge in self.edges_from(*group) {
                    if edge.problem.is_some() || !self.passes(edge.issuer) {
                        continue;
                    }
                    let target = self.facts.group(edge.subject);
                    effort.cross_paths += cross_paths.len();
                    let known = next.entry(target).or_default();
                    known.extend(cross_paths.iter().filter_map(|path| self.step(path, edge).ok()));
                    // The roomiest first; the order of cross-certificates decides between equals.
                    known.sort_by_key(|path| std::cmp::Reverse(path.left()));
                    known.truncate(KEPT);
                }
            }
            layers.push(next);
        }
        layers
    }

    fn edges_from(&self, group: usize) -> impl Iterator<Item = &'a Edge> {
        let places = self.facts.issued.get(group).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.edges.get(*place))
    }

    /// A path with one more cross-certificate, or why it must not be used there.
    fn step(&self, path: &CrossPath, edge: &Edge) -> Result<CrossPath, Reason> {
        let until = [path.until, self.facts.issued_until(edge.issuer)].into_iter().flatten().min();
        if let Some(until) = until.filter(|until| edge.not_before > *until) {
            let by = if path.until == Some(until) { self.vehicle } else { edge.issuer };
            return Err(Reason::CrossIssuedAfter(edge.cross, by, until));
        }
        // A self-issued certificate does not count (RFC 5280 section 6.1.4 (l)).
        let spent = u32::from(!edge.self_issued);
        let mut left = match path.left {
            None => None,
            Some(allowance) => match allowance.left.checked_sub(spent) {
                Some(left) => Some(Allowance { left, ..allowance }),
                None => return Err(path.too_small_for(1, usize::MAX, false)),
            },
        };
        if let Some(allows) = edge.path_len.filter(|own| left.is_none_or(|before| *own < before.left)) {
            left = Some(Allowance { left: allows, by: Limiter::Cross(edge.cross), allows });
        }
        let crosses = path.crosses.iter().copied().chain([edge.cross]).collect();
        Ok(CrossPath { crosses, left, until })
    }

    /// Every group that edges of a kind lead to, breadth first from the vehicle's root.
    fn spread(&self, usable: impl Fn(&Edge) -> bool) -> BTreeMap<usize, usize> {
        let start = self.facts.group(self.vehicle);
        let mut found = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(group) = queue.pop_front() {
            for place in self.facts.issued.get(group).into_iter().flatten() {
                let Some(edge) = self.edges.get(*place).filter(|edge| usable(edge)) else { continue };
                let target = self.facts.group(edge.subject);
                if target != start && !found.contains_key(&target) {
                    found.insert(target, *place);
                    queue.push_back(target);
                }
            }
        }
        found
    }

    /// The edges that [`Search::spread`] found to a group, from the vehicle's root on.
    fn trail(&self, found: &BTreeMap<usize, usize>, group: usize) -> Vec<&'a Edge> {
        let mut trail = Vec::new();
        let mut seen = BTreeSet::new();
        let mut group = group;
        while let Some(edge) = found.get(&group).and_then(|place| self.edges.get(*place)) {
            if !seen.insert(group) {
                break;
            }
            trail.push(edge);
            group = self.facts.group(edge.issuer);
        }
        trail.reverse();
        trail
    }

    fn cell(&self, charger: usize, chains: &Chains, effort: &mut Effort) -> Cell {
        let group = self.facts.group(charger);
        let mut cross_paths: Vec<&CrossPath> =
            self.layers.iter().filter_map(|layer| layer.get(&group)).flatten().collect();
        if cross_paths.is_empty() {
            return no(self.why_not(charger));
        }
        // The roomiest first; of equals the one with the fewest cross-certificates.
        cross_paths.sort_by_key(|path| std::cmp::Reverse(path.room(self.limit)));
        let (mut refused, mut second) = (Vec::new(), None);
        for path in cross_paths {
            match self.with_sub_cas(path, chains, effort) {
                Ok(exceptions) => {
                    let cell = self.cell_of(path, charger, chains, exceptions);
                    if cell.works() {
                        return cell;
                    }
                    second = second.or(Some(cell));
                }
                Err(reason) => refused.push(reason),
            }
        }
        refused.truncate(MOST_REASONS);
        second.unwrap_or_else(|| no(refused))
    }

    /// The answer by a path on which some of the known chains may be refused.
    fn cell_of(&self, path: &CrossPath, charger: usize, chains: &Chains, exceptions: Vec<Reason>) -> Cell {
        let room = path.room(self.limit);
        let short = |sub_cas| vec![path.too_small_for(sub_cas, self.limit, chains.assumed)];
        let (answer, reasons) = if room >= chains.longest() && !exceptions.is_empty() {
            (Answer::Partly, exceptions)
        } else if room >= chains.longest() {
            (if path.crosses.is_empty() { Answer::Direct } else { Answer::Cross }, Vec::new())
        } else if room >= chains.shortest() {
            (Answer::Partly, short(chains.longest()))
        } else {
            (Answer::No, short(chains.shortest()))
        };
        let issued_until = [path.until, self.facts.issued_until(charger)].into_iter().flatten().min();
        Cell {
            answer,
            path: Some(Path { crosses: path.crosses.clone(), sub_cas: room }),
            alternatives: self.alternatives(path, self.facts.group(charger)),
            reasons,
            issued_until: issued_until.filter(|_| answer != Answer::No),
        }
    }

    /// Has a path judged as a whole, once with each known chain of sub-CAs that it has room for: constraints
    /// on names and policies reach from one certificate to those below it. Gives the chains that are refused
    /// while others are not.
    fn with_sub_cas(
        &self,
        path: &CrossPath,
        chains: &Chains,
        effort: &mut Effort,
    ) -> Result<Vec<Reason>, Reason> {
        let roots = self.facts.network().roots();
        let Some(anchor) = roots.get(self.vehicle).map(|root| &*root.certificate) else {
            return Ok(Vec::new());
        };
        let crosses = self.facts.network().cross_certificates();
        let above: Vec<&Certificate> = path
            .crosses
            .iter()
            .filter_map(|place| crosses.get(*place))
            .map(|cross| &*cross.certificate)
            .collect();
        let room = path.room(self.limit);
        let fitting: Vec<&Chain> = chains.known.iter().filter(|chain| chain.length <= room).collect();
        let mut refused = Vec::new();
        for chain in &fitting {
            let sub_cas = chain.certificates.iter().map(|sub_ca| &**sub_ca);
            let whole: Vec<&Certificate> = above.iter().copied().chain(sub_cas).collect();
            refused.extend(self.refusal(anchor, &whole, effort));
        }
        // A single cross-certificate was judged before.
        if fitting.is_empty() && above.len() > 1 {
            return self.refusal(anchor, &above, effort).map_or(Ok(Vec::new()), Err);
        }
        match refused.first() {
            Some(first) if refused.len() == fitting.len() => Err(first.clone()),
            _ => {
                refused.truncate(MOST_REASONS);
                Ok(refused)
            }
        }
    }

    fn refusal(&self, anchor: &Certificate, chain: &[&Certificate], effort: &mut Effort) -> Option<Reason> {
        effort.paths += 1;
        let at = Inputs::at(self.facts.at().unix());
        let subject = |position: usize| chain.get(position).map_or("", |certificate| certificate.subject());
        if let Some(failure) = validate(anchor, chain, &at, &mut effort.signatures).failure {
            return Some(Reason::PathRefused(format!(
                "{}: {}",
                subject(failure.position),
                failure.rejection
            )));
        }
        // What the vehicle's root asks of the paths below it; OpenSSL on the device holds them to it.
        let mut findings = AnchorConstraints.judge(anchor, chain, &mut effort.signatures).into_iter();
        let failed = findings.find(|finding| finding.outcome == Outcome::Failed)?;
        let subject = failed.position.map_or(anchor.subject(), subject);
        Some(Reason::PathRefused(format!("{subject}: {}", failed.words)))
    }

    /// Other single cross-certificates with as much room.
    fn alternatives(&self, best: &CrossPath, group: usize) -> Vec<usize> {
        if best.crosses.len() != 1 {
            return Vec::new();
        }
        let others = self.layers.get(1).and_then(|layer| layer.get(&group)).into_iter().flatten();
        let as_good = others.filter(|path| path.room(self.limit) >= best.room(self.limit));
        as_good
            .flat_map(|path| path.crosses.iter().copied())
            .filter(|cross| !best.crosses.contains(cross))
            .take(MOST_ALTERNATIVES)
            .collect()
    }

    /// Why no path was found: of what comes nearest to one.
    fn why_not(&self, charger: usize) -> Vec<Reason> {
        let (start, group) = (self.facts.group(self.vehicle), self.facts.group(charger));
        if self.reached.contains_key(&group) {
            return vec![self.where_it_ends(&self.trail(&self.reached, group))];
        }
        let direct = self.edges_from(start).filter(|edge| self.facts.group(edge.subject) == group);
        let mut reasons: Vec<Reason> =
            direct.filter_map(|edge| edge.problem.clone()).take(MOST_REASONS).collect();
        if reasons.is_empty() {
            for edge in self.trail(&self.wished, group) {
                let issuer = self.problems.get(edge.issuer).and_then(Clone::clone);
                reasons.extend(issuer.into_iter().chain(edge.problem.clone()));
            }
            reasons.truncate(MOST_REASONS);
        }
        if reasons.is_empty() {
            let back = self.edges_from(group).find(|edge| self.facts.group(edge.subject) == start);
            reasons.push(back.map_or(Reason::NoCrossCertificate, |edge| Reason::OtherDirection(edge.cross)));
        }
        reasons
    }

    /// Where a trail of sound cross-certificates comes to its end.
    fn where_it_ends(&self, trail: &[&Edge]) -> Reason {
        let (crosses, limit) = (trail.len(), self.limit);
        let certificates = crosses + 1;
        let too_deep = Reason::TooDeep { certificates, crosses, limit, assumed: false };
        let start = self.layers.first().and_then(|layer| layer.values().flatten().next()).cloned();
        let (Some(mut path), true) = (start, certificates <= limit) else { return too_deep };
        for edge in trail {
            match self.step(&path, edge) {
                Ok(next) => path = next,
                Err(reason) => return reason,
            }
        }
        too_deep
    }
}
