//! Certification requests as OpenSSL makes them (`openssl req -new -subj /CN=…`), each beside a certificate of the
//! same key; and what is no such request.

use std::path::PathBuf;

use ctl_pki::request::{CertificationRequest, MAX_REQUEST_SIZE, RequestError, der_from_bytes};
use ctl_pki::{Certificate, SignatureError, certificates_from_pem};
use proptest::prelude::*;

const NAME: &str = "ctl-possession-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

fn fixture(name: &str) -> (Certificate, Vec<u8>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requests").join(name);
    let bytes = std::fs::read(path.with_extension("pem")).unwrap();
    (certificates_from_pem(&bytes).unwrap().pop().unwrap(), der_from_bytes(&bytes).unwrap())
}

#[test]
fn what_openssl_makes_is_read_and_verified() {
    for name in ["p256", "p384", "p521", "ed25519"] {
        let (certificate, der) = fixture(name);
        let request = CertificationRequest::from_der(&der).unwrap();
        assert_eq!(request.only_common_name(), Some(NAME), "{name}");
        assert_eq!(request.spki_der(), certificate.spki_der(), "{name}");
        assert!(!request.has_attributes(), "{name}");
        assert_eq!(request.verify_signed_by(&certificate), Ok(()), "{name}");
    }
}

#[test]
fn an_algorithm_that_is_not_known_is_told_from_a_signature_that_is_wrong() {
    let (certificate, der) = fixture("ed448");
    let request = CertificationRequest::from_der(&der).unwrap();
    let judged = request.verify_signed_by(&certificate);
    assert!(matches!(judged, Err(SignatureError::UnsupportedAlgorithm(_))), "{judged:?}");
    let (_, other) = fixture("p256");
    let (stranger, _) = fixture("p384");
    let request = CertificationRequest::from_der(&other).unwrap();
    assert_ne!(request.spki_der(), stranger.spki_der());
    assert!(!matches!(
        request.verify_signed_by(&stranger),
        Ok(()) | Err(SignatureError::UnsupportedAlgorithm(_))
    ));
}

#[test]
fn no_changed_bit_is_passed_over() {
    let (certificate, der) = fixture("p256");
    for position in 0..der.len() {
        for bit in 0..8 {
            let mut bent = der.clone();
            bent[position] ^= 1 << bit;
            let Ok(request) = CertificationRequest::from_der(&bent) else { continue };
            assert!(request.verify_signed_by(&certificate).is_err(), "byte {position}, bit {bit}");
        }
    }
}

#[test]
fn what_is_cut_followed_or_too_large_is_refused() {
    let (_, der) = fixture("p256");
    for length in 0..der.len() {
        assert!(CertificationRequest::from_der(&der[..length]).is_err(), "{length} bytes");
    }
    assert!(CertificationRequest::from_der(&[der.as_slice(), &[0]].concat()).is_err());
    let large = CertificationRequest::from_der(&vec![0x30; MAX_REQUEST_SIZE + 1]);
    assert_eq!(large.unwrap_err(), RequestError::TooLarge(MAX_REQUEST_SIZE + 1));
    assert!(der_from_bytes(b"no PEM at all").is_err());
    let (certificate, _) = fixture("p256");
    assert!(der_from_bytes(certificate.to_pem().as_bytes()).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(request) = CertificationRequest::from_der(&bytes) {
            let _ = (request.only_common_name(), request.has_attributes());
        }
        let _ = der_from_bytes(&bytes);
    }
}
