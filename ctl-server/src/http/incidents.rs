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
use crate::monitor::store::{StoreError, Wanted};

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
        .then(|query: Query, app: App| async move { answer(list(&app, query).await) });
    let one = path!("v1" / "incidents" / u64)
        .and(warp::get())
        .and(with(app))
        .then(|number: u64, app: App| async move { answer(show(&app, number).await) });
    all.or(one).unify()
}

async fn list(app: &App, query: Query) -> Result<Response, Problem> {
    let keeper = keeper(app)?.clone();
    let Query { operator, state, after, limit } = query;
    let page = Page::new(after, limit);
    let wanted = Wanted { first: after.map_or(0, |after| after.saturating_add(1)), operator, touching: None };
    // One more than a page says that there are more.
    let enough = page.limit().saturating_add(1);
    let read = tokio::task::spawn_blocking(move || {
        let mut items = Vec::new();
        let mut add = |incident: &Incident| {
            if state.as_ref().is_none_or(|state| incident.is_open() == matches!(state, Which::Open)) {
                items.push((incident.number, summary(incident, keeper.policy())));
            }
            items.len() < enough
        };
        if matches!(state, Some(Which::Open)) {
            // All that are open are at hand.
            let at_hand = keeper.incidents();
            let _ = at_hand.range(wanted.first..).all(|(_, one)| !wanted.takes(one) || add(one));
        } else {
            keeper.history(&wanted, add)?;
        }
        Ok::<_, StoreError>(items)
    });
    let items = read.await.map_err(|error| Problem::internal(&error))?;
    let items = items.map_err(|error| Problem::internal(&error))?;
    Ok(view::json(&page.of("incidents", items.into_iter())))
}

async fn show(app: &App, number: u64) -> Result<Response, Problem> {
    let keeper = keeper(app)?.clone();
    let reader = keeper.clone();
    let found = tokio::task::spawn_blocking(move || reader.incident(number)).await;
    let found =
        found.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))?;
    let incident = found.ok_or_else(|| Problem::not_found(format!("there is no incident {number}")))?;
    Ok(view::json(&summary(&incident, keeper.policy())))
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
