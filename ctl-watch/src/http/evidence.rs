//! `/v1/evidence/{sha256}`: the exchanges behind an incident, as they were received.

use ctl_core::Digest;
use ctl_serve::{Call, Problem, answer};
use ctl_web::status::place;
use warp::reply::Response;

use super::App;

pub(super) async fn get(app: App, call: Call) -> Result<Response, Problem> {
    let digest: Digest = call.part("sha256")?;
    let store = app.watch.aggregator().store().clone();
    let found = answer::blocking(move || store.evidence(&digest)).await;
    let found = found?.map_err(|error| Problem::internal(&error))?;
    let bundle = found.ok_or_else(|| {
        Problem::not_found(format!(
            "there is no evidence {digest} here: it was never stored, or has been removed"
        ))
    })?;
    // It never changes under its digest, but may be removed, so caches keep it for a limited time.
    let response = answer::bytes(bundle, "application/json", "public, max-age=86400");
    Ok(answer::as_file(response, &place::evidence_file(&digest)))
}
