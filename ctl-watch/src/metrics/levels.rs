//! The series of service levels, incidents, certificates and the watch's internals, read at each scrape.

use ctl_core::names::ParticipantId;

use super::family::{Milliseconds, Page, Ppm};
use crate::target::{Kind, WatchedCertificate};

/// The service level of one PKI's services of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLevel {
    /// Whose services.
    pub pki: ParticipantId,
    pub kind: Kind,
    /// The share of good probes that is promised, in parts per million.
    pub objective_ppm: u32,
    /// Valid probes in the rolling window.
    pub valid: u64,
    /// Good ones among them.
    pub good: u64,
    /// What is left of the error budget, in parts per million of it; negative if overdrawn. None without valid probes.
    pub budget_ppm: Option<i64>,
}

/// An open incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIncident {
    /// Whose service.
    pub pki: ParticipantId,
    pub kind: Kind,
    /// Its address.
    pub target: String,
    /// Unix milliseconds of its first bad probe.
    pub since_ms: i64,
    /// Whether it is a breach by now.
    pub is_breach: bool,
}

/// The state of the watch's own parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Internals {
    /// Bytes of the history on the disk.
    pub store_bytes: Option<u64>,
    /// Damaged databases of the history that were moved aside.
    pub store_damaged: u64,
    pub store_limit: Option<u64>,
    /// Bytes of memory for bodies of answers and what is kept of them: listed services, then unlisted ones.
    pub held_bytes: [u64; 2],
    pub held_limits: [u64; 2],
    /// Observations that wait to be counted and stored.
    pub queue: Option<u64>,
    pub queue_limit: Option<u64>,
    /// Observations that were dropped.
    pub lost: u64,
    /// Breaches that must wait, because the policy allows no more in one day.
    pub held_back: u64,
    /// Whether the last contact with the scheme brought a valid log.
    pub following: bool,
    /// Whether something that is due from the watcher is not in the log; none without a key, and until it is known.
    pub unrecorded: Option<bool>,
}

ctl_serve::families! {
    OBJECTIVE: Gauge "ctl_sla_objective_ratio" ["pki", "kind"]
        "Share of good probes among good and bad ones that the service level policy promises, from 0 to 1.";
    VALID: Gauge "ctl_sla_valid_probes" ["pki", "kind"]
        "Good and bad probes of the last 30 days; those in announced maintenance, and gaps, are neither.";
    CONFORMING: Gauge "ctl_sla_good_probes" ["pki", "kind"]
        "Good probes of the last 30 days.";
    BUDGET: Gauge "ctl_sla_error_budget_remaining_ratio" ["pki", "kind"]
        "What is left of the error budget of the last 30 days: 1 untouched, 0 used up, negative overdrawn; absent without good and bad probes.";
    INCIDENTS: Gauge "ctl_incidents_open" ["pki", "kind"]
        "Incidents that are not over.";
    INCIDENT: Gauge "ctl_incident_started_timestamp_seconds" ["pki", "kind", "target"]
        "Unix time of the first bad probe of the target's open incident; absent without one.";
    BREACHES: Gauge "ctl_breaches_open" ["pki", "kind"]
        "Open incidents that have lasted long enough to be breaches, which enter the log, up to the policy's number a day.";
    CERTIFICATE: Gauge "ctl_ca_not_after_timestamp_seconds" ["pki", "list", "certificate", "level"]
        "Unix time at which a CA certificate ends, by its SHA-256; level is root or sub-ca; list is empty for a certificate on no list.";
    STORE: Gauge "ctl_watch_store_bytes" []
        "Bytes that the history of the watch takes on the disk.";
    STORE_LIMIT: Gauge "ctl_watch_store_limit_bytes" []
        "Bytes that the history of the watch may take; beyond that the oldest is removed.";
    STORE_DAMAGED: Gauge "ctl_watch_store_damaged" []
        "Damaged databases of the history that were moved aside and are still there; their contents are lost to the watch.";
    HELD: Gauge "ctl_watch_held_bytes" ["of"]
        "Bytes of memory that bodies of answers and what is kept of them take: of services that a list, a sub-CA or the configuration names (listed), and of those that only applications name (applied).";
    HELD_LIMIT: Gauge "ctl_watch_held_limit_bytes" ["of"]
        "Bytes that they may take; beyond that probes are gaps, or evidence lacks its body.";
    QUEUE: Gauge "ctl_watch_queue_observations" []
        "Observations that wait to be counted and stored.";
    QUEUE_LIMIT: Gauge "ctl_watch_queue_limit_observations" []
        "Observations that may wait to be counted and stored.";
    LOST: Counter "ctl_watch_observations_lost_total" []
        "Observations that were dropped because too many waited.";
    HELD_BACK: Gauge "ctl_watch_breaches_held_back" []
        "Breaches that must wait, because the service level policy allows no more in one day.";
    FOLLOWING: Gauge "ctl_watch_following" []
        "1 if the last contact with the scheme brought a valid log, at most twelve looks or a minute ago; 0 if there was no contact yet, no answer for so long, or the log does not hold.";
    UNRECORDED: Gauge "ctl_watch_unrecorded" []
        "1 if a breach or report that is due from the watcher was not recorded at the last look, 0 if all that is due is in the log; absent without a key, and until the scheme was followed.";
}

