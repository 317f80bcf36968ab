//! The body of an answer: prepared bytes, or what the API has made.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use http_body_util::combinators::BoxBody;
use warp::hyper::body::{Body, Frame, SizeHint};

/// The body of an answer of the API.
pub(super) type ApiBody = BoxBody<Bytes, warp::Error>;

/// The body of any answer.
pub(super) enum AnswerBody {
    /// Bytes that were there before the request.
    Prepared(Full<Bytes>),
    /// Bytes that were made for it.
    Made(ApiBody),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = warp::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, warp::Error>>> {
        match self.get_mut() {
            Self::Prepared(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Self::Made(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Prepared(body) => body.is_end_stream(),
            Self::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Prepared(body) => body.size_hint(),
            Self::Made(body) => body.size_hint(),
        }
    }
}
