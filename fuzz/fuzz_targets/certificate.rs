//! Certificates and PEM files: parse, show, verify.
#![no_main]

use ctl_pki::kind::tell;
use ctl_pki::path::{Inputs, Signatures, validate};
use ctl_pki::{Certificate, certificate_from_bytes, certificates_from_pem, readable_bundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = certificates_from_pem(bytes);
    let _ = readable_bundle(bytes);
    let _ = certificate_from_bytes(bytes);
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _ = (certificate.subject(), certificate.issuer(), certificate.is_ca());
        let _ = certificate.verify_self_signature();
        assert_eq!(certificate.der(), bytes);
        assert_eq!(
            certificate.subject_name() == certificate.issuer_name(),
            certificate.is_self_issued_by_name()
        );
        if let Ok(Some(names)) = certificate.subject_alt_names() {
            assert!(names.value.iter().all(|name| name.to_string().chars().all(ctl_pki::print::is_safe)));
        }
        let _ = (certificate.ocsp_urls(), certificate.crl_urls());
        // As its own anchor, so that whatever its signature is, the names and times before it are judged.
        let inputs = Inputs::at(certificate.not_before());
        let validation =
            validate(&certificate, &[&certificate, &certificate], &inputs, &mut Signatures::with_limit(1));
        let told = validation.steps.last().and_then(|step| step.checks.last());
        assert!(validation.is_valid() || told.is_some_and(|check| !check.passed));
        // What can be read alone can be read in a file, and tells one kind whoever asks.
        let in_file = readable_bundle(certificate.to_pem().as_bytes());
        assert_eq!(certificate.check_readable().is_ok(), in_file.is_ok());
        assert_eq!(tell(&certificate, None), tell(&certificate, None));
        let again = certificate_from_bytes(certificate.to_pem().as_bytes());
        assert!(again.is_ok_and(|again| again.sha256() == certificate.sha256()));
    }
});
