//! The chain that a car presents, as somebody brings it: the contract certificate and its sub-CAs, in any order, in PEM,
//! DER or certs-only PKCS#7.

use ctl_core::names::print::name;
use ctl_pki::Certificate;

use super::reason::{Code, Reason};
use crate::ask::pieces::{Content, pieces};

/// A chain is at most so many bytes: six certificates in PEM, and text between them.
pub const MAX_CHAIN: usize = 64 * 1024;
/// At most so many certificates are looked at. ISO 15118 has three.
const MAX_CERTIFICATES: usize = 10;

/// The certificates of a chain.
#[derive(Debug)]
pub(super) struct Brought {
    /// The contract certificate.
    pub(super) leaf: Certificate,
    /// What came along, without what is its own issuer: whom to trust is not for a car to say.
    pub(super) others: Vec<Certificate>,
    /// What is to be said of the rest.
    pub(super) notes: Vec<Reason>,
}

/// Reads a chain.
pub(super) fn read(bytes: &[u8]) -> Result<Brought, Reason> {
    let none = |what: String| Reason::refuse(Code::NoCertificate, what);
    if bytes.len() > MAX_CHAIN {
        return Err(none(format!(
            "{} bytes are more than the {MAX_CHAIN} that a chain may have",
            bytes.len()
        )));
    }
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    for piece in pieces(bytes) {
        let place = format!("line {}, byte {}", piece.line, piece.byte);
        let problem = match piece.content {
            Content::Certificate(_) if found.len() == MAX_CERTIFICATES => {
                return Err(none(format!(
                    "more than {MAX_CERTIFICATES} certificates are no contract's chain"
                )));
            }
            Content::Certificate(der) => match Certificate::from_der(&der) {
                Ok(certificate) => {
                    found.push(certificate);
                    continue;
                }
                Err(error) => format!("what begins at {place} is no certificate: {error}"),
            },
            Content::Other(label) if label.contains("PRIVATE KEY") => format!(
                "a private key stands at {place}: nobody but the vehicle needs it, and it was not looked at"
            ),
            Content::Other(label) => format!("a block {} stands at {place}", name(&label)),
            Content::Broken(problem) => format!("at {place}: {problem}"),
        };
        notes.push(problem);
    }
    let at = match (found.first(), found.iter().filter(|one| !one.is_ca()).count()) {
        (None, _) => return Err(none(notes.into_iter().next().unwrap_or_default())),
        (Some(first), _) if !first.is_ca() => Some(0),
        // Some write the root first.
        (Some(_), 1) => found.iter().position(|one| !one.is_ca()),
        (Some(_), 0) => return Err(none("there are only CAs in it, and no contract certificate".into())),
        (Some(_), _) => None,
    };
    let at = at.ok_or_else(|| none("it holds several leaves: put the one that is meant first".into()))?;
    let leaf = found.remove(at);
    found.retain(|one| !one.is_self_issued_by_name() && *one != leaf);
    let notes = notes.into_iter().map(|what| Reason::warn(Code::NotUsed, what)).collect();
    Ok(Brought { leaf, others: found, notes })
}
