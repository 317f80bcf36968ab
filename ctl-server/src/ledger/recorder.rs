//! The server's own statements, signed with the recorder's key. None of them changes trust.

use ctl_core::names::Nonce;
use ctl_core::{PrivateKey, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::{Basis, Body, Payload, Statement};

use super::error::{RecordError, refusal_of};

/// A statement on top of this state, signed with one key.
///
/// # Errors
/// If there are no random bytes, the body is too large, or the key does not sign.
pub(crate) fn statement(
    state: &State,
    key: &PrivateKey,
    now: Timestamp,
    body: Body,
) -> Result<Statement, RecordError> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)
        .map_err(|error| RecordError::ReadOnly(format!("the system gives no random bytes: {error}")))?;
    let payload = Payload {
        scheme: state.scheme,
        issued_at: now,
        basis: Basis { size: state.size(), root_hash: state.root() },
        nonce: Nonce::from_bytes(nonce),
        body,
    };
    let signed = payload
        .sign(&[key])
        .map_err(|error| RecordError::ReadOnly(format!("the signature is missing: {error}")))?;
    Statement::from_jws(signed).map_err(|error| refusal_of(&error).into())
}
