//! The body of an answer: prepared bytes, pieces of a file, or what the API has made.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use warp::hyper::body::{Body, Frame, SizeHint};

use crate::connections::Answering;
use crate::file::FileBody;

/// The body of an answer of the API.
pub type ApiBody = BoxBody<Bytes, warp::Error>;

/// The body that has these bytes.
pub(crate) fn full(bytes: Bytes) -> ApiBody {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// Why an answer is cut off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of any answer. The request is being answered until it is gone.
pub(crate) struct AnswerBody {
    source: Source,
    _answering: Answering,
}

/// Where a body's bytes come from.
pub enum Source {
    /// They were there before the request.
    Prepared(Full<Bytes>),
    /// They are read while they are sent.
    File(FileBody),
    /// They were made for it.
    Made(ApiBody),
}

impl Source {
    /// Bytes that were there before the request.
    #[must_use]
    pub fn prepared(bytes: impl Into<Bytes>) -> Self {
        Self::Prepared(Full::new(bytes.into()))
    }
}

impl AnswerBody {
    pub(crate) const fn new(source: Source, answering: Answering) -> Self {
        Self { source, _answering: answering }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.get_mut().source {
            Source::Prepared(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Source::File(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            Source::Made(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Prepared(body) => body.is_end_stream(),
            Source::File(body) => body.is_end_stream(),
            Source::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Prepared(body) => body.size_hint(),
            Source::File(body) => body.size_hint(),
            Source::Made(body) => body.size_hint(),
        }
    }
}
