//! Proof that an applicant holds the key of its root: a certification request (PKCS#10) signed by that key.
//!
//! Its subject is one common name, `ctl-possession-` and the SHA-256, in unpadded base64url, of the RFC 8785 canonical
//! JSON of a [`Challenge`]. It has no attributes, and its key is the certificate's, byte for byte. A ceremony makes it
//! with `openssl req`, and no CA can mistake it for a request to itself. (In hex the name would exceed the 64
//! characters that X.520 and OpenSSL allow.)
//!
//! The challenge names everything that the proof is for, so that it serves nobody and nothing else, and a position of
//! the log, so that it is no older than the rules allow.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ctl_core::keys::KeyId;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::{Digest, Timestamp, json};
use ctl_pki::request::CertificationRequest;
use ctl_pki::{Certificate, SignatureError};
use serde::{Deserialize, Serialize};

use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::state::State;
use crate::statement::Basis;
use crate::statement::body::ApplicationSubmit;

/// The name by which electors waive the proof, like an error of a screening.
pub const RULE: &str = "possession";

/// What a proof is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Challenge {
    /// SHA-256 of the certificate that applies.
    pub certificate: Digest,
    /// The key id of the applicant, in force when it applies.
    pub key: KeyId,
    pub list: ListId,
    /// Who applies.
    pub participant: ParticipantId,
    /// A log that existed when the proof was made.
    pub position: Basis,
    pub scheme: Digest,
    /// Always [`Challenge::TYPE`].
    pub r#type: &'static str,
}

impl Challenge {
    /// The value of `type`.
    pub const TYPE: &'static str = "ctl-possession";
    /// What a common name begins with.
    pub const PREFIX: &'static str = "ctl-possession-";

    /// The text whose SHA-256 the common name holds.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        json::canonical(self)
    }

    /// The common name of the request that proves it.
    #[must_use]
    pub fn common_name(&self) -> String {
        let digest = Digest::of(&self.text());
        format!("{}{}", Self::PREFIX, BASE64_URL_SAFE_NO_PAD.encode(digest.as_bytes()))
    }
}

/// Whether an applicant has proven that it holds its root's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Possession {
    /// The key signed a fresh proof.
    Proven,
    /// There is no proof.
    Missing,
    /// There is one, by an algorithm that these rules cannot verify: it counts as missing.
    Unverifiable,
    /// A cross-certificate: both ends are listed, and one of their operators applies.
    NotAsked,
}

impl Possession {
    /// Whether electors must waive it to admit the certificate.
    #[must_use]
    pub const fn is_missing(self) -> bool {
        matches!(self, Self::Missing | Self::Unverifiable)
    }
}

/// Judges the proof in a root's application, if there is one. A wrong proof is refused, not ignored: it was made for
/// something else.
pub(super) fn judge(
    rules: &Rules,
    state: &State,
    applicant: (&ParticipantId, KeyId),
    body: &ApplicationSubmit,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<Possession, Refusal> {
    let Some(proof) = &body.possession else { return Ok(Possession::Missing) };
    let wrong = |why: String| Refusal::new(Reason::Content, format!("possession: {why}"));
    let position = proof.position;
    if position.size == 0 || state.root_at(position.size) != Some(position.root_hash) {
        let detail = format!("possession: this log has no position {} with that root hash", position.size);
        return Err(Refusal::new(Reason::Basis, detail));
    }
    let seconds = rules.possession_seconds;
    if state.recorded_at(position.size).is_none_or(|then| now.seconds_since(then) > seconds) {
        let days = seconds / 86_400;
        let detail = format!(
            "possession: position {} of the log is older than {days} days; make a new proof",
            position.size
        );
        return Err(Refusal::new(Reason::Time, detail));
    }
    let request = CertificationRequest::from_der(&proof.request.0).map_err(|e| wrong(e.to_string()))?;
    if request.spki_der() != certificate.spki_der() {
        return Err(wrong("the request is by another key than the certificate's".into()));
    }
    if request.has_attributes() {
        return Err(wrong("the request has attributes or extensions; it must have none".into()));
    }
    let (participant, key) = applicant;
    let challenge = Challenge {
        certificate: Digest::from_bytes(certificate.sha256()),
        key,
        list: body.list.clone(),
        participant: participant.clone(),
        position,
        scheme: state.scheme,
        r#type: Challenge::TYPE,
    };
    let expected = challenge.common_name();
    if request.only_common_name() != Some(expected.as_str()) {
        return Err(wrong(format!("the request's subject must be CN={expected} and nothing else")));
    }
    match request.verify_signed_by(certificate) {
        Ok(()) => Ok(Possession::Proven),
        Err(SignatureError::UnsupportedAlgorithm(_)) => Ok(Possession::Unverifiable),
        Err(error) => Err(wrong(format!("the request's signature: {error}"))),
    }
}
