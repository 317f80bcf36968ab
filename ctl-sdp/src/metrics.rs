//! What Prometheus reads of the responder, by node_exporter's textfile collector.

use ctl_client::metrics::Page;

use crate::responder::Counts;
use crate::serve::Standing;

type Samples = Vec<(Vec<String>, f64)>;

/// The text of a scrape: each interface's counts, and how what is supported stands.
pub(crate) fn page(interfaces: &[(String, Counts)], standing: &Standing) -> String {
    let mut page = Page::of("ctl_sdp");
    page.gauge("info", "Always 1.", &["version"], [(vec![env!("CARGO_PKG_VERSION").to_owned()], 1.0)]);
    let each = |value: fn(&Counts) -> u64| -> Samples {
        interfaces.iter().map(|(name, counts)| (vec![name.clone()], value(counts) as f64)).collect()
    };
    let at = &["interface"];
    let mut count = |name, help, value| page.counter(name, help, at, each(value));
    count("requests_total", "Questions of cars (0x9004) that could be read.", |counts| counts.requests);
    count("answers_total", "Answers to them (0x9005).", |counts| counts.answers);
    count("empty_answers_total", "Answers that named no identifier.", |counts| counts.empty);
    count("car_discoveries_total", "Questions of cars to the charging stack itself (0x9000).", |counts| {
        counts.own
    });
    count("secc_asked_total", "Questions to the charging stack.", |counts| counts.asked);
    count("secc_told_total", "Its answers that counted.", |counts| counts.told);
    let dropped = interfaces.iter().flat_map(|(name, counts)| {
        counts.dropped.iter().map(|(why, count)| (vec![name.clone(), (*why).to_owned()], *count as f64))
    });
    page.counter("dropped_total", "What was not answered or did not count.", &["interface", "why"], dropped);
    let operators = standing.counts.iter().map(|(word, count)| (vec![(*word).to_owned()], *count as f64));
    page.gauge(
        "operators",
        "Mobility operators with whom there is an agreement, by how they stand.",
        &["standing"],
        operators,
    );
    let as_one = |value: f64| vec![(Vec::new(), value)];
    let stale = f64::from(u8::from(standing.failure.is_some()));
    page.gauge("stale", "Whether the last look at agreements and lists failed.", &[], as_one(stale));
    page.gauge(
        "warnings",
        "What the last look that did not fail warned of.",
        &[],
        as_one(standing.warnings as f64),
    );
    let at = standing.known_at.map(|at| (Vec::new(), at.unix() as f64));
    page.gauge("known_timestamp_seconds", "When agreements and lists were last read.", &[], at);
    page.text()
}
