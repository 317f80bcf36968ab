//! The SAE list in CMS: one more byte string of a list's draft, where the charter asks for it.
//!
//! What is signed are the signed attributes over the SAE list that follows from the payload, at the payload's
//! `issued_at`. Where that cannot be, the draft says why, and the rest of it is signed as always.

use std::collections::BTreeMap;

use ctl_core::keys::KeyId;
use ctl_core::list::ListPayload;
use ctl_core::parts::Der;
use ctl_core::publication::MetadataSignature;
use ctl_core::role::Role;
use ctl_formats::cms::signed_attributes;
use ctl_formats::sae::SaeExport;
use ctl_pki::Certificate;
use serde::{Deserialize, Serialize};

use crate::State;
use crate::statement::sae_cms::{SaeCmsCharter, key_of};

/// What of an SAE list in CMS is to be signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaeCms {
    /// The charter does not ask for it.
    #[default]
    Unwanted,
    /// This version has none.
    Impossible {
        /// Why, for people.
        reason: String,
    },
    /// It is signed in the ceremony, by everyone who signs.
    Drafted {
        /// The signed attributes as SET OF in DER: what each signs by ECDSA with SHA-512.
        attributes: Der,
        /// The certificates of those who may sign.
        certificates: BTreeMap<KeyId, Der>,
    },
}

impl SaeCms {
    pub(super) fn of(state: &State, charter: Option<&SaeCmsCharter>, payload: &ListPayload) -> Self {
        let Some(charter) = charter else { return Self::Unwanted };
        match drafted(state, charter, payload) {
            Ok((attributes, certificates)) => Self::Drafted { attributes, certificates },
            Err(reason) => Self::Impossible { reason },
        }
    }

    /// The certificates and signatures that a publication records of it.
    ///
    /// # Errors
    /// This version has none, and why.
    pub fn signatures(&self, recorded: &[MetadataSignature]) -> Result<Vec<(Certificate, Vec<u8>)>, String> {
        let certificates = match self {
            Self::Unwanted => {
                return Err("the charter does not have this list signed as an SAE list in CMS".into());
            }
            Self::Impossible { reason } => return Err(reason.clone()),
            Self::Drafted { certificates, .. } => certificates,
        };
        let signatures = recorded.iter().map(|MetadataSignature { keyid, sig }| {
            let certificate = certificates.get(keyid).and_then(|der| Certificate::from_der(&der.0).ok())?;
            Some((certificate, hex::decode(sig).ok()?))
        });
        signatures.collect::<Option<_>>().ok_or_else(|| "a recorded signature cannot be read".into())
    }
}

fn drafted(
    state: &State,
    charter: &SaeCmsCharter,
    payload: &ListPayload,
) -> Result<(Der, BTreeMap<KeyId, Der>), String> {
    let export = SaeExport::of(payload).map_err(|error| error.to_string())?;
    let attributes =
        signed_attributes(&export.list.to_der(), payload.issued_at).map_err(|error| error.to_string())?;
    let mut certificates = BTreeMap::new();
    let signers = state.authorities.get(&Role::List(payload.list.clone()));
    for (key_id, authority) in signers.iter().flat_map(|threshold| &threshold.keys) {
        let participant = state.keys.get(key_id).map(|record| &record.participant);
        let der = participant.and_then(|id| charter.signers.get(id));
        let certificate = der.and_then(|der| Certificate::from_der(&der.0).ok());
        let (Some(der), Some(certificate)) = (der, certificate) else {
            return Err(format!(
                "key {key_id} signs the list and has no certificate in the charter: amend the charter"
            ));
        };
        if key_of(&certificate).as_ref() != Some(&authority.key) {
            let subject = certificate.subject();
            return Err(format!(
                "the certificate of {subject} is not for key {key_id}, which signs now: amend the charter"
            ));
        }
        let (from, to) = (payload.issued_at.unix(), payload.next_update.unix());
        if certificate.not_before() > from || certificate.not_after() < to {
            let subject = certificate.subject();
            return Err(format!(
                "the certificate of {subject} is not valid from {} until {}: amend the charter",
                payload.issued_at, payload.next_update
            ));
        }
        certificates.insert(*key_id, der.clone());
    }
    Ok((Der(attributes), certificates))
}
