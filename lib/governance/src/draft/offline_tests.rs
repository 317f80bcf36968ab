//! One file and an old root.json against someone who owns everything in between.

use ctl_core::jws::{Jws, JwsError, Signature};
use ctl_core::list::LogRef;
use ctl_core::list::offline::{
    Document, OfflineError, ROOTS_HEADER, TARGETS_HEADER, VerifiedDocument, verify_offline,
};
use ctl_core::names::Environment;
use ctl_core::role::Role;
use ctl_core::tuf::{GoOnFrom, RestartReason, TufError};
use ctl_formats::rendition::{SIGNED, Source};
use proptest::prelude::*;
use serde_json::json;

use crate::draft::fixture::{Scheme, key, na, pki};
use crate::statement::body::LogRestart;

struct Published {
    scheme: Scheme,
    document: Vec<u8>,
}

fn published() -> Published {
    let mut scheme = Scheme::running();
    scheme.admit(&pki("Aurora"));
    let document = scheme.publish(&na(), &[21, 22]).document.unwrap().to_vec();
    Published { scheme, document }
}

impl Published {
    fn file(&self, keys: &[u8]) -> Vec<u8> {
        self.scheme.file(&na(), &self.document, keys)
    }

    fn verify(&self, file: &[u8]) -> Result<VerifiedDocument, OfflineError> {
        verify_offline(&self.scheme.roots[0], file, Some(&na()), None)
    }

    /// A new board: two of the members have new keys.
    fn rotate_board(&mut self) {
        for (name, n) in [("board-a", 14), ("board-b", 15)] {
            let participant = self.scheme.state.participants.get_mut(&name.parse().unwrap()).unwrap();
            participant.key = key(n).public_key();
        }
    }
}

fn with_header(file: &[u8], name: &str, value: serde_json::Value) -> Vec<u8> {
    let mut jws = Jws::parse(file, 1_000_000).unwrap();
    jws.signatures[0].header.as_mut().unwrap().insert(name.into(), value);
    jws.to_bytes()
}

#[test]
fn a_device_with_nothing_but_an_old_root_and_one_file_verifies_a_list() {
    let published = published();
    let file = published.file(&[21, 22]);
    let verified = published.verify(&file).unwrap();
    assert_eq!((verified.role.clone(), verified.root_version, verified.signers.len()), (na(), 1, 2));
    assert_eq!(verified.payload, published.document);
    assert!(matches!(&verified.document, Document::List(list) if list.anchors.len() == 1));
    assert_eq!(verified.expired, None);
    let asked = verify_offline(&published.scheme.roots[0], &file, None, None).unwrap();
    assert_eq!(asked, verified, "the file says itself which list it is");
}

#[test]
fn the_way_leads_across_rotations_of_board_and_signers() {
    let mut published = published();
    published.rotate_board();
    published.scheme.publish(&Role::Root, &[11, 12, 14, 15]);
    published.scheme.publish(&Role::Targets, &[14, 15]);
    let verified = published.verify(&published.file(&[21, 23])).unwrap();
    assert_eq!(verified.root_version, 2);
}

#[test]
fn a_file_from_before_a_restart_of_the_log_verifies_and_says_so() {
    let mut published = published();
    let file = published.file(&[21, 22]);
    let state = &published.scheme.state;
    let old = LogRef {
        origin: state.charter.server.log_origin.clone(),
        root_hash: state.root(),
        size: state.size(),
    };
    published.scheme.record(LogRestart {
        key: key(6).public_key(),
        last_root: None,
        old,
        origin: "ctl.example/second".parse().unwrap(),
        reason: RestartReason::LedgerLost,
        // Who goes on from greater numbers has something to sign.
        roles: [("na".to_owned(), GoOnFrom { version: 3, sequence: 3 })].into(),
    });
    published.scheme.publish(&Role::Root, &[11, 12]);
    let [before, after] = [&published.scheme.roots[0], &published.scheme.roots[1]];
    // Who knows of the restart is told; who does not sees nothing special.
    let verified = verify_offline(after, &file, Some(&na()), None).unwrap();
    assert_eq!(verified.former_log.unwrap().as_str(), "ctl.example/test");
    assert_eq!(verify_offline(before, &file, Some(&na()), None).unwrap().former_log, None);
    // What is drafted since is of the new log.
    published.scheme.wait(crate::draft::fixture::VALIDITY);
    let document = published.scheme.publish(&na(), &[21, 22]).document.unwrap().to_vec();
    let file = published.scheme.file(&na(), &document, &[21, 22]);
    let verified = verify_offline(&published.scheme.roots[0], &file, Some(&na()), None).unwrap();
    let Document::List(list) = &verified.document else { panic!("a list") };
    assert_eq!((list.log.origin.as_str(), verified.former_log), ("ctl.example/second", None));
}

