//! Tiles (C2SP `tlog-tiles`): the tree's hashes and the entries as immutable files of 256 each.

use std::fmt;
use std::ops::Range;

use super::{
    LogError, MAX_ENTRY_BYTES, Tree,
    checkpoint::decimal,
    error::{excerpt, limit},
    shape::Node,
};
use crate::Digest;

/// Hashes in a full tile, entries in a full bundle.
pub const FULL_WIDTH: u16 = 256;
/// The size of a full tile in bytes.
pub const MAX_TILE_BYTES: usize = 256 * 32;
/// The largest entry bundle in bytes: 256 entries with their length prefixes.
pub const MAX_BUNDLE_BYTES: usize = 256 * (MAX_ENTRY_BYTES + 2);

/// Levels of the tree that one tile spans.
pub(super) const TILE_HEIGHT: u32 = 8;
/// `tlog-tiles` numbers levels up to here; sizes of 64 bits need only eight of them.
const MAX_LEVEL: u8 = 63;
/// Longer than any path of a 64-bit index.
const MAX_PATH_BYTES: usize = 64;

/// Names one tile of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for leaf hashes; each hash of a level is the root of a full tile of the level below.
    pub level: u8,
    /// Place of the tile within its level.
    pub index: u64,
    /// Number of hashes: 256, or less in the rightmost tile of a level.
    pub width: u16,
}

/// Names one bundle of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    /// Place of the bundle: its first entry is number `256 * index`.
    pub index: u64,
    /// Number of entries: 256, or less in the rightmost bundle.
    pub width: u16,
}

impl TileId {
    /// The path below the log's prefix: `tile/<L>/<N>`, with `.p/<W>` if partial.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, place(self.index, self.width))
    }

    /// Reads a path of [`TileId::path`]; only the one canonical form.
    ///
    /// # Errors
    /// Not the path of a tile.
    pub fn parse(path: &str) -> Result<Self, LogError> {
        let parsed = path.strip_prefix("tile/").filter(|_| path.len() <= MAX_PATH_BYTES).and_then(|rest| {
            let (level, rest) = rest.split_once('/')?;
            let level = u8::try_from(decimal(level)?).ok().filter(|level| *level <= MAX_LEVEL)?;
            let (index, width) = parse_place(rest)?;
            Some(Self { level, index, width })
        });
        parsed.ok_or_else(|| LogError::malformed("tile path", format!("{:?}", excerpt(path))))
    }

    /// Whether a log of this size has the tile. True for every narrower partial tile too.
    #[must_use]
    pub fn exists_in(&self, size: u64) -> bool {
        exists(self.index, self.width, hashes_at(self.level, size))
    }

    /// The tile of the log of this size that holds the node, at its width in that log.
    pub(super) fn holding(node: Node, size: u64) -> Self {
        let level = (node.level / TILE_HEIGHT) as u8;
        let index = (node.index << (node.level % TILE_HEIGHT)) >> TILE_HEIGHT;
        Self { level, index, width: width(index, hashes_at(level, size)) }
    }

    /// The same tile when its 256 hashes are complete: what to fetch when the log has deleted the
    /// partial one.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: FULL_WIDTH, ..self }
    }

    /// The tile's bytes.
    ///
    /// # Errors
    /// The tree has no such tile.
    pub fn bytes(&self, tree: &Tree) -> Result<Vec<u8>, LogError> {
        if !self.exists_in(tree.size()) {
            return Err(LogError::MissingTile(*self));
        }
        let level = u32::from(self.level) * TILE_HEIGHT;
        let first = self.index << TILE_HEIGHT;
        let mut bytes = Vec::with_capacity(usize::from(self.width) * 32);
        for index in first..first + u64::from(self.width) {
            bytes.extend_from_slice(tree.node(Node { level, index })?.as_bytes());
        }
        Ok(bytes)
    }

    /// Reads a tile's bytes. They prove nothing until a root has been computed from them.
    ///
    /// # Errors
    /// Not exactly as many hashes as the tile is wide.
    pub fn hashes(&self, bytes: &[u8]) -> Result<Vec<Digest>, LogError> {
        limit("tile", bytes.len(), MAX_TILE_BYTES)?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if hashes.len() != usize::from(self.width) || !rest.is_empty() {
            let why = format!("{} has {} bytes, expected {} hashes", self.path(), bytes.len(), self.width);
            return Err(LogError::malformed("tile", why));
        }
        Ok(hashes.iter().copied().map(Digest::from_bytes).collect())
    }

    /// The tiles that a log needs to serve at `newer` entries and did not at `older`: all of them
    /// from 0, or what one append changes.
    #[must_use]
    pub fn added(older: u64, newer: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        for level in 0..=MAX_LEVEL {
            let (before, after) = (hashes_at(level, older), hashes_at(level, newer));
            if after == 0 {
                break;
            }
            tiles.extend(places(before, after).map(|(index, width)| Self { level, index, width }));
        }
        tiles
    }
}

