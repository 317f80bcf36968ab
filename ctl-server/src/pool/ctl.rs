//! OPCP's `/v1/root/ctl`: `{signerCertificate, timeStamp, CTL}`. Its file leaves open what a CTL is and who signs it. Here
//! it is the list in SAE's form as a signed CMS, if the list is published so; nothing is made up where it is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::Timestamp;
use ctl_core::names::ListId;
use ctl_formats::cms::{CmsError, SignedData, Trust};
use serde_json::json;

/// Where a list stands in that form, if it does.
pub(super) fn path(list: &ListId) -> String {
    format!("v1/lists/{list}/ctl.sae.cms")
}

/// The answer about a CMS in DER or PEM: the first certificate in it, when its signers say that the list was drafted, and
/// the CMS, both DER in base64.
///
/// # Errors
/// [`CmsError`]: it is none.
pub(super) fn answer(cms: &[u8]) -> Result<Vec<u8>, CmsError> {
    let message = SignedData::read(cms)?;
    let signer = message.certificates().first().map(|certificate| STANDARD.encode(certificate.der()));
    // Only what they say is read here. Their signatures were verified before it was published.
    let read = message.verify(Trust::Pinned(&[]), Timestamp::EPOCH);
    let issued_at = read.signers.first().and_then(|signer| signer.signing_time);
    let ctl = match std::str::from_utf8(cms) {
        // What stands between the lines of a PEM block is the DER in base64.
        Ok(pem) if pem.trim_start().starts_with("-----") => {
            pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect()
        }
        _ => STANDARD.encode(cms),
    };
    let answer = json!({ "signerCertificate": signer, "timeStamp": issued_at, "CTL": ctl });
    Ok(answer.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use ctl_formats::cms::{assemble, cms_pem, signed_attributes};
    use ctl_sandbox::shape::{Key, Shape};
    use p256::ecdsa::signature::hazmat::PrehashSigner as _;
    use p256::ecdsa::{DerSignature, SigningKey};
    use p256::pkcs8::DecodePrivateKey as _;
    use sha2::{Digest as _, Sha512};

    use super::*;

    #[test]
    fn a_signed_list_is_told_with_its_signer_whether_it_is_der_or_pem() {
        let at: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
        let key = Key::p256("signer").unwrap();
        let certificate = Shape::new("CN=Signer", &key).unwrap().self_signed().unwrap();
        let signing = SigningKey::from_pkcs8_der(&key.pkcs8_der().unwrap()).unwrap();
        let attributes = signed_attributes(b"a list", at).unwrap();
        let signature: DerSignature = signing.sign_prehash(&Sha512::digest(&attributes)).unwrap();
        let der = assemble(b"a list", at, &[(&certificate, signature.as_bytes())]).unwrap();
        for cms in [der.clone(), cms_pem(&der).into_bytes()] {
            let told: serde_json::Value = serde_json::from_slice(&answer(&cms).unwrap()).unwrap();
            assert_eq!(told["CTL"], STANDARD.encode(&der));
            assert_eq!(told["signerCertificate"], STANDARD.encode(certificate.der()));
            assert_eq!(told["timeStamp"], "2026-11-01T12:00:00Z");
        }
        assert!(answer(b"no CMS").is_err());
    }
}
