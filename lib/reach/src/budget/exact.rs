//! Branch and bound over sets of at most 64 roots, each a word of bits.
//!
//! A branch takes the set that adds most, or leaves it out for good. Two bounds cut it: the sum of the
//! largest gains that are left, and the Lagrangian relaxation of the cover, whose multipliers are searched
//! once for each number of roots. Multipliers are whole numbers, so that every bound is a true one.

use super::Choice;

/// The most branches that a search looks at; then it gives what it found, with its bound.
const MOST_BRANCHES: u64 = 40_000_000;
/// Multipliers are this much finer than weights.
const SCALE: u64 = 256;
/// Steps of the search for multipliers.
const ROUNDS: u32 = 200;

struct Problem {
    /// What each candidate reaches.
    sets: Vec<u64>,
    /// Its place among all roots.
    places: Vec<usize>,
    weights: Sums,
    all: u64,
}

/// Sums of weights over sets of bits, by table.
struct Sums(Vec<[u64; 256]>);

impl Sums {
    fn new(values: &[u64]) -> Self {
        let tables = values.chunks(8).map(|chunk| {
            let mut table = [0; 256];
            for (bits, sum) in table.iter_mut().enumerate() {
                *sum = chunk.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, v)| v).sum();
            }
            table
        });
        Self(tables.collect())
    }

    fn of(&self, set: u64) -> u64 {
        let bytes = set.to_le_bytes();
        self.0.iter().zip(bytes).filter_map(|(table, byte)| table.get(usize::from(byte))).sum()
    }
}

/// The best choices of one, two … roots.
pub(super) fn choices(reach: &[Vec<usize>], weights: &[u64], most: usize) -> Vec<Choice> {
    let problem = Problem::new(reach, weights);
    let mut found: Vec<Choice> = Vec::new();
    for count in 1..=most {
        let before = found.last();
        if before.is_some_and(|before| before.reached == problem.weights.of(problem.all)) {
            break;
        }
        let choice = problem.solve(count, before);
        if choice.roots.is_empty() || before.is_some_and(|before| before.roots.len() >= choice.roots.len()) {
            break;
        }
        found.push(choice);
    }
    found
}

impl Problem {
    /// Sets within another are left out: whoever takes them can take the other.
    fn new(reach: &[Vec<usize>], weights: &[u64]) -> Self {
        let bit = |place: &usize| {
            if weights.get(*place).is_some_and(|w| *w > 0) { 1_u64 << (place % 64) } else { 0 }
        };
        let words: Vec<u64> =
            reach.iter().map(|reached| reached.iter().map(bit).fold(0, |a, b| a | b)).collect();
        let mut problem = Self { sets: Vec::new(), places: Vec::new(), weights: Sums::new(weights), all: 0 };
        for (place, set) in words.iter().enumerate() {
            let within = |(other, larger): (usize, &u64)| {
                set & !larger == 0 && (set != larger || other < place) && other != place
            };
            problem.all |= set;
            if *set != 0 && !words.iter().enumerate().any(within) {
                problem.sets.push(*set);
                problem.places.push(place);
            }
        }
        problem
    }

    fn solve(&self, count: usize, before: Option<&Choice>) -> Choice {
        let greedy = self.greedy(count);
        let (reached, goal) = (self.reached(&greedy), self.goal(count, before));
        let mut search = Search {
            problem: self,
            multipliers: self.multipliers(count, reached),
            best: reached,
            roots: greedy,
            goal,
            branches: 0,
            open: 0,
        };
        let mut chosen = Vec::new();
        let candidates: Vec<usize> = (0..self.sets.len()).collect();
        search.branch(0, &candidates, count, &mut chosen);
        let mut roots: Vec<usize> =
            search.roots.iter().filter_map(|index| self.places.get(*index)).copied().collect();
        roots.sort_unstable();
        let at_most = search.open.max(search.best).min(search.goal.max(search.best));
        Choice { roots, reached: search.best, at_most }
    }

    /// Nothing reaches more: everything there is; and leaving out the least useful of `count` roots costs
    /// at most its share, so one root more adds at most a share to the best of one root fewer.
    fn goal(&self, count: usize, before: Option<&Choice>) -> u64 {
        let everything = self.weights.of(self.all);
        match before {
            Some(before) if !before.roots.is_empty() && count == before.roots.len() + 1 => {
                let (fewer, more) = (before.roots.len() as u128, count as u128);
                let share = u128::from(before.at_most) * more / fewer;
                everything.min(u64::try_from(share).unwrap_or(u64::MAX))
            }
            _ => everything,
        }
    }

    fn reached(&self, chosen: &[usize]) -> u64 {
        let union = chosen.iter().filter_map(|index| self.sets.get(*index)).fold(0, |union, set| union | set);
        self.weights.of(union)
    }

    fn greedy(&self, count: usize) -> Vec<usize> {
        let (mut covered, mut chosen) = (0, Vec::new());
        for _ in 0..count {
            let gain = |set: &u64| self.weights.of(set & !covered);
            let best = self
                .sets
                .iter()
                .enumerate()
                .max_by_key(|(index, set)| (gain(set), std::cmp::Reverse(*index)));
            match best {
                Some((index, set)) if gain(set) > 0 => {
                    chosen.push(index);
                    covered |= set;
                }
                _ => break,
            }
        }
        chosen
    }

