//! Families of series that are written straight into the text of a scrape. With ten thousand targets,
//! gauges in a registry would be filled, cloned, sorted and thrown away every few seconds; here each
//! sample is one line, written once.

use std::fmt::{Display, Write as _};

/// What a family is, as Prometheus' text format says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
}

impl Type {
    /// The word in a `TYPE` line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric: its name, what it means, and the labels that tell its series apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    /// Counter or gauge.
    pub kind: Type,
    /// What it means, for people.
    pub help: &'static str,
    /// The names of its labels, in their order.
    pub labels: &'static [&'static str],
}

/// The families of a file, as a table: name, type, labels, meaning.
#[macro_export]
macro_rules! families {
    ($($name:ident: $kind:ident $metric:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            static $name: $crate::family::Family = $crate::family::Family {
                name: $metric,
                kind: $crate::family::Type::$kind,
                help: $help,
                labels: &[$($label),*],
            };
        )*
        /// All families of this file.
        pub(super) const FAMILIES: &[&$crate::family::Family] = &[$(&$name),*];
    };
}
pub use families;

/// The beginning of many series, made once for a scrape: the labels that they share, with their values.
pub struct Row {
    text: String,
    labels: usize,
}

impl Row {
    /// These labels with these values.
    #[must_use]
    pub fn new<const N: usize>(labels: [&str; N], values: [&str; N]) -> Self {
        let mut text = String::with_capacity(32 + values.iter().map(|value| value.len()).sum::<usize>());
        for (position, (name, value)) in labels.into_iter().zip(values).enumerate() {
            if position > 0 {
                text.push(',');
            }
            label(&mut text, name, value);
        }
        Self { text, labels: N }
    }
}

/// The text of a scrape while it is written.
pub struct Page<'a>(pub &'a mut String);

impl Page<'_> {
    /// Begins a family. Its head is written with the first sample: a family without series says nothing.
    pub fn family(&mut self, family: &'static Family) -> Series<'_> {
        Series { text: self.0, family, begun: false }
    }
}

/// The series of one family.
pub struct Series<'a> {
    text: &'a mut String,
    family: &'static Family,
    begun: bool,
}

impl Series<'_> {
    /// A sample, with the values of the labels in their order.
    pub fn sample(&mut self, values: &[&str], value: impl Display) {
        self.line(None, self.family.labels, values, value);
    }

    /// A sample of a row, with the values of the labels that follow the row's.
    pub fn of(&mut self, row: &Row, values: &[&str], value: impl Display) {
        let labels = self.family.labels.get(row.labels..).unwrap_or_default();
        self.line(Some(row), labels, values, value);
    }

    fn line(&mut self, row: Option<&Row>, labels: &[&str], values: &[&str], value: impl Display) {
        debug_assert_eq!(labels.len(), values.len(), "{}", self.family.name);
        let Family { name, kind, help, .. } = self.family;
        // Writing to a string cannot fail.
        if !self.begun {
            self.begun = true;
            let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
        }
        self.text.push_str(name);
        let mut before = '{';
        if let Some(Row { text: row, .. }) = row {
            self.text.push(before);
            self.text.push_str(row);
            before = ',';
        }
        for (name, value) in labels.iter().zip(values) {
            self.text.push(before);
            label(self.text, name, value);
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// `name="value"`, escaped as the text format wants it.
fn label(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("=\"");
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text.push('"');
}

/// Unix milliseconds as the seconds of the text format.
pub struct Milliseconds(pub i64);

impl Display for Milliseconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03}", value / 1000, value % 1000)
    }
}

/// Parts per million as the ratio of the text format.
pub struct Ppm(pub i64);

impl Display for Ppm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", value / 1_000_000, value % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PLAIN: Family =
        Family { name: "ctl_plain", kind: Type::Gauge, help: "One number.", labels: &["list"] };
    static TARGETED: Family = Family {
        name: "ctl_targeted_total",
        kind: Type::Counter,
        help: "One number of a target.",
        labels: &["pki", "kind", "target", "reason"],
    };

    #[test]
    fn a_family_is_headed_once_and_only_with_series() {
        let mut text = String::new();
        let mut page = Page(&mut text);
        page.family(&PLAIN);
        let row = Row::new(["pki", "kind", "target"], ["alpha", "ocsp", "http://ocsp.alpha.example/"]);
        let mut series = page.family(&TARGETED);
        series.of(&row, &["slow"], 3);
        series.of(&row, &["dns_failure"], 1);
        assert_eq!(
            text,
            "# HELP ctl_targeted_total One number of a target.\n# TYPE ctl_targeted_total counter\n\
             ctl_targeted_total{pki=\"alpha\",kind=\"ocsp\",target=\"http://ocsp.alpha.example/\",reason=\"slow\"} 3\n\
             ctl_targeted_total{pki=\"alpha\",kind=\"ocsp\",target=\"http://ocsp.alpha.example/\",reason=\"dns_failure\"} 1\n"
        );
    }

    #[test]
    fn an_address_cannot_break_out_of_its_label() {
        let mut text = String::new();
        Page(&mut text).family(&PLAIN).sample(&["a\\b\"} 1\nctl_forged 1"], 0);
        assert!(text.ends_with("ctl_plain{list=\"a\\\\b\\\"} 1\\nctl_forged 1\"} 0\n"), "{text}");
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn numbers_are_base_units() {
        assert_eq!(Milliseconds(1_795_000_000_007).to_string(), "1795000000.007");
        assert_eq!(Milliseconds(-1500).to_string(), "-1.500");
        assert_eq!(Ppm(999_000).to_string(), "0.999000");
        assert_eq!(Ppm(-1_250_000).to_string(), "-1.250000");
    }
}
