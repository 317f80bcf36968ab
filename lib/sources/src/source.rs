//! A source: where it stands, who may read it, who must have signed it; and how it is asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_core::names::is_web_address;
use ctl_fetch::{Addresses, Answer, Fetch, Header, Request};
use ctl_formats::recognise::{Contents, Demand, Form, ReadError, page};
use ctl_formats::{MAX_POOL_ITEMS, PoolPaging};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use crate::access::{Access, address, names_user};
use crate::error::SourceError;
use crate::folder::read_path;
use crate::pages::page_url;
use crate::trusted::Trusted;

/// The largest answer, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// How long one answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How long all pages of a source together may take, unless it is said.
const WHOLE_TIME: Duration = Duration::from_secs(120);
/// The most pages of a pool.
const MAX_PAGES: u64 = 100;
/// What is asked for first, and what is taken all the same.
const ACCEPT: &str =
    "application/json, application/pkcs7-mime, application/cms, application/pkix-cert, */*;q=0.5";

/// Where a source stands: an address by http or https, or a file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Place {
    Url(String),
    Path(PathBuf),
}

impl From<String> for Place {
    fn from(text: String) -> Self {
        if is_web_address(&text) { Self::Url(text) } else { Self::Path(text.into()) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // It stands on pages and in logs, where no password may.
            Self::Url(url) => match Url::parse(url) {
                Ok(parsed) if names_user(&parsed) => f.write_str("(an address that names a user)"),
                _ => f.write_str(url),
            },
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A source, as it stands in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where it stands.
    pub place: Place,
    /// What is expected there.
    #[serde(default)]
    pub form: Form,
    /// Who asks.
    #[serde(default)]
    pub access: Access,
    /// Who must have signed it.
    #[serde(default)]
    pub trust: Trusted,
    /// How long all of it may take.
    #[serde(with = "humantime_serde", default = "whole_time")]
    pub timeout: Duration,
}

const fn whole_time() -> Duration {
    WHOLE_TIME
}

impl Source {
    /// A public source, of whatever form, that nobody signs.
    #[must_use]
    pub fn at(place: impl Into<String>) -> Self {
        let (form, access, trust) = Default::default();
        Self { place: place.into().into(), form, access, trust, timeout: WHOLE_TIME }
    }

    /// Makes the paths relative to a directory, as in a configuration file of that directory.
    pub fn relative_to(&mut self, directory: &Path) {
        if let Place::Path(path) = &mut self.place {
            *path = directory.join(&path);
        }
        self.trust.relative_to(directory);
        self.access.relative_to(directory);
    }

    /// Reads it: whole, or not at all. `now` judges signatures where no other time is given. Files are read without
    /// yielding: whoever has other tasks on this thread reads them on one of their own.
    ///
    /// # Errors
    /// [`SourceError`]
    pub async fn read(&self, fetch: &dyn Fetch, now: Timestamp) -> Result<Contents, SourceError> {
        let trust = self.trust.load()?;
        let demand = trust.demand(now)?;
        match &self.place {
            Place::Path(path) if self.access != Access::default() => Err(SourceError::Config(format!(
                "{}: a file needs no token, key or client certificate",
                path.display()
            ))),
            Place::Path(path) => read_path(path, self.form, demand, now),
            Place::Url(url) => {
                address(url)?;
                let own = match self.access.identity(url)? {
                    None => None,
                    Some(identity) => Some(fetch.showing(&identity).ok_or_else(|| {
                        SourceError::Config(format!("{url}: there is no TLS to show a client certificate by"))
                    })?),
                };
                let fetch = own.as_deref().unwrap_or(fetch);
                Asking { source: self, fetch, url, demand, now }.all().await
            }
        }
    }
}

/// A source that is being asked.
struct Asking<'a> {
    source: &'a Source,
    fetch: &'a dyn Fetch,
    url: &'a str,
    demand: Demand<'a>,
    now: Timestamp,
}

impl Asking<'_> {
    async fn all(&self) -> Result<Contents, SourceError> {
        let (begin, access) = (Instant::now(), &self.source.access);
        let left = || self.source.timeout.saturating_sub(begin.elapsed()).min(ANSWER_TIME);
        let mut headers = access.headers(self.fetch, self.url, left()).await?;
        let mut answer = self.ask(self.url, &headers, left()).await?;
        // A token may have been taken back: one new one, once.
        if answer.status == 401 && access.gives_new_tokens() {
            headers = access.headers(self.fetch, self.url, left()).await?;
            answer = self.ask(self.url, &headers, left()).await?;
        }
        let first = body(self.url, answer)?;
        let (mut contents, paging) = self.page(self.url, &first)?;
        let Some(paging) = paging else { return Ok(contents) };
        let total = paging.total_pages;
        if total > MAX_PAGES {
            return Err(
                self.unanswered(format!("it says that it has {total} pages; {MAX_PAGES} are read at most"))
            );
        }
        for number in paging.page.saturating_add(1)..=total {
            if left().is_zero() {
                return Err(self.unanswered(format!("page {number} of {total} was not reached in time")));
            }
            let lost = || self.unanswered(format!("page {number} has no address"));
            let url = page_url(self.url, &paging, number).ok_or_else(lost)?;
            let next = body(&url, self.ask(&url, &headers, left()).await?)?;
            if next == first {
                return Err(self.unanswered(format!("page {number} of {total} is the first one again")));
            }
            let (page, told) = self.page(&url, &next)?;
            self.check_place(number, total, told)?;
            if contents.items.len().saturating_add(page.items.len()) > MAX_POOL_ITEMS {
                let error = ReadError::TooMany { limit: MAX_POOL_ITEMS, what: "items" };
                return Err(SourceError::Read { place: self.url.to_owned(), error });
            }
            contents.items.extend(page.items.into_iter().map(|mut item| {
                item.place = format!("page {number}, {}", item.place);
                item
            }));
        }
        Ok(contents)
    }

