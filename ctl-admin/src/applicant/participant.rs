//! Participants: registration, a new key, suspension, and who there is.

use std::path::PathBuf;

use clap::Args;
use ctl_core::names::{Label, OrganisationId, ParticipantId};
use ctl_core::{KeyId, Timestamp};
use ctl_governance::State;
use ctl_governance::state::Participant;
use ctl_governance::statement::body::{ParticipantRegister, ParticipantRotateKey, ParticipantSuspend};
use ctl_governance::statement::parts::{NewParticipant, ParticipantKind};
use ctl_replica::Replica;
use serde::Serialize;

use crate::applicant::application::sorted;
use crate::arguments::word;
use crate::output::{Render, table};
use crate::signing::{Said, Say, Signing};
use crate::{AdminError, key};

/// Registers a participant: signed by its own key and by admissions officers.
#[derive(Args, Clone, Debug)]
pub struct Register {
    /// Its id, like acme-v2g
    #[arg(long)]
    pub id: ParticipantId,
    /// Its organisation's id
    #[arg(long)]
    pub organisation: OrganisationId,
    /// Its name for people: of a company or office, never of a person
    #[arg(long)]
    pub name: Label,
    /// What it is, like pki-operator; may be given several times
    #[arg(long = "kind", required = true, value_parser = word::<ParticipantKind>)]
    pub kinds: Vec<ParticipantKind>,
    /// Its public key, if it is not that of the first --key
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
}

impl Say for Register {
    fn said(&self, _: &State, _: Timestamp, signing: &Signing) -> Result<Said, AdminError> {
        let key = match (&self.public_key, signing.keys.first()) {
            (Some(path), _) => key::load_public(path)?,
            (None, Some(own)) => own.public_key(),
            (None, None) => {
                return Err(AdminError::input("--key", "the new participant's own key signs first"));
            }
        };
        let participant = NewParticipant {
            id: self.id.clone(),
            organisation: self.organisation.clone(),
            name: self.name.clone(),
            kinds: sorted(self.kinds.clone()),
            key,
        };
        Ok((ParticipantRegister { participant }.into(), Vec::new()))
    }
}

/// Gives a participant a new key: signed by the old one, which is the first of the signing keys, and
/// the new one, which is the second.
#[derive(Args, Clone, Copy, Debug)]
pub struct RotateKey;

impl Say for RotateKey {
    fn said(&self, state: &State, _: Timestamp, signing: &Signing) -> Result<Said, AdminError> {
        let [old, new] = signing.keys.as_slice() else {
            return Err(AdminError::input("--key", "give two keys: first the old one, then the new one"));
        };
        let participant = holder(state, old.as_ref())?;
        let body =
            ParticipantRotateKey { new: new.public_key(), old: old.public_key().key_id(), participant };
        Ok((body.into(), Vec::new()))
    }
}

/// Suspends a participant: by itself, or by admissions officers.
#[derive(Args, Clone, Debug)]
pub struct Suspend {
    /// Who
    pub participant: ParticipantId,
}

impl Say for Suspend {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        Ok((ParticipantSuspend { participant: self.participant.clone() }.into(), Vec::new()))
    }
}

/// Whose present key this is.
fn holder(state: &State, key: &dyn ctl_core::Signer) -> Result<ParticipantId, AdminError> {
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

/// A participant, in a row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its id.
    pub id: ParticipantId,
    /// Its organisation.
    pub organisation: OrganisationId,
    /// What it is.
    pub kinds: Vec<ParticipantKind>,
    /// The id of its present key.
    pub keyid: KeyId,
    /// What a reader should know of its standing: suspended, accredited.
    pub standing: String,
}

/// Who there is.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Participants(pub Vec<Row>);

impl Render for Participants {
    fn text(&self) -> String {
        let rows = self.0.iter().map(|row| {
            let kinds = serde_json::to_value(&row.kinds).unwrap_or_default();
            let kinds: Vec<&str> =
                kinds.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
            let key = row.keyid.short();
            vec![
                row.id.to_string(),
                row.organisation.to_string(),
                kinds.join(", "),
                key,
                row.standing.clone(),
            ]
        });
        table(&["id", "organisation", "kinds", "key", "standing"], rows)
    }
}

/// Lists the participants, all or those of one kind.
///
/// # Errors
/// The log cannot be had or does not hold.
pub async fn list(session: &mut Replica, kind: Option<ParticipantKind>) -> Result<Participants, AdminError> {
    let now = session.now();
    let replayed = session.sync().await?;
    let state = replayed.at(now);
    let wanted = |participant: &&Participant| kind.is_none_or(|kind| participant.kinds.contains(&kind));
    let rows = state.participants.values().filter(wanted).map(|participant| Row {
        id: participant.id.clone(),
        organisation: participant.organisation.clone(),
        kinds: participant.kinds.clone(),
        keyid: participant.key.key_id(),
        standing: standing(&state, participant, now),
    });
    Ok(Participants(rows.collect()))
}

fn standing(state: &State, participant: &Participant, now: Timestamp) -> String {
    let mut words = Vec::new();
    if participant.suspended {
        words.push(format!("suspended by entry {}", participant.since));
    }
    if let Some(found) = state.auditors.get(&participant.id) {
        words.push(match (found.withdrawn, found.expires_at) {
            (Some((at, cause)), _) => format!("accreditation withdrawn at {at} by proposal {cause}"),
            (None, Some(end)) if end <= now => format!("accreditation ended at {end}"),
            (None, Some(end)) => format!("accredited by proposal {} until {end}", found.cause),
            (None, None) => format!("accredited by proposal {}", found.cause),
        });
    } else if participant.kinds.contains(&ParticipantKind::Auditor) {
        words.push("not accredited".into());
    }
    words.join("; ")
}
