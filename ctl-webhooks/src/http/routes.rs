//! The table of the paths. Both protocols have the same ones below addresses of their own.

use ctl_formats::PoolForm;
use ctl_serve::openapi::About;
use ctl_serve::table::{required, schema};
use ctl_serve::{Route, Table};
use warp::http::Method;

use super::endpoints::{self, MAX_BODY};
use super::{App, health};

const JSON: &[&str] = &["application/json"];

const ABOUT: About = About {
    title: "Webhooks of a root pool",
    description: "Endpoints that are told when a root is added, expires or is revoked. The pool's server asks here for its \
        clients.",
    version: env!("CARGO_PKG_VERSION"),
};

/// Every path.
#[must_use]
pub fn table() -> Table<App> {
    let opcp = endpoint_routes(
        PoolForm::Opcp,
        ["/v1/webhook/endpoints", "/v1/webhook/endpoints/{id}", "/v1/webhook/endpoints/{id}/deliveries"],
    );
    let opnc = endpoint_routes(
        PoolForm::Opnc,
        [
            "/opnc/v1/event/endpoints",
            "/opnc/v1/event/endpoints/{id}",
            "/opnc/v1/event/endpoints/{id}/deliveries",
        ],
    );
    let id = required("id", "The endpoint's id.", schema::text());
    let whether = "Whether the lists are followed and every part runs.";
    Table::new(ABOUT, opcp)
        .and(opnc)
        .operation(whether, health::ready, health::metrics)
        .parameters(vec![id])
        .described_at("/v1/openapi.json")
}

fn endpoint_routes(form: PoolForm, [all, one, deliveries]: [&'static str; 3]) -> Vec<Route<App>> {
    let none = "The client has no such endpoint.";
    let wrong = "It cannot be one: `errorMessages` says why.";
    vec![
        Route::get(all, move |app, call| endpoints::list(app, form, call), "The client's endpoints.")
            .answers(200, JSON, "Without their secrets.")
            .and(Method::POST, move |app, call| endpoints::create(app, form, call), "Registers an endpoint.")
            .takes("application/json", MAX_BODY, "Its address and the events that it wants.")
            .answers(201, JSON, "The endpoint, with its secret, which is not shown again.")
            .answers(400, JSON, wrong)
            .answers(403, JSON, "The client has as many as it may have."),
        Route::get(one, move |app, call| endpoints::show(app, form, call), "One endpoint.")
            .answers(200, JSON, "Without its secret.")
            .answers(404, JSON, none)
            .and(Method::PUT, move |app, call| endpoints::change(app, form, call), "Changes an endpoint.")
            .takes("application/json", MAX_BODY, "What it is to be; members that are left out stay.")
            .answers(200, JSON, "The endpoint.")
            .answers(400, JSON, wrong)
            .answers(404, JSON, none)
            .and(Method::DELETE, move |app, call| endpoints::remove(app, form, call), "Removes an endpoint.")
            .answers(200, JSON, "It is gone, with all that waited for it.")
            .answers(404, JSON, none),
        Route::get(
            deliveries,
            move |app, call| endpoints::deliveries(app, form, call),
            "What was delivered to an endpoint, newest first, and what waits.",
        )
        .answers(200, JSON, "The deliveries.")
        .answers(404, JSON, none),
    ]
}
