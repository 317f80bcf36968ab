//! Certificate policies along a path: the policy graph of RFC 9618, which takes the place of RFC 5280's tree.
//!
//! The tree could grow exponentially with the length of the path. The graph has at each depth one node per
//! policy, and besides a limit that no honest path comes near.

use std::collections::{BTreeMap, BTreeSet};

use super::Rejection;
use crate::extension::{PolicyInformation, PolicyMapping};
use crate::oid::ANY_POLICY;

/// The most nodes and edges that a graph may have over the whole path.
pub(super) const MAX_GRAPH: usize = 20_000;

/// The valid_policy_graph.
#[derive(Clone, Debug)]
pub(super) struct PolicyGraph<'a> {
    /// One level per depth; none at all is the RFC's NULL.
    levels: Vec<Level<'a>>,
    size: usize,
}

/// The nodes of one depth by their valid_policy.
type Level<'a> = BTreeMap<&'a str, Node<'a>>;

#[derive(Clone, Debug)]
struct Node<'a> {
    parents: Vec<&'a str>,
    expected: BTreeSet<&'a str>,
}

impl<'a> PolicyGraph<'a> {
    /// Section 6.1.2 (a): anyPolicy at depth zero.
    pub(super) fn new() -> Self {
        let root = Node { parents: Vec::new(), expected: BTreeSet::from([ANY_POLICY]) };
        Self { levels: vec![BTreeMap::from([(ANY_POLICY, root)])], size: 1 }
    }

    /// How many nodes and edges were made.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Whether no policy is left.
    pub(super) fn is_null(&self) -> bool {
        self.levels.is_empty()
    }

    /// Section 6.1.3 (d) and (e): the next certificate's policies. `any_counts` says whether anyPolicy among
    /// them may be used.
    pub(super) fn certificate(
        &mut self,
        policies: Option<&'a [PolicyInformation]>,
        any_counts: bool,
    ) -> Result<(), Rejection> {
        let Some(policies) = policies else {
            self.levels.clear();
            return Ok(());
        };
        let Some(above) = self.levels.last() else { return Ok(()) };
        let mut expecting = BTreeMap::<&'a str, Vec<&'a str>>::new();
        for (policy, node) in above {
            for expected in &node.expected {
                expecting.entry(expected).or_default().push(policy);
            }
        }
        let above_has_any = above.contains_key(ANY_POLICY);
        let mut level = Level::new();
        for policy in policies.iter().map(|information| information.policy.as_str()) {
            if policy == ANY_POLICY {
                continue;
            }
            let parents = match expecting.get(policy) {
                Some(parents) => parents.clone(),
                None if above_has_any => vec![ANY_POLICY],
                None => continue,
            };
            level.insert(policy, Node { parents, expected: BTreeSet::from([policy]) });
        }
        if any_counts && policies.iter().any(|information| information.policy == ANY_POLICY) {
            for (policy, parents) in expecting {
                level.entry(policy).or_insert_with(|| Node { parents, expected: BTreeSet::from([policy]) });
            }
        }
        self.size += level.values().map(|node| 1 + node.parents.len()).sum::<usize>();
        self.levels.push(level);
        self.within_limit()?;
        self.prune();
        Ok(())
    }

    /// Section 6.1.4 (b): the mappings of the certificate whose policies came last.
    pub(super) fn map(&mut self, mappings: &'a [PolicyMapping], allowed: bool) -> Result<(), Rejection> {
        let mut by_issuer_domain = BTreeMap::<&'a str, BTreeSet<&'a str>>::new();
        for mapping in mappings {
            by_issuer_domain.entry(&mapping.issuer_domain).or_default().insert(&mapping.subject_domain);
        }
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let has_any = level.contains_key(ANY_POLICY);
        for (policy, equivalents) in by_issuer_domain {
            if !allowed {
                level.remove(policy);
                continue;
            }
            self.size += equivalents.len();
            if let Some(node) = level.get_mut(policy) {
                node.expected = equivalents;
            } else if has_any {
                level.insert(policy, Node { parents: vec![ANY_POLICY], expected: equivalents });
            }
        }
        self.within_limit()?;
        self.prune();
        Ok(())
    }

    /// Section 6.1.3 (d)(3): nodes without children go, from the lowest but one upwards.
    fn prune(&mut self) {
        let mut levels = self.levels.iter_mut().rev();
        let Some(mut below) = levels.next() else { return };
        for level in levels {
            let parents: BTreeSet<&str> =
                below.values().flat_map(|node| node.parents.iter().copied()).collect();
            level.retain(|policy, _| parents.contains(policy));
            below = level;
        }
        if self.levels.iter().any(BTreeMap::is_empty) {
            self.levels.clear();
        }
    }

