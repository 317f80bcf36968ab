//! Signing: with which keys, and whether the statement is sent or waits in a file for others to cosign.

use std::path::{Path, PathBuf};

use ctl_core::jws::Jws;
use ctl_core::{Digest, KeyId, Signer, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::{Body, Statement};
use ctl_replica::{Blob, Pending, Replica, Submission};
use serde::Serialize;
use serde_json::Value;

use crate::output::Render;
use crate::{AdminError, exit, files, key};

/// Who signs, and what becomes of the statement.
#[derive(Default)]
pub struct Signing {
    /// Who signs, at least one.
    pub keys: Vec<Box<dyn Signer>>,
    /// Write the statement to this file for others to cosign instead of sending it.
    pub out: Option<PathBuf>,
}

impl Signing {
    /// With the keys in these files, sent at once.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn with(paths: &[PathBuf]) -> Result<Self, AdminError> {
        let load = |path: &PathBuf| Ok(Box::new(key::load(path)?) as Box<dyn Signer>);
        Ok(Self { keys: paths.iter().map(load).collect::<Result<_, AdminError>>()?, out: None })
    }
}

/// What a statement says, and the documents that follow once it is recorded.
pub type Said = (Body, Vec<Blob>);

/// What people say as they ask for it: the arguments of a command, of which and of the log the statement is made.
#[expect(async_fn_in_trait, reason = "a command runs on one thread")]
pub trait Say {
    /// The statement, by the log as it is now.
    ///
    /// # Errors
    /// Something that it names cannot be used.
    fn said(&self, state: &State, now: Timestamp, signing: &Signing) -> Result<Said, AdminError>;

    /// Says it.
    ///
    /// # Errors
    /// As [`Say::said`], or refused.
    async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        let now = session.now();
        let said = self.said(&session.sync().await?.at(now), now, signing)?;
        state(session, signing, said).await
    }
}

/// The same where people are shown first what they would say.
#[expect(async_fn_in_trait, reason = "a command runs on one thread")]
pub trait Ask {
    /// What they are shown.
    type Prepared: Prepared;

    /// Makes it from the log as it is now.
    ///
    /// # Errors
    /// Something that it names cannot be used, or does not hold.
    async fn prepare(&self, session: &mut Replica, signing: &Signing) -> Result<Self::Prepared, AdminError>;

    /// Says it unasked.
    ///
    /// # Errors
    /// As [`Ask::prepare`], or refused.
    async fn run(&self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        self.prepare(session, signing).await?.send(session, signing).await
    }
}

/// A statement to be looked at before it is signed.
#[expect(async_fn_in_trait, reason = "a command runs on one thread")]
pub trait Prepared: Render + Serialize + Sized {
    /// What is asked.
    const QUESTION: &'static str;

    /// The statement.
    ///
    /// # Errors
    /// It cannot be said so.
    fn said(self) -> Result<Said, AdminError>;

    /// Signs it, and sends it or writes it to a file.
    ///
    /// # Errors
    /// As [`state`].
    async fn send(self, session: &mut Replica, signing: &Signing) -> Result<Submission, AdminError> {
        state(session, signing, self.said()?).await
    }
}

/// Signs a statement on the basis of the log as it is now, and sends it or writes it to a file. Blobs follow once it is
/// recorded. The caller has synced to build the body.
///
/// # Errors
/// No key, a key that does not sign, or refused.
pub async fn state(
    session: &mut Replica,
    signing: &Signing,
    (body, blobs): Said,
) -> Result<Submission, AdminError> {
    if signing.keys.is_empty() {
        return Err(AdminError::input("--key", "a statement needs at least one key to be signed with"));
    }
    let pending = session.write(&signing.keys, body, blobs)?;
    Ok(match &signing.out {
        Some(file) => pending.write_new(file)?,
        None => session.send(&pending).await?,
    })
}

/// What someone is asked to cosign.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The statement's type.
    pub r#type: &'static str,
    /// Its identity.
    pub statement: Digest,
    /// The scheme it is for; zeroes for a genesis.
    pub scheme: Digest,
    /// When its author signed.
    pub issued_at: Timestamp,
    /// Who has signed.
    pub signed_by: Vec<KeyId>,
    /// What it says.
    pub body: Value,
}

