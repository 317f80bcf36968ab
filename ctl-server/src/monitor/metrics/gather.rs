//! What a scrape reads off the running monitor.

use std::sync::Arc;

use super::{Level, OpenIncident, Readings, Upkeep};
use crate::monitor::board::Board;
use crate::monitor::discover::Discovered;
use crate::monitor::run::Monitor;

/// How the monitor stands at a moment.
pub struct Gathered {
    board: Arc<Board>,
    discovered: Arc<Discovered>,
    levels: Vec<Level>,
    incidents: Vec<OpenIncident>,
    upkeep: Upkeep,
}

impl Gathered {
    /// How it stands now.
    #[must_use]
    pub fn of(monitor: &Monitor) -> Self {
        let keeper = monitor.keeper();
        let (levels, policy) = (keeper.levels(), keeper.policy());
        let level = |service: &(_, _)| {
            let terms = policy.terms(ctl_core::names::ParticipantId::as_str(&service.0), service.1)?;
            let rolling = &levels.services.get(service)?.rolling;
            Some(Level {
                pki: service.0.clone(),
                kind: service.1,
                objective_ppm: u32::try_from(terms.objective.availability_ppm).unwrap_or(u32::MAX),
                valid: rolling.valid(),
                good: rolling.good,
                budget_ppm: levels.rolling(policy, service).and_then(|level| level.budget_left_ppm),
            })
        };
        let incidents = keeper.incidents();
        let open = incidents.values().filter(|incident| incident.is_open());
        Self {
            board: keeper.board(),
            discovered: monitor.discovered(),
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
            upkeep: monitor.upkeep(),
        }
    }

    /// The same, as it is written.
    #[must_use]
    pub fn readings(&self) -> Readings<'_> {
        Readings {
            board: &self.board,
            certificates: &self.discovered.certificates,
            levels: &self.levels,
            incidents: &self.incidents,
            upkeep: self.upkeep,
        }
    }
}
