//! Graphs built to explode: the work of a search is counted and bounded whatever it is given, the valid path is
//! found all the same, and what was left out is told. And small random graphs, where a search by brute force says
//! which paths there are.

use std::collections::BTreeSet;

use ctl_pki::Certificate;
use ctl_pki::path::{Limit, Limits, Question, Search, search};
use ctl_sandbox::shape::{Key, Shape};
use proptest::prelude::*;

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;

fn key(label: &str) -> Key {
    Key::p256(label).unwrap()
}

fn ca(name: &str, key: &Key, issuer: &str, issuer_key: &Key, serial: u64) -> Certificate {
    let shape = Shape::ca(&format!("CN={name}"), key, None).unwrap().serial(serial);
    shape.signed_by(&format!("CN={issuer}"), issuer_key).unwrap()
}

fn root(name: &str, key: &Key) -> Certificate {
    Shape::ca(&format!("CN={name}"), key, None).unwrap().self_signed().unwrap()
}

fn leaf(issuer: &str, issuer_key: &Key) -> Certificate {
    let shape = Shape::new("CN=leaf", &key("leaf")).unwrap();
    shape.signed_by(&format!("CN={issuer}"), issuer_key).unwrap()
}

/// Searches within the usual limits and checks that they held.
fn bounded<'a>(leaf: &'a Certificate, pool: &'a [Certificate], anchors: &'a [Certificate]) -> Search<'a> {
    let limits = Limits::default();
    let found = search(leaf, pool, anchors, &Question::at(NOW));
    let work = found.work;
    assert!(work.certificates >= 95, "{work:?} is no large graph");
    assert!(work.signatures <= limits.signatures, "{work:?}");
    assert!(work.edges <= limits.edges, "{work:?}");
    assert!(work.judged <= limits.judged, "{work:?}");
    assert!(found.candidates.len() <= 2 * limits.kept && found.dead_ends.len() <= limits.dead_ends);
    found
}

#[test]
fn cas_that_all_certify_each_other() {
    let keys: Vec<_> = (0..10).map(|n| key(&format!("mesh {n}"))).collect();
    let mut pool = Vec::new();
    for (i, subject) in keys.iter().enumerate() {
        for (j, issuer) in keys.iter().enumerate().filter(|(j, _)| *j != i) {
            pool.push(ca(&format!("M{i}"), subject, &format!("M{j}"), issuer, 1));
        }
    }
    let root_key = key("R");
    pool.extend((6..10).map(|n| ca(&format!("M{n}"), &keys[n], "R", &root_key, 2)));
    let (anchors, leaf) = ([root("R", &root_key)], leaf("M0", &keys[0]));
    let found = bounded(&leaf, &pool, &anchors);
    assert_eq!(found.best().unwrap().chain.len(), 3, "the shortest path comes first");
    // Every certificate's signature is verified once, however many of the million paths hold it.
    assert!(found.work.signatures <= pool.len() + 1, "{:?}", found.work);
    assert!(found.reached.contains(&Limit::Kept), "{:?}", found.reached);
}

#[test]
fn one_name_and_a_hundred_keys() {
    let keys: Vec<_> = (0..97).map(|n| key(&format!("namesake {n}"))).collect();
    let root_key = key("R");
    let build = |with_hints: bool| {
        let sign = |subject: usize, issuer: &str, issuer_key: &Key| {
            let shape = Shape::ca("CN=A", &keys[subject], None).unwrap();
            let shape = if with_hints { shape } else { shape.without_key_ids() };
            shape.signed_by(&format!("CN={issuer}"), issuer_key).unwrap()
        };
        // Each key under the one seven further on; the last seven under the root.
        let mut pool: Vec<_> = (0..90).map(|n| sign(n, "A", &keys[n + 7])).collect();
        pool.extend((90..97).map(|n| sign(n, "R", &root_key)));
        pool
    };
    let anchors = [root("R", &root_key)];
    let (near, far) = (leaf("A", &keys[75]), leaf("A", &keys[0]));
    // Key identifiers lead to the path at a signature a step, and then all others are tried as far as allowed.
    let hinted = build(true);
    let found = bounded(&near, &hinted, &anchors);
    assert_eq!(found.best().unwrap().chain.len(), 5);
    assert!(found.reached.contains(&Limit::Signatures), "what was not tried is told");
    // Without them a long way among namesakes costs more than allowed. That is told, and nothing is made up.
    let blind = build(false);
    let found = bounded(&far, &blind, &anchors);
    assert!(found.best().is_none());
    assert!(!found.reached.is_empty());
}

#[test]
fn one_key_and_a_hundred_names() {
    // Every signature fits every issuer of the key; the names alone keep them apart.
    let shared = key("shared");
    let name = |n: usize| format!("N{n}");
    let mut pool = Vec::new();
    for n in 0..32 {
        for step in [1, 2, 3] {
            pool.push(ca(&name(n), &shared, &name((n + step) % 33), &shared, step as u64));
        }
    }
    let (anchors, leaf) = ([root("N32", &shared)], leaf("N26", &shared));
    let found = bounded(&leaf, &pool, &anchors);
    assert_eq!(found.best().unwrap().chain.len(), 3);
    assert!(found.work.signatures <= pool.len() + 1, "{:?}", found.work);
}

