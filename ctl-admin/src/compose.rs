//! Statements: the one place where they are made, signed and sent.

use std::path::{Path, PathBuf};

use ctl_core::names::Nonce;
use ctl_core::{Digest, KeyId, Signer, Timestamp};
use ctl_governance::statement::parts::{BlobAccess, BlobRef};
use ctl_governance::statement::{Body, Entry, Payload, Statement};
use serde::{Deserialize, Serialize};

use crate::output::Render;
use crate::pending::Pending;
use crate::receipts::Proof;
use crate::{AdminError, Session, exit, key};

/// A blob with its salt is at most so many bytes.
pub const MAX_BLOB: usize = 8 * 1024 * 1024;
/// Octets of salt before a blob's content.
pub const SALT: usize = 32;

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

/// The server's receipt, checked against what was sent: its word, until the log proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Index of the entry.
    pub index: u64,
    /// Its leaf hash.
    pub leaf_hash: Digest,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The statement's identity.
    pub statement: Digest,
}

impl Receipt {
    /// Of an entry in the log.
    #[must_use]
    pub fn of(index: u64, entry: &Entry) -> Self {
        let Entry { recorded_at, leaf_hash, ref statement, .. } = *entry;
        Self { index, leaf_hash, recorded_at, statement: statement.id }
    }
}

/// What became of a statement.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Submission {
    /// It is in the log: a signed checkpoint covers it.
    Recorded {
        /// Its type.
        r#type: &'static str,
        /// The receipt.
        #[serde(flatten)]
        receipt: Receipt,
        /// The checkpoint.
        proof: Proof,
        /// Blobs that were uploaded with it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        blobs: Vec<Digest>,
        /// Blobs that the server did not take, and why, in lines.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_uploaded: Vec<String>,
        /// The file to upload them from.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
    },
    /// The server says that it recorded it. Nothing proves it yet.
    Sent {
        /// Its type.
        r#type: &'static str,
        /// What the server says.
        #[serde(flatten)]
        receipt: Receipt,
        /// The statement, to be sent again if need be.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
    },
    /// The server gave no answer, and it is not in the log.
    Unknown {
        /// Its type.
        r#type: &'static str,
        /// The statement's identity.
        statement: Digest,
        /// What happened.
        problem: String,
        /// The statement, to be sent again if need be.
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<PathBuf>,
    },
    /// It waits in a file for more signatures.
    Pending {
        /// Its type.
        r#type: &'static str,
        /// The file.
        file: PathBuf,
        /// The statement's identity.
        statement: Digest,
        /// Who has signed.
        signed_by: Vec<KeyId>,
    },
}

impl Submission {
    /// The receipt, if it is proven that it was recorded.
    #[must_use]
    pub const fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Recorded { receipt, .. } => Some(receipt),
            Self::Sent { .. } | Self::Unknown { .. } | Self::Pending { .. } => None,
        }
    }

    /// The exit status that goes with it.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Recorded { not_uploaded, .. } if !not_uploaded.is_empty() => exit::NO,
            Self::Recorded { .. } | Self::Pending { .. } => exit::DONE,
            Self::Sent { .. } => exit::UNPROVEN,
            Self::Unknown { .. } => exit::UNKNOWN,
        }
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
}

/// What was sent is in the log once at most, so it may be sent as often as one likes.
fn again(what: &str, file: &Path) -> String {
    format!("{what}, if it is not there: ctl-admin submit {}\n", file.display())
}

/// A blob made of a text or file: fresh salt, then the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What a statement names it by.
    pub reference: BlobRef,
    /// What is uploaded.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// A blob of this content with fresh salt.
    ///
    /// # Errors
    /// Too large, or the system gives no randomness.
    pub fn new(content: &[u8], access: BlobAccess) -> Result<Self, AdminError> {
        if content.len() > MAX_BLOB - SALT {
            let problem = format!("{} bytes; at most {} are possible", content.len(), MAX_BLOB - SALT);
            return Err(AdminError::input("the document", problem));
        }
        let mut bytes = vec![0; SALT];
        getrandom::fill(&mut bytes).map_err(|e| AdminError::input("random numbers", e))?;
        bytes.extend_from_slice(content);
        Ok(Self { reference: BlobRef { access, sha256: Digest::of(&bytes) }, bytes })
    }

    /// A public blob of a text, if there is one.
    ///
    /// # Errors
    /// As [`Blob::new`].
    pub fn of_text(text: Option<&str>) -> Result<Option<Self>, AdminError> {
        text.map(|text| Self::new(text.as_bytes(), BlobAccess::Public)).transpose()
    }
}

