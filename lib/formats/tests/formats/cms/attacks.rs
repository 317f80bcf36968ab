//! What a stranger may send instead of a signed list.

use std::sync::LazyLock;

use ctl_formats::cms::{
    CmsError, MAX_CMS_CERTIFICATES, MAX_CMS_SIGNERS, MAX_CMS_SIZE, SignedData, SignerRefusal, Trust, cms_pem,
};
use ctl_pki::der::encode;
use ctl_pki::{Certificate, SignatureError};
use ctl_sandbox::shape::{Key, Shape};
use proptest::prelude::*;

use super::made::{
    CONTENT_TYPE, MESSAGE_DIGEST, Made, SHA512, SIGNED_DATA, SIGNING_TIME, Signer, algorithm, attribute,
    code_signer, oid,
};
use super::{at, read, refusal, written};
use crate::CONTENT;

fn refused(bytes: &[u8]) -> CmsError {
    SignedData::read(bytes).unwrap_err()
}

fn one() -> (Made, [Certificate; 1]) {
    let signer = code_signer("one");
    (Made::of(&signer), [signer.certificate])
}

#[test]
fn tampered_content_attributes_and_signatures_are_refused() {
    let (good, pinned) = one();
    assert_eq!(refusal(&good.der(), &pinned), None);
    let content = Made { content: Some(b"another list".to_vec()), ..good.clone() };
    assert_eq!(refusal(&content.der(), &pinned), Some(SignerRefusal::ContentDiffers));
    // The attributes changed under the signature, and another signature under the attributes.
    let later = encode(0x17, &[b"261102120000Z"]);
    let info = good.info();
    let place = info.windows(13).position(|part| part == b"261101120000Z").unwrap();
    let mut changed = info.clone();
    changed[place + 5] = b'2';
    assert_eq!(refusal(&good.with_infos(&[changed]), &pinned), Some(SignerRefusal::BadSignature));
    let other = good.clone().replace(SIGNING_TIME, Some(&later));
    let borrowed = Made { signature: Some(code_signer("one").sign(b"other attributes")), ..other };
    assert_eq!(refusal(&borrowed.der(), &pinned), Some(SignerRefusal::BadSignature));
    let garbled = Made { signature: Some(vec![0x30, 0]), ..good };
    let malformed = SignerRefusal::Signature(SignatureError::MalformedSignature);
    assert_eq!(refusal(&garbled.der(), &pinned), Some(malformed));
}

#[test]
fn without_signed_attributes_nothing_counts_even_if_the_signature_is_good() {
    let (good, pinned) = one();
    let bare = Made { attributes: None, ..good };
    assert_eq!(refusal(&bare.der(), &pinned), Some(SignerRefusal::NoSignedAttributes));
}

#[test]
fn attributes_must_be_there_once_with_one_value() {
    let (good, pinned) = one();
    let judged = |made: Made| refusal(&made.der(), &pinned).unwrap();
    for (kind, name) in [(CONTENT_TYPE, "contentType"), (MESSAGE_DIGEST, "messageDigest")] {
        assert_eq!(judged(good.clone().replace(kind, None)), SignerRefusal::MissingAttribute(name));
        let two = [encode(4, &[b"a"]), encode(4, &[b"b"])].concat();
        assert_eq!(judged(good.clone().replace(kind, Some(&two))), SignerRefusal::NotOneValue(name));
        assert_eq!(judged(good.clone().replace(kind, Some(&[]))), SignerRefusal::NotOneValue(name));
        let again = attribute(oid(kind), &encode(4, &[b"a"]));
        assert_eq!(judged(good.clone().with(again)), SignerRefusal::DuplicateAttribute(kind.to_owned()));
    }
    assert_eq!(refusal(&good.clone().replace(SIGNING_TIME, None).der(), &pinned), None);
    let no_time = good.clone().replace(SIGNING_TIME, Some(&encode(0x17, &[b"26110112Z"])));
    assert!(matches!(judged(no_time), SignerRefusal::MalformedAttributes(_)));
    let other = good.clone().replace(CONTENT_TYPE, Some(&oid(SIGNED_DATA)));
    assert_eq!(judged(other), SignerRefusal::ContentTypeDiffers);
    let text = good.clone().replace(MESSAGE_DIGEST, Some(&[5, 0]));
    assert!(matches!(judged(text), SignerRefusal::MalformedAttributes(_)));
    let odd = Made { attributes: Some(vec![vec![5, 0]]), ..good };
    assert!(matches!(judged(odd), SignerRefusal::MalformedAttributes(_)));
}

