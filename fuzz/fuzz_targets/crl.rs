//! CRLs: read, check, judge a certificate by them, compare.
#![no_main]

use std::sync::LazyLock;

use ctl_pki::crl::{self, Crl, Limits, MAX_CRL_SIZE, Past};
use ctl_pki::revocation::Outcome;
use ctl_pki::{Certificate, certificate_from_bytes};
use libfuzzer_sys::fuzz_target;

// The corpus is signed by this root and speaks of this leaf. The time lies within the validity of them all.
static ROOT: LazyLock<Certificate> = LazyLock::new(|| {
    certificate_from_bytes(include_bytes!("../../lib/pki/tests/fixtures/revocation/root.der")).unwrap()
});
static LEAF: LazyLock<Certificate> = LazyLock::new(|| {
    certificate_from_bytes(include_bytes!("../../lib/pki/tests/fixtures/revocation/leaf.der")).unwrap()
});
const TIME: i64 = 1_800_000_000;

fuzz_target!(|bytes: &[u8]| {
    let _ = crl::crls_from_pem(bytes, MAX_CRL_SIZE);
    let Ok(crl) = Crl::from_bytes(bytes, MAX_CRL_SIZE) else { return };
    assert!(Crl::from_der(crl.der(), MAX_CRL_SIZE).is_ok());
    assert_eq!(crl.entries().len(), crl.len());
    for entry in crl.entries() {
        assert!(crl.find(entry.serial).any(|found| found == entry));
    }
    let judgement = crl::judge(&LEAF, &[&ROOT], &[&crl], TIME, &Limits::default());
    let is_signed = crl.verify_signed_by(&ROOT).is_ok();
    match &judgement.outcome {
        Outcome::Undetermined(reason) => assert!(!reason.to_string().is_empty() && !reason.rule().is_empty()),
        Outcome::Good | Outcome::Revoked { .. } => assert!(is_signed),
    }
    for considered in &judgement.crls {
        considered.problems.iter().for_each(|problem| assert!(!problem.to_string().is_empty()));
        considered.notes.iter().for_each(|note| assert!(!note.to_string().is_empty()));
    }
    assert!(crl::compare(&crl, &crl, 2).is_empty());
    let past = Past::of(&crl);
    assert_eq!(Past::from_bytes(&past.to_bytes()), Some(past));
    let _ = Past::from_bytes(bytes);
});
