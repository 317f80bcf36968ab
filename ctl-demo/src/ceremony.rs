//! Signing ceremonies: each signer's tool rebuilds the draft from the log, compares it with what the
//! server shows, and signs.

use std::time::Instant;

use ctl_admin::ctl_core::role::Role;
use ctl_admin::signer::draft::{self, Prepared, Tolerance};
use ctl_admin::{AdminError, key};

use crate::people::People;
use crate::wait::PATIENCE;
use crate::{Problem, wait};

/// What came of a ceremony.
pub(crate) struct Published {
    /// Index of the publication's entry.
    pub(crate) index: u64,
    /// What the last signer signed.
    pub(crate) draft: Prepared,
}

/// These people sign the draft of a role that takes in the log up to the entry `after`.
pub(crate) async fn hold(
    people: &mut People,
    role: &str,
    signers: &[Signer<'_>],
    after: u64,
) -> Result<Published, Problem> {
    let parsed: Role = role.parse().map_err(|_| Problem::Unexpected(format!("{role} is no role")))?;
    let deadline = Instant::now() + PATIENCE;
    wait::until(format!("the publication of {role}"), async || {
        match round(people, &parsed, signers, after).await {
            // There is no draft yet, or time has passed and a newer draft has taken its place: what a
            // person would do is look again. What is still wrong at the end is reported.
            Err(Problem::Admin(
                AdminError::NotNow(_) | AdminError::Refused { .. } | AdminError::Untrue(_),
            )) if Instant::now() < deadline => Ok(None),
            other => other,
        }
    })
    .await
}

/// A person, and the name of the key.
#[derive(Clone, Copy)]
pub(crate) struct Signer<'a> {
    pub(crate) id: &'a str,
    pub(crate) key: &'a str,
}

/// People whose keys have their names.
pub(crate) fn signers<const N: usize>(ids: [&str; N]) -> [Signer<'_>; N] {
    ids.map(|id| Signer { id, key: id })
}

async fn round(
    people: &mut People,
    role: &Role,
    signers: &[Signer<'_>],
    after: u64,
) -> Result<Option<Published>, Problem> {
    for signer in signers {
        let key = key::load(&people.key(signer.key))?;
        let session = people.session(signer.id)?;
        let draft = draft::prepare(session, role, Tolerance::default()).await?;
        if draft.draft <= after {
            return Ok(None);
        }
        let signed = draft.sign(session, &key).await?;
        if let Some(index) = signed.published {
            return Ok(Some(Published { index, draft }));
        }
    }
    Ok(None)
}