#[test]
fn expiry_is_told_and_left_to_the_reader() {
    let published = published();
    let file = published.file(&[21, 22]);
    let verified = published.verify(&file).unwrap();
    let at = |now| {
        verify_offline(&published.scheme.roots[0], &file, Some(&na()), Some(now)).unwrap().expired.unwrap()
    };
    assert_eq!(at(published.scheme.now), [""; 0]);
    assert_eq!(at(verified.next_update), ["document"]);
    assert_eq!(at(verified.root_expires), ["root", "targets", "document"]);
}

#[test]
fn too_few_signatures_and_one_key_counted_twice() {
    let published = published();
    for keys in [&[21][..], &[21, 21], &[21, 11], &[11, 12]] {
        let error = published.verify(&published.file(keys)).unwrap_err();
        assert!(matches!(error, OfflineError::Signatures { .. }), "{keys:?}: {error}");
    }
}

#[test]
fn a_changed_payload() {
    let published = published();
    let mut jws = Jws::parse(&published.file(&[21, 22]), 1_000_000).unwrap();
    let text = String::from_utf8(jws.payload).unwrap();
    jws.payload = text.replace("\"usable\"", "\"warning\"").into_bytes();
    let error = published.verify(&jws.to_bytes()).unwrap_err();
    assert!(matches!(error, OfflineError::Signatures { .. }), "{error}");
}

#[test]
fn a_signature_given_for_another_type_of_document() {
    let published = published();
    for typ in ["v2g.mo-registry+jws", "v2g.vote.cast+jws", "JWS"] {
        let signatures = [21, 22].map(|n| Signature::sign(&key(n), typ, &published.document).unwrap());
        let targets = &published.scheme.files[&Role::Targets];
        let roots = [&*published.scheme.roots[0]];
        let source = Source::new(&na(), &published.document, &signatures, &roots, targets);
        let file = SIGNED.make(&source).unwrap().bytes;
        let error = published.verify(&file).unwrap_err();
        assert!(matches!(error, OfflineError::Jws(JwsError::Type { .. })), "{error}");
        let unasked = verify_offline(&published.scheme.roots[0], &file, None, None);
        assert!(unasked.is_err(), "{typ}");
    }
}

#[test]
fn a_registry_offered_as_a_list() {
    let mut published = published();
    let registry = published.scheme.publish(&Role::Registry, &[31]).document.unwrap();
    let genuine = published.scheme.file(&Role::Registry, &registry, &[31]);
    let verified = verify_offline(&published.scheme.roots[0], &genuine, None, None).unwrap();
    assert_eq!(verified.role, Role::Registry);
    let error = published.verify(&genuine).unwrap_err();
    assert!(matches!(error, OfflineError::Jws(JwsError::Type { .. })), "{error}");
    // Even the list's own signers cannot make it one.
    let file = published.scheme.file(&na(), &registry, &[21, 22]);
    let error = published.verify(&file).unwrap_err();
    assert!(matches!(error, OfflineError::Document(_)), "{error}");
    // And the registrar's key is none of theirs.
    let file = published.scheme.file(&na(), &published.document, &[31, 21]);
    assert!(matches!(published.verify(&file).unwrap_err(), OfflineError::Signatures { .. }));
}

#[test]
fn a_list_of_another_scheme_signed_by_the_same_people() {
    let published = published();
    let mut other = Scheme::founded(Environment::Production);
    other.publish(&Role::Root, &[11, 12]);
    other.publish(&Role::Targets, &[11, 12]);
    other.admit(&pki("Aurora"));
    let foreign = other.publish(&na(), &[21, 22]).document.unwrap();
    // In the envelope of this scheme, whose signers have the same keys.
    let file = published.scheme.file(&na(), &foreign, &[21, 22]);
    let error = published.verify(&file).unwrap_err();
    assert!(matches!(error, OfflineError::Mismatch { member: "scheme", .. }), "{error}");
    // Of this scheme by name, but for production.
    let text = String::from_utf8(published.document.clone()).unwrap();
    let text = text.replace("\"environment\":\"test\"", "\"environment\":\"production\"");
    let file = published.scheme.file(&na(), text.as_bytes(), &[21, 22]);
    let error = published.verify(&file).unwrap_err();
    assert!(matches!(error, OfflineError::Mismatch { member: "environment", .. }), "{error}");
}

