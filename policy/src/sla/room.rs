//! What keeps a report within the size that is read: the lines that say most, as far as there is room, and of the
//! others how many they are and what they add up to.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Kind;
use super::counts::Counts;
use super::report::{IncidentReport, MAX_REPORT_SIZE, Report, TargetReport};

/// The most bytes that lines of targets take: more than 500 targets, which is as many as an operator has at a time,
/// with the longest addresses there are and sixty reasons each.
///
/// Beside them stand the maintenance that the policy announces, at most twice the size of its file; the sums by kind,
/// some 100 KiB; and the words. So at least a megabyte is left for incidents.
const FOR_TARGETS: usize = 2 * 1024 * 1024;
/// What is added to a report when incidents were left out.
const SPARE: usize = 1024;

/// What would have made a report too large. Everything that is left out is in its sums and levels all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// How many incidents have no line. Breaches have theirs first, then the longest, then the newest.
    pub incidents: u64,
    /// Targets that have no line, by kind. Those with the most bad probes have theirs first.
    pub targets: Vec<OtherTargets>,
}

/// Targets of one kind that have no line of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherTargets {
    pub kind: Kind,
    /// How many they are.
    pub targets: u64,
    /// What was counted of them.
    pub counts: Counts,
}

/// The size in bytes as JSON, and a comma. The canonical form only orders members, so it is no longer.
fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len().saturating_add(1))
}

/// Takes as many as there is room for, in order; gives back the others.
fn take<T: Serialize>(items: Vec<T>, mut room: usize) -> (Vec<T>, Vec<T>) {
    let mut taken = Vec::new();
    let mut items = items.into_iter();
    while let Some(item) = items.next() {
        let size = size(&item);
        let Some(left) = room.checked_sub(size) else {
            return (taken, std::iter::once(item).chain(items).collect());
        };
        room = left;
        taken.push(item);
    }
    (taken, Vec::new())
}

/// Leaves out what there is no room for. Targets and incidents come in an order of their own.
pub(super) fn fit(report: &mut Report) {
    let mut targets = std::mem::take(&mut report.targets);
    targets.sort_by_key(|one| (Reverse(one.counts.bad), Reverse(one.counts.due())));
    let (mut targets, others) = take(targets, FOR_TARGETS);
    targets.sort_by(|a, b| (a.kind, &a.url, &a.target).cmp(&(b.kind, &b.url, &b.target)));
    let others = sums(others);
    report.targets = targets;
    if !others.is_empty() {
        report.left_out.get_or_insert_default().targets = others;
    }

    let mut incidents = std::mem::take(&mut report.incidents);
    let made_at = report.made_at;
    let rank = |one: &IncidentReport| {
        let lasted = one.ended_at.unwrap_or(made_at).0.saturating_sub(one.began_at.0);
        (Reverse(one.breach), Reverse(lasted), Reverse(one.began_at), Reverse(one.incident))
    };
    incidents.sort_by_key(rank);
    let (mut incidents, others) = take(incidents, MAX_REPORT_SIZE.saturating_sub(size(report) + SPARE));
    incidents.sort_by_key(|one| one.incident);
    report.incidents = incidents;
    if !others.is_empty() {
        report.left_out.get_or_insert_default().incidents = u64::try_from(others.len()).unwrap_or(u64::MAX);
    }
}

