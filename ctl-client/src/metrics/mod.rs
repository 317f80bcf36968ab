//! What Prometheus reads of this device: in a file for node_exporter's textfile collector, written anew after each sync.
//! Times are raw Unix seconds, so that the alert says what is too old.

use std::path::PathBuf;

use prometheus::{Encoder as _, GaugeVec, Opts, Registry, TextEncoder};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::status::{Severity, Status};
use crate::sync::Client;

/// Where metrics are written: the section `[metrics]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// A file in node_exporter's `--collector.textfile.directory`, whose name ends in `.prom`.
    pub textfile: PathBuf,
}

impl MetricsConfig {
    /// What is wrong with it, and what to write instead.
    pub(crate) fn problem(&self) -> Option<String> {
        let is_file = self.textfile.extension().is_some_and(|extension| extension == "prom");
        (!self.textfile.is_absolute() || !is_file).then(|| {
            format!(
                "[metrics] textfile {:?}: write an absolute path that ends in .prom; node_exporter reads no other files",
                self.textfile
            )
        })
    }
}

/// Series under construction. What cannot be registered is a mistake in this file, and told.
struct Page {
    registry: Registry,
}

impl Page {
    fn gauge(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        samples: impl IntoIterator<Item = (Vec<String>, f64)>,
    ) -> Result<(), prometheus::Error> {
        let gauge = GaugeVec::new(Opts::new(format!("ctl_client_{name}"), help), labels)?;
        for (values, value) in samples {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            gauge.get_metric_with_label_values(&values)?.set(value);
        }
        self.registry.register(Box::new(gauge))
    }
}

fn one(value: impl Into<f64>) -> [(Vec<String>, f64); 1] {
    [(vec![], value.into())]
}

fn number(value: usize) -> f64 {
    u32::try_from(value).unwrap_or(u32::MAX).into()
}

impl Client {
    /// The text of a scrape.
    ///
    /// # Errors
    /// A mistake in this program.
    pub fn metrics(&self, status: &Status) -> Result<String, prometheus::Error> {
        let page = Page { registry: Registry::new() };
        let info =
            vec![env!("CARGO_PKG_VERSION").to_owned(), status.scheme.to_string(), status.environment.clone()];
        page.gauge("info", "Always 1.", &["version", "scheme", "environment"], [(info, 1.0)])?;
        Self::documents(&page, status)?;
        self.sinks_page(&page, status)?;
        page.gauge(
            "trusted_anchors",
            "Anchors that are trusted here, each counted for each list.",
            &[],
            one(number(status.trusted.len())),
        )?;
        page.gauge("suspensions", "Suspensions that hold here.", &[], one(number(status.notices.len())))?;
        let severities =
            [("note", Severity::Note), ("warning", Severity::Warning), ("error", Severity::Error)];
        let severities = severities.map(|(word, severity)| {
            let found = status.findings.iter().filter(|finding| finding.severity == severity).count();
            (vec![word.to_owned()], number(found))
        });
        page.gauge("findings", "What status finds, by severity.", &["severity"], severities)?;
        page.gauge(
            "conflict",
            "Whether the log contradicts what is remembered of it.",
            &[],
            one(u8::from(status.conflict.is_some())),
        )?;
        if let Some(last) = &status.last_sync {
            page.gauge(
                "last_sync_timestamp_seconds",
                "When the last sync was tried, by this device's clock.",
                &[],
                one(last.attempted_at.unix() as f64),
            )?;
            let success = last.succeeded_at.map(|time| (vec![], time.unix() as f64));
            page.gauge(
                "last_success_timestamp_seconds",
                "When a sync last succeeded, by this device's clock.",
                &[],
                success,
            )?;
            page.gauge("failures_in_a_row", "Syncs that failed since then.", &[], one(last.failures))?;
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&page.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn documents(page: &Page, status: &Status) -> Result<(), prometheus::Error> {
        let each = |value: fn(&crate::status::DocumentStatus) -> f64| {
            status.documents.iter().map(move |line| (vec![line.role.to_string()], value(line)))
        };
        let role = &["role"];
        page.gauge(
            "document_version",
            "Number of the version held.",
            role,
            each(|line| line.sequence as f64),
        )?;
        page.gauge(
            "document_issued_timestamp_seconds",
            "When the version held was drafted.",
            role,
            each(|line| line.issued_at.unix() as f64),
        )?;
        page.gauge(
            "document_next_update_timestamp_seconds",
            "When a newer version is due.",
            role,
            each(|line| line.next_update.unix() as f64),
        )
    }

    fn sinks_page(&self, page: &Page, status: &Status) -> Result<(), prometheus::Error> {
        let sink = &["sink"];
        let names = self.sinks.iter().map(|sink| sink.name());
        // Of a sink that could not be asked, status has no line.
        let problems = status.last_sync.iter().flat_map(|last| &last.problems);
        let troubled = |name: &String| {
            let line = status.sinks.iter().find(|line| line.sink == *name);
            !line.is_some_and(|line| line.in_place) || problems.clone().any(|(about, _)| about == name)
        };
        let all = names.map(|name| {
            let is_troubled = f64::from(u8::from(troubled(&name)));
            (vec![name], is_troubled)
        });
        page.gauge(
            "sink_troubled",
            "Whether a sink could not be made what it should be, or is not.",
            sink,
            all.collect::<Vec<_>>(),
        )?;
        let each = |value: fn(&crate::status::SinkStatus) -> f64| {
            status.sinks.iter().map(move |line| (vec![line.sink.clone()], value(line)))
        };
        page.gauge(
            "sink_in_place",
            "Whether a sink holds what it should.",
            sink,
            each(|line| f64::from(u8::from(line.in_place))),
        )?;
        page.gauge(
            "sink_certificates",
            "Certificates of ours that a sink should hold.",
            sink,
            each(|line| number(line.certificates)),
        )?;
        page.gauge(
            "sink_foreign_certificates",
            "Certificates of others that a sink keeps.",
            sink,
            each(|line| number(line.foreign)),
        )
    }

    /// Writes the file for node_exporter, if there is to be one.
    ///
    /// # Errors
    /// Why it was not written, for people.
    pub(crate) fn write_metrics(&self, status: &Status) -> Result<(), String> {
        let Some(config) = &self.config.metrics else { return Ok(()) };
        let text = self.metrics(status).map_err(|error| error.to_string())?;
        let (Some(above), Some(name)) =
            (config.textfile.parent(), config.textfile.file_name().and_then(|name| name.to_str()))
        else {
            return Err(format!("{} names no file", config.textfile.display()));
        };
        let folder = files::open_directory(above).map_err(|error| error.to_string())?;
        let folder = folder.ok_or_else(|| format!("the directory {} does not exist", above.display()))?;
        files::replace_open(self.directory.files(), &folder, name, text.as_bytes())
            .map_err(|error| error.to_string())
    }
}
