//! The status page: what the watch sees, for people. What programs read stands beside this under `/v1`.

mod incidents;
mod judge;
mod operator;
mod overview;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_core::names::{Environment, ParticipantId};
use ctl_serve::table::optional;
use ctl_serve::table::schema::{count, one_of, participant, text};
use ctl_serve::{Call, Cost, Problem, Route, answer};
use ctl_web::asset;
use ctl_web::status::{Site, place};
use warp::reply::Response;

use super::App;
use crate::follow::{Contact, Followed};
use crate::incident::Incident;
use crate::reporter::watcher;
use crate::run::Watch;
use crate::target::OWN;

/// The media type of pages, as the table of routes names it.
const HTML: &[&str] = &["text/html; charset=utf-8"];
/// Assets have addresses that change with their content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Every page.
pub(super) fn routes() -> Vec<Route<App>> {
    let none = "There is no such thing.";
    let page = |route: Route<App>| route.costs(Cost::Much).answers(200, HTML, "The page.");
    vec![
        page(Route::get(place::OVERVIEW, overview::show, "The status of everyone, for people."))
            .query(optional("q", "A part of a name or id.", text()))
            .query(optional("show", "Everyone, or who is not fine.", one_of(&["all", "trouble"])))
            .query(optional("sort", "Who comes first.", one_of(&["now", "name", "availability"])))
            .query(optional("page", "Which page of them.", count())),
        page(Route::get("/operators/{operator}", operator::show, "One operator's services, for people."))
            .query(optional("page", "Which page of its addresses.", count()))
            .fails(404, none),
        page(Route::get(place::MANAGER, operator::manager, "The trust list manager, for people."))
            .fails(404, "Nothing is known of it yet."),
        page(Route::get(place::INCIDENTS, incidents::list, "Incidents, for people."))
            .query(optional("operator", "Only of this operator.", participant()))
            .query(optional("state", "Which of them.", one_of(&["all", "open", "past"])))
            .query(optional("before", "Only those with a smaller number.", count())),
        page(Route::get("/incidents/{incident}", incidents::show, "One incident, for people."))
            .fails(404, none),
        page(Route::get(place::SOURCES, sources::list, "Other people's lists and pools, for people.")),
        page(Route::get("/sources/{source}", sources::show, "One of them, for people.")).fails(404, none),
        Route::get("/assets/{file}", file, "Style and icon of the pages.")
            .answers(200, &["text/css; charset=utf-8", "image/svg+xml"], "The asset.")
            .fails(404, none),
    ]
}

/// What stands around every page now.
struct Around {
    followed: Followed,
    now: Timestamp,
    name: String,
    observer: String,
    policy: String,
    problems: Vec<String>,
}

impl Around {
    fn of(app: &App) -> Self {
        let followed = app.watch.followed();
        let now = Timestamp::from_unix(app.watch.aggregator().now_ms().div_euclid(1000));
        let scheme = followed.seen.as_ref().map(|seen| seen.state.charter.name.to_string());
        let policy = app.watch.policy();
        let policy = format!("{} {}", policy.name(), policy.version());
        let problems = app.supervisor.problem().into_iter().chain(blind(&followed)).collect();
        let name = scheme.unwrap_or_else(|| "a scheme".to_owned());
        let observer = observer(&app.watch, &followed);
        Self { observer, followed, now, name, policy, problems }
    }

    fn site<'a>(&'a self, here: &'a str) -> Site<'a> {
        let environment = self.followed.seen.as_ref().map(|seen| seen.state.environment);
        Site {
            name: &self.name,
            is_test: environment == Some(Environment::Test),
            now: self.now,
            here,
            observer: &self.observer,
            policy: &self.policy,
            problems: &self.problems,
        }
    }

    /// An operator's name for people.
    fn name_of(&self, operator: &ParticipantId) -> String {
        if operator.as_str() == OWN {
            return "Trust list manager".to_owned();
        }
        let participants = self.followed.seen.as_ref().map(|seen| &seen.state.participants);
        let found = participants.and_then(|all| all.get(operator));
        found.map_or_else(|| operator.to_string(), |found| found.name.to_string())
    }
}

/// What keeps the watch from seeing the scheme: then what it watches may not be what it should.
fn blind(followed: &Followed) -> Option<String> {
    let told = match &followed.contact {
        Contact::Hindered(why) => format!("it cannot follow the scheme: {why}"),
        Contact::Inconsistent(why) => format!("the scheme's log does not hold: {why}"),
        Contact::Unanswered(why) => format!("it does not reach the scheme's log: {why}"),
        _ if followed.seen.is_none() => "it has not followed the scheme yet".to_owned(),
        _ if !followed.is_following() => "it has not reached the scheme's log of late".to_owned(),
        Contact::None | Contact::Good(_) => return None,
    };
    Some(told)
}

/// Who looks, and from where, in words.
fn observer(watch: &Watch, followed: &Followed) -> String {
    let (key, place) = watch.witness();
    let known = key.zip(followed.seen.as_ref()).and_then(|(key, seen)| {
        let id = watcher(&seen.state, key).ok()?;
        let known = seen.state.participants.get(&id)?;
        Some(format!("{} ({})", known.name, known.organisation))
    });
    let who = known.unwrap_or_else(|| "a watch that signs nothing".to_owned());
    if place.is_empty() { who } else { format!("{who}, from {place}") }
}

/// The open incidents by their target's id.
fn open_of(incidents: &BTreeMap<u64, Arc<Incident>>) -> BTreeMap<&str, &Arc<Incident>> {
    incidents.values().filter(|one| one.is_open()).map(|one| (&*one.target, one)).collect()
}

fn time(at_ms: i64) -> Timestamp {
    Timestamp::from_unix(at_ms.div_euclid(1000))
}

/// A page, which may show itself and send its forms back here.
fn html(page: String) -> Response {
    answer::page(page, asset::CONTENT_SECURITY_POLICY)
}

/// The page that tells a person of a problem.
pub(super) fn problem(app: &App, path: &str, problem: &Problem) -> Response {
    let title = problem.status.canonical_reason().unwrap_or("Error");
    html(Around::of(app).site(path).refusal(title, &problem.detail))
}

async fn file(_: App, call: Call) -> Result<Response, Problem> {
    let file: String = call.part("file")?;
    let (media_type, text) =
        asset::asset(&file).ok_or_else(|| Problem::not_found("there is no such asset"))?;
    Ok(answer::bytes(text, media_type, FOR_EVER))
}
