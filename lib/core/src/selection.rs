//! A selection: which roots a device with little room installs, in order, signed off by whoever answers for it. It
//! only ever leaves out: a root that no list names is not trusted because a selection does.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::json;
use crate::jws::{Jws, JwsError};
use crate::keys::PublicKey;
use crate::names::{Environment, Label, ListId, print};
use crate::parts::Standard;
use crate::{Digest, Timestamp};

/// A signed selection is at most so many bytes.
pub const MAX_BYTES: usize = 512 * 1024;
/// A device has room for at most so many roots.
const MAX_ROOTS: usize = 1000;
/// A reason has at most so many characters, on one line: two selections never look the same to whoever signs one.
const MAX_TEXT: usize = 400;

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Test or production.
    pub environment: Environment,
    /// Always 1.
    pub format: u32,
    /// When it was written.
    pub issued_at: Timestamp,
    /// The list that it was chosen from.
    pub list: ListId,
    /// The roots, the most useful first.
    pub roots: Vec<SelectedRoot>,
    /// The scheme.
    pub scheme: Digest,
    /// The version of the list that it was chosen from.
    pub sequence: u64,
    /// The standard of the chargers that it is to reach.
    pub standard: Standard,
    /// Always [`Selection::TYPE`].
    pub r#type: String,
    /// Why these.
    pub why: String,
}

/// A root of a selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectedRoot {
    /// SHA-256 of its certificate.
    pub fingerprint: Digest,
    /// Its name, for people.
    pub name: Label,
}

/// Why bytes are no selection that may be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The envelope, or the kind of document that it was signed as.
    #[error(transparent)]
    Envelope(#[from] JwsError),
    /// Nobody whose key is known signed it.
    #[error("it is not signed with the key {0}")]
    NotSigned(String),
    /// Its form.
    #[error("{0}")]
    Form(String),
}

impl Selection {
    /// The value of `type`.
    pub const TYPE: &'static str = "v2g-root-selection";
    /// The type of its signatures, which no other document has.
    pub const JWS_TYPE: &'static str = "v2g.root-selection+jws";
    /// The value of `format`.
    pub const FORMAT: u32 = 1;

    /// Reads one that nobody has signed yet.
    ///
    /// # Errors
    /// [`SelectionError::Form`].
    pub fn read(bytes: &[u8]) -> Result<Self, SelectionError> {
        let form = |problem: String| SelectionError::Form(problem);
        let value = json::parse(bytes, MAX_BYTES).map_err(|error| form(error.to_string()))?;
        let selection = Self::deserialize(value).map_err(|error| form(error.to_string()))?;
        if selection.r#type != Self::TYPE || selection.format != Self::FORMAT {
            return Err(form(format!("it is no {:?} of format {}", Self::TYPE, Self::FORMAT)));
        }
        if selection.roots.is_empty() || selection.roots.len() > MAX_ROOTS {
            return Err(form(format!(
                "{} roots; from 1 to {MAX_ROOTS} can be selected",
                selection.roots.len()
            )));
        }
        let distinct: BTreeSet<Digest> = selection.roots.iter().map(|root| root.fingerprint).collect();
        if distinct.len() != selection.roots.len() {
            return Err(form("a root is selected twice".into()));
        }
        if !print::is_name(&selection.why, MAX_TEXT) {
            return Err(form(format!(
                "why: write from 1 to {MAX_TEXT} characters on one line, all of them visible, not {}",
                print::quoted(&selection.why)
            )));
        }
        Ok(selection)
    }

    /// Reads one that was signed with this key, perhaps among others.
    ///
    /// # Errors
    /// [`SelectionError`].
    pub fn open(bytes: &[u8], key: &PublicKey) -> Result<Self, SelectionError> {
        let jws = Jws::parse(bytes, MAX_BYTES)?;
        jws.check_type(Self::JWS_TYPE)?;
        jws.check_protected_only()?;
        let id = key.key_id();
        let is_by = |(kid, verifies): (&crate::KeyId, _)| *kid == id && signed(&verifies, key);
        if !jws.claims().into_iter().any(is_by) {
            return Err(SelectionError::NotSigned(id.to_string()));
        }
        Self::read(&jws.payload)
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        json::canonical(self)
    }
}

fn signed(verifies: &impl Fn(&PublicKey) -> bool, key: &PublicKey) -> bool {
    verifies(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PrivateKey;
    use crate::keys::Algorithm;

    fn selection() -> Selection {
        Selection {
            environment: Environment::Test,
            format: Selection::FORMAT,
            issued_at: Timestamp::EPOCH,
            list: "na".parse().unwrap(),
            roots: vec![SelectedRoot { fingerprint: Digest::of(b"root"), name: "root".parse().unwrap() }],
            scheme: Digest::of(b"scheme"),
            sequence: 1,
            standard: Standard::Iso15118_2,
            r#type: Selection::TYPE.into(),
            why: "it reaches most".into(),
        }
    }

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(Algorithm::EdDsa, &[seed; 32]).unwrap()
    }

    #[test]
    fn only_the_named_key_and_only_for_this_kind_of_document() {
        let sign = |typ: &str| Jws::sign(selection().payload(), typ, &[&key(1)]).unwrap().to_bytes();
        let good = sign(Selection::JWS_TYPE);
        assert_eq!(Selection::open(&good, &key(1).public_key()), Ok(selection()));
        assert!(matches!(Selection::open(&good, &key(3).public_key()), Err(SelectionError::NotSigned(_))));
        assert!(Selection::open(&sign("v2g.certificate-trust-list+jws"), &key(1).public_key()).is_err());
        let mut forged = Jws::parse(&good, MAX_BYTES).unwrap();
        forged.payload = Selection { sequence: 2, ..selection() }.payload();
        assert!(Selection::open(&forged.to_bytes(), &key(1).public_key()).is_err());
    }

    #[test]
    fn a_form_that_nobody_means_is_refused() {
        let twice = Selection { roots: [selection().roots, selection().roots].concat(), ..selection() };
        let none = Selection { roots: vec![], ..selection() };
        let long = Selection { why: "x".repeat(401), ..selection() };
        let other = Selection { r#type: "v2g-mo-registry".into(), ..selection() };
        let lines = Selection { why: "it reaches most\n2. another root".into(), ..selection() };
        let backwards = Selection { why: "it \u{202e}reaches".into(), ..selection() };
        for bad in [twice, none, long, other, lines, backwards] {
            assert!(Selection::read(&bad.payload()).is_err(), "{bad:?}");
        }
        assert_eq!(Selection::read(&selection().payload()), Ok(selection()));
        // A name that looks like two roots.
        let payload = String::from_utf8(selection().payload()).unwrap();
        let forged = payload.replace("\"name\":\"root\"", "\"name\":\"root\\n2. other\"");
        assert_ne!(forged, payload);
        assert!(Selection::read(forged.as_bytes()).is_err());
    }
}
