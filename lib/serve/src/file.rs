//! Answers that are files: read piece by piece while the caller takes them, and shared with nobody's memory.
//!
//! No file stays open between two pieces, so a caller who reads slowly holds neither bytes nor descriptors, and
//! what is erased meanwhile ends the answer.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use ctl_core::Digest;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use warp::hyper::body::{Body, Frame, SizeHint};

/// Bytes of a piece.
const PIECE: u64 = 32 * 1024;
/// What one such answer holds at most: a piece that is read, and one that waits to be sent.
pub const HELD: usize = 2 * PIECE as usize;
/// How many pieces are read at once, in all: signing and publishing need the disk too.
const READERS: usize = 32;

/// Whoever reads pieces of files has a place here.
#[derive(Clone, Debug)]
pub struct Readers(Arc<Semaphore>);

impl Default for Readers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(READERS)))
    }
}

/// What is read of a piece: its bytes, and the hash so far.
type Piece = (Bytes, Option<Sha256>);

/// The beginning of a file, as a body.
pub struct FileBody {
    path: Arc<Path>,
    at: u64,
    end: u64,
    /// The hash of what was read, and what it must be at the end.
    proof: Option<(Sha256, Digest)>,
    readers: Readers,
    reading: Option<Pin<Box<dyn Future<Output = io::Result<Piece>> + Send>>>,
}

impl FileBody {
    /// The first `length` bytes of a file.
    #[must_use]
    pub fn new(path: PathBuf, length: u64, readers: Readers) -> Self {
        Self { path: path.into(), at: 0, end: length, proof: None, readers, reading: None }
    }

    /// The same, held to a digest: the last piece is sent only if it is right, so that nobody takes damaged
    /// bytes for whole ones.
    #[must_use]
    pub fn proven(self, digest: Digest) -> Self {
        Self { proof: Some((Sha256::new(), digest)), ..self }
    }

    fn read(&mut self) -> Pin<Box<dyn Future<Output = io::Result<Piece>> + Send>> {
        let (path, at, readers) = (self.path.clone(), self.at, self.readers.clone());
        let last = self.end - self.at <= PIECE;
        let length = usize::try_from((self.end - self.at).min(PIECE)).unwrap_or(0);
        let proof = self.proof.take().map(|(hash, digest)| {
            let expected = last.then_some(digest);
            self.proof = Some((Sha256::new(), digest));
            (hash, expected)
        });
        Box::pin(async move {
            let place = readers.0.acquire_owned().await.map_err(io::Error::other)?;
            let read = tokio::task::spawn_blocking(move || {
                let _place = place;
                let mut bytes = vec![0; length];
                File::open(&path)?.read_exact_at(&mut bytes, at)?;
                let Some((mut hash, expected)) = proof else { return Ok((bytes.into(), None)) };
                hash.update(&bytes);
                if let Some(expected) = expected
                    && Digest::from_bytes(hash.clone().finalize().into()) != expected
                {
                    let why = format!("{} is damaged on the disk", path.display());
                    return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                }
                Ok((bytes.into(), Some(hash)))
            });
            read.await.map_err(io::Error::other)?
        })
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let body = self.get_mut();
        if body.at >= body.end {
            return Poll::Ready(None);
        }
        let mut reading = body.reading.take().unwrap_or_else(|| body.read());
        let Poll::Ready(read) = reading.as_mut().poll(context) else {
            body.reading = Some(reading);
            return Poll::Pending;
        };
        Poll::Ready(Some(match read {
            Ok((bytes, hash)) => {
                body.at = body.at.saturating_add(bytes.len() as u64);
                if let (Some(hash), Some((so_far, _))) = (hash, &mut body.proof) {
                    *so_far = hash;
                }
                Ok(Frame::data(bytes))
            }
            Err(error) => {
                tracing::error!(%error, path = %body.path.display(), "an answer was cut off");
                body.at = body.end;
                Err(error)
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end - self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        (directory, path)
    }

    #[tokio::test]
    async fn a_file_comes_whole_and_only_as_far_as_it_was_asked_for() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let (_directory, path) = file(&bytes);
        for length in [0, 1, 32_768, 32_769, 65_536, 100_000] {
            let digest = Digest::of(&bytes[..length]);
            let body = FileBody::new(path.clone(), length as u64, Readers::default()).proven(digest);
            assert_eq!(body.size_hint().exact(), Some(length as u64));
            assert_eq!(body.collect().await.unwrap().to_bytes(), bytes[..length], "{length}");
        }
        let longer = FileBody::new(path, 100_001, Readers::default());
        assert!(longer.collect().await.is_err(), "a file that is shorter than it says is no whole answer");
    }

    #[tokio::test]
    async fn damaged_bytes_never_make_a_whole_answer() {
        let mut bytes = vec![7; 70_000];
        let digest = Digest::of(&bytes);
        bytes[3] = 8;
        let (_directory, path) = file(&bytes);
        let mut body = FileBody::new(path, 70_000, Readers::default()).proven(digest);
        let mut sent = 0;
        let error = loop {
            match body.frame().await.unwrap() {
                Ok(frame) => sent += frame.into_data().unwrap().len(),
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), sent), (io::ErrorKind::InvalidData, 65_536));
        assert!(body.frame().await.is_none());
    }
}