#[test]
fn a_list_offered_as_another_list() {
    let published = published();
    let text = String::from_utf8(published.document.clone()).unwrap();
    let text = text.replace("\"list\":\"na\"", "\"list\":\"eu\"");
    let file = published.scheme.file(&na(), text.as_bytes(), &[21, 22]);
    let error = published.verify(&file).unwrap_err();
    assert!(matches!(error, OfflineError::Mismatch { member: "list", .. }), "{error}");
    let error = verify_offline(&published.scheme.roots[0], &file, None, None).unwrap_err();
    assert!(matches!(error, OfflineError::Targets(TufError::NotDelegated { .. })), "{error}");
}

#[test]
fn a_root_rotation_signed_by_the_new_keys_only() {
    for (signers, accepted) in [(&[14, 15][..], false), (&[11, 12], false), (&[11, 12, 14, 15], true)] {
        let mut published = published();
        published.rotate_board();
        published.scheme.publish(&Role::Root, signers);
        published.scheme.publish(&Role::Targets, &[14, 15]);
        let outcome = published.verify(&published.file(&[21, 22]));
        assert_eq!(outcome.is_ok(), accepted, "{signers:?}");
        if let Err(error) = outcome {
            assert!(matches!(error, OfflineError::Roots(TufError::Signatures { .. })), "{error}");
        }
    }
}

#[test]
fn a_gap_in_the_chain_of_roots() {
    let mut published = published();
    published.scheme.wait(8 * 86_400);
    published.scheme.publish(&Role::Root, &[11, 12]);
    published.scheme.wait(8 * 86_400);
    published.scheme.publish(&Role::Root, &[11, 12]);
    published.verify(&published.file(&[21, 22])).unwrap();
    published.scheme.roots.remove(1);
    let error = published.verify(&published.file(&[21, 22])).unwrap_err();
    assert!(matches!(error, OfflineError::Roots(TufError::RootVersion { .. })), "{error}");
}

#[test]
fn targets_that_the_board_did_not_sign() {
    for keys in [&[11][..], &[14, 15], &[21, 22]] {
        let mut published = published();
        published.scheme.wait(4 * 86_400);
        published.scheme.publish(&Role::Targets, keys);
        let error = published.verify(&published.file(&[21, 22])).unwrap_err();
        assert!(matches!(error, OfflineError::Targets(TufError::Signatures { .. })), "{keys:?}: {error}");
    }
}

#[test]
fn a_file_without_its_way_is_refused_and_says_so() {
    let published = published();
    let file = published.file(&[21, 22]);
    let bare =
        Jws::sign(published.document.clone(), na().document_typ().unwrap(), &[&key(21), &key(22)]).unwrap();
    assert_eq!(published.verify(&bare.to_bytes()), Err(OfflineError::Header(ROOTS_HEADER)));
    for value in [json!("!"), json!(["!"]), json!([1]), json!(null)] {
        let broken = with_header(&file, ROOTS_HEADER, value);
        assert_eq!(published.verify(&broken), Err(OfflineError::Header(ROOTS_HEADER)));
    }
    let broken = with_header(&file, TARGETS_HEADER, json!(7));
    assert_eq!(published.verify(&broken), Err(OfflineError::Header(TARGETS_HEADER)));
    let empty = with_header(&file, TARGETS_HEADER, json!(""));
    assert!(matches!(published.verify(&empty), Err(OfflineError::Targets(TufError::Json { .. }))));
}

#[test]
fn a_root_that_is_not_trusted_does_not_become_so() {
    let published = published();
    let mut root = published.scheme.roots[0].clone();
    let at = root.len() - 20;
    root[at] ^= 1;
    let outcome = verify_offline(&root, &published.file(&[21, 22]), Some(&na()), None);
    assert!(matches!(outcome, Err(OfflineError::Roots(_))), "{outcome:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever single byte is changed, the file is refused or says exactly the same.
    #[test]
    fn no_changed_byte_changes_what_is_verified(at: prop::sample::Index, to: u8) {
        static FILE: std::sync::OnceLock<(Vec<u8>, Vec<u8>, Vec<u8>)> = std::sync::OnceLock::new();
        let (root, file, document) = FILE.get_or_init(|| {
            let published = published();
            (published.scheme.roots[0].clone(), published.file(&[21, 22, 23]), published.document)
        });
        let mut changed = file.clone();
        let at = at.index(changed.len());
        changed[at] = to;
        if let Ok(verified) = verify_offline(root, &changed, Some(&na()), None) {
            prop_assert_eq!(&verified.payload, document);
        }
    }
}
