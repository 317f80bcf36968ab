//! The page *Check*: what somebody brings is examined by the state as it is now, shown, and forgotten.

use ctl_core::paths::LIST_VERSION;
use ctl_screening::examine::{Examination, Files, MAX_BYTES, examine};
use ctl_serve::{Call, Problem, Route, answer};
use ctl_web::{Frame, place};
use http_body_util::{BodyDataStream, Full};
use multer::{Constraints, Multipart, SizeLimit};
use warp::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use warp::hyper::body::Bytes;
use warp::reply::Response;

use super::{App, html, page};

const FORM: &str = "multipart/form-data";
/// What a form may have around the file that it brings.
const AROUND: usize = 8 * 1024;
/// How much of an error about the form is told, in characters.
const MAX_WHY: usize = 200;
const BOTH: &[&str] = &["text/html; charset=utf-8", "application/json"];
/// The fields of the form: a text area and a file.
const FIELDS: [&str; 2] = ["text", "file"];
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(super) fn routes() -> Vec<Route<App>> {
    vec![
        page(place::CHECK, form, "Where a certificate, chain or list can be judged.")
            .and(
                Method::POST,
                judge,
                "Says what a certificate, chain or list is, which profile it follows, and which list trusts it through which path \
                 or why not. Nothing is kept.",
            )
            .takes(FORM, MAX_BYTES + AROUND, "One of the two fields: `file`, or `text`.")
            .answers(200, BOTH, "What was found.")
            .fails(400, "The form cannot be read, or nothing is in it.")
            .fails(403, "A page of another origin sent the form.")
            .fails(415, "It is no such form.")
            .answers(422, BOTH, "What was brought cannot be read, and why."),
    ]
}

async fn form(app: App, _: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    Ok(html(ctl_web::check(&Frame { state: &state, now, here: place::CHECK })))
}

async fn judge(app: App, call: Call) -> Result<Response, Problem> {
    from_here(&call)?;
    let brought = brought(&call).await?;
    let (state, now) = app.view();
    let site = app.publisher.site().load();
    let files = Files {
        version: &|list, sequence, digest| site.is_at(&LIST_VERSION.of(&[list, &sequence]), digest),
        served: &|digest| site.path_of(digest).map(str::to_owned),
    };
    let found = examine(&state, &files, &brought, now);
    let response = if call.wants_page() {
        html(ctl_web::checked(&Frame { state: &state, now, here: place::CHECK }, &found))
    } else {
        json(&found)?
    };
    let status = if found.refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = answer::with_status(response, status);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

fn json(found: &Examination) -> Result<Response, Problem> {
    Ok(answer::json(&serde_json::to_value(found).map_err(|error| Problem::internal(&error))?))
}

/// Nothing is changed by a form from elsewhere, and nobody needs to send one from there. Browsers say where a form comes
/// from; this portal's pages hide the origin (`Referrer-Policy`), which is then `null`.
fn from_here(call: &Call) -> Result<(), Problem> {
    let is_here = match (call.header(&FETCH_SITE), call.header(&header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some("null") | None) => true,
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == call.header(&header::HOST)
        }
    };
    if is_here {
        return Ok(());
    }
    let detail =
        "a page of another site sent this form; nothing was looked at. Open this portal's own page Check";
    Err(Problem::new(StatusCode::FORBIDDEN, "other-origin", detail))
}

/// What one of the form's fields holds.
async fn brought(call: &Call) -> Result<Bytes, Problem> {
    let content_type = call.header(&header::CONTENT_TYPE).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|_| {
        let detail = format!(
            "the body has to be a form ({FORM}) with the field file or text, as the page Check sends it, or \
             curl -F file=@NAME"
        );
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-a-form", detail)
    })?;
    let body = BodyDataStream::new(Full::new(call.body().clone()));
    let limits = SizeLimit::new().whole_stream((MAX_BYTES + AROUND) as u64);
    let constraints = Constraints::new().allowed_fields(FIELDS.to_vec()).size_limit(limits);
    let mut form = Multipart::with_constraints(body, boundary, constraints);
    // It repeats names of fields, which may be long.
    let wrong = |error: multer::Error| {
        let why: String = error.to_string().chars().take(MAX_WHY).collect();
        Problem::malformed(format!("the form cannot be read: {why}"))
    };
    let mut brought: Option<Bytes> = None;
    while let Some(field) = form.next_field().await.map_err(wrong)? {
        let bytes = field.bytes().await.map_err(wrong)?;
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        if brought.replace(bytes).is_some() {
            let detail = "the form brings a text and a file, or several: bring one thing at a time";
            return Err(Problem::malformed(detail));
        }
    }
    brought.ok_or_else(|| {
        Problem::malformed("the form is empty: paste a certificate, chain or list, or choose its file")
    })
}
