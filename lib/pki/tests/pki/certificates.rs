//! Self-made certificates of every kind that is verified here, and what an attacker may do to them.

use ctl_pki::{
    AlgorithmName, Certificate, CertificateError, MAX_CERTIFICATE_SIZE, SignatureError, TimeEncoding,
    certificate_from_bytes, certificates_from_pem,
};
use proptest::prelude::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name, ".pem"))
    };
}

/// Every root that verifies itself: each curve with hashes of its own and of another size, and Ed25519.
const VERIFIABLE: [(&str, &[u8]); 9] = [
    ("p256-sha256", fixture!("p256-sha256")),
    ("p256-sha512", fixture!("p256-sha512")),
    ("p384-sha384", fixture!("p384-sha384")),
    ("p384-sha256", fixture!("p384-sha256")),
    ("p521-sha512", fixture!("p521-sha512")),
    ("p521-sha384", fixture!("p521-sha384")),
    ("p521-sha256", fixture!("p521-sha256")),
    ("ed25519", fixture!("ed25519")),
    ("eternal", fixture!("eternal")),
];

fn certificate(pem: &[u8]) -> Certificate {
    certificate_from_bytes(pem).unwrap()
}

#[test]
fn every_supported_curve_and_hash_verifies_its_own_signature() {
    for (name, pem) in VERIFIABLE {
        assert_eq!(certificate(pem).verify_self_signature(), Ok(()), "{name}");
    }
}

#[test]
fn a_flipped_bit_in_the_signed_part_or_the_signature_is_noticed() {
    for (name, pem) in VERIFIABLE {
        let original = certificate(pem);
        // The last byte belongs to the signature's s (or to the Ed25519 signature).
        let mut broken = original.der().to_vec();
        *broken.last_mut().unwrap() ^= 1;
        let broken = Certificate::from_der(&broken).unwrap();
        assert_eq!(broken.verify_self_signature(), Err(SignatureError::Invalid), "{name}");
        // The common name stands in the signed part.
        let mut renamed = original.der().to_vec();
        let cn = original.common_name().unwrap().as_bytes();
        let at = renamed.windows(cn.len()).position(|window| window == cn).unwrap();
        renamed[at] ^= 1;
        let renamed = Certificate::from_der(&renamed).unwrap();
        assert_eq!(renamed.verify_self_signature(), Err(SignatureError::Invalid), "{name}");
    }
}

#[test]
fn a_sub_ca_verifies_under_its_issuer_and_under_nobody_else() {
    let sub = certificate(fixture!("sub-under-p384"));
    let root = certificate(fixture!("p384-sha384"));
    assert_eq!(sub.verify_signed_by(&root), Ok(()));
    assert!(!sub.is_self_issued());
    assert_eq!(sub.authority_key_id(), root.subject_key_id());
    for (name, pem) in VERIFIABLE.iter().filter(|(name, _)| !name.starts_with("p384")) {
        assert!(sub.verify_signed_by(&certificate(pem)).is_err(), "{name}");
    }
    assert!(sub.verify_self_signature().is_err());
}

#[test]
fn unsupported_algorithms_are_named_and_never_pass() {
    let rsa = certificate(fixture!("rsa-sha256"));
    let error = rsa.verify_self_signature().unwrap_err();
    assert!(
        matches!(&error, SignatureError::UnsupportedAlgorithm(name) if name.oid() == "1.2.840.113549.1.1.11")
    );
    assert!(error.to_string().contains("sha256WithRSAEncryption"), "{error}");
    let koblitz = certificate(fixture!("secp256k1"));
    assert!(matches!(koblitz.verify_self_signature(),
        Err(SignatureError::UnsupportedAlgorithm(name)) if name.oid() == "1.3.132.0.10"));
}

#[test]
fn a_key_of_another_kind_than_the_signature_is_refused() {
    let (ecdsa, edwards, rsa) = (
        fixture!("p256-sha256").as_slice(),
        fixture!("ed25519").as_slice(),
        fixture!("rsa-sha256").as_slice(),
    );
    for (subject, issuer) in [(ecdsa, edwards), (ecdsa, rsa), (edwards, ecdsa), (edwards, rsa)] {
        let result = certificate(subject).verify_signed_by(&certificate(issuer));
        assert!(matches!(result, Err(SignatureError::KeyDoesNotFit { .. })), "{result:?}");
    }
}

