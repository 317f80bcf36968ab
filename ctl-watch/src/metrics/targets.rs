//! The series of targets: their counters, and how each stands.

use std::collections::{BTreeMap, HashMap};

use super::family::{Milliseconds, Page, Row, Series};
use super::tally::{Ending, Tally};
use crate::code::{Family as About, Weight};
use crate::observation::Facts;
use crate::standings::{Standing, Standings};
use crate::target::{Kind, TargetId};

/// The labels of every series of a target.
pub(super) const TARGET: [&str; 3] = ["pki", "kind", "target"];

ctl_serve::families! {
    TARGETS: Gauge "ctl_targets" ["pki", "kind"]
        "Targets that are watched now, by PKI and kind of service.";
    INFO: Gauge "ctl_target_info" ["pki", "kind", "target", "id"]
        "Always 1; the label id is the target's id in the API and in incidents.";
    SINCE: Gauge "ctl_target_watched_timestamp_seconds" ["pki", "kind", "target"]
        "Unix time since which the target is watched.";
    PERIOD: Gauge "ctl_target_probe_period_seconds" ["pki", "kind", "target"]
        "Seconds from one probe of the target to the next, on average.";
    PROBES: Counter "ctl_probes_total" ["pki", "kind", "target", "result"]
        "Probes of the target by what they count as in the service level: good; bad, which is wrong (every address answered, with an error, too slowly or differently) or unanswered (not reached at every address, or no usable answer); excused (in announced maintenance).";
    FINDINGS: Counter "ctl_probe_findings_total" ["pki", "kind", "target", "reason"]
        "Probes of the target that found this reason, in announced maintenance too; one may find several. Probes that did not take place are counted here alone, as probe_missed, probe_overrun or never_probed.";
    HOLDS: Gauge "ctl_finding_timestamp_seconds" ["pki", "kind", "target", "reason", "family", "severity"]
        "Unix time of the first probe since the watch started from which on the reason holds; absent once two probes in a row did not find it.";
    GOOD: Gauge "ctl_probe_good" ["pki", "kind", "target"]
        "1 if the last probe got a conforming answer, 0 if it got one with an error, in announced maintenance too; absent if it was unanswered.";
    LAST: Gauge "ctl_probe_last_timestamp_seconds" ["pki", "kind", "target"]
        "Unix time at which the target's last probe began.";
    LAST_ANSWER: Gauge "ctl_probe_last_answer_timestamp_seconds" ["pki", "kind", "target"]
        "Unix time at which the last answered probe began, good or not, since the watch started.";
    LAST_GOOD: Gauge "ctl_probe_last_good_timestamp_seconds" ["pki", "kind", "target"]
        "Unix time at which the last conforming probe began, since the watch started.";
    DURATION: Gauge "ctl_probe_last_duration_seconds" ["pki", "kind", "target"]
        "Seconds that the main exchange of the last probe took; absent if no answer came.";
    THIS_UPDATE: Gauge "ctl_revocation_this_update_timestamp_seconds" ["pki", "kind", "target"]
        "thisUpdate of the last OCSP response or CRL that could be believed, as Unix time.";
    NEXT_UPDATE: Gauge "ctl_revocation_next_update_timestamp_seconds" ["pki", "kind", "target"]
        "nextUpdate of the last OCSP response or CRL that could be believed, as Unix time.";
    PRODUCED: Gauge "ctl_ocsp_produced_timestamp_seconds" ["pki", "kind", "target"]
        "producedAt of the last OCSP response that could be believed, as Unix time.";
    DELEGATE: Gauge "ctl_ocsp_delegate_not_after_timestamp_seconds" ["pki", "kind", "target"]
        "Unix time at which the certificate of the delegated OCSP responder ends; absent if the CA itself signs.";
    TLS: Gauge "ctl_tls_not_after_timestamp_seconds" ["pki", "kind", "target"]
        "Unix time at which the service's TLS certificate ends; absent without TLS.";
    CRL_NUMBER: Gauge "ctl_crl_number" ["pki", "kind", "target"]
        "Number of the last CRL that could be believed; absent if it has none or more than 64 bits.";
    CRL_ENTRIES: Gauge "ctl_crl_entries" ["pki", "kind", "target"]
        "Entries of the last CRL that could be believed.";
    BYTES: Gauge "ctl_answer_bytes" ["pki", "kind", "target"]
        "Bytes in the body of the last answer, good or not.";
    OFFSET: Gauge "ctl_service_clock_offset_seconds" ["pki", "kind", "target"]
        "Seconds by which the clock of the service (its Date header) is ahead of the watch's.";
    REVOKED: Gauge "ctl_canary_revoked" ["pki", "kind", "target", "issuer", "serial"]
        "1 if the OCSP responder says that the canary is revoked, 0 if it says good; absent if the last probe got neither. The issuer is SHA-256 of its public key, shortened.";
}

/// At most this many certificates of an OCSP responder become series.
const MAX_CANARIES: usize = 16;

