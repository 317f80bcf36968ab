//! The server's metrics for Prometheus: counters are kept while requests are answered, gauges are read from the
//! scheme's state at each scrape.
//!
//! Gauges of time are raw Unix timestamps: alert rules subtract them from `time()`.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ctl_core::Timestamp;
use ctl_core::role::Role;
use ctl_governance::calendar::Due;
use ctl_governance::promises::promises;
use ctl_governance::{Reason, State};
use ctl_serve::family::Page;
use ctl_serve::metrics::{Described, Registrar, RequestMetrics};
use prometheus::{GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use crate::access::Denied;
use crate::pool::Served;
use crate::publish::site::Route;
use crate::{calendar_metrics, pool_metrics, promises_metrics};

/// All metrics of the server.
pub struct Metrics {
    registrar: Registrar,
    requests: RequestMetrics,
    refused: IntCounterVec,
    access: IntCounterVec,
    tokens: IntCounterVec,
    gauges: Mutex<Gauges>,
    data_bytes: Arc<AtomicU64>,
}

struct Gauges {
    entries: IntGauge,
    sequence: IntGaugeVec,
    next_update: GaugeVec,
    published: GaugeVec,
    anchors: IntGaugeVec,
    checkpoint: IntGauge,
    checkpoint_entries: IntGauge,
    expires: GaugeVec,
    signed: GaugeVec,
    drafts: GaugeVec,
    data: IntGauge,
    writable: IntGauge,
    went_back: IntGauge,
    verified: IntGauge,
    damaged: IntGauge,
}

/// What a scrape measures in addition to the state.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The moment to which the state was advanced.
    pub now: Timestamp,
    /// When the served checkpoint was made.
    pub checkpoint_at: Timestamp,
    /// How many entries it covers.
    pub checkpoint_entries: u64,
    /// When the TUF snapshot and timestamp expire, once there are any.
    pub freshness_expires: Option<(Timestamp, Timestamp)>,
    pub freshness_signed: Option<(Timestamp, Timestamp)>,
    /// Whether statements are accepted.
    pub writable: bool,
    /// Whether the log has fewer entries than it once signed.
    pub went_back: bool,
    /// How many entries are verified, from the genesis.
    pub verified: u64,
    /// Whether the ledger, or the state that the server continued from, turned out to be wrong.
    pub damaged: bool,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// Only if two metrics have the same name: a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let mut registrar = Registrar::default();
        let requests = RequestMetrics::new(&mut registrar, Route::ALL.map(Route::as_str))?;
        let refused = (
            "ctl_statements_refused_total",
            "Statements that were not recorded, by the reason of the refusal.",
        );
        let reasons = Reason::ALL.iter().map(|reason| reason.as_str()).chain([MALFORMED]);
        let refused = registrar.counters(refused, "reason", reasons)?;
        let access = (
            "ctl_access_total",
            "Requests for what is guarded, by what became of them: granted, or why not.",
        );
        let results = Denied::ALL.map(Denied::as_str).into_iter().chain([GRANTED]);
        let access = registrar.counters(access, "result", results)?;
        let tokens = (
            "ctl_token_requests_total",
            "Requests for tokens, by what became of them: issued, or the error of RFC 6749.",
        );
        let tokens = registrar.counters(tokens, "result", [])?;
        let gauges = Mutex::new(Gauges::new(&mut registrar)?);
        let families = promises_metrics::FAMILIES.iter().chain(pool_metrics::FAMILIES);
        registrar.list(families.chain(calendar_metrics::FAMILIES).copied());
        let data_bytes = Arc::default();
        Ok(Self { registrar, requests, refused, access, tokens, gauges, data_bytes })
    }

    /// The metrics of requests.
    #[must_use]
    pub const fn requests(&self) -> &RequestMetrics {
        &self.requests
    }

    /// Every metric that a scrape may hold.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        self.registrar.described()
    }

    /// Counts a refused statement.
    pub fn count_refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// Counts a request for what is guarded.
    pub fn count_access(&self, denied: Option<Denied>) {
        self.access.with_label_values(&[denied.map_or(GRANTED, Denied::as_str)]).inc();
    }

    /// Counts a request for a token; the word is of a fixed set.
    pub fn count_token(&self, result: &'static str) {
        self.tokens.with_label_values(&[result]).inc();
    }

    /// How many bytes the data directory takes; written by whoever counts them.
    #[must_use]
    pub fn data_bytes(&self) -> Arc<AtomicU64> {
        self.data_bytes.clone()
    }

    /// The text of a scrape.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn render(
        &self,
        state: &State,
        facts: &Facts,
        pool: &Served,
        dues: &[Due],
    ) -> Result<String, prometheus::Error> {
        // One scrape at a time, because the gauges are emptied and filled.
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.fill(state, facts);
        gauges.data.set(i64::try_from(self.data_bytes.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
        let mut text = self.registrar.text()?;
        promises_metrics::write(&mut Page(&mut text), &promises(state, facts.now));
        pool_metrics::write(&mut Page(&mut text), pool);
        calendar_metrics::write(&mut Page(&mut text), dues, facts.now);
        Ok(text)
    }
}

const GRANTED: &str = "granted";

/// The label of statements that could not even be read.
pub const MALFORMED: &str = "malformed";

impl Gauges {
    fn new(registrar: &mut Registrar) -> Result<Self, prometheus::Error> {
        let registrar = RefCell::new(registrar);
        let one = |name: &str, help: &str| registrar.borrow_mut().register(IntGauge::new(name, help)?);
        let whole = |name: &str, help: &str, labels: &[&str]| {
            registrar.borrow_mut().register(IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let time = |name: &str, help: &str, label: &str| {
            registrar.borrow_mut().register(GaugeVec::new(Opts::new(name, help), &[label])?)
        };
        let build = whole(
            "ctl_build_info",
            "Always 1; the labels are the running release and the newest rules it knows.",
            &["version", "rules"],
        )?;
        let rules = ctl_governance::RulesVersion::LATEST;
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), &rules.to_string()]).set(1);
        Ok(Self {
            entries: one("ctl_ledger_entries", "Entries in the ledger.")?,
            writable: one(
                "ctl_ledger_writable",
                "1 while statements are accepted; 0 while the ledger is read-only or the clock is not believed.",
            )?,
            went_back: one(
                "ctl_ledger_went_back",
                "1 if a checkpoint with the log's own signature covers more than this log; nothing is signed or recorded then.",
            )?,
            verified: one(
                "ctl_ledger_verified_entries",
                "Entries verified since the start, from the genesis; after a while all of them.",
            )?,
            damaged: one(
                "ctl_ledger_damaged",
                "1 if the verification after the start found something wrong; nothing is recorded then.",
            )?,
            sequence: whole("ctl_list_sequence", "Sequence of the list version published last.", &["list"])?,
            next_update: time(
                "ctl_list_next_update_timestamp_seconds",
                "Unix time by which devices expect a newer version of the list.",
                "list",
            )?,
            published: time(
                "ctl_list_published_timestamp_seconds",
                "Unix time at which the last version of the list was published.",
                "list",
            )?,
            anchors: whole(
                "ctl_anchors",
                "Anchors of a list by their status now, notices included.",
                &["list", "status"],
            )?,
            checkpoint: one(
                "ctl_checkpoint_timestamp_seconds",
                "Unix time at which the served checkpoint of the log was signed.",
            )?,
            checkpoint_entries: one(
                "ctl_checkpoint_entries",
                "Entries that the served checkpoint of the log covers; fewer than ctl_ledger_entries while publication is behind.",
            )?,
            signed: time(
                "ctl_metadata_signed_timestamp_seconds",
                "Unix time at which a role's published TUF metadata was drafted; of snapshot and timestamp, at which the server signed it.",
                "role",
            )?,
            expires: time(
                "ctl_metadata_expires_timestamp_seconds",
                "Unix time at which a role's published TUF metadata expires.",
                "role",
            )?,
            drafts: time(
                "ctl_draft_opened_timestamp_seconds",
                "Unix time at which the draft that waits for a role's signatures was opened; absent while none waits.",
                "role",
            )?,
            data: one("ctl_data_bytes", "Bytes that the data directory takes on disk.")?,
        })
    }

    fn fill(&self, state: &State, facts: &Facts) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let seconds = |time: Timestamp| time.unix() as f64;
        self.entries.set(whole(state.size()));
        self.writable.set(i64::from(facts.writable));
        self.went_back.set(i64::from(facts.went_back));
        self.verified.set(whole(facts.verified));
        self.damaged.set(i64::from(facts.damaged));
        self.checkpoint.set(facts.checkpoint_at.unix());
        self.checkpoint_entries.set(whole(facts.checkpoint_entries));
        for vector in [&self.next_update, &self.published, &self.expires, &self.signed, &self.drafts] {
            vector.reset();
        }
        self.sequence.reset();
        self.anchors.reset();
        for (role, published) in &state.published {
            let name = role.to_string();
            self.expires.with_label_values(&[&name]).set(seconds(published.open.expires));
            self.signed.with_label_values(&[&name]).set(seconds(published.open.issued_at));
            if let Role::List(_) = role {
                let label = [name.as_str()];
                self.sequence.with_label_values(&label).set(whole(published.open.sequence.unwrap_or(0)));
                self.published.with_label_values(&label).set(seconds(published.at));
                self.next_update.with_label_values(&label).set(seconds(published.open.expires));
            }
        }
        for (vector, times) in
            [(&self.expires, facts.freshness_expires), (&self.signed, facts.freshness_signed)]
        {
            if let Some((snapshot, timestamp)) = times {
                vector.with_label_values(&["snapshot"]).set(seconds(snapshot));
                vector.with_label_values(&["timestamp"]).set(seconds(timestamp));
            }
        }
        for list in state.charter.lists.keys() {
            for (status, count) in state.anchors_by_status(list) {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.anchors.with_label_values(&[list.as_str(), status.as_str()]).set(count);
            }
        }
        for (role, draft) in &state.drafts {
            self.drafts.with_label_values(&[&role.to_string()]).set(seconds(draft.open.issued_at));
        }
    }
}
