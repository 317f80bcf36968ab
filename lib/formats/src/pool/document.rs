//! The answers of a pool, member by member as the two files have them.
//!
//! `certificateRevocationList`, `crossCertificatePair` and `labeledUri` are left out: the files do not say what stands in
//! them. OPNC's file demands `rootType`, which it does not describe: the first of `rootTypeList` stands there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::parts::Standard;
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;
use serde::Serialize;

use super::{Pool, PoolCtl, PoolEntry, PoolForm, RootType};

/// Where a page stands among others, as extensions of OPNC have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolPages {
    /// Which page this is, counted from 1.
    pub page: u64,
    /// How many items a page has.
    pub page_size: u64,
    /// How many pages there are.
    pub total_pages: u64,
    /// How many items there are.
    pub total_items: u64,
}

impl Pool {
    /// The answer with these of its entries; `pages` stands there if somebody asked for a page.
    #[must_use]
    pub fn collection<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a PoolEntry>,
        pages: Option<PoolPages>,
    ) -> Vec<u8> {
        let items: Vec<Item> = entries.into_iter().map(Item::of).collect();
        match self.form {
            PoolForm::Opcp => json(&OpcpCollection { collection: OpcpRoots { items }, pages }),
            PoolForm::Opnc => json(&OpncCollection { items, pages }),
        }
    }

    /// The same bytes from items that were written before ([`PoolEntry::item`]), for who is asked for many selections.
    #[must_use]
    pub fn collection_of<'a>(
        form: PoolForm,
        items: impl IntoIterator<Item = &'a [u8]>,
        pages: Option<PoolPages>,
    ) -> Vec<u8> {
        let (start, end): (&[u8], &[u8]) = match form {
            PoolForm::Opcp => (br#"{"RootCertificateCollection":{"rootCertificates":["#, b"]}"),
            PoolForm::Opnc => (br#"{"rootCertificateCollection":["#, b"]"),
        };
        let mut answer = start.to_vec();
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                answer.push(b',');
            }
            answer.extend_from_slice(item);
        }
        answer.extend_from_slice(end);
        if let Some(pages) = pages {
            answer.extend_from_slice(br#","pagination":"#);
            answer.append(&mut json(&pages));
        }
        answer.push(b'}');
        answer
    }

    /// The entry with this id.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&PoolEntry> {
        self.entries.iter().find(|entry| entry.id().eq_ignore_ascii_case(id))
    }
}

impl PoolEntry {
    /// Its id, the same for ever: a UUID of version 8 (RFC 9562 section 5.8). In OPNC of the first octets of the
    /// certificate's SHA-256; in OPCP, where a root has an entry for each type, of SHA-256 over that and the type's word.
    #[must_use]
    pub fn id(&self) -> String {
        let fingerprint = self.certificate.sha256();
        let digest = match (self.form, self.types.first()) {
            (PoolForm::Opcp, Some(kind)) => {
                Digest::of_parts(&[&fingerprint, kind.as_str(self.form).as_bytes()])
            }
            _ => Digest::from_bytes(fingerprint),
        };
        let [head @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *digest.as_bytes();
        uuid(head, 8)
    }

    /// It as an item of a collection.
    #[must_use]
    pub fn item(&self) -> Vec<u8> {
        json(&Item::of(self))
    }

    /// The answer for this one root.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        let item = Item::of(self);
        match self.form {
            PoolForm::Opcp => json(&OpcpAnswer { item }),
            PoolForm::Opnc => json(&OpncAnswer { item }),
        }
    }
}

