//! The watch's metrics for Prometheus: counters and histograms are kept as observations come in, everything else is
//! read from the [`Standings`] and the service levels at each scrape.
//!
//! The series of a target vanish with it. A gauge of a status exists only while there is an answer, because no answer
//! must not look like a good one. A target has about 15 series; `tests::ten_thousand_targets` shows what a scrape of
//! ten thousand costs.

mod gather;
mod levels;
mod registry;
mod sources;
mod tally;
mod targets;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ctl_fetch::Timings;
use ctl_serve::family;
pub use ctl_serve::family::{Family, Type};
use ctl_serve::metrics::Registrar;
pub use gather::Gathered;
pub use levels::{Internals, OpenIncident, ServiceLevel};
use prometheus::{HistogramOpts, HistogramVec};
use tally::Tally;

use super::observation::Observation;
use super::sources::Sources;
use super::standings::Standings;
use super::target::{TargetId, WatchedCertificate};
use super::verdict::{Outcome, Verdict};
pub use registry::Metrics;

/// From a nearby answer to the longest timeout, in seconds. Most service levels limit answers to 10.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The metrics of the watch.
pub struct WatchMetrics {
    durations: HistogramVec,
    phases: HistogramVec,
    tallies: Mutex<Tallies>,
}

#[derive(Default)]
struct Tallies {
    by_target: HashMap<TargetId, Tally>,
    /// The label values that the histogram of durations has.
    timed: BTreeSet<(String, &'static str)>,
}

/// What a scrape reads.
#[derive(Clone, Copy, Debug)]
pub struct Readings<'a> {
    /// How every target stands.
    pub standings: &'a Standings,
    /// CA certificates whose end is watched.
    pub certificates: &'a [WatchedCertificate],
    /// Service levels by PKI and kind.
    pub levels: &'a [ServiceLevel],
    /// Incidents that are not over.
    pub incidents: &'a [OpenIncident],
    /// The state of the watch's own parts.
    pub internals: Internals,
    /// Other people's lists and pools.
    pub sources: &'a Sources,
}

impl WatchMetrics {
    /// Registers what is kept between scrapes.
    ///
    /// # Errors
    /// Only if two metrics have the same name: a mistake in this file.
    pub(crate) fn new(registrar: &mut Registrar) -> Result<Self, prometheus::Error> {
        let durations = registrar.register(HistogramVec::new(
            HistogramOpts::new(
                "ctl_probe_duration_seconds",
                "Seconds that the main exchange of a probe took, of the good and the wrong ones, by PKI and kind of service.",
            )
            .buckets(BUCKETS.to_vec()),
            &["pki", "kind"],
        )?)?;
        let phases = registrar.register(HistogramVec::new(
            HistogramOpts::new(
                "ctl_probe_phase_duration_seconds",
                "Seconds that a phase (dns, tcp, tls, first-byte) of a probe's main exchange took, of the good and the wrong ones, by kind of service.",
            )
            .buckets(BUCKETS.to_vec()),
            &["kind", "phase"],
        )?)?;
        registrar.list([targets::FAMILIES, levels::FAMILIES, sources::FAMILIES].concat());
        Ok(Self { durations, phases, tallies: Mutex::default() })
    }

    /// Counts an observation with its verdict; without one it is a gap.
    pub fn observe(&self, observation: &Observation, verdict: Option<&Verdict>) {
        let target = &observation.target;
        let kind = target.kind.as_str();
        let mut tallies = self.tallies();
        tallies.by_target.entry(target.id).or_default().count(observation, verdict);
        // Only probes that count for the service level's response times.
        let is_timed = verdict.is_some_and(|verdict| verdict.answered && verdict.outcome != Outcome::Excused);
        if let Some(Timings { dns, tcp, tls, first_byte, total }) = observation.timings.filter(|_| is_timed) {
            let pki = target.operator.as_str();
            if !tallies.timed.contains(&(pki.to_owned(), kind)) {
                tallies.timed.insert((pki.to_owned(), kind));
            }
            self.durations.with_label_values(&[pki, kind]).observe(total.as_secs_f64());
            let phase = |name, took: Duration| {
                self.phases.with_label_values(&[kind, name]).observe(took.as_secs_f64());
            };
            phase("dns", dns);
            phase("tcp", tcp);
            phase("first-byte", first_byte);
            if let Some(tls) = tls {
                phase("tls", tls);
            }
        }
    }

    /// Writes everything that is read at a scrape, and forgets targets that are no longer watched.
    pub(crate) fn write(&self, text: &mut String, readings: &Readings<'_>) {
        let mut tallies = self.tallies();
        let Readings { standings, certificates, levels, incidents, internals, sources } = readings;
        tallies.by_target.retain(|id, _| standings.targets.contains_key(id));
        let mut page = family::Page(text);
        targets::write(&mut page, standings, &tallies.by_target);
        levels::write(&mut page, levels, incidents);
        levels::write_certificates(&mut page, certificates);
        levels::write_internals(&mut page, internals);
        sources::write(&mut page, sources);
    }

    /// Forgets the histograms of services that are no longer watched; call it before the registry is read.
    pub(crate) fn prune(&self, standings: &Standings) {
        let watched: BTreeSet<(&str, &str)> = standings
            .targets
            .values()
            .map(|standing| (standing.target.operator.as_str(), standing.target.kind.as_str()))
            .collect();
        self.tallies().timed.retain(|(pki, kind)| {
            let stays = watched.contains(&(pki.as_str(), *kind));
            if !stays {
                // One that is absent needs no removal.
                let _ = self.durations.remove_label_values(&[pki.as_str(), kind]);
            }
            stays
        });
    }

    /// How many probes the duration histogram counted, by PKI and kind.
    #[cfg(test)]
    pub(super) fn timed(&self) -> std::collections::BTreeMap<(String, &'static str), u64> {
        let timed = self.tallies().timed.clone().into_iter();
        let count = |key: (String, &'static str)| {
            let count = self.durations.with_label_values(&[key.0.as_str(), key.1]).get_sample_count();
            (key, count)
        };
        timed.map(count).collect()
    }

    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests;
