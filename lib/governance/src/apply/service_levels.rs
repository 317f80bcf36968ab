//! What the watch found: breaches of service levels, and reports. Nothing here changes trust.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use super::{Place, name_blob};
use crate::service_levels::{Breach, Closed, Found, LevelReport};
use crate::state::State;
use crate::statement::body::{BreachPhase, SlaBreach, SlaReport};

pub(super) fn breach(state: &mut State, place: Place<'_>, body: &SlaBreach) {
    let found =
        Found { measured: body.measured, reasons: body.reasons.clone(), evidence: body.evidence.clone() };
    if let (BreachPhase::Closed, Some(at), Some(opened)) = (body.phase, body.closed_at, body.opened) {
        let Some(breach) = state.breaches.get(&opened) else { return };
        let mut breach = Breach::clone(breach);
        breach.found = found;
        breach.closed = Some(Closed { index: place.index, at, recorded_at: place.at });
        state.open_breaches.remove_mut(&breach.key());
        state.breaches.insert_mut(opened, Arc::new(breach));
        let open = state.open_breaches.size();
        forget(&mut state.breaches, open, place.rules.past_breaches);
        return;
    }
    let breach = Breach {
        index: place.index,
        service: body.service.clone(),
        objective: body.objective.clone(),
        policy: body.policy.clone(),
        opened_at: body.opened_at,
        recorded_at: place.at,
        found,
        closed: None,
    };
    state.open_breaches.insert_mut(breach.key(), place.index);
    state.breaches.insert_mut(place.index, Arc::new(breach));
}

/// Forgets the breach that is over and began first, if more than so many are over.
fn forget(breaches: &mut RedBlackTreeMapSync<u64, Arc<Breach>>, open: usize, keep: usize) {
    if breaches.size() <= open.saturating_add(keep) {
        return;
    }
    let oldest = breaches.iter().find(|(_, breach)| breach.closed.is_some()).map(|(index, _)| *index);
    if let Some(index) = oldest {
        breaches.remove_mut(&index);
    }
}

pub(super) fn report(state: &mut State, place: Place<'_>, body: &SlaReport) {
    name_blob(state, &body.report);
    let report = LevelReport {
        index: place.index,
        recorded_at: place.at,
        to: body.to,
        policy: body.policy.clone(),
        report: body.report.clone(),
        summary: body.summary.clone(),
    };
    state.level_reports.insert_mut((body.operator.clone(), body.from), Arc::new(report));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::body::{Measured, Objective, Service};
    use ctl_core::parts::PolicyRef;
    use ctl_core::{Digest, Timestamp};

    fn breach(index: u64, over: bool) -> Arc<Breach> {
        let closed = Closed { index: index + 1, at: Timestamp::EPOCH, recorded_at: Timestamp::EPOCH };
        Arc::new(Breach {
            index,
            service: Service { kind: "ocsp".parse().unwrap(), operator: None, url: None },
            objective: Objective {
                name: "availability".parse().unwrap(),
                target_ppm: 999_000,
                window_seconds: 86_400,
            },
            policy: PolicyRef {
                name: "service-levels".parse().unwrap(),
                sha256: Digest::ZERO,
                version: "1".parse().unwrap(),
            },
            opened_at: Timestamp::EPOCH,
            recorded_at: Timestamp::EPOCH,
            found: Found {
                measured: Measured { good: 0, missing: 0, valid: 1 },
                reasons: Default::default(),
                evidence: Vec::new(),
            },
            closed: over.then_some(closed),
        })
    }

    #[test]
    fn what_is_over_is_forgotten_one_day_but_never_what_is_open() {
        let mut breaches = RedBlackTreeMapSync::new_sync();
        let over = |index: u64| index % 4 != 1;
        let mut open = 0;
        for index in 1..=40 {
            breaches.insert_mut(index, breach(index, over(index)));
            open += usize::from(!over(index));
            forget(&mut breaches, open, 3);
        }
        let kept = |wanted: bool| -> Vec<u64> {
            breaches.keys().copied().filter(|index| over(*index) == wanted).collect()
        };
        assert_eq!(kept(true), [38, 39, 40], "the latest");
        assert_eq!(kept(false), [1, 5, 9, 13, 17, 21, 25, 29, 33, 37], "open, whatever their age");
    }
}
