//! Renditions of a list: PEM for trust stores that read nothing else, and the JWS file that a device
//! verifies without any other.

use std::fmt::Write as _;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};

use super::{ListAnchor, ListPayload, RejectedAnchor};
use crate::jws::{Jws, Signature};
use crate::parts::{Purpose, Standard};

/// Member of the unprotected header: every root version from the first on, base64url, in order.
pub const ROOTS_HEADER: &str = "v2g_roots";
/// Member of the unprotected header: the delegating targets, base64url.
pub const TARGETS_HEADER: &str = "v2g_targets";

/// Anchors for a plain certificate file, and those that such a file cannot carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection<'a> {
    /// To be written.
    pub anchors: Vec<&'a ListAnchor>,
    /// Not to be written: their critical constraints would be lost.
    pub omitted: Vec<RejectedAnchor<'a>>,
}

/// The anchors for a purpose, under one standard or any, as far as a plain certificate file can
/// express them.
#[must_use]
pub fn anchors_for(list: &ListPayload, standard: Option<Standard>, purpose: Purpose) -> Selection<'_> {
    select(list, |anchor| {
        anchor
            .uses
            .iter()
            .any(|r#use| r#use.purpose == purpose && standard.is_none_or(|s| r#use.standard == s))
    })
}

fn select(list: &ListPayload, wanted: impl Fn(&ListAnchor) -> bool) -> Selection<'_> {
    let mut selection = Selection::default();
    for anchor in list.anchors.iter().filter(|anchor| wanted(anchor)) {
        let critical: Vec<String> = anchor.constraints.critical().map(|name| format!("{name:?}")).collect();
        if critical.is_empty() {
            selection.anchors.push(anchor);
        } else {
            let reason = format!("a certificate file cannot express its critical {}", critical.join(", "));
            selection.omitted.push(RejectedAnchor { anchor, reason });
        }
    }
    selection
}

/// Every anchor of the list that a plain certificate file can express.
#[must_use]
pub fn pem(list: &ListPayload) -> String {
    pem_bundle(list, "all uses", &select(list, |_| true))
}

/// A PEM file of these anchors, with comments that say what it is and what is missing. Cross-certificates
/// are no anchors and stay out.
#[must_use]
pub fn pem_bundle(list: &ListPayload, what: &str, selection: &Selection<'_>) -> String {
    let mut text = String::new();
    let ListPayload { environment, scheme, sequence, issued_at, next_update, .. } = list;
    comment(&mut text, &format!("Certificate trust list {}, version {sequence}: {what}", list.list));
    comment(&mut text, &format!("Scheme {scheme} ({environment})"));
    comment(&mut text, &format!("Issued {issued_at}, next update due {next_update}"));
    comment(&mut text, "This file is not signed: verify the list in its signed form.");
    if !list.cross_certificates.is_empty() {
        comment(&mut text, "Cross-certificates are not in this file.");
    }
    for RejectedAnchor { anchor, reason } in &selection.omitted {
        comment(&mut text, &format!("OMITTED {} ({}): {reason}", anchor.name, anchor.fingerprint));
    }
    for anchor in &selection.anchors {
        let uses: Vec<String> = anchor.uses.iter().map(ToString::to_string).collect();
        text.push('\n');
        comment(&mut text, &format!("{} of {}", anchor.name, anchor.operator));
        comment(&mut text, &format!("{}, {}", uses.join(", "), anchor.status));
        comment(&mut text, &format!("SHA-256 {}", anchor.fingerprint));
        certificate(&mut text, &anchor.certificate.0);
    }
    text
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

/// RFC 7468, lines of 64 characters.
fn certificate(text: &mut String, der: &[u8]) {
    text.push_str("-----BEGIN CERTIFICATE-----\n");
    for line in BASE64_STANDARD.encode(der).as_bytes().chunks(64) {
        let _ = writeln!(text, "{}", String::from_utf8_lossy(line));
    }
    text.push_str("-----END CERTIFICATE-----\n");
}

/// The one file that a device needs besides an old root.json: the payload, its signatures, and in
/// the unprotected header of the first one every root version and the delegating targets.
#[must_use]
pub fn rendition_jws(payload: &[u8], signatures: &[Signature], roots: &[&[u8]], targets: &[u8]) -> Vec<u8> {
    let mut signatures = signatures.to_vec();
    if let Some(first) = signatures.first_mut() {
        let roots = roots.iter().map(|root| Value::String(BASE64_URL_SAFE_NO_PAD.encode(root))).collect();
        first.header = Some(Map::from_iter([
            (ROOTS_HEADER.to_owned(), Value::Array(roots)),
            (TARGETS_HEADER.to_owned(), Value::String(BASE64_URL_SAFE_NO_PAD.encode(targets))),
        ]));
    }
    Jws { payload: payload.to_vec(), signatures }.to_bytes()
}