#[test]
fn the_outer_algorithm_must_agree_with_the_signed_one() {
    let mut der = certificate(fixture!("p256-sha256")).der().to_vec();
    let ecdsa_with = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let outer = der.windows(8).rposition(|window| window == ecdsa_with).unwrap();
    der[outer + 7] = 0x03;
    let error = Certificate::from_der(&der).unwrap().verify_self_signature().unwrap_err();
    assert!(matches!(error, SignatureError::AlgorithmMismatch { .. }), "{error}");
}

#[test]
fn bytes_hidden_after_or_inside_the_outer_sequence_are_refused() {
    let der = certificate(fixture!("p256-sha256")).der().to_vec();
    let mut after = der.clone();
    after.push(0);
    assert_eq!(Certificate::from_der(&after), Err(CertificateError::TrailingBytes(1)));
    // The same bytes inside: lengthen the outer sequence by the two bytes of a NULL.
    let mut inside = der;
    assert_eq!(inside[..2], [0x30, 0x82]);
    let length = u16::from_be_bytes([inside[2], inside[3]]) + 2;
    inside[2..4].copy_from_slice(&length.to_be_bytes());
    inside.extend([0x05, 0x00]);
    assert_eq!(Certificate::from_der(&inside), Err(CertificateError::TrailingBytes(2)));
}

#[test]
fn an_oversized_certificate_is_not_even_parsed() {
    let huge = vec![0x30; MAX_CERTIFICATE_SIZE + 1];
    assert!(matches!(Certificate::from_der(&huge), Err(CertificateError::TooLarge { .. })));
}

#[test]
fn what_openssl_says_about_a_sub_ca_is_what_we_say() {
    let sub = certificate(fixture!("sub-under-p384"));
    // openssl x509 -noout -fingerprint -sha1 (and -sha256) -in sub-under-p384.pem
    assert_eq!(hex::encode(sub.sha1()), SUB_SHA1);
    assert_eq!(hex::encode(sub.sha256()), SUB_SHA256);
    // openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum
    assert_eq!(hex::encode(sub.spki_sha256()), SUB_SPKI_SHA256);
    // openssl's subjectKeyIdentifier=hash is SHA-1 over the key's bits.
    assert_eq!(sub.subject_key_id(), Some(sub.public_key_sha1().as_slice()));
    assert_eq!(sub.serial_hex(), "abc");
    assert_eq!(sub.subject(), "CN=sub,O=Fixture,C=NL");
    assert_eq!(sub.issuer(), "CN=p384-sha384,O=Fixture,C=NL,DC=V2G");
    assert_eq!((sub.is_ca(), sub.path_len()), (true, Some(1)));
    assert_eq!(sub.issuer_der(), certificate(fixture!("p384-sha384")).subject_der());
}

const SUB_SHA1: &str = "207576d3128eef2adbefdaa32b02e8933de5d872";
const SUB_SHA256: &str = "a63d430d2434b4111935841e135ed7daf3d3899ed75facd67d847fd441ac61a0";
const SUB_SPKI_SHA256: &str = "10fece200d2268c7340d6bb4b6f39a1cbe313524c9eb905d07d3aefa80476fc5";

#[test]
fn what_openssl_put_into_a_sub_ca_is_what_is_read() {
    let sub = certificate(fixture!("sub-under-p384"));
    assert_eq!((sub.version(), sub.serial()), (3, [0x0a, 0xbc].as_slice()));
    let names: Vec<_> =
        sub.extensions().iter().map(|extension| (extension.name(), extension.is_critical())).collect();
    assert_eq!(names, SUB_EXTENSIONS);
    let constraints = sub.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca && constraints.value.path_len == Some(1));
    assert_eq!(sub.key_usage().unwrap().unwrap().value.to_string(), "keyCertSign, cRLSign");
    let authority = sub.authority_key_identifier().unwrap().unwrap();
    assert_eq!(authority.value.key_id.as_deref(), sub.authority_key_id());
    assert_eq!(sub.public_key_curve().map(AlgorithmName::oid), Some("1.2.840.10045.3.1.7"));
    assert_eq!(sub.public_key_bits().len(), 65);
    let parts: Vec<_> =
        sub.subject_name().attributes().map(|part| (part.kind(), part.tag(), part.text())).collect();
    // PrintableString for the country, UTF8String for the others.
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(parts, [("C", 19, text("NL")), ("O", 12, text("Fixture")), ("CN", 12, text("sub"))]);
    assert_eq!(sub.not_after_encoding(), TimeEncoding::UtcTime);
}

const SUB_EXTENSIONS: [(&str, bool); 4] = [
    ("basicConstraints", true),
    ("keyUsage", true),
    ("subjectKeyIdentifier", false),
    ("authorityKeyIdentifier", false),
];