#[test]
fn a_ladder_with_eight_twins_on_every_rung() {
    let rung = |n: usize| (format!("L{n}"), key(&format!("rung {n}")));
    let mut pool = Vec::new();
    for n in 0..12 {
        let ((name, subject), (issuer, issuer_key)) = (rung(n), rung(n + 1));
        pool.extend((0..8).map(|twin| ca(&name, &subject, &issuer, &issuer_key, twin + 1)));
    }
    let (top, top_key) = rung(12);
    let anchors = [root(&top, &top_key)];
    let (name, bottom) = rung(2);
    let leaf = leaf(&name, &bottom);
    // Eight to the tenth paths, each of them valid.
    let found = bounded(&leaf, &pool, &anchors);
    assert_eq!(found.best().unwrap().chain.len(), 11);
    assert!(!found.reached.is_empty());
    assert!(found.work.signatures <= 81, "{:?}", found.work);
}

#[test]
fn impostors_with_the_right_name_and_key_identifier() {
    let (root_key, honest) = (key("R"), key("honest"));
    let mut pool: Vec<_> = (0..97)
        .map(|n| {
            let shape = Shape::ca("CN=A", &key(&format!("impostor {n}")), None).unwrap();
            shape.subject_key_id(&honest.id()).signed_by("CN=R", &root_key).unwrap()
        })
        .collect();
    pool.push(ca("A", &honest, "R", &root_key, 1));
    let (anchors, leaf) = ([root("R", &root_key)], leaf("A", &honest));
    let found = bounded(&leaf, &pool, &anchors);
    assert_eq!(found.best().unwrap().chain, [&pool[97], &leaf]);
}

#[test]
fn a_flood_of_paths_that_fail_hides_no_valid_one() {
    let (root_key, sub) = (key("R"), key("A"));
    let expired = |serial| {
        let shape = Shape::ca("CN=A", &sub, None).unwrap().serial(serial).valid(0, NOW - 1);
        shape.signed_by("CN=R", &root_key).unwrap()
    };
    let mut pool: Vec<_> = (1..=400).map(expired).collect();
    // The valid way is longer than any of them.
    pool.push(ca("A", &sub, "B", &key("B"), 1));
    pool.push(ca("B", &key("B"), "C", &key("C"), 1));
    pool.push(ca("C", &key("C"), "R", &root_key, 1));
    let (anchors, leaf) = ([root("R", &root_key)], leaf("A", &sub));
    let found = bounded(&leaf, &pool, &anchors);
    assert_eq!(found.best().unwrap().chain.len(), 4);
    assert!(found.candidates.len() > 1, "those that fail are shown, too");
}

#[test]
fn a_hundred_of_everything_that_costs_most() {
    // One name; each of fifty keys certified by two others, so that the search branches at every step and every
    // step has fifty keys to try; no hints, and an anchor of that name whose key signed nothing.
    let keys: Vec<_> = (0..50).map(|n| key(&format!("shared {n}"))).collect();
    let sign =
        |shape: Shape, issuer: usize| shape.without_key_ids().signed_by("CN=A", &keys[issuer % 50]).unwrap();
    let mut pool = Vec::new();
    for (index, subject) in keys.iter().enumerate() {
        for issuer in [index * 2 + 1, index * 3 + 2] {
            pool.push(sign(Shape::ca("CN=A", subject, None).unwrap(), issuer));
        }
    }
    let leaf = sign(Shape::new("CN=leaf", &key("leaf")).unwrap(), 0);
    let anchors = [root("A", &key("nobody's"))];
    let found = bounded(&leaf, &pool, &anchors);
    assert!(found.candidates.is_empty());
    assert_eq!(found.work.signatures, Limits::default().signatures);
    assert!(found.reached.contains(&Limit::Signatures));
}

