//! Lists of trust anchors: written for any reader of RFC 5914, and read in each of its forms.

use std::sync::LazyLock;

use ctl_formats::trust_anchors::{
    MAX_TRUST_ANCHORS, MAX_TRUST_ANCHORS_SIZE, TrustAnchor, TrustAnchorsError, trust_anchors_from_der,
    trust_anchors_to_der,
};
use ctl_pki::Certificate;
use ctl_pki::der::encode;
use ctl_sandbox::Edition;
use der::{Decode as _, Encode as _};
use proptest::prelude::*;
use x509_cert::anchor::{CertPathControls, TrustAnchorChoice, TrustAnchorInfo};

use crate::list::{MO, OEM, V2G, root};

fn roots() -> [Certificate; 3] {
    [root(V2G, Edition::Iso2), root(MO, Edition::Iso20), root(OEM, Edition::Iso2)]
}

fn parsed(certificate: &Certificate) -> x509_cert::Certificate {
    x509_cert::Certificate::from_der(certificate.der()).unwrap()
}

/// What another writer of the format makes of a certificate.
fn info(certificate: &Certificate) -> TrustAnchorInfo {
    let parsed = parsed(certificate);
    TrustAnchorInfo {
        version: x509_cert::anchor::Version::V1,
        pub_key: parsed.tbs_certificate().subject_public_key_info().clone(),
        key_id: der::asn1::OctetString::new(certificate.subject_key_id().unwrap()).unwrap(),
        ta_title: Some("A root".to_owned()),
        cert_path: Some(CertPathControls {
            ta_name: parsed.tbs_certificate().subject().clone(),
            certificate: Some(parsed),
            policy_set: None,
            policy_flags: None,
            name_constr: None,
            path_len_constraint: None,
        }),
        extensions: None,
        ta_title_lang_tag: None,
    }
}

fn list(choices: &[TrustAnchorChoice]) -> Vec<u8> {
    choices.to_vec().to_der().unwrap()
}

fn read_info(info: TrustAnchorInfo) -> Result<Vec<TrustAnchor>, TrustAnchorsError> {
    trust_anchors_from_der(&list(&[TrustAnchorChoice::TaInfo(info)]))
}

#[test]
fn another_reader_finds_the_certificates_in_what_is_written() {
    let roots = roots();
    let der = trust_anchors_to_der(&roots).unwrap();
    let choices: Vec<TrustAnchorChoice> = Vec::from_der(&der).unwrap();
    let expected: Vec<_> = roots.iter().map(|root| TrustAnchorChoice::Certificate(parsed(root))).collect();
    assert_eq!(choices, expected);
    let read = trust_anchors_from_der(&der).unwrap();
    let plain = |certificate| TrustAnchor { certificate, title: None, controls: Vec::new() };
    assert_eq!(read, roots.map(plain));
}

#[test]
fn what_another_writer_says_besides_is_told() {
    let [root, ..] = roots();
    let expected =
        TrustAnchor { certificate: root.clone(), title: Some("A root".to_owned()), controls: Vec::new() };
    assert_eq!(read_info(info(&root)), Ok(vec![expected]));
    let mut narrow = info(&root);
    narrow.cert_path.as_mut().unwrap().path_len_constraint = Some(1);
    narrow.cert_path.as_mut().unwrap().policy_flags =
        Some(x509_cert::anchor::CertPolicies::InhibitAnyPolicy.into());
    narrow.extensions = Some(parsed(&root).tbs_certificate().extensions().unwrap().clone());
    narrow.ta_title_lang_tag = Some("en".to_owned());
    assert_eq!(read_info(narrow).unwrap()[0].controls, ["exts", "policyFlags", "pathLenConstraint"]);
}

