//! Certificates as EST and root pools hand them out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use ctl_pki::Certificate;
use serde_json::{Value, json};

use super::Code;
use super::der::{integer, oid, seq};
use super::faults::Active;
use crate::PkiKind;
use crate::shape::tlv;

/// id-data and id-signedData of PKCS#7.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// The longest line of base64 (RFC 2045).
const LINE: usize = 76;

/// A certs-only PKCS#7 (RFC 5272 section 4.1), base64 in lines as RFC 7030 section 4.1.3 has it.
pub(super) fn cacerts(certificates: &[&Certificate]) -> String {
    let certificates: Vec<_> = certificates.iter().flat_map(|one| one.der().to_vec()).collect();
    let signed =
        seq(&[integer(1), tlv(0x31, &[]), seq(&[oid(DATA)]), tlv(0xa0, &certificates), tlv(0x31, &[])]);
    let text = STANDARD.encode(seq(&[oid(SIGNED_DATA), tlv(0xa0, &signed)]));
    let lines = text.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    lines.fold(String::new(), |text, line| text + &line + "\r\n")
}

/// What careless and captive services send in place of DER.
pub(super) fn as_text(der: Vec<u8>, faults: &Active) -> Vec<u8> {
    if faults.has(Code::HtmlInsteadOfDer) {
        return format!(
            "<!DOCTYPE html>\n<html><body>{}</body></html>\n",
            "<p>Please log in.</p>".repeat(40)
        )
        .into_bytes();
    }
    if faults.has(Code::Base64InsteadOfDer) { STANDARD.encode(der).into_bytes() } else { der }
}

/// `GET /v1/root/rootCerts` of OPCP 1.0.
pub(super) fn opcp(root: &Certificate, kind: PkiKind) -> Value {
    json!({ "RootCertificateCollection": { "rootCertificates": [item(root, kind)] } })
}

/// `GET /opnc/v1/rcp/rootcertificates` of OPNC.
pub(super) fn opnc(root: &Certificate, kind: PkiKind) -> Value {
    let mut item = item(root, kind);
    let party = match kind {
        PkiKind::V2g => "V2G",
        PkiKind::Mo => "eMSP",
        PkiKind::Oem => "OEM",
    };
    if let Some(members) = item.as_object_mut() {
        members.insert("rootTypeList".to_owned(), json!([party]));
        members.insert("rootCtlList".to_owned(), json!(["No CTL"]));
    }
    json!({ "rootCertificateCollection": [item] })
}

fn item(root: &Certificate, kind: PkiKind) -> Value {
    let fingerprint = hex::encode(root.sha256());
    let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc3339();
    // A UUID that follows from the certificate.
    let part = |from: usize, to: usize| fingerprint.get(from..to).unwrap_or_default();
    let id = format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32));
    let key_id = root.subject_key_id().unwrap_or_default();
    json!({
        "rootCertificateId": id,
        "distinguishedName": root.subject(),
        "commonName": root.common_name(),
        "rootType": kind.domain_component(),
        "caCertificate": STANDARD.encode(root.der()),
        "rootAuthorityKeyIdentifier": STANDARD.encode(key_id),
        "rootAuthorityKeyIdentifierHex": hex::encode(key_id),
        "rootIssuerSerialNumber": root.serial_hex(),
        "validFrom": time(root.not_before()),
        "validTo": time(root.not_after()),
        "fingerprint": fingerprint,
        "fingerprintSha1": hex::encode(root.sha1()),
        "xsdMsgDefNamespace": "urn:iso:15118:2:2013:MsgDef",
        "signatureAlgorithm": "secp256r1",
    })
}
