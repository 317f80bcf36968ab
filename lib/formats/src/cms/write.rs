//! Writes SignedData as the sample of the SAE list is made, in two steps: what each signer signs, and the whole. Both are
//! pure functions, so that signers and auditors build the same bytes.

use std::collections::BTreeSet;

use ctl_core::Timestamp;
use ctl_pki::der::{
    INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, choice_of_time, context_constructed, encode,
    set_of, sorted,
};
use ctl_pki::{Certificate, SignatureError, pem_block};

use super::attributes::{CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME};
use super::{DATA, Hash, MAX_CMS_SIGNERS, MAX_CMS_SIZE, SIGNED_DATA};

/// The one hash of what is written.
const HASH: Hash = Hash::Sha512;

/// Why there is no CMS of these signatures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsWriteError {
    #[error("a CMS has between 1 and {MAX_CMS_SIGNERS} signers, not {0}")]
    Signers(usize),
    #[error("the CMS would be larger than the limit of {MAX_CMS_SIZE} bytes")]
    TooLarge,
    #[error("the time of signing {0} cannot be written")]
    Time(Timestamp),
    #[error("two signatures are by the key of {0}; each key signs once")]
    SameKey(String),
    #[error("the signature of {subject} is refused: {source}")]
    Signature {
        /// Whom the certificate names.
        subject: String,
        source: Box<SignatureError>,
    },
}

/// What every signer signs, with ECDSA and SHA-512: the signed attributes as SET OF in DER, exactly contentType, the
/// content's messageDigest and signingTime.
///
/// # Errors
/// [`CmsWriteError::Time`].
pub fn signed_attributes(content: &[u8], issued_at: Timestamp) -> Result<Vec<u8>, CmsWriteError> {
    Ok(encode(SET, &[&attributes(content, issued_at)?]))
}

/// The SignedData in DER of this content and its signatures over [`signed_attributes`], with the signers' certificates.
/// The order in which they are given makes no difference. Each signature must be good.
///
/// # Errors
/// [`CmsWriteError`].
pub fn assemble(
    content: &[u8],
    issued_at: Timestamp,
    signatures: &[(&Certificate, &[u8])],
) -> Result<Vec<u8>, CmsWriteError> {
    if signatures.is_empty() || signatures.len() > MAX_CMS_SIGNERS {
        return Err(CmsWriteError::Signers(signatures.len()));
    }
    let attributes = attributes(content, issued_at)?;
    let signed = encode(SET, &[&attributes]);
    let mut keys = BTreeSet::new();
    let mut signers = Vec::new();
    for (certificate, signature) in signatures {
        let subject = || certificate.subject().to_owned();
        if !keys.insert(certificate.spki_sha256()) {
            return Err(CmsWriteError::SameKey(subject()));
        }
        certificate
            .verify_signature(HASH.ecdsa_oid(), &signed, signature)
            .map_err(|source| CmsWriteError::Signature { subject: subject(), source: Box::new(source) })?;
        signers.push(signer(certificate, &attributes, signature));
    }
    let certificates = signatures.iter().map(|(certificate, _)| certificate.der().to_vec()).collect();
    let inside = encode(context_constructed(0), &[&encode(OCTET_STRING, &[content])]);
    let signed_data = encode(
        SEQUENCE,
        &[
            &version(),
            &set_of(vec![algorithm(HASH.oid())]),
            &encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[DATA]), &inside]),
            &encode(context_constructed(0), &[&sorted(certificates)]),
            &set_of(signers),
        ],
    );
    let signed_data = encode(context_constructed(0), &[&signed_data]);
    let whole = encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[SIGNED_DATA]), &signed_data]);
    if whole.len() > MAX_CMS_SIZE { Err(CmsWriteError::TooLarge) } else { Ok(whole) }
}

/// A CMS in PEM, as the sample is (RFC 7468 section 9).
#[must_use]
pub fn cms_pem(der: &[u8]) -> String {
    pem_block("CMS", der)
}

/// What stands in the SET OF attributes.
fn attributes(content: &[u8], issued_at: Timestamp) -> Result<Vec<u8>, CmsWriteError> {
    let time = choice_of_time(issued_at.unix()).ok_or(CmsWriteError::Time(issued_at))?;
    let attribute = |kind: &[u8], value: &[u8]| {
        encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[kind]), &encode(SET, &[value])])
    };
    Ok(sorted(vec![
        attribute(CONTENT_TYPE, &encode(OBJECT_IDENTIFIER, &[DATA])),
        attribute(MESSAGE_DIGEST, &encode(OCTET_STRING, &[&HASH.digest(content)])),
        attribute(SIGNING_TIME, &time),
    ]))
}

fn signer(certificate: &Certificate, attributes: &[u8], signature: &[u8]) -> Vec<u8> {
    let serial = encode(INTEGER, &[certificate.serial()]);
    encode(
        SEQUENCE,
        &[
            &version(),
            &encode(SEQUENCE, &[certificate.issuer_der(), &serial]),
            &algorithm(HASH.oid()),
            &encode(context_constructed(0), &[attributes]),
            &algorithm(HASH.ecdsa_oid()),
            &encode(OCTET_STRING, &[signature]),
        ],
    )
}

/// CMSVersion 1: id-data, and signers named by issuer and serial number (RFC 5652 sections 5.1 and 5.3).
fn version() -> Vec<u8> {
    encode(INTEGER, &[&[1]])
}

/// Without parameters, as RFC 5754 wants and the sample is.
fn algorithm(oid: &[u8]) -> Vec<u8> {
    encode(SEQUENCE, &[&encode(OBJECT_IDENTIFIER, &[oid])])
}
