//! `/incidents` and `/incidents/{number}`: what went or goes wrong, and what proves it.

use std::collections::BTreeSet;

use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_serve::{Call, Problem, answer};
use ctl_web::status::{
    Breach, Evidence, Exchange, Finding, IncidentPage, Incidents, Which, incident, incidents, place,
};
use serde::Deserialize;
use warp::reply::Response;

use super::{App, Around, html, is_known, judge, open_of, sight, time};
use crate::Code;
use crate::Weight;
use crate::http::sla::tell;
use crate::incident::Incident;
use crate::reporter::{in_log, watcher};
use crate::store::{Store, StoreError};

/// Incidents on a page.
const PAGE: usize = 50;
/// So many bytes of evidence are read for one page; what is beyond is there to be downloaded.
const READ: u64 = 2 << 20;
/// Findings and exchanges of one piece of evidence.
const SHOWN: usize = 10;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    operator: Option<ParticipantId>,
    state: State,
    before: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    #[default]
    All,
    Open,
    Past,
}

pub(super) async fn list(app: App, call: Call) -> Result<Response, Problem> {
    let Query { operator, state, before } = call.query()?;
    let (which, is_open) = match state {
        State::All => (Which::All, None),
        State::Open => (Which::Open, Some(true)),
        State::Past => (Which::Past, Some(false)),
    };
    if let Some(operator) = &operator {
        is_known(&app, operator)?;
    }
    let aggregator = app.watch.aggregator().clone();
    let (of, all) = (operator.clone(), aggregator.incidents());
    let is_of = |one: &ParticipantId| of.as_ref().is_none_or(|of| of == one);
    let open = all.values().filter(|one| one.is_open() && is_of(&one.operator)).count();
    let (at_hand, standings, now_ms) = (open_of(&all), app.watch.standings(), aggregator.now_ms());
    let watched = standings.targets.values().filter(|standing| is_of(&standing.target.operator));
    let sight = sight(
        &app,
        watched.map(|standing| {
            let has_incident = at_hand.contains_key(&*standing.target.id.to_string());
            judge::now(standing, has_incident, app.watch.policy(), now_ms)
        }),
    );
    drop(at_hand);
    let read = answer::blocking(move || aggregator.newest(before, of.as_ref(), is_open, PAGE + 1)).await?;
    let mut read = read.map_err(|error| Problem::internal(&error))?;
    let has_more = read.len() > PAGE;
    read.truncate(PAGE);
    let around = Around::of(&app);
    let told = Incidents {
        which,
        operator: operator.map(|id| (id.clone(), around.name_of(&id))),
        open,
        sight,
        older: read.last().filter(|_| has_more).map(|last| last.number),
        shown: read.iter().map(|one| judge::incident(&around, one)).collect(),
        is_later: before.is_some(),
    };
    Ok(html(incidents(&around.site(place::INCIDENTS), &told)))
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let number: u64 = call.part("incident")?;
    let aggregator = app.watch.aggregator().clone();
    let withheld = app.watch.withheld();
    let read = move || {
        let Some(found) = aggregator.incident(number)? else { return Ok(None) };
        let (store, is_withheld) = (aggregator.store(), withheld(&found));
        let mut kept = 0;
        for sha256 in found.evidence.iter().filter(|_| is_withheld) {
            kept += usize::from(store.evidence_bytes(sha256)?.is_some());
        }
        let evidence = evidence(store, if is_withheld { &[] } else { &found.evidence })?;
        Ok::<_, StoreError>(Some((found, is_withheld.then_some(kept), evidence)))
    };
    let read = answer::blocking(read).await?.map_err(|error| Problem::internal(&error))?;
    let (found, withheld, evidence) =
        read.ok_or_else(|| Problem::not_found(format!("there is no incident {number}")))?;
    let around = Around::of(&app);
    let standings = app.watch.standings();
    let standing = standings.targets.values().find(|one| one.target.id.to_string() == found.target);
    let last = standing.filter(|_| found.is_open()).and_then(|one| one.last.as_ref());
    let lists = standing.map(|one| one.target.lists.iter().map(ToString::to_string).collect());
    let advice: BTreeSet<_> = found.reasons.keys().map(|code| code.advice()).collect();
    let told = IncidentPage {
        incident: judge::incident(&around, &found),
        advice: advice.into_iter().collect(),
        lists: lists.unwrap_or_default(),
        last: last
            .map(|last| (time(last.at_ms), last.findings.iter().take(SHOWN).map(judge::finding).collect())),
        evidence,
        withheld,
        is_promised: standing.map(|one| one.target.is_promised()),
        in_log: log_says(&app, &around, &found),
        tell: tell(app.watch.policy(), &found.operator).into_iter().collect(),
    };
    let here = place::incident(number);
    Ok(html(incident(&around.site(&here), &told)))
}

/// What watchers say of it in the log.
fn log_says(app: &App, around: &Around, incident: &Incident) -> Option<Breach> {
    let seen = around.followed.seen.as_ref()?;
    // With the key of no watcher in office it is a watch like any other, which finds what anyone claims.
    let own = app.watch.witness().0.and_then(|key| watcher(&seen.state, key).ok());
    let told = in_log(&seen.state, own.as_ref(), incident)?;
    Some(judge::breach(told.outage(&seen.state)))
}

/// Evidence as it is kept, as far as pages read it.
#[derive(Deserialize)]
struct Bundle {
    at: String,
    findings: Vec<Found>,
    exchanges: Vec<Asked>,
}

#[derive(Deserialize)]
struct Found {
    code: String,
    address: Option<String>,
    detail: String,
}

#[derive(Deserialize)]
struct Asked {
    request: String,
    address: Option<String>,
    status: Option<u64>,
    body: Answered,
}

#[derive(Deserialize)]
struct Answered {
    bytes: u64,
}

/// What is kept of this evidence. Blocks on the disk.
fn evidence(store: &Store, named: &[Digest]) -> Result<Vec<Evidence>, StoreError> {
    let mut left = READ;
    let mut all = Vec::new();
    for sha256 in named {
        let bytes = store.evidence_bytes(sha256)?;
        let mut read = None;
        if let Some(bytes) = bytes.filter(|bytes| *bytes <= left) {
            left = left.saturating_sub(bytes);
            read = store.evidence(sha256)?.and_then(|bundle| serde_json::from_slice::<Bundle>(&bundle).ok());
        }
        all.push(Evidence { sha256: *sha256, bytes, read: read.map(shown) });
    }
    Ok(all)
}

fn shown(bundle: Bundle) -> (String, Vec<Finding>, Vec<Exchange>) {
    let finding = |found: Found| {
        let code = Code::from_label(&found.code)?;
        Some(Finding {
            code: code.as_str(),
            meaning: code.meaning(),
            is_error: code.weight() == Weight::Error,
            address: found.address.as_deref().map(judge::clipped),
            detail: judge::clipped(&found.detail),
        })
    };
    let exchange = |asked: Asked| Exchange {
        request: judge::clipped(&asked.request),
        address: asked.address.as_deref().map(judge::clipped),
        status: asked.status,
        bytes: asked.body.bytes,
    };
    (
        judge::clipped(&bundle.at),
        bundle.findings.into_iter().filter_map(finding).take(SHOWN).collect(),
        bundle.exchanges.into_iter().map(exchange).take(SHOWN).collect(),
    )
}
