//! `/v1/incidents`: what went or goes wrong with the services that are watched.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::SlaPolicy;
use serde::Deserialize;
use serde_json::{Value, json};
use warp::reply::Response;
use warp::{Filter as _, path};

use super::App;
use super::api::{Routes, answer, with};
use super::page::Page;
use super::problem::Problem;
use super::sla::{keeper, tell};
use super::view;
use crate::monitor::incident::Incident;

/// Which incidents.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Which {
    Open,
    Past,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Only of this operator.
    operator: Option<ParticipantId>,
    /// Only those that are open, or only those that are over.
    state: Option<Which>,
    after: Option<u64>,
    limit: Option<usize>,
}

pub(super) fn routes(app: &App) -> impl Routes + use<> {
    let all = path!("v1" / "incidents")
        .and(warp::get())
        .and(warp::query::<Query>())
        .and(with(app))
        .map(|query: Query, app: App| answer(list(&app, &query)));
    let one = path!("v1" / "incidents" / u64)
        .and(warp::get())
        .and(with(app))
        .map(|number: u64, app: App| answer(show(&app, number)));
    all.or(one).unify()
}

fn list(app: &App, query: &Query) -> Result<Response, Problem> {
    let keeper = keeper(app)?;
    let incidents = keeper.incidents();
    let first = query.after.map_or(0, |after| after.saturating_add(1));
    let wanted = incidents.range(first..).filter(|(_, incident)| {
        query.operator.as_ref().is_none_or(|operator| incident.operator == *operator)
            && query.state.as_ref().is_none_or(|state| incident.is_open() == matches!(state, Which::Open))
    });
    let items = wanted.map(|(number, incident)| (*number, summary(incident, keeper.policy())));
    Ok(view::json(&Page::new(query.after, query.limit).of("incidents", items)))
}

fn show(app: &App, number: u64) -> Result<Response, Problem> {
    let keeper = keeper(app)?;
    let incidents = keeper.incidents();
    let incident =
        incidents.get(&number).ok_or_else(|| Problem::not_found(format!("there is no incident {number}")))?;
    Ok(view::json(&summary(incident, keeper.policy())))
}

fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_unix(at_ms.div_euclid(1000))
}

fn summary(incident: &Incident, policy: &SlaPolicy) -> Value {
    json!({
        "incident": incident.number,
        "operator": incident.operator,
        "kind": incident.kind,
        "url": incident.url,
        "target": incident.target,
        "open": incident.is_open(),
        "cause": incident.cause,
        "began_at": time(incident.began_ms),
        "opened_at": time(incident.opened_ms),
        "ended_at": incident.ended_ms.map(time),
        "breach_at": incident.breach_ms.map(time),
        "failures": incident.failures,
        "probes": incident.probes,
        "reasons": incident.reasons,
        "evidence": incident.evidence,
        "tell": tell(policy, &incident.operator),
    })
}
