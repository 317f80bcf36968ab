//! Signed notes (C2SP `signed-note`): a text, a blank line, and signature lines of any number of
//! keys; and the keys' text form.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};

use super::{
    LogError,
    error::{excerpt, limit},
};
use crate::Digest;
use crate::signer::{self, Signer};
use ctl_pki::as_text;

/// The largest note that is parsed, in bytes: sixteen post-quantum signatures fit, as `signed-note`
/// asks.
pub const MAX_NOTE_BYTES: usize = 128 * 1024;
/// The most signature lines of a note that is parsed (`signed-note` asks for at least sixteen).
pub const MAX_SIGNATURES: usize = 64;
/// The longest key name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

const NOTE: &str = "signed note";
const KEY: &str = "note verifier key";

/// What a key signs: its number enters the key id, so one key in two roles has two ids.
pub trait KeyRole: Clone {
    /// The signature type identifier of `signed-note`.
    const TYPE: u8;
}

/// Ed25519 over the note's text (`signed-note`, type 0x01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogRole {}

impl KeyRole for LogRole {
    const TYPE: u8 = 0x01;
}

/// Ed25519 over a time and the note's text (`tlog-cosignature`, type 0x04).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessRole {}

impl KeyRole for WitnessRole {
    const TYPE: u8 = 0x04;
}

/// A named Ed25519 public key that verifies signature lines of one kind. Its text form, also in JSON,
/// is the `vkey` of `signed-note`: `<name>+<key id in hex>+<base64 of type and key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey<R> {
    name: String,
    key: VerifyingKey,
    role: PhantomData<R>,
}

/// The public key with which a log signs its checkpoints.
pub type LogKey = NoteKey<LogRole>;
/// The public key with which a witness cosigns checkpoints.
pub type WitnessKey = NoteKey<WitnessRole>;

impl<R: KeyRole> NoteKey<R> {
    /// Gives a public key its name.
    ///
    /// # Errors
    /// The name is empty, longer than [`MAX_NAME_BYTES`], or has spaces, `+` or control characters;
    /// or the key is one of the weak ones under which anybody can sign.
    pub fn new(name: impl Into<String>, key: VerifyingKey) -> Result<Self, LogError> {
        let name = name.into();
        check_name(&name)?;
        if key.is_weak() {
            return Err(LogError::malformed(
                KEY,
                "the Ed25519 key is of small order: anybody can sign with it",
            ));
        }
        Ok(Self { name, key, role: PhantomData })
    }

    /// The name in the key's signature lines.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key itself.
    #[must_use]
    pub const fn public_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key): a hint which key to try, no proof.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        key_id::<R>(&self.name, &self.key)
    }

    pub(super) fn owns(&self, signature: &NoteSignature) -> bool {
        signature.name == self.name && signature.key_id == self.id()
    }
}

impl<R: KeyRole> fmt::Display for NoteKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = vec![R::TYPE];
        material.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), STANDARD.encode(material))
    }
}

impl<R: KeyRole> FromStr for NoteKey<R> {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let refused = |why: &str| LogError::malformed(KEY, format!("{why}, in {:?}", excerpt(text)));
        limit(KEY, text.len(), MAX_NAME_BYTES + 100)?;
        // Base64 may contain "+", names and hex may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused("expected name+id+key"));
        };
        let material =
            STANDARD.decode(material).map_err(|_| refused("the part after the id is not base64"))?;
        let Some((kind, key)) = material.split_first() else { return Err(refused("the key is empty")) };
        if *kind != R::TYPE {
            let why = format!("the key is of type {kind:#04x}, expected {:#04x}", R::TYPE);
            return Err(refused(&why));
        }
        let key = <&[u8; 32]>::try_from(key).map_err(|_| refused("an Ed25519 key has 32 bytes"))?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| refused("not a point of Ed25519"))?;
        let key = Self::new(name, key)?;
        if hex::encode(key.id()) != id {
            return Err(refused("the key id does not belong to this name and key"));
        }
        Ok(key)
    }
}

as_text!(NoteKey<R>, R: KeyRole);

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    pub(super) name: String,
    pub(super) key_id: [u8; 4],
    pub(super) bytes: Vec<u8>,
}

