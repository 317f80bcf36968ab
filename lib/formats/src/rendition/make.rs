//! How each rendition is made.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ctl_core::jws::Jws;
use ctl_core::list::ListPayload;
use ctl_core::list::offline::{ROOTS_HEADER, TARGETS_HEADER};
use ctl_core::parts::Purpose;
use ctl_pki::Certificate;
use ctl_pki::pem::{CERTIFICATE, pem_block};
use serde_json::{Map, Value};

use super::{Made, NotMade, Source};
use crate::cms::{assemble, cms_pem};
use crate::omission::{Omission, Selection};
use crate::pkcs7::certificates_to_pkcs7;
use crate::sae::SaeExport;
use crate::trust_anchors::trust_anchors_to_der;

pub(super) fn signed(source: &Source<'_>) -> Vec<u8> {
    let mut signatures = source.signatures.to_vec();
    if let Some(first) = signatures.first_mut() {
        let encoded = |bytes: &[u8]| Value::String(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let roots = source.roots.iter().map(|root| encoded(root)).collect();
        first.header = Some(Map::from_iter([
            (ROOTS_HEADER.to_owned(), Value::Array(roots)),
            (TARGETS_HEADER.to_owned(), encoded(source.targets)),
        ]));
    }
    Jws { payload: source.document.to_vec(), signatures }.to_bytes()
}

pub(super) fn pkcs7(source: &Source<'_>) -> Result<Made, NotMade> {
    let selection = Selection::all(source.list()?);
    let bytes = certificates_to_pkcs7(selection.certificates()).map_err(NotMade::because)?;
    Ok(Made { bytes, omissions: plain(selection) })
}

pub(super) fn trust_anchors(source: &Source<'_>) -> Result<Made, NotMade> {
    let selection = Selection::all(source.list()?);
    let bytes = trust_anchors_to_der(selection.certificates()).map_err(NotMade::because)?;
    Ok(Made { bytes, omissions: plain(selection) })
}

pub(super) fn sae(source: &Source<'_>) -> Result<Made, NotMade> {
    let SaeExport { list, omissions } = SaeExport::of(source.list()?).map_err(NotMade::because)?;
    Ok(Made { bytes: list.to_der(), omissions })
}

pub(super) fn sae_cms(source: &Source<'_>) -> Result<Made, NotMade> {
    let signatures = source.sae_cms.as_ref().map_err(Clone::clone)?;
    let payload = source.list()?;
    let SaeExport { list, omissions } = SaeExport::of(payload).map_err(NotMade::because)?;
    let signatures: Vec<(&Certificate, &[u8])> =
        signatures.iter().map(|(certificate, signature)| (certificate, &**signature)).collect();
    let cms = assemble(&list.to_der(), payload.issued_at, &signatures).map_err(NotMade::because)?;
    Ok(Made { bytes: cms_pem(&cms).into_bytes(), omissions })
}

/// Of anchors that stand there as certificates and nothing else.
fn plain(selection: Selection<'_>) -> Vec<Omission> {
    let first = (!selection.anchors.is_empty()).then_some(Omission::Uses);
    first.into_iter().chain(selection.omissions).collect()
}

/// A PEM file of the anchors for a purpose, or of all, with comments that say what it is and what is missing. One without
/// any is a file too: its reader is to trust nobody, and a missing file would leave it with an older one.
pub(super) fn pem(source: &Source<'_>, purpose: Option<Purpose>) -> Result<Made, NotMade> {
    let list = source.list()?;
    let selection = Selection::of(list, |one| purpose.is_none_or(|purpose| one.purpose == purpose));
    let mut text = String::new();
    let ListPayload { environment, scheme, sequence, issued_at, next_update, .. } = list;
    let uses = purpose.map_or("all uses", Purpose::as_str);
    comment(&mut text, &format!("Certificate trust list {}, version {sequence}: {uses}", list.list));
    comment(&mut text, &format!("Scheme {scheme} ({environment})"));
    comment(&mut text, &format!("Issued {issued_at}, next update due {next_update}"));
    comment(&mut text, "This file is not signed: verify the list in its signed form.");
    for omission in &selection.omissions {
        comment(&mut text, &omission.to_string());
    }
    for anchor in selection.anchors.iter().map(|carried| carried.anchor) {
        let uses: Vec<String> = anchor.uses.iter().map(ToString::to_string).collect();
        text.push('\n');
        comment(&mut text, &format!("{} of {}", anchor.name, anchor.operator));
        comment(&mut text, &format!("{}, {}", uses.join(", "), anchor.status));
        comment(&mut text, &format!("SHA-256 {}", anchor.fingerprint));
        text += &pem_block(CERTIFICATE, &anchor.certificate.0);
    }
    Ok(Made { bytes: text.into_bytes(), omissions: selection.omissions })
}

/// A line that no reader takes for part of a certificate: plain ASCII, and no row of hyphens, by
/// which an anchor's name could begin or end a block.
fn comment(text: &mut String, line: &str) {
    text.push_str("# ");
    for c in line.replace("--", "- ").chars() {
        if c == ' ' || c.is_ascii_graphic() {
            text.push(c);
        } else {
            text.extend(c.escape_unicode());
        }
    }
    text.push('\n');
}
