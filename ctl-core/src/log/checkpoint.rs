//! Checkpoints (C2SP `tlog-checkpoint`): what the log's key says about its size and root; and the
//! cosignatures of witnesses (C2SP `tlog-cosignature`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};

use super::{
    LogError, LogKey, WitnessKey,
    error::excerpt,
    merkle::empty_root,
    note::{MAX_NAME_BYTES, Note, WitnessRole, verifies},
};
use crate::{Digest, Timestamp};

const CHECKPOINT: &str = "checkpoint";

/// The head of a log: how many entries it has, and the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log; a name like `ctl.example.org/log`, at most 255 bytes.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Digest,
}

impl Checkpoint {
    /// The three lines that are signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }

    /// Signs the checkpoint with the log's key, whose name is the origin.
    ///
    /// The caller answers for what the signature says: never sign two checkpoints of which one is not
    /// a beginning of the other.
    ///
    /// # Errors
    /// The origin cannot be a key name: see [`super::note::NoteKey::new`].
    pub fn sign(&self, key: &SigningKey) -> Result<Note, LogError> {
        let mut note = Note::new(self.text())?;
        note.sign(&self.origin, key)?;
        Ok(note)
    }

    /// Reads and verifies a signed checkpoint of the log `origin`. Extension lines are covered by the
    /// signature and otherwise ignored.
    ///
    /// # Errors
    /// Not a signed note, not signed by `key`, of another log, or not a checkpoint.
    pub fn open(note: &[u8], origin: &str, key: &LogKey) -> Result<Self, LogError> {
        Self::open_note(&Note::parse(note)?, origin, key)
    }

    /// As [`Checkpoint::open`], from a note that is parsed already.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open_note(note: &Note, origin: &str, key: &LogKey) -> Result<Self, LogError> {
        note.verify(key)?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin != origin {
            return Err(LogError::WrongOrigin {
                expected: origin.to_owned(),
                found: excerpt(&checkpoint.origin),
            });
        }
        Ok(checkpoint)
    }

    /// Reads the text of a checkpoint. It proves nothing: use [`Checkpoint::open`] for bytes from
    /// outside.
    ///
    /// # Errors
    /// The text is not of the format.
    pub fn parse(text: &str) -> Result<Self, LogError> {
        let refused = |why: &str| LogError::malformed(CHECKPOINT, why);
        let body = text.strip_suffix('\n').ok_or_else(|| refused("no newline at the end"))?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(refused("fewer than three lines"));
        };
        if origin.is_empty() || origin.len() > MAX_NAME_BYTES {
            return Err(refused("the origin is empty or longer than 255 bytes"));
        }
        if lines.any(str::is_empty) {
            return Err(refused("an extension line is empty"));
        }
        let size = decimal(size)
            .ok_or_else(|| refused("the size is not a decimal number without leading zeroes"))?;
        let root =
            base64_digest(root).ok_or_else(|| refused("the root is not a SHA-256 digest in base64"))?;
        if size == 0 && root != empty_root() {
            return Err(refused("a log without entries has the SHA-256 of nothing as its root"));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// A witness saw this checkpoint, at this time, as the largest of a log that had only grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// Name of the witness.
    pub name: String,
    /// When, by the witness's clock.
    pub time: Timestamp,
}

/// Cosigns a checkpoint as the witness `name`. The witness must have checked it before: signed by the
/// log, and consistent with the last one that it cosigned.
///
/// # Errors
/// The note's text is no checkpoint, the time lies before 1970, or the name cannot be a key name.
pub fn cosign(note: &mut Note, name: &str, key: &SigningKey, time: Timestamp) -> Result<(), LogError> {
    Checkpoint::parse(note.text())?;
    let seconds = u64::try_from(time.unix())
        .map_err(|_| LogError::malformed("cosignature", "its time lies before 1970"))?;
    let signature = key.sign(&cosigned_message(seconds, note.text()));
    let mut bytes = seconds.to_be_bytes().to_vec();
    bytes.extend_from_slice(&signature.to_bytes());
    note.add::<WitnessRole>(name, &key.verifying_key(), bytes)
}

/// The valid cosignatures of these witnesses, at most one (the latest) for each distinct public key:
/// a witness listed under two names, or signing twice, counts once.
///
/// A line that names a witness and does not verify counts for nothing, but does not refuse the note:
/// the threshold decides, so no single witness can withhold checkpoints from everyone.
#[must_use]
pub fn cosignatures(note: &Note, witnesses: &[WitnessKey]) -> Vec<Cosignature> {
    let mut counted: Vec<(&WitnessKey, Cosignature)> = Vec::new();
    for witness in witnesses {
        let latest = note
            .signatures()
            .iter()
            .filter(|signature| witness.owns(signature))
            .filter_map(|signature| cosigned_at(note, witness, &signature.bytes))
            .max();
        let Some(time) = latest else { continue };
        match counted.iter_mut().find(|(known, _)| known.public_key() == witness.public_key()) {
            Some((_, known)) => known.time = known.time.max(time),
            None => counted.push((witness, Cosignature { name: witness.name().to_owned(), time })),
        }
    }
    counted.into_iter().map(|(_, cosignature)| cosignature).collect()
}

/// The time of the cosignature, if it is this witness's.
fn cosigned_at(note: &Note, witness: &WitnessKey, bytes: &[u8]) -> Option<Timestamp> {
    let (seconds, signature) = bytes.split_first_chunk::<8>()?;
    let seconds = u64::from_be_bytes(*seconds);
    let time = Timestamp::from_unix(i64::try_from(seconds).ok()?);
    verifies(witness.public_key(), &cosigned_message(seconds, note.text()), signature).then_some(time)
}

fn cosigned_message(seconds: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{text}").into_bytes()
}

/// An ASCII decimal number without sign or leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// A digest in standard base64 with padding.
pub(super) fn base64_digest(text: &str) -> Option<Digest> {
    // Decoding allocates by the length of the text, which the caller's limit bounds.
    let bytes = STANDARD.decode(text).ok()?;
    Some(Digest::from_bytes(bytes.try_into().ok()?))
}