    fn within_limit(&self) -> Result<(), Rejection> {
        if self.size > MAX_GRAPH { Err(Rejection::PolicyLimit(MAX_GRAPH)) } else { Ok(()) }
    }

    /// Section 6.1.5 (g)(1) to (4): the policies of the path as the anchor's domain names them.
    pub(super) fn authority_constrained(&self) -> BTreeSet<String> {
        let of_any = |node: &Node<'_>| matches!(node.parents.as_slice(), [parent] if *parent == ANY_POLICY);
        let mut policies: BTreeSet<String> = self
            .levels
            .iter()
            .flatten()
            .filter(|(policy, node)| **policy != ANY_POLICY && of_any(node))
            .map(|(policy, _)| (*policy).to_owned())
            .collect();
        if self.levels.last().is_some_and(|last| last.contains_key(ANY_POLICY)) {
            policies.insert(ANY_POLICY.to_owned());
        }
        policies
    }

    /// Section 6.1.5 (g)(5): of those, the ones that the user accepts.
    pub(super) fn user_constrained(&self, accepted: Option<&BTreeSet<String>>) -> BTreeSet<String> {
        let authority = self.authority_constrained();
        match accepted {
            None => authority,
            Some(accepted) if accepted.contains(ANY_POLICY) => authority,
            Some(accepted) if authority.contains(ANY_POLICY) => accepted.clone(),
            Some(accepted) => authority.intersection(accepted).cloned().collect(),
        }
    }

