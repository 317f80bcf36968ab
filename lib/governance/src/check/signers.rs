//! Finds out who signed a statement: every signature must verify and be by a known key.

use std::collections::BTreeSet;

use ctl_core::keys::PublicKey;
use ctl_core::names::{OrganisationId, ParticipantId};

use crate::refusal::{Reason, Refusal};
use crate::state::{Participant, State};
use crate::statement::charter::Holders;
use crate::statement::{Body, Statement};

/// The verified signers of a statement.
pub(crate) struct Signers<'a> {
    /// Whether the recorder signed.
    pub(super) recorder: bool,
    /// The participants that signed, each once.
    pub(super) participants: Vec<&'a Participant>,
    /// Whether a key that the statement itself introduces signed.
    pub(super) introduced: bool,
}

/// The keys by which a statement's signatures verify. Verification needs no order, so a replay does it ahead, on all
/// cores.
#[derive(Clone, Debug, Default)]
pub struct Verified(Vec<Option<PublicKey>>);

impl Verified {
    /// Verifies what it can with the keys of a state that may be some entries old. What does not verify with those is
    /// checked again when its turn comes.
    #[must_use]
    pub fn ahead(state: &State, statement: &Statement) -> Self {
        let introduced = introduced(&statement.payload.body);
        let holds = statement.jws.signatures.iter().map(|signature| {
            let kid = signature.protected.kid;
            let key = match introduced.filter(|key| key.key_id() == kid) {
                Some(key) => key,
                None if kid == state.recorder => &state.charter.server.recorder,
                None => &participant_of(state, &kid).ok()?.key,
            };
            signature.verify(key, &statement.jws.payload).then(|| key.clone())
        });
        Self(holds.collect())
    }

    fn holds(&self, number: usize, key: &PublicKey) -> bool {
        self.0.get(number).and_then(Option::as_ref) == Some(key)
    }
}

/// The key that a statement itself introduces.
fn introduced(body: &Body) -> Option<&PublicKey> {
    match body {
        Body::ParticipantRegister(body) => Some(&body.participant.key),
        Body::ParticipantRotateKey(body) => Some(&body.new),
        _ => None,
    }
}

impl<'a> Signers<'a> {
    pub(super) fn resolve(
        state: &'a State,
        statement: &'a Statement,
        verified: &Verified,
    ) -> Result<Self, Refusal> {
        let mut signers = Self { recorder: false, participants: Vec::new(), introduced: false };
        let mut seen = BTreeSet::new();
        let introduced = introduced(&statement.payload.body).map(|key| (key.key_id(), key));
        let recorder = &state.charter.server.recorder;
        let recorder_id = state.recorder;
        for (number, signature) in statement.jws.signatures.iter().enumerate() {
            let kid = signature.protected.kid;
            if !seen.insert(kid) {
                let detail = format!("key {} signed twice; one signature each", kid.short());
                return Err(Refusal::new(Reason::Signature, detail));
            }
            let key = if kid == recorder_id {
                signers.recorder = true;
                recorder
            } else if let Some((_, key)) = introduced.filter(|(id, _)| *id == kid) {
                signers.introduced = true;
                key
            } else {
                let participant = participant_of(state, &kid)?;
                signers.participants.push(participant);
                &participant.key
            };
            if !verified.holds(number, key) && !signature.verify(key, &statement.jws.payload) {
                let detail = format!("the signature by key {} does not verify", kid.short());
                return Err(Refusal::new(Reason::Signature, detail));
            }
        }
        Ok(signers)
    }

    /// Only the recorder signed.
    pub(super) fn recorder_only(&self) -> Result<(), Refusal> {
        if self.recorder && self.participants.is_empty() && !self.introduced {
            return Ok(());
        }
        Err(Refusal::new(Reason::WrongRole, "only the server's recorder key signs this"))
    }

    /// The only participant that signed.
    pub(super) fn one(&self) -> Result<&'a Participant, Refusal> {
        match (self.participants.as_slice(), self.recorder, self.introduced) {
            ([participant], false, false) => Ok(participant),
            _ => Err(Refusal::new(Reason::WrongRole, "exactly one participant signs this")),
        }
    }

    /// Enough holders of a role signed, and nobody else except those in `besides`.
    pub(super) fn holders(
        &self,
        holders: &Holders,
        needed: u32,
        role: &str,
        besides: &[&ParticipantId],
    ) -> Result<(), Refusal> {
        if self.recorder {
            return Err(Refusal::new(Reason::WrongRole, "the server's recorder key may not sign this"));
        }
        let mut organisations: BTreeSet<&OrganisationId> = BTreeSet::new();
        for participant in &self.participants {
            if holders.holders.contains(&participant.id) {
                organisations.insert(&participant.organisation);
            } else if !besides.contains(&&participant.id) {
                let detail = format!("{} is none of the {role}", participant.id);
                return Err(Refusal::new(Reason::WrongRole, detail));
            }
        }
        if organisations.len() < needed as usize {
            let detail = format!("{} of the {needed} signatures needed from the {role}", organisations.len());
            return Err(Refusal::new(Reason::TooFewSignatures, detail));
        }
        Ok(())
    }

    /// Whether this participant is among the signers.
    pub(super) fn include(&self, id: &ParticipantId) -> bool {
        self.participants.iter().any(|participant| participant.id == *id)
    }
}

fn participant_of<'a>(state: &'a State, kid: &ctl_core::KeyId) -> Result<&'a Participant, Refusal> {
    let unknown = || {
        let detail = format!("nobody has registered key {}", kid.short());
        Refusal::new(Reason::UnknownSigner, detail)
    };
    let record = state.keys.get(kid).ok_or_else(unknown)?;
    let id = &record.participant;
    if let Some(index) = record.replaced_by {
        let detail =
            format!("key {} of {id} was replaced by entry {index}; sign with the new one", kid.short());
        return Err(Refusal::new(Reason::RotatedKey, detail));
    }
    let participant = state.participants.get(id).ok_or_else(unknown)?;
    if participant.suspended {
        let detail = format!("{id} is suspended since entry {}", participant.since);
        return Err(Refusal::new(Reason::SuspendedSigner, detail));
    }
    Ok(participant)
}