/// A text with its signatures, verified or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A text that nobody has signed yet.
    ///
    /// # Errors
    /// The text does not end in a newline, has other control characters, or is too long.
    pub fn new(text: impl Into<String>) -> Result<Self, LogError> {
        let text = text.into();
        limit(NOTE, text.len(), MAX_NOTE_BYTES)?;
        check_text(&text)?;
        if !text.ends_with('\n') {
            return Err(LogError::malformed(NOTE, "the text does not end in a newline"));
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a note with at least one signature line. Nothing is verified.
    ///
    /// # Errors
    /// More than [`MAX_NOTE_BYTES`] or [`MAX_SIGNATURES`], or not of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogError> {
        limit(NOTE, bytes.len(), MAX_NOTE_BYTES)?;
        let whole = std::str::from_utf8(bytes).map_err(|error| {
            LogError::malformed(NOTE, format!("not UTF-8 at byte {}", error.valid_up_to()))
        })?;
        check_text(whole)?;
        let (above, lines) = whole
            .rsplit_once("\n\n")
            .ok_or_else(|| LogError::malformed(NOTE, "no blank line between text and signatures"))?;
        let lines = lines
            .strip_suffix('\n')
            .ok_or_else(|| LogError::malformed(NOTE, "no signature line that ends in a newline"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(LogError::malformed(NOTE, format!("more than {MAX_SIGNATURES} signatures")));
            }
            signatures.push(NoteSignature::parse(line)?);
        }
        Ok(Self { text: format!("{above}\n"), signatures })
    }

    /// The signed text, with its final newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a log key's signature of the text.
    ///
    /// # Errors
    /// The name cannot be a key name; the key does not sign, or is not Ed25519.
    pub fn sign<S: Signer + ?Sized>(&mut self, name: &str, signer: &S) -> Result<(), LogError> {
        let (key, signature) = signer::note(signer, self.text.as_bytes())?;
        self.add::<LogRole>(name, &key, signature.to_vec())
    }

    pub(super) fn add<R: KeyRole>(
        &mut self,
        name: &str,
        key: &VerifyingKey,
        bytes: Vec<u8>,
    ) -> Result<(), LogError> {
        check_name(name)?;
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(LogError::malformed(NOTE, format!("more than {MAX_SIGNATURES} signatures")));
        }
        self.signatures.push(NoteSignature { name: name.to_owned(), key_id: key_id::<R>(name, key), bytes });
        Ok(())
    }

    /// Checks that the key signed the text. Lines of other keys are ignored, as `signed-note`
    /// demands; a line that names this key and does not verify refuses the note.
    ///
    /// # Errors
    /// [`LogError::NotSigned`] or [`LogError::BadSignature`].
    pub fn verify(&self, key: &LogKey) -> Result<(), LogError> {
        let mut signed = false;
        for signature in self.signatures.iter().filter(|signature| key.owns(signature)) {
            if !verifies(&key.key, self.text.as_bytes(), &signature.bytes) {
                return Err(LogError::BadSignature { name: key.name.clone() });
            }
            signed = true;
        }
        if signed { Ok(()) } else { Err(LogError::NotSigned { name: key.name.clone() }) }
    }
}

/// The note as it is stored and sent.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            let mut bytes = signature.key_id.to_vec();
            bytes.extend_from_slice(&signature.bytes);
            writeln!(f, "— {} {}", signature.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    /// The name of the key that the line claims.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn parse(line: &str) -> Result<Self, LogError> {
        let refused = |why: &str| {
            LogError::malformed(NOTE, format!("{why}, in the signature line {:?}", excerpt(line)))
        };
        let (name, encoded) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or_else(|| refused("expected \"— name base64\""))?;
        check_name(name)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| refused("the signature is not base64"))?;
        match bytes.split_first_chunk::<4>() {
            Some((key_id, bytes)) if !bytes.is_empty() => {
                Ok(Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
            }
            _ => Err(refused("the signature is too short")),
        }
    }
}

/// Whether `signature` is the key's Ed25519 signature of the message (strictly: canonical, and no
/// key or nonce of small order).
pub(super) fn verifies(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}

