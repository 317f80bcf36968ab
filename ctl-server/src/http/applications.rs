//! `/v1/applications`: who applies for a place on a list, and how far they are.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::Timestamp;
use ctl_governance::State;
use ctl_governance::application::{Application, Screening};
use ctl_governance::statement::body::Candidate;
use ctl_policy::Finding;
use ctl_reach::{Cross, Effects, Network};
use ctl_serve::{Call, Page, Problem, answer};
use serde_json::{Value, json};
use warp::reply::Response;

use super::App;
use super::names::marked;
use crate::blobs::SALT;
use crate::screening::screener::FullFindings;

/// What each cross-certificate that applies would bring. That takes sixteen matrices, so the answer is kept until
/// something is recorded, for an hour at most, because certificates expire.
#[derive(Default)]
pub(super) struct Told(Mutex<HashMap<u64, (u64, Timestamp, Value)>>);

/// How many answers are kept.
const REMEMBERED: usize = 256;
const HOUR: i64 = 3600;

impl Told {
    /// The same in words for people.
    pub(super) fn words(&self, state: &State, application: &Application, now: Timestamp) -> Vec<String> {
        let told = self.of(state, application, now);
        let texts = |name: &str| told.get(name).and_then(Value::as_array).into_iter().flatten();
        let gained = texts("gained").filter_map(|one| one.get("text")?.as_str());
        gained.chain(texts("without").filter_map(Value::as_str)).map(str::to_owned).collect()
    }

    fn of(&self, state: &State, application: &Application, now: Timestamp) -> Value {
        let hour = Timestamp::from_unix(now.unix() - now.unix().rem_euclid(HOUR));
        let (size, at) = (state.size(), hour.max(application.submitted_at));
        let told = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((for_size, for_time, effects)) = told().get(&application.index)
            && (*for_size, *for_time) == (size, at)
        {
            return effects.clone();
        }
        let effects = json!(effects(state, application, at));
        let mut told = told();
        if told.len() >= REMEMBERED && !told.contains_key(&application.index) {
            told.clear();
        }
        told.insert(application.index, (size, at, effects.clone()));
        effects
    }
}

pub(super) async fn list(app: App, call: Call) -> Result<Response, Problem> {
    let page: Page<u64> = call.query()?;
    let (state, now) = app.view();
    let first = page.after.map_or(0, |after| after.saturating_add(1));
    let applications = state.applications.range(first..);
    let items = applications.map(|(index, application)| (*index, summary(&state, application, now)));
    Ok(answer::json(&page.of("applications", items)))
}

fn summary(state: &State, application: &Application, now: Timestamp) -> Value {
    let discussion = state.discussion_seconds(&application.list);
    marked(json!({
        "application": application.index,
        "applicant": application.applicant,
        "list": application.list,
        "name": application.name,
        "fingerprint": application.fingerprint,
        "possession": application.possession,
        "stage": application.stage(now, discussion),
        "submitted_at": application.submitted_at,
        "proposal": application.proposal,
    }))
}

/// Runs from the queue for costly requests: see the table of routes.
pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let index: u64 = call.part("application")?;
    let (state, now) = app.view();
    let application = state
        .applications
        .get(&index)
        .ok_or_else(|| Problem::not_found(format!("entry {index} is no application")))?;
    let required = state.charter.lists.get(&application.list).map(|list| &*list.required_evidence);
    let evidence: Vec<Value> = application
        .evidence
        .iter()
        .map(|one| {
            json!({
                "entry": one.index,
                "kind": one.kind,
                "author": one.author,
                "attached_at": one.at,
                "blob": one.blob,
                "dated": one.dated,
                "fingerprint": one.fingerprint,
            })
        })
        .collect();
    let comments: Vec<Value> = application
        .comments
        .iter()
        .map(|(entry, author, blob)| json!({ "entry": entry, "author": author, "blob": blob }))
        .collect();
    let screening = application.screening.as_ref().map(|screening| {
        json!({
            "entry": screening.index,
            "policy": screening.policy,
            "engine": screening.engine,
            "findings": findings(&app, screening),
            "ledger_size": screening.ledger_size,
            "observed": screening.observed,
            "outdated": state.screening_outdated(application, now),
            "report": screening.report,
            "screened_at": screening.screened_at,
        })
    });
    let until = application.discussed_until(state.discussion_seconds(&application.list));
    let mut value = summary(&state, application, now);
    if let Some(members) = value.as_object_mut() {
        members.insert("candidate".into(), json!(application.candidate));
        members.insert("certificate".into(), BASE64_STANDARD.encode(&application.certificate).into());
        members.insert("spki_sha256".into(), json!(application.spki));
        members.insert("screening".into(), json!(screening));
        members.insert("evidence".into(), evidence.into());
        let missing = application.missing_evidence(required.unwrap_or_default());
        members.insert("missing_evidence".into(), json!(missing));
        let effects = application.is_open().then(|| app.effects.of(&state, application, now));
        members.insert("effects".into(), effects.unwrap_or_default());
        members.insert("discussed_since".into(), json!(application.discussed_since));
        members.insert("discussed_until".into(), json!(until));
        members.insert("comments".into(), comments.into());
        let ended =
            application.ended.map(|(stage, at, entry)| json!({ "stage": stage, "at": at, "entry": entry }));
        members.insert("ended".into(), json!(ended));
    }
    Ok(answer::json(&value))
}

/// The findings in full; only the record if the report was erased.
fn findings(app: &App, screening: &Screening) -> Value {
    full_findings(app, screening).map_or_else(|| json!(screening.findings), |full| json!(full))
}

/// The findings in full, with what was found, what was expected, and why; none if the report was erased.
pub(super) fn full_findings(app: &App, screening: &Screening) -> Option<Vec<Finding>> {
    let report = app.blobs.get(&screening.report.sha256).ok().flatten()?;
    let full: FullFindings = serde_json::from_slice(report.get(SALT..)?).ok()?;
    Some(full.findings)
}

/// What a cross-certificate would bring; none for a root, whose uses say it.
fn effects(state: &State, application: &Application, at: Timestamp) -> Option<Effects> {
    let Candidate::CrossCertificate { issuer, subject } = application.candidate else { return None };
    let cross = Cross::proposed(&application.certificate, application.name.clone(), issuer, subject)?;
    let network = Network::of_contents(&state.whole_list(&application.list)?);
    ctl_reach::effects(network.disclose(state.disclosed_sub_cas()), cross, at)
}
