//! What happens to dates when the clock is set back.

use super::super::super::incident::Incident;
use super::{StateMachine, put};

impl StateMachine {
    /// The clock was set back: no date of an open incident may lie in the future.
    pub fn set_back(&mut self, now_ms: i64) {
        self.tracked.values_mut().for_each(|tracked| tracked.tracker.set_back(now_ms));
        self.refresh_open_incidents();
    }

    /// Dates after `after_ms` were taken from a wrong clock: moves them to the present, and schedules them to be
    /// written.
    pub fn bring_back(&mut self, now_ms: i64, after_ms: i64) {
        for description in self.descriptions.values_mut() {
            if description.is_known_after(after_ms) && description.bring_back(now_ms) {
                self.changes.targets.insert(description.number, description.clone());
            }
        }
        let later = self.incidents.values().filter(|one| one.ended_ms.is_some_and(|ended| ended > after_ms));
        let later: Vec<Incident> = later.map(|one| (**one).clone()).collect();
        for mut incident in later {
            bring_back(&mut incident, now_ms);
            put(&mut self.incidents, &mut self.changes, incident);
        }
    }
}

/// A closed incident has no date in the future. One that began in the future is no breach: the ledger would get a time
/// that never was.
fn bring_back(incident: &mut Incident, now_ms: i64) {
    if incident.began_ms > now_ms {
        incident.breach_ms = None;
    }
    let Incident { began_ms, opened_ms, ended_ms, breach_ms, .. } = incident;
    for at_ms in [began_ms, opened_ms].into_iter().chain(ended_ms).chain(breach_ms) {
        *at_ms = now_ms.min(*at_ms);
    }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::BUILT_IN;

    use super::super::super::tests::{DAY, Story};
    use crate::code::Code;
    use crate::description::Watched;
    use crate::hours::HOUR_MS;

    const YEAR: i64 = 365 * 86_400_000;
    const MINUTE: i64 = 60_000;

    #[test]
    fn an_incident_of_next_year_is_over_now_and_no_breach() {
        let directory = tempfile::tempdir().unwrap();
        let mut story = Story::begin(directory.path(), BUILT_IN);
        // Of before: a breach that stays one.
        story.until(DAY + 10 * MINUTE, |_| Some(Code::TcpRefused));
        story.until(DAY + 20 * MINUTE, |_| None);
        story.now += YEAR;
        story.until(DAY + YEAR + 40 * MINUTE, |_| Some(Code::TcpRefused));
        story.until(DAY + YEAR + 50 * MINUTE, |_| None);
        let before = story.machine.incidents();
        assert!(before.values().all(|one| !one.is_open() && one.breach_ms.is_some()));
        let now = DAY + 52 * MINUTE;
        story.machine.set_back(now);
        story.machine.bring_back(now, now);
        story.write();
        let kept = story.kept_incidents();
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0], *before[&kept[0].number]);
        let times = (kept[1].began_ms, kept[1].opened_ms, kept[1].ended_ms, kept[1].breach_ms);
        assert_eq!(times, (now, now, Some(now), None));
        assert_eq!(kept[1].failures, before[&kept[1].number].failures);
        assert_eq!(*story.machine.incidents()[&kept[1].number], kept[1]);
    }

    #[test]
    fn a_breach_that_is_open_keeps_the_beginning_by_which_the_ledger_knows_it() {
        for (minutes, is_breach) in [(2, false), (10, true)] {
            let directory = tempfile::tempdir().unwrap();
            let mut story = Story::begin(directory.path(), BUILT_IN);
            story.until(DAY + HOUR_MS, |_| None);
            story.until(DAY + HOUR_MS + minutes * MINUTE, |_| Some(Code::TcpRefused));
            let now = DAY + HOUR_MS / 2;
            story.machine.set_back(now);
            story.machine.bring_back(now, now);
            story.write();
            let kept = story.kept_incidents();
            assert_eq!((kept.len(), kept[0].breach_ms.is_some()), (1, is_breach));
            assert_eq!(kept[0].began_ms, if is_breach { DAY + HOUR_MS } else { now });
        }
    }

    #[test]
    fn a_target_that_was_watched_from_next_year_on_is_watched_from_now_on() {
        let directory = tempfile::tempdir().unwrap();
        let mut story = Story::begin(directory.path(), BUILT_IN);
        story.until(DAY + HOUR_MS, |_| None);
        // Under the wrong time it leaves the lists and comes back.
        let targets: Vec<_> =
            story.machine.standings().targets.values().map(|one| one.target.clone()).collect();
        story.machine.watch(&[], DAY + YEAR);
        story.machine.watch(&targets, DAY + YEAR + HOUR_MS);
        let now = DAY + 2 * HOUR_MS;
        story.machine.bring_back(now, now + YEAR + 2 * HOUR_MS);
        assert_eq!(story.machine.targets()[&0].watched.len(), 2, "nothing lies after that");
        story.machine.bring_back(now, now);
        story.write();
        let kept = story.store.kept(0, 0, 0).unwrap().targets;
        assert_eq!(kept[0].watched, [Watched { from_ms: DAY, to_ms: None }]);
        assert_eq!(kept[0].due(now, now + HOUR_MS), 120);
    }
}