#[test]
fn unknown_and_mixed_algorithms_are_refused() {
    let (good, pinned) = one();
    let judged = |made: Made| refusal(&made.der(), &pinned).unwrap();
    let (sha1, rsa) = ("1.3.14.3.2.26", "1.2.840.113549.1.1.13");
    let digest = Made { digest: algorithm(sha1, &[]), ..good.clone() };
    assert_eq!(judged(digest), SignerRefusal::UnknownDigest(sha1.to_owned()));
    let signature = Made { signature_algorithm: algorithm(rsa, &[5, 0]), ..good.clone() };
    assert_eq!(judged(signature), SignerRefusal::UnknownAlgorithm(rsa.to_owned()));
    let mixed = Made { digest: algorithm("2.16.840.1.101.3.4.2.1", &[]), ..good.clone() };
    assert_eq!(judged(mixed), SignerRefusal::HashesDiffer);
    for parameters in [
        Made { digest: algorithm(SHA512.0, &[2, 1, 1]), ..good.clone() },
        Made { signature_algorithm: algorithm(SHA512.1, &[5, 0]), ..good.clone() },
    ] {
        assert_eq!(judged(parameters), SignerRefusal::AlgorithmParameters);
    }
    assert_eq!(judged(Made { version: 3, ..good.clone() }), SignerRefusal::Version);
    assert_eq!(refused(&Made { version: 2, ..good }.der()), CmsError::UnknownVersion);
}

#[test]
fn another_signer_is_refused_whatever_certificates_come_along() {
    let (good, pinned) = one();
    let stranger = code_signer("stranger");
    let forged = Made::of(&stranger);
    let subject = stranger.certificate.subject().to_owned();
    assert_eq!(refusal(&forged.der(), &pinned), Some(SignerRefusal::WrongSigner { subject }));
    // Named as the pinned signer, signed by another key: the key decides.
    let impostor = Made { sid: good.sid.clone(), ..forged };
    assert_eq!(refusal(&impostor.der(), &pinned), Some(SignerRefusal::BadSignature));
    // A certificate with the signer's own issuer and serial number beside the right one disturbs nothing.
    let key = Key::p256("decoy").unwrap();
    let serial = u64::from_be_bytes({
        let mut bytes = [0; 8];
        let serial = pinned[0].serial();
        bytes[8 - serial.len()..].copy_from_slice(serial);
        bytes
    });
    let decoy = Shape::new("CN=decoy", &key).unwrap().serial(serial);
    let decoy = decoy.signed_by("CN=List Signing CA,O=Aurora", &key).unwrap();
    let mut certificates = vec![decoy.der().to_vec()];
    certificates.extend(good.certificates.clone());
    let crowded = Made { certificates, ..good };
    assert_eq!(refusal(&crowded.der(), &pinned), None);
    let issuers = [super::made::issuer().certificate];
    let verification = read(&crowded.der()).verify(Trust::IssuedBy(&issuers), at());
    assert_eq!((verification.refusal(), verification.keys().len()), (None, 1));
}

#[test]
fn one_key_counts_once_however_often_it_signs() {
    let signer = code_signer("one");
    let good = Made::of(&signer);
    let again = good.clone().replace(SIGNING_TIME, None);
    let twice = read(&good.with_infos(&[good.info(), again.info()]));
    let verification = twice.verify(Trust::Pinned(std::slice::from_ref(&signer.certificate)), at());
    assert_eq!((verification.refusal(), verification.signers.len(), verification.keys().len()), (None, 2, 1));
    // Under two certificates for one key, too.
    let renewed = super::made::coding("one")
        .serial(99)
        .signed_by("CN=List Signing CA,O=Aurora", &super::made::issuer().key);
    let renewed = Signer { certificate: renewed.unwrap(), key: signer.key.clone() };
    let both = good.with_infos(&[good.info(), Made::of(&renewed).info()]);
    let verification = read(&both).verify(Trust::Pinned(&[signer.certificate, renewed.certificate]), at());
    assert_eq!((verification.refusal(), verification.keys().len()), (None, 1));
    // One that is not good beside one that is: told, and not counted.
    let broken = Made { signature: Some(code_signer("two").sign(b"")), ..Made::of(&code_signer("two")) };
    let mixed = good.with_infos(&[broken.info(), good.info()]);
    let pinned = [code_signer("one").certificate, code_signer("two").certificate];
    let verification = read(&mixed).verify(Trust::Pinned(&pinned), at());
    assert_eq!(verification.refusal(), Some(&SignerRefusal::BadSignature));
    assert_eq!(verification.keys().len(), 1);
}

