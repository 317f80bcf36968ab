//! Incidents of any age: those in memory, and those only in the history.

use std::collections::BTreeMap;
use std::sync::Arc;

use ctl_core::names::ParticipantId;

use super::Aggregator;
use crate::incident::{Incident, Wanted};
use crate::store::{Row, StoreError};

impl Aggregator {
    /// Passes incidents to `each` in the order of their numbers until it returns false. Memory is newer than the
    /// history. Returns when those that are only in the history and cannot be read began, in Unix milliseconds: of
    /// these nobody may say that there is no such incident. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn all_incidents(
        &self,
        wanted: &Wanted,
        mut each: impl FnMut(&Incident) -> bool,
    ) -> Result<Vec<i64>, StoreError> {
        let incidents = self.incidents();
        let at_hand = incidents.range(wanted.first..).map(|(_, incident)| &**incident);
        let mut at_hand = at_hand.filter(|incident| wanted.takes(incident)).peekable();
        let (mut goes_on, mut unread) = (true, Vec::new());
        self.store().incidents(wanted, |kept| {
            while let Some(incident) = at_hand.next_if(|one| goes_on && one.number < kept.number()) {
                goes_on = each(incident);
            }
            // An incident in memory comes when its turn does.
            if goes_on && !incidents.contains_key(&kept.number()) {
                match kept {
                    Row::Read(kept) => goes_on = each(&kept),
                    Row::Unread { began_ms, .. } => unread.push(began_ms),
                }
            }
            goes_on
        })?;
        for incident in at_hand {
            goes_on = goes_on && each(incident);
        }
        Ok(unread)
    }

    /// The newest incidents before this number, at most so many: of everyone or of one operator, all or only those that are
    /// open or not. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn newest(
        &self,
        before: Option<u64>,
        operator: Option<&ParticipantId>,
        is_open: Option<bool>,
        limit: usize,
    ) -> Result<Vec<Arc<Incident>>, StoreError> {
        let incidents = self.incidents();
        let fits = |one: &Incident| {
            operator.is_none_or(|operator| *operator == one.operator)
                && is_open.is_none_or(|is_open| one.is_open() == is_open)
        };
        let at_hand =
            incidents.range(..before.unwrap_or(u64::MAX)).rev().filter(|(_, one)| fits(one)).take(limit);
        let mut found: BTreeMap<u64, Arc<Incident>> =
            at_hand.map(|(number, one)| (*number, one.clone())).collect();
        // All that are open are in memory.
        if is_open != Some(true) {
            let kept = self.store().newest_incidents(before, operator, limit)?;
            let only_kept = kept.into_iter().filter(|one| !incidents.contains_key(&one.number) && fits(one));
            found.extend(only_kept.map(|one| (one.number, Arc::new(one))));
        }
        Ok(found.into_values().rev().take(limit).collect())
    }

    /// One incident. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn incident(&self, number: u64) -> Result<Option<Arc<Incident>>, StoreError> {
        match self.incidents().get(&number) {
            Some(incident) => Ok(Some(incident.clone())),
            None => Ok(self.store().incident(number)?.map(Arc::new)),
        }
    }
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::BUILT_IN;
    use tokio::sync::mpsc;

    use super::super::machine::RECENT_BREACH_MS;
    use super::super::tests::{DAY, Story, setup};
    use super::*;
    use crate::changes::Changes;
    use crate::store::{Retention, Store};
    use crate::testing::incident;

    const MINUTE: i64 = 60_000;

    fn put(store: &Store, all: &[Incident]) {
        let incidents = all.iter().map(|one| (one.number, one.clone())).collect();
        store.write(&Changes { incidents, ..Changes::default() }).unwrap();
    }

    #[tokio::test]
    async fn a_flood_of_incidents_neither_ends_history_nor_hides_the_breaches_of_others() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path(), Retention::default()).unwrap());
        // Breaches of a year ago and of yesterday; then someone's services flap.
        let year = incident(1, "alpha-pki", DAY - 365 * 1440 * MINUTE, true);
        let yesterday = incident(2, "alpha-pki", DAY - 1440 * MINUTE, true);
        let flood = (3..=10_100).map(|number| {
            incident(
                number,
                "mallory-pki",
                DAY - 20_000 * MINUTE + i64::try_from(number).unwrap() * MINUTE,
                false,
            )
        });
        let all: Vec<Incident> = [year, yesterday].into_iter().chain(flood).collect();
        put(&store, &all);
        let (sender, receiver) = mpsc::channel(16);
        let (aggregator, running) = Aggregator::start(setup(store.clone()), receiver).unwrap();
        aggregator.settle().await;
        let at_hand = aggregator.incidents();
        assert!(at_hand.contains_key(&2), "its end may have to be recorded");
        assert!(!at_hand.contains_key(&1) && !at_hand.contains_key(&3));
        assert_eq!(at_hand.len(), 10_000);
        let numbers = |wanted: &Wanted, limit: usize| {
            let mut found = Vec::new();
            let each = |incident: &Incident| {
                found.push(incident.number);
                found.len() < limit
            };
            aggregator.all_incidents(wanted, each).unwrap();
            found
        };
        assert_eq!(numbers(&Wanted::default(), usize::MAX), (1..=10_100).collect::<Vec<_>>());
        assert_eq!(numbers(&Wanted { first: 2, ..Wanted::default() }, 3), [2, 3, 4]);
        let alpha = Wanted { operator: Some("alpha-pki".parse().unwrap()), ..Wanted::default() };
        assert_eq!(numbers(&alpha, usize::MAX), [1, 2]);
        let newest = |before, operator: Option<&str>, is_open, limit| -> Vec<u64> {
            let operator = operator.map(|id| id.parse().unwrap());
            let found = aggregator.newest(before, operator.as_ref(), is_open, limit).unwrap();
            found.iter().map(|one| one.number).collect()
        };
        assert_eq!(newest(None, None, None, 3), [10_100, 10_099, 10_098]);
        assert_eq!(newest(Some(4), None, Some(false), 5), [3, 2, 1], "those in memory and those only kept");
        assert_eq!(newest(None, Some("alpha-pki"), None, 5), [2, 1]);
        assert_eq!(newest(None, None, Some(true), 5), [0; 0]);
        assert_eq!(aggregator.incident(1).unwrap().as_deref(), Some(&all[0]));
        assert_eq!(aggregator.incident(2).unwrap().as_deref(), Some(&all[1]));
        assert_eq!(aggregator.incident(10_101).unwrap(), None);
        drop(sender);
        running.await.unwrap();
    }

    #[test]
    fn incidents_that_are_not_written_stay_at_hand_until_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let mut story = Story::begin(directory.path(), BUILT_IN);
        story.outage(10);
        let changes = story.machine.changes(story.now);
        story.machine.put_back(changes);
        let after = story.now + 10 * RECENT_BREACH_MS;
        story.machine.trim(after, after);
        assert_eq!(story.machine.incidents().len(), 1, "whoever looks finds them");
        story.write();
        story.machine.trim(after, after);
        assert!(story.machine.incidents().is_empty());
        assert_eq!(story.kept_incidents().len(), 1);
    }
}
