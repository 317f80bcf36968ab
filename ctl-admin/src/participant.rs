//! Participants: registration, a new key, suspension.

use std::path::PathBuf;

use ctl_core::names::{Label, OrganisationId, ParticipantId};
use ctl_core::statement::body::{ParticipantRegister, ParticipantRotateKey, ParticipantSuspend};
use ctl_core::statement::parts::{NewParticipant, ParticipantKind};

use crate::compose::{self, Signing, Submission};
use crate::{AdminError, Session, key};

/// Registers a participant: signed by its own key and by admissions officers.
#[derive(Clone, Debug)]
pub struct Register {
    /// Its id.
    pub id: ParticipantId,
    /// Its organisation.
    pub organisation: OrganisationId,
    /// Its name for people.
    pub name: Label,
    /// What it is.
    pub kinds: Vec<ParticipantKind>,
    /// Its public key's file; the first signing key's public half if none is given.
    pub public_key: Option<PathBuf>,
}

impl Register {
    /// Does it.
    ///
    /// # Errors
    /// Refused.
    pub async fn run(&self, session: &mut Session, signing: &Signing) -> Result<Submission, AdminError> {
        session.sync().await?;
        let key = match (&self.public_key, signing.keys.first()) {
            (Some(path), _) => key::load_public(path)?,
            (None, Some(own)) => own.public_key(),
            (None, None) => {
                return Err(AdminError::input("--key", "the new participant's own key signs first"));
            }
        };
        let mut kinds = self.kinds.clone();
        kinds.sort_unstable();
        kinds.dedup();
        let participant = NewParticipant {
            id: self.id.clone(),
            organisation: self.organisation.clone(),
            name: self.name.clone(),
            kinds,
            key,
        };
        compose::state(session, signing, ParticipantRegister { participant }, Vec::new()).await
    }
}

/// Gives a participant a new key: signed by the old one, which is the first of the signing keys, and
/// the new one, which is the second.
#[derive(Clone, Copy, Debug)]
pub struct RotateKey;

impl RotateKey {
    /// Does it.
    ///
    /// # Errors
    /// Other than two keys, the old one is nobody's, or refused.
    pub async fn run(&self, session: &mut Session, signing: &Signing) -> Result<Submission, AdminError> {
        let replayed = session.sync().await?;
        let [old, new] = signing.keys.as_slice() else {
            return Err(AdminError::input("--key", "give two keys: first the old one, then the new one"));
        };
        let participant = holder(&replayed.state, old)?;
        let body =
            ParticipantRotateKey { new: new.public_key(), old: old.public_key().key_id(), participant };
        compose::state(session, signing, body, Vec::new()).await
    }
}

/// Suspends a participant: by itself, or by admissions officers.
#[derive(Clone, Debug)]
pub struct Suspend {
    /// Who.
    pub participant: ParticipantId,
}

impl Suspend {
    /// Does it.
    ///
    /// # Errors
    /// Refused.
    pub async fn run(&self, session: &mut Session, signing: &Signing) -> Result<Submission, AdminError> {
        session.sync().await?;
        let body = ParticipantSuspend { participant: self.participant.clone() };
        compose::state(session, signing, body, Vec::new()).await
    }
}

/// Whose present key this is.
fn holder(
    state: &ctl_core::governance::State,
    key: &ctl_core::PrivateKey,
) -> Result<ParticipantId, AdminError> {
    let key_id = key.public_key().key_id();
    match state.keys.get(&key_id) {
        Some(record) if record.replaced_by.is_none() => Ok(record.participant.clone()),
        Some(record) => Err(AdminError::NotNow(format!(
            "key {} was {}'s and is replaced already",
            key_id.short(),
            record.participant
        ))),
        None => Err(AdminError::NotNow(format!("key {} is no participant's", key_id.short()))),
    }
}
