//! The series of the governance's own promises: how long anyone has to wait, according to the ledger.

use ctl_core::names::ParticipantId;
use ctl_governance::promises::{Promises, Waits};
use ctl_serve::family::Page;

ctl_serve::families! {
    WAITED: Gauge "ctl_promise_wait_seconds" ["pki", "promise", "statistic"]
        "Seconds that an applicant waited for screening, decision or publication, or a PKI let others wait for a cross-answer: median, p90 and longest of the waits that are over.";
    WAITING: Gauge "ctl_promise_waiting" ["pki", "promise"]
        "How many applications or requests still wait for screening, decision, publication or a cross-answer.";
    LONGEST: Gauge "ctl_promise_waiting_longest_seconds" ["pki", "promise"]
        "Seconds that the longest open wait has lasted; absent while nothing waits.";
}

/// Writes all of them.
pub(super) fn write(page: &mut Page<'_>, promises: &Promises) {
    let mut rows: Vec<(&ParticipantId, &str, &Waits)> = Vec::new();
    for applicant in &promises.applications.operators {
        let waits = &applicant.waits;
        for (promise, waits) in [
            ("screening", &waits.screening),
            ("decision", &waits.decision),
            ("publication", &waits.publication),
        ] {
            rows.push((&applicant.operator, promise, waits));
        }
    }
    for issuer in &promises.cross_certification.issuers {
        rows.push((&issuer.operator, "cross-answer", &issuer.waits.answer));
    }
    let mut series = page.family(&WAITED);
    for (pki, promise, waits) in &rows {
        for (statistic, seconds) in [("median", waits.p50), ("p90", waits.p90), ("longest", waits.max)] {
            if let Some(seconds) = seconds {
                series.sample(&[pki.as_str(), promise, statistic], seconds);
            }
        }
    }
    let mut series = page.family(&WAITING);
    for (pki, promise, waits) in &rows {
        series.sample(&[pki.as_str(), promise], waits.waiting);
    }
    let mut series = page.family(&LONGEST);
    for (pki, promise, waits) in &rows {
        if let Some(seconds) = waits.waiting_longest {
            series.sample(&[pki.as_str(), promise], seconds);
        }
    }
}