/// Makes a statement on the basis of the log as it is now, signs it, and sends it or writes it to a
/// file. Blobs follow once it is recorded. The caller has synced the session to build the body.
///
/// # Errors
/// No key, a key that does not sign, or refused.
pub async fn state(
    session: &mut Session,
    signing: &Signing,
    body: impl Into<Body>,
    blobs: Vec<Blob>,
) -> Result<Submission, AdminError> {
    if signing.keys.is_empty() {
        return Err(AdminError::input("--key", "a statement needs at least one key to be signed with"));
    }
    let payload = Payload {
        scheme: session.scheme(),
        issued_at: session.now(),
        basis: session.replayed()?.basis(),
        nonce: nonce()?,
        body: body.into(),
    };
    let jws = payload.sign(&signing.keys.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
    let statement = Statement::from_jws(jws).map_err(|e| AdminError::input("the statement", e))?;
    let blobs = blobs.into_iter().map(|blob| blob.bytes).collect();
    let pending = Pending { statement, blobs };
    match &signing.out {
        Some(file) => pending.write_new(file),
        None => send(session, &pending).await,
    }
}

/// Sends a statement, uploads its blobs, and waits for a signed checkpoint that covers it. What the log contains
/// already is not sent again. The caller has synced the session.
///
/// # Errors
/// Refused, or the log contradicts the server's receipt.
pub async fn send(session: &mut Session, pending: &Pending) -> Result<Submission, AdminError> {
    let (statement, id) = (&pending.statement, pending.statement.id);
    let r#type = statement.payload.body.type_name();
    if session.replayed()?.state.is_recorded(&id) {
        return settle(session, pending, None).await;
    }
    let file = session.note_sending(pending)?;
    let problem = match session.transport().post("v1/statements", statement.jws.to_bytes()).await {
        Ok(answer) => match read_receipt(session, statement, &answer)? {
            Ok(receipt) => {
                session.note_receipt(pending, &receipt)?;
                return settle(session, pending, Some((receipt, file))).await;
            }
            Err(problem) => problem,
        },
        Err(AdminError::Unanswered { address, problem }) => format!("{address}: {problem}"),
        Err(AdminError::Refused { reason: Some(reason), detail, .. }) if reason == REPLAYED => detail,
        Err(refused) => {
            session.forget_sending(&id);
            return Err(refused);
        }
    };
    // Whether the server has it, the log tells.
    if session.wait_for(|log| log.state.is_recorded(&id)).await? {
        return settle(session, pending, None).await;
    }
    Ok(Submission::Unknown { r#type, statement: id, problem, file })
}

/// The refusal of a statement that is recorded already.
const REPLAYED: &str = "replayed";

/// The server's receipt, if it can be read; it must be for what was sent.
fn read_receipt(
    session: &Session,
    statement: &Statement,
    answer: &[u8],
) -> Result<Result<Receipt, String>, AdminError> {
    let address = session.transport().address("v1/statements");
    let receipt: Receipt = match serde_json::from_slice(answer) {
        Ok(receipt) => receipt,
        Err(error) => return Ok(Err(format!("{address}: a strange receipt: {error}"))),
    };
    let entry = Entry::new(receipt.recorded_at, statement.clone())
        .map_err(|e| AdminError::input("the statement", e))?;
    if receipt.statement != statement.id || receipt.leaf_hash != entry.leaf_hash {
        return Err(AdminError::Untrue(format!(
            "{address} gave a receipt for something else than the {} that was sent: every later command looks for it \
             in the log",
            statement.payload.body.type_name()
        )));
    }
    Ok(Ok(receipt))
}

/// Uploads the blobs of a statement that is recorded, by the server's word or the log's, and proves that it is.
async fn settle(
    session: &mut Session,
    pending: &Pending,
    said: Option<(Receipt, Option<PathBuf>)>,
) -> Result<Submission, AdminError> {
    let statement = &pending.statement;
    let r#type = statement.payload.body.type_name();
    let (mut blobs, mut not_uploaded) = (Vec::new(), Vec::new());
    for blob in &pending.blobs {
        let digest = Digest::of(blob);
        match session.transport().put(&format!("v1/blobs/{digest}"), blob.clone()).await {
            Ok(()) => blobs.push(digest),
            Err(error) => not_uploaded.push(format!("blob {digest}: {error}")),
        }
    }
    let mut file = None;
    if let Some((receipt, kept)) = said {
        if !session.reach(receipt.index).await? {
            return Ok(Submission::Sent { r#type, receipt, file: kept });
        }
        file = kept;
        let leaf = session.replayed()?.tree.leaf(receipt.index)?;
        if leaf != receipt.leaf_hash {
            return Err(AdminError::Untrue(format!(
                "the server gave a receipt for the {type} as entry {}, but that entry of the signed log is another \
                 one: what you sent was not recorded there",
                receipt.index
            )));
        }
    }
    let log = session.replayed()?;
    let Some((index, entry)) = log.find(&statement.id) else {
        return Err(AdminError::Untrue(format!(
            "the log does not contain the {type} that it says it contains"
        )));
    };
    let (receipt, proof) = (Receipt::of(index, &entry), log.proof());
    if not_uploaded.is_empty() {
        session.forget_statement(&statement.id);
        file = None;
    }
    Ok(Submission::Recorded { r#type, receipt, proof, blobs, not_uploaded, file })
}

/// Sixteen random octets.
///
/// # Errors
/// The system gives no randomness.
pub(crate) fn nonce() -> Result<Nonce, AdminError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| AdminError::input("random numbers", e))?;
    Ok(Nonce::from_bytes(bytes))
}
