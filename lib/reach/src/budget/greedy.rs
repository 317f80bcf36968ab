//! Beyond what can be solved exactly: always the root that adds most. That reaches at least 1 - 1/e of
//! the best (63 %); the bound that is given besides is usually much closer.

use std::cmp::Reverse;

use super::Choice;

pub(super) fn choices(reach: &[Vec<usize>], weights: &[u64], most: usize) -> Vec<Choice> {
    let everything: u64 = {
        let mut seen = vec![false; weights.len()];
        reach.iter().flatten().filter_map(|place| cover(&mut seen, weights, *place)).sum()
    };
    let mut covered = vec![false; weights.len()];
    let mut chosen: Vec<usize> = Vec::new();
    let mut reached = 0;
    // What remains to be gained by each root, the most first, after none, one, two … were chosen.
    let mut rounds: Vec<(u64, Vec<u64>)> = Vec::new();
    let mut found: Vec<Choice> = Vec::new();
    loop {
        let gain = |set: &Vec<usize>| -> u64 {
            let mut seen = covered.clone();
            set.iter().filter_map(|place| cover(&mut seen, weights, *place)).sum()
        };
        let gains: Vec<u64> = reach.iter().map(gain).collect();
        let best = gains.iter().copied().enumerate().max_by_key(|(place, gain)| (*gain, Reverse(*place)));
        let mut sorted = gains;
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        rounds.push((reached, sorted));
        let Some((place, gain)) = best.filter(|(_, gain)| *gain > 0 && chosen.len() < most) else { break };
        for other in reach.get(place).into_iter().flatten() {
            cover(&mut covered, weights, *other);
        }
        reached += gain;
        chosen.push(place);
        let mut roots = chosen.clone();
        roots.sort_unstable();
        found.push(Choice { roots, reached, at_most: everything });
    }
    // Whatever was chosen before, so many more roots add at most the largest gains.
    for choice in &mut found {
        let count = choice.roots.len();
        let bounds = rounds.iter().map(|(reached, gains)| reached + gains.iter().take(count).sum::<u64>());
        choice.at_most = bounds.min().unwrap_or(everything).min(everything);
    }
    found
}

/// Covers a place; its weight if it was not covered before.
fn cover(covered: &mut [bool], weights: &[u64], place: usize) -> Option<u64> {
    let covered = covered.get_mut(place)?;
    if std::mem::replace(covered, true) { None } else { weights.get(place).copied() }
}