impl Request {
    /// What someone is asked to sign with this statement.
    #[must_use]
    pub fn of(statement: &Statement) -> Self {
        let payload = &statement.payload;
        Self {
            r#type: payload.body.type_name(),
            statement: statement.id,
            scheme: payload.scheme,
            issued_at: payload.issued_at,
            signed_by: statement.jws.signatures.iter().map(|signature| signature.protected.kid).collect(),
            body: payload.body.to_value(),
        }
    }
}

impl Render for Request {
    fn text(&self) -> String {
        let body = serde_json::to_string_pretty(&self.body).unwrap_or_default();
        format!(
            "{} {}\nscheme {}\nsigned at {} by {} key(s)\n{body}\n",
            self.r#type,
            self.statement.short(),
            self.scheme,
            self.issued_at,
            self.signed_by.len()
        )
    }
}

impl Render for Submission {
    fn text(&self) -> String {
        match self {
            Self::Recorded { r#type, receipt, proof, blobs, not_uploaded, file } => {
                let mut text = format!(
                    "recorded {type} as entry {} at {}\nleaf hash {}\n{proof}\n",
                    receipt.index, receipt.recorded_at, receipt.leaf_hash
                );
                blobs.iter().for_each(|digest| text += &format!("uploaded blob {digest}\n"));
                not_uploaded.iter().for_each(|problem| text += &format!("NOT UPLOADED: {problem}\n"));
                match file {
                    Some(file) if !not_uploaded.is_empty() => text + &again("upload it", file),
                    _ => text,
                }
            }
            Self::Sent { r#type, receipt, file } => {
                let text = format!(
                    "sent {type}, NOT YET PROVEN: the server says that it recorded it as entry {} at {}, and no signed \
                     checkpoint covers that entry yet.\nEvery later command looks for it; ctl-admin receipts does \
                     nothing else\n",
                    receipt.index, receipt.recorded_at
                );
                file.as_ref()
                    .map_or_else(|| text.clone(), |file| text.clone() + &again("send it again", file))
            }
            Self::Unknown { r#type, statement, problem, file } => {
                let text = format!(
                    "UNKNOWN whether {type} {statement} was recorded: {problem}. It is not in the log so far.\nEvery \
                     later command looks for it; ctl-admin receipts does nothing else\n"
                );
                file.as_ref()
                    .map_or_else(|| text.clone(), |file| text.clone() + &again("send it again", file))
            }
            Self::Pending { r#type, file, statement, signed_by } => format!(
                "wrote {type} {} with {} signature(s) to {}\nothers add theirs with: ctl-admin cosign {2} --key KEY\n\
                 then: ctl-admin submit {2}\n",
                statement.short(),
                signed_by.len(),
                file.display()
            ),
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Recorded { not_uploaded, .. } if !not_uploaded.is_empty() => exit::NO,
            Self::Recorded { .. } | Self::Pending { .. } => exit::DONE,
            Self::Sent { .. } => exit::UNPROVEN,
            Self::Unknown { .. } => exit::UNKNOWN,
        }
    }
}

/// What was sent is in the log once at most, so it may be sent as often as one likes.
fn again(what: &str, file: &Path) -> String {
    format!("{what}, if it is not there: ctl-admin submit {}\n", file.display())
}

/// Sends a statement that was written to a file, unless the log contains it already.
///
/// # Errors
/// The file is none, is for another scheme, or the server refuses it.
pub async fn submit(session: &mut Replica, path: &Path) -> Result<Submission, AdminError> {
    let pending = Pending::read(path)?;
    if pending.statement.payload.scheme != session.scheme() {
        return Err(AdminError::input(path.display(), "is for another scheme"));
    }
    session.sync().await?;
    Ok(session.send(&pending).await?)
}

/// Reads a JWS from a file.
pub(crate) fn read_jws(path: &Path, limit: usize) -> Result<Jws, AdminError> {
    Jws::parse(&files::read(path, limit)?, limit).map_err(|e| AdminError::input(path.display(), e))
}
