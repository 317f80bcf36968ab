//! Lists of trust anchors (RFC 5914 section 3), in DER.
//!
//! Of the three ways to write an anchor, `certificate` is written: it is what every reader of the format must take and
//! any reader of certificates understands, it carries everything that path validation uses of our anchors, and the
//! certificate's fingerprint stays what the list names it by. `taInfo` would add a title, and could carry controls that no
//! list of ours has. All three are read, as far as they name a certificate; what else they say of it is told.

use ctl_pki::der::{
    Element, Malformed, OCTET_STRING, Reader, SEQUENCE, UTF8_STRING, context, context_constructed, encode,
};
use ctl_pki::{Certificate, CertificateError, DistinguishedName, MAX_PEM_CERTIFICATES, MAX_PEM_SIZE};

/// The largest list that is looked at, in bytes.
pub const MAX_TRUST_ANCHORS_SIZE: usize = MAX_PEM_SIZE;
/// The most anchors of one list.
pub const MAX_TRUST_ANCHORS: usize = MAX_PEM_CERTIFICATES;

/// Why bytes are no list of trust anchors, or anchors cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustAnchorsError {
    #[error("{size} bytes of trust anchors are more than the limit of {limit}")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    #[error("no TrustAnchorList in DER: {what} (octet {at})")]
    Malformed {
        /// Where, counted from 0.
        at: usize,
        what: &'static str,
    },
    #[error("{0} octets follow the TrustAnchorList; give it alone")]
    TrailingBytes(usize),
    #[error("a TrustAnchorList holds at least one anchor (RFC 5914 section 3)")]
    Empty,
    #[error("more than {0} anchors in one TrustAnchorList")]
    TooMany(usize),
    #[error("anchor {position}: {source}")]
    Certificate {
        /// Counted from 1.
        position: usize,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// Its key and name are there, and no certificate.
    #[error("anchor {position} comes without a certificate, which is needed here")]
    NoCertificate {
        /// Counted from 1.
        position: usize,
    },
    /// What stands beside the certificate names another key or name.
    #[error("anchor {position} names another {what} than its certificate")]
    Contradiction {
        /// Counted from 1.
        position: usize,
        /// `key`, `key identifier` or `name`.
        what: &'static str,
    },
}

impl From<Malformed> for TrustAnchorsError {
    fn from(Malformed { at, what }: Malformed) -> Self {
        Self::Malformed { at, what }
    }
}

/// One anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    pub certificate: Certificate,
    /// Its name for people, if it has one besides the certificate's: not safe to print as it is.
    pub title: Option<String>,
    /// What narrows paths from it besides its certificate, by the names of RFC 5914: `policySet`, `nameConstr` … Whoever
    /// does not honour them must not use it.
    pub controls: Vec<&'static str>,
}

/// The list of these certificates, in their order, in DER.
///
/// # Errors
/// [`TrustAnchorsError::Empty`], [`TrustAnchorsError::TooMany`] or [`TrustAnchorsError::TooLarge`].
pub fn trust_anchors_to_der<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
) -> Result<Vec<u8>, TrustAnchorsError> {
    let certificates: Vec<&[u8]> = certificates.into_iter().map(Certificate::der).collect();
    match certificates.len() {
        0 => return Err(TrustAnchorsError::Empty),
        1..=MAX_TRUST_ANCHORS => {}
        _ => return Err(TrustAnchorsError::TooMany(MAX_TRUST_ANCHORS)),
    }
    let der = encode(SEQUENCE, &certificates);
    match der.len() {
        ..=MAX_TRUST_ANCHORS_SIZE => Ok(der),
        size => Err(TrustAnchorsError::TooLarge { size, limit: MAX_TRUST_ANCHORS_SIZE }),
    }
}

