//! Signed CMS: what is written is verified, and what was tampered with is refused by its name.

mod attacks;
pub mod made;
mod odd;

use ctl_core::{Digest, Timestamp};
use ctl_formats::cms::{
    CmsWriteError, SignedData, SignerRefusal, Trust, assemble, cms_pem, signed_attributes,
};
use ctl_pki::{Certificate, SignatureError};
use ctl_sandbox::shape::{Key, Shape};

use made::{Made, Signer, attribute, code_signer, issuer};

use crate::CONTENT;

pub fn at() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

pub fn read(bytes: &[u8]) -> SignedData {
    SignedData::read(bytes).unwrap()
}

/// Why the only signer is refused by whoever pinned these.
pub fn refusal(bytes: &[u8], pinned: &[Certificate]) -> Option<SignerRefusal> {
    let verification = read(bytes).verify(Trust::Pinned(pinned), at());
    assert_eq!(verification.signers.len(), 1);
    assert_eq!(verification.keys().len(), usize::from(verification.refusal().is_none()));
    verification.refusal().cloned()
}

fn written(signers: &[&Signer]) -> Vec<u8> {
    let signed = signed_attributes(CONTENT, at()).unwrap();
    let signatures: Vec<_> = signers.iter().map(|signer| signer.sign(&signed)).collect();
    let pairs: Vec<_> = signers
        .iter()
        .zip(&signatures)
        .map(|(signer, bytes)| (&signer.certificate, bytes.as_slice()))
        .collect();
    assemble(CONTENT, at(), &pairs).unwrap()
}