#[test]
fn what_is_no_signed_data_with_content_is_refused_by_its_name() {
    let (good, _) = one();
    let der = good.der();
    assert_eq!(refused(&Made { content: None, ..good.clone() }.der()), CmsError::Detached);
    let other = Made { content_type: "1.2.840.113549.1.9.16.1.34", ..good.clone() };
    assert_eq!(refused(&other.der()), CmsError::NotData(other.content_type.to_owned()));
    assert_eq!(refused(&good.with_infos(&[])), CmsError::NoSigners);
    let many = vec![good.info(); MAX_CMS_SIGNERS + 1];
    assert_eq!(refused(&good.with_infos(&many)), CmsError::TooManySigners(MAX_CMS_SIGNERS));
    let certificates = vec![good.certificates[0].clone(); MAX_CMS_CERTIFICATES + 1];
    let crowded = Made { certificates, ..good.clone() };
    assert_eq!(refused(&crowded.der()), CmsError::TooManyCertificates(MAX_CMS_CERTIFICATES));
    let odd = Made { certificates: vec![vec![0xa1, 0]], ..good.clone() };
    assert!(matches!(refused(&odd.der()), CmsError::Certificate { position: 1, .. }));
    let data = encode(0x30, &[&oid("1.2.840.113549.1.7.1"), &encode(0xa0, &[&encode(4, &[b"a"])])]);
    assert_eq!(refused(&data), CmsError::NotSignedData("1.2.840.113549.1.7.1".to_owned()));
    assert_eq!(refused(&[der.as_slice(), &[0]].concat()), CmsError::TrailingBytes(1));
    let size = MAX_CMS_SIZE + 1;
    assert_eq!(refused(&vec![0x30; size]), CmsError::TooLarge { size, limit: MAX_CMS_SIZE });
    for end in 1..der.len() {
        assert!(matches!(refused(&der[..end]), CmsError::Truncated { .. }), "{end}");
    }
    let indefinite = [&[0x30, 0x80], &der[4..], &[0, 0]].concat();
    assert!(matches!(refused(&indefinite), CmsError::Malformed { .. }));
}

#[test]
fn a_pem_file_is_one_block_and_nothing_else() {
    let (good, _) = one();
    let pem = cms_pem(&good.der());
    for text in [pem.clone(), format!("\n {pem}\n\n"), pem.replace(" CMS", " PKCS7")] {
        assert_eq!(read(text.as_bytes()).content(), CONTENT);
    }
    for text in ["", "<html>", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "x\n"] {
        assert_eq!(refused(text.as_bytes()), CmsError::NotCms);
    }
    assert_eq!(refused(&[0xff, 0xfe]), CmsError::NotCms);
    assert!(matches!(refused(pem.repeat(2).as_bytes()), CmsError::TrailingBytes(_)));
    assert!(matches!(refused(format!("{pem}x").as_bytes()), CmsError::TrailingBytes(2)));
    assert_eq!(refused(format!("x{pem}").as_bytes()), CmsError::NotCms);
    assert!(matches!(refused(&pem.as_bytes()[..200]), CmsError::Truncated { .. }));
    assert_eq!(refused(pem.replacen("MI", "M*", 1).as_bytes()), CmsError::NotBase64);
    let label = pem.replace("END CMS", "END PKCS7");
    assert!(matches!(refused(label.as_bytes()), CmsError::Truncated { .. }));
}

/// A CMS of two signers, and their certificates.
static BY_TWO: LazyLock<(Vec<u8>, [Certificate; 2])> = LazyLock::new(|| {
    let signers = [code_signer("one"), code_signer("two")];
    (written(&[&signers[0], &signers[1]]), signers.map(|signer| signer.certificate))
});

proptest! {
    #[test]
    fn whatever_is_changed_nobody_is_shown_other_content_as_signed(at_byte: proptest::sample::Index, to: u8) {
        let (der, pinned) = &*BY_TWO;
        let mut der = der.clone();
        let place = at_byte.index(der.len());
        der[place] = to;
        if let Ok(message) = SignedData::read(&der) {
            let verification = message.verify(Trust::Pinned(pinned), at());
            prop_assert!(message.content() == CONTENT || verification.keys().is_empty());
            prop_assert!(verification.keys().len() <= 2);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SignedData::read(&bytes);
        let with_head = [&[0x30, 0x82], bytes.as_slice()].concat();
        let _ = SignedData::read(&with_head);
        let _ = SignedData::read(cms_pem(&bytes).as_bytes());
    }
}
