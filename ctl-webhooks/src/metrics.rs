//! The program's metrics for Prometheus: counters as things happen, everything else read at each scrape.

use ctl_core::role::Role;
use ctl_formats::RootEvent;
use ctl_serve::families;
use ctl_serve::family::Page;
use ctl_serve::metrics::{Described, Registrar, RequestMetrics};
use prometheus::IntCounterVec;

use crate::follow::Standing;
use crate::retry::Attempt;
use crate::store::{Counts, Outcome};

families! {
    ENDPOINTS: Gauge "ctl_webhook_endpoints" ["status"] "Endpoints, by whether they are enabled.";
    WAITING: Gauge "ctl_webhook_deliveries_waiting" [] "Deliveries that have not arrived and are not given up.";
    OLDEST_DUE: Gauge "ctl_webhook_oldest_due_timestamp_seconds" [] "Unix time since which the delivery is due that is due longest; absent if none is.";
    FOLLOWED: Gauge "ctl_webhook_followed_timestamp_seconds" [] "Unix time at which every list and the notices were last seen as they should be.";
    SEQUENCE: Gauge "ctl_webhook_document_sequence" ["role"] "The number of the version that is held, by the role of the document.";
    NEXT_UPDATE: Gauge "ctl_webhook_document_next_update_timestamp_seconds" ["role"] "Unix time at which a newer version is due, by the role of the document.";
}

/// The program's metrics.
pub struct Metrics {
    registrar: Registrar,
    requests: RequestMetrics,
    events: IntCounterVec,
    attempts: IntCounterVec,
    deliveries: IntCounterVec,
}

impl Metrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// Only if two have one name: a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let mut registrar = Registrar::default();
        let requests = RequestMetrics::new(&mut registrar, [])?;
        let events = ("ctl_webhook_events_total", "Events of roots, by their type.");
        let events = registrar.counters(events, "event", RootEvent::ALL.map(RootEvent::as_str))?;
        let attempts = ("ctl_webhook_attempts_total", "Attempts to deliver an event, by what came of them.");
        let attempts = registrar.counters(attempts, "result", Attempt::WORDS)?;
        let deliveries = (
            "ctl_webhook_deliveries_total",
            "Deliveries that wait no more, by their outcome: arrived, attempted in vain, or too many for their endpoint.",
        );
        let outcomes = [Outcome::Delivered, Outcome::Failed, Outcome::Overflow].map(Outcome::as_str);
        let deliveries = registrar.counters(deliveries, "outcome", outcomes)?;
        registrar.list(FAMILIES.iter().copied());
        Ok(Self { registrar, requests, events, attempts, deliveries })
    }

    /// Where requests are counted.
    #[must_use]
    pub const fn requests(&self) -> &RequestMetrics {
        &self.requests
    }

    /// Every metric that a scrape may hold.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        self.registrar.described()
    }

    pub(crate) fn count_event(&self, event: RootEvent) {
        self.events.with_label_values(&[event.as_str()]).inc();
    }

    pub(crate) fn count_attempt(&self, attempt: Attempt) {
        self.attempts.with_label_values(&[attempt.word()]).inc();
    }

    pub(crate) fn count_deliveries(&self, outcome: Outcome, count: u64) {
        self.deliveries.with_label_values(&[outcome.as_str()]).inc_by(count);
    }

    /// The text of a scrape.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn render(&self, counts: Counts, standing: &Standing) -> Result<String, prometheus::Error> {
        let mut text = self.registrar.text()?;
        let mut page = Page(&mut text);
        let mut endpoints = page.family(&ENDPOINTS);
        endpoints.sample(&["enabled"], counts.enabled);
        endpoints.sample(&["disabled"], counts.disabled);
        page.family(&WAITING).sample(&[], counts.waiting);
        if let Some(due) = counts.oldest_due {
            page.family(&OLDEST_DUE).sample(&[], due.unix());
        }
        if let Some(good) = standing.good {
            page.family(&FOLLOWED).sample(&[], good.unix());
        }
        let roles: Vec<(String, _)> =
            standing.held.iter().map(|held| (Role::to_string(&held.role), held)).collect();
        let mut sequence = page.family(&SEQUENCE);
        for (role, held) in &roles {
            sequence.sample(&[role], held.sequence);
        }
        let mut next_update = page.family(&NEXT_UPDATE);
        for (role, held) in &roles {
            next_update.sample(&[role], held.next_update.unix());
        }
        Ok(text)
    }
}
