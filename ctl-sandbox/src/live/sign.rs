//! Signs what OCSP responses and CRLs have in common, rightly or with a fault.

use super::Code;
use super::der::{self, bits, oid, seq};
use super::faults::Active;
use crate::SandboxError;
use crate::shape::Key;

/// The algorithm by which a signed part names its signature from inside.
pub(super) fn algorithm(key: &Key, faults: &Active) -> Vec<u8> {
    if faults.has(Code::AlgorithmNotAllowed) {
        seq(&[oid(der::ECDSA_SHA1)])
    } else if faults.has(Code::AlgorithmParameters) {
        // A header of two bytes, the object identifier, and what must not follow it.
        let inside = key.algorithm().get(2..).unwrap_or_default();
        seq(&[inside.to_vec(), vec![5, 0]])
    } else {
        key.algorithm().to_vec()
    }
}

/// A signed part, the algorithm and the signature.
pub(super) fn sign(part: &[u8], key: &Key, faults: &Active) -> Result<Vec<Vec<u8>>, SandboxError> {
    let mut signature =
        if faults.has(Code::AlgorithmNotAllowed) { key.sign_sha1(part)? } else { key.sign(part) };
    if let Some(last) = signature.last_mut().filter(|_| faults.has(Code::SignatureInvalid)) {
        *last ^= 1;
    }
    Ok(vec![part.to_vec(), algorithm(key, faults), bits(&signature)])
}
