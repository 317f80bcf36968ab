//! CRLs as a judge of paths: whoever stands in a path must be proven not revoked, and who signs CRLs must have a
//! path of its own.

use ctl_pki::Certificate;
use ctl_pki::crl::Crl;
use ctl_pki::path::{Crls, Inputs, Outcome, Question, search};

use crate::revocation::{CrlShape, NOW, Shape, crl_shape, key, key_id, name, root, seq, tlv};

const SUB_SERIAL: &[u8] = &[0x20];
const SIGNER_SERIAL: &[u8] = &[0x21];
const LEAF_SERIAL: &[u8] = &[0x22];
/// id-ce-authorityKeyIdentifier.
const AKI: [u8; 3] = [0x55, 0x1d, 35];
/// id-ce-deltaCRLIndicator.
const DELTA: [u8; 3] = [0x55, 0x1d, 27];

fn sub() -> Certificate {
    Shape::new("Sub", "Root", SUB_SERIAL).ca().key_usage(0x06).signed(&key(3), &key(1))
}

/// The key with which Sub signs its CRLs, certified by the root.
fn crl_signer() -> Certificate {
    Shape::new("Sub", "Root", SIGNER_SERIAL).key_usage(0x02).signed(&key(7), &key(1))
}

fn leaf() -> Certificate {
    Shape::new("leaf", "Sub", LEAF_SERIAL).key_usage(0x80).signed(&key(4), &key(3))
}

/// A CRL of Sub by its own key (3) or by that for CRLs (7).
fn by_sub(shape: CrlShape, seed: u8) -> Crl {
    let shape = CrlShape { issuer: name("Sub"), ..shape };
    let shape = shape.with(&AKI, false, seq(&[tlv(0x80, &key_id(&key(seed)))]));
    shape.try_signed(&key(seed)).unwrap()
}

/// Whether the path is accepted, and what failed or warned, with the place.
fn judged(crls: &[Crl], pool: &[Certificate], open: Outcome) -> (bool, Vec<(usize, &'static str)>) {
    let (anchors, leaf) = ([root().certificate], leaf());
    let signers: Vec<&Certificate> = pool.iter().collect();
    let by_crls = Crls::new(crls, &signers, NOW, open);
    let question = Question { inputs: Inputs::at(NOW), judges: vec![&by_crls], ..Question::at(NOW) };
    let found = search(&leaf, pool, &anchors, &question);
    assert_eq!(found.candidates.len(), 1);
    let candidate = &found.candidates[0];
    assert!(
        candidate.validation.is_valid(),
        "revocation is a verdict of its own, separate from RFC 5280's path"
    );
    let findings = candidate.verdicts[0].findings.iter();
    let told =
        findings.filter(|one| one.outcome != Outcome::Passed).map(|one| (one.position.unwrap(), one.rule));
    (candidate.is_accepted(), told.collect())
}

#[test]
fn a_path_of_which_nobody_is_revoked_is_accepted() {
    let crls = [crl_shape().signed(), by_sub(crl_shape(), 3)];
    assert_eq!(judged(&crls, &[sub()], Outcome::Failed), (true, vec![]));
}

#[test]
fn a_revoked_sub_ca_or_leaf_carries_nothing() {
    let crls = [crl_shape().revoking(SUB_SERIAL, &[]).signed(), by_sub(crl_shape(), 3)];
    assert_eq!(judged(&crls, &[sub()], Outcome::Warning), (false, vec![(0, "revoked")]));
    let crls = [crl_shape().signed(), by_sub(crl_shape().revoking(LEAF_SERIAL, &[]), 3)];
    assert_eq!(judged(&crls, &[sub()], Outcome::Warning), (false, vec![(1, "revoked")]));
}

#[test]
fn what_no_crl_speaks_of_is_open_and_refused_unless_the_caller_allows_it() {
    let crls = [crl_shape().signed()];
    assert_eq!(judged(&crls, &[sub()], Outcome::Failed), (false, vec![(1, "issuer-mismatch")]));
    assert_eq!(judged(&crls, &[sub()], Outcome::Warning), (true, vec![(1, "issuer-mismatch")]));
}

#[test]
fn a_delta_crl_beside_a_complete_one_is_not_used_and_that_is_said() {
    let delta = by_sub(crl_shape().revoking(LEAF_SERIAL, &[]).with(&DELTA, true, tlv(2, &[1])), 3);
    let crls = [crl_shape().signed(), by_sub(crl_shape(), 3), delta.clone()];
    assert_eq!(judged(&crls, &[sub()], Outcome::Failed), (true, vec![(1, "delta-without-base")]));
    // Alone it proves nothing.
    let crls = [crl_shape().signed(), delta];
    assert_eq!(judged(&crls, &[sub()], Outcome::Failed), (false, vec![(1, "delta-without-base")]));
}

#[test]
fn a_ca_may_sign_crls_with_another_key_that_has_a_path_of_its_own() {
    let crls = [crl_shape().signed(), by_sub(crl_shape(), 7)];
    assert_eq!(judged(&crls, &[sub(), crl_signer()], Outcome::Failed), (true, vec![]));
    let revoking = [crl_shape().signed(), by_sub(crl_shape().revoking(LEAF_SERIAL, &[]), 7)];
    assert_eq!(judged(&revoking, &[sub(), crl_signer()], Outcome::Failed).1, [(1, "revoked")]);
}

#[test]
fn a_crl_signer_that_is_unknown_revoked_or_self_made_is_not_believed() {
    let by_other_key = by_sub(crl_shape(), 7);
    let open = |crls: &[Crl], pool: &[Certificate]| {
        let (accepted, told) = judged(crls, pool, Outcome::Failed);
        assert!(!accepted);
        told
    };
    let crls = [crl_shape().signed(), by_other_key.clone()];
    assert_eq!(open(&crls, &[sub()]), [(1, "signature-invalid")]);
    let self_made = Shape::new("Sub", "Sub", SIGNER_SERIAL).key_usage(0x02).signed(&key(7), &key(7));
    assert_eq!(open(&crls, &[sub(), self_made]), [(1, "signature-invalid")]);
    let crls = [crl_shape().revoking(SIGNER_SERIAL, &[]).signed(), by_other_key];
    assert_eq!(open(&crls, &[sub(), crl_signer()]), [(1, "signature-invalid")]);
}