#[test]
fn an_anchor_without_a_certificate_or_with_anothers_is_refused() {
    let [root, other, _] = roots();
    let none = TrustAnchorsError::NoCertificate { position: 1 };
    let tbs = TrustAnchorChoice::TbsCertificate(parsed(&root).tbs_certificate().clone());
    assert_eq!(trust_anchors_from_der(&list(&[tbs])), Err(none.clone()));
    let bare = TrustAnchorInfo { cert_path: None, ..info(&root) };
    assert_eq!(read_info(bare), Err(none.clone()));
    let mut without = info(&root);
    without.cert_path.as_mut().unwrap().certificate = None;
    assert_eq!(read_info(without), Err(none));
    let contradiction = |what| Err(TrustAnchorsError::Contradiction { position: 1, what });
    let key = TrustAnchorInfo { pub_key: info(&other).pub_key, ..info(&root) };
    assert_eq!(read_info(key), contradiction("key"));
    let key_id = TrustAnchorInfo { key_id: info(&other).key_id, ..info(&root) };
    assert_eq!(read_info(key_id), contradiction("key identifier"));
    let mut name = info(&root);
    name.cert_path.as_mut().unwrap().ta_name = parsed(&other).tbs_certificate().subject().clone();
    assert_eq!(read_info(name), contradiction("name"));
    let long = TrustAnchorInfo { ta_title: Some("x".repeat(65)), ..info(&root) };
    assert!(matches!(read_info(long), Err(TrustAnchorsError::Malformed { .. })));
}

#[test]
fn what_is_no_list_is_refused_by_its_name() {
    let der = trust_anchors_to_der(&roots()).unwrap();
    assert_eq!(trust_anchors_from_der(&[0x30, 0]), Err(TrustAnchorsError::Empty));
    assert_eq!(trust_anchors_to_der([]), Err(TrustAnchorsError::Empty));
    let many = vec![root(MO, Edition::Iso2); MAX_TRUST_ANCHORS + 1];
    assert_eq!(trust_anchors_to_der(&many), Err(TrustAnchorsError::TooMany(MAX_TRUST_ANCHORS)));
    let written = encode(0x30, &vec![many[0].der(); MAX_TRUST_ANCHORS + 1]);
    assert_eq!(trust_anchors_from_der(&written), Err(TrustAnchorsError::TooMany(MAX_TRUST_ANCHORS)));
    let (size, limit) = (MAX_TRUST_ANCHORS_SIZE + 1, MAX_TRUST_ANCHORS_SIZE);
    assert_eq!(trust_anchors_from_der(&vec![0; size]), Err(TrustAnchorsError::TooLarge { size, limit }));
    let trailing = [der.as_slice(), &[0, 0, 0]].concat();
    assert_eq!(trust_anchors_from_der(&trailing), Err(TrustAnchorsError::TrailingBytes(3)));
    for end in 0..der.len() {
        assert!(matches!(trust_anchors_from_der(&der[..end]), Err(TrustAnchorsError::Malformed { .. })));
    }
    let odd = encode(0x30, &[&[5, 0]]);
    assert!(matches!(trust_anchors_from_der(&odd), Err(TrustAnchorsError::Malformed { .. })));
    let empty = encode(0x30, &[&[0x30, 0]]);
    assert!(matches!(
        trust_anchors_from_der(&empty),
        Err(TrustAnchorsError::Certificate { position: 1, .. })
    ));
}

static ROOTS: LazyLock<[Certificate; 3]> = LazyLock::new(roots);
static INFO: LazyLock<Vec<u8>> = LazyLock::new(|| list(&[TrustAnchorChoice::TaInfo(info(&ROOTS[0]))]));

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at: proptest::sample::Index, to: u8) {
        let _ = trust_anchors_from_der(&bytes);
        let mut info = INFO.clone();
        let at = at.index(info.len());
        info[at] = to;
        let _ = trust_anchors_from_der(&info);
    }

    #[test]
    fn every_list_that_is_written_is_read_again(which in proptest::collection::vec(0..3_usize, 1..9)) {
        let roots = &*ROOTS;
        let chosen: Vec<_> = which.iter().map(|one| roots[*one].clone()).collect();
        let read = trust_anchors_from_der(&trust_anchors_to_der(&chosen).unwrap()).unwrap();
        prop_assert_eq!(read.into_iter().map(|anchor| anchor.certificate).collect::<Vec<_>>(), chosen);
    }
}
