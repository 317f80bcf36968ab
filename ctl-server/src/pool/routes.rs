//! The pool's paths, in the spellings that clients and specifications have for them.

use ctl_formats::PoolForm;
use ctl_serve::Route;
use ctl_serve::table::schema::{one_of, text};
use ctl_serve::table::{Parameter, optional, required};
use serde_json::{Value, json};

use super::answers::{CERTS_ONLY, PKCS7};
use super::chains::{Ca, Curve};
use super::respond::{Asked, Est, respond};
use crate::access::Right;
use crate::http::App;
use crate::http::access::guarded;

const JSON: &[&str] = &["application/json"];
const PLAIN: &[&str] = &["text/plain; charset=utf-8"];

/// Paths of EST: RFC 7030, what CitrineOS asks, the guide's case CPO8, MaEVe, OPCP with and without its last slash, OPNC.
const CA_CERTIFICATES: [(&str, Est); 10] = [
    ("/.well-known/est/cacerts", Est::Rfc7030),
    ("/.well-known/est/{label}/cacerts", Est::Rfc7030),
    ("/.well-known/est/{ca}/cacerts/{iso}", Est::Opcp),
    ("/.well-known/{ca}/cacerts", Est::Opcp),
    ("/est/{ca}/cacerts", Est::Opcp),
    ("/{ca}/cacerts", Est::Opcp),
    ("/{ca}/cacerts/{iso}", Est::Opcp),
    ("/{ca}/cacerts/{iso}/{algorithm}", Est::Opcp),
    ("/{ca}/cacerts/{iso}/{algorithm}/", Est::Opcp),
    ("/opnc/v1/pki/est/cacerts", Est::Opnc),
];

/// All of them.
#[must_use]
pub fn routes() -> Vec<Route<App>> {
    let opcp = get(
        "/v1/root/rootCerts",
        Asked::Roots(PoolForm::Opcp),
        "The root pool as OPCP 1.0 has it: the roots of the published lists, an item for each type of a root.",
    )
    .query(optional("rootType", "Only roots of this type.", one_of(&["mo", "v2g", "oem", "pe"])));
    let opnc = get(
        "/opnc/v1/rcp/rootcertificates",
        Asked::Roots(PoolForm::Opnc),
        "The root pool as OPNC 1.0 has it: the roots of the published lists, with all types of each.",
    )
    .query(optional("pkiType", "Only roots of this type.", one_of(&["emsp", "v2g", "oem", "pe"])))
    .query(optional("rootTypeList", "Only roots of one of these types; commas between them.", text()));
    let mut routes = vec![
        found(filtered(opcp), "The roots.", collection(PoolForm::Opcp)),
        found(
            get(
                "/v1/root/rootCerts/{rootCertificateId}",
                Asked::Root(PoolForm::Opcp),
                "One root of the pool.",
            ),
            "The root.",
            object("RootResponse", root(PoolForm::Opcp)),
        ),
        found(
            get("/v1/root/ctl", Asked::Ctl, "The pool's list as a signed CMS, where it is published as one."),
            "Who signed it, when it was drafted, and the CMS in base64.",
            json!({ "type": "object", "required": ["signerCertificate", "timeStamp", "CTL"], "properties": {
                "signerCertificate": { "type": ["string", "null"] },
                "timeStamp": { "type": ["string", "null"], "format": "date-time" },
                "CTL": text(),
            } }),
        ),
        found(parties(filtered(opnc)), "The roots.", collection(PoolForm::Opnc)),
        found(
            parties(get(
                "/opnc/v1/rcp/rootcertificates/{rootCertificateId}",
                Asked::Root(PoolForm::Opnc),
                "One root of the pool.",
            )),
            "The root. The member has three o, as OPNC's file has it.",
            object("roootCertificate", root(PoolForm::Opnc)),
        ),
    ];
    routes.extend(CA_CERTIFICATES.map(|(pattern, est)| {
        let summary = "CA certificates (EST, RFC 7030): disclosed sub-CAs, each before what issued it, then the roots. \
            Without more words: of charge point operators, ISO 15118-2, every algorithm.";
        let media_types: &[&str] = if est == Est::Rfc7030 { &[PKCS7] } else { &[CERTS_ONLY] };
        let mut route = get(pattern, Asked::Certificates(est), summary);
        if est == Est::Opnc {
            route = parties(route)
                .query(optional("caDomain", "The kind of CA.", one_of(&Ca::ALL.map(Ca::as_str))))
                .query(optional("iso15118Version", "The version.", one_of(&ISO)))
                .query(optional("algorithm", "The roots' keys.", one_of(&Curve::ALL.map(Curve::as_str))));
        }
        let route = route.answers(200, media_types, "A certs-only PKCS#7 in base64.").schema(text());
        failing(route)
    }));
    routes
}