fn sums(targets: Vec<TargetReport>) -> Vec<OtherTargets> {
    let mut sums: BTreeMap<Kind, (u64, Counts)> = BTreeMap::new();
    for one in targets {
        let (count, counts) = sums.entry(one.kind).or_default();
        *count += 1;
        counts.merge(&one.counts);
    }
    let sum = |(kind, (targets, counts))| OtherTargets { kind, targets, counts };
    sums.into_iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::super::time::Time;
    use super::*;
    use std::collections::BTreeSet;

    /// A report of more than fits: 6000 targets and 20,000 incidents, of which every hundredth is a breach.
    fn crowded() -> Report {
        let counted = (0..6000_u64).map(|n| {
            let bad = n % 100;
            Counts { good: 1000, bad, answered: 1000, fresh: 1000, correct: 1000, ..Counts::default() }
        });
        let mut crowded = report(counted.collect());
        let first = crowded.incidents[0].clone();
        let (target, kind, url) =
            (crowded.targets[0].target.clone(), crowded.targets[0].kind, crowded.targets[0].url.clone());
        crowded.incidents = (1..=20_000)
            .map(|n: u64| IncidentReport {
                incident: n,
                target: target.clone(),
                kind,
                url: url.clone(),
                ended_at: Some(Time(first.began_at.0 + 60 + i64::try_from(n).unwrap() % 7000)),
                breach: n.is_multiple_of(100),
                ..first.clone()
            })
            .collect();
        fit(&mut crowded);
        crowded
    }

    #[test]
    fn what_says_most_has_a_line_and_the_rest_is_counted() {
        let report = crowded();
        report.check().unwrap();
        let json = serde_json::to_vec(&report).unwrap();
        assert!(json.len() <= MAX_REPORT_SIZE && json.len() > MAX_REPORT_SIZE * 9 / 10, "{}", json.len());
        assert_eq!(serde_json::from_slice::<Report>(&json).unwrap(), report);

        let left_out = report.left_out.as_ref().unwrap();
        let others: u64 = left_out.targets.iter().map(|others| others.targets).sum();
        assert_eq!(others + report.targets.len() as u64, 6000);
        let least = report.targets.iter().map(|one| one.counts.bad).min().unwrap();
        let bad: u64 = left_out.targets.iter().map(|others| others.counts.bad).sum();
        assert!(bad <= others * least, "those with the most bad probes have lines");

        assert_eq!(left_out.incidents + report.incidents.len() as u64, 20_000);
        assert!(report.incidents.len() > 1000);
        let breaches: Vec<u64> =
            report.incidents.iter().filter(|one| one.breach).map(|one| one.incident).collect();
        assert_eq!(
            breaches,
            (1..=200).map(|n| n * 100).collect::<Vec<u64>>(),
            "every breach has its line, in order"
        );
        // The n-th lasted a minute and n seconds, and those beyond 7000 the same again.
        let lasted = |n: u64| 60 + n % 7000;
        let listed: BTreeSet<u64> = report.incidents.iter().map(|one| one.incident).collect();
        let shortest = listed.iter().filter(|n| *n % 100 != 0).map(|n| lasted(*n)).min().unwrap();
        let longest = (1..=20_000).filter(|n| !listed.contains(n)).map(lasted).max().unwrap();
        assert!(longest <= shortest, "the longest have lines: {longest}, {shortest}");

        let text = super::super::render(&report);
        assert!(
            text.contains(&format!("{} more that the report has no room for; ", left_out.incidents)),
            "{text}"
        );
    }

    #[test]
    fn what_is_left_out_must_add_up_too() {
        type Trick = fn(&mut LeftOut);
        let tricks: [(&str, Trick); 5] = [
            ("sum of its targets", |left_out| left_out.targets[0].counts.bad -= 1),
            ("sum of its targets", |left_out| drop(left_out.targets.pop())),
            ("twice", |left_out| left_out.targets.push(left_out.targets[0].clone())),
            ("contradict", |left_out| left_out.targets[0].counts.fresh = u64::MAX),
            ("nothing is", |left_out| *left_out = LeftOut::default()),
        ];
        let genuine = crowded();
        for (expected, trick) in tricks {
            let mut report = genuine.clone();
            trick(report.left_out.as_mut().unwrap());
            let wrong = report.check().expect_err(expected).to_string();
            assert!(wrong.contains(expected), "{expected:?}: {wrong}");
        }
    }

    #[test]
    fn a_report_of_usual_size_leaves_nothing_out() {
        assert_eq!(report(vec![Counts::default(); 500]).left_out, None);
    }
}
