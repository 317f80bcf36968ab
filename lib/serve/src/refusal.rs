//! What is so malformed that it is no request: hyper refuses it with a status and nothing else, before any
//! handler is asked. Here the status gets its problem document.
//!
//! An answer that begins while no request is being answered and everything before it was sent is hyper's own.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use warp::http::StatusCode;

use crate::connections::Place;
use crate::problem::{self, Problem};

/// The longest header of a request, its first line included.
pub(crate) const MAX_HEADER: usize = 16 * 1024;
/// The longest path with its query.
pub(crate) const MAX_URI: usize = 4 * 1024;

/// A problem as it goes over a connection that is closed after it.
pub(crate) fn written(problem: &Problem) -> Vec<u8> {
    let document = problem.document();
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\naccess-control-allow-origin: *\r\nconnection: close\r\n\r\n",
        problem.status,
        problem::CONTENT_TYPE,
        document.len(),
    );
    [head.into_bytes(), document.into_bytes()].concat()
}

/// A connection whose malformed requests are answered in words.
pub(crate) struct Courteous<S> {
    stream: S,
    place: Arc<Place>,
    /// How many requests had come when everything that was to be sent was sent.
    told: u64,
    /// How many had come when the present header began, and whether its first line has ended.
    header_of: u64,
    line_ended: bool,
    /// What is sent instead of hyper's own answer, how much of it was, and the length of that answer.
    instead: Option<(Vec<u8>, usize, usize)>,
}

impl<S> Courteous<S> {
    pub(crate) const fn new(stream: S, place: Arc<Place>) -> Self {
        Self { stream, place, told: 0, header_of: 0, line_ended: false, instead: None }
    }

    fn note_read(&mut self, read: &[u8]) {
        let asked = self.place.asked();
        if self.header_of != asked {
            (self.header_of, self.line_ended) = (asked, false);
        }
        self.line_ended |= read.contains(&b'\n');
    }

    /// What is sent instead of these first bytes of an answer, if they are hyper's own.
    fn refusal(&self, answer: &[u8]) -> Option<Vec<u8>> {
        if self.place.is_busy() || self.place.asked() != self.told {
            return None;
        }
        let status = answer.strip_prefix(b"HTTP/1.1 ")?.first_chunk::<3>()?;
        let problem = match StatusCode::from_bytes(status).ok()? {
            StatusCode::BAD_REQUEST => Problem::malformed("this is no request in HTTP/1.1 (RFC 9112)"),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if self.line_ended => Problem::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "header-too-large",
                format!("the header has more than {MAX_HEADER} bytes"),
            ),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => Problem::uri_too_long(),
            _ => return None,
        };
        Some(written(&problem))
    }
}

impl<S: AsyncWrite + Unpin> Courteous<S> {
    /// Sends what is sent instead; none if nothing is.
    fn send_instead(
        &mut self,
        context: &mut Context<'_>,
        answer: &[u8],
        length: usize,
    ) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() {
            self.instead = Some((self.refusal(answer)?, 0, length));
        }
        let (bytes, sent, length) = self.instead.as_mut()?;
        loop {
            let rest = bytes.get(*sent..).unwrap_or_default();
            if rest.is_empty() {
                let length = *length;
                self.instead = None;
                return Some(Poll::Ready(Ok(length)));
            }
            match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(count)) => *sent = sent.saturating_add(count),
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => return Some(Poll::Pending),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Courteous<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        if poll.is_ready() {
            self.note_read(buffer.filled().get(before..).unwrap_or_default());
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Courteous<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(sent) = self.send_instead(context, bytes, bytes.len()) {
            return sent;
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        let first = slices.iter().find(|slice| !slice.is_empty()).map(|slice| &**slice).unwrap_or_default();
        if let Some(sent) = self.send_instead(context, first, length) {
            return sent;
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        if poll.is_ready() && !self.place.is_busy() {
            self.told = self.place.asked();
        }
        poll
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
