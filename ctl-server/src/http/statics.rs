//! Static files: a lookup, a comparison of entity tags, and prepared bytes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ctl_core::Digest;
use ctl_serve::encoding::{Coding, Codings, available_dictionary};
use ctl_serve::{FileBody, Problem, Readers, Source, conditional};
use warp::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::publish::prepared::{Content, ContentType, Prepared};
use crate::publish::press::{Coded, Forms};
use crate::publish::site::{BeginningOf, Found};

const VARIES: HeaderValue = HeaderValue::from_static("accept-encoding");
const VARIES_WITH_DICTIONARY: HeaderValue = HeaderValue::from_static("accept-encoding, available-dictionary");
const USE_AS_DICTIONARY: HeaderName = HeaderName::from_static("use-as-dictionary");
/// A picture opened by itself is a document of this origin; it may show and style itself, nothing more.
const PICTURES_ONLY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

/// Answers with a file.
///
/// # Errors
/// A [`Problem`] if the file must come from the disk and cannot be read, or the caller does not accept its coding.
pub(super) async fn respond(
    found: Found,
    request: &HeaderMap,
    readers: &Readers,
) -> Result<Response<Source>, Problem> {
    let codings = Codings::of(request);
    let (file, part) = match found {
        Found::File(file) => (file, None),
        Found::Beginning(file, part) => (file, Some(part)),
    };
    match &file.content {
        Content::Memory { identity, forms } => match part {
            None => from_memory(&file, identity, forms, codings, request)
                .map(|response| response.map(Source::prepared)),
            Some(part) => {
                let end = end(part, identity.bytes.len(), |at| {
                    identity
                        .bytes
                        .get(at..)
                        .and_then(|rest| rest.first_chunk().copied())
                        .ok_or_else(too_short)
                });
                let end = end.map_err(|error| Problem::internal(&error))?;
                codings.identity_only()?;
                let coded = Coded { bytes: identity.bytes.slice(..end), etag: tag_of(&identity.etag, end) };
                if_changed(&file, &coded.etag, request, || coded.bytes.clone())
                    .map(|response| response.map(Source::prepared))
            }
        },
        Content::Disk { path, length, etag } => {
            codings.identity_only()?;
            let (end, etag) = match part {
                None => (*length, etag.clone()),
                Some(part) => {
                    let end = end_on_disk(path.clone(), *length, part).await?;
                    (end as u64, tag_of(etag, end))
                }
            };
            let mut response = if_changed(&file, &etag, request, || end)?;
            say_dictionary(&file, response.headers_mut())?;
            Ok(response.map(|end| match end {
                0 => Source::prepared(""),
                end => Source::File(FileBody::new(path.clone(), end, readers.clone())),
            }))
        }
    }
}

/// Answers with what is in memory.
///
/// # Errors
/// A [`Problem`] if it is not, or the caller does not accept its coding.
pub(crate) fn prepared(file: &Prepared, request: &HeaderMap) -> Result<Response<Bytes>, Problem> {
    match &file.content {
        Content::Memory { identity, forms } => {
            from_memory(file, identity, forms, Codings::of(request), request)
        }
        Content::Disk { path, .. } => Err(Problem::internal(&path.display())),
    }
}

fn from_memory(
    file: &Prepared,
    identity: &Coded,
    forms: &Forms,
    codings: Codings,
    request: &HeaderMap,
) -> Result<Response<Bytes>, Problem> {
    let dictionary = available_dictionary(request).map(Digest::from_bytes);
    let form = |coding| forms.get(coding, dictionary.as_ref());
    let coding = codings.choose(|coding| form(coding).is_some()).ok_or_else(Problem::not_acceptable)?;
    let chosen = form(coding).unwrap_or(identity);
    let mut response = if_changed(file, &chosen.etag, request, || chosen.bytes.clone())?;
    let headers = response.headers_mut();
    // A 304 says nothing about a body that it does not have.
    if headers.contains_key(header::CONTENT_TYPE) && coding != Coding::Identity {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    }
    say_dictionary(file, headers)?;
    if file.dictionary.is_some() || forms.has_differences() {
        headers.insert(header::VARY, VARIES_WITH_DICTIONARY);
    } else if !forms.is_empty() {
        headers.insert(header::VARY, VARIES);
    }
    Ok(response)
}

