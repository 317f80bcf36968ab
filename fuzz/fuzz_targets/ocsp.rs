//! OCSP responses: read, and judge with and without a nonce.
#![no_main]

use std::sync::LazyLock;

use ctl_pki::ocsp::{self, Limits, MAX_OCSP_SIZE, OcspResponse, Question};
use ctl_pki::revocation::Outcome;
use ctl_pki::{Certificate, certificate_from_bytes};
use libfuzzer_sys::fuzz_target;

// The corpus is signed by this root or its responder and speaks of this leaf. The time lies within the validity
// of them all.
static ROOT: LazyLock<Certificate> = LazyLock::new(|| {
    certificate_from_bytes(include_bytes!("../../lib/pki/tests/fixtures/revocation/root.der")).unwrap()
});
static LEAF: LazyLock<Certificate> = LazyLock::new(|| {
    certificate_from_bytes(include_bytes!("../../lib/pki/tests/fixtures/revocation/leaf.der")).unwrap()
});
const TIME: i64 = 1_800_000_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(response) = OcspResponse::from_der(bytes, MAX_OCSP_SIZE) else { return };
    assert_eq!(response.der(), bytes);
    let question = Question::about(&LEAF, &ROOT);
    for question in [question.clone(), question.with_nonce(b"0123456789abcdef")] {
        let judgement = ocsp::judge(&response, &question, &[&LEAF], TIME, &Limits::default());
        match &judgement.outcome {
            Outcome::Undetermined(reason) => {
                assert!(!judgement.problems.is_empty());
                assert!(!reason.to_string().is_empty() && !reason.rule().is_empty());
            }
            Outcome::Good | Outcome::Revoked { .. } => assert!(judgement.signer.is_some()),
        }
        judgement.notes.iter().for_each(|note| assert!(!note.to_string().is_empty()));
    }
});
