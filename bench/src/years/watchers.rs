//! What the two watchers claim and report.

use std::collections::BTreeMap;

use ctl_core::names::ServiceKind;
use ctl_core::parts::PolicyRef;
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::{
    BreachPhase, Measured, Objective, Service, ServiceSummary, SlaBreach, SlaReport,
};
use ctl_policy::sla::{BUILT_IN, SlaPolicy};

use super::{Applicant, DAY, HOUR, Years};

const WATCHERS: [&str; 2] = ["watcher-north", "watcher-south"];
/// How many months every operator is reported on.
const REPORTED: usize = 3;

fn levels() -> PolicyRef {
    ctl_watch::reporter::policy_ref(&SlaPolicy::parse(BUILT_IN).unwrap()).unwrap()
}

/// The first moment of the month of a moment, UTC.
fn month_of(at: Timestamp) -> Timestamp {
    let text = at.to_string();
    format!("{}-01T00:00:00Z", &text[..7]).parse().unwrap()
}

impl Years {
    /// A responder is down for some hours: one watcher claims it, mostly the other one as well, and it ends.
    pub(super) fn outage(&mut self, applicant: &Applicant<'_>, watchers: usize, ends: bool) {
        let (kind, urls): (ServiceKind, _) = ("ocsp".parse().unwrap(), &applicant.services.ocsp);
        let operator = applicant.pki.spec().slug();
        let service = Service { kind, operator: Some(operator.parse().unwrap()), url: urls.first().cloned() };
        let opened_at = self.scheme.now.minus_seconds(HOUR);
        let breach = |evidence: Vec<Digest>, closed: Option<(Timestamp, u64)>| SlaBreach {
            closed_at: closed.map(|(at, _)| at),
            evidence,
            measured: Measured { good: 11, missing: 0, valid: 120 },
            objective: Objective {
                name: "availability".parse().unwrap(),
                target_ppm: 995_000,
                window_seconds: 30 * DAY,
            },
            opened: closed.map(|(_, opened)| opened),
            opened_at,
            phase: if closed.is_some() { BreachPhase::Closed } else { BreachPhase::Opened },
            policy: levels(),
            reasons: BTreeMap::from([("http_status".parse().unwrap(), 109)]),
            service: service.clone(),
        };
        let mut claims = Vec::new();
        for watcher in WATCHERS.into_iter().take(watchers) {
            let evidence = vec![Digest::of(format!("{watcher} {operator} {opened_at}").as_bytes())];
            claims.push((watcher, self.say(watcher, breach(evidence, None))));
        }
        self.pass(3 * HOUR);
        if ends {
            let at = self.scheme.now;
            for (watcher, opened) in claims {
                self.say(watcher, breach(Vec::new(), Some((at, opened))));
            }
        }
    }

    /// The reports on the months that are over, and what is down now.
    pub(super) fn watched(&mut self, applicants: &[Applicant<'_>], now: Timestamp) {
        let mut months = vec![month_of(now.minus_seconds(3 * DAY))];
        for _ in 0..REPORTED {
            let first = months[months.len() - 1];
            months.push(month_of(first.minus_seconds(DAY)));
        }
        for (n, applicant) in applicants.iter().enumerate() {
            let operator = applicant.pki.spec().slug();
            for (at, pair) in months.windows(2).enumerate() {
                let [to, from] = [pair[0], pair[1]];
                // The southern watcher reports on the last month alone.
                let watchers = if at == 0 { 2 } else { 1 };
                for watcher in WATCHERS.into_iter().take(watchers) {
                    let bad = (n * 31 + at * 7) as u64 % 600;
                    let line = |kind: &str, bad: u64| ServiceSummary {
                        good: 86_400 - bad,
                        kind: kind.parse().unwrap(),
                        met: bad < 432,
                        missing: n as u64 % 5,
                        target_ppm: 995_000,
                        valid: 86_400,
                    };
                    let text =
                        format!("{watcher} on {operator} from {from} to {to}: {bad} bad probes of OCSP.");
                    let report = SlaReport {
                        from,
                        operator: Some(operator.parse().unwrap()),
                        policy: levels(),
                        report: self.text(text),
                        summary: vec![line("crl", bad / 3), line("ocsp", bad)],
                        to,
                    };
                    self.pass(10);
                    self.scheme.say(watcher, report);
                }
            }
        }
        for (n, applicant) in applicants.iter().enumerate().skip(12).step_by(17) {
            self.outage(applicant, 1 + n % 2, n % 3 == 0);
        }
    }
}
