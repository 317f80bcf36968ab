//! A file as it is served: its bytes in each coding with their entity tags, its type, and how long it may be kept.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use ctl_core::Digest;
use flate2::{Compression, write::GzEncoder};

/// The content type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// JSON.
    Json,
    /// A rendition, by its media type.
    Rendition(&'static str),
    /// Text: signed notes and proofs.
    Text,
    /// A picture.
    Svg,
    /// Tiles and entry bundles.
    Binary,
}

impl ContentType {
    /// The media type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Rendition(media_type) => media_type,
            Self::Text => "text/plain; charset=utf-8",
            Self::Svg => "image/svg+xml",
            Self::Binary => "application/octet-stream",
        }
    }
}

/// How long a cache may keep a file without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// The path will never have other bytes.
    Immutable,
    /// The latest of something that changes at publications.
    Latest,
    /// What freshness depends on: `timestamp.json` and the checkpoint.
    Fresh,
}

impl Caching {
    /// The value of `Cache-Control`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::Latest => "public, max-age=60, must-revalidate",
            Self::Fresh => "public, max-age=10, must-revalidate",
        }
    }
}

/// Bytes in one coding, with their entity tag.
#[derive(Clone, Debug)]
pub struct Coded {
    pub bytes: Bytes,
    /// The strong entity tag (RFC 9110 §8.8.3), with its quotes.
    pub etag: Arc<str>,
}

/// Where a file's bytes are.
#[derive(Clone, Debug)]
pub enum Content {
    /// In memory, ready in both codings.
    Memory {
        /// Uncompressed.
        identity: Coded,
        /// Compressed, if that is smaller.
        gzip: Option<Coded>,
    },
    /// In a file under `public/`: for what is superseded and rarely requested, so that memory does not grow with
    /// history.
    Disk {
        path: PathBuf,
        length: u64,
        /// The strong entity tag, the same as when it was in memory.
        etag: Arc<str>,
    },
}

/// A file, ready to be served.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub content: Content,
    pub content_type: ContentType,
    pub caching: Caching,
}

/// Below this length gzip saves nothing over its own header and `Vary`.
const MIN_GZIP: usize = 256;

fn etag(digest: &Digest, coding: &str) -> Arc<str> {
    // 128 bits of the digest: enough to prevent two bodies with one tag, and short.
    let text: String = digest.to_string().chars().take(32).collect();
    format!("\"{text}{coding}\"").into()
}

impl Prepared {
    /// Prepares bytes: compresses them where that helps and computes the entity tags.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>, content_type: ContentType, caching: Caching) -> Self {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        // Hashes do not compress.
        let gzip = (content_type != ContentType::Binary).then(|| compress(&bytes)).flatten();
        let gzip = gzip.map(|bytes| Coded { bytes, etag: etag(&digest, "-gzip") });
        let identity = Coded { bytes, etag: etag(&digest, "") };
        Self::with(Content::Memory { identity, gzip }, content_type, caching)
    }

    /// Bytes that are put together for one request, of what was prepared: as they are, with the tag of that from which
    /// they follow.
    #[must_use]
    pub fn assembled(bytes: Vec<u8>, from: &Digest, content_type: ContentType, caching: Caching) -> Self {
        let identity = Coded { bytes: bytes.into(), etag: etag(from, "") };
        Self::with(Content::Memory { identity, gzip: None }, content_type, caching)
    }

    /// Bytes that are on the disk already, named by their digest.
    #[must_use]
    pub fn on_disk(path: PathBuf, length: u64, digest: &Digest, content_type: ContentType) -> Self {
        let content = Content::Disk { path, length, etag: etag(digest, "") };
        Self::with(content, content_type, Caching::Immutable)
    }

    fn with(content: Content, content_type: ContentType, caching: Caching) -> Self {
        Self { content, content_type, caching }
    }

    /// The uncompressed bytes, if they are in memory.
    #[must_use]
    pub fn identity(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Memory { identity, .. } => Some(&identity.bytes),
            Content::Disk { .. } => None,
        }
    }

    /// The same bytes with other caching.
    #[must_use]
    pub fn cached(&self, caching: Caching) -> Self {
        Self { caching, ..self.clone() }
    }
}

fn compress(bytes: &Bytes) -> Option<Bytes> {
    if bytes.len() < MIN_GZIP {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < bytes.len()).then(|| compressed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compressed_only_where_that_is_smaller() {
        let text = Prepared::new("{\"a\":1}".repeat(200), ContentType::Json, Caching::Latest);
        let Content::Memory { identity, gzip: Some(gzip) } = &text.content else { panic!("{text:?}") };
        assert!(gzip.bytes.len() < identity.bytes.len());
        assert_ne!(gzip.etag, identity.etag, "other bytes, other tag");
        let mut read = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*gzip.bytes), &mut read).unwrap();
        assert_eq!(read.as_bytes(), identity.bytes);

        for file in [
            Prepared::new("{}", ContentType::Json, Caching::Latest),
            Prepared::new(vec![0; 8192], ContentType::Binary, Caching::Immutable),
        ] {
            assert!(matches!(file.content, Content::Memory { gzip: None, .. }));
        }
    }
}
