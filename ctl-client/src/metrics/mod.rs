//! What Prometheus reads of this device: in a file for node_exporter's textfile collector, written anew after each sync,
//! or over HTTP where the client is a back end's. Times are raw Unix seconds, so that the alert says what is too old.

#[cfg(feature = "back-end")]
mod listen;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::files::{self, Files};
use crate::status::{Severity, Status};
use crate::sync::Client;
#[cfg(feature = "back-end")]
pub(crate) use listen::listen;

/// Where metrics are written: the section `[metrics]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// A file in node_exporter's `--collector.textfile.directory`, whose name ends in `.prom`.
    pub textfile: PathBuf,
}

impl MetricsConfig {
    /// What is wrong with it, and what to write instead.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let is_file = self.textfile.extension().is_some_and(|extension| extension == "prom");
        (!self.textfile.is_absolute() || !is_file).then(|| {
            format!(
                "[metrics] textfile {:?}: write an absolute path that ends in .prom; node_exporter reads no other files",
                self.textfile
            )
        })
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// Why it was not written, for people.
    pub fn write(&self, files: &dyn Files, text: &str) -> Result<(), String> {
        let (Some(above), Some(name)) =
            (self.textfile.parent(), self.textfile.file_name().and_then(|name| name.to_str()))
        else {
            return Err(format!("{} names no file", self.textfile.display()));
        };
        let folder = files::open_directory(above).map_err(|error| error.to_string())?;
        let folder = folder.ok_or_else(|| format!("the directory {} does not exist", above.display()))?;
        files::replace_open(files, &folder, name, text.as_bytes()).map_err(|error| error.to_string())
    }
}

/// The metrics of the last sync, for whoever asks meanwhile. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Shown(Arc<Mutex<(u64, String)>>);

impl Shown {
    fn set(&self, text: String) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = (shown.0.saturating_add(1), text);
    }

    /// Empty before the first.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Grows with each.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The text of a scrape under construction, in Prometheus' text format: a gateway carries no library for so little.
pub struct Page {
    program: &'static str,
    text: String,
}

impl Page {
    /// Of a program, whose name in small letters and underscores begins the names of its families.
    #[must_use]
    pub const fn of(program: &'static str) -> Self {
        Self { program, text: String::new() }
    }

    /// The text so far.
    #[must_use]
    pub fn text(self) -> String {
        self.text
    }

    /// A family of values that go up and down; without samples it says nothing.
    pub fn gauge(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        samples: impl IntoIterator<Item = (Vec<String>, f64)>,
    ) {
        self.family("gauge", name, help, labels, samples);
    }

    /// A family of counts since the start.
    pub fn counter(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        samples: impl IntoIterator<Item = (Vec<String>, f64)>,
    ) {
        self.family("counter", name, help, labels, samples);
    }

    fn family(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        labels: &[&str],
        samples: impl IntoIterator<Item = (Vec<String>, f64)>,
    ) {
        let name = format!("{}_{name}", self.program);
        let mut head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (values, value) in samples {
            self.text.push_str(&std::mem::take(&mut head));
            let labels: Vec<String> = labels
                .iter()
                .zip(values)
                .map(|(label, value)| format!("{label}=\"{}\"", escaped(&value)))
                .collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            self.text.push_str(&format!("{name}{labels} {value}\n"));
        }
    }
}

/// A label's value as the text format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn one(value: impl Into<f64>) -> [(Vec<String>, f64); 1] {
    [(vec![], value.into())]
}

fn number(value: usize) -> f64 {
    u32::try_from(value).unwrap_or(u32::MAX).into()
}

impl Client {
    /// The text of a scrape.
    #[must_use]
    pub fn metrics(&self, status: &Status) -> String {
        let mut page = Page::of("ctl_client");
        let info =
            vec![env!("CARGO_PKG_VERSION").to_owned(), status.scheme.to_string(), status.environment.clone()];
        page.gauge("info", "Always 1.", &["version", "scheme", "environment"], [(info, 1.0)]);
        Self::documents(&mut page, status);
        self.sinks_page(&mut page, status);
        page.gauge(
            "trusted_anchors",
            "Anchors that are trusted here, each counted for each list.",
            &[],
            one(number(status.trusted.len())),
        );
        page.gauge("suspensions", "Suspensions that hold here.", &[], one(number(status.notices.len())));
        let severities =
            [("note", Severity::Note), ("warning", Severity::Warning), ("error", Severity::Error)];
        let severities = severities.map(|(word, severity)| {
            let found = status.findings.iter().filter(|finding| finding.severity == severity).count();
            (vec![word.to_owned()], number(found))
        });
        page.gauge("findings", "What status finds, by severity.", &["severity"], severities);
        page.gauge(
            "conflict",
            "Whether the log contradicts what is remembered of it.",
            &[],
            one(u8::from(status.conflict.is_some())),
        );
        page.gauge(
            "interval_seconds",
            "How often this device syncs, as configured.",
            &[],
            one(self.config.interval_seconds as f64),
        );
        page.gauge(
            "grace_seconds",
            "How long past its next update a version is late before it is stale, as configured.",
            &[],
            one(self.config.grace_seconds as f64),
        );
        if let Some(last) = &status.last_sync {
            page.gauge(
                "last_sync_timestamp_seconds",
                "When the last sync was tried, by this device's clock.",
                &[],
                one(last.attempted_at.unix() as f64),
            );
            let success = last.succeeded_at.map(|time| (vec![], time.unix() as f64));
            page.gauge(
                "last_success_timestamp_seconds",
                "When a sync last succeeded, by this device's clock.",
                &[],
                success,
            );
            page.gauge("failures_in_a_row", "Syncs that failed since then.", &[], one(last.failures));
        }
        page.text
    }

