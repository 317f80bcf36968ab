//! Incidents of any age: those at hand, and those that the store has put away.

use std::sync::Arc;

use super::Keeper;
use crate::incident::Incident;
use crate::store::{StoreError, Wanted};

impl Keeper {
    /// Tells incidents in the order of their numbers until `each` says no. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn history(
        &self,
        wanted: &Wanted,
        mut each: impl FnMut(&Incident) -> bool,
    ) -> Result<(), StoreError> {
        let incidents = self.incidents();
        let at_hand = incidents.range(wanted.first..).map(|(_, incident)| incident);
        let mut at_hand = at_hand.filter(|incident| wanted.takes(incident)).peekable();
        let mut goes_on = true;
        self.store().archived(wanted, |archived| {
            while let Some(incident) = at_hand.next_if(|one| goes_on && one.number < archived.number) {
                goes_on = each(incident);
            }
            // What was put away just now may still be at hand.
            let is_both = at_hand.peek().is_some_and(|one| one.number == archived.number);
            goes_on = goes_on && (is_both || each(&archived));
            goes_on
        })?;
        for incident in at_hand {
            goes_on = goes_on && each(incident);
        }
        Ok(())
    }

    /// One incident. Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn incident(&self, number: u64) -> Result<Option<Arc<Incident>>, StoreError> {
        match self.incidents().get(&number) {
            Some(incident) => Ok(Some(incident.clone())),
            None => Ok(self.store().archived_incident(number)?.map(Arc::new)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::super::tests::{DAY, setup};
    use super::*;
    use crate::store::{Keep, Store};
    use crate::testing::incident;

    const MINUTE: i64 = 60_000;

    #[tokio::test]
    async fn a_flood_of_incidents_neither_ends_history_nor_hides_the_breaches_of_others() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path(), Keep::default()).unwrap());
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
        store.put_incidents(&all).unwrap();
        let (sender, receiver) = mpsc::channel(16);
        let (keeper, running) = Keeper::start(setup(store.clone()), receiver).unwrap();
        // The first tick puts away what is too much.
        let put_away = async {
            while keeper.incidents().len() > 10_000 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), put_away).await.unwrap();
        keeper.settle().await;
        let at_hand = keeper.incidents();
        assert!(at_hand.contains_key(&2), "its end may have to be recorded");
        assert!(!at_hand.contains_key(&1) && !at_hand.contains_key(&3));
        assert_eq!(store.incidents().unwrap().len(), 10_000);
        let numbers = |wanted: &Wanted, limit: usize| {
            let mut found = Vec::new();
            let each = |incident: &Incident| {
                found.push(incident.number);
                found.len() < limit
            };
            keeper.history(wanted, each).unwrap();
            found
        };
        assert_eq!(numbers(&Wanted::default(), usize::MAX), (1..=10_100).collect::<Vec<_>>());
        assert_eq!(numbers(&Wanted { first: 2, ..Wanted::default() }, 3), [2, 3, 4]);
        let alpha = Wanted { operator: Some("alpha-pki".parse().unwrap()), ..Wanted::default() };
        assert_eq!(numbers(&alpha, usize::MAX), [1, 2]);
        assert_eq!(keeper.incident(1).unwrap().as_deref(), Some(&all[0]));
        assert_eq!(keeper.incident(2).unwrap().as_deref(), Some(&all[1]));
        assert_eq!(keeper.incident(10_101).unwrap(), None);
        drop(sender);
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn incidents_that_cannot_be_archived_stay_at_hand_until_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path(), Keep::default()).unwrap());
        let begin = DAY - 20_000 * MINUTE;
        let all: Vec<Incident> = (1..=10_005)
            .map(|number| {
                incident(number, "alpha-pki", begin + i64::try_from(number).unwrap() * MINUTE, false)
            })
            .collect();
        store.put_incidents(&all).unwrap();
        let (archive, aside) = (directory.path().join("incidents"), directory.path().join("incidents-aside"));
        std::fs::rename(&archive, &aside).unwrap();
        std::fs::write(&archive, "no folder").unwrap();
        let (sender, receiver) = mpsc::channel(16);
        let (keeper, running) = Keeper::start(setup(store.clone()), receiver).unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        keeper.settle().await;
        assert_eq!(keeper.incidents().len(), 10_005, "whoever looks finds them");
        assert_eq!(store.incidents().unwrap().len(), 10_005);
        std::fs::remove_file(&archive).unwrap();
        std::fs::rename(&aside, &archive).unwrap();
        // The store is tidied every minute.
        tokio::time::sleep(Duration::from_secs(61)).await;
        keeper.settle().await;
        assert_eq!(keeper.incidents().len(), 10_000);
        let mut numbers = Vec::new();
        keeper
            .history(&Wanted::default(), |incident| {
                numbers.push(incident.number);
                true
            })
            .unwrap();
        assert_eq!(numbers, (1..=10_005).collect::<Vec<_>>());
        assert_eq!(keeper.incident(1).unwrap().as_deref(), Some(&all[0]));
        drop(sender);
        running.await.unwrap();
    }
}
