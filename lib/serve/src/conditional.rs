//! Conditional requests (RFC 9110 section 13): who has an answer already is told so, and gets no body.

use bytes::Bytes;
use ctl_core::Digest;
use http_body_util::BodyExt as _;
use warp::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::body::{ApiBody, full};
use crate::problem::Problem;

/// What nobody may keep is never asked for again by its tag.
const NOT_KEPT: &str = "no-store";

/// Whether `If-None-Match` names this tag (RFC 9110 section 13.1.2: weak comparison, lists, `*`).
#[must_use]
pub fn is_current(request: &HeaderMap, etag: &HeaderValue) -> bool {
    request.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value.as_bytes() == etag.as_bytes() || value.to_str().is_ok_and(|value| names(value, etag.as_bytes()))
    })
}

fn names(value: &str, etag: &[u8]) -> bool {
    let tag = |part: &str| part.strip_prefix("W/").unwrap_or(part).as_bytes() == etag;
    value.trim() == "*" || value.split(',').map(str::trim).any(tag)
}

/// An answer that was made for this request, with a tag by its bytes; 304 if the caller has those. Feed readers and calendars
/// ask again and again.
///
/// # Errors
/// [`Problem::internal`] if the answer broke off.
pub(crate) async fn unless_current(
    response: Response<ApiBody>,
    request: &HeaderMap,
) -> Result<Response<ApiBody>, Problem> {
    let headers = response.headers();
    let caching = headers.get(header::CACHE_CONTROL).and_then(|caching| caching.to_str().ok());
    let is_kept = caching.is_some_and(|caching| !caching.contains(NOT_KEPT));
    if response.status() != StatusCode::OK || !is_kept || headers.contains_key(header::ETAG) {
        return Ok(response);
    }
    let (mut head, body) = response.into_parts();
    let mut body = body.collect().await.map_err(|error| Problem::internal(&error))?.to_bytes();
    let tag = HeaderValue::from_str(&format!("\"{}\"", Digest::of(&body)));
    let tag = tag.map_err(|error| Problem::internal(&error))?;
    if is_current(request, &tag) {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_TYPE);
        head.headers.remove(header::CONTENT_ENCODING);
        body = Bytes::new();
    }
    head.headers.insert(header::ETAG, tag);
    Ok(Response::from_parts(head, full(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn tags_are_found_in_every_spelling() {
        let etag = HeaderValue::from_static("\"abc\"");
        for (value, expected) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", \"abc\"", true),
            ("*", true),
            ("abc", false),
            ("\"ABC\"", false),
            ("\"abc-gzip\"", false),
            ("", false),
        ] {
            assert_eq!(is_current(&with(header::IF_NONE_MATCH, value), &etag), expected, "{value}");
        }
    }

    fn said(text: &'static str, caching: &'static str) -> Response<ApiBody> {
        let mut response = Response::new(full(Bytes::from_static(text.as_bytes())));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        response
    }

    #[tokio::test]
    async fn who_has_the_very_bytes_gets_none_and_who_has_others_gets_these() {
        let first = unless_current(said("one", "no-cache"), &HeaderMap::new()).await.unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let has = with(header::IF_NONE_MATCH, first.headers()[header::ETAG].to_str().unwrap());
        let again = unless_current(said("one", "no-cache"), &has).await.unwrap();
        assert_eq!(
            (again.status(), &again.headers()[header::ETAG]),
            (StatusCode::NOT_MODIFIED, &has[header::IF_NONE_MATCH])
        );
        assert!(again.into_body().collect().await.unwrap().to_bytes().is_empty());
        let other = unless_current(said("two", "no-cache"), &has).await.unwrap();
        assert_eq!(
            (other.status(), &*other.into_body().collect().await.unwrap().to_bytes()),
            (StatusCode::OK, &b"two"[..])
        );
    }

    #[tokio::test]
    async fn what_nobody_may_keep_has_no_tag() {
        let everything = with(header::IF_NONE_MATCH, "*");
        let response = unless_current(said("one", NOT_KEPT), &everything).await.unwrap();
        assert!(response.status() == StatusCode::OK && !response.headers().contains_key(header::ETAG));
    }
}
