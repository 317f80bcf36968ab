//! Whoever brings something to be checked may bring anything: bombs, circles, markup, lies about roots.

use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Pki, Role as PkiRole, cross_certify};
use ctl_screening::examine::{Answer, Examination, Files, MAX_BYTES, MAX_CERTIFICATES, examine};
use proptest::prelude::*;

use crate::common::*;

fn ask(world: &World, bytes: impl AsRef<[u8]>) -> Examination {
    let files = Files { version: &|_, _, _| None, served: &|_| None };
    examine(&world.state, &files, bytes.as_ref(), world.now)
}

/// A scheme that trusts alpha's root.
fn world() -> World {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    world
}

fn trusts_nothing(found: &Examination) -> bool {
    let lists = found.certificates.iter().flat_map(|one| &one.lists);
    lists.into_iter().all(|judged| !matches!(judged.answer, Answer::Trusted { .. }))
}

#[test]
fn bombs_are_refused_by_their_size_or_depth_and_say_so() {
    let world = World::published();
    let headers = |count: usize| "-----BEGIN CERTIFICATE-----".repeat(count);
    let deep_der: Vec<u8> = (0..200_000).flat_map(|_| [0x30, 0x80]).collect();
    let deep_cms =
        [&[0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2], &*deep_der].concat();
    for (what, bytes) in [
        ("ten megabytes", vec![b'A'; 10 * 1024 * 1024]),
        ("100,000 PEM headers", headers(100_000).into_bytes()),
        ("as many as fit", headers(MAX_BYTES / 27).into_bytes()),
        (
            "empty blocks",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".repeat(18_000).into_bytes(),
        ),
        ("deep arrays", "[".repeat(MAX_BYTES).into_bytes()),
        ("deep objects", r#"{"anchors":"#.repeat(90_000).into_bytes()),
        ("deep DER", deep_der),
        ("deep BER in CMS", deep_cms),
        ("a length of 4 GB", vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
    ] {
        let found = ask(&world, bytes);
        assert!(found.refused.as_ref().is_some_and(|why| why.chars().count() < 600), "{what}: {found:?}");
        assert!(found.certificates.is_empty(), "{what}");
    }
}

#[test]
fn many_certificates_are_counted_and_only_the_first_are_examined() {
    let world = world();
    let key = Key::p256("many").unwrap();
    let one = |serial: u64| {
        let shape = Shape::ca("CN=Sub CA", &key, None).unwrap().serial(serial + 1);
        shape.signed_by("CN=Sub CA", &key).unwrap().to_pem()
    };
    let bytes: String = (0..150).map(one).collect();
    let found = ask(&world, &bytes);
    assert_eq!((found.certificates.len(), found.left_aside), (MAX_CERTIFICATES, 150 - MAX_CERTIFICATES));
    assert!(trusts_nothing(&found));
    // The same one again and again is one.
    let found = ask(&world, one(1).repeat(150));
    assert_eq!((found.certificates.len(), found.left_aside), (1, 0));
}

#[test]
fn cross_certificates_that_lead_in_circles_come_to_an_end() {
    let world = world();
    let pkis: Vec<Pki> = ["beta-pki", "gamma", "delta", "epsilon"].map(root).into();
    let until = start().plus_seconds(300 * DAY).unix();
    let mut bytes = pkis[0].get(PkiRole::Secc).unwrap().certificate().to_pem();
    for role in [PkiRole::CpoSub2, PkiRole::CpoSub1] {
        bytes += &pkis[0].get(role).unwrap().certificate().to_pem();
    }
    for issuer in &pkis {
        for subject in pkis.iter().filter(|one| one.root().certificate() != issuer.root().certificate()) {
            let cross = cross_certify(issuer.root(), subject.root().certificate(), start().unix(), until);
            bytes += &cross.unwrap().to_pem();
        }
    }
    let found = ask(&world, &bytes);
    assert_eq!(found.certificates.len(), 15);
    assert!(trusts_nothing(&found));
    // A way out of the circle is found all the same.
    let alpha = root("alpha-pki");
    let cross = cross_certify(alpha.root(), pkis[0].root().certificate(), start().unix(), until).unwrap();
    let found = ask(&world, bytes + &cross.to_pem());
    let sub1 = &found.certificates[2];
    assert!(matches!(sub1.lists[0].answer, Answer::Trusted { .. }), "{:?}", sub1.lists);
}

#[test]
fn an_impostor_with_the_name_of_a_trusted_root_vouches_for_nobody() {
    let world = world();
    let real = root("alpha-pki");
    let name = real.root().certificate().subject().to_owned();
    let key = Key::p256("impostor").unwrap();
    let impostor = Shape::ca(&name, &key, None).unwrap().self_signed().unwrap();
    let leaf_key = Key::p256("leaf").unwrap();
    let leaf = Shape::new("CN=USALPS1,DC=CPO", &leaf_key).unwrap().key_usage(&[0, 4]);
    let leaf = leaf.signed_by(&name, &key).unwrap();
    let found = ask(&world, leaf.to_pem() + &impostor.to_pem());
    assert_eq!(found.certificates.len(), 2);
    assert!(trusts_nothing(&found));
}

#[test]
fn markup_and_bidirectional_text_are_repeated_harmlessly_and_briefly() {
    let world = world();
    let key = Key::p256("markup").unwrap();
    let long = "x".repeat(3000);
    for name in [
        "CN=<script>alert(1)</script>".to_owned(),
        "CN=\u{202e}toor dellac\u{2066}".to_owned(),
        format!("CN={long}"),
    ] {
        let certificate = Shape::ca(&name, &key, None).unwrap().self_signed().unwrap();
        let found = ask(&world, certificate.to_pem());
        let one = &found.certificates[0];
        let texts = serde_json::to_string(one).unwrap();
        assert!(!texts.contains('\u{202e}') && !texts.contains('\u{2066}'), "{texts}");
        assert!(one.subject.chars().count() <= 301);
        assert!(texts.len() < 20_000, "{}", texts.len());
    }
    // What stands around a block is in any encoding, and is not repeated.
    let mut bytes = b"\xff\xfe\xc3\x28 <b>".to_vec();
    bytes.extend(root("alpha-pki").root().certificate().to_pem().bytes());
    let found = ask(&world, bytes);
    assert!(!trusts_nothing(&found));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = ask(&World::published(), bytes);
    }

    /// What is damaged is told or harmless, and never trusted for what it was not.
    #[test]
    fn a_damaged_chain_never_panics(place in 0_usize..3000, byte: u8) {
        let world = world();
        let chain = root("alpha-pki");
        let mut bytes: String = chain.chain(PkiRole::Secc).iter().map(|one| one.to_pem()).collect();
        let place = place % bytes.len();
        if let Ok(text) = std::str::from_utf8(&[byte]) {
            bytes.replace_range(place..=place, text);
        }
        let found = ask(&world, &bytes);
        let known: Vec<[u8; 32]> = chain.entities().map(|(_, one)| one.certificate().sha256()).collect();
        for one in &found.certificates {
            let is_known = known.contains(one.fingerprint.as_bytes());
            let trusted = one.lists.iter().any(|judged| matches!(judged.answer, Answer::Trusted { .. }));
            prop_assert!(is_known || !trusted, "{one:?}");
        }
    }
}
