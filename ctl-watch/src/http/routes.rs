//! The table of the watch's paths: purpose, handler, cost and answers.

use ctl_serve::openapi::About;
use ctl_serve::table::schema::{count, digest, one_of, participant, text, time};
use ctl_serve::table::{Parameter, optional, required};
use ctl_serve::{Cost, Route, Table};

use ctl_web::status::place;

use super::{App, evidence, health, incidents, pages, sla, sources, targets};

const JSON: &[&str] = &["application/json"];

const ABOUT: About = About {
    title: "Watch of a certificate trust list scheme",
    description: "How the services of every PKI on the lists stand: OCSP responders, CRLs and other endpoints, probed and \
        judged; incidents with their evidence, and service levels.",
    version: env!("CARGO_PKG_VERSION"),
};

/// Every path of the watch.
#[must_use]
pub fn table() -> Table<App> {
    let whether = "Whether the scheme is followed and every part runs.";
    Table::new(ABOUT, pages::routes())
        .and(watching())
        .operation(whether, health::ready, health::metrics)
        .parameters(parts())
        .described_at("/v1/openapi.json")
}

fn watching() -> Vec<Route<App>> {
    let none = "There is no such thing.";
    vec![
        Route::get("/v1/sla", sla::overview, "The service levels of everyone.")
            .costs(Cost::Much)
            .page(place::OVERVIEW)
            .answers(200, JSON, "The levels of this month."),
        Route::get("/v1/sla/{operator}", sla::show, "The service levels of one operator.")
            .costs(Cost::Much)
            .page("/operators/{operator}")
            .query(optional("from", "The first hour.", time()))
            .query(optional("to", "The end.", time()))
            .query(optional("format", "What is wanted, whatever Accept says.", one_of(&["json", "csv"])))
            .answers(200, &["application/json", "text/csv; charset=utf-8"], "The levels.")
            .fails(404, none)
            .fails(503, "Nothing is added up yet."),
        Route::get(
            "/v1/incidents",
            incidents::list,
            "What went or goes wrong with the services that are watched.",
        )
        .costs(Cost::Much)
        .page(place::INCIDENTS)
        .query(optional("operator", "Only of this operator.", participant()))
        .query(optional("state", "Only those that are open, or are over.", one_of(&["open", "past"])))
        .query(optional("after", "The last incident of the page before.", count()))
        .query(optional("limit", "How many on a page.", count()))
        .answers(200, JSON, "A page of incidents. `end` says how one ended: `recovered`, or `not-watched` if nobody saw how it went on."),
        Route::get("/v1/incidents/{incident}", incidents::show, "One incident.")
            .costs(Cost::Much)
            .page("/incidents/{incident}")
            .answers(200, JSON, "The incident; `end` says how it ended: `recovered`, or `not-watched` if nobody saw how it went on.")
            .fails(404, none),
        Route::get(
            "/v1/evidence/{sha256}",
            evidence::get,
            "The exchanges behind an incident, as they were received.",
        )
        .costs(Cost::Much)
        .answers(200, JSON, "The exchanges.")
        .fails(404, none),
        Route::get("/v1/targets", targets::list, "Everything that is watched, and how it stands.")
            .costs(Cost::Much)
            .answers(200, JSON, "The targets."),
        Route::get(
            "/v1/targets/prometheus",
            targets::discovery,
            "The same for Prometheus, which discovers targets by HTTP.",
        )
        .costs(Cost::Much)
        .answers(200, JSON, "Groups of targets."),
        Route::get("/v1/sources", sources::list, "Other people's lists and pools, and how they stand.")
            .page(place::SOURCES)
            .answers(200, JSON, "The sources."),
        Route::get(
            "/v1/sources/{source}",
            sources::show,
            "One of them, with what happened to it, the newest first.",
        )
        .costs(Cost::Much)
        .page("/sources/{source}")
        .query(optional("before", "Only incidents with a smaller number.", count()))
        .query(optional("limit", "How many incidents.", count()))
        .answers(200, JSON, "The source.")
        .fails(404, none),
        Route::get(
            "/v1/sources/{source}/roots",
            sources::roots,
            "The roots that it held when it was last read.",
        )
        .costs(Cost::Much)
        .query(optional("after", "The fingerprint of the last root of the page before.", digest()))
        .query(optional("limit", "How many on a page.", count()))
        .answers(200, JSON, "A page of roots.")
        .fails(404, none),
    ]
}

/// The parameters in paths.
fn parts() -> Vec<Parameter> {
    vec![
        required("sha256", "The SHA-256 of the bytes.", digest()),
        required("operator", "The operator's id.", text()),
        required("source", "The source's name in the configuration.", text()),
        required("incident", "The incident's number.", count()),
        required("file", "The asset's name.", text()),
    ]
}
