//! Signatures, verified once and counted: they are the expensive part of a search for paths.

use std::collections::HashMap;

use crate::error::SignatureError;
use crate::{Certificate, path::Rejection};

/// Verifies signatures, each once per certificate and issuer's key, up to a limit. One of these serves a whole
/// search, and bounds its work whatever the graph of certificates is.
#[derive(Clone, Debug)]
pub struct Signatures {
    known: HashMap<([u8; 32], [u8; 32]), Result<(), SignatureError>>,
    verified: usize,
    limit: usize,
}

/// The limit of signatures is used up: the question stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "{0} signatures were verified, which is the limit: the search stops here and this path stays undecided"
)]
pub struct SignatureLimit(pub usize);

impl Signatures {
    /// Verifies at most this many.
    pub fn with_limit(limit: usize) -> Self {
        Self { known: HashMap::new(), verified: 0, limit }
    }

    /// How many were really verified.
    pub fn verified(&self) -> usize {
        self.verified
    }

    /// How many may be verified.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether `issuer`'s key made the signature of `certificate`.
    pub fn verify(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<Result<(), SignatureError>, SignatureLimit> {
        let question = (certificate.sha256(), issuer.spki_sha256());
        if let Some(known) = self.known.get(&question) {
            return Ok(known.clone());
        }
        if self.verified >= self.limit {
            return Err(SignatureLimit(self.limit));
        }
        self.verified += 1;
        let answer = certificate.verify_signed_by(issuer);
        self.known.insert(question, answer.clone());
        Ok(answer)
    }

    pub(super) fn check(&mut self, certificate: &Certificate, issuer: &Certificate) -> Result<(), Rejection> {
        match self.verify(certificate, issuer) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(SignatureError::UnsupportedAlgorithm(name))) => Err(Rejection::UnsupportedAlgorithm(name)),
            Ok(Err(error)) => Err(Rejection::Signature(error)),
            Err(limit) => Err(Rejection::SignatureLimit(limit)),
        }
    }
}