    /// A pool that answers another page than it was asked for is not read whole.
    fn check_place(&self, number: u64, total: u64, told: Option<PoolPaging>) -> Result<(), SourceError> {
        match told {
            Some(told) if told.page != number => {
                Err(self.unanswered(format!("page {number} was asked for, and page {} came", told.page)))
            }
            Some(told) if told.total_pages != total => Err(self.unanswered(format!(
                "it had {total} pages and has {} on page {number}: it changed while it was read, or has no end",
                told.total_pages
            ))),
            _ => Ok(()),
        }
    }

    fn page(&self, url: &str, body: &[u8]) -> Result<(Contents, Option<PoolPaging>), SourceError> {
        let refused = |error| SourceError::Read { place: url.to_owned(), error };
        page(body, self.source.form, self.demand, self.now).map_err(refused)
    }

    async fn ask(&self, url: &str, headers: &[Header], timeout: Duration) -> Result<Answer, SourceError> {
        let request = Request {
            url: url.to_owned(),
            body: None,
            content_type: None,
            accept: if self.source.form == Form::Pool { "application/json" } else { ACCEPT },
            headers: headers.to_vec(),
            max_body: MAX_ANSWER,
            timeout,
            addresses: Addresses::Turn(0),
        };
        let exchange = self.fetch.fetch(&request).await.into_iter().next();
        let exchange = exchange.ok_or_else(|| self.unanswered("nobody was asked".into()))?;
        let unanswered = |error: ctl_fetch::FetchError| SourceError::Unanswered {
            address: url.to_owned(),
            why: error.to_string(),
        };
        exchange.result.map_err(unanswered)
    }

    fn unanswered(&self, why: String) -> SourceError {
        SourceError::Unanswered { address: self.url.to_owned(), why }
    }
}

/// The body of an answer that is one.
fn body(url: &str, answer: Answer) -> Result<bytes::Bytes, SourceError> {
    let address = || url.to_owned();
    if answer.status != 200 {
        return Err(SourceError::Status { address: address(), status: answer.status });
    }
    match answer.header("content-encoding") {
        None | Some("identity") => Ok(answer.body),
        Some(_) => {
            let error = ReadError::Compressed("Content-Encoding");
            Err(SourceError::Read { place: address(), error })
        }
    }
}
