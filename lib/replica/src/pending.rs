//! Statements that need several signatures travel as a file: written by the first, cosigned by the
//! others, submitted by anyone.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::{KeyId, Signer, json, jws};
use ctl_governance::statement::Statement;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::statement::{MAX_BLOB, Submission};
use crate::{ReplicaError, files};

/// A file with a statement and its blobs is at most so many bytes.
pub(crate) const MAX_FILE: usize = 4 * MAX_BLOB;

/// A statement with the blobs to upload once it is recorded.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The statement, with the signatures so far.
    pub statement: Statement,
    /// Salt and content of each blob that it names.
    pub blobs: Vec<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PendingFile {
    statement: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    blobs: Vec<String>,
}

impl Pending {
    /// Reads such a file.
    ///
    /// # Errors
    /// It cannot be read or is none.
    pub fn read(path: &Path) -> Result<Self, ReplicaError> {
        let refused = |e: &dyn std::fmt::Display| ReplicaError::input(path.display(), e);
        let file: PendingFile =
            serde_json::from_slice(&files::read(path, MAX_FILE)?).map_err(|e| refused(&e))?;
        // Read again by the strict reader, which refuses what may not be signed.
        let envelope = json::canonical(&file.statement);
        let statement = Statement::parse(&envelope).map_err(|e| refused(&e))?;
        let mut blobs = Vec::new();
        for blob in file.blobs {
            blobs.push(BASE64_STANDARD.decode(blob).map_err(|e| refused(&e))?);
        }
        Ok(Self { statement, blobs })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let blobs = self.blobs.iter().map(|blob| BASE64_STANDARD.encode(blob)).collect();
        json::canonical(&PendingFile { statement: self.statement.jws.to_value(), blobs })
    }

    fn outcome(&self, file: &Path) -> Submission {
        Submission::Pending {
            r#type: self.statement.payload.body.type_name(),
            file: file.to_owned(),
            statement: self.statement.id,
            signed_by: self.signed_by(),
        }
    }

    fn signed_by(&self) -> Vec<KeyId> {
        self.statement.jws.signatures.iter().map(|signature| signature.protected.kid).collect()
    }

    /// Writes it to a file that does not exist yet.
    ///
    /// # Errors
    /// It exists, or cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<Submission, ReplicaError> {
        files::write_new(path, &self.to_bytes())?;
        Ok(self.outcome(path))
    }

    /// Adds signatures and writes the file again.
    ///
    /// # Errors
    /// A key has signed already, or the file cannot be written.
    pub fn cosign(mut self, path: &Path, signers: &[Box<dyn Signer>]) -> Result<Submission, ReplicaError> {
        let typ = self.statement.payload.body.typ();
        for signer in signers {
            let signature = jws::Signature::sign(signer.as_ref(), &typ, &self.statement.jws.payload)?;
            if self.signed_by().contains(&signature.protected.kid) {
                return Err(ReplicaError::Misuse(format!(
                    "{} is signed by this key already",
                    path.display()
                )));
            }
            self.statement.jws.signatures.push(signature);
        }
        files::write(path, &self.to_bytes())?;
        Ok(self.outcome(path))
    }
}
