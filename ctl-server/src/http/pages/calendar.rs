//! The calendar, as a page and as a feed.

use ctl_core::Timestamp;
use ctl_governance::State;
use ctl_governance::calendar::{AuditEnd, Due, Kind, calendar, sort};
use ctl_serve::table::optional;
use ctl_serve::table::schema::{count, one_of, text};
use ctl_serve::{Call, Cost, Problem, Route, answer};
use ctl_web::{Frame, WantedOfCalendar as Wanted, place};
use serde::Deserialize;
use warp::reply::Response;

use super::{App, HTML, html};

pub(super) fn routes() -> Vec<Route<App>> {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).chain([""]).collect();
    let filtered = |route: Route<App>| {
        route
            .costs(Cost::Much)
            .query(optional("kind", "Only of this kind; empty for all.", one_of(&kinds)))
            .query(optional("list", "Only what is about this list, or about all.", text()))
    };
    vec![
        filtered(Route::get(place::CALENDAR, show, "What expires or is due, for people."))
            .query(optional("page", "Which page, from 1 on.", count()))
            .answers(200, HTML, "The page.")
            .fails(404, "There is no such page or list."),
        filtered(Route::get(
            place::ICALENDAR,
            feed,
            "What expires or is due, for calendar programs (RFC 5545).",
        ))
        .answers(200, &["text/calendar; charset=utf-8"], "The calendar.")
        .fails(404, "There is no such list."),
    ]
}

/// What a form sends: what was not chosen is empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    list: String,
    #[serde(default)]
    page: Option<usize>,
}

impl Query {
    fn wanted(self, state: &State) -> Result<Wanted, Problem> {
        let Self { kind, list, page } = self;
        let chosen = |text: String| Some(text).filter(|text| !text.is_empty());
        let kind = chosen(kind).map(|kind| kind.parse::<Kind>()).transpose();
        let kind = kind.map_err(|error| Problem::malformed(error.to_string()))?;
        let list = match chosen(list) {
            None => None,
            Some(name) => {
                let known = state.charter.lists.keys().find(|id| id.as_str() == name);
                Some(known.cloned().ok_or_else(|| Problem::not_found("there is no such list"))?)
            }
        };
        Ok(Wanted { kind, list, page: page.unwrap_or_default() })
    }
}

/// Everything that ends or is due by the log, and the certificate of the service.
pub(in crate::http) fn dues(app: &App, state: &State, now: Timestamp) -> Vec<Due> {
    let mut dues = calendar(state, now, &|policy, dated| {
        let Some(policy) = app.policies.get(&policy.sha256) else { return AuditEnd::Unknown };
        policy.audit_end(dated.unix()).map_or(AuditEnd::Never, |at| AuditEnd::At(Timestamp::from_unix(at)))
    });
    dues.extend(app.metrics.requests().tls_ends().map(Due::of_tls));
    sort(&mut dues);
    dues
}

async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let wanted = call.query::<Query>()?.wanted(&state)?;
    let dues = dues(&app, &state, now);
    let page = ctl_web::calendar(&Frame { state: &state, now, here: place::CALENDAR }, &dues, &wanted);
    Ok(html(page.ok_or_else(|| Problem::not_found("the calendar has no such page"))?))
}

async fn feed(app: App, call: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    let Query { kind, list, page } = call.query()?;
    if page.is_some() {
        return Err(Problem::malformed("the feed has no pages"));
    }
    let wanted = Query { kind, list, page }.wanted(&state)?;
    let feed = ctl_web::icalendar(&state, &dues(&app, &state, now), &wanted);
    Ok(answer::bytes(feed, "text/calendar; charset=utf-8", "no-cache"))
}
