//! The status page: what the watch sees, for people. What programs read stands beside this under `/v1`.

mod incidents;
mod judge;
mod operator;
mod overview;
mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_serve::table::optional;
use ctl_serve::table::schema::{count, one_of, participant, text};
use ctl_serve::{Call, Cost, Problem, Route, answer};
use ctl_web::asset;
use ctl_web::status::{Now, Sight, Site, place};
use warp::reply::Response;

use super::App;
use crate::aggregator::clock::Moment;
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
    let (none, later) = ("There is no such thing.", "What there is to watch is not known yet.");
    let page = |route: Route<App>| route.costs(Cost::Much).answers(200, HTML, "The page.");
    vec![
        page(Route::get(place::OVERVIEW, overview::show, "The status of everyone, for people."))
            .query(optional("q", "A part of a name or id.", text()))
            .query(optional("show", "Everyone, or who is not fine.", one_of(&["all", "trouble"])))
            .query(optional("sort", "Who comes first.", one_of(&["now", "name", "availability"])))
            .query(optional("page", "Which page of them.", count())),
        page(Route::get("/operators/{operator}", operator::show, "One operator's services, for people."))
            .query(optional("page", "Which page of its addresses.", count()))
            .fails(404, none)
            .fails(503, later),
        page(Route::get(place::MANAGER, operator::manager, "The trust list manager, for people.")),
        page(Route::get(place::INCIDENTS, incidents::list, "Incidents, for people."))
            .query(optional("operator", "Only of this operator.", participant()))
            .query(optional("state", "Which of them.", one_of(&["all", "open", "past"])))
            .query(optional("before", "Only those with a smaller number.", count()))
            .fails(404, "No service of the operator is or ever was watched here.")
            .fails(503, later),
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
        let problems = app.supervisor.problem().into_iter().chain(blind(&followed));
        let problems = problems.chain(clock(&app.watch.aggregator().moment())).collect();
        let name = scheme.unwrap_or_else(|| "a scheme".to_owned());
        let observer = observer(&app.watch, &followed);
        Self { observer, followed, now, name, policy, problems }
    }

    fn site<'a>(&'a self, here: &'a str) -> Site<'a> {
        Site {
            name: &self.name,
            environment: self.followed.seen.as_ref().map(|seen| seen.state.environment),
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

/// A clock that jumped: what is probed is a gap until its time is believed.
fn clock(moment: &Moment) -> Option<String> {
    let off = moment.ahead_ms.saturating_abs() / 1000;
    moment
        .is_off()
        .then(|| format!("its clock is off by {off} s: nothing that it probes counts until that is settled"))
}

/// How much is seen of services that stand so.
fn sight(app: &App, all: impl IntoIterator<Item = Now>) -> Sight {
    let mut all = all.into_iter().peekable();
    if all.peek().is_some() {
        return if all.all(|now| now == Now::Unknown) { Sight::Unmeasured } else { Sight::Measured };
    }
    // The trust list manager is watched in any case, once it is known what there is to watch.
    if app.watch.standings().targets.is_empty() { Sight::NotYet } else { Sight::Unwatched }
}

/// Whether anything is known of an operator: its services are watched, were, or are named and left out. Of the trust list
/// manager it is always known how the last contact went.
fn is_known(app: &App, id: &ParticipantId) -> Result<(), Problem> {
    let (levels, standings) = (app.watch.aggregator().levels(), app.watch.standings());
    let is_watched = standings.targets.values().any(|standing| standing.target.operator == *id);
    let was_watched = || levels.targets.values().any(|target| target.operator == *id);
    let is_left_out = || app.watch.discovered().unwatched().any(|one| one.operator.as_ref() == Some(id));
    if id.as_str() == OWN || is_watched || was_watched() || is_left_out() {
        Ok(())
    } else if levels.at_ms == 0 || standings.targets.is_empty() {
        Err(Problem::unavailable("this watch has just started, and what there is to watch is not known yet"))
    } else {
        Err(Problem::not_found(format!("no service of {id} is or ever was watched here")))
    }
}

/// Who looks, and from where, in words.
fn observer(watch: &Watch, followed: &Followed) -> String {
    let (key, place) = watch.witness();
    let who = match (key, followed.seen.as_ref()) {
        (None, _) => "a watch that signs nothing".to_owned(),
        (Some(_), None) => "a watch whose name is not known yet".to_owned(),
        (Some(key), Some(seen)) => {
            let known = watcher(&seen.state, key).ok().and_then(|id| seen.state.participants.get(&id));
            known.map_or_else(
                || "a watch whose key is no watcher's".to_owned(),
                |known| format!("{} ({})", known.name, known.organisation),
            )
        }
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumped_is_told() {
        let moment = |ahead_ms| Moment { now_ms: 0, ahead_ms, is_settled: false };
        assert_eq!(clock(&moment(299_000)), None, "that is drift");
        for ahead_ms in [7_200_000, -7_200_000] {
            assert!(clock(&moment(ahead_ms)).unwrap().contains("off by 7200 s"));
        }
    }
}
