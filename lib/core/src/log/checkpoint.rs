//! Checkpoints (C2SP `tlog-checkpoint`): what the log's key says about its size and root; and the
//! cosignatures of witnesses (C2SP `tlog-cosignature`).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    LogError, LogKey, WitnessKey,
    error::excerpt,
    merkle::empty_root,
    note::{MAX_NAME_BYTES, Note, WitnessRole, verifies},
};
use crate::signer::{self, Signer};
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
    /// The origin cannot be a key name: see [`super::note::NoteKey::new`]. Or the key does not sign, or is not
    /// Ed25519.
    pub fn sign<S: Signer + ?Sized>(&self, signer: &S) -> Result<Note, LogError> {
        let mut note = Note::new(self.text())?;
        note.sign(&self.origin, signer)?;
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
/// The note's text is no checkpoint, the time lies before 1970, or the name cannot be a key name. Or the key
/// does not sign, or is not Ed25519.
pub fn cosign<S: Signer + ?Sized>(
    note: &mut Note,
    name: &str,
    signer: &S,
    time: Timestamp,
) -> Result<(), LogError> {
    Checkpoint::parse(note.text())?;
    let seconds = u64::try_from(time.unix())
        .map_err(|_| LogError::malformed("cosignature", "its time lies before 1970"))?;
    let (key, signature) = signer::note(signer, &cosigned_message(seconds, note.text()))?;
    let mut bytes = seconds.to_be_bytes().to_vec();
    bytes.extend_from_slice(&signature);
    note.add::<WitnessRole>(name, &key, bytes)
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

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    /// A checkpoint of a public Certificate Transparency log, signed by the log and cosigned by
    /// witnesses of the public witness network: made by implementations that are not ours.
    const PUBLIC: &str = "\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
";
    const ORIGIN: &str = "arche2025h1.staging.ct.transparency.dev";
    const LOG: &str =
        "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
    const WITNESSES: [&str; 4] = [
        "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
        "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    ];

    #[test]
    fn a_public_logs_checkpoint_and_its_witnesses_verify() {
        let checkpoint = Checkpoint::open(PUBLIC.as_bytes(), ORIGIN, &LOG.parse().unwrap()).unwrap();
        assert_eq!(checkpoint.size, 1_432_088_532);
        assert!(PUBLIC.starts_with(&checkpoint.text()));

        let note = Note::parse(PUBLIC.as_bytes()).unwrap();
        assert_eq!(note.to_string(), PUBLIC);
        let witnesses: Vec<WitnessKey> = WITNESSES.iter().map(|key| key.parse().unwrap()).collect();
        let seen = cosignatures(&note, &witnesses);
        assert_eq!(seen.len(), 4);
        assert!(seen.iter().all(|cosignature| cosignature.time == Timestamp::from_unix(0x6a12_2120)));
        assert_eq!(cosignatures(&note, &witnesses[..1]).len(), 1);

        let grown = PUBLIC.replace("1432088532", "1432088533");
        let log = LOG.parse().unwrap();
        assert_eq!(
            Checkpoint::open(grown.as_bytes(), ORIGIN, &log),
            Err(LogError::BadSignature { name: ORIGIN.into() })
        );
        assert_eq!(cosignatures(&Note::parse(grown.as_bytes()).unwrap(), &witnesses), []);
    }

    #[test]
    fn extension_lines_are_signed_and_ignored() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let log = LogKey::new("example.org/log", key.verifying_key()).unwrap();
        let checkpoint = Checkpoint { origin: "example.org/log".into(), size: 3, root: Digest::of(b"root") };
        let mut note = Note::new(format!("{}an extension\n", checkpoint.text())).unwrap();
        note.sign("example.org/log", &key).unwrap();
        assert_eq!(Checkpoint::open_note(&note, "example.org/log", &log), Ok(checkpoint));
        let cut = note.to_string().replace("an extension\n", "");
        assert!(matches!(
            Checkpoint::open(cut.as_bytes(), "example.org/log", &log),
            Err(LogError::BadSignature { .. })
        ));
    }

    #[test]
    fn texts_that_are_no_checkpoints_are_refused() {
        let root = STANDARD.encode(Digest::of(b"root").as_bytes());
        assert!(Checkpoint::parse(&format!("log\n3\n{root}\n")).is_ok());
        for text in [
            String::new(),
            "log\n3\n".into(),
            format!("log\n3\n{root}"),
            format!("\n3\n{root}\n"),
            format!("log\n03\n{root}\n"),
            format!("log\n+3\n{root}\n"),
            format!("log\n\n{root}\n"),
            format!("log\n18446744073709551616\n{root}\n"),
            format!("log\n3\n{}\n", &root[..40]),
            format!("log\n3\n{root}\n\n"),
            format!("log\n3\n{root}\n\nextension\n"),
            format!("{}\n3\n{root}\n", "x".repeat(256)),
            // A log without entries has one root only.
            format!("log\n0\n{root}\n"),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
        let empty = Checkpoint { origin: "log".into(), size: 0, root: empty_root() };
        assert_eq!(Checkpoint::parse(&empty.text()), Ok(empty));
    }
}