fn key_id<R: KeyRole>(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let digest = Digest::of_parts(&[name.as_bytes(), b"\n", &[R::TYPE], key.as_bytes()]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    [a, b, c, d]
}

fn check_name(name: &str) -> Result<(), LogError> {
    limit("key name", name.len(), MAX_NAME_BYTES)?;
    if name.is_empty() || name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control()) {
        let why = format!("{:?} is empty or has a space, a plus sign or a control character", excerpt(name));
        return Err(LogError::malformed("key name", why));
    }
    Ok(())
}

/// UTF-8 without control characters below U+0020 other than newline.
fn check_text(text: &str) -> Result<(), LogError> {
    match text.bytes().position(|byte| byte < 0x20 && byte != b'\n') {
        Some(at) => Err(LogError::malformed(NOTE, format!("control character at byte {at}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    // Key and note of the Go implementation's documentation (golang.org/x/mod/sumdb/note).
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn secret() -> SigningKey {
        let bytes = STANDARD.decode(SECRET).unwrap();
        SigningKey::from_bytes(bytes[1..].try_into().unwrap())
    }

    #[test]
    fn the_go_implementations_note_is_signed_and_verified_to_the_byte() {
        let key: LogKey = VKEY.parse().unwrap();
        assert_eq!(key.to_string(), VKEY);
        assert_eq!(key, LogKey::new("PeterNeumann", secret().verifying_key()).unwrap());

        let mut note = Note::new(TEXT).unwrap();
        note.sign("PeterNeumann", &secret()).unwrap();
        assert_eq!(note.to_string(), format!("{TEXT}\n{LINE}"));

        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(read, note);
        assert_eq!(read.text(), TEXT);
        assert_eq!(read.verify(&key), Ok(()));
    }

    #[test]
    fn keys_with_a_wrong_id_type_name_or_point_are_refused() {
        for text in [
            "",
            "PeterNeumann",
            "PeterNeumann+c74f20a3",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
            "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        ] {
            assert!(text.parse::<LogKey>().is_err(), "{text}");
        }
        assert!(VKEY.parse::<WitnessKey>().is_err());
        // The neutral element: a key under which everybody can sign.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert!(LogKey::new("log", VerifyingKey::from_bytes(&neutral).unwrap()).is_err());
    }

    #[test]
    fn keys_stand_in_json_as_text() {
        let key: LogKey = VKEY.parse().unwrap();
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, format!("\"{VKEY}\""));
        assert_eq!(serde_json::from_str::<LogKey>(&json).unwrap(), key);
        assert!(serde_json::from_str::<WitnessKey>(&json).is_err());
    }

    #[test]
    fn the_last_blank_line_ends_the_text() {
        let text = "first\n\nsecond\n\n\n";
        let mut note = Note::new(text).unwrap();
        note.sign("log", &secret()).unwrap();
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(read.text(), text);
        assert_eq!(read, note);
    }

    #[test]
    fn malformed_notes_are_refused() {
        for bytes in [
            String::new(),
            TEXT.to_owned(),
            format!("{TEXT}\n"),
            format!("{TEXT}{LINE}"),
            format!("{TEXT}\n{}", LINE.trim_end()),
            format!("{TEXT}\n{LINE}\n"),
            format!("{TEXT}\n{LINE}no signature\n"),
            format!("{TEXT}\n{}", LINE.replace('—', "-")),
            format!("{TEXT}\n{}", LINE.replace("x08go", "x08g*")),
            format!("{TEXT}\n{}", LINE.replace("PeterNeumann", "Peter+Neumann")),
            format!("{TEXT}\n— PeterNeumann x08gow==\n"),
            format!("{}\n{LINE}", TEXT.replace("problem,", "problem,\r")),
            format!("{TEXT}\n{}", LINE.repeat(MAX_SIGNATURES + 1)),
        ] {
            assert!(Note::parse(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert!(Note::parse(b"\xff\n\n").is_err());
        assert!(matches!(Note::parse(&vec![b'a'; MAX_NOTE_BYTES + 1]), Err(LogError::TooLarge { .. })));
        assert!(Note::new("no newline").is_err());
        assert!(Note::parse(format!("{TEXT}\n{}", LINE.repeat(MAX_SIGNATURES)).as_bytes()).is_ok());
    }
}