/// The UUID of this version with what it has room for of these octets (RFC 9562 section 4).
#[must_use]
pub fn uuid(octets: [u8; 16], version: u8) -> String {
    let number = u128::from_be_bytes(octets);
    let number = number & !(0xf << 76) | (u128::from(version & 0xf) << 76);
    let number = number & !(0b11 << 62) | (0b10 << 62);
    let hex = format!("{number:032x}");
    let mut id = String::with_capacity(36);
    for (at, digit) in hex.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

#[derive(Serialize)]
struct OpcpCollection {
    #[serde(rename = "RootCertificateCollection")]
    collection: OpcpRoots,
    #[serde(rename = "pagination", skip_serializing_if = "Option::is_none")]
    pages: Option<PoolPages>,
}

#[derive(Serialize)]
struct OpcpRoots {
    #[serde(rename = "rootCertificates")]
    items: Vec<Item>,
}

#[derive(Serialize)]
struct OpncCollection {
    #[serde(rename = "rootCertificateCollection")]
    items: Vec<Item>,
    #[serde(rename = "pagination", skip_serializing_if = "Option::is_none")]
    pages: Option<PoolPages>,
}

#[derive(Serialize)]
struct OpcpAnswer {
    #[serde(rename = "RootResponse")]
    item: Item,
}

#[derive(Serialize)]
struct OpncAnswer {
    // With three o, as its file has it.
    #[serde(rename = "roootCertificate")]
    item: Item,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    root_certificate_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    distinguished_name: Option<String>,
    root_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_type_list: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_ctl_list: Option<Vec<&'static str>>,
    ca_certificate: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    common_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_authority_key_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_authority_key_identifier_hex: Option<String>,
    root_issuer_serial_number: String,
    valid_from: String,
    valid_to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_name: Option<String>,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint_sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xsd_msg_def_namespace: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_algorithm: Option<&'static str>,
}

impl Item {
    fn of(entry: &PoolEntry) -> Self {
        let (form, certificate) = (entry.form, &entry.certificate);
        let words: Vec<_> = entry.types.iter().map(|kind: &RootType| kind.as_str(form)).collect();
        let is_opcp = form == PoolForm::Opcp;
        // What certificates below the root name it by.
        let key_id = certificate.subject_key_id().or_else(|| certificate.authority_key_id());
        Self {
            root_certificate_id: entry.id(),
            distinguished_name: distinguished_name(certificate),
            root_type: words.first().copied(),
            root_type_list: (!is_opcp).then_some(words),
            root_ctl_list: (!is_opcp).then(|| entry.ctls.iter().map(|ctl: &PoolCtl| ctl.as_str()).collect()),
            ca_certificate: STANDARD.encode(certificate.der()),
            common_name: certificate.common_name().map(str::to_owned),
            root_authority_key_identifier: key_id.map(|id| STANDARD.encode(id)),
            root_authority_key_identifier_hex: key_id.filter(|_| is_opcp).map(hex::encode),
            root_issuer_serial_number: certificate.serial_hex().to_owned(),
            valid_from: Timestamp::from_unix(certificate.not_before()).to_string(),
            valid_to: Timestamp::from_unix(certificate.not_after()).to_string(),
            organization_name: organization_name(certificate),
            fingerprint: hex::encode(certificate.sha256()),
            fingerprint_sha1: is_opcp.then(|| hex::encode(certificate.sha1())),
            xsd_msg_def_namespace: is_opcp.then(|| namespace(entry)).flatten(),
            signature_algorithm: is_opcp.then(|| curve(certificate)).flatten(),
        }
    }
}

/// The one standard of an entry; the member has room for no second.
pub(super) fn namespace(entry: &PoolEntry) -> Option<&'static str> {
    let mut standards = entry.standards.iter();
    match (standards.next()?, standards.next()) {
        (Standard::Iso15118_2, None) => Some("urn:iso:15118:2:2013:MsgDef"),
        (Standard::Iso15118_20, None) => Some("urn:iso:15118:20:2022:MsgDef"),
        _ => None,
    }
}

/// The kind of key, in the three words that OPCP has.
pub(super) fn curve(certificate: &Certificate) -> Option<&'static str> {
    let curve = certificate.public_key_curve().map(ctl_pki::AlgorithmName::oid);
    match (certificate.public_key_algorithm().oid(), curve) {
        (_, Some("1.2.840.10045.3.1.7")) => Some("secp256r1"),
        (_, Some("1.3.132.0.35")) => Some("secp521r1"),
        ("1.3.101.113", _) => Some("ed448"),
        _ => None,
    }
}

/// The subject as the files' pattern has it: `^((CN|OU|O|C|DC|ST)=[^,]+,? ?)+$`. None where a name has no such form: it
/// is for information only, and a wrong one would inform nobody.
pub(super) fn distinguished_name(certificate: &Certificate) -> Option<String> {
    let mut parts = Vec::new();
    for part in certificate.subject_name().parts() {
        let [attribute] = part else { return None };
        let text = attribute.text().filter(|text| !text.is_empty())?;
        let is_plain = text.chars().all(|letter| letter != ',' && ctl_pki::print::is_safe(letter));
        let is_known = matches!(attribute.kind(), "CN" | "OU" | "O" | "C" | "DC" | "ST");
        if !is_plain || !is_known {
            return None;
        }
        parts.push(format!("{}={text}", attribute.kind()));
    }
    parts.reverse();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn organization_name(certificate: &Certificate) -> Option<String> {
    let mut attributes = certificate.subject_name().attributes();
    attributes.find(|attribute| attribute.oid() == "2.5.4.10").and_then(ctl_pki::Attribute::text)
}

/// Of structures whose members are all text and numbers.
fn json(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap_or_default()
}
