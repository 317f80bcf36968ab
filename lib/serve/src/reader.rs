//! People who read with a browser: they get pages where programs get JSON, and bytes that are small on the way.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body_util::BodyExt as _;
use warp::http::request::Parts;
use warp::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};

use crate::body::{ApiBody, Source, full};
use crate::encoding::{Coding, weight_of};

const HTML: &str = "text/html";
const JSON: &str = "format=json";
/// What people read, and feed readers and calendars for them.
const READ: [&str; 3] = [HTML, "application/atom+xml", "text/calendar"];
/// Below this length a compressed form saves nothing over its own header.
const MIN: usize = 256;

/// Whether a request asks for a page rather than for JSON (RFC 9110 §12.5.1): it names HTML, and neither JSON as much as that.
/// Programs that take anything get JSON.
pub(crate) fn wants_page(request: &HeaderMap) -> bool {
    let (mut page, mut data) = (0, 0);
    let values = request.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for member in values.flat_map(|value| value.split(',')) {
        let mut parts = member.split(';').map(str::trim);
        let (name, weight) = (parts.next().unwrap_or_default(), parts.find_map(weight_of).unwrap_or(1000));
        if name.eq_ignore_ascii_case(HTML) {
            page = weight.max(page);
        } else if name.to_ascii_lowercase().ends_with("json") {
            data = weight.max(data);
        }
    }
    page > data
}

/// Whether a request says in its query in which format it wants the answer: that stands, whatever `Accept` says.
pub(crate) fn names_format(asked: &Uri) -> bool {
    members(asked).any(|member| member.starts_with("format="))
}

/// Makes of `format=json` in the query what a program asks, so that no handler has to know it: links on pages say it.
pub(crate) fn as_program(head: &mut Parts) {
    if !members(&head.uri).any(|member| member == JSON) {
        return;
    }
    let rest: Vec<&str> = members(&head.uri).filter(|member| *member != JSON).collect();
    let mark = if rest.is_empty() { "" } else { "?" };
    let without = format!("{}{mark}{}", head.uri.path(), rest.join("&"));
    if let Ok(without) = without.parse() {
        head.uri = without;
        head.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    }
}

/// The members of the query.
fn members(asked: &Uri) -> impl Iterator<Item = &str> {
    asked.query().into_iter().flat_map(|query| query.split('&'))
}

/// Where the page stands that shows what this path has for programs: `page` is its pattern, with the parts in braces of the
/// route's own pattern.
pub(crate) fn page_of(pattern: &str, page: &str, asked: &Uri) -> String {
    let part = |wanted: &str| {
        let mut both = pattern.split('/').zip(asked.path().split('/'));
        both.find(|(name, _)| *name == wanted).map_or(wanted, |(_, part)| part).to_owned()
    };
    let path = page.split('/').map(part).collect::<Vec<_>>().join("/");
    match asked.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// Sends a reader to the page. Each address has one representation, so that nobody in between can mix them up.
pub(crate) fn see(page: &str) -> Response<ApiBody> {
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    if let Ok(page) = HeaderValue::from_str(page) {
        headers.insert(header::LOCATION, page);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// The same answer, with a page in the place of the problem document.
pub(crate) fn told(response: Response<Source>, page: Response<ApiBody>) -> Response<Source> {
    let (mut head, _) = response.into_parts();
    let (page, body) = page.into_parts();
    head.headers.extend(page.headers);
    head.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    head.headers.insert(header::VARY, HeaderValue::from_static("accept"));
    Response::from_parts(head, Source::Made(body))
}

/// Compresses what people read, for a reader who takes `coding`.
pub(crate) async fn compressed(response: Response<ApiBody>, coding: Option<Coding>) -> Response<ApiBody> {
    let (mut head, body) = response.into_parts();
    let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !media_type.is_some_and(|media_type| READ.iter().any(|read| media_type.starts_with(read))) {
        return Response::from_parts(head, body);
    }
    head.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Ok(body) = body.collect().await else { return Response::from_parts(head, empty()) };
    let bytes = body.to_bytes();
    match (coding, gzip(&bytes)) {
        (Some(Coding::Gzip), Some(smaller)) => {
            head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(Coding::Gzip.as_str()));
            Response::from_parts(head, full(smaller))
        }
        _ => Response::from_parts(head, full(bytes)),
    }
}

fn gzip(bytes: &Bytes) -> Option<Bytes> {
    if bytes.len() < MIN {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn empty() -> ApiBody {
    full(Bytes::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_names_html_gets_a_page() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, expected) in [
            (browser, true),
            ("TEXT/HTML", true),
            ("text/html;level=1;q=0.5, */*", true),
            ("", false),
            ("*/*", false),
            ("text/*", false),
            ("application/json", false),
            ("application/json, text/html", false),
            ("application/json;q=0.9, text/html", true),
            ("application/problem+json, text/html;q=0.9", false),
            ("text/html;q=0", false),
            ("text/htmlx", false),
            ("text/html;q=nonsense", true),
        ] {
            let headers = [(header::ACCEPT, HeaderValue::from_str(accept).unwrap())].into_iter().collect();
            assert_eq!(wants_page(&headers), expected, "{accept}");
        }
        assert!(!wants_page(&HeaderMap::new()));
    }

    #[test]
    fn who_names_a_format_gets_it() {
        for (asked, expected) in
            [("/a?format=csv", true), ("/a?x=1&format=json", true), ("/a?x=format=csv", false), ("/a", false)]
        {
            assert_eq!(names_format(&asked.parse().unwrap()), expected, "{asked}");
        }
    }

    #[test]
    fn a_link_to_json_asks_as_a_program_does() {
        for (asked, expected, accept) in [
            ("/v1/a?format=json", "/v1/a", "application/json"),
            ("/v1/a?after=3&format=json&limit=2", "/v1/a?after=3&limit=2", "application/json"),
            ("/v1/a?format=csv", "/v1/a?format=csv", "text/html"),
            ("/v1/a?format=jsonp", "/v1/a?format=jsonp", "text/html"),
            ("/v1/a", "/v1/a", "text/html"),
        ] {
            let request = warp::http::Request::get(asked).header(header::ACCEPT, HTML).body(()).unwrap();
            let (mut head, ()) = request.into_parts();
            as_program(&mut head);
            assert_eq!(
                (&*head.uri.to_string(), head.headers[header::ACCEPT].to_str().unwrap()),
                (expected, accept)
            );
        }
    }

    #[test]
    fn a_page_is_found_by_the_parts_of_the_path() {
        let asked: Uri = "/v1/lists/de-production/diff?from=1&to=2".parse().unwrap();
        let page = page_of("/v1/lists/{list}/diff", "/lists/{list}/changes", &asked);
        assert_eq!(page, "/lists/de-production/changes?from=1&to=2");
        // Whatever stands in the path, the answer leads to this host.
        let asked: Uri = "/v1/lists/%2F%2Felsewhere.example".parse().unwrap();
        assert_eq!(page_of("/v1/lists/{list}", "/lists/{list}", &asked), "/lists/%2F%2Felsewhere.example");
    }
}