/// Reads a list in DER, with nothing after it.
///
/// # Errors
/// [`TrustAnchorsError`]: it is none.
pub fn trust_anchors_from_der(der: &[u8]) -> Result<Vec<TrustAnchor>, TrustAnchorsError> {
    if der.len() > MAX_TRUST_ANCHORS_SIZE {
        return Err(TrustAnchorsError::TooLarge { size: der.len(), limit: MAX_TRUST_ANCHORS_SIZE });
    }
    let mut outer = Reader::new(der);
    let whole = outer.element(SEQUENCE)?;
    if !outer.is_empty() {
        return Err(TrustAnchorsError::TrailingBytes(der.len().saturating_sub(whole.whole.len())));
    }
    let mut inside = whole.inside();
    let mut anchors = Vec::new();
    while !inside.is_empty() {
        if anchors.len() >= MAX_TRUST_ANCHORS {
            return Err(TrustAnchorsError::TooMany(MAX_TRUST_ANCHORS));
        }
        anchors.push(anchor(inside.any()?, anchors.len() + 1)?);
    }
    if anchors.is_empty() { Err(TrustAnchorsError::Empty) } else { Ok(anchors) }
}

/// A TrustAnchorChoice: `certificate`, `tbsCert [1] EXPLICIT`, `taInfo [2] EXPLICIT`.
fn anchor(choice: Element<'_>, position: usize) -> Result<TrustAnchor, TrustAnchorsError> {
    match choice.tag {
        SEQUENCE => {
            let certificate = certificate(choice.whole, position)?;
            Ok(TrustAnchor { certificate, title: None, controls: Vec::new() })
        }
        tag if tag == context_constructed(1) => {
            choice.inside().only(SEQUENCE)?;
            Err(TrustAnchorsError::NoCertificate { position })
        }
        tag if tag == context_constructed(2) => info(choice.inside().only(SEQUENCE)?.inside(), position),
        _ => Err(choice.wrong("an anchor is neither a certificate nor a tbsCert nor a taInfo").into()),
    }
}

/// A TrustAnchorInfo (section 2), whose version must be the default, which DER leaves out.
fn info(mut reader: Reader<'_>, position: usize) -> Result<TrustAnchor, TrustAnchorsError> {
    let key = reader.element(SEQUENCE)?;
    let key_id = reader.expect(OCTET_STRING)?;
    let title = reader.optional_element(UTF8_STRING)?.map(|title| match std::str::from_utf8(title.content) {
        Ok(text) if (1..=64).contains(&text.chars().count()) => Ok(text.to_owned()),
        _ => Err(title.wrong("a title is not a text of 1 to 64 characters")),
    });
    let title = title.transpose()?;
    let path = reader.optional_element(SEQUENCE)?;
    let mut controls = Vec::new();
    if reader.optional(context_constructed(1))?.is_some() {
        controls.push("exts");
    }
    reader.optional(context(2))?;
    reader.end()?;
    let path = path.ok_or(TrustAnchorsError::NoCertificate { position })?;
    let certificate = path_controls(path.inside(), &mut controls, position)?;
    let contradicts = |what| Err(TrustAnchorsError::Contradiction { position, what });
    if certificate.spki_der() != key.whole {
        return contradicts("key");
    }
    if certificate.subject_key_id().is_some_and(|id| id != key_id) {
        return contradicts("key identifier");
    }
    Ok(TrustAnchor { certificate, title, controls })
}

/// CertPathControls (section 2.4), tagged implicitly.
fn path_controls(
    mut reader: Reader<'_>,
    controls: &mut Vec<&'static str>,
    position: usize,
) -> Result<Certificate, TrustAnchorsError> {
    let name = reader.element(SEQUENCE)?;
    let certificate = reader.optional(context_constructed(0))?;
    for (tag, control) in [
        (context_constructed(1), "policySet"),
        (context(2), "policyFlags"),
        (context_constructed(3), "nameConstr"),
        (context(4), "pathLenConstraint"),
    ] {
        if reader.optional(tag)?.is_some() {
            controls.push(control);
        }
    }
    reader.end()?;
    let content = certificate.ok_or(TrustAnchorsError::NoCertificate { position })?;
    let certificate = self::certificate(&encode(SEQUENCE, &[content]), position)?;
    let same = DistinguishedName::from_der(name.whole).is_ok_and(|name| name == *certificate.subject_name());
    if same { Ok(certificate) } else { Err(TrustAnchorsError::Contradiction { position, what: "name" }) }
}

fn certificate(der: &[u8], position: usize) -> Result<Certificate, TrustAnchorsError> {
    Certificate::from_der(der).map_err(|source| TrustAnchorsError::Certificate { position, source })
}
