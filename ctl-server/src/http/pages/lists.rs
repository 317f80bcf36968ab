//! The pages of a list.

use ctl_core::names::ListId;
use ctl_core::role::Role;
use ctl_serve::{Call, Problem, Route};
use ctl_web::{Frame, place};
use warp::reply::Response;

use super::{App, HTML, html};

pub(super) fn routes() -> Vec<Route<App>> {
    vec![
        Route::get("/lists/{list}", show, "A list, for people.")
            .answers(200, HTML, "The page.")
            .fails(404, "There is no such list."),
    ]
}

async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let id: ListId = call.part("list")?;
    let (state, now) = app.view();
    let here = place::list(&id);
    let site = app.publisher.site().load();
    let renditions =
        site.renditions(&Role::List(id.clone())).map(ctl_web::Rendition::described).unwrap_or_default();
    let page = ctl_web::list(&Frame { state: &state, now, here: &here }, &id, &renditions);
    Ok(html(page.ok_or_else(|| Problem::not_found(format!("there is no list {id}")))?))
}
