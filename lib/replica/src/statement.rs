//! Statements: the one place where they are made, signed, sent and proven.

use std::path::PathBuf;

use ctl_core::names::Nonce;
use ctl_core::paths;
use ctl_core::{Digest, KeyId, Signer};
use ctl_governance::statement::parts::{BlobAccess, BlobRef};
use ctl_governance::statement::{Body, Entry, Payload, Statement};
use serde::Serialize;

use crate::{Pending, Proof, Receipt, Replica, ReplicaError};

/// A blob with its salt is at most so many bytes.
pub const MAX_BLOB: usize = 8 * 1024 * 1024;
/// Bytes of salt before a blob's content.
pub const SALT: usize = 32;

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
    pub fn new(content: &[u8], access: BlobAccess) -> Result<Self, ReplicaError> {
        if content.len() > MAX_BLOB - SALT {
            let problem = format!("{} bytes; at most {} are possible", content.len(), MAX_BLOB - SALT);
            return Err(ReplicaError::input("the document", problem));
        }
        let mut bytes = vec![0; SALT];
        getrandom::fill(&mut bytes).map_err(|e| ReplicaError::input("random numbers", e))?;
        bytes.extend_from_slice(content);
        Ok(Self { reference: BlobRef { access, sha256: Digest::of(&bytes) }, bytes })
    }

    /// A public blob of a text, if there is one.
    ///
    /// # Errors
    /// As [`Blob::new`].
    pub fn of_text(text: Option<&str>) -> Result<Option<Self>, ReplicaError> {
        text.map(|text| Self::new(text.as_bytes(), BlobAccess::Public)).transpose()
    }
}

impl Replica {
    /// Makes a statement on the basis of the log as last synced and signs it with these keys. Its blobs are uploaded
    /// once it is recorded.
    ///
    /// # Errors
    /// No key, a key that does not sign, nothing was synced yet, or it would be larger than a statement may be.
    pub fn write(
        &self,
        keys: &[Box<dyn Signer>],
        body: impl Into<Body>,
        blobs: Vec<Blob>,
    ) -> Result<Pending, ReplicaError> {
        if keys.is_empty() {
            return Err(ReplicaError::Input("a statement needs at least one key to be signed with".into()));
        }
        let payload = Payload {
            scheme: self.scheme(),
            issued_at: self.now(),
            basis: self.log()?.basis(),
            nonce: nonce()?,
            body: body.into(),
        };
        let jws = payload.sign(&keys.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
        let statement = Statement::from_jws(jws).map_err(|e| ReplicaError::input("the statement", e))?;
        Ok(Pending { statement, blobs: blobs.into_iter().map(|blob| blob.bytes).collect() })
    }

    /// Sends a statement, uploads its blobs, and waits, as long as [`Options::patience`](crate::Options) says, for a
    /// signed checkpoint that covers it: only then it is [`Submission::Recorded`]. What the log contains already is not
    /// sent again, so that calling this twice with the same statement records it once. Before it is sent it is noted in
    /// the folder, if there is one, and every later [`Replica::sync`] holds the log to the server's receipt.
    ///
    /// The caller has synced.
    ///
    /// # Errors
    /// [`ReplicaError::Refusal`] if the server says no, [`ReplicaError::Violation`] if the log contradicts its receipt.
    pub async fn send(&mut self, pending: &Pending) -> Result<Submission, ReplicaError> {
        let (statement, id) = (&pending.statement, pending.statement.id);
        let r#type = statement.payload.body.type_name();
        if self.log()?.state().is_recorded(&id) {
            return settle(self, pending, None).await;
        }
        let file = self.note_sending(pending)?;
        let problem = match self.transport().post(paths::STATEMENTS.plain(), statement.jws.to_bytes()).await {
            Ok(answer) => match read_receipt(self, statement, &answer)? {
                Ok(receipt) => {
                    self.note_receipt(pending, &receipt)?;
                    return settle(self, pending, Some((receipt, file))).await;
                }
                Err(problem) => problem,
            },
            Err(ReplicaError::Silence { address, problem }) => format!("{address}: {problem}"),
            Err(ReplicaError::Refusal { reason: Some(reason), detail, .. }) if reason == REPLAYED => detail,
            Err(refused) => {
                self.forget(&id);
                return Err(refused);
            }
        };
        // Whether the server has it, the log tells.
        if self.wait_for(|log| log.state().is_recorded(&id)).await? {
            return settle(self, pending, None).await;
        }
        Ok(Submission::Unknown { r#type, statement: id, problem, file })
    }
}

/// The refusal of a statement that is recorded already.
const REPLAYED: &str = "replayed";

/// The server's receipt, if it can be read; it must be for what was sent.
fn read_receipt(
    replica: &Replica,
    statement: &Statement,
    answer: &[u8],
) -> Result<Result<Receipt, String>, ReplicaError> {
    let address = replica.transport().address(paths::STATEMENTS.plain());
    let receipt: Receipt = match serde_json::from_slice(answer) {
        Ok(receipt) => receipt,
        Err(error) => return Ok(Err(format!("{address}: a strange receipt: {error}"))),
    };
    let entry = Entry::new(receipt.recorded_at, statement.clone())
        .map_err(|e| ReplicaError::input("the statement", e))?;
    if receipt.statement != statement.id || receipt.leaf_hash != entry.leaf_hash {
        return Err(ReplicaError::Violation(format!(
            "{address} gave a receipt for something else than the {} that was sent: every later command looks for it \
             in the log",
            statement.payload.body.type_name()
        )));
    }
    Ok(Ok(receipt))
}

/// Uploads the blobs of a statement that is recorded, by the server's word or the log's, and proves that it is.
async fn settle(
    replica: &mut Replica,
    pending: &Pending,
    said: Option<(Receipt, Option<PathBuf>)>,
) -> Result<Submission, ReplicaError> {
    let statement = &pending.statement;
    let r#type = statement.payload.body.type_name();
    let (mut blobs, mut not_uploaded) = (Vec::new(), Vec::new());
    for blob in &pending.blobs {
        let digest = Digest::of(blob);
        match replica.transport().put(&paths::blob(&digest), blob.clone()).await {
            Ok(()) => blobs.push(digest),
            Err(error) => not_uploaded.push(format!("blob {digest}: {error}")),
        }
    }
    let mut file = None;
    if let Some((receipt, kept)) = said {
        if !replica.wait_for_entry(receipt.index).await? {
            return Ok(Submission::Sent { r#type, receipt, file: kept });
        }
        file = kept;
        let leaf = replica.log()?.leaf(receipt.index)?;
        if leaf != receipt.leaf_hash {
            return Err(ReplicaError::Violation(format!(
                "the server gave a receipt for the {type} as entry {}, but that entry of the signed log is another \
                 one: what you sent was not recorded there",
                receipt.index
            )));
        }
    }
    let log = replica.log()?;
    let Some((index, entry)) = log.find(&statement.id)? else {
        return Err(ReplicaError::Violation(format!(
            "the log does not contain the {type} that it says it contains"
        )));
    };
    let (receipt, proof) = (Receipt::of(index, &entry), log.proof());
    if not_uploaded.is_empty() {
        replica.forget_statement(&statement.id);
        file = None;
    }
    Ok(Submission::Recorded { r#type, receipt, proof, blobs, not_uploaded, file })
}

/// Sixteen random bytes.
///
/// # Errors
/// The system gives no randomness.
pub fn nonce() -> Result<Nonce, ReplicaError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| ReplicaError::input("random numbers", e))?;
    Ok(Nonce::from_bytes(bytes))
}
