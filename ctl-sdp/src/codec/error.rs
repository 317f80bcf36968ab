//! Why a datagram is no message.

use super::{Kind, MAX_IDENTIFIERS};
use crate::identifier::IdentifierError;

/// Why a datagram is no message: what was found, and what should be there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("{found} bytes: a V2GTP header alone has 8")]
    Header { found: usize },
    #[error("begins with {found:02x?}, not with version 1 of V2GTP (01 fe)")]
    Version { found: [u8; 2] },
    #[error("payload type {found:#06x}: those of SDP are 0x9000 to 0x9005")]
    Kind { found: u16 },
    #[error("the header says {said} bytes of payload; there are {found}")]
    Length { said: u32, found: usize },
    #[error("{kind:?} with {found} bytes of payload, not {expected}")]
    Size { kind: Kind, expected: &'static str, found: usize },
    #[error("security {found:#04x}: 0x00 is TLS, 0x10 none")]
    Security { found: u8 },
    #[error("transport {found:#04x}: 0x00 is TCP, 0x10 UDP")]
    Transport { found: u8 },
    #[error("the identifiers are no text")]
    Text,
    #[error("more than {MAX_IDENTIFIERS} identifiers")]
    TooMany,
    #[error("identifier {number}: {error}")]
    Identifier {
        /// Counted from one.
        number: usize,
        error: IdentifierError,
    },
}

impl CodecError {
    /// One word for counting.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Header { .. } | Self::Version { .. } => "header",
            Self::Kind { .. } => "type",
            Self::Length { .. } | Self::Size { .. } => "length",
            Self::Security { .. } | Self::Transport { .. } => "security",
            Self::Text | Self::Identifier { .. } => "identifier",
            Self::TooMany => "too-many",
        }
    }
}
