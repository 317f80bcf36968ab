//! What a service sends as a body: a whole one, one that breaks off, or far too much.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

const CHUNK: usize = 64 * 1024;

/// A body.
pub(super) enum Sent {
    /// All there is.
    Whole(Option<Bytes>),
    /// This much, and then the connection ends, as soon as that has been sent.
    Broken(Option<Bytes>, bool),
    /// This number of bytes that mean nothing.
    Endless(usize),
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = match &mut *self {
            Self::Whole(bytes) => bytes.take().map(Ok),
            Self::Broken(bytes, is_sent) => match bytes.take() {
                Some(bytes) => Some(Ok(bytes)),
                None if *is_sent => Some(Err(io::ErrorKind::ConnectionAborted.into())),
                None => {
                    // What waits to be sent is sent before this is asked again.
                    *is_sent = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            },
            Self::Endless(0) => None,
            Self::Endless(left) => {
                let size = CHUNK.min(*left);
                *left -= size;
                Some(Ok(Bytes::from(vec![0; size])))
            }
        };
        Poll::Ready(next.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Endless(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Endless(left) => SizeHint::with_exact(*left as u64),
            Self::Broken(..) => SizeHint::default(),
        }
    }
}
