//! Certificates and PEM files: parse, show, verify; and the screening of whatever applies.
#![no_main]

use ctl_pki::{Certificate, certificate_from_bytes, certificates_from_pem};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = certificates_from_pem(bytes);
    let _ = certificate_from_bytes(bytes);
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _ = (certificate.subject(), certificate.issuer(), certificate.is_ca());
        let _ = certificate.verify_self_signature();
        assert_eq!(certificate.der(), bytes);
        let again = certificate_from_bytes(certificate.to_pem().as_bytes());
        assert!(again.is_ok_and(|again| again.sha256() == certificate.sha256()));
    }
});