    /// The policies that hold at the lowest depth, as the last certificate names them.
    pub(super) fn holding(&self) -> impl Iterator<Item = &'a str> {
        self.levels.last().into_iter().flat_map(|level| level.keys().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOLD: &str = "2.999.1";
    const SILVER: &str = "2.999.2";
    const FOREIGN: &str = "2.999.10";

    fn policies(oids: &[&str]) -> Vec<PolicyInformation> {
        let information =
            |oid: &&str| PolicyInformation { policy: (*oid).to_owned(), qualifiers: Vec::new() };
        oids.iter().map(information).collect()
    }

    fn mappings(pairs: &[(&str, &str)]) -> Vec<PolicyMapping> {
        let mapping = |(issuer, subject): &(&str, &str)| PolicyMapping {
            issuer_domain: (*issuer).to_owned(),
            subject_domain: (*subject).to_owned(),
        };
        pairs.iter().map(mapping).collect()
    }

    fn set(oids: &[&str]) -> BTreeSet<String> {
        oids.iter().map(|oid| (*oid).to_owned()).collect()
    }

    #[test]
    fn only_what_every_certificate_says_holds() {
        let (both, gold) = (policies(&[GOLD, SILVER]), policies(&[GOLD]));
        let mut graph = PolicyGraph::new();
        graph.certificate(Some(&both), true).unwrap();
        assert_eq!(graph.authority_constrained(), set(&[GOLD, SILVER]));
        graph.certificate(Some(&gold), true).unwrap();
        assert_eq!(graph.authority_constrained(), set(&[GOLD]));
        assert_eq!(graph.user_constrained(Some(&set(&[SILVER]))), set(&[]));
        graph.certificate(None, true).unwrap();
        assert!(graph.is_null() && graph.authority_constrained().is_empty());
    }

    #[test]
    fn any_policy_stands_for_what_is_asked_for() {
        let any = policies(&[ANY_POLICY]);
        let mut graph = PolicyGraph::new();
        graph.certificate(Some(&any), true).unwrap();
        graph.certificate(Some(&any), true).unwrap();
        assert_eq!(graph.authority_constrained(), set(&[ANY_POLICY]));
        assert_eq!(graph.user_constrained(Some(&set(&[GOLD]))), set(&[GOLD]));
        graph.certificate(Some(&any), false).unwrap();
        assert!(graph.is_null());
    }

    #[test]
    fn a_mapped_policy_is_reported_under_the_anchors_name_for_it() {
        let (gold, foreign) = (policies(&[GOLD]), policies(&[FOREIGN]));
        let map = mappings(&[(GOLD, FOREIGN)]);
        let mut graph = PolicyGraph::new();
        graph.certificate(Some(&gold), true).unwrap();
        graph.map(&map, true).unwrap();
        graph.certificate(Some(&foreign), true).unwrap();
        assert_eq!(graph.authority_constrained(), set(&[GOLD]));
        assert_eq!(graph.holding().collect::<Vec<_>>(), [FOREIGN]);
    }

    #[test]
    fn a_mapping_that_is_inhibited_takes_the_policy_away() {
        let (both, map) = (policies(&[GOLD, SILVER]), mappings(&[(GOLD, FOREIGN)]));
        let mut graph = PolicyGraph::new();
        graph.certificate(Some(&both), true).unwrap();
        graph.map(&map, false).unwrap();
        assert_eq!(graph.authority_constrained(), set(&[SILVER]));
    }

    #[test]
    fn the_cross_product_that_blew_up_the_tree_stays_small() {
        let (both, square) = (
            policies(&[GOLD, SILVER]),
            mappings(&[(GOLD, GOLD), (GOLD, SILVER), (SILVER, GOLD), (SILVER, SILVER)]),
        );
        let mut graph = PolicyGraph::new();
        for _ in 0..super::super::MAX_CHAIN {
            graph.certificate(Some(&both), true).unwrap();
            graph.map(&square, true).unwrap();
        }
        assert_eq!(graph.authority_constrained(), set(&[GOLD, SILVER]));
        assert!(graph.size < 11 * super::super::MAX_CHAIN, "{}", graph.size);
    }

    #[test]
    fn more_policies_than_honest_are_refused() {
        let many: Vec<_> = (0..3000).map(|number| format!("2.999.{number}")).collect();
        let many = policies(&many.iter().map(String::as_str).collect::<Vec<_>>());
        let mut graph = PolicyGraph::new();
        let refused = (0..20).find_map(|_| graph.certificate(Some(&many), true).err());
        assert_eq!(refused, Some(Rejection::PolicyLimit(MAX_GRAPH)));
    }

    /// One certificate: its policies, and its mappings from and to.
    type Numbers = (Vec<usize>, Vec<(usize, usize)>);

    /// The tree of RFC 5280 as it was first written, for small paths: every way through the graph by itself.
    fn tree(path: &[Numbers], any_counts: bool) -> BTreeSet<usize> {
        // A branch: what the anchor's domain calls it (0 is anyPolicy), and what the next may call it.
        let mut branches = vec![(0, BTreeSet::from([0]))];
        for (policies, mappings) in path {
            let mut next = Vec::new();
            for policy in policies.iter().filter(|policy| **policy != 0) {
                let matching = branches.iter().filter(|(_, expected)| expected.contains(policy));
                let mut found: Vec<_> = matching.map(|(origin, _)| (*origin, *policy)).collect();
                if found.is_empty() && branches.iter().any(|(origin, _)| *origin == 0) {
                    found.push((*policy, *policy));
                }
                next.extend(found);
            }
            if any_counts && policies.contains(&0) {
                for (origin, expected) in &branches {
                    for policy in expected.iter().filter(|policy| !policies.contains(policy) || **policy == 0)
                    {
                        next.push((*origin, *policy));
                    }
                }
            }
            let mapped = |policy: usize| -> BTreeSet<usize> {
                let to: BTreeSet<_> =
                    mappings.iter().filter(|(from, _)| *from == policy).map(|(_, to)| *to).collect();
                if to.is_empty() { BTreeSet::from([policy]) } else { to }
            };
            let named: BTreeSet<usize> = next.iter().map(|(_, policy)| *policy).collect();
            branches = next.iter().map(|(origin, policy)| (*origin, mapped(*policy))).collect();
            if named.contains(&0) {
                let new: BTreeSet<_> =
                    mappings.iter().map(|(from, _)| *from).filter(|from| !named.contains(from)).collect();
                branches.extend(new.into_iter().map(|policy| (policy, mapped(policy))));
            }
        }
        branches.into_iter().map(|(origin, _)| origin).collect()
    }

    proptest! {
        #[test]
        fn the_graph_says_what_the_tree_would_have_said(
            path in proptest::collection::vec(
                (
                    proptest::collection::btree_set(0..4_usize, 0..4),
                    proptest::collection::vec((1..4_usize, 1..4_usize), 0..4),
                ),
                1..5,
            ),
            any_counts in any::<bool>(),
        ) {
            let name = |number: usize| {
                if number == 0 { ANY_POLICY.to_owned() } else { format!("2.999.{number}") }
            };
            let path: Vec<Numbers> =
                path.into_iter().map(|(policies, mappings)| (policies.into_iter().collect(), mappings)).collect();
            let extensions: Vec<_> = path.iter().map(|(numbers, pairs)| {
                let oids: Vec<_> = numbers.iter().map(|number| name(*number)).collect();
                let pairs: Vec<_> = pairs.iter().map(|(from, to)| (name(*from), name(*to))).collect();
                (
                    policies(&oids.iter().map(String::as_str).collect::<Vec<_>>()),
                    mappings(&pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>()),
                )
            }).collect();
            let mut graph = PolicyGraph::new();
            for (policies, mappings) in &extensions {
                graph.certificate(Some(policies), any_counts).unwrap();
                graph.map(mappings, true).unwrap();
            }
            let expected: BTreeSet<String> = tree(&path, any_counts).into_iter().map(name).collect();
            prop_assert_eq!(graph.authority_constrained(), expected);
        }
    }
}
