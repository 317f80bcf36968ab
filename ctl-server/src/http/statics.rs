//! Static files: a lookup, a comparison of entity tags, and bytes that were prepared before.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ctl_core::Digest;
use http_body_util::Full;
use warp::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::problem::Problem;
use crate::publish::site::{BeginningOf, Coded, Content, ContentType, Found, Prepared};

const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");
/// A picture opened by itself is a document of this origin: it may show and style itself, no more.
const PICTURES_ONLY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Answers with a file.
///
/// # Errors
/// A [`Problem`] if the file has to come from the disk and cannot be read.
pub(super) async fn respond(found: Found, request: &HeaderMap) -> Result<Response<Full<Bytes>>, Problem> {
    match found {
        Found::File(file) => match &file.content {
            Content::Memory { identity, gzip } => Ok(from_memory(&file, identity, gzip.as_ref(), request)),
            Content::Disk { path, etag, .. } => {
                if is_current(request, etag) {
                    return Ok(not_modified(&file, etag));
                }
                let bytes = read(path).await?;
                Ok(whole(&file, &Coded { bytes, etag: etag.clone() }))
            }
        },
        Found::Beginning(file, part) => {
            let bytes = match &file.content {
                Content::Memory { identity, .. } => identity.bytes.clone(),
                Content::Disk { path, .. } => read(path).await?,
            };
            let bytes =
                cut(&bytes, part).ok_or_else(|| Problem::internal(&"a tile is shorter than it says"))?;
            let tag: String = Digest::of(&bytes).to_string().chars().take(32).collect();
            let etag =
                HeaderValue::from_str(&format!("\"{tag}\"")).map_err(|error| Problem::internal(&error))?;
            if is_current(request, &etag) {
                return Ok(not_modified(&file, &etag));
            }
            Ok(whole(&file, &Coded { bytes, etag }))
        }
    }
}

fn from_memory(
    file: &Arc<Prepared>,
    identity: &Coded,
    gzip: Option<&Coded>,
    request: &HeaderMap,
) -> Response<Full<Bytes>> {
    let Some(gzip) = gzip else {
        if is_current(request, &identity.etag) {
            return not_modified(file, &identity.etag);
        }
        return whole(file, identity);
    };
    let compressed = accepts_gzip(request);
    let chosen = if compressed { gzip } else { identity };
    let mut response = if is_current(request, &chosen.etag) {
        not_modified(file, &chosen.etag)
    } else {
        let mut response = whole(file, chosen);
        if compressed {
            response.headers_mut().insert(header::CONTENT_ENCODING, GZIP);
        }
        response
    };
    response.headers_mut().insert(header::VARY, ACCEPT_ENCODING);
    response
}

async fn read(path: &Path) -> Result<Bytes, Problem> {
    let bytes = tokio::fs::read(path).await;
    bytes.map(Bytes::from).map_err(|error| Problem::internal(&format!("{}: {error}", path.display())))
}

/// The beginning of a tile or bundle.
fn cut(bytes: &Bytes, part: BeginningOf) -> Option<Bytes> {
    let end = match part {
        BeginningOf::Tile(end) => end,
        BeginningOf::Bundle(entries) => {
            let mut end = 0_usize;
            for _ in 0..entries {
                let length = bytes.get(end..)?.first_chunk::<2>()?;
                end = end.checked_add(2)?.checked_add(usize::from(u16::from_be_bytes(*length)))?;
            }
            end
        }
    };
    (end <= bytes.len()).then(|| bytes.slice(..end))
}

fn whole(file: &Prepared, coded: &Coded) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(coded.bytes.clone()));
    head(&mut response, file, &coded.etag);
    response.headers_mut().insert(header::CONTENT_TYPE, file.content_type.clone());
    response
}

fn not_modified(file: &Prepared, etag: &HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    head(&mut response, file, etag);
    response
}

fn head(response: &mut Response<Full<Bytes>>, file: &Prepared, etag: &HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag.clone());
    headers.insert(header::CACHE_CONTROL, file.cache_control.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if file.content_type == ContentType::Svg.as_str() {
        headers.insert(header::CONTENT_SECURITY_POLICY, PICTURES_ONLY);
    }
}

/// Whether `If-None-Match` names this tag (RFC 9110 §13.1.2: weak comparison, lists, `*`).
fn is_current(request: &HeaderMap, etag: &HeaderValue) -> bool {
    request.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value.as_bytes() == etag.as_bytes() || value.to_str().is_ok_and(|value| names(value, etag.as_bytes()))
    })
}

fn names(value: &str, etag: &[u8]) -> bool {
    let tag = |part: &str| part.strip_prefix("W/").unwrap_or(part).as_bytes() == etag;
    value.trim() == "*" || value.split(',').map(str::trim).any(tag)
}

/// Whether `Accept-Encoding` lets gzip in (RFC 9110 §12.5.3).
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut any = None;
    for coding in values.flat_map(|value| value.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let wanted = quality.is_none_or(|quality| quality.trim().parse::<f32>().is_ok_and(|q| q > 0.0));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return wanted;
        }
        if name == "*" {
            any = Some(wanted);
        }
    }
    any.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn gzip_is_sent_to_those_who_want_it() {
        for (value, expected) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("GZIP", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("br", false),
            ("gzipped", false),
            ("", false),
            ("gzip;q=x", false),
        ] {
            assert_eq!(accepts_gzip(&with(header::ACCEPT_ENCODING, value)), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
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

    #[test]
    fn a_bundle_is_cut_between_entries() {
        let bytes = Bytes::from_static(b"\0\x01a\0\x02bc\0\0");
        assert_eq!(cut(&bytes, BeginningOf::Bundle(2)).unwrap(), &b"\0\x01a\0\x02bc"[..]);
        assert_eq!(cut(&bytes, BeginningOf::Bundle(3)).unwrap(), bytes);
        assert!(cut(&bytes, BeginningOf::Bundle(4)).is_none());
        assert!(cut(&Bytes::from_static(b"\xff\xffa"), BeginningOf::Bundle(1)).is_none());
        assert!(cut(&bytes, BeginningOf::Tile(10)).is_none());
    }
}