    /// The bound of a relaxation: what is not covered for sure pays its multiplier to the sets that cover
    /// it, and the sets that are paid most are taken, without regard to overlaps.
    fn relaxed(&self, multipliers: &[u64], count: usize) -> (u64, Vec<usize>) {
        let paid = |set: u64| bits(set).filter_map(|bit| multipliers.get(bit)).sum::<u64>();
        let mut payments: Vec<(u64, usize)> =
            self.sets.iter().enumerate().map(|(index, set)| (paid(*set), index)).collect();
        payments.sort_unstable_by(|a, b| b.cmp(a));
        payments.truncate(count);
        let kept = (self.weights.of(self.all) * SCALE).saturating_sub(paid(self.all));
        let sum: u64 = payments.iter().map(|(payment, _)| payment).sum();
        (kept + sum, payments.into_iter().map(|(_, index)| index).collect())
    }

    /// Multipliers that make the bound small, by steps along the subgradient; no more steps than it takes
    /// to prove that nothing is better than what was reached.
    fn multipliers(&self, count: usize, reached: u64) -> Multipliers {
        let weight = |bit: usize| self.weights.of(self.all & (1 << bit));
        let full: Vec<f64> = (0..64).map(|bit| (weight(bit) * SCALE) as f64).collect();
        let whole = |values: &[f64]| values.iter().map(|value| *value as u64).collect::<Vec<u64>>();
        let mut values: Vec<f64> = full.iter().map(|full| full / 2.0).collect();
        let mut best = whole(&full);
        let (mut bound, _) = self.relaxed(&best, count);
        let target = (reached * SCALE) as f64;
        let mut pace = 1.0;
        for round in 1..=ROUNDS {
            if bound / SCALE <= reached {
                break;
            }
            let now = whole(&values);
            let (value, taken) = self.relaxed(&now, count);
            if value < bound {
                (bound, best) = (value, now);
            }
            // How often each bit is covered beyond the one time that counts.
            let mut excess = [-1.0_f64; 64];
            for set in taken.iter().filter_map(|index| self.sets.get(*index)) {
                bits(*set)
                    .for_each(|bit| excess.iter_mut().skip(bit).take(1).for_each(|times| *times += 1.0));
            }
            let length: f64 = excess.iter().map(|e| e * e).sum::<f64>().max(1.0);
            if round % 20 == 0 {
                pace *= 0.7;
            }
            let step = pace * (value as f64 - target).max(1.0) / length;
            for ((value, excess), full) in values.iter_mut().zip(&excess).zip(&full) {
                *value = (*value - step * excess).clamp(0.0, *full);
            }
        }
        let left: Vec<u64> =
            full.iter().zip(&best).map(|(full, value)| (*full as u64).saturating_sub(*value)).collect();
        Multipliers { paid: Sums::new(&best), kept: Sums::new(&left) }
    }
}

/// The places of the bits in a set.
fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = usize::try_from(set.trailing_zeros()).unwrap_or(64);
        let found = (set != 0).then_some(bit);
        set &= set.wrapping_sub(1);
        found
    })
}

struct Multipliers {
    /// What each bit pays to the sets that cover it.
    paid: Sums,
    /// What each bit keeps of its weight.
    kept: Sums,
}

struct Search<'a> {
    problem: &'a Problem,
    multipliers: Multipliers,
    best: u64,
    roots: Vec<usize>,
    /// Nothing reaches more.
    goal: u64,
    branches: u64,
    /// The largest bound of a branch that the limit left unlooked at.
    open: u64,
}

impl Search<'_> {
    /// Looks for more than the best below one branch: `left` more of these candidates, besides what is
    /// covered already.
    fn branch(&mut self, covered: u64, candidates: &[usize], left: usize, chosen: &mut Vec<usize>) {
        let reached = self.problem.weights.of(covered);
        if reached > self.best {
            self.best = reached;
            self.roots.clone_from(chosen);
        }
        if left == 0 || self.best >= self.goal {
            return;
        }
        // Candidates by what they add, and what they are paid.
        let mut gains: Vec<(u64, usize)> = Vec::with_capacity(candidates.len());
        let mut payments: Vec<u64> = Vec::with_capacity(candidates.len());
        for index in candidates {
            let set = self.problem.sets.get(*index).copied().unwrap_or(0) & !covered;
            let gain = self.problem.weights.of(set);
            if gain > 0 {
                gains.push((gain, *index));
                payments.push(self.multipliers.paid.of(set));
            }
        }
        gains.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        payments.sort_unstable_by(|a, b| b.cmp(a));
        let kept = self.multipliers.kept.of(self.problem.all & !covered);
        let relaxed = reached + (kept + payments.iter().take(left).sum::<u64>()) / SCALE;
        // Leaving out the candidates one after the other, the largest first, the sum of the largest that
        // are left only falls: once it is too small, so is all that follows.
        let order: Vec<usize> = gains.iter().map(|(_, index)| *index).collect();
        for (position, index) in order.iter().enumerate() {
            let simple = reached + gains.iter().skip(position).take(left).map(|(gain, _)| gain).sum::<u64>();
            let bound = simple.min(relaxed).min(self.goal);
            if bound <= self.best {
                return;
            }
            self.branches += 1;
            if self.branches > MOST_BRANCHES {
                self.open = self.open.max(bound);
                return;
            }
            chosen.push(*index);
            let set = self.problem.sets.get(*index).copied().unwrap_or(0);
            self.branch(covered | set, order.get(position + 1..).unwrap_or_default(), left - 1, chosen);
            chosen.pop();
        }
    }
}
