//! The published files: prepared once at publication, and served as they are.
//!
//! A [`Site`] maps paths to prepared files. It is immutable. The publisher derives the next one and swaps it in, so a
//! request sees one site throughout. Answering needs a lookup and reference counts; nothing is serialised or compressed
//! for a request.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use ctl_core::Digest;
use ctl_core::log::{BundleId, TileId};
use ctl_core::paths;
use ctl_core::role::Role;
use flate2::{Compression, write::GzEncoder};
use rpds::HashTrieMapSync;
use serde_json::Value;

/// The kinds of static files, as metrics and logs name them: one pattern for many paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// TUF metadata.
    TufMetadata,
    /// TUF targets.
    TufTargets,
    /// The log's checkpoint.
    Checkpoint,
    /// Hash tiles and entry bundles.
    Tile,
    /// The latest version of a list in one of its renditions.
    List,
    /// The proof of the latest version of a list.
    ListProof,
    /// One version of a list, or its proof.
    ListVersion,
    /// Which vehicles can charge at which chargers, by the latest version of a list.
    Interop,
    /// The MO registry's renditions and proofs.
    Registry,
    /// The suspension notices' renditions and proofs.
    Notices,
}

impl Route {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::TufMetadata,
        Self::TufTargets,
        Self::Checkpoint,
        Self::Tile,
        Self::List,
        Self::ListProof,
        Self::ListVersion,
        Self::Interop,
        Self::Registry,
        Self::Notices,
    ];

    /// The path pattern.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TufMetadata => paths::METADATA.pattern(),
            Self::TufTargets => paths::TARGET.pattern(),
            Self::Checkpoint => paths::CHECKPOINT.pattern(),
            Self::Tile => "/log/tile/{tile}",
            Self::List => "/v1/lists/{list}/ctl.{format}",
            Self::ListProof => "/v1/lists/{list}/tlog-proof",
            Self::ListVersion => paths::LIST_VERSION.pattern(),
            Self::Interop => paths::INTEROP.pattern(),
            Self::Registry => "/v1/registry/{file}",
            Self::Notices => "/v1/notices/{file}",
        }
    }

    /// The kind of the file at a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        if path.starts_with(paths::METADATA.start()) {
            Self::TufMetadata
        } else if path.starts_with(paths::TARGET.start()) {
            Self::TufTargets
        } else if path.starts_with("log/tile/") {
            Self::Tile
        } else if path.starts_with("v1/registry/") {
            Self::Registry
        } else if path.starts_with("v1/notices/") {
            Self::Notices
        } else if path.contains("/versions/") {
            Self::ListVersion
        } else if path.ends_with("/interop") || path.ends_with("/interop.svg") {
            Self::Interop
        } else if path.ends_with("/tlog-proof") {
            Self::ListProof
        } else if path == paths::CHECKPOINT.plain() {
            Self::Checkpoint
        } else {
            Self::List
        }
    }
}

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

/// All files by path, without a leading slash. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Site {
    files: HashTrieMapSync<Arc<str>, Arc<Prepared>>,
    /// What is served of each role's latest version in which form, and what that leaves out.
    renditions: HashTrieMapSync<Role, Arc<Value>>,
    /// How many entries of the log have their tiles here.
    log_size: u64,
}

/// What is at a path of the site.
#[derive(Clone, Debug)]
pub enum Found {
    /// A prepared file.
    File(Arc<Prepared>),
    /// The beginning of a file: a partial tile or bundle of an earlier size of the log.
    Beginning(Arc<Prepared>, BeginningOf),
}

/// How much of a tile or bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginningOf {
    /// This many bytes of a hash tile.
    Tile(usize),
    /// This many entries of an entry bundle.
    Bundle(u16),
}

impl Site {
    /// The file at this path (without a leading slash).
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Found> {
        if let Some(file) = self.files.get(path) {
            return Some(Found::File(file.clone()));
        }
        self.earlier_tile(path.strip_prefix(paths::LOG.start())?)
    }

