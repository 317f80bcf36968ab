//! The budget against brute force, on cases built to be hard, and what always holds of it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The best by looking at every choice.
fn brute_force(reach: &[Vec<usize>], weights: &[u64], most: usize) -> Vec<u64> {
    let mut best = vec![0; most + 1];
    for choice in 0_u32..1 << reach.len() {
        let size = choice.count_ones() as usize;
        if size > most {
            continue;
        }
        let chosen = (0..reach.len()).filter(|place| choice >> place & 1 == 1);
        let union: BTreeSet<usize> = chosen.flat_map(|place| reach[place].iter().copied()).collect();
        let sum = union.iter().map(|place| weights[*place]).sum();
        best[size] = best[size].max(sum);
    }
    for size in 1..=most {
        best[size] = best[size].max(best[size - 1]);
    }
    best
}

fn sum(reach: &[Vec<usize>], weights: &[u64], roots: &[usize]) -> u64 {
    let union: BTreeSet<usize> = roots.iter().flat_map(|place| reach[*place].iter().copied()).collect();
    union.iter().map(|place| weights[*place]).sum()
}

fn problems(most: usize) -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<u64>)> {
    (1..=most).prop_flat_map(|count| {
        let sets = prop::collection::vec(prop::collection::vec(0..count, 0..=count), count);
        (sets, prop::collection::vec(prop_oneof![Just(1_u64), 0..50_u64, Just(MAX_WEIGHT)], count))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn exact_is_the_best_that_brute_force_finds((reach, weights) in problems(12), most in 1..13_usize) {
        let best = brute_force(&reach, &weights, most);
        let found = choices(&reach, &weights, most);
        for (place, choice) in found.iter().enumerate() {
            prop_assert_eq!(choice.roots.len(), place + 1);
            prop_assert_eq!(choice.reached, best[place + 1]);
            prop_assert_eq!(choice.reached, sum(&reach, &weights, &choice.roots));
            prop_assert!(choice.is_exact());
        }
        // It ends only where more roots reach no more.
        let reached = found.last().map_or(0, |choice| choice.reached);
        prop_assert_eq!(reached, best[most]);
        prop_assert!(found.windows(2).all(|pair| pair[0].reached < pair[1].reached), "more roots reach more");
    }

    #[test]
    fn greedy_keeps_its_promise((reach, weights) in problems(12), most in 1..13_usize) {
        let best = brute_force(&reach, &weights, most);
        let mut last = 0;
        for choice in greedy::choices(&reach, &weights, most) {
            let best = best[choice.roots.len()];
            prop_assert_eq!(choice.reached, sum(&reach, &weights, &choice.roots));
            prop_assert!(choice.reached <= best && best <= choice.at_most, "{:?} {}", choice, best);
            prop_assert!(choice.reached as f64 >= best as f64 * (1.0 - (-1.0_f64).exp()));
            prop_assert!(choice.reached > last);
            last = choice.reached;
        }
    }
}

/// Numbers that look random and are the same everywhere.
fn shuffled(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// The generalised quadrangle W(3): 40 points, 40 lines of 4 points, 4 lines through each point; a cover
/// without overlaps would need 10 lines, and every bound by counting says that they may exist.
fn quadrangle() -> Vec<Vec<usize>> {
    let mut points: Vec<[u8; 4]> = Vec::new();
    for number in 1..81_u8 {
        let point = [number / 27, number / 9 % 3, number / 3 % 3, number % 3];
        if point.iter().find(|part| **part != 0) == Some(&1) {
            points.push(point);
        }
    }
    let joined = |a: &[u8; 4], b: &[u8; 4]| {
        let part = |i: usize, j: usize| i16::from(a[i]) * i16::from(b[j]) - i16::from(a[j]) * i16::from(b[i]);
        (part(0, 1) + part(2, 3)) % 3 == 0
    };
    let mut lines = BTreeSet::new();
    for (first, a) in points.iter().enumerate() {
        for (second, b) in points.iter().enumerate().skip(first + 1) {
            if joined(a, b) {
                let on = |point: &[u8; 4]| joined(a, point) && joined(b, point);
                let line: Vec<usize> = (0..points.len()).filter(|place| on(&points[*place])).collect();
                assert_eq!(line.len(), 4, "{first} {second}");
                lines.insert(line);
            }
        }
    }
    lines.into_iter().collect()
}

#[test]
fn forty_roots_are_exact_in_hard_cases_too() {
    let mut cases = vec![("quadrangle", quadrangle())];
    // Its dual: no ten points lie on all lines (Q(4,3) has no spread).
    let lines = quadrangle();
    let dual = (0..40).map(|point| (0..40).filter(|line| lines[*line].contains(&point)).collect()).collect();
    cases.push(("its dual", dual));
    for (name, size, seed) in
        [("random 3", 3, 1), ("random 5", 5, 2), ("random 8", 8, 3), ("random 12", 12, 4)]
    {
        let mut random = shuffled(seed);
        let set = |place: usize| -> Vec<usize> {
            let mut set = BTreeSet::from([place]);
            while set.len() < size {
                set.insert(random(40) as usize);
            }
            set.into_iter().collect()
        };
        cases.push((name, (0..40).map(set).collect()));
    }
    let ring = (0..40).map(|place: usize| (0..5).map(|step| (place + step * step) % 40).collect()).collect();
    cases.push(("ring", ring));
    for (name, reach) in cases {
        assert_eq!(reach.len(), 40);
        let found = choices(&reach, &[1; 40], 40);
        assert!(found.iter().all(Choice::is_exact), "{name}: {found:?}");
        assert_eq!(found.last().unwrap().reached, 40, "{name}");
        assert!(found.windows(2).all(|pair| pair[0].reached < pair[1].reached), "{name}");
    }
}

#[test]
fn more_roots_than_can_be_solved_are_answered_with_a_bound() {
    let mut random = shuffled(5);
    let reach: Vec<Vec<usize>> = (0..200)
        .map(|place| std::iter::once(place).chain((0..9).map(|_| random(200) as usize)).collect())
        .collect();
    let found = choices(&reach, &[1; 200], 40);
    assert!(found.iter().any(|choice| !choice.is_exact()), "the greedy answer is not always proven");
    for choice in &found {
        assert_eq!(choice.reached, sum(&reach, &[1; 200], &choice.roots));
        assert!(choice.reached <= choice.at_most && choice.at_most <= 200);
    }
}