/// Says of a body what it may be the dictionary for.
fn say_dictionary(file: &Prepared, headers: &mut HeaderMap) -> Result<(), Problem> {
    if let Some(dictionary) = file.dictionary.as_ref().filter(|_| headers.contains_key(header::CONTENT_TYPE))
    {
        let value = HeaderValue::from_str(dictionary).map_err(|error| Problem::internal(&error))?;
        headers.insert(USE_AS_DICTIONARY, value);
    }
    Ok(())
}

/// The entity tag of the beginning of a file that never changes: the file's tag and the length.
fn tag_of(whole: &str, end: usize) -> Arc<str> {
    format!("\"{}-{end}\"", whole.trim_matches('"')).into()
}

async fn end_on_disk(path: PathBuf, length: u64, part: BeginningOf) -> Result<usize, Problem> {
    let found = tokio::task::spawn_blocking(move || end_in_file(&path, length, part)).await;
    found.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))
}

fn end_in_file(path: &Path, length: u64, part: BeginningOf) -> io::Result<usize> {
    let file = File::open(path)?;
    end(part, usize::try_from(length).unwrap_or(usize::MAX), |at| {
        let mut bytes = [0; 2];
        file.read_exact_at(&mut bytes, at as u64).map(|()| bytes)
    })
}

/// Where the beginning of a tile or bundle ends. `read` gives the two bytes at a position, which are the length of the
/// entry after them.
fn end(part: BeginningOf, length: usize, read: impl Fn(usize) -> io::Result<[u8; 2]>) -> io::Result<usize> {
    let mut end = 0_usize;
    match part {
        BeginningOf::Tile(bytes) => end = bytes,
        BeginningOf::Bundle(entries) => {
            for _ in 0..entries {
                let entry = usize::from(u16::from_be_bytes(read(end)?));
                end = end.saturating_add(2).saturating_add(entry);
            }
        }
    }
    if end <= length { Ok(end) } else { Err(too_short()) }
}

fn too_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a tile or bundle is shorter than it says")
}

/// The file, or 304 if the caller has it.
fn if_changed<B: Default>(
    file: &Prepared,
    etag: &str,
    request: &HeaderMap,
    body: impl FnOnce() -> B,
) -> Result<Response<B>, Problem> {
    let etag = HeaderValue::from_str(etag).map_err(|error| Problem::internal(&error))?;
    let mut response = if conditional::is_current(request, &etag) {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(body());
        let content_type = HeaderValue::from_static(file.content_type.as_str());
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(file.caching.as_str()));
    if file.content_type == ContentType::Svg {
        headers.insert(header::CONTENT_SECURITY_POLICY, PICTURES_ONLY);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_cut_between_entries_in_memory_and_on_disk() {
        let bytes = Bytes::from_static(b"\0\x01a\0\x02bc\0\0");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bundle");
        std::fs::write(&path, &bytes).unwrap();
        for (part, expected) in [
            (BeginningOf::Bundle(1), Some(3)),
            (BeginningOf::Bundle(2), Some(7)),
            (BeginningOf::Bundle(3), Some(9)),
            (BeginningOf::Bundle(4), None),
            (BeginningOf::Tile(9), Some(9)),
            (BeginningOf::Tile(10), None),
        ] {
            let in_memory = end(part, bytes.len(), |at| {
                bytes.get(at..).and_then(|rest| rest.first_chunk().copied()).ok_or_else(too_short)
            });
            assert_eq!(in_memory.ok(), expected, "{part:?}");
            assert_eq!(end_in_file(&path, bytes.len() as u64, part).ok(), expected, "{part:?}");
        }
        std::fs::write(&path, b"\xff\xffa").unwrap();
        assert!(end_in_file(&path, 3, BeginningOf::Bundle(1)).is_err(), "it ends before its entry does");
    }
}
