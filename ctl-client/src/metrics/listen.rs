//! `sync --metrics ADDRESS`: the metrics of the last sync, over HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use ctl_serve::metrics::{Registrar, RequestMetrics};
use ctl_serve::openapi::About;
use ctl_serve::{Call, Http, Listeners, Moment, Problem, Service, Table, operation, serve};
use serde_json::json;
use warp::reply::Response;

use super::Shown;

const ABOUT: About = About {
    title: "A client's metrics",
    description: "What Prometheus reads of one device.",
    version: env!("CARGO_PKG_VERSION"),
};

#[derive(Clone)]
struct App {
    shown: Shown,
    registrar: Arc<Registrar>,
    requests: Arc<RequestMetrics>,
}

impl Service for App {
    type File = Infallible;

    fn requests(&self) -> &RequestMetrics {
        &self.requests
    }

    /// The next scrape shows what a sync has changed since.
    fn moment(&self) -> Moment {
        Moment { version: self.shown.version(), second: None }
    }
}

async fn ready(app: App, _: Call) -> Result<Response, Problem> {
    let waits = app.shown.text().is_empty().then(|| "no sync has ended yet".to_owned());
    Ok(operation::ready(waits.as_slice(), json!({})))
}

async fn metrics(app: App, _: Call) -> Result<Response, Problem> {
    operation::scrape(app.registrar.text().map(|text| text + &app.shown.text()))
}

/// Listens, and gives the real address and what answers for ever. Whoever reaches the address may read: there is nothing
/// secret in it.
///
/// # Errors
/// In words: the address cannot be listened at.
pub(crate) async fn listen(
    address: SocketAddr,
    shown: Shown,
) -> Result<(SocketAddr, impl Future<Output = ()>), String> {
    let http = Http { listen: address, plain_for_all: true, connections: 64, ..Http::default() };
    let listeners = Listeners::bind(&http).await.map_err(|error| error.to_string())?;
    let real = listeners.addresses().map_err(|error| error.to_string())?.first;
    let mut registrar = Registrar::default();
    let requests = RequestMetrics::new(&mut registrar, []).map_err(|error| error.to_string())?;
    let app = App { shown, registrar: Arc::new(registrar), requests: Arc::new(requests) };
    let table = Table::new(ABOUT, vec![]).operation("Whether a sync has ended.", ready, metrics);
    Ok((real, serve(listeners, (app, table), http, std::future::pending())))
}
