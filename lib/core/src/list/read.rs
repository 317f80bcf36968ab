//! Reading documents: lists, the registry and notices share a head, a strict form and one error.
//!
//! Reading checks the form and that the document does not contradict itself. Whether anybody signed
//! it is checked before ([`super::offline`], [`crate::tuf`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use ctl_pki::Certificate;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Identifiers, ListAnchor, ListCrossCertificate, ListPayload, MAX_PAYLOAD};
use crate::json::{self, JsonError};
use crate::parts::{DistrustKind, Distrusted};
use crate::{Digest, Timestamp};

/// Why bytes are not a document that may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not canonical JSON of the document's form.
    #[error("{document}: {source}")]
    Json {
        /// The type that was expected.
        document: &'static str,
        source: JsonError,
    },
    /// Another type of document.
    #[error("this is a {found:?}, not a {expected:?}")]
    WrongType {
        /// The type that was expected.
        expected: &'static str,
        /// The type found, empty if there is none.
        found: String,
    },
    /// A format that came after this release.
    #[error("{document}: format {found} is not known here: a newer release is needed to read it")]
    Format {
        /// The type of document.
        document: &'static str,
        /// The format found.
        found: String,
    },
    /// The document contradicts itself.
    #[error("{document}: {place}: {problem}")]
    Contradiction {
        /// The type of document.
        document: &'static str,
        /// The member or entry.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The place of a contradiction, and what it is; the document's type is added by [`read`].
pub(crate) type Contradiction = (String, String);

pub(crate) fn contradiction<T>(place: impl Display, problem: impl Into<String>) -> Result<T, Contradiction> {
    Err((place.to_string(), problem.into()))
}

/// What all documents begin with.
pub(crate) struct Head {
    pub(crate) sequence: u64,
    pub(crate) previous: Digest,
    pub(crate) issued_at: Timestamp,
    pub(crate) next_update: Timestamp,
}

impl Head {
    pub(crate) fn check(&self) -> Result<(), Contradiction> {
        if self.sequence == 0 {
            return contradiction("sequence", "sequences begin with 1");
        }
        if (self.sequence == 1) != (self.previous == Digest::ZERO) {
            return contradiction("previous", "the first version has no previous one, all others have");
        }
        if self.next_update <= self.issued_at {
            return contradiction("next_update", "it is not later than issued_at");
        }
        Ok(())
    }
}

/// Reads a document of this type and format from its canonical bytes.
pub(crate) fn read<T: DeserializeOwned>(
    bytes: &[u8],
    document: &'static str,
    format: u32,
    check: impl FnOnce(&T) -> Result<(), Contradiction>,
) -> Result<T, DocumentError> {
    let wrong = |source| DocumentError::Json { document, source };
    let value = json::parse(bytes, MAX_PAYLOAD).map_err(wrong)?;
    let found = value.get("type").and_then(Value::as_str).unwrap_or_default();
    if found != document {
        let found = found.chars().take(60).collect();
        return Err(DocumentError::WrongType { expected: document, found });
    }
    let found = value.get("format").and_then(Value::as_u64).unwrap_or_default();
    if found != u64::from(format) {
        return Err(DocumentError::Format { document, found: found.to_string() });
    }
    if json::canonical(&value) != bytes {
        return Err(wrong(JsonError::NotCanonical));
    }
    let read = T::deserialize(value).map_err(|e| wrong(JsonError::Invalid(e.to_string())))?;
    check(&read).map_err(|(place, problem)| DocumentError::Contradiction { document, place, problem })?;
    Ok(read)
}

/// The fast path for documents whose members all have a type of their own, in canonical order: bytes
/// that come out again as they went in are canonical. None means only that the slow path, [`read`],
/// must be taken; it also says what is wrong.
pub(crate) fn read_directly<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<T> {
    if bytes.len() > MAX_PAYLOAD {
        return None;
    }
    let read: T = serde_json::from_slice(bytes).ok()?;
    (serde_json::to_vec(&read).ok()? == bytes).then_some(read)
}

/// Whether these stand in ascending order, none twice.
pub(crate) fn check_sorted<K: Ord + Display>(
    place: &str,
    keys: impl IntoIterator<Item = K>,
) -> Result<(), Contradiction> {
    let mut last: Option<K> = None;
    for key in keys {
        if last.as_ref().is_some_and(|last| *last >= key) {
            return contradiction(format!("{place} {key}"), "it stands twice or out of order");
        }
        last = Some(key);
    }
    Ok(())
}

/// An anchor that this release must not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedAnchor<'a> {
    pub anchor: &'a ListAnchor,
    /// Why, for people.
    pub reason: String,
}

/// What of a list this release may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usable<'a> {
    /// The anchors whose critical constraints are all known here.
    pub anchors: Vec<&'a ListAnchor>,
    /// The cross-certificates between them.
    pub cross_certificates: Vec<&'a ListCrossCertificate>,
    /// The other anchors.
    pub rejected: Vec<RejectedAnchor<'a>>,
}