    fn documents(page: &mut Page, status: &Status) {
        let each = |value: fn(&crate::status::DocumentStatus) -> f64| {
            status.documents.iter().map(move |line| (vec![line.role.to_string()], value(line)))
        };
        let role = &["role"];
        page.gauge(
            "document_version",
            "Number of the version held.",
            role,
            each(|line| line.sequence as f64),
        );
        page.gauge(
            "document_issued_timestamp_seconds",
            "When the version held was drafted.",
            role,
            each(|line| line.issued_at.unix() as f64),
        );
        page.gauge(
            "document_next_update_timestamp_seconds",
            "When a newer version is due.",
            role,
            each(|line| line.next_update.unix() as f64),
        );
    }

    fn sinks_page(&self, page: &mut Page, status: &Status) {
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
        );
        let each = |value: fn(&crate::status::SinkStatus) -> f64| {
            status.sinks.iter().map(move |line| (vec![line.sink.clone()], value(line)))
        };
        page.gauge(
            "sink_in_place",
            "Whether a sink holds what it should.",
            sink,
            each(|line| f64::from(u8::from(line.in_place))),
        );
        page.gauge(
            "sink_certificates",
            "Certificates of ours that a sink should hold.",
            sink,
            each(|line| number(line.certificates)),
        );
        page.gauge(
            "sink_foreign_certificates",
            "Certificates of others that a sink keeps.",
            sink,
            each(|line| number(line.foreign)),
        );
        let counts = status.sinks.iter().filter_map(|line| Some((&line.sink, line.stations.as_ref()?)));
        let stations = counts.clone().flat_map(|(sink, counts)| {
            let all = [
                ("installed", counts.installed),
                ("sent", counts.sent),
                ("waiting", counts.waiting),
                ("pending", counts.pending),
                ("refused", counts.refused),
                ("offline", counts.offline),
            ];
            all.map(|(standing, stations)| (vec![sink.clone(), standing.to_owned()], number(stations)))
        });
        page.gauge(
            "stations",
            "Charging stations behind a sink, by how they stand.",
            &["sink", "standing"],
            stations,
        );
        page.gauge(
            "stations_with_distrusted",
            "Charging stations behind a sink that may hold a root that is distrusted.",
            &["sink"],
            counts.map(|(sink, counts)| (vec![sink.clone()], number(counts.may_hold_distrusted))),
        );
        let rollouts = status.sinks.iter().filter_map(|line| Some((&line.sink, line.rollout.as_ref()?)));
        page.gauge(
            "stations_rollout_paused",
            "Whether nothing new is given to the charging stations behind a sink: paused, or its memory lost.",
            sink,
            rollouts.clone().map(|(sink, rollout)| {
                let stands = rollout.paused.is_some() || rollout.lost.is_some();
                (vec![sink.clone()], f64::from(u8::from(stands)))
            }),
        );
        // Of what is least far.
        let stages = rollouts.clone().filter_map(|(sink, rollout)| {
            let line = rollout.lines.iter().min_by_key(|line| line.stage)?;
            Some((vec![sink.clone()], number(line.stage)))
        });
        page.gauge(
            "stations_rollout_stage",
            "The stage that has begun of what is rolled out to the charging stations behind a sink; 0 before the first.",
            sink,
            stages.collect::<Vec<_>>(),
        );
        let next = rollouts.filter_map(|(sink, rollout)| {
            let next = rollout.lines.iter().filter_map(|line| line.next_at).min()?;
            Some((vec![sink.clone()], next.unix() as f64))
        });
        page.gauge(
            "stations_rollout_next_stage_timestamp_seconds",
            "When the next stage begins at the charging stations behind a sink.",
            sink,
            next.collect::<Vec<_>>(),
        );
    }

    /// Shows the metrics of each sync from now on.
    pub fn show_metrics(&mut self, shown: Shown) {
        self.shown = Some(shown);
    }

    /// Shows them, and writes the file for node_exporter, as far as somebody reads either.
    ///
    /// # Errors
    /// Why it was not written, for people.
    pub(crate) fn write_metrics(&self, status: &Status) -> Result<(), String> {
        if let Some(shown) = &self.shown {
            shown.set(self.metrics(status));
        }
        let Some(config) = &self.config.metrics else { return Ok(()) };
        config.write(self.directory.files(), &self.metrics(status))
    }
}
