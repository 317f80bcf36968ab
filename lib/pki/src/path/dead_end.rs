//! Where the search for paths came to an end before an anchor, and why, in words.

use crate::{Certificate, SignatureError};

/// A partial path that ended before it came to an anchor.
#[derive(Clone, Debug)]
pub struct DeadEnd<'a> {
    /// Its certificates, from the one where it ended down to the leaf.
    pub chain: Vec<&'a Certificate>,
    /// Why it went no further.
    pub reason: DeadEndReason<'a>,
}

/// Why a partial path ended.
#[derive(Clone, Debug)]
pub enum DeadEndReason<'a> {
    /// Nobody has the name of the issuer.
    NoIssuer,
    /// The certificate names itself as its issuer and is no anchor.
    NotAnAnchor,
    /// This one has the name of the issuer, and its key did not make the signature.
    NotTheSigner {
        /// The certificate with the issuer's name.
        issuer: &'a Certificate,
        /// What came of verifying.
        error: SignatureError,
    },
    /// Whoever signed it stands in the path already.
    Loop,
    /// The path has as many certificates as were allowed.
    TooDeep,
}

impl DeadEndReason<'_> {
    /// A stable name.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::NoIssuer => "no-issuer",
            Self::NotAnAnchor => "not-an-anchor",
            Self::NotTheSigner { error: SignatureError::UnsupportedAlgorithm(_), .. } => {
                "unsupported-algorithm"
            }
            Self::NotTheSigner { .. } => "not-the-signer",
            Self::Loop => "loop",
            Self::TooDeep => "too-deep",
        }
    }

    /// The reason in words, about the certificate at which the path ended.
    pub fn words(&self, end: &Certificate) -> String {
        match self {
            Self::NoIssuer => {
                format!("no certificate for its issuer {} was given", quoted(end.issuer()))
            }
            Self::NotAnAnchor => {
                "it is its own issuer and was not given as an anchor: nobody vouches for it".to_owned()
            }
            Self::NotTheSigner { issuer, error } => {
                let key_id = match (end.authority_key_id(), issuer.subject_key_id()) {
                    (Some(wanted), Some(found)) if wanted != found => {
                        "; the key identifiers do not match either: another certificate of that name is meant"
                    }
                    _ => "",
                };
                format!(
                    "{} (SHA-256 {}) has the name of its issuer, but {error}{key_id}",
                    quoted(issuer.subject()),
                    short(&issuer.sha256())
                )
            }
            Self::Loop => "whoever signed it stands below it already: it leads in a circle".to_owned(),
            Self::TooDeep => "a path may not have more certificates than this".to_owned(),
        }
    }
}

fn quoted(name: &str) -> String {
    if name.is_empty() { "without a name".to_owned() } else { format!("\"{name}\"") }
}

/// The beginning of a fingerprint, enough to tell certificates apart.
fn short(fingerprint: &[u8; 32]) -> String {
    let mut text = hex::encode(fingerprint);
    text.truncate(16);
    text
}
