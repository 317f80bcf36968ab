//! What a signer signs of the SAE list in CMS, in words.

use ctl_core::list::ListPayload;
use ctl_formats::sae::{SaeEntry, SaeExport};
use ctl_governance::draft::{Documents, SaeCms};

/// What the signature says; why there is nothing to sign; nothing if the charter does not ask for it.
pub(super) fn words(documents: &Documents) -> Vec<String> {
    let attributes = match &documents.sae_cms {
        SaeCms::Unwanted => return Vec::new(),
        SaeCms::Impossible { reason } => return vec![format!("this version has none: {reason}")],
        SaeCms::Drafted { attributes, .. } => attributes,
    };
    let mut lines = vec![
        "your key signs it too, by ECDSA with SHA-512: a reader that is content with one signature takes yours alone for \
         the scheme's word"
            .to_owned(),
        format!("signed attributes (contentType, messageDigest, signingTime): {}", hex::encode(&attributes.0)),
    ];
    let document = documents.document.as_deref().unwrap_or_default();
    let export = ListPayload::read(document).map_err(|error| error.to_string());
    let export = export.and_then(|list| SaeExport::of(&list).map_err(|error| error.to_string()));
    match export {
        Ok(SaeExport { list, omissions }) => {
            let validity = list.validity;
            lines.push(format!(
                "sequence {}, valid from {} until {}",
                list.sequence,
                validity.not_before(),
                validity.not_after()
            ));
            lines.extend(list.entries.iter().map(|SaeEntry { kind, status, certificate }| {
                format!("{} {}: {}", kind.as_str(), status.as_str(), hex::encode(certificate.sha256()))
            }));
            lines.extend(omissions.iter().map(ToString::to_string));
        }
        // It was drafted from this very document.
        Err(problem) => lines.push(format!("DO NOT SIGN: it cannot be made: {problem}")),
    }
    lines
}
