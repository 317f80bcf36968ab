//! `/sources` and `/sources/{source}`: other people's lists and pools.

use ctl_serve::{Call, Problem, answer};
use ctl_web::status::{Happening, Source, place, source, sources};
use warp::reply::Response;

use super::{App, Around, html, judge};
use crate::http::sources::found;
use crate::sources::{Cause, Named, SourceIncident, Standing, Told};

/// Of what happened to one of them, the newest.
const PAST: usize = 30;
/// Roots of one happening.
const ROOTS: usize = 1000;

pub(super) async fn list(app: App, _: Call) -> Result<Response, Problem> {
    let all = app.watch.sources().all();
    let all: Vec<Source> = all.iter().map(|(named, standing)| shown(named, standing)).collect();
    Ok(html(sources(&Around::of(&app).site(place::SOURCES), &all)))
}

pub(super) async fn show(app: App, call: Call) -> Result<Response, Problem> {
    let (named, standing) = found(&app, &call)?;
    let (aggregator, name) = (app.watch.aggregator().clone(), named.name.clone());
    let read = answer::blocking(move || aggregator.store().source_incidents(&name, None, PAST)).await?;
    let past = read.map_err(|error| Problem::internal(&error))?;
    let past: Vec<Happening> = past.iter().map(|(_, one)| happening(one)).collect();
    let here = place::source(&named.name);
    Ok(html(source(&Around::of(&app).site(&here), &shown(&named, &standing), &past)))
}

fn shown(named: &Named, standing: &Standing) -> Source {
    let held = standing.contents.as_ref();
    Source {
        name: named.name.clone(),
        place: named.place.clone(),
        last_read_at: standing.last_read_at,
        last_moved_at: standing.last_moved_at,
        roots: held.map(|held| held.roots.len()),
        sequence: held.and_then(|held| held.sequence),
        not_after: held.and_then(|held| held.not_after),
        unreadable: held.map_or(0, |held| held.unreadable),
        open: standing.open.as_ref().map(|(_, open)| happening(open)),
    }
}

fn happening(one: &SourceIncident) -> Happening {
    let names = |told: &[Told]| told.iter().take(ROOTS).map(|told| judge::clipped(&told.subject)).collect();
    Happening {
        what: match one.cause {
            Cause::Moved => "its roots changed",
            Cause::Unread => "cannot be read",
            Cause::WentBack => "shows an older list than before",
        },
        began_at: one.began_at,
        ended_at: one.ended_at,
        detail: judge::clipped(&one.detail),
        appeared: names(&one.appeared),
        vanished: names(&one.vanished),
        changed: names(&one.changed),
    }
}