/// Writes all series of targets.
pub(super) fn write(page: &mut Page<'_>, standings: &Standings, tallies: &HashMap<TargetId, Tally>) {
    let mut counts: BTreeMap<(&str, Kind), u64> = BTreeMap::new();
    let rows: Vec<(Row, &Standing, Option<&Tally>)> = standings
        .targets
        .iter()
        .map(|(id, standing)| {
            let target = &standing.target;
            *counts.entry((target.operator.as_str(), target.kind)).or_default() += 1;
            let row = Row::new(TARGET, [target.operator.as_str(), target.kind.as_str(), &target.url]);
            (row, &**standing, tallies.get(id))
        })
        .collect();

    let mut series = page.family(&TARGETS);
    for ((pki, kind), count) in counts {
        series.sample(&[pki, kind.as_str()], count);
    }
    let mut series = page.family(&INFO);
    for (row, standing, _) in &rows {
        series.of(row, &[&standing.target.id.to_string()], 1);
    }
    let mut series = page.family(&PERIOD);
    for (row, standing, _) in &rows {
        series.of(row, &[], standing.target.period.as_secs_f64());
    }
    let mut series = page.family(&PROBES);
    for (row, _, tally) in &rows {
        // A counter must first be seen at 0, or its first step is lost.
        for ending in Ending::ALL {
            series.of(row, &[ending.as_str()], tally.map_or(0, |tally| tally.ended(ending)));
        }
    }
    let mut series = page.family(&FINDINGS);
    for (row, _, tally) in &rows {
        for (code, found) in tally.iter().flat_map(|tally| &tally.findings) {
            series.of(row, &[code.as_str()], found.times);
        }
    }
    let mut series = page.family(&HOLDS);
    for (row, _, tally) in &rows {
        for (code, found) in tally.iter().flat_map(|tally| &tally.findings) {
            if let Some(since) = found.since_ms() {
                let about = [code.as_str(), about(code.family()), severity(code.weight())];
                series.of(row, &about, Milliseconds(since));
            }
        }
    }
    last_probes(page, &rows);
    facts(page, &rows);
}

fn last_probes(page: &mut Page<'_>, rows: &[(Row, &Standing, Option<&Tally>)]) {
    let mut times = |family, of: fn(&Standing) -> Option<i64>| {
        let mut series = page.family(family);
        for (row, standing, _) in rows {
            if let Some(at) = of(standing) {
                series.of(row, &[], Milliseconds(at));
            }
        }
    };
    times(&SINCE, |standing| Some(standing.since_ms));
    times(&LAST, |standing| standing.last.as_ref().map(|last| last.at_ms));
    times(&LAST_ANSWER, |standing| standing.answered_ms);
    times(&LAST_GOOD, |standing| standing.good_ms);

    let mut series = page.family(&GOOD);
    for (row, standing, _) in rows {
        // An excused probe may have had no answer, which is neither good nor bad.
        let answer = standing.last.as_ref().zip(standing.verdict.as_ref());
        if let Some((_, verdict)) = answer.filter(|(last, verdict)| last.has_answer() && verdict.answered) {
            series.of(row, &[], u8::from(verdict.is_conforming()));
        }
    }
    let mut series = page.family(&DURATION);
    for (row, standing, _) in rows {
        if let Some(took) = standing.last.as_ref().and_then(|last| last.duration()) {
            series.of(row, &[], took.as_secs_f64());
        }
    }
    let mut series = page.family(&REVOKED);
    for (row, standing, _) in rows {
        // From the last probe only: an earlier status is not shown while there is none.
        if let Some(last) = standing.last.as_ref().filter(|_| standing.target.kind == Kind::Ocsp) {
            canaries(&mut series, row, &last.facts);
        }
    }
}

fn canaries(series: &mut Series<'_>, row: &Row, facts: &Facts) {
    // Two statuses of one certificate would be two samples of one series, which breaks the whole scrape.
    let known: BTreeMap<(&[u8], &[u8]), bool> = facts
        .statuses
        .iter()
        .map(|status| ((status.issuer_spki.get(..8).unwrap_or_default(), &*status.serial), status.revoked))
        .collect();
    for ((issuer, serial), revoked) in known.into_iter().take(MAX_CANARIES) {
        series.of(row, &[&hex::encode(issuer), &hex::encode(serial)], u8::from(revoked));
    }
}

fn facts(page: &mut Page<'_>, rows: &[(Row, &Standing, Option<&Tally>)]) {
    let mut numbers = |family, of: fn(&Facts) -> Option<i64>| {
        let mut series = page.family(family);
        for (row, standing, _) in rows {
            if let Some(number) = of(&standing.facts) {
                series.of(row, &[], number);
            }
        }
    };
    numbers(&THIS_UPDATE, |facts| facts.this_update);
    numbers(&NEXT_UPDATE, |facts| facts.next_update);
    numbers(&PRODUCED, |facts| facts.produced_at);
    numbers(&DELEGATE, |facts| facts.delegate_not_after);
    numbers(&TLS, |facts| facts.tls_not_after);
    numbers(&OFFSET, |facts| facts.clock_offset);
    let mut counts = |family, of: fn(&Facts) -> Option<u64>| {
        let mut series = page.family(family);
        for (row, standing, _) in rows {
            if let Some(number) = of(&standing.facts) {
                series.of(row, &[], number);
            }
        }
    };
    counts(&CRL_NUMBER, |facts| facts.crl_number);
    counts(&CRL_ENTRIES, |facts| facts.crl_entries);
    counts(&BYTES, |facts| facts.body_bytes);
}

const fn severity(weight: Weight) -> &'static str {
    match weight {
        Weight::Information => "information",
        Weight::Warning => "warning",
        Weight::Error => "error",
    }
}

const fn about(family: About) -> &'static str {
    match family {
        About::Transport => "transport",
        About::Protocol => "protocol",
        About::Binding => "binding",
        About::Freshness => "freshness",
        About::Semantics => "semantics",
        About::Caching => "caching",
        About::History => "history",
        About::Chain => "chain",
        About::Watch => "watch",
    }
}