#[test]
fn large_certificates_with_many_constraints_buy_no_time() {
    // Every CA permits the same three hundred DNS names; the leaf has three hundred names; and there are paths
    // without end: each costs as much as a path may, and together they must not.
    let root_key = key("R");
    let names = |tag: u8| -> Vec<u8> {
        (0..300)
            .flat_map(|n| {
                let name = format!("host-{n:03}.example");
                let mut element = vec![tag, name.len() as u8];
                element.extend(name.bytes());
                element
            })
            .collect()
    };
    let long = |tag: u8, content: &[u8]| {
        let mut element = vec![tag, 0x82, (content.len() >> 8) as u8, content.len() as u8];
        element.extend(content);
        element
    };
    let subtrees: Vec<u8> = names(0x82).chunks(18).flat_map(|name| [&[0x30, 18], name].concat()).collect();
    let constraints = long(0x30, &long(0xa0, &subtrees));
    let alt_names = long(0x30, &names(0x82));
    let rung = |n: usize| (format!("L{n}"), key(&format!("rung {n}")));
    let mut pool = Vec::new();
    for n in 0..4 {
        let ((name, subject), (issuer, issuer_key)) = (rung(n), rung(n + 1));
        for twin in 1..=24 {
            let shape = Shape::ca(&format!("CN={name}"), &subject, None).unwrap().serial(twin);
            let shape = shape.extension("2.5.29.30", true, &constraints);
            let (issuer, issuer_key) = if n == 3 { ("R", &root_key) } else { (issuer.as_str(), &issuer_key) };
            pool.push(shape.signed_by(&format!("CN={issuer}"), issuer_key).unwrap());
        }
    }
    let leaf = Shape::new("CN=leaf", &key("leaf")).unwrap().extension("2.5.29.17", false, &alt_names);
    let leaf = leaf.signed_by("CN=L0", &rung(0).1).unwrap();
    let anchors = [root("R", &root_key)];
    let found = bounded(&leaf, &pool, &anchors);
    assert!(found.reached.contains(&Limit::Checks), "{:?} {:?}", found.work, found.reached);
    // The last path may overrun the limit by what one path may take.
    assert!(found.work.checks < Limits::default().checks + 300_000, "{:?}", found.work);
}

/// A certificate of a random graph: subject's name and key, issuer's name and key, as numbers.
type Made = (usize, usize, usize, usize);

/// All paths to the anchor by brute force over what is known of the making, without a signature.
fn brute_force(leaf: Made, pool: &[Made], anchors: &[(usize, usize)]) -> BTreeSet<Vec<Made>> {
    fn climb(
        partial: &mut Vec<Made>,
        pool: &[Made],
        anchors: &[(usize, usize)],
        paths: &mut BTreeSet<Vec<Made>>,
    ) {
        let top = partial[partial.len() - 1];
        let issuer = (top.2, top.3);
        let repeated = partial.iter().any(|made| (made.0, made.1) == issuer);
        if anchors.contains(&issuer) && (!repeated || partial.len() == 1) {
            paths.insert(partial.clone());
        }
        if repeated {
            return;
        }
        for next in pool.iter().filter(|next| (next.0, next.1) == issuer) {
            partial.push(*next);
            climb(partial, pool, anchors, paths);
            partial.pop();
        }
    }
    let mut paths = BTreeSet::new();
    climb(&mut vec![leaf], pool, anchors, &mut paths);
    paths
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_path_of_a_small_graph_is_found(
        pool in prop::collection::btree_set((0..3usize, 0..3usize, 0..3usize, 0..3usize), 0..11),
        anchors in prop::collection::btree_set((0..3usize, 0..3usize), 1..3),
        issuer in (0..3usize, 0..3usize),
        hints in any::<bool>(),
    ) {
        let keys: Vec<_> = (0..3).map(|n| key(&format!("random {n}"))).collect();
        let pool: Vec<Made> = pool.into_iter().collect();
        let anchors: Vec<(usize, usize)> = anchors.into_iter().collect();
        let make = |made: &Made, serial: usize| {
            let shape = Shape::ca(&format!("CN=N{}", made.0), &keys[made.1], None).unwrap().serial(serial as u64 + 1);
            let shape = if hints { shape } else { shape.without_key_ids() };
            shape.signed_by(&format!("CN=N{}", made.2), &keys[made.3]).unwrap()
        };
        let certificates: Vec<_> = pool.iter().enumerate().map(|(n, made)| make(made, n)).collect();
        let roots: Vec<_> = anchors.iter().map(|(name, of)| root(&format!("N{name}"), &keys[*of])).collect();
        let bottom = leaf(&format!("N{}", issuer.0), &keys[issuer.1]);
        let made_leaf = (9, 9, issuer.0, issuer.1);
        let limits = Limits { signatures: 10_000, edges: 100_000, judged: 100_000, checks: 10_000_000, kept: 100_000, depth: 30, dead_ends: 10 };
        let found = search(&bottom, &certificates, &roots, &Question { limits, ..Question::at(NOW) });
        let number = |certificate: &Certificate| {
            certificates.iter().position(|other| other == certificate).map_or(made_leaf, |at| pool[at])
        };
        let paths: Vec<Vec<Made>> = found
            .candidates
            .iter()
            .map(|candidate| candidate.chain.iter().rev().map(|certificate| number(certificate)).collect())
            .collect();
        let distinct: BTreeSet<_> = paths.iter().cloned().collect();
        prop_assert_eq!(paths.len(), distinct.len(), "no path is told twice");
        prop_assert_eq!(distinct, brute_force(made_leaf, &pool, &anchors));
        prop_assert!(found.reached.is_empty());
        prop_assert!(found.candidates.iter().all(|candidate| candidate.is_accepted()));
    }
}
