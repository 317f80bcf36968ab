//! A connection that notes when bytes went and came.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// When bytes went and came, in nanoseconds since the beginning; 0 for never.
#[derive(Debug)]
pub(super) struct Marks {
    begin: Instant,
    last_written: AtomicU64,
    first_read: AtomicU64,
}

impl Marks {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { begin: Instant::now(), last_written: 0.into(), first_read: 0.into() })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// From the last byte sent before the answer to its first; none if nothing came.
    pub(super) fn first_byte(&self) -> Option<Duration> {
        let read = self.first_read.load(Ordering::Relaxed);
        let written = self.last_written.load(Ordering::Relaxed);
        (read > 0).then(|| Duration::from_nanos(read.saturating_sub(written)))
    }

    /// Since the last byte was sent: how long an answer is waited for that has not begun.
    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos(self.now().saturating_sub(self.last_written.load(Ordering::Relaxed)))
    }
}

/// A connection whose bytes are noted.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    marks: Arc<Marks>,
}

impl<S> Watched<S> {
    pub(super) const fn new(stream: S, marks: Arc<Marks>) -> Self {
        Self { stream, marks }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(context, buffer);
        if buffer.filled().len() > before && this.marks.first_read.load(Ordering::Relaxed) == 0 {
            this.marks.first_read.store(this.marks.now(), Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(context, bytes);
        // What is written after the answer has begun does not count.
        if matches!(result, Poll::Ready(Ok(1..))) && this.marks.first_read.load(Ordering::Relaxed) == 0 {
            this.marks.last_written.store(this.marks.now(), Ordering::Relaxed);
        }
        result
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
