//! The registry of metrics that are kept between scrapes, and what there is to know of every metric.

use prometheus::{Registry, TextEncoder};

use super::{Family, Readings, Type, WatchMetrics};

/// The media type of the text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What there is to know of a metric before it has any series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Type,
    /// What it means.
    pub help: String,
    /// The names of its labels.
    pub labels: Vec<String>,
}

/// A registry that remembers what it was given, also while that has no series.
#[derive(Default)]
pub struct Registrar {
    /// What is read at a scrape.
    pub registry: Registry,
    /// What was registered.
    pub described: Vec<Described>,
}

impl Registrar {
    /// Registers a collector.
    ///
    /// # Errors
    /// Two collectors have one name.
    pub fn register<C: prometheus::core::Collector + Clone + 'static>(
        &mut self,
        collector: C,
    ) -> Result<C, prometheus::Error> {
        self.registry.register(Box::new(collector.clone()))?;
        for family in collector.collect() {
            let descriptions = collector.desc();
            let labels = descriptions.iter().find(|description| description.fq_name == family.name());
            self.described.push(Described {
                name: family.name().to_owned(),
                kind: match family.get_field_type() {
                    prometheus::proto::MetricType::COUNTER => Type::Counter,
                    prometheus::proto::MetricType::HISTOGRAM => Type::Histogram,
                    _ => Type::Gauge,
                },
                help: family.help().to_owned(),
                labels: labels.map(|description| description.variable_labels.clone()).unwrap_or_default(),
            });
        }
        Ok(collector)
    }

    /// Lists families that are written beside the registry.
    pub fn list(&mut self, families: impl IntoIterator<Item = &'static Family>) {
        self.described.extend(families.into_iter().map(|family| Described {
            name: family.name.to_owned(),
            kind: family.kind,
            help: family.help.to_owned(),
            labels: family.labels.iter().map(|&label| label.to_owned()).collect(),
        }));
    }
}

/// All metrics of the watch.
pub struct Metrics {
    registry: Registry,
    described: Vec<Described>,
    watch: WatchMetrics,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// Only if two metrics had one name: a mistake in this crate.
    pub fn new() -> Result<Self, prometheus::Error> {
        let mut registrar = Registrar::default();
        let watch = WatchMetrics::new(&mut registrar)?;
        Ok(Self { registry: registrar.registry, described: registrar.described, watch })
    }

    /// What observations are counted in.
    #[must_use]
    pub const fn watch(&self) -> &WatchMetrics {
        &self.watch
    }

    /// Every metric that a scrape may hold.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        &self.described
    }

    /// The text of a scrape.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn render(&self, readings: &Readings<'_>) -> Result<String, prometheus::Error> {
        self.watch.prune(readings.board);
        let mut text = String::new();
        TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text)?;
        self.watch.write(&mut text, readings);
        Ok(text)
    }
}