#[test]
fn the_attributes_are_exactly_three_in_their_order() {
    let signed = signed_attributes(b"", at()).unwrap();
    let digest = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                  47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
    let expected = [
        "318189",
        "301806092a864886f70d010903310b06092a864886f70d010701",
        "301c06092a864886f70d010905310f170d3236313130313132303030305a",
        "304f06092a864886f70d01090431420440",
        digest,
    ];
    assert_eq!(hex::encode(&signed), expected.concat());
    let late = signed_attributes(b"", "2050-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert!(hex::encode(&late).contains("180f32303530303130313030303030305a"));
}

#[test]
fn what_is_written_is_verified_and_is_the_same_in_whatever_order_signers_come() {
    let signers = [code_signer("one"), code_signer("two"), code_signer("three")];
    let der = written(&[&signers[0], &signers[1], &signers[2]]);
    assert_eq!(der, written(&[&signers[2], &signers[0], &signers[1]]));
    let pinned = signers.each_ref().map(|signer| signer.certificate.clone());
    for bytes in [der.clone(), cms_pem(&der).into_bytes(), cms_pem(&der).replace('\n', "\r\n").into_bytes()] {
        let message = read(&bytes);
        assert_eq!(
            (message.content(), message.certificates().len(), message.signer_count()),
            (CONTENT, 3, 3)
        );
        let verification = message.verify(Trust::Pinned(&pinned), at());
        assert_eq!(verification.refusal(), None);
        let keys = pinned.iter().map(|one| Digest::from_bytes(one.spki_sha256())).collect();
        assert_eq!(verification.keys(), keys);
        assert!(verification.signers.iter().all(|signer| signer.signing_time == Some(at())));
    }
    // Whoever knows two of the three counts two.
    let verification = read(&der).verify(Trust::Pinned(&pinned[1..]), at());
    assert_eq!(verification.keys().len(), 2);
    let subject = pinned[0].subject().to_owned();
    assert_eq!(verification.refusal(), Some(&SignerRefusal::WrongSigner { subject }));
    let by_issuer = read(&der).verify(Trust::IssuedBy(&[issuer().certificate]), at());
    assert_eq!((by_issuer.refusal(), by_issuer.keys().len()), (None, 3));
}

#[test]
fn nothing_is_assembled_of_signatures_that_are_not_good() {
    let (one, other) = (code_signer("one"), code_signer("two"));
    let signature = one.sign(&signed_attributes(CONTENT, at()).unwrap());
    assert_eq!(assemble(CONTENT, at(), &[]), Err(CmsWriteError::Signers(0)));
    let twice = [(&one.certificate, signature.as_slice()); 2];
    let subject = one.certificate.subject().to_owned();
    assert_eq!(assemble(CONTENT, at(), &twice), Err(CmsWriteError::SameKey(subject.clone())));
    let many = vec![twice[0]; 33];
    assert_eq!(assemble(CONTENT, at(), &many), Err(CmsWriteError::Signers(33)));
    let invalid = |subject| CmsWriteError::Signature { subject, source: Box::new(SignatureError::Invalid) };
    let of_other = [(&other.certificate, signature.as_slice())];
    assert_eq!(assemble(CONTENT, at(), &of_other), Err(invalid(other.certificate.subject().to_owned())));
    assert_eq!(assemble(b"another list", at(), &twice[..1]), Err(invalid(subject.clone())));
    assert_eq!(assemble(CONTENT, at().plus_seconds(1), &twice[..1]), Err(invalid(subject)));
}

#[test]
fn a_certificate_that_ended_is_told_and_a_stated_time_is_asked() {
    let key = Key::p256("short").unwrap();
    let (from, until) = (at().minus_seconds(1000), at().plus_seconds(1000));
    let shape = Shape::new("CN=Short", &key).unwrap().valid(from.unix(), until.unix());
    let signer = Signer { certificate: shape.self_signed().unwrap(), key };
    let der = written(&[&signer]);
    let pinned = [signer.certificate.clone()];
    let verify = |at| read(&der).verify(Trust::Pinned(&pinned), at);
    let late = until.plus_seconds(1);
    let report = &verify(until).signers[0];
    assert!(report.is_valid());
    assert_eq!((report.ended_before(until), report.ended_before(late)), (None, Some(until)));
    let expired = SignerRefusal::Expired { not_after: until, at: late };
    assert_eq!(verify(late).refusal(), Some(&expired));
    let early = from.minus_seconds(1);
    assert_eq!(verify(early).refusal(), Some(&SignerRefusal::NotYetValid { not_before: from, at: early }));
}

#[test]
fn a_path_to_a_given_issuer_is_asked_for_signing_code() {
    let issuers = [issuer().certificate];
    let judged = |signer: &Signer| {
        read(&written(&[signer])).verify(Trust::IssuedBy(&issuers), at()).signers[0].refusal.clone()
    };
    assert_eq!(judged(&code_signer("one")), None);
    let subject = |signer: &Signer| signer.certificate.subject().to_owned();
    // Without a purpose, for another one, and with a key that may not sign.
    for shape in
        [made::leaf("none"), made::code(made::leaf("no"), "3.2"), made::coding("kept").key_usage(&[4])]
    {
        let signer = made::issued(shape);
        assert_eq!(judged(&signer), Some(SignerRefusal::WrongUsage { subject: subject(&signer) }));
    }
    let stranger = odd::self_issued("stranger");
    assert!(matches!(judged(&stranger), Some(SignerRefusal::NoPath { .. })), "{:?}", judged(&stranger));
    // The issuer's name, signed by another key.
    let forged = odd::forged("forged");
    assert!(matches!(judged(&forged), Some(SignerRefusal::NoPath { .. })), "{:?}", judged(&forged));
}

#[test]
fn signers_may_be_named_by_their_key_and_use_other_hashes_and_curves() {
    let signer = code_signer("one");
    let by_key = Made::of(&signer).named_by_key();
    assert_eq!(refusal(&by_key.der(), std::slice::from_ref(&signer.certificate)), None);
    let sha256 = Made::of(&signer).hash(odd::SHA256);
    assert_eq!(refusal(&sha256.der(), std::slice::from_ref(&signer.certificate)), None);
    let large =
        made::issued_to(odd::coding_for("large", &Key::p521("large").unwrap()), Key::p521("large").unwrap());
    let pinned = [large.certificate.clone()];
    assert_eq!(refusal(&Made::of(&large).der(), &pinned), None);
    // Attributes may come in any order; what is signed is their DER. Further ones are signed along.
    let further = attribute(made::oid("1.2.840.113549.1.9.15"), &[0x30, 0]);
    let mut further = Made::of(&signer).with(further);
    further.attributes.as_mut().unwrap().reverse();
    assert_eq!(refusal(&further.der(), std::slice::from_ref(&signer.certificate)), None);
    // The certificate need not come along.
    let bare = Made { certificates: Vec::new(), ..Made::of(&signer) };
    assert_eq!(refusal(&bare.der(), std::slice::from_ref(&signer.certificate)), None);
    assert_eq!(refusal(&bare.der(), &[]), Some(SignerRefusal::NoCertificate));
    // NULL as the parameters of a digest is the other of two spellings.
    let null = Made { digest: made::algorithm(made::SHA512.0, &[5, 0]), ..Made::of(&signer) };
    assert_eq!(refusal(&null.der(), std::slice::from_ref(&signer.certificate)), None);
}
