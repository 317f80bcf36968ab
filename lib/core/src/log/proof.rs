//! A proof that travels alone (C2SP `tlog-proof`): an entry's index, its inclusion proof and the
//! signed checkpoint, in one text file.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    Checkpoint, LogError, LogKey,
    checkpoint::{base64_digest, decimal},
    error::{excerpt, limit},
    merkle::verify_inclusion,
    note::{MAX_NOTE_BYTES, Note},
};
use crate::Digest;

/// The most `extra` bytes: a log entry fits.
pub const MAX_EXTRA_BYTES: usize = 64 * 1024;
/// The largest file that is parsed, in bytes.
pub const MAX_PROOF_BYTES: usize = MAX_NOTE_BYTES + 96 * 1024;
/// The most hashes of an inclusion proof: one for each level of a tree with 64-bit sizes.
const MAX_HASHES: usize = 64;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
const PROOF: &str = "tlog-proof";

/// The contents of a `.tlog-proof` file, verified or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// Bytes that the proof says nothing about. If they are the entry itself, hash them and
    /// [`verify`](Self::verify) the hash before use.
    pub extra: Option<Vec<u8>>,
    /// Zero-based index of the entry.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling to the root's child.
    pub hashes: Vec<Digest>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

impl LogProof {
    /// The file's text.
    #[must_use]
    pub fn encode(&self) -> String {
        let extra = self.extra.as_ref().map(|bytes| format!("extra {}\n", STANDARD.encode(bytes)));
        let hashes: String = self.hashes.iter().map(|hash| STANDARD.encode(hash.as_bytes()) + "\n").collect();
        format!("{HEADER}\n{}index {}\n{hashes}\n{}", extra.unwrap_or_default(), self.index, self.checkpoint)
    }

    /// Reads a file. Nothing is verified.
    ///
    /// # Errors
    /// More than [`MAX_PROOF_BYTES`], or not of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogError> {
        limit(PROOF, bytes.len(), MAX_PROOF_BYTES)?;
        let refused = |why: String| LogError::malformed(PROOF, why);
        let text = std::str::from_utf8(bytes)
            .map_err(|error| refused(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
        let (above, checkpoint) = text
            .split_once("\n\n")
            .ok_or_else(|| refused("no blank line between proof and checkpoint".into()))?;
        let mut lines = above.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(refused(format!("the first line is not {HEADER:?}")));
        }
        let mut extra = None;
        if let Some(encoded) = lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            let bytes =
                STANDARD.decode(encoded).map_err(|_| refused("the extra data is not base64".into()))?;
            limit("extra data of a tlog-proof", bytes.len(), MAX_EXTRA_BYTES)?;
            extra = Some(bytes);
            lines.next();
        }
        let index =
            lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal).ok_or_else(|| {
                refused("no line \"index N\" with a decimal number without leading zeroes".into())
            })?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == MAX_HASHES {
                return Err(refused(format!("more than {MAX_HASHES} hashes")));
            }
            let not_a_hash = || refused(format!("{:?} is not a SHA-256 digest in base64", excerpt(line)));
            hashes.push(base64_digest(line).ok_or_else(not_a_hash)?);
        }
        Ok(Self { extra, index, hashes, checkpoint: Note::parse(checkpoint.as_bytes())? })
    }

    /// Checks the checkpoint's signature and that the entry with this leaf hash is in its log at
    /// [`index`](Self::index). `extra` is not covered.
    ///
    /// # Errors
    /// As [`Checkpoint::open`] and [`verify_inclusion`].
    pub fn verify(&self, leaf: &Digest, origin: &str, key: &LogKey) -> Result<Checkpoint, LogError> {
        let checkpoint = Checkpoint::open_note(&self.checkpoint, origin, key)?;
        verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, &checkpoint.root)?;
        Ok(checkpoint)
    }
}
