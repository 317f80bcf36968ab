//! All metrics of the watch, for a scrape.

use ctl_serve::metrics::{Described, Registrar};

use super::{Readings, WatchMetrics};

/// All metrics of the watch.
pub struct Metrics {
    registrar: Registrar,
    watch: WatchMetrics,
}

impl Metrics {
    /// Registers all metrics.
    ///
    /// # Errors
    /// Only if two metrics have the same name: a mistake in this crate.
    pub fn new() -> Result<Self, prometheus::Error> {
        let mut registrar = Registrar::default();
        let watch = WatchMetrics::new(&mut registrar)?;
        Ok(Self { registrar, watch })
    }

    /// The metrics that count observations.
    #[must_use]
    pub const fn watch(&self) -> &WatchMetrics {
        &self.watch
    }

    /// Every metric that a scrape may hold.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        self.registrar.described()
    }

    /// The text of a scrape.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn render(&self, readings: &Readings<'_>) -> Result<String, prometheus::Error> {
        self.watch.prune(readings.standings);
        let mut text = self.registrar.text()?;
        self.watch.write(&mut text, readings);
        Ok(text)
    }
}
