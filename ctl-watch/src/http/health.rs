//! `/readyz` and `/metrics`: for the operators of the watch.

use ctl_serve::{Call, Problem, operation};
use serde_json::json;
use warp::reply::Response;

use super::App;
use crate::follow::{Contact, Signing};

/// Ready means that the scheme was followed at least once, its log holds, and nothing of the watch's own keeps it from
/// following or running. If the service does not
/// answer now, or does not record the watcher's statements (`signing`), the known targets are watched all the same;
/// incidents and metrics tell. The same goes for a lost history: `history_damaged` counts the databases that were moved
/// aside and are still there.
pub(super) async fn ready(app: App, _: Call) -> Result<Response, Problem> {
    let followed = app.watch.followed();
    let problems = app.supervisor.problem().into_iter();
    let unknown = followed.seen.is_none().then(|| match &followed.contact {
        Contact::Unanswered(why) => format!("the scheme was not followed yet: {why}"),
        _ => "the scheme was not followed yet".to_owned(),
    });
    let problems = problems.chain(unknown).chain(match &followed.contact {
        Contact::Inconsistent(why) => Some(format!("the log does not hold: {why}")),
        Contact::Hindered(why) => Some(format!("this watch cannot follow the scheme: {why}")),
        Contact::None | Contact::Good(_) | Contact::Unanswered(_) => None,
    });
    let problems: Vec<String> = problems.collect();
    let (last, silence) = match &followed.contact {
        Contact::Good(at) => (Some(*at), None),
        Contact::Unanswered(why) => (None, Some(why)),
        Contact::None | Contact::Inconsistent(_) | Contact::Hindered(_) => (None, None),
    };
    let (signing, signing_problem) = match &followed.signing {
        Signing::Off => ("off", None),
        Signing::Unknown => ("unknown", None),
        Signing::Good => ("good", None),
        Signing::Failed(why) => ("failed", Some(why)),
    };
    let members = json!({
        "scheme": followed.seen.as_ref().map(|seen| seen.state.scheme),
        "entries": followed.seen.as_ref().map(|seen| seen.size),
        "followed_at": last,
        "silence": silence,
        "signing": signing,
        "signing_problem": signing_problem,
        "history_damaged": app.watch.internals().store_damaged,
        "targets": app.watch.standings().targets.len(),
    });
    Ok(operation::ready(&problems, members))
}

pub(super) async fn metrics(app: App, _: Call) -> Result<Response, Problem> {
    let gathered = app.watch.gathered();
    let text = app.requests.text().and_then(|text| Ok(text + &app.metrics.render(&gathered.readings())?));
    operation::scrape(text)
}
