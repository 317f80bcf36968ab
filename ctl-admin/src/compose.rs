//! Statements: the one place where they are made, signed and sent.

use std::path::PathBuf;

use ctl_core::names::Nonce;
use ctl_core::statement::parts::{BlobAccess, BlobRef};
use ctl_core::statement::{Body, Entry, Payload, Statement};
use ctl_core::{Digest, KeyId, PrivateKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::output::Render;
use crate::pending::Pending;
use crate::{AdminError, Session, key};

/// A blob with its salt is at most so many bytes.
pub const MAX_BLOB: usize = 8 * 1024 * 1024;
/// Octets of salt before a blob's content.
pub const SALT: usize = 32;

/// Who signs, and what becomes of the statement.
#[derive(Default)]
pub struct Signing {
    /// The keys that sign, at least one.
    pub keys: Vec<PrivateKey>,
    /// Write the statement to this file for others to cosign instead of sending it.
    pub out: Option<PathBuf>,
}

impl Signing {
    /// With the keys in these files, sent at once.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn with(paths: &[PathBuf]) -> Result<Self, AdminError> {
        let keys = paths.iter().map(|path| key::load(path)).collect::<Result<_, _>>()?;
        Ok(Self { keys, out: None })
    }
}

/// The server's receipt, checked against what was sent.
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

/// What became of a statement.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Submission {
    /// It is in the log.
    Recorded {
        /// Its type.
        r#type: &'static str,
        /// The receipt.
        #[serde(flatten)]
        receipt: Receipt,
        /// Blobs that were uploaded with it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        blobs: Vec<Digest>,
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
    /// The receipt, if it was recorded.
    #[must_use]
    pub const fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Recorded { receipt, .. } => Some(receipt),
            Self::Pending { .. } => None,
        }
    }
}

impl Render for Submission {
    fn text(&self) -> String {
        match self {
            Self::Recorded { r#type, receipt, blobs } => {
                let blobs: String = blobs.iter().map(|digest| format!("uploaded blob {digest}\n")).collect();
                format!(
                    "recorded {type} as entry {} at {}\nleaf hash {}\n{blobs}",
                    receipt.index, receipt.recorded_at, receipt.leaf_hash
                )
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
/// No key, or refused.
pub async fn state(
    session: &Session,
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
    let jws = payload.sign(&signing.keys.iter().collect::<Vec<_>>());
    let statement = Statement::from_jws(jws).map_err(|e| AdminError::input("the statement", e))?;
    let blobs = blobs.into_iter().map(|blob| blob.bytes).collect();
    let pending = Pending { statement, blobs };
    match &signing.out {
        Some(file) => pending.write_new(file),
        None => send(session, &pending).await,
    }
}

/// Sends a statement and uploads its blobs.
///
/// # Errors
/// Refused, or the receipt is not for what was sent.
pub async fn send(session: &Session, pending: &Pending) -> Result<Submission, AdminError> {
    let transport = session.transport();
    let statement = &pending.statement;
    let answer = transport.post("v1/statements", statement.jws.to_bytes()).await?;
    let address = transport.address("v1/statements");
    let receipt: Receipt = serde_json::from_slice(&answer).map_err(|e| AdminError::Network {
        address: address.clone(),
        problem: format!("a strange receipt: {e}"),
    })?;
    let entry = Entry::new(receipt.recorded_at, statement.clone())
        .map_err(|e| AdminError::input("the statement", e))?;
    if receipt.statement != statement.id || receipt.leaf_hash != entry.leaf_hash {
        return Err(AdminError::Untrue(format!(
            "{address} gave a receipt for something else than the {} that was sent: look for it in the log",
            statement.payload.body.type_name()
        )));
    }
    let mut blobs = Vec::new();
    for blob in &pending.blobs {
        let digest = Digest::of(blob);
        transport.put(&format!("v1/blobs/{digest}"), blob.clone()).await?;
        blobs.push(digest);
    }
    Ok(Submission::Recorded { r#type: statement.payload.body.type_name(), receipt, blobs })
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