impl BundleId {
    /// The path below the log's prefix: `tile/entries/<N>`, with `.p/<W>` if partial.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/entries/{}", place(self.index, self.width))
    }

    /// Reads a path of [`BundleId::path`]; only the one canonical form.
    ///
    /// # Errors
    /// Not the path of an entry bundle.
    pub fn parse(path: &str) -> Result<Self, LogError> {
        path.strip_prefix("tile/entries/")
            .filter(|_| path.len() <= MAX_PATH_BYTES)
            .and_then(parse_place)
            .map(|(index, width)| Self { index, width })
            .ok_or_else(|| LogError::malformed("entry bundle path", format!("{:?}", excerpt(path))))
    }

    /// Whether a log of this size has the bundle. True for every narrower partial bundle too.
    #[must_use]
    pub fn exists_in(&self, size: u64) -> bool {
        exists(self.index, self.width, size)
    }

    /// The indices of its entries. Empty if the index is beyond every possible log.
    #[must_use]
    pub fn entries(&self) -> Range<u64> {
        let first = self.index.saturating_mul(u64::from(FULL_WIDTH));
        first..first.saturating_add(u64::from(self.width))
    }

    /// The bundles that hold the entries `older..newer`, at their width in a log of `newer` entries.
    #[must_use]
    pub fn added(older: u64, newer: u64) -> Vec<Self> {
        places(older, newer).map(|(index, width)| Self { index, width }).collect()
    }

    /// The bundle's bytes: each entry after its length in two bytes, big-endian.
    ///
    /// # Errors
    /// Not as many entries as the bundle is wide, or one is larger than [`MAX_ENTRY_BYTES`].
    pub fn encode<E: AsRef<[u8]>>(&self, entries: &[E]) -> Result<Vec<u8>, LogError> {
        if entries.len() != usize::from(self.width) {
            let why = format!("{} entries for {}", entries.len(), self.path());
            return Err(LogError::malformed("entry bundle", why));
        }
        let mut bytes = Vec::new();
        for entry in entries.iter().map(AsRef::as_ref) {
            limit("log entry", entry.len(), MAX_ENTRY_BYTES)?;
            // Lossless: the limit is below 2^16.
            bytes.extend_from_slice(&(entry.len() as u16).to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Ok(bytes)
    }

    /// The entries of a bundle, in order. They prove nothing until their leaf hashes have been
    /// checked.
    ///
    /// # Errors
    /// Not exactly as many entries as the bundle is wide, or one is larger than [`MAX_ENTRY_BYTES`].
    pub fn decode<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, LogError> {
        limit("entry bundle", bytes.len(), MAX_BUNDLE_BYTES)?;
        let refused = |why: String| LogError::malformed("entry bundle", format!("{}: {why}", self.path()));
        let mut entries = Vec::new();
        let mut rest = bytes;
        for number in 0..self.width {
            let cut = || refused(format!("ends within entry {number} of {}", self.width));
            let (length, after) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
            let length = usize::from(u16::from_be_bytes(*length));
            limit("log entry", length, MAX_ENTRY_BYTES)?;
            let (entry, after) = after.split_at_checked(length).ok_or_else(cut)?;
            entries.push(entry);
            rest = after;
        }
        if rest.is_empty() { Ok(entries) } else { Err(refused(format!("{} bytes too many", rest.len()))) }
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// How many hashes a tile level has in a log of this size.
fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * TILE_HEIGHT).unwrap_or(0)
}

/// The width of the tile at this place in a level of `count` hashes; 0 if it does not exist.
fn width(index: u64, count: u64) -> u16 {
    let before = index.saturating_mul(u64::from(FULL_WIDTH));
    count.saturating_sub(before).min(u64::from(FULL_WIDTH)) as u16
}

fn exists(index: u64, wanted: u16, count: u64) -> bool {
    wanted > 0 && wanted <= width(index, count)
}

/// Index and width of the tiles that hold the items `before..after` of a level.
fn places(before: u64, after: u64) -> impl Iterator<Item = (u64, u16)> {
    let full = u64::from(FULL_WIDTH);
    let end = if before < after { after.div_ceil(full) } else { 0 };
    (before / full..end).map(move |index| (index, width(index, after)))
}

/// Index in groups of three digits, all but the last after an `x`; and the width if partial.
fn place(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width == FULL_WIDTH { path } else { format!("{path}.p/{width}") }
}

fn parse_place(text: &str) -> Option<(u64, u16)> {
    let (path, width) = match text.split_once(".p/") {
        Some((path, width)) => {
            let width = u16::try_from(decimal(width)?).ok()?;
            (path, Some(width).filter(|width| (1..FULL_WIDTH).contains(width))?)
        }
        None => (text, FULL_WIDTH),
    };
    let mut index: u64 = 0;
    for group in path.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    // Whatever else was wrong with it: there is one way to write a place.
    (place(index, width) == text).then_some((index, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        // The examples of tlog-tiles, and the corners.
        let full = TileId { level: 0, index: 1_234_067, width: 256 };
        assert_eq!(full.path(), "tile/0/x001/x234/067");
        let partial = TileId { level: 1, index: 1, width: 17 };
        assert_eq!(partial.path(), "tile/1/001.p/17");
        let far = TileId { level: 63, index: u64::MAX, width: 1 };
        assert_eq!(far.path(), "tile/63/x018/x446/x744/x073/x709/x551/615.p/1");
        let bundle = BundleId { index: 1000, width: 255 };
        assert_eq!(bundle.path(), "tile/entries/x001/000.p/255");
        for tile in [full, partial, far] {
            assert_eq!(TileId::parse(&tile.path()), Ok(tile));
        }
        assert_eq!(BundleId::parse(&bundle.path()), Ok(bundle));
    }

    #[test]
    fn every_tile_has_one_path() {
        for path in [
            "tile/0/1",
            "tile/0/0001",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/x001/x002",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/07",
            "tile/0/001.p/",
            "tile/0/+01",
            "tile/0/-01",
            "tile/00/001",
            "tile/64/001",
            "tile/-1/001",
            "tile/0/",
            "tile/0/../0/001",
            "tile/0/001/",
            "tile/entries/001",
            "/tile/0/001",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(TileId::parse(path).is_err(), "{path}");
        }
        assert!(BundleId::parse("tile/0/001").is_err());
        assert!(BundleId::parse("tile/entries/x00/001").is_err());
    }

    #[test]
    fn a_log_of_seventy_thousand_entries_has_the_tiles_of_the_specification() {
        let tiles = TileId::added(0, 70_000);
        let of = |level, width| tiles.iter().filter(|t| t.level == level && t.width == width).count();
        assert_eq!((of(0, 256), of(0, 112)), (273, 1));
        assert_eq!((of(1, 256), of(1, 17)), (1, 1));
        assert_eq!(of(2, 1), 1);
        assert_eq!(tiles.len(), 277);
        assert!(tiles.iter().all(|tile| tile.exists_in(70_000)));

        let small = [TileId { level: 0, index: 0, width: 256 }, TileId { level: 1, index: 0, width: 1 }];
        assert_eq!(TileId::added(0, 256), small);
    }

    #[test]
    fn an_append_adds_the_tiles_that_it_changes() {
        let tile = |level, index, width| TileId { level, index, width };
        assert_eq!(TileId::added(255, 256), [tile(0, 0, 256), tile(1, 0, 1)]);
        assert_eq!(TileId::added(256, 257), [tile(0, 1, 1)]);
        assert_eq!(TileId::added(257, 257), []);
        assert_eq!(
            BundleId::added(250, 600).iter().map(|b| (b.index, b.width)).collect::<Vec<_>>(),
            [(0, 256), (1, 256), (2, 88)]
        );
        assert_eq!(BundleId { index: 2, width: 88 }.entries(), 512..600);
    }

    #[test]
    fn only_what_a_size_requires_exists() {
        let tile = |index, width| TileId { level: 0, index, width };
        assert!(tile(0, 256).exists_in(300));
        assert!(tile(1, 44).exists_in(300));
        assert!(tile(1, 1).exists_in(300));
        assert!(!tile(1, 45).exists_in(300));
        assert!(!tile(1, 0).exists_in(300));
        assert!(!tile(2, 1).exists_in(300));
        assert!(!tile(u64::MAX, 1).exists_in(u64::MAX));
        assert!(!TileId { level: 8, index: 0, width: 1 }.exists_in(u64::MAX));
        assert!(tile(1, 45).bytes(&Tree::new()).is_err());
    }

    #[test]
    fn bundles_keep_their_entries_and_refuse_the_rest() {
        let bundle = BundleId { index: 0, width: 3 };
        let largest = vec![b'x'; MAX_ENTRY_BYTES];
        let entries = [b"one".as_slice(), b"", &largest];
        let bytes = bundle.encode(&entries).unwrap();
        assert_eq!(bytes[..5], [0, 3, b'o', b'n', b'e']);
        assert_eq!(bundle.decode(&bytes).unwrap(), entries);

        assert!(bundle.encode(&entries[..2]).is_err());
        assert!(bundle.encode(&[b"".as_slice(), b"", &[0; MAX_ENTRY_BYTES + 1]]).is_err());
        assert!(bundle.decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(bundle.decode(&[bytes.as_slice(), b"\0\0"].concat()).is_err());
        assert!(BundleId { width: 2, ..bundle }.decode(&bytes).is_err());
        assert!(BundleId { width: 4, ..bundle }.decode(&bytes).is_err());
        let over = [&(MAX_ENTRY_BYTES as u16 + 1).to_be_bytes()[..], &[0; MAX_ENTRY_BYTES + 1]].concat();
        assert!(BundleId { index: 0, width: 1 }.decode(&over).is_err());
    }
}
