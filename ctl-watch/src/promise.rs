//! Whether anything is promised of an operator's services of one kind. Whoever applies promises nothing, so what only an
//! undecided application ever named neither keeps nor breaks a promise.

use super::description::Description;
use super::hours::{HOUR_MS, ROLLING_HOURS};

/// What is promised of services of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing: only undecided applications ever named them.
    Nothing,
    /// Nobody can say: one of them is gone, and what named it was not kept.
    Unknown,
    /// All that the policy promises, of those that more than an application named.
    Made,
}

/// What was promised of these targets of one kind in the last thirty days; where none was watched in them, of those before.
/// `named` says whether something is promised of what is watched now, if anything is.
#[must_use]
pub fn promise<'a>(
    targets: impl Iterator<Item = &'a Description> + Clone,
    named: Option<bool>,
    now_ms: i64,
) -> Promise {
    let from_ms = now_ms.saturating_sub(i64::from(ROLLING_HOURS) * HOUR_MS);
    let is_recent = |target: &&Description| target.watched_within(from_ms, now_ms).next().is_some();
    let any_recent = targets.clone().any(|target| is_recent(&target));
    let mut promise = if named == Some(true) { Promise::Made } else { Promise::Nothing };
    for target in targets.filter(|target| !any_recent || is_recent(target)) {
        match target.promised {
            Some(false) => {}
            Some(true) => promise = Promise::Made,
            None => return Promise::Unknown,
        }
    }
    promise
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::Kind;

    use super::*;
    use crate::description::Watched;

    const DAY: i64 = 24 * HOUR_MS;
    const NOW: i64 = 1000 * DAY;

    /// A target that was watched from so many days ago until so many days ago.
    fn target(promised: Option<bool>, from: i64, to: Option<i64>) -> Description {
        let ago = |days| NOW - days * DAY;
        Description {
            number: 0,
            kind: Kind::Est,
            operator: "alpha-pki".parse().unwrap(),
            url: "http://est.alpha.example/".into(),
            period_ms: 30_000,
            watched: vec![Watched { from_ms: ago(from), to_ms: to.map(ago) }],
            promised,
        }
    }

    #[test]
    fn who_only_applied_promised_nothing_also_once_the_application_is_gone() {
        let applied = target(Some(false), 20, None);
        let gone = target(Some(false), 20, Some(10));
        let of = |targets: &[&Description], named| promise(targets.iter().copied(), named, NOW);
        assert_eq!(of(&[&applied], Some(false)), Promise::Nothing);
        assert_eq!(of(&[&gone], None), Promise::Nothing);
        // An application beside what is promised changes nothing about that.
        let listed = target(Some(true), 20, None);
        assert_eq!(of(&[&listed, &gone], Some(true)), Promise::Made);
        assert_eq!(of(&[], Some(true)), Promise::Made, "it is watched from this moment on");
        // What was promised stays so when the list does not name it any more.
        assert_eq!(of(&[&target(Some(true), 20, Some(10))], None), Promise::Made);
    }

    #[test]
    fn what_an_older_history_does_not_say_is_unknown_for_as_long_as_it_counts() {
        let of = |targets: &[Description], named| promise(targets.iter(), named, NOW);
        let [listed, old] = [target(Some(true), 90, None), target(None, 90, Some(10))];
        assert_eq!(of(&[listed.clone(), old.clone()], Some(true)), Promise::Unknown);
        assert_eq!(of(&[old], None), Promise::Unknown);
        let long_gone = target(None, 90, Some(40));
        assert_eq!(of(&[listed, long_gone.clone()], Some(true)), Promise::Made);
        assert_eq!(of(&[long_gone.clone(), target(Some(false), 5, None)], Some(false)), Promise::Nothing);
        assert_eq!(of(&[long_gone], None), Promise::Unknown);
    }
}
