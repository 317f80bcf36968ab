//! Proof that an applicant holds its root's key: what the key must sign, and the proof that goes with an
//! application.

use std::path::Path;

use ctl_core::names::ListId;
use ctl_core::parts::Der;
use ctl_core::{Digest, KeyId, Timestamp};
use ctl_governance::State;
use ctl_governance::possession::Challenge;
use ctl_governance::statement::Basis;
use ctl_governance::statement::body::PossessionProof;
use ctl_pki::Certificate;
use ctl_pki::request::{CertificationRequest, MAX_REQUEST_SIZE};
use ctl_replica::Replica;
use serde::Serialize;

use crate::output::Render;
use crate::{AdminError, files};

/// What a root's key is to sign.
#[derive(Clone, Debug, Serialize)]
pub struct ToProve {
    /// What it says, in canonical JSON: the common name holds its SHA-256.
    pub challenge: String,
    /// The request's only name.
    pub common_name: String,
    /// An application with the proof is recorded until then.
    pub until: Timestamp,
    /// Makes the request where the key is.
    pub command: String,
}

impl Render for ToProve {
    fn text(&self) -> String {
        format!(
            "{}\nsubject CN={}\nWhere the root's key is:\n  {}\nThen: ctl-admin apply root … --possession proof.csr, \
             until {}. The participant's key must stay the same.\n",
            self.challenge, self.common_name, self.command, self.until
        )
    }
}

/// What the key of this root must sign for this participant to apply with it.
///
/// # Errors
/// Nobody is registered with this key, or the charter has no such list.
pub async fn challenge(
    session: &mut Replica,
    certificate: &Certificate,
    list: &ListId,
    key: KeyId,
) -> Result<ToProve, AdminError> {
    let state = &session.sync().await?.state();
    if !state.charter.lists.contains_key(list) {
        return Err(AdminError::input("--list", format!("the charter has no list {list}")));
    }
    let size = state.size();
    let challenge = of(state, certificate, list, key, Basis { size, root_hash: state.root() })?;
    let common_name = challenge.common_name();
    Ok(ToProve {
        challenge: String::from_utf8_lossy(&challenge.text()).into_owned(),
        command: format!(
            "openssl req -new -key ROOT-KEY.pem{} -subj /CN={common_name} -out proof.csr",
            hash(certificate)
        ),
        common_name,
        until: state.recorded_at(size).unwrap_or(state.clock).plus_seconds(state.rules().possession_seconds),
    })
}

/// Reads a request (PEM or DER) and finds the position of the log that it was made at.
pub(crate) fn read(
    file: &Path,
    state: &State,
    certificate: &Certificate,
    list: &ListId,
    key: KeyId,
    now: Timestamp,
) -> Result<PossessionProof, AdminError> {
    let input = |problem: String| AdminError::input(file.display(), problem);
    let der = ctl_pki::request::der_from_bytes(&files::read(file, 2 * MAX_REQUEST_SIZE)?)
        .map_err(|error| input(error.to_string()))?;
    let request = CertificationRequest::from_der(&der).map_err(|error| input(error.to_string()))?;
    let young = |size: &u64| {
        let then = state.recorded_at(*size);
        then.is_some_and(|then| now.seconds_since(then) <= state.rules().possession_seconds)
    };
    for size in (1..=state.size()).rev().take_while(young) {
        let Some(root_hash) = state.root_at(size) else { continue };
        let position = Basis { size, root_hash };
        let challenge = of(state, certificate, list, key, position)?;
        if request.only_common_name() == Some(challenge.common_name().as_str()) {
            return Ok(PossessionProof { position, request: Der(der) });
        }
    }
    let days = state.rules().possession_seconds / 86_400;
    Err(input(format!(
        "was not made for this certificate, list and key at a position of the log of the last {days} days; \
         ask for a new one with: ctl-admin apply challenge"
    )))
}

fn of(
    state: &State,
    certificate: &Certificate,
    list: &ListId,
    key: KeyId,
    position: Basis,
) -> Result<Challenge, AdminError> {
    let found = state.keys.get(&key).filter(|record| record.replaced_by.is_none());
    let found = found.ok_or_else(|| {
        AdminError::input("--key", format!("nobody is registered with key {}", key.short()))
    })?;
    Ok(Challenge {
        certificate: Digest::from_bytes(certificate.sha256()),
        key,
        list: list.clone(),
        participant: found.participant.clone(),
        position,
        scheme: state.scheme,
        r#type: Challenge::TYPE,
    })
}

/// The hash that goes with the key's curve, where OpenSSL does not choose it by itself.
fn hash(certificate: &Certificate) -> &'static str {
    match certificate.public_key_curve().map(|curve| curve.oid()) {
        Some("1.3.132.0.34") => " -sha384",
        Some("1.3.132.0.35") => " -sha512",
        _ => "",
    }
}
