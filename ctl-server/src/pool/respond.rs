//! The one way into the pool from HTTP: whoever asks, and whatever path, comes through [`respond`],
//! behind the guard of [`access`](crate::access).

use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::parts::Standard;
use ctl_formats::PoolForm;
use ctl_serve::{Call, Problem};
use serde::Deserialize;
use warp::http::{HeaderName, HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::answers::{Answers, CERTS_ONLY, PKCS7};
use super::chains::{Ca, Curve};
use super::keeper::Served;
use super::question::Filter;
use super::{ctl, error};
use crate::http::{App, statics};
use crate::publish::prepared::{Caching, ContentType, Prepared};

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The roots.
    Roots(PoolForm),
    /// One root by its id.
    Root(PoolForm),
    /// The list itself, signed.
    Ctl,
    /// CA certificates, as RFC 7030 has the answer, or as OPCP has it.
    Certificates(Est),
}

/// In whose words CA certificates are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Est {
    Rfc7030,
    Opcp,
    /// The kind stands in the query.
    Opnc,
}

const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");
const BASE64: HeaderValue = HeaderValue::from_static("base64");
/// What a caller finds its own requests by again (proposed for OPNC).
const CORRELATION: [HeaderName; 2] =
    [HeaderName::from_static("opnc-correlation-id"), HeaderName::from_static("opnc-request-id")];
const LONGEST_CORRELATION: usize = 128;

/// Answers a request of the pool. Every error has the body of OPCP.
///
/// # Errors
/// None: they are answers.
pub async fn respond(app: App, call: Call, asked: Asked) -> Result<Response, Problem> {
    let mut response = answer(&app, &call, asked).unwrap_or_else(error::response);
    for name in CORRELATION {
        if let Some(value) = call.header(&name).filter(|value| value.len() <= LONGEST_CORRELATION)
            && let Ok(value) = HeaderValue::from_str(value)
        {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn answer(app: &App, call: &Call, asked: Asked) -> Result<Response, Problem> {
    let served = app.publisher.pool().load_full();
    let answers = match &*served {
        Served::Off => {
            let detail = "this server serves no root pool; its operator can name lists under [pool] in the configuration";
            return Err(Problem::not_found(detail));
        }
        Served::Unavailable(why) => return Err(Problem::unavailable(why.clone())),
        Served::Ready(answers) => answers,
    };
    match asked {
        Asked::Roots(form) => {
            let filter = Filter::read(form, call.query()?)?;
            send(&answers.collection(form, &filter), call)
        }
        Asked::Root(form) => {
            let id: String = call.part("rootCertificateId")?;
            let root = answers.root(form, &id);
            send(
                &root.ok_or_else(|| Problem::not_found("Root certificate with the given ID is not found"))?,
                call,
            )
        }
        Asked::Ctl => send(&signed_list(app)?, call),
        Asked::Certificates(est) => certificates(answers, call, est),
    }
}

fn send(file: &Arc<Prepared>, call: &Call) -> Result<Response, Problem> {
    Ok(statics::prepared(file, call.headers())?.map(Into::into))
}

/// What OPNC's query asks of EST.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OpncQuery {
    ca_domain: Option<String>,
    iso15118_version: Option<String>,
    algorithm: Option<String>,
}

fn certificates(answers: &Answers, call: &Call, est: Est) -> Result<Response, Problem> {
    let part = |name: &str| call.part::<String>(name).ok();
    let query = if est == Est::Opnc { Some(call.query::<OpncQuery>()?) } else { None };
    let (ca, standard, curve) = match query {
        Some(query) => (query.ca_domain, query.iso15118_version, query.algorithm),
        None => (part("ca").or_else(|| part("label")), part("iso"), part("algorithm")),
    };
    // In a path another word is another place; in a query it is a mistake.
    let unknown = |words: String| match est {
        Est::Opnc => Problem::malformed(words),
        Est::Rfc7030 | Est::Opcp => Problem::not_found(words),
    };
    let ca =
        ca.map_or(Ok(Ca::Cpo), |word| known(&word, Ca::ALL, Ca::as_str, "the kind of CA").map_err(unknown))?;
    // What is taken without a word is OPCP's default.
    let standard = standard.map_or(Ok(Standard::Iso15118_2), |word| {
        known(&word, Standard::ALL, iso, "the version").map_err(unknown)
    })?;
    let curve = curve
        .map(|word| known(&word, Curve::ALL, Curve::as_str, "the algorithm").map_err(unknown))
        .transpose()?;
    let file = answers.certificates(ca, standard, curve).ok_or_else(|| {
        let curve = curve.map(|curve| format!(" with a key on {curve}")).unwrap_or_default();
        Problem::not_found(format!("no root for {ca} and {} is in the pool{curve}", iso(standard)))
    })?;
    let mut response = send(&file, call)?;
    if response.status() == StatusCode::OK {
        let headers = response.headers_mut();
        headers.insert(TRANSFER_ENCODING, BASE64);
        if est != Est::Rfc7030 {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CERTS_ONLY));
        }
    }
    debug_assert!(file.content_type == ContentType::Rendition(PKCS7));
    Ok(response)
}

const fn iso(standard: Standard) -> &'static str {
    match standard {
        Standard::Iso15118_2 => "ISO15118-2",
        Standard::Iso15118_20 => "ISO15118-20",
    }
}

/// The one of these that a word names, or what could be named.
fn known<T: Copy>(
    word: &str,
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
    what: &str,
) -> Result<T, String> {
    let mut words = Vec::new();
    for one in all {
        if name(one).eq_ignore_ascii_case(word) {
            return Ok(one);
        }
        words.push(name(one));
    }
    Err(format!("{what} must be one of: {}", words.join(", ")))
}

/// The first of the pool's lists that is published as a signed CMS.
fn signed_list(app: &App) -> Result<Arc<Prepared>, Problem> {
    let site = app.publisher.site().load();
    let mut found = app.publisher.pool_lists().filter_map(|list| site.file(&ctl::path(list))?.identity());
    let Some(cms) = found.next() else {
        let detail = "no list of this pool is published as a signed CMS: take a list in the form in which it is signed, \
            /v1/lists/{list}/ctl.jws";
        return Err(Problem::not_found(detail));
    };
    let answer = ctl::answer(cms).map_err(|error| Problem::internal(&error))?;
    let from = Digest::of(&answer);
    Ok(Arc::new(Prepared::assembled(answer, &from, ContentType::Json, Caching::Latest)))
}
