//! What the log says of services and cross-certification, in words, and every report on service levels compared
//! with what is served and with its own arithmetic.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::SlaReport;
use ctl_replica::{Log, Replica};
use serde::Serialize;

use crate::AdminError;
use crate::applicant::cross;
use crate::auditor::sla::{self, Served, fetch};
use crate::output::section;

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Watch {
    /// The breaches that watchers claim, confirmed or not, in lines.
    pub breaches: Vec<String>,
    /// How many reports on service levels the log records.
    pub reports: usize,
    /// How many of them are served as they were recorded, with numbers that follow from one another.
    pub verified: usize,
    /// Those that are not served.
    pub without_report: Vec<String>,
    /// Requests for cross-certificates and their answers, in lines.
    pub requests: Vec<String>,
}

impl Watch {
    pub(super) fn text(&self) -> String {
        let Self { breaches, reports, verified, without_report, requests } = self;
        let mut text = String::new();
        if *reports > 0 {
            text += &format!("{reports} reports on service levels recorded, {verified} verified\n");
        }
        text + &section("reports that are not served:", without_report)
            + &section("breaches of service levels:", breaches)
            + &section("requests for cross-certificates:", requests)
    }
}

/// Tells and compares all of it; also returns what is different.
pub(super) async fn check(
    session: &Replica,
    replayed: &Log,
    now: Timestamp,
) -> Result<(Watch, Vec<String>), AdminError> {
    let state = replayed.at(now);
    let mut watch = Watch {
        breaches: sla::breach_lines(&state, now, false),
        requests: state.cross_requests.values().map(|one| cross::words(&state, one, now)).collect(),
        ..Watch::default()
    };
    let mut differences = Vec::new();
    for (index, watcher, report) in reports(replayed)? {
        watch.reports += 1;
        let whose = sla::whose(report.operator.as_ref());
        let what =
            format!("entry {index}, {watcher}'s report on {whose} from {} to {}", report.from, report.to);
        match fetch(session, &report).await {
            Served::Not => watch.without_report.push(what),
            Served::Wrong(why) => differences.push(format!("{what}: {}", why.join("; "))),
            Served::Found(_) => watch.verified += 1,
        }
    }
    Ok((watch, differences))
}

fn reports(replayed: &Log) -> Result<Vec<(u64, ParticipantId, SlaReport)>, AdminError> {
    let state = replayed.state();
    let reports = state.service_levels.reports.iter();
    let mut indices: Vec<_> =
        reports.map(|((_, _, watcher), report)| (report.index, watcher.clone())).collect();
    indices.sort_unstable();
    let one = |(index, watcher)| match replayed.entry(index)?.statement.payload.body {
        Body::SlaReport(report) => Ok((index, watcher, *report)),
        _ => Err(AdminError::Untrue(format!("entry {index} of the log is no report"))),
    };
    indices.into_iter().map(one).collect()
}
