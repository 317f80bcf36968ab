//! The paths at which a scheme is served, each written once: servers have them as patterns in their tables of routes, and
//! whoever asks fills in the parts.

use std::fmt::Display;

use crate::Digest;

/// A path; a name in braces stands for any one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path(&'static str);

pub const STATEMENTS: Path = Path("/v1/statements");
pub const BLOB: Path = Path("/v1/blobs/{digest}");
pub const DRAFT: Path = Path("/v1/drafts/{role}");
pub const SIGNATURES: Path = Path("/v1/drafts/{role}/signatures");
pub const LIST: Path = Path("/v1/lists/{list}");
pub const LIST_VERSION: Path = Path("/v1/lists/{list}/versions/{version}");
pub const INTEROP: Path = Path("/v1/lists/{list}/interop");
/// A file of the log, by its path in the layout of tlog-tiles.
pub const LOG: Path = Path("/log/{file}");
pub const CHECKPOINT: Path = Path("/log/checkpoint");
pub const METADATA: Path = Path("/tuf/metadata/{file}");
pub const TIMESTAMP: Path = Path("/tuf/metadata/timestamp.json");
pub const TARGET: Path = Path("/tuf/targets/{file}");

impl Path {
    /// As a table of routes has it.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        self.0
    }

    /// Without the first slash, as files are named and addresses are joined.
    #[must_use]
    pub const fn plain(self) -> &'static str {
        self.0.split_at(1).1
    }

    /// What stands before the first part that is to be filled in; plain.
    #[must_use]
    pub fn start(self) -> &'static str {
        self.plain().split('{').next().unwrap_or_default()
    }

    /// The plain path with these parts filled in, in their order.
    #[must_use]
    pub fn of(self, parts: &[&dyn Display]) -> String {
        let mut path = self.start().to_owned();
        for (part, from_name) in parts.iter().zip(self.plain().split('{').skip(1)) {
            path += &part.to_string();
            path += from_name.split_once('}').map_or("", |(_, after)| after);
        }
        path
    }
}

/// A text outside the log.
#[must_use]
pub fn blob(digest: &Digest) -> String {
    BLOB.of(&[digest])
}

/// A version of a role's metadata.
#[must_use]
pub fn metadata(version: u64, role: impl Display) -> String {
    METADATA.of(&[&format_args!("{version}.{role}.json")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_where_the_pattern_names_them() {
        assert_eq!(LIST_VERSION.of(&[&"na", &7]), "v1/lists/na/versions/7");
        assert_eq!(SIGNATURES.of(&[&"root"]), "v1/drafts/root/signatures");
        assert_eq!(metadata(3, "snapshot"), "tuf/metadata/3.snapshot.json");
        assert_eq!((CHECKPOINT.of(&[]), METADATA.start()), (CHECKPOINT.plain().into(), "tuf/metadata/"));
    }
}
