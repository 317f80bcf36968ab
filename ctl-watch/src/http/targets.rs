//! `/v1/targets`: every target and how it stands; also in the form from which Prometheus discovers targets by HTTP, for
//! those who run the blackbox exporter too.

use ctl_serve::{Call, Problem, answer};
use serde_json::{Value, json};
use warp::reply::Response;

use super::App;
use crate::standings::Standing;
use crate::{Weight, service_discovery};

pub(super) async fn list(app: App, _: Call) -> Result<Response, Problem> {
    let standings = app.watch.standings();
    let targets: Vec<Value> = standings.targets.values().map(|standing| target(standing)).collect();
    Ok(answer::json(&json!({ "targets": targets })))
}

fn target(standing: &Standing) -> Value {
    let target = &standing.target;
    let last = standing.last.as_ref();
    let findings = last.map(|last| -> Vec<Value> {
        last.findings
            .iter()
            .map(|finding| {
                json!({
                    "reason": finding.code,
                    "severity": severity(finding.code.weight()),
                    "address": finding.address.map(|address| address.to_string()),
                    "detail": finding.detail,
                })
            })
            .collect()
    });
    json!({
        "target": target.id.to_string(),
        "operator": target.operator,
        "kind": target.kind,
        "url": target.url,
        "lists": target.lists,
        "period_ms": u64::try_from(target.period.as_millis()).unwrap_or(u64::MAX),
        "watched_since_ms": standing.since_ms,
        "last_probe_ms": last.map(|last| last.at_ms),
        "last_answer_ms": standing.answered_ms,
        "last_good_ms": standing.good_ms,
        "good": standing.verdict.as_ref().map(|verdict| verdict.is_conforming()),
        "findings": findings,
        "this_update": standing.facts.this_update,
        "next_update": standing.facts.next_update,
    })
}

const fn severity(weight: Weight) -> &'static str {
    match weight {
        Weight::Information => "information",
        Weight::Warning => "warning",
        Weight::Error => "error",
    }
}

pub(super) async fn discovery(app: App, _: Call) -> Result<Response, Problem> {
    let groups = service_discovery::groups(&app.watch.standings());
    Ok(answer::json(&serde_json::to_value(groups).map_err(|error| Problem::internal(&error))?))
}
