//! A CA of the responder's, and who speaks for it.

use std::sync::Arc;

use chrono::DateTime;
use ctl_pki::Certificate;
use p256::ecdsa::SigningKey;

use crate::testing::bytes::{self, SHA1, Shape, key, ocsp_oid, root_named};

/// id-kp-OCSPSigning
const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];

/// A moment as GeneralizedTime says it.
fn text(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap().format("%Y%m%d%H%M%SZ").to_string()
}

pub(super) fn time(seconds: i64) -> Vec<u8> {
    bytes::time(&text(seconds))
}

/// A CA with its key.
pub(crate) struct Authority {
    pub(super) key: SigningKey,
    pub(super) common_name: String,
    pub(crate) certificate: Arc<Certificate>,
}

impl Authority {
    pub(crate) fn new(common_name: &str, seed: u8) -> Self {
        let bytes::Authority { key, certificate } = root_named(common_name, seed);
        Self { key, common_name: common_name.to_owned(), certificate: Arc::new(certificate) }
    }

    /// The CertID by SHA-1 of a certificate.
    pub(crate) fn cert_id(&self, serial: &[u8]) -> Vec<u8> {
        let (key, certificate) = (self.key.clone(), (*self.certificate).clone());
        bytes::cert_id(SHA1, &bytes::Authority { key, certificate }, serial)
    }

    /// A certificate of a user.
    pub(crate) fn issue(&self, serial: u8) -> Arc<Certificate> {
        let shape = Shape::new("user", &self.common_name, &[0x10, serial]);
        Arc::new(shape.signed(&key(200), &self.key))
    }

    /// A certificate of a sub-CA.
    pub(crate) fn certify(&self, serial: u8) -> Arc<Certificate> {
        let shape = Shape::new("Sub-CA", &self.common_name, &[0x10, serial]).ca().key_usage(0x86);
        Arc::new(shape.signed(&key(201), &self.key))
    }

    /// The certificate of a responder that speaks for it.
    pub(crate) fn delegate(&self, ends: i64, lacks: Lacks) -> Delegate {
        let mut shape = Shape::new("Responder", &self.common_name, &[0x20]).key_usage(0x80);
        shape.not_after = text(ends).leak();
        if lacks != Lacks::Nocheck {
            shape = shape.with(&ocsp_oid(5), false, vec![5, 0]);
        }
        if lacks != Lacks::Purpose {
            shape = shape.extended_key_usage(OCSP_SIGNING);
        }
        let key = key(100);
        Delegate { certificate: shape.signed(&key, &self.key), key }
    }
}

/// What a responder's certificate lacks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacks {
    Nothing,
    /// OCSPSigning
    Purpose,
    /// id-pkix-ocsp-nocheck
    Nocheck,
}

/// A responder that a CA certified.
#[derive(Clone)]
pub(crate) struct Delegate {
    pub(super) key: SigningKey,
    pub(super) certificate: Certificate,
}