#[test]
fn validity_from_1970_to_9999_is_ordinary() {
    let eternal = certificate(fixture!("eternal"));
    assert_eq!(eternal.not_before(), 60);
    assert_eq!(eternal.not_after(), 253_402_300_740);
    let encodings = (eternal.not_before_encoding(), eternal.not_after_encoding());
    assert_eq!(encodings, (TimeEncoding::UtcTime, TimeEncoding::GeneralizedTime));
    assert_eq!(eternal.subject(), "O=Plug\\, Charge \\<Söhne\\>,CN=eternal");
}

#[test]
fn pem_is_found_between_other_text_and_other_blocks() {
    let mut file = b"Bag Attributes\r\n  friendlyName: \xe4\r\n".to_vec();
    file.extend_from_slice(b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    for (_, pem) in VERIFIABLE {
        file.extend(String::from_utf8(pem.to_vec()).unwrap().replace('\n', "\r\n").bytes());
        file.extend_from_slice(b"subject=something\n");
    }
    let found = certificates_from_pem(&file).unwrap();
    assert_eq!(found, VERIFIABLE.map(|(_, pem)| certificate(pem)));
    assert_eq!(certificate_from_bytes(&file), Err(CertificateError::NotExactlyOne(VERIFIABLE.len())));
}

#[test]
fn our_pem_is_the_pem_that_openssl_wrote() {
    for (_, pem) in VERIFIABLE {
        assert_eq!(certificate(pem).to_pem().as_bytes(), pem);
    }
}

#[test]
fn broken_pem_says_which_block_is_broken() {
    let mut file = fixture!("ed25519").to_vec();
    file.extend_from_slice(b"-----BEGIN CERTIFICATE-----\nAAAA\n");
    assert_eq!(certificates_from_pem(&file), Err(CertificateError::UnfinishedBlock { block: 2 }));
    file.extend_from_slice(b"-----END CERTIFICATE-----\n");
    assert!(matches!(certificates_from_pem(&file), Err(CertificateError::InBlock { block: 2, .. })));
    let not_base64 = b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
    assert_eq!(certificates_from_pem(not_base64), Err(CertificateError::NotBase64 { block: 1 }));
    assert_eq!(certificates_from_pem(b"hello"), Err(CertificateError::NoCertificate));
}

/// Everything that can be asked of a certificate, so that no question can panic.
fn ask_everything(certificate: &Certificate, issuer: &Certificate) {
    let _ =
        (certificate.sha256(), certificate.sha1(), certificate.public_key_sha1(), certificate.spki_sha256());
    let _ = (certificate.verify_self_signature(), certificate.verify_signed_by(issuer));
    let _ = issuer.verify_signed_by(certificate);
    assert!(!certificate.subject().chars().any(char::is_control));
    assert_eq!(certificate.subject(), certificate.subject_name().to_string());
    let _ = (certificate.key_usage(), certificate.extended_key_usage(), certificate.basic_constraints());
    let _ = (certificate.name_constraints(), certificate.subject_alt_names(), certificate.issuer_alt_names());
    let _ = (certificate.ocsp_urls(), certificate.crl_urls(), certificate.authority_key_identifier());
    for extension in certificate.extensions() {
        assert_eq!(certificate.extension(extension.oid()), Some(extension));
    }
    assert_eq!(certificate_from_bytes(certificate.to_pem().as_bytes()).as_ref(), Ok(certificate));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = certificate_from_bytes(&bytes);
        let _ = certificates_from_pem(&bytes);
    }

    #[test]
    fn mutated_certificates_never_panic(
        which in 0..VERIFIABLE.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let original = certificate(VERIFIABLE[which].1);
        let mut der = original.der().to_vec();
        for (at, byte) in changes {
            let at = at.index(der.len());
            der[at] = byte;
        }
        if let Some(cut) = cut {
            der.truncate(cut.index(der.len()));
        }
        if let Ok(mutated) = Certificate::from_der(&der) {
            ask_everything(&mutated, &original);
            // What nobody signed may change and the signature still hold: then it is not DER any more.
            let refused = mutated.verify_signed_by(&original).is_err() || mutated.check_der().is_err();
            prop_assert!(mutated == original || refused);
        }
    }

    #[test]
    fn mutated_pem_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut pem = fixture!("p256-sha256").to_vec();
        let at = at.index(pem.len());
        pem[at] = byte;
        let _ = certificates_from_pem(&pem);
    }
}