/// Writes the series of service levels and incidents.
pub(super) fn write(page: &mut Page<'_>, levels: &[ServiceLevel], incidents: &[OpenIncident]) {
    let mut series = page.family(&OBJECTIVE);
    for level in levels {
        series.sample(&[level.pki.as_str(), level.kind.as_str()], Ppm(i64::from(level.objective_ppm)));
    }
    let mut series = page.family(&VALID);
    for level in levels {
        series.sample(&[level.pki.as_str(), level.kind.as_str()], level.valid);
    }
    let mut series = page.family(&CONFORMING);
    for level in levels {
        series.sample(&[level.pki.as_str(), level.kind.as_str()], level.good);
    }
    let mut series = page.family(&BUDGET);
    for level in levels {
        if let Some(budget) = level.budget_ppm {
            series.sample(&[level.pki.as_str(), level.kind.as_str()], Ppm(budget));
        }
    }
    // Where a level is kept there is a number, also 0: alerts and panels can tell it from no data.
    let mut open = std::collections::BTreeMap::new();
    for level in levels {
        open.insert((level.pki.as_str(), level.kind), [0_u64; 2]);
    }
    let mut since = std::collections::BTreeMap::new();
    for incident in incidents {
        let [all, breaches] = open.entry((incident.pki.as_str(), incident.kind)).or_default();
        *all += 1;
        *breaches += u64::from(incident.is_breach);
        let key = (incident.pki.as_str(), incident.kind, incident.target.as_str());
        let first = since.entry(key).or_insert(incident.since_ms);
        *first = incident.since_ms.min(*first);
    }
    for (family, which) in [(&INCIDENTS, 0), (&BREACHES, 1)] {
        let mut series = page.family(family);
        for ((pki, kind), counts) in &open {
            series.sample(&[pki, kind.as_str()], counts.get(which).copied().unwrap_or_default());
        }
    }
    let mut series = page.family(&INCIDENT);
    for ((pki, kind, target), at) in since {
        series.sample(&[pki, kind.as_str(), target], Milliseconds(at));
    }
}

/// Writes when CA certificates end.
pub(super) fn write_certificates(page: &mut Page<'_>, certificates: &[WatchedCertificate]) {
    let mut series = page.family(&CERTIFICATE);
    for watched in certificates {
        let end = watched.certificate.not_after();
        let level = if watched.is_root { "root" } else { "sub-ca" };
        let fingerprint = watched.fingerprint.to_string();
        let lists = watched.lists.iter().map(|list| list.as_str());
        let none = watched.lists.is_empty().then_some("");
        for list in lists.chain(none) {
            series.sample(&[watched.operator.as_str(), list, &fingerprint, level], end);
        }
    }
}

/// Writes how the watch is doing.
pub(super) fn write_internals(page: &mut Page<'_>, internals: &Internals) {
    for (family, value) in [
        (&STORE, internals.store_bytes),
        (&STORE_LIMIT, internals.store_limit),
        (&QUEUE, internals.queue),
        (&QUEUE_LIMIT, internals.queue_limit),
        (&STORE_DAMAGED, Some(internals.store_damaged)),
        (&LOST, Some(internals.lost)),
        (&HELD_BACK, Some(internals.held_back)),
        (&FOLLOWING, Some(u64::from(internals.following))),
        (&UNRECORDED, internals.unrecorded.map(u64::from)),
    ] {
        if let Some(value) = value {
            page.family(family).sample(&[], value);
        }
    }
    for (family, values) in [(&HELD, internals.held_bytes), (&HELD_LIMIT, internals.held_limits)] {
        let mut series = page.family(family);
        for (of, value) in ["listed", "applied"].iter().zip(values) {
            series.sample(&[*of], value);
        }
    }
}
