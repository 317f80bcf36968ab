//! Signing a draft, and what the log proves of it afterwards.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ctl_core::jws::Signature;
use ctl_core::paths::SIGNATURES;
use ctl_core::role::Role;
use ctl_core::tuf::TufSignature;
use ctl_core::{Digest, Signer, json};
use ctl_governance::draft::SaeCms;
use ctl_governance::statement::Body;
use ctl_governance::statement::body::{DocumentSignature, MetadataSignature, PublicationRecord};
use ctl_replica::{Proof, Replica, ReplicaError};
use serde::{Deserialize, Serialize};

use super::Prepared;
use crate::output::Render;
use crate::{AdminError, exit};

/// What came of a signature.
#[derive(Clone, Debug, Serialize)]
pub struct Signed {
    /// Whose draft.
    pub role: Role,
    /// How many valid signatures there are, by the server's word.
    pub have: u32,
    /// How many are needed, by the server's word.
    pub needed: u32,
    /// Index of the publication's entry, once there are enough; by the server's word, unless there is a proof.
    pub published: Option<u64>,
    /// The signed checkpoint below which the publication was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Whether this signature is part of the publication; the others may have been enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub included: Option<bool>,
}

impl Render for Signed {
    fn text(&self) -> String {
        let Self { role, have, needed, .. } = self;
        match (self.published, &self.proof) {
            (Some(index), Some(proof)) => {
                let without = match self.included {
                    Some(false) => "; the others' signatures were enough, yours is not among them",
                    _ => "",
                };
                format!("signed; published as entry {index}{without}\n{proof}\n")
            }
            (Some(index), None) => format!(
                "signed, NOT YET PROVEN: the server says that it published it as entry {index}, and no signed \
                 checkpoint covers that entry yet. ctl-admin draft show {role} says that there is nothing to sign once the \
                 log contains it\n"
            ),
            (None, _) => format!(
                "signed; the server says that it has {have} of {needed} signatures. It proves nothing before it is \
                 published: if that takes long, see with ctl-admin draft show {role} whether it still counts yours\n"
            ),
        }
    }

    /// The exit status that goes with it. Below the threshold nothing can be proven: the draft is open, and the other
    /// signers see who has signed.
    fn exit_code(&self) -> u8 {
        match (self.published, &self.proof) {
            (Some(_), None) => exit::UNPROVEN,
            _ => exit::DONE,
        }
    }
}

/// The server's answer to signatures.
#[derive(Deserialize)]
struct Answer {
    have: u32,
    needed: u32,
    #[serde(default)]
    published: Option<u64>,
}

#[derive(Serialize)]
struct Ceremony {
    draft: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_signature: Option<DocumentSignature>,
    metadata_signature: MetadataSignature,
    #[serde(skip_serializing_if = "Option::is_none")]
    sae_cms_signature: Option<MetadataSignature>,
}

impl Prepared {
    /// The bytes to be signed.
    #[must_use]
    pub const fn documents(&self) -> &ctl_governance::draft::Documents {
        &self.documents
    }

    /// Signs document, metadata and, where there is one, the SAE list in CMS in one ceremony and sends the signatures. If that completes it, waits for the
    /// proof of the publication. The same signature may be sent again: it counts once.
    ///
    /// # Errors
    /// The key may not sign for the role or does not sign, the server refuses, or the log contradicts what it says.
    pub async fn sign(&self, session: &mut Replica, signer: &dyn Signer) -> Result<Signed, AdminError> {
        let ceremony = self.ceremony(signer)?;
        let path = SIGNATURES.of(&[&self.role]);
        let transport = session.transport();
        let address = transport.address(&path);
        let unknown = |problem: String| AdminError::Unanswered {
            address: address.clone(),
            problem: format!("{problem}. Sign again: the same signature counts once"),
        };
        let answer =
            transport.post(&path, json::canonical(&ceremony)).await.map_err(|error| match error {
                ReplicaError::Silence { problem, .. } => unknown(problem),
                other => other.into(),
            })?;
        let Answer { have, needed, published } =
            serde_json::from_slice(&answer).map_err(|e| unknown(format!("a strange answer: {e}")))?;
        let mut signed =
            Signed { role: self.role.clone(), have, needed, published, proof: None, included: None };
        if let Some(index) = published
            && session.wait_for_entry(index).await?
        {
            let log = session.log()?;
            let record = self.publication(log.entry(index)?.statement.payload.body);
            let Some(record) = record else {
                return Err(AdminError::Untrue(format!(
                    "the server says that it published draft {} of {} as entry {index}, but that entry of the signed \
                     log is something else",
                    self.draft, self.role
                )));
            };
            signed.included = Some(record.metadata_signatures.contains(&ceremony.metadata_signature));
            signed.proof = Some(log.proof());
        }
        Ok(signed)
    }

    /// The publication of this draft, if the entry is one.
    fn publication(&self, body: Body) -> Option<Box<PublicationRecord>> {
        let Body::PublicationRecord(record) = body else { return None };
        let same = record.role == self.role
            && record.draft == self.draft
            && record.metadata == Digest::of(&self.documents.metadata);
        same.then_some(record)
    }

    fn ceremony(&self, signer: &dyn Signer) -> Result<Ceremony, AdminError> {
        let keyid = signer.public_key().key_id();
        if self.signers.iter().all(|named| named.key_id != keyid) {
            return Err(AdminError::NotNow(format!(
                "key {keyid} may not sign for {}: devices do not know it as one of its keys",
                self.role
            )));
        }
        let documents = &self.documents;
        let document_signature = match (&documents.document, Role::document_typ(&self.role)) {
            (Some(document), Some(typ)) => {
                let signature = Signature::sign(signer, typ, document)?;
                Some(DocumentSignature {
                    protected: signature.protected_base64,
                    signature: BASE64_URL_SAFE_NO_PAD.encode(signature.signature),
                })
            }
            _ => None,
        };
        let TufSignature { sig, .. } = TufSignature::over(&documents.metadata, signer)?;
        let metadata_signature = MetadataSignature { keyid, sig };
        let sae_cms_signature = match &documents.sae_cms {
            SaeCms::Drafted { attributes, .. } => Some(MetadataSignature::over_cms(signer, &attributes.0)?),
            SaeCms::Unwanted | SaeCms::Impossible { .. } => None,
        };
        Ok(Ceremony { draft: self.draft, document_signature, metadata_signature, sae_cms_signature })
    }
}
