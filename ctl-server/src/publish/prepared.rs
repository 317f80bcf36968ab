//! A file as it is served: its bytes in each coding with their entity tags, its type, and how long it may be kept.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use ctl_core::Digest;

use super::press::{Coded, Forms, etag};

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

/// Where a file's bytes are.
#[derive(Clone, Debug)]
pub enum Content {
    /// In memory, ready in every coding.
    Memory {
        /// Uncompressed.
        identity: Coded,
        /// Compressed, where that is smaller.
        forms: Arc<Forms>,
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
    /// What it may be the dictionary for, as `Use-As-Dictionary` says it (RFC 9842 section 2.1).
    pub dictionary: Option<Arc<str>>,
}

impl Prepared {
    /// Prepares bytes with gzip alone.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>, content_type: ContentType, caching: Caching) -> Self {
        let file = Self::plain(bytes, content_type, caching);
        let forms = file.identity().filter(|_| file.compresses()).map(Forms::gzip);
        file.with_forms(forms.unwrap_or_default().into())
    }

    /// Prepares bytes as they are.
    #[must_use]
    pub fn plain(bytes: impl Into<Bytes>, content_type: ContentType, caching: Caching) -> Self {
        let bytes = bytes.into();
        let etag = etag(&Digest::of(&bytes), "");
        let identity = Coded { bytes, etag };
        Self::with(Content::Memory { identity, forms: Arc::default() }, content_type, caching)
    }

    /// The same with these forms.
    #[must_use]
    pub fn with_forms(mut self, made: Arc<Forms>) -> Self {
        if let Content::Memory { forms, .. } = &mut self.content {
            *forms = made;
        }
        self
    }

    /// The same, and the dictionary for what is later found at paths of this pattern.
    #[must_use]
    pub fn dictionary_for(self, pattern: &str) -> Self {
        Self { dictionary: Some(format!("match=\"{pattern}\"").into()), ..self }
    }

    /// Whether compressing it may help: hashes do not compress.
    #[must_use]
    pub fn compresses(&self) -> bool {
        self.content_type != ContentType::Binary
    }

    /// Bytes that are put together for one request, of what was prepared: as they are, with the tag of that from which
    /// they follow.
    #[must_use]
    pub fn assembled(bytes: Vec<u8>, from: &Digest, content_type: ContentType, caching: Caching) -> Self {
        let identity = Coded { bytes: bytes.into(), etag: etag(from, "") };
        Self::with(Content::Memory { identity, forms: Arc::default() }, content_type, caching)
    }

    /// Bytes that are on the disk already, named by their digest.
    #[must_use]
    pub fn on_disk(path: PathBuf, length: u64, digest: &Digest, content_type: ContentType) -> Self {
        let content = Content::Disk { path, length, etag: etag(digest, "") };
        Self::with(content, content_type, Caching::Immutable)
    }

    fn with(content: Content, content_type: ContentType, caching: Caching) -> Self {
        Self { content, content_type, caching, dictionary: None }
    }

    /// The uncompressed bytes, if they are in memory.
    #[must_use]
    pub fn identity(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Memory { identity, .. } => Some(&identity.bytes),
            Content::Disk { .. } => None,
        }
    }

    /// The entity tag of its uncompressed bytes.
    #[must_use]
    pub fn etag(&self) -> &str {
        match &self.content {
            Content::Memory { identity, .. } => &identity.etag,
            Content::Disk { etag, .. } => etag,
        }
    }

    /// The same bytes with other caching. What is soon stale is nobody's dictionary.
    #[must_use]
    pub fn cached(&self, caching: Caching) -> Self {
        Self { caching, dictionary: None, ..self.clone() }
    }
}
