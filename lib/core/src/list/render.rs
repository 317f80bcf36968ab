//! The renditions of a document: the same content in each format in which it is served. [`RENDITIONS`] is the
//! one table of them; server, audit and client read it.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ctl_pki::pem::{CERTIFICATE, pem_block};
use serde_json::{Map, Value};

use super::{ListAnchor, ListPayload, MAX_PAYLOAD, RejectedAnchor};
use crate::json::{self, JsonError};
use crate::jws::{Jws, Signature};
use crate::role::Role;

/// Member of the unprotected header: every root version from the first on, base64url, in order.
pub const ROOTS_HEADER: &str = "v2g_roots";
/// Member of the unprotected header: the delegating targets, base64url.
pub const TARGETS_HEADER: &str = "v2g_targets";

/// One format in which the latest document of a role is served, at [`Role::stem`] with its suffix.
#[derive(Debug)]
pub struct Rendition {
    /// What follows the stem and a dot: `jws`.
    pub suffix: &'static str,
    pub media_type: &'static str,
    /// Only lists have it, not the registry and the notices.
    pub lists_only: bool,
    /// Whether it carries its signatures with it.
    pub is_signed: bool,
    /// Whether it can express an anchor's constraints. Where it cannot, an anchor with a critical one is left
    /// out.
    pub carries_constraints: bool,
    make: fn(&Source<'_>) -> Result<Vec<u8>, JsonError>,
}

/// What renditions are made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The payload, as it was signed.
    pub document: &'a [u8],
    pub signatures: &'a [Signature],
    /// Every root version from the first on.
    pub roots: &'a [&'a [u8]],
    /// The delegating targets.
    pub targets: &'a [u8],
}

/// The payload itself.
pub const PAYLOAD: Rendition = Rendition {
    suffix: "json",
    media_type: "application/json",
    lists_only: false,
    is_signed: false,
    carries_constraints: true,
    make: |source| Ok(source.document.to_vec()),
};

/// The one file that a device needs besides an old root.json: the payload, its signatures, and in the
/// unprotected header of the first one every root version and the delegating targets. JWS in the general JSON
/// serialisation (media type: RFC 7515 §9.2.1).
pub const SIGNED: Rendition = Rendition {
    suffix: "jws",
    media_type: "application/jose+json",
    lists_only: false,
    is_signed: true,
    carries_constraints: true,
    make: |source| Ok(signed(source)),
};

/// Certificates in PEM, for trust stores that read nothing else.
pub const PEM: Rendition = Rendition {
    suffix: "pem",
    media_type: "application/x-pem-file",
    lists_only: true,
    is_signed: false,
    carries_constraints: false,
    make: |source| {
        let list: ListPayload = json::read(source.document, MAX_PAYLOAD)?;
        Ok(pem(&list).into_bytes())
    },
};

/// All of them.
pub const RENDITIONS: [Rendition; 3] = [PAYLOAD, SIGNED, PEM];

impl Rendition {
    /// Those that a role has.
    pub fn of(role: &Role) -> impl Iterator<Item = &'static Self> {
        let is_list = matches!(role, Role::List(_));
        RENDITIONS.iter().filter(move |rendition| is_list || !rendition.lists_only)
    }

    /// The path at which a role's latest document is served in this form; none for the board's metadata.
    #[must_use]
    pub fn path(&self, role: &Role) -> Option<String> {
        role.stem().map(|stem| format!("{stem}.{}", self.suffix))
    }

    /// Makes it.
    ///
    /// # Errors
    /// [`JsonError`] if the document is not what this is a form of.
    pub fn make(&self, source: &Source<'_>) -> Result<Vec<u8>, JsonError> {
        (self.make)(source)
    }

    /// Why it cannot take an anchor with these critical constraints; none if it can.
    #[must_use]
    pub fn cannot_carry(&self, critical: &[impl AsRef<str>]) -> Option<String> {
        if self.carries_constraints || critical.is_empty() {
            return None;
        }
        let names: Vec<String> = critical.iter().map(|name| format!("{:?}", name.as_ref())).collect();
        Some(format!("a certificate file cannot express its critical {}", names.join(", ")))
    }
}

/// Anchors for a plain certificate file, and those that such a file cannot carry.
#[derive(Default)]
struct Selection<'a> {
    anchors: Vec<&'a ListAnchor>,
    omitted: Vec<RejectedAnchor<'a>>,
}

fn select(list: &ListPayload) -> Selection<'_> {
    let mut selection = Selection::default();
    for anchor in &list.anchors {
        let critical: Vec<&str> = anchor.constraints.critical().collect();
        match PEM.cannot_carry(&critical) {
            None => selection.anchors.push(anchor),
            Some(reason) => selection.omitted.push(RejectedAnchor { anchor, reason }),
        }
    }
    selection
}

/// A PEM file of the anchors, with comments that say what it is and what is missing. Cross-certificates
/// are no anchors and stay out.
fn pem(list: &ListPayload) -> String {
    let selection = select(list);
    let mut text = String::new();
    let ListPayload { environment, scheme, sequence, issued_at, next_update, .. } = list;
    comment(&mut text, &format!("Certificate trust list {}, version {sequence}: all uses", list.list));
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
        text += &pem_block(CERTIFICATE, &anchor.certificate.0);
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

fn signed(source: &Source<'_>) -> Vec<u8> {
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
