//! Certification requests that are to prove possession of a key: read, and judged against a certificate.
#![no_main]

use ctl_pki::request::{CertificationRequest, der_from_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = der_from_bytes(bytes);
    if let Ok(request) = CertificationRequest::from_der(bytes) {
        assert!(request.only_common_name().is_none_or(|name| name.len() < bytes.len()));
        assert!(!request.spki_der().is_empty());
        let _ = request.has_attributes();
    }
});
