//! What changed lately: the feed, and what the overview tells of it.

use std::sync::{Mutex, PoisonError};

use ctl_governance::statement::Entry;
use ctl_serve::{Call, Cost, Problem, Route, answer};
use ctl_web::changes::Publications;
use ctl_web::{feed, place};
use warp::reply::Response;

use super::App;

/// A feed reader may keep the feed for so long.
const FOR_MINUTES: &str = "public, max-age=300";

/// The newest publications of the log, as last read.
#[derive(Debug, Default)]
pub(in crate::http) struct News(Mutex<Publications>);

pub(super) fn routes() -> Vec<Route<App>> {
    vec![
        Route::get(place::FEED, atom, "Applications, decisions, publications and notices, for feed readers.")
            .costs(Cost::Much)
            .answers(200, &[feed::MEDIA_TYPE], "The feed (RFC 4287)."),
    ]
}

impl App {
    /// An entry of the log; none if it cannot be read.
    pub(super) fn read(&self, index: u64) -> Option<Entry> {
        Entry::parse(&self.ledger.entry(index).ok()??).ok()
    }

    /// The newest publications. Reads only what was recorded since this was last asked.
    pub(super) fn publications(&self) -> Publications {
        let mut newest = self.news.0.lock().unwrap_or_else(PoisonError::into_inner);
        newest.follow(self.ledger.snapshot().size(), &|index| self.read(index));
        newest.clone()
    }
}

async fn atom(app: App, _: Call) -> Result<Response, Problem> {
    let (state, _) = app.view();
    let feed = feed::feed(&state, &app.publications());
    Ok(answer::bytes(feed, feed::MEDIA_TYPE, FOR_MINUTES))
}
