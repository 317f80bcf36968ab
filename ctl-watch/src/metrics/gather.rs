//! What a scrape reads off the running watch.

use std::sync::Arc;

use ctl_policy::sla::Objective;

use super::{Internals, OpenIncident, Readings, ServiceLevel};
use crate::aggregator::Aggregator;
use crate::discover::Discovered;
use crate::sources::Sources;
use crate::standings::Standings;

/// What a scrape reads, at one moment.
pub struct Gathered {
    standings: Arc<Standings>,
    discovered: Arc<Discovered>,
    levels: Vec<ServiceLevel>,
    incidents: Vec<OpenIncident>,
    internals: Internals,
    sources: Arc<Sources>,
}

impl Gathered {
    /// Gathers it now.
    #[must_use]
    pub fn of(
        aggregator: &Aggregator,
        discovered: Arc<Discovered>,
        internals: Internals,
        sources: Arc<Sources>,
    ) -> Self {
        let (levels, policy) = (aggregator.levels(), aggregator.policy());
        let level = |service: &(_, _)| {
            let terms = policy.terms(ctl_core::names::ParticipantId::as_str(&service.0), service.1)?;
            let rolling = &levels.services.get(service)?.rolling;
            Some(ServiceLevel {
                pki: service.0.clone(),
                kind: service.1,
                objective_ppm: u32::try_from(terms.objective.availability_ppm).unwrap_or(u32::MAX),
                valid: rolling.valid(),
                good: rolling.good,
                budget_ppm: levels
                    .rolling(policy, service)
                    .and_then(|level| of_budget(level.budget_left_ppm?, &terms.objective)),
            })
        };
        let incidents = aggregator.incidents();
        let open = incidents.values().filter(|incident| incident.is_open());
        Self {
            standings: aggregator.standings(),
            discovered,
            levels: levels.services.keys().filter_map(level).collect(),
            incidents: open
                .map(|incident| OpenIncident {
                    pki: incident.operator.clone(),
                    kind: incident.kind,
                    target: incident.url.clone(),
                    since_ms: incident.began_ms,
                    is_breach: incident.breach_ms.is_some(),
                })
                .collect(),
            internals,
            sources,
        }
    }

    /// Borrows it for writing.
    #[must_use]
    pub fn readings(&self) -> Readings<'_> {
        Readings {
            standings: &self.standings,
            certificates: &self.discovered.certificates,
            levels: &self.levels,
            incidents: &self.incidents,
            internals: self.internals,
            sources: &self.sources,
        }
    }
}

/// What is left, in parts per million of the budget; levels give it in parts per million of the probes.
fn of_budget(left_ppm: i64, objective: &Objective) -> Option<i64> {
    let share = i128::from(left_ppm) * 1_000_000;
    i64::try_from(share.checked_div(i128::from(objective.budget_ppm()))?).ok()
}

#[cfg(test)]
mod tests {
    use ctl_policy::sla::{BUILT_IN, Counts, Kind, SlaPolicy};

    use super::*;

    #[test]
    fn an_untouched_budget_is_one_whatever_its_size_and_a_spent_one_is_nought() {
        let policy = SlaPolicy::parse(BUILT_IN).unwrap();
        for (kind, good, bad, left) in [
            (Kind::Ocsp, 1000, 0, 1_000_000),
            (Kind::Ocsp, 9995, 5, 500_000),
            (Kind::Ocsp, 999, 1, 0),
            (Kind::Ocsp, 998, 2, -1_000_000),
            (Kind::Https, 1000, 0, 1_000_000),
            (Kind::Https, 990, 10, 0),
        ] {
            let objective = &policy.terms("alpha", kind).unwrap().objective;
            let counts = Counts { good, bad, answered: good, ..Counts::default() };
            let level = ctl_policy::sla::Level::of(&counts, objective);
            assert_eq!(
                of_budget(level.budget_left_ppm.unwrap(), objective),
                Some(left),
                "{kind} {good} {bad}"
            );
        }
    }
}
