//! What Prometheus is told of requests; and a registry that knows its metrics before they have series.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ctl_core::Timestamp;
use prometheus::core::Collector;
use prometheus::proto::MetricType;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::family::{Family, Type};
use crate::tls::{Failure, Standing};

/// The media type of the text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What metrics call a request for a path that does not exist.
pub const UNKNOWN: &str = "unknown";

/// From a memory lookup to a slow disk, in seconds.
const LATENCY_BUCKETS: [f64; 11] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.25, 1.0, 5.0];

/// What there is to know of a metric before it has any series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// As it stands in a scrape, without the suffixes of a histogram.
    pub name: String,
    /// Counter, gauge or histogram.
    pub kind: Type,
    /// What it means, for people.
    pub help: String,
    /// The names of its labels.
    pub labels: Vec<String>,
}

/// A registry that remembers what it was given, also while that has no series.
#[derive(Default)]
pub struct Registrar {
    registry: Registry,
    described: Vec<Described>,
}

impl Registrar {
    /// Registers a collector.
    ///
    /// # Errors
    /// If another metric has its name.
    pub fn register<C: Collector + Clone + 'static>(&mut self, collector: C) -> Result<C, prometheus::Error> {
        self.registry.register(Box::new(collector.clone()))?;
        for family in collector.collect() {
            let descriptions = collector.desc();
            let labels = descriptions.iter().find(|description| description.fq_name == family.name());
            self.described.push(Described {
                name: family.name().to_owned(),
                kind: match family.get_field_type() {
                    MetricType::COUNTER => Type::Counter,
                    MetricType::HISTOGRAM => Type::Histogram,
                    _ => Type::Gauge,
                },
                help: family.help().to_owned(),
                labels: labels.map(|description| description.variable_labels.clone()).unwrap_or_default(),
            });
        }
        Ok(collector)
    }

    /// Registers counters that one label tells apart. Those of these values are there before anything is counted.
    ///
    /// # Errors
    /// If another metric has this name.
    pub fn counters(
        &mut self,
        (name, help): (&str, &str),
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<IntCounterVec, prometheus::Error> {
        let counters = self.register(IntCounterVec::new(Opts::new(name, help), &[label])?)?;
        for value in values {
            counters.with_label_values(&[value]).reset();
        }
        Ok(counters)
    }

    /// Lists families that are written in addition to the registry's, see [`family`](crate::family).
    pub fn list(&mut self, families: impl IntoIterator<Item = &'static Family>) {
        self.described.extend(families.into_iter().map(|family| Described {
            name: family.name.to_owned(),
            kind: family.kind,
            help: family.help.to_owned(),
            labels: family.labels.iter().map(|&label| label.to_owned()).collect(),
        }));
    }

    /// Every metric that a scrape may hold.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        &self.described
    }

    /// What is registered, in the text format.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut text = String::new();
        TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Counts requests, by route, method and status.
pub struct RequestMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    files: Vec<FileMetrics>,
    tls: TlsMetrics,
}

/// How TLS fares. Without TLS the gauges have no series.
struct TlsMetrics {
    failed: IntCounterVec,
    expires: IntGaugeVec,
    refused: IntGaugeVec,
    /// The same as `expires`, or [`NO_TLS`].
    ends: AtomicI64,
}

/// Where nobody has said when the certificate ends.
const NO_TLS: i64 = i64::MIN;

/// Counters of one kind of prepared file, looked up once: a fleet's requests take no label lookup.
struct FileMetrics {
    /// By method (GET, HEAD) and status (200, 304).
    requests: [[IntCounter; 2]; 2],
    duration: Histogram,
}

impl RequestMetrics {
    /// Registers `ctl_http_requests_total`, `ctl_http_request_duration_seconds` and `ctl_tls_…`; `files` are the patterns of the
    /// table's files, in their order.
    ///
    /// # Errors
    /// If another metric has one of these names.
    pub fn new(
        registrar: &mut Registrar,
        files: impl IntoIterator<Item = &'static str>,
    ) -> Result<Self, prometheus::Error> {
        let requests = registrar.register(IntCounterVec::new(
            Opts::new(
                "ctl_http_requests_total",
                "HTTP requests answered, by route pattern, method and status code.",
            ),
            &["route", "method", "status"],
        )?)?;
        let durations = registrar.register(
            HistogramVec::new(
                HistogramOpts::new(
                    "ctl_http_request_duration_seconds",
                    "Seconds from the end of a request's header to the beginning of its answer, by route pattern.",
                )
                .buckets(LATENCY_BUCKETS.to_vec()),
                &["route"],
            )?,
        )?;
        let file = |pattern: &'static str| FileMetrics {
            requests: ["GET", "HEAD"].map(|method| {
                ["200", "304"].map(|status| requests.with_label_values(&[pattern, method, status]))
            }),
            duration: durations.with_label_values(&[pattern]),
        };
        let files = files.into_iter().map(file).collect();
        Ok(Self { requests, durations, files, tls: TlsMetrics::new(registrar)? })
    }

    /// Counts an answer 200 or 304 with a prepared file, by its number in the table.
    pub fn count_file(&self, number: usize, head: bool, not_modified: bool, took: Duration) {
        if let Some(counters) = self.files.get(number) {
            let [get, of_head] = &counters.requests;
            let [ok, unchanged] = if head { of_head } else { get };
            if not_modified {
                unchanged.inc()
            } else {
                ok.inc()
            }
            counters.duration.observe(took.as_secs_f64());
        }
    }

    /// Counts any other answer. `route` is one of a fixed set of patterns.
    pub fn count(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        self.requests.with_label_values(&[route, method, &status.to_string()]).inc();
        self.durations.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// Counts a handshake that failed.
    pub(crate) fn count_handshake(&self, why: Failure) {
        self.tls.failed.with_label_values(&[why.as_str()]).inc();
    }

    /// When the TLS certificate ends that is shown to callers, as far as is known; none without TLS.
    #[must_use]
    pub fn tls_ends(&self) -> Option<Timestamp> {
        Some(self.tls.ends.load(Ordering::Relaxed)).filter(|ends| *ends != NO_TLS).map(Timestamp::from_unix)
    }

    /// Says how the TLS certificate stands.
    pub(crate) fn set_tls(&self, standing: Standing) {
        self.tls.ends.store(standing.expires, Ordering::Relaxed);
        self.tls.expires.with_label_values::<&str>(&[]).set(standing.expires);
        self.tls.refused.with_label_values::<&str>(&[]).set(standing.refused.into());
    }
}

impl TlsMetrics {
    fn new(registrar: &mut Registrar) -> Result<Self, prometheus::Error> {
        let failed =
            ("ctl_tls_handshakes_failed_total", "TLS handshakes with callers that failed, by the reason.");
        let failed = registrar.counters(failed, "reason", Failure::ALL.map(Failure::as_str))?;
        let expires = registrar.register(IntGaugeVec::new(
            Opts::new(
                "ctl_tls_certificate_expires_timestamp_seconds",
                "Unix time at which the program's own TLS certificate ends; absent without TLS.",
            ),
            &[],
        )?)?;
        let refused = registrar.register(IntGaugeVec::new(
            Opts::new(
                "ctl_tls_certificate_refused",
                "1 while the TLS files hold what cannot be served, and the certificate before them is; absent without TLS.",
            ),
            &[],
        )?)?;
        Ok(Self { failed, expires, refused, ends: AtomicI64::new(NO_TLS) })
    }
}