/// What stands in braces in these paths.
#[must_use]
pub fn parts() -> Vec<Parameter> {
    vec![
        required("rootCertificateId", "The root's id: a UUID that follows from its fingerprint.", text()),
        required("ca", "The kind of CA.", one_of(&Ca::ALL.map(Ca::as_str))),
        required("label", "The kind of CA.", one_of(&Ca::ALL.map(Ca::as_str))),
        required("iso", "The version.", one_of(&ISO)),
        required("algorithm", "The kind of the roots' keys.", one_of(&Curve::ALL.map(Curve::as_str))),
    ]
}

const ISO: [&str; 2] = ["ISO15118-2", "ISO15118-20"];

fn get(pattern: &'static str, asked: Asked, summary: &'static str) -> Route<App> {
    let handler = move |app, call| respond(app, call, asked);
    Route::get(pattern, guarded(Right::Pool, handler), summary)
        .answers(401, PLAIN, "The pool is guarded, and no good credential was shown.")
        .answers(403, PLAIN, "A credential that may not read the pool.")
}

/// The members of a query that neither protocol has in its file.
fn filtered(route: Route<App>) -> Route<App> {
    let count = |most: Option<u64>| match most {
        Some(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
        None => json!({ "type": "integer", "minimum": 1 }),
    };
    route
        .query(optional("rootCtlList", "Only roots on one of these lists; commas between them.", text()))
        .query(optional(
            "fingerprint",
            "Only the root with this SHA-256.",
            json!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }),
        ))
        .query(optional(
            "page",
            "Which page, from 1. Without it and pageSize the answer is whole.",
            count(None),
        ))
        .query(optional("pageSize", "How many on a page; 10 unless it is said.", count(Some(100))))
}

/// The headers of OPNC. They change nothing; those of correlation come back.
fn parties(route: Route<App>) -> Route<App> {
    [
        ("OPNC-from-party-type", "What the asking party is."),
        ("OPNC-from-party-id", "Who asks."),
        ("OPNC-to-party-type", "What the asked party is."),
        ("OPNC-to-party-id", "Who is asked."),
        ("OPNC-Correlation-ID", "Comes back in the answer."),
        ("OPNC-Request-ID", "Comes back in the answer."),
    ]
    .into_iter()
    .fold(route, |route, (name, about)| route.header(optional(name, about, text())))
}

fn found(route: Route<App>, about: &'static str, schema: Value) -> Route<App> {
    failing(route.answers(200, JSON, about).schema(schema))
}

fn failing(route: Route<App>) -> Route<App> {
    let error = json!({ "type": "object", "required": ["errorMessages", "traceId"], "properties": {
        "errorMessages": { "type": "array", "minItems": 1, "uniqueItems": true, "items": text() },
        "traceId": { "type": "string", "format": "uuid" },
    } });
    let route = route.answers(304, &[], "The caller has it: If-None-Match names its ETag.");
    [
        (400, "The query is not understood."),
        (404, "There is no such thing, or no pool is configured."),
        (503, "There is nothing yet that may be answered."),
    ]
    .into_iter()
    .fold(route, |route, (status, about)| route.answers(status, JSON, about).schema(error.clone()))
}

fn collection(form: PoolForm) -> Value {
    let roots = json!({ "type": "array", "items": root(form) });
    let pages = json!({ "type": "object", "required": ["page", "pageSize", "totalPages", "totalItems"] });
    let (name, content) = match form {
        PoolForm::Opcp => ("RootCertificateCollection", object("rootCertificates", roots)),
        PoolForm::Opnc => ("rootCertificateCollection", roots),
    };
    let mut schema = object(name, content);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("pagination".into(), pages);
    }
    schema
}

/// What a root always has.
fn root(form: PoolForm) -> Value {
    let mut properties = json!({
        "rootCertificateId": { "type": "string", "format": "uuid" },
        "rootType": text(),
        "caCertificate": { "type": "string", "description": "DER in base64." },
        "rootIssuerSerialNumber": text(),
        "validFrom": { "type": "string", "format": "date-time" },
        "validTo": { "type": "string", "format": "date-time" },
        "fingerprint": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
    });
    if let (PoolForm::Opnc, Some(members)) = (form, properties.as_object_mut()) {
        let words = json!({ "type": "array", "items": text() });
        members.insert("rootTypeList".into(), words.clone());
        members.insert("rootCtlList".into(), words);
    }
    let required: Vec<String> =
        properties.as_object().into_iter().flat_map(|members| members.keys().cloned()).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn object(name: &str, content: Value) -> Value {
    json!({ "type": "object", "required": [name], "properties": { name: content } })
}
