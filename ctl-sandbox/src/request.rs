//! Certification requests (PKCS#10), as `openssl req` makes them of a subject without attributes.

use std::str::FromStr as _;

use der::asn1::{BitString, SetOfVec};
use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use p256::ecdsa::DerSignature;
use p256::ecdsa::signature::Signer as _;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::{Entity, SandboxError};

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// A request in DER by the key of an entity, whose subject is this common name alone.
///
/// # Errors
/// The name cannot be written.
pub fn certification_request(entity: &Entity, common_name: &str) -> Result<Vec<u8>, SandboxError> {
    let info = CertReqInfo {
        version: Version::V1,
        subject: Name::from_str(&format!("CN={common_name}"))?,
        public_key: SubjectPublicKeyInfoOwned::from_der(entity.certificate().spki_der())?,
        attributes: SetOfVec::default(),
    };
    let signature: DerSignature = entity.signing_key().sign(&info.to_der()?);
    let request = CertReq {
        info,
        algorithm: AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None },
        signature: BitString::from_bytes(signature.as_bytes())?,
    };
    Ok(request.to_der()?)
}
