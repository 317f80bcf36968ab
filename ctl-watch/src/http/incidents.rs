//! `/v1/incidents`: present and past incidents.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::SlaPolicy;
use ctl_serve::{Call, Page, Problem, answer};
use serde::Deserialize;
use serde_json::{Value, json};
use warp::reply::Response;

use super::App;
use super::sla::tell;
use crate::incident::{Incident, Wanted};
use crate::store::StoreError;

/// Which incidents to list.
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
    /// Only open ones, or only closed ones.
    state: Option<Which>,
    after: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn list(app: App, call: Call) -> Result<Response, Problem> {
    let aggregator = app.watch.aggregator().clone();
    let Query { operator, state, after, limit } = call.query()?;
    let page = Page::new(after, limit);
    let wanted = Wanted { first: after.map_or(0, |after| after.saturating_add(1)), operator, touching: None };
    // One more than a page, to know whether there are more.
    let (enough, withheld) = (page.limit().saturating_add(1), app.watch.withheld());
    let read = answer::blocking(move || {
        let mut items = Vec::new();
        let mut add = |incident: &Incident| {
            if state.as_ref().is_none_or(|state| incident.is_open() == matches!(state, Which::Open)) {
                items.push((incident.number, summary(incident, aggregator.policy(), withheld(incident))));
            }
            items.len() < enough
        };
        if matches!(state, Some(Which::Open)) {
            // Open incidents are all in memory.
            let at_hand = aggregator.incidents();
            let _ = at_hand.range(wanted.first..).all(|(_, one)| !wanted.takes(one) || add(one));
        } else {
            aggregator.all_incidents(&wanted, add)?;
        }
        Ok::<_, StoreError>(items)
    });
    let items = read.await?.map_err(|error| Problem::internal(&error))?;
    Ok(answer::json(&page.of("incidents", items.into_iter())))
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let number: u64 = call.part("incident")?;
    let aggregator = app.watch.aggregator().clone();
    let reader = aggregator.clone();
    let found = answer::blocking(move || reader.incident(number)).await;
    let found = found?.map_err(|error| Problem::internal(&error))?;
    let incident = found.ok_or_else(|| Problem::not_found(format!("there is no incident {number}")))?;
    Ok(answer::json(&summary(&incident, aggregator.policy(), app.watch.withheld()(&incident))))
}

fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_unix(at_ms.div_euclid(1000))
}

fn summary(incident: &Incident, policy: &SlaPolicy, withheld: bool) -> Value {
    let evidence = if withheld { &[] } else { &*incident.evidence };
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
        "end": incident.ended_ms.map(|_| if incident.unwatched { "not-watched" } else { "recovered" }),
        "breach_at": incident.breach_ms.map(time),
        "failures": incident.failures,
        "probes": incident.probes,
        "reasons": incident.reasons,
        "evidence": evidence,
        "evidence_withheld": withheld,
        "tell": tell(policy, &incident.operator),
    })
}
