//! The control listener: faults by HTTP, for whoever is not in the same process.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::body::Sent;
use super::{Fault, LiveError, Shared, switches};

/// What the control listener is for, in words.
const HELP: &str = "\
PUT    /faults/{pki}/{kind}/{code}   switch a fault on
DELETE /faults/{pki}/{kind}/{code}   switch it off
DELETE /faults                       switch all off
GET    /faults                       which are on
GET    /switches                     which there are
GET    /pkis                         the PKIs, their addresses, their canaries
GET    /hosts/{name}                 the addresses of a name at this moment
?issuer={ca} after a fault means only where the service speaks for this CA.
";

pub(super) async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Sent> {
    let path = request.uri().path().trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let issuer = request.uri().query().and_then(|query| query.strip_prefix("issuer="));
    let (status, body) = match (request.method(), parts.as_slice()) {
        (&Method::GET, []) => (StatusCode::OK, HELP.to_owned()),
        (&Method::GET, ["faults"]) => json_of(&faults(shared)),
        (&Method::DELETE, ["faults"]) => {
            shared.faults.clear();
            json_of(&faults(shared))
        }
        (method @ (&Method::PUT | &Method::DELETE), ["faults", pki, kind, code]) => {
            match shared.set(pki, issuer, kind, code, method == Method::PUT) {
                Ok(()) => json_of(&faults(shared)),
                Err(error) => (status(&error), format!("{error}\n")),
            }
        }
        (&Method::GET, ["switches"]) => json_of(&table()),
        (&Method::GET, ["pkis"]) => json_of(&shared.describe()),
        (&Method::GET, ["hosts", name]) => json_of(&json!(shared.resolve(name))),
        _ => (StatusCode::NOT_FOUND, format!("There is nothing here. There is:\n\n{HELP}")),
    };
    let content_type =
        if body.starts_with(['{', '[']) { "application/json" } else { "text/plain; charset=utf-8" };
    let mut response = Response::new(Sent::Whole(Some(Bytes::from(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn status(error: &LiveError) -> StatusCode {
    match error {
        LiveError::Unavailable { .. } => StatusCode::CONFLICT,
        _ => StatusCode::NOT_FOUND,
    }
}

fn json_of(value: &Value) -> (StatusCode, String) {
    (StatusCode::OK, format!("{value:#}\n"))
}

fn faults(shared: &Shared) -> Value {
    let on = shared.faults.list().into_iter().map(|Fault { pki, kind, code, issuer }| {
        let issuer = issuer.map(|role| role.file_name());
        json!({ "pki": pki, "kind": kind.as_str(), "code": code.as_str(), "issuer": issuer })
    });
    Value::Array(on.collect())
}

fn table() -> Value {
    let rows = switches().map(|switch| {
        let besides: Vec<_> = switch.besides.iter().map(|code| code.as_str()).collect();
        json!({
            "kind": switch.kind.as_str(),
            "code": switch.code.as_str(),
            "does": switch.does,
            "besides": besides,
        })
    });
    Value::Array(rows.collect())
}
