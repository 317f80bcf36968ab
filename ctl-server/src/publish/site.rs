//! The published files: prepared once at publication, and served as they are.
//!
//! A [`Site`] maps paths to prepared files. It is immutable. The publisher derives the next one and swaps it in, so a
//! request sees one site throughout. Answering needs a lookup and reference counts; nothing is serialised or compressed
//! for a request.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ctl_core::Digest;
use ctl_core::log::{BundleId, TileId};
use ctl_core::names::ListId;
use ctl_core::paths;
use ctl_core::role::Role;
use rpds::HashTrieMapSync;
use serde_json::Value;

use super::prepared::Prepared;
use super::press::etag;

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

/// All files by path, without a leading slash. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Site {
    files: HashTrieMapSync<Arc<str>, Arc<Prepared>>,
    /// What is served of each role's latest version in which form, and what that leaves out.
    renditions: HashTrieMapSync<Role, Arc<Value>>,
    /// The body of the page that says who can charge where, by list.
    reach: HashTrieMapSync<Role, Arc<str>>,
    /// How many entries of the log have their tiles here.
    log_size: u64,
}

/// A restart of the log leaves out fewer numbers than this; further back no version is looked for.
const LEFT_OUT: usize = 10_000;

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

    /// A path at which bytes of this digest are served: of several, the one that people are given.
    #[must_use]
    pub fn path_of(&self, digest: &Digest) -> Option<&str> {
        let tag = etag(digest, "");
        let found = self.files().filter(|(_, file)| *file.etag() == *tag).map(|(path, _)| path);
        found.min_by_key(|path| (!path.starts_with("v1/"), path.contains("/versions/"), path.len(), *path))
    }

    /// Whether the file at a path has this digest; none if there is no such file.
    #[must_use]
    pub fn is_at(&self, path: &str, digest: &Digest) -> Option<bool> {
        self.file(path).map(|file| *file.etag() == *etag(digest, ""))
    }

    /// The number of the version of a list before this one; 0 if there is none. After a restart of the log numbers are
    /// left out.
    #[must_use]
    pub fn version_before(&self, list: &ListId, number: u64) -> u64 {
        let is_there = |number: &u64| self.file(&paths::LIST_VERSION.of(&[list, number])).is_some();
        (1..number).rev().take(LEFT_OUT).find(is_there).unwrap_or(0)
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

    /// The body of the page that says who can charge where by a list; none until it is computed.
    #[must_use]
    pub fn reach(&self, role: &Role) -> Option<&Arc<str>> {
        self.reach.get(role)
    }

    /// Puts that body.
    pub fn show_reach(&mut self, role: &Role, body: Arc<str>) {
        self.reach.insert_mut(role.clone(), body);
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
    use super::super::prepared::{Caching, ContentType};
    use super::*;

    #[test]
    fn the_version_before_another_is_one_that_is_there() {
        let mut site = Site::default();
        let file = Arc::new(Prepared::new(vec![7; 3], ContentType::Binary, Caching::Immutable));
        let na: ListId = "na".parse().unwrap();
        for number in [2_u64, 3, 7] {
            site.insert(&paths::LIST_VERSION.of(&[&na, &number]), file.clone());
        }
        let before = [8, 7, 3, 2, 1, 0].map(|number| site.version_before(&na, number));
        assert_eq!(before, [7, 3, 2, 0, 0, 0]);
        assert_eq!(site.version_before(&na, u64::MAX), 0, "and nobody waits for it");
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
