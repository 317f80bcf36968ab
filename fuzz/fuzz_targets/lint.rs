//! Certificates as a linter reads them: the face of the DER reader that reads flawed bytes, against the strict one.
#![no_main]

use ctl_pki::Certificate;
use ctl_pki::der::{Face, examine};
use ctl_pki::written::{Parts, Written};
use ctl_policy::profile::{lint, profile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut flaws = Vec::new();
    if examine(bytes, 0, &mut flaws).is_ok() {
        assert!(flaws.iter().all(|flaw| flaw.at < bytes.len()));
    }
    let written = Written::read(bytes);
    if let Ok(written) = &written {
        assert!(written.flaws.iter().all(|flaw| flaw.at < bytes.len()));
        assert!(written.said.errors().all(|error| error.at <= bytes.len()));
    }
    // What is read strictly is read by the other face too, unless its elements are none.
    if Parts::read(bytes, Face::Strict).is_ok() {
        assert!(Parts::read(bytes, Face::Flawed).is_ok());
    }
    let Some(any) = profile("any") else { return };
    let findings = lint(any, bytes, Some(bytes));
    assert!(findings.iter().all(|finding| finding.byte.is_none_or(|byte| byte <= bytes.len())));
    // What is refused elsewhere is never clean.
    let is_sound = Certificate::from_der(bytes).is_ok_and(|certificate| {
        certificate.check_version().is_ok() && certificate.unreadable_extensions().next().is_none()
    });
    assert!(is_sound || !findings.is_empty());
});
