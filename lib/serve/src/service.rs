//! What a program hands in to be served.

use std::future::Future;
use std::time::Duration;

use ctl_core::Timestamp;
use warp::http::request::Parts;
use warp::http::{HeaderMap, Response};
use warp::hyper::body::Incoming;
use warp::reply::Response as Reply;

use crate::body::Source;
use crate::connections::Answering;
use crate::file::Readers;
use crate::metrics::RequestMetrics;
use crate::problem::Problem;

/// What the handlers of a program work with, and what is not an ordinary handler. Clones are cheap.
///
/// Whoever has neither prepared files nor transfers writes the first three methods and `type File = Infallible`.
pub trait Service: Clone + Send + Sync + 'static {
    /// A file that was prepared before it is asked for.
    type File: Send + Sync + 'static;

    /// Where requests are counted.
    fn requests(&self) -> &RequestMetrics;

    /// What answers depend on besides the request: an answer that was made at a moment is told again to whoever asks
    /// the same at that moment.
    fn moment(&self) -> Moment;

    /// The page that tells a person of a problem at a path; none where there are only programs.
    fn problem_page(&self, path: &str, problem: &Problem) -> Option<Reply> {
        let _ = (path, problem);
        None
    }

    /// The prepared file at a path, without its leading slash; and which of the table's files it is.
    fn file(&self, path: &str) -> Option<(Self::File, usize)> {
        let _ = path;
        None
    }

    /// Answers `GET` and `HEAD` for such a file.
    ///
    /// # Errors
    /// The [`Problem`] that is answered instead.
    fn answer_file(
        &self,
        file: Self::File,
        request: &HeaderMap,
        readers: &Readers,
    ) -> impl Future<Output = Result<Response<Source>, Problem>> + Send {
        let _ = (file, request, readers);
        async { Err(Problem::not_found("there are no files here")) }
    }

    /// Answers a request for a route of [`Cost::Bytes`](crate::Cost::Bytes).
    ///
    /// # Errors
    /// The [`Problem`] that is answered instead.
    fn transfer(
        &self,
        transfer: Transfer<'_>,
    ) -> impl Future<Output = Result<Response<Source>, Problem>> + Send {
        let _ = transfer;
        async { Err(Problem::not_found("no bytes are moved here")) }
    }
}

/// What answers depend on besides the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moment {
    /// Grows with whatever answers are made from.
    pub version: u64,
    /// The second in which the request came, if answers depend on it.
    pub second: Option<Timestamp>,
}

/// Bytes to be moved between a caller and the disk, past the memory.
pub struct Transfer<'a> {
    /// Method, path and header.
    pub head: &'a Parts,
    /// What the caller sends.
    pub body: &'a mut Incoming,
    /// How many bytes the header promises, if it does.
    pub promised: Option<u64>,
    /// Who asks, and the bytes that are held for them.
    pub answering: &'a Answering,
    /// Places for reading files.
    pub readers: &'a Readers,
    /// How long the body may take.
    pub patience: Duration,
}

/// A prepared file in the table: what metrics and the OpenAPI document say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Files {
    /// The path; a part in braces stands for any text.
    pub pattern: &'static str,
    /// What is there.
    pub summary: &'static str,
    /// The media types that it is served as.
    pub media_types: &'static [&'static str],
}
