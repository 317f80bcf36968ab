//! The charter's leave to sign a list as an SAE list in CMS, too.
//!
//! It is off by default. Other people's readers of CMS may be content with one good SignerInfo, and such a reader gives
//! each signer the power of all: only readers that count as many keys as the list's threshold should be given it.
//!
//! Each signer of the list has a certificate here, so whichever of them sign a version, its CMS has as many signatures
//! as the list: no version of a list waits for a format, and nobody who counts on the CMS finds it missing by the order in
//! which people signed.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::keys::PublicKey;
use ctl_core::names::ParticipantId;
use ctl_core::parts::Der;
use ctl_pki::{Certificate, pem_block};
use serde::{Deserialize, Serialize};

use super::charter::Holders;

/// id-kp-codeSigning.
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
/// The most signers of one CMS: as many as every reader here takes.
const MAX_SIGNERS: usize = 32;

/// With what the SAE list in CMS of a list is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaeCmsCharter {
    /// The CA that issues certificates to the signers of this list and to nobody else: what readers trust.
    pub ca: Der,
    /// The certificate of each signer's registered key.
    pub signers: BTreeMap<ParticipantId, Der>,
}

impl SaeCmsCharter {
    /// Whether it can be carried out by these signers. `key_of` gives the registered key of a participant.
    ///
    /// # Errors
    /// The member, and what is wrong with it.
    pub(super) fn validate(
        &self,
        signers: &Holders,
        key_of: &dyn Fn(&ParticipantId) -> Option<PublicKey>,
    ) -> Result<(), (String, String)> {
        let fail = |member: &str, problem: String| Err((member.to_owned(), problem));
        if signers.holders.len() > MAX_SIGNERS {
            return fail("signers", format!("a CMS has at most {MAX_SIGNERS} signers"));
        }
        let ca = match read(&self.ca) {
            Ok(ca) if ca.is_ca() => ca,
            Ok(_) => return fail("ca", "the certificate is not one of a CA".into()),
            Err(problem) => return fail("ca", problem),
        };
        if let Some(stranger) = self.signers.keys().find(|id| !signers.holders.contains(id)) {
            return fail(&format!("signers.{stranger}"), "it is no signer of this list".into());
        }
        let mut serials = BTreeSet::new();
        for id in &signers.holders {
            let member = format!("signers.{id}");
            let Some(der) = self.signers.get(id) else {
                let problem = "there is no certificate: each signer of the list needs one, or the CMS would be missing \
                               whenever this one signs";
                return fail(&member, problem.into());
            };
            let judged = read(der).and_then(|certificate| {
                judge(&certificate, &ca, key_of(id).as_ref())?;
                Ok(certificate.serial().to_vec())
            });
            match judged.map(|serial| serials.insert(serial)) {
                Ok(true) => {}
                Ok(false) => {
                    return fail(&member, "another signer's certificate has its serial number".into());
                }
                Err(problem) => return fail(&member, problem),
            }
        }
        Ok(())
    }
}

fn read(der: &Der) -> Result<Certificate, String> {
    let certificate = Certificate::from_der(&der.0).map_err(|error| error.to_string())?;
    certificate
        .check_der()
        .map_err(|error| format!("the certificate is not DER throughout: {}", error.what))?;
    Ok(certificate)
}

fn judge(certificate: &Certificate, ca: &Certificate, key: Option<&PublicKey>) -> Result<(), String> {
    if certificate.issuer_der() != ca.subject_der() || certificate.verify_signed_by(ca).is_err() {
        return Err("the certificate is not issued by the CA named here: all come from that one".into());
    }
    if certificate.is_ca() {
        return Err("the certificate is one of a CA; it must be for signing lists alone".into());
    }
    let signs = matches!(certificate.key_usage(), Ok(Some(usage)) if usage.value.has("digitalSignature"));
    if !signs {
        return Err("the certificate's key usage lacks digitalSignature".into());
    }
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if usage.critical && usage.value.purposes == [CODE_SIGNING] => {}
        _ => return Err("the certificate's extended key usage must be critical and codeSigning alone".into()),
    }
    let Some(key @ PublicKey::P256(_)) = key else {
        return Err(
            "the registered key of this signer is not P-256, as the CMS wants: rotate it to one that is"
                .into(),
        );
    };
    if key_of(certificate).as_ref() != Some(key) {
        return Err("the certificate is for another key than the one registered".into());
    }
    Ok(())
}

/// The public key of a certificate, if it is one that signs here.
pub(crate) fn key_of(certificate: &Certificate) -> Option<PublicKey> {
    PublicKey::from_pem(&pem_block("PUBLIC KEY", certificate.spki_der())).ok()
}
