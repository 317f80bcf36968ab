//! The policy file as it is written, before it is checked and put together.

use serde::Deserialize;

use super::Kind;
use super::limits_file::LimitsFile;
use super::span::Span;
use super::time::Time;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) maintenance_notice: Span,
    #[serde(default = "breaches_per_day")]
    pub(super) breaches_per_day: u32,
    #[serde(default = "breaches_per_day_of_operator")]
    pub(super) breaches_per_day_of_operator: u32,
    #[serde(default)]
    pub(super) service: Vec<Service>,
    #[serde(default)]
    pub(super) operator: Vec<Departure>,
    #[serde(default)]
    pub(super) maintenance: Vec<MaintenanceFile>,
    #[serde(default)]
    pub(super) tell: Vec<Tell>,
}

const fn breaches_per_day() -> u32 {
    200
}

const fn breaches_per_day_of_operator() -> u32 {
    50
}

/// What holds for a kind of service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) source: String,
    pub(super) availability: u64,
    pub(super) freshness: u64,
    pub(super) correctness: u64,
    pub(super) p50_ms: u64,
    pub(super) p95_ms: u64,
    pub(super) p99_ms: u64,
    pub(super) coverage: u64,
    pub(super) incident_after: u32,
    pub(super) incident_over_after: u32,
    pub(super) breach_after: Span,
    #[serde(default)]
    pub(super) counted: Vec<String>,
    #[serde(default)]
    pub(super) excused: Vec<String>,
    #[serde(default)]
    pub(super) limits: LimitsFile,
}

/// What holds instead for one PKI.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Departure {
    pub(super) operator: String,
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) source: String,
    pub(super) availability: Option<u64>,
    pub(super) freshness: Option<u64>,
    pub(super) correctness: Option<u64>,
    pub(super) p50_ms: Option<u64>,
    pub(super) p95_ms: Option<u64>,
    pub(super) p99_ms: Option<u64>,
    pub(super) coverage: Option<u64>,
    pub(super) incident_after: Option<u32>,
    pub(super) incident_over_after: Option<u32>,
    pub(super) breach_after: Option<Span>,
    pub(super) counted: Option<Vec<String>>,
    pub(super) excused: Option<Vec<String>>,
    #[serde(default)]
    pub(super) limits: LimitsFile,
}

impl Departure {
    /// The service with the departure.
    pub(super) fn apply(&self, terms: &mut super::policy::Terms) {
        let objective = &mut terms.objective;
        for (to, given) in [
            (&mut objective.availability_ppm, self.availability),
            (&mut objective.freshness_ppm, self.freshness),
            (&mut objective.correctness_ppm, self.correctness),
            (&mut objective.p50_ms, self.p50_ms),
            (&mut objective.p95_ms, self.p95_ms),
            (&mut objective.p99_ms, self.p99_ms),
            (&mut objective.coverage_ppm, self.coverage),
        ] {
            *to = given.unwrap_or(*to);
        }
        terms.incident_after = self.incident_after.unwrap_or(terms.incident_after);
        terms.incident_over_after = self.incident_over_after.unwrap_or(terms.incident_over_after);
        terms.breach_after = self.breach_after.map_or(terms.breach_after, |span| span.0);
        if let Some(counted) = &self.counted {
            terms.counted = counted.iter().cloned().collect();
        }
        if let Some(excused) = &self.excused {
            terms.excused = excused.iter().cloned().collect();
        }
        self.limits.apply(&mut terms.limits);
    }
}

/// Maintenance as it was announced.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaintenanceFile {
    pub(super) operator: String,
    #[serde(default)]
    pub(super) kinds: Vec<Kind>,
    pub(super) announced_at: Time,
    pub(super) starts_at: Time,
    pub(super) ends_at: Time,
    pub(super) text: String,
}

/// Who is told of incidents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tell {
    #[serde(default)]
    pub(super) operator: Option<String>,
    pub(super) participants: Vec<String>,
}
