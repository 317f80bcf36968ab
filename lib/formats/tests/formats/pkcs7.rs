//! Certs-only PKCS#7, as EST and caIssuers addresses serve it, and what else may come from there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_formats::{Pkcs7Error, certificates_from_pkcs7, certificates_to_pkcs7, est_body};
use ctl_pki::{Certificate, MAX_PEM_CERTIFICATES, MAX_PEM_SIZE};
use ctl_sandbox::mutation::Node;
use ctl_sandbox::{Edition, specimen};
use proptest::prelude::*;

fn leaf() -> Certificate {
    specimen("secc", Edition::Iso2).unwrap().unwrap().certificate
}

fn root() -> Certificate {
    specimen("v2g-root", Edition::Iso2).unwrap().unwrap().certificate
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    Node::new(tag, content).encode()
}

fn seq(elements: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &elements.concat())
}

fn oid(content: &[u8]) -> Vec<u8> {
    tlv(6, content)
}

fn pkcs7(kind: u8, inside: &[Vec<u8>]) -> Vec<u8> {
    let id = |last| oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last]);
    let head = [tlv(2, &[1]), tlv(0x31, &[]), seq(&[id(1)])];
    seq(&[id(kind), tlv(0xa0, &seq(&[&head[..], inside].concat()))])
}

fn holding(certificates: &[&Certificate]) -> Vec<u8> {
    let all: Vec<_> = certificates.iter().flat_map(|one| one.der().to_vec()).collect();
    pkcs7(2, &[tlv(0xa0, &all), tlv(0x31, &[])])
}

#[test]
fn certificates_come_in_their_order() {
    let (root, leaf) = (root(), leaf());
    assert_eq!(certificates_from_pkcs7(&holding(&[&leaf, &root])), Ok(vec![leaf, root]));
    assert_eq!(certificates_from_pkcs7(&pkcs7(2, &[tlv(0x31, &[])])), Ok(vec![]));
    let with_crls = pkcs7(2, &[tlv(0xa0, &[]), tlv(0xa1, &seq(&[])), tlv(0x31, &[])]);
    assert_eq!(certificates_from_pkcs7(&with_crls), Ok(vec![]));
}

/// RFC 5280 section 4.2.2.1 and RFC 5652 ask for BER, and streaming encoders write it.
#[test]
fn ber_is_read_and_certificates_are_der_all_the_same() {
    let endless = |tag: u8, content: &[u8]| [&[tag, 0x80], content, &[0, 0]].concat();
    let id = |last| oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last]);
    let both = [root().der(), leaf().der()].concat();
    let of = |certificates: &[u8]| {
        let head = [tlv(2, &[1]), vec![0x31, 0x81, 0], endless(0x30, &id(1))].concat();
        let signed = endless(0x30, &[head, endless(0xa0, certificates), endless(0x31, &[])].concat());
        endless(0x30, &[id(2), endless(0xa0, &signed)].concat())
    };
    assert_eq!(certificates_from_pkcs7(&of(&both)), Ok(vec![root(), leaf()]));
    assert!(matches!(certificates_from_pkcs7(&[of(&both), vec![0]].concat()), Err(Pkcs7Error::Malformed(_))));
    let content = &leaf().der()[4..].to_vec();
    let in_ber = certificates_from_pkcs7(&of(&endless(0x30, content)));
    assert!(matches!(in_ber, Err(Pkcs7Error::Certificate { position: 1, .. })), "{in_ber:?}");
}

#[test]
fn what_openssl_writes_is_read() {
    // openssl crl2pkcs7 -nocrl -outform DER, with an empty file of certificates.
    let empty = [
        0x30, 0x25, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x18, 0x30, 0x16,
        0x02, 0x01, 0x01, 0x31, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07,
        0x01, 0xa0, 0x00, 0x31, 0x00,
    ];
    assert_eq!(certificates_from_pkcs7(&empty), Ok(vec![]));
}

/// X.690 section 11.6 wants the elements of a SET OF in ascending order; EST's clients look at which stands last.
#[test]
fn what_is_written_is_der_whatever_the_order_and_a_body_for_est_has_the_order_given() {
    let empty = certificates_to_pkcs7([]).unwrap();
    assert_eq!(empty, pkcs7(2, &[tlv(0xa0, &[]), tlv(0x31, &[])]));
    let mut sorted = [root(), leaf()];
    sorted.sort_by(|one, other| one.der().cmp(other.der()));
    for order in [[root(), leaf()], [leaf(), root()]] {
        let written = certificates_to_pkcs7(&order).unwrap();
        assert_eq!(written, holding(&[&sorted[0], &sorted[1]]));
        assert_eq!(certificates_from_pkcs7(&written), Ok(sorted.to_vec()));
        let body = est_body(&order).unwrap();
        assert!(body.ends_with('\n') && body.lines().all(|line| (1..=64).contains(&line.len())));
        assert_eq!(STANDARD.decode(body.replace('\n', "")).unwrap(), holding(&[&order[0], &order[1]]));
    }
    let many = vec![leaf(); MAX_PEM_CERTIFICATES + 1];
    assert_eq!(certificates_to_pkcs7(&many), Err(Pkcs7Error::TooMany(MAX_PEM_CERTIFICATES)));
    assert_eq!(est_body(&many), Err(Pkcs7Error::TooMany(MAX_PEM_CERTIFICATES)));
}

#[test]
fn what_is_signed_of_another_kind_or_followed_by_more_is_refused() {
    let signed = pkcs7(2, &[tlv(0x31, &seq(&[tlv(2, &[1])]))]);
    assert_eq!(certificates_from_pkcs7(&signed), Err(Pkcs7Error::Signed));
    let malformed = |bytes: &[u8]| matches!(certificates_from_pkcs7(bytes), Err(Pkcs7Error::Malformed(_)));
    assert!(malformed(&pkcs7(3, &[tlv(0x31, &[])])));
    assert!(malformed(&[holding(&[]), vec![0]].concat()));
    assert!(malformed(b"") && malformed(b"-----BEGIN PKCS7-----"));
    let broken = pkcs7(2, &[tlv(0xa0, &[leaf().der(), &seq(&[])].concat()), tlv(0x31, &[])]);
    assert!(matches!(certificates_from_pkcs7(&broken), Err(Pkcs7Error::Certificate { position: 2, .. })));
}

#[test]
fn what_is_too_large_is_not_looked_at() {
    let limit = MAX_PEM_SIZE;
    let size = limit + 1;
    assert_eq!(certificates_from_pkcs7(&vec![0; size]), Err(Pkcs7Error::TooLarge { size, limit }));
    let leaf = leaf();
    let many = holding(&vec![&leaf; MAX_PEM_CERTIFICATES + 1]);
    assert_eq!(certificates_from_pkcs7(&many), Err(Pkcs7Error::TooMany(MAX_PEM_CERTIFICATES)));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = certificates_from_pkcs7(&bytes);
        let _ = certificates_from_pkcs7(&pkcs7(2, &[tlv(0xa0, &bytes), tlv(0x31, &[])]));
    }

    #[test]
    fn no_damage_panics(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = holding(&[&leaf(), &root()]);
        let at = at.index(bytes.len());
        bytes.splice(at..=at, [to]);
        if let Ok(certificates) = certificates_from_pkcs7(&bytes) {
            prop_assert!(certificates.len() <= 2);
        }
    }
}