    /// Readers of an earlier checkpoint ask for narrower partial tiles, which are the beginnings of the present ones
    /// (tlog-tiles, "Partial Tiles").
    fn earlier_tile(&self, path: &str) -> Option<Found> {
        let (wider, part) = if let Ok(tile) = TileId::parse(path) {
            let hashes = self.log_size.checked_shr(u32::from(tile.level) * 8).unwrap_or(0);
            let width = current_width(tile.index, hashes, tile.width)?;
            (TileId { width, ..tile }.path(), BeginningOf::Tile(usize::from(tile.width) * 32))
        } else {
            let bundle = BundleId::parse(path).ok()?;
            let width = current_width(bundle.index, self.log_size, bundle.width)?;
            (BundleId { width, ..bundle }.path(), BeginningOf::Bundle(bundle.width))
        };
        let file = self.files.get(paths::LOG.of(&[&wider]).as_str())?;
        Some(Found::Beginning(file.clone(), part))
    }

    /// The prepared file at exactly this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&Arc<Prepared>> {
        self.files.get(path)
    }

    /// Every path with its file, in no particular order.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Arc<Prepared>)> {
        self.files.iter().map(|(path, file)| (&**path, file))
    }

    /// Puts a file at a path.
    pub fn insert(&mut self, path: &str, file: Arc<Prepared>) {
        self.files.insert_mut(path.into(), file);
    }

    /// Removes a path.
    pub fn remove(&mut self, path: &str) {
        self.files.remove_mut(path);
    }

    /// What is served of a role's latest version in which form, as JSON; none if nothing is published.
    #[must_use]
    pub fn renditions(&self, role: &Role) -> Option<&Value> {
        self.renditions.get(role).map(|described| &**described)
    }

    /// Says what is served of a role's latest version.
    pub fn describe(&mut self, role: &Role, renditions: Value) {
        self.renditions.insert_mut(role.clone(), Arc::new(renditions));
    }

    /// How many entries of the log have their tiles here.
    #[must_use]
    pub const fn log_size(&self) -> u64 {
        self.log_size
    }

    /// Sets how many entries of the log have their tiles here.
    pub const fn set_log_size(&mut self, size: u64) {
        self.log_size = size;
    }
}

/// The present width of a tile, if it is wider than what was asked for.
fn current_width(index: u64, count: u64, asked: u16) -> Option<u16> {
    let width = count.saturating_sub(index.checked_mul(256)?).min(256) as u16;
    (width > asked).then_some(width)
}

/// The served site; the publisher swaps in the next one.
pub type SharedSite = Arc<ArcSwap<Site>>;

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

    #[test]
    fn partial_tiles_of_earlier_sizes_are_beginnings_of_what_there_is() {
        let mut site = Site::default();
        let file = Arc::new(Prepared::new(vec![7; 300], ContentType::Binary, Caching::Immutable));
        for path in ["log/tile/0/000", "log/tile/0/001.p/44", "log/tile/entries/001.p/44"] {
            site.insert(path, file.clone());
        }
        site.set_log_size(300);
        let beginning = |path: &str| match site.get(path) {
            Some(Found::Beginning(_, part)) => Some(part),
            _ => None,
        };
        assert_eq!(beginning("log/tile/0/000.p/5"), Some(BeginningOf::Tile(160)));
        assert_eq!(beginning("log/tile/0/001.p/43"), Some(BeginningOf::Tile(43 * 32)));
        assert_eq!(beginning("log/tile/entries/001.p/1"), Some(BeginningOf::Bundle(1)));
        for absent in ["log/tile/0/001.p/45", "log/tile/0/001", "log/tile/0/002.p/1", "log/tile/0/1", "x"] {
            assert!(site.get(absent).is_none(), "{absent}");
        }
        assert!(matches!(site.get("log/tile/0/001.p/44"), Some(Found::File(_))));
    }
}