impl ListPayload {
    /// Reads a list of at most [`MAX_PAYLOAD`] bytes.
    ///
    /// # Errors
    /// [`DocumentError`] if it is no list, not in its one spelling, or contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        read(bytes, Self::TYPE, Self::FORMAT, Self::check)
    }

    /// What this release may use: an unknown critical constraint rejects the anchor, not the list.
    /// Honouring the known constraints is up to whoever uses the anchors.
    #[must_use]
    pub fn usable_anchors(&self) -> Usable<'_> {
        let mut usable = Usable::default();
        let mut fingerprints = BTreeSet::new();
        for anchor in &self.anchors {
            if let Some(name) = anchor.constraints.unknown_critical() {
                let reason = format!("its critical constraint {name:?} cannot be honoured by this release");
                usable.rejected.push(RejectedAnchor { anchor, reason });
            } else {
                fingerprints.insert(anchor.fingerprint);
                usable.anchors.push(anchor);
            }
        }
        let between = |cross: &&ListCrossCertificate| {
            fingerprints.contains(&cross.issuer) && fingerprints.contains(&cross.subject)
        };
        usable.cross_certificates = self.cross_certificates.iter().filter(between).collect();
        usable
    }

    fn check(&self) -> Result<(), Contradiction> {
        let Self { sequence, previous, issued_at, next_update, .. } = *self;
        Head { sequence, previous, issued_at, next_update }.check()?;
        check_sorted("anchors", self.anchors.iter().map(|anchor| anchor.fingerprint))?;
        check_sorted("cross_certificates", self.cross_certificates.iter().map(|cross| cross.fingerprint))?;
        if self.distrusted.windows(2).any(|pair| pair.first() >= pair.last()) {
            return contradiction("distrusted", "an entry stands twice or out of order");
        }
        let distrusted: BTreeSet<Distrusted> = self.distrusted.iter().copied().collect();
        let mut keys = BTreeMap::new();
        for anchor in &self.anchors {
            let certificate = self.check_anchor(anchor, &distrusted)?;
            keys.insert(anchor.fingerprint, certificate);
        }
        self.cross_certificates.iter().try_for_each(|cross| check_cross(cross, &keys, &distrusted))
    }

    fn check_anchor(
        &self,
        anchor: &ListAnchor,
        distrusted: &BTreeSet<Distrusted>,
    ) -> Result<Certificate, Contradiction> {
        let place = || format!("anchors {}", anchor.fingerprint);
        let certificate =
            check_certificate(&place(), &anchor.certificate.0, &anchor.fingerprint, distrusted)?;
        if !anchor.status.is_listed() {
            return contradiction(place(), format!("it is {} and may not stand here", anchor.status));
        }
        if anchor.identifiers != Identifiers::of(&certificate) {
            return contradiction(place(), "its identifiers are not those of its certificate");
        }
        if anchor.uses.windows(2).any(|pair| pair.first() >= pair.last()) {
            return contradiction(place(), "a use stands twice or out of order");
        }
        Ok(certificate)
    }
}

fn check_certificate(
    place: &str,
    der: &[u8],
    fingerprint: &Digest,
    distrusted: &BTreeSet<Distrusted>,
) -> Result<Certificate, Contradiction> {
    if Digest::of(der) != *fingerprint {
        return contradiction(place, "its certificate has another fingerprint");
    }
    let certificate = match Certificate::from_der(der) {
        Ok(certificate) => certificate,
        Err(error) => return contradiction(place, format!("its certificate cannot be read: {error}")),
    };
    let key = Digest::from_bytes(certificate.spki_sha256());
    let by_certificate = Distrusted { kind: DistrustKind::Certificate, sha256: *fingerprint };
    let by_key = Distrusted { kind: DistrustKind::Spki, sha256: key };
    if distrusted.contains(&by_certificate) || distrusted.contains(&by_key) {
        return contradiction(place, "it is listed and distrusted at once");
    }
    Ok(certificate)
}

/// A cross-certificate stands between two anchors of the list and is for the second one's key. Its
/// signature is for path building to judge.
fn check_cross(
    cross: &ListCrossCertificate,
    anchors: &BTreeMap<Digest, Certificate>,
    distrusted: &BTreeSet<Distrusted>,
) -> Result<(), Contradiction> {
    let place = format!("cross_certificates {}", cross.fingerprint);
    let certificate = check_certificate(&place, &cross.certificate.0, &cross.fingerprint, distrusted)?;
    if !cross.status.is_listed() {
        return contradiction(place, format!("it is {} and may not stand here", cross.status));
    }
    let (Some(issuer), Some(subject)) = (anchors.get(&cross.issuer), anchors.get(&cross.subject)) else {
        return contradiction(place, "its issuer or subject is no anchor of this list");
    };
    if certificate.issuer_der() != issuer.subject_der() {
        return contradiction(place, "it names another issuer than the anchor");
    }
    if certificate.spki_der() != subject.spki_der() {
        return contradiction(place, "it is for another key than the anchor's");
    }
    Ok(())
}
