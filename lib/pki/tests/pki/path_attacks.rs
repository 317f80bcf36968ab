//! What an attacker, or a careless CA, may try with a path.

use ctl_pki::Certificate;
use ctl_pki::path::{Inputs, MAX_CHAIN, Rejection, Signatures, Validation, validate};
use proptest::prelude::*;

use crate::common::*;

/// Root → `sub` → `end`, all signed honestly.
fn check_with(sub: &Recipe, end: &Recipe, inputs: &Inputs) -> Validation {
    let root = ca("Root", &Key::p256(1));
    let (sub_certificate, end_certificate) = (sub.signed_by(&root), end.signed_by(sub));
    judge(&root.self_signed(), &[&sub_certificate, &end_certificate], inputs)
}

fn check(sub: &Recipe, end: &Recipe) -> Option<(usize, &'static str)> {
    verdict(&check_with(sub, end, &Inputs::at(NOW)))
}

fn sub() -> Recipe {
    ca("Sub", &Key::p256(2))
}

fn end() -> Recipe {
    leaf("Leaf", &Key::p256(3))
}

#[test]
fn a_leaf_cannot_issue() {
    assert_eq!(check(&leaf("Sub", &Key::p256(2)), &end()), Some((0, "ca")));
    assert_eq!(check(&sub().basic_constraints(false, None), &end()), Some((0, "ca")));
    assert_eq!(check(&sub().key_usage(0x80), &end()), Some((0, "key-usage")));
    let mut old = sub().without("2.5.29.19").without("2.5.29.15");
    old.version = 1;
    assert_eq!(check(&old, &end()), Some((0, "version")));
}

#[test]
fn a_forged_signature_and_a_stolen_name_are_told_apart() {
    let root = ca("Root", &Key::p256(1));
    let impostor = ca("Root", &Key::p256(9));
    let forged = end().signed_by(&impostor);
    let validation = judge(&root.self_signed(), &[&forged], &Inputs::at(NOW));
    assert_eq!(verdict(&validation), Some((0, "signature")));
    let stranger = end().signed_by(&ca("Other", &Key::p256(1)));
    let validation = judge(&root.self_signed(), &[&stranger], &Inputs::at(NOW));
    assert_eq!(verdict(&validation), Some((0, "name-chaining")));
    let step = validation.steps.last().unwrap();
    assert_eq!(
        step.checks.last().unwrap().to_string(),
        "FAILED name-chaining: it names \"CN=Other,O=Test\" as its issuer, but the certificate above it is \
         \"CN=Root,O=Test\" (RFC 5280 section 6.1.3 (a)(4))"
    );
}

#[test]
fn unsupported_algorithms_are_named_and_never_skipped() {
    for (dotted, named) in
        [("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"), ("1.3.101.113", "ed448 (1.3.101.113)")]
    {
        let mut end = end();
        end.algorithm = Some(sequence(&[oid(dotted)]));
        let validation = check_with(&sub(), &end, &Inputs::at(NOW));
        assert_eq!(verdict(&validation), Some((1, "unsupported-algorithm")));
        let words = validation.failure.unwrap().rejection.to_string();
        assert!(words.contains(named), "{words}");
    }
}

#[test]
fn a_chain_that_is_empty_or_endless_is_not_looked_at() {
    let root = ca("Root", &Key::p256(1)).self_signed();
    assert_eq!(verdict(&judge(&root, &[], &Inputs::at(NOW))), Some((0, "path-empty")));
    let endless = vec![&root; MAX_CHAIN + 1];
    let mut signatures = Signatures::with_limit(1000);
    let validation = validate(&root, &endless, &Inputs::at(NOW), &mut signatures);
    assert_eq!((verdict(&validation), signatures.verified()), (Some((0, "path-limit")), 0));
}

#[test]
fn a_path_length_binds_all_further_down() {
    let root = ca("Root", &Key::p256(1));
    let first = ca("First", &Key::p256(2)).basic_constraints(true, Some(1));
    // A later CA cannot give itself more room.
    let second = ca("Second", &Key::p256(3)).basic_constraints(true, Some(9));
    let third = ca("Third", &Key::p256(4));
    let certificates =
        [first.signed_by(&root), second.signed_by(&first), third.signed_by(&second), end().signed_by(&third)];
    let chain: Vec<_> = certificates.iter().collect();
    let validation = judge(&root.self_signed(), &chain, &Inputs::at(NOW));
    assert_eq!(verdict(&validation), Some((2, "path-length")));
}

#[test]
fn a_critical_extension_that_nobody_knows_breaks_the_path_wherever_it_stands() {
    let strange = |recipe: Recipe, critical| recipe.extension("2.999.77", critical, vec![0x05, 0x00]);
    assert_eq!(check(&strange(sub(), true), &end()), Some((0, "critical-extensions")));
    assert_eq!(check(&sub(), &strange(end(), true)), Some((1, "critical-extensions")));
    assert_eq!(check(&strange(sub(), false), &strange(end(), false)), None);
}

#[test]
fn an_extension_that_cannot_be_read_is_a_reason_and_not_ignored() {
    let garbage = vec![0x30, 0x03, 0x02, 0x01];
    for (oid, critical, broken) in [
        ("2.5.29.15", true, Some((0, "malformed-extension"))),
        ("2.5.29.15", false, Some((0, "malformed-extension"))),
        ("2.5.29.30", true, Some((0, "malformed-extension"))),
        ("2.5.29.30", false, Some((0, "malformed-extension"))),
        ("2.5.29.32", false, Some((0, "malformed-extension"))),
        ("2.5.29.33", false, Some((0, "malformed-extension"))),
        ("2.5.29.36", false, Some((0, "malformed-extension"))),
        ("2.5.29.54", false, Some((0, "malformed-extension"))),
        ("2.5.29.37", true, Some((0, "malformed-extension"))),
        // No step of the algorithm depends on these while they are not critical; whoever recognises an extension must
        // process it all the same (RFC 5280 section 4.2).
        ("2.5.29.37", false, Some((0, "malformed-extension"))),
        ("2.5.29.31", false, Some((0, "malformed-extension"))),
        ("2.5.29.17", false, Some((0, "malformed-extension"))),
        ("1.3.6.1.5.5.7.1.1", false, Some((0, "malformed-extension"))),
        // Nobody here recognises it.
        ("2.999.77", false, None),
    ] {
        let sub = sub().extension(oid, critical, garbage.clone());
        assert_eq!(check(&sub, &end()), broken, "{oid} {critical}");
    }
    // Names that cannot be read cannot be held against constraints.
    let constrained = sub().name_constraints(&[dns("example.com")], &[]);
    let hidden = end().extension("2.5.29.17", false, garbage);
    assert_eq!(check(&constrained, &hidden), Some((1, "malformed-extension")));
}

#[test]
fn names_outside_the_constraints_are_refused() {
    let permitted = sub().name_constraints(
        &[
            directory(&name_of(&[&[("O", UTF8, b"Test")]])),
            dns("example.com"),
            email("example.com"),
            uri(".example.com"),
            ip(&[10, 0, 0, 0, 255, 0, 0, 0]),
        ],
        &[],
    );
    for names in [
        dns("example.org"),
        dns("badexample.com"),
        email("root@host.example.com"),
        uri("https://example.org/"),
        ip(&[11, 0, 0, 1]),
        ip(&[0; 16]),
        directory(&name_of(&[&[("O", UTF8, b"Other")]])),
    ] {
        assert_eq!(check(&permitted, &end().alt_names(&[names])), Some((1, "name-not-permitted")));
    }
    let elsewhere = end().named(name_of(&[&[("O", UTF8, b"Other")], &[("CN", UTF8, b"x")]]));
    assert_eq!(check(&permitted, &elsewhere), Some((1, "name-not-permitted")));
    let in_subject =
        end().named(name_of(&[&[("O", UTF8, b"Test")], &[("E", IA5, b"root@evil.example.org")]]));
    assert_eq!(check(&permitted, &in_subject), Some((1, "name-not-permitted")));
    let excluded = sub().name_constraints(&[], &[dns("secret.example.com")]);
    for hidden in ["secret.example.com", "a.SECRET.example.com", "secret.example.com.", "*.example.com"] {
        assert_eq!(
            check(&excluded, &end().alt_names(&[dns(hidden)])),
            Some((1, "name-excluded")),
            "{hidden}"
        );
    }
}

#[test]
fn what_cannot_be_judged_is_refused_only_where_it_matters() {
    let registered_id = tlv(0x88, &[0x88, 0x37]);
    let constrained = sub().name_constraints(std::slice::from_ref(&registered_id), &[]);
    assert_eq!(check(&constrained, &end()), None);
    assert_eq!(
        check(&constrained, &end().alt_names(&[registered_id])),
        Some((1, "unsupported-name-constraint"))
    );
    let deep = [dns("example.com"), tlv(0x80, &[1])].concat();
    let constrained = sub().name_constraints(&[deep], &[]);
    assert_eq!(check(&constrained, &end().alt_names(&[ip(&[10, 0, 0, 1])])), None);
    assert_eq!(
        check(&constrained, &end().alt_names(&[dns("host.example.com")])),
        Some((1, "unsupported-name-constraint"))
    );
}

#[test]
fn a_lower_ca_cannot_widen_what_an_upper_one_permits() {
    let root = ca("Root", &Key::p256(1));
    let upper = ca("Upper", &Key::p256(2)).name_constraints(&[dns("a.example.com")], &[]);
    let lower = ca("Lower", &Key::p256(3)).name_constraints(&[dns("example.com")], &[]);
    let outside = end().alt_names(&[dns("b.example.com")]);
    let certificates = [upper.signed_by(&root), lower.signed_by(&upper), outside.signed_by(&lower)];
    let chain: Vec<_> = certificates.iter().collect();
    let validation = judge(&root.self_signed(), &chain, &Inputs::at(NOW));
    assert_eq!(verdict(&validation), Some((2, "name-not-permitted")));
    let words = validation.failure.unwrap().rejection.to_string();
    assert!(words.ends_with("permitted by CN=Upper,O=Test"), "{words}");
}

#[test]
fn a_ca_in_the_middle_keeps_to_constraints_unless_it_renews_itself() {
    let root = ca("Root", &Key::p256(1));
    let constrained =
        ca("Sub", &Key::p256(2)).name_constraints(&[directory(&name_of(&[&[("O", UTF8, b"Other")]]))], &[]);
    let renewed = ca("Sub", &Key::p256(3));
    let inside = end().named(name_of(&[&[("O", UTF8, b"Other")], &[("CN", UTF8, b"x")]]));
    let certificates =
        [constrained.signed_by(&root), renewed.signed_by(&constrained), inside.signed_by(&renewed)];
    let chain: Vec<_> = certificates.iter().collect();
    assert_eq!(verdict(&judge(&root.self_signed(), &chain, &Inputs::at(NOW))), None);
    // At the end of a path a self-issued certificate is a leaf like any other.
    let validation = judge(&root.self_signed(), &chain[..2], &Inputs::at(NOW));
    assert_eq!(verdict(&validation), Some((1, "name-not-permitted")));
}

#[test]
fn too_many_names_are_refused_before_they_are_all_compared() {
    let subtrees: Vec<_> = (0..500).map(|number| dns(&format!("{number}.example.com"))).collect();
    let names: Vec<_> = (0..700).map(|number| dns(&format!("{number}.example.org"))).collect();
    let sub = sub().name_constraints(&[], &subtrees);
    assert_eq!(check(&sub, &end().alt_names(&names)), Some((1, "name-limit")));
}

#[test]
fn a_required_policy_must_hold_from_end_to_end() {
    let explicit = Inputs { require_explicit_policy: true, ..Inputs::at(NOW) };
    let check = |sub: &Recipe, end: &Recipe, inputs: &Inputs| verdict(&check_with(sub, end, inputs));
    assert_eq!(check(&sub().policies(&[GOLD]), &end(), &explicit), Some((1, "no-valid-policy")));
    assert_eq!(
        check(&sub().policies(&[GOLD]), &end().policies(&[SILVER]), &explicit),
        Some((1, "no-valid-policy"))
    );
    let demanding = sub().policies(&[GOLD]).policy_constraints(Some(0), None);
    assert_eq!(check(&demanding, &end(), &Inputs::at(NOW)), Some((1, "no-valid-policy")));
    assert_eq!(check(&demanding, &end().policies(&[GOLD]), &Inputs::at(NOW)), None);
    // A leaf can demand a policy of its own path.
    let demanding = end().policy_constraints(Some(0), None);
    assert_eq!(check(&sub(), &demanding, &Inputs::at(NOW)), Some((1, "policy-not-accepted")));
}

#[test]
fn any_policy_counts_only_as_long_as_it_is_not_inhibited() {
    let explicit = Inputs { require_explicit_policy: true, ..Inputs::at(NOW) };
    let check = |sub: &Recipe, end: &Recipe, inputs: &Inputs| verdict(&check_with(sub, end, inputs));
    let any = sub().policies(&[ANY_POLICY]);
    assert_eq!(check(&any, &end().policies(&[GOLD]), &explicit), None);
    let inhibited = Inputs { inhibit_any_policy: true, ..explicit.clone() };
    assert_eq!(check(&any, &end().policies(&[GOLD]), &inhibited), Some((0, "no-valid-policy")));
    let inhibiting = sub().policies(&[GOLD]).inhibit_any_policy(0);
    assert_eq!(check(&inhibiting, &end().policies(&[ANY_POLICY]), &explicit), Some((1, "no-valid-policy")));
    assert_eq!(check(&inhibiting, &end().policies(&[GOLD]), &explicit), None);
}

#[test]
fn mappings_are_inhibited_and_never_touch_any_policy() {
    let explicit = Inputs { require_explicit_policy: true, ..Inputs::at(NOW) };
    let check = |sub: &Recipe, end: &Recipe, inputs: &Inputs| verdict(&check_with(sub, end, inputs));
    let mapping = sub().policies(&[GOLD]).mappings(&[(GOLD, FOREIGN)]);
    let foreign = end().policies(&[FOREIGN]);
    assert_eq!(check(&mapping, &foreign, &explicit), None);
    let inhibited = Inputs { inhibit_policy_mapping: true, ..explicit.clone() };
    assert_eq!(check(&mapping, &foreign, &inhibited), Some((1, "no-valid-policy")));
    for pair in [(GOLD, ANY_POLICY), (ANY_POLICY, FOREIGN)] {
        let mapping = sub().policies(&[GOLD]).mappings(&[pair]);
        assert_eq!(check(&mapping, &foreign, &Inputs::at(NOW)), Some((0, "any-policy-mapped")));
    }
}

#[test]
fn every_rejection_has_a_source() {
    let validation = check_with(&leaf("Sub", &Key::p256(2)), &end(), &Inputs::at(NOW));
    assert_eq!(validation.failure.as_ref().map(|failure| &failure.rejection), Some(&Rejection::NotCa));
    let decided = validation.steps.last().unwrap().checks.last().unwrap();
    assert!(!decided.passed && decided.source == "RFC 5280 section 6.1.4 (k)", "{decided}");
}

fn rich_path() -> (Certificate, Certificate, Certificate) {
    let root = ca("Root", &Key::p256(1));
    let sub = sub()
        .policies(&[GOLD, ANY_POLICY])
        .mappings(&[(GOLD, FOREIGN)])
        .policy_constraints(Some(3), Some(3))
        .inhibit_any_policy(2)
        .name_constraints(
            &[dns("example.com"), directory(&name_of(&[&[("O", UTF8, b"Test")]]))],
            &[email("x.org")],
        );
    let end = end().policies(&[FOREIGN]).alt_names(&[dns("a.example.com"), email("a@b.org")]);
    (root.self_signed(), sub.signed_by(&root), end.signed_by(&sub))
}

/// The parser below passes over what it cannot read in a name; others would see the whole name.
#[test]
fn a_name_cannot_hide_parts_from_its_constraints() {
    let permitted = sub().name_constraints(&[directory(&name_of(&[&[("O", UTF8, b"Test")]]))], &[]);
    let good = tlv(0x31, &sequence(&[oid("2.5.4.10"), tlv(UTF8, b"Test")]));
    let evil = sequence(&[oid("2.5.4.3"), tlv(UTF8, b"victim.example.com")]);
    let behind_value = sequence(&[oid("2.5.4.3"), tlv(UTF8, b"x"), tlv(UTF8, b"victim.example.com")]);
    let broken = sequence(&[tlv(0x06, &[]), tlv(UTF8, b"x")]);
    for (hidden, what) in [
        (vec![good.clone(), tlv(0x30, &evil)], "a part that is no set"),
        (vec![good.clone(), tlv(0x31, &behind_value)], "a value behind a value"),
        (vec![good.clone(), tlv(0x31, &[evil.clone(), vec![0x05, 0x00]].concat())], "something in the set"),
        (vec![tlv(0x31, &broken), tlv(0x31, &evil)], "an unreadable part in front"),
        (vec![tlv(0x31, &[]), tlv(0x31, &evil)], "an empty part in front"),
    ] {
        // What the parser refuses outright hides nothing either.
        let end = end().named(sequence(&hidden));
        if let Some(end) = end.try_signed_by(&permitted) {
            let root = ca("Root", &Key::p256(1));
            let sub = permitted.signed_by(&root);
            let validation = judge(&root.self_signed(), &[&sub, &end], &Inputs::at(NOW));
            assert_eq!(verdict(&validation), Some((1, "not-der")), "{what}: read as {:?}", end.subject());
        }
        let alt_name = leaf("Leaf", &Key::p256(3)).alt_names(&[directory(&sequence(&hidden))]);
        assert_eq!(check(&permitted, &alt_name), Some((1, "malformed-extension")), "{what}");
    }
}

/// The algorithm beside the signature and the frame of both are not signed. Whoever can change them can give a
/// certificate another fingerprint, and slip past a list that names it by the old one.
#[test]
fn no_byte_outside_the_signed_part_can_change() {
    let (root, sub, end) = rich_path();
    let signed_part = end.signed_part().len();
    let before = end.der().windows(signed_part).position(|window| window == end.signed_part()).unwrap();
    // The signature itself is left to the key: its form may have a second reading, for instance with P-256.
    let signature = end.der().len() - 70;
    for at in (0..before).chain(before + signed_part..signature) {
        for byte in 0..=u8::MAX {
            let mut der = end.der().to_vec();
            der[at] = byte;
            let Ok(mutated) = Certificate::from_der(&der) else { continue };
            if mutated != end {
                let validation = judge(&root, &[&sub, &mutated], &Inputs::at(NOW));
                let (position, rule) = verdict(&validation).unwrap();
                assert!(
                    position == 1 && matches!(rule, "not-der" | "signature" | "unsupported-algorithm"),
                    "{rule}"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn mutated_paths_never_panic_and_never_become_valid(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        in_leaf in any::<bool>(),
    ) {
        let (root, sub, end) = rich_path();
        prop_assert_eq!(verdict(&judge(&root, &[&sub, &end], &Inputs::at(NOW))), None);
        let original = if in_leaf { &end } else { &sub };
        let mut der = original.der().to_vec();
        let at = at.index(der.len());
        der[at] = byte;
        if let Ok(mutated) = Certificate::from_der(&der) {
            let chain = if in_leaf { [&sub, &mutated] } else { [&mutated, &end] };
            let validation = judge(&root, &chain, &Inputs::at(NOW));
            prop_assert!(mutated == *original || !validation.is_valid());
        }
    }

    /// The same with a signature that fits, so that the checks behind it are reached.
    #[test]
    fn resigned_garbage_in_extensions_never_panics(
        which in prop::sample::select(vec![
            "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.31", "2.5.29.32", "2.5.29.33",
            "2.5.29.36", "2.5.29.37", "2.5.29.54", "1.3.6.1.5.5.7.1.1",
        ]),
        critical in any::<bool>(),
        value in proptest::collection::vec(any::<u8>(), 0..40),
        wrap in any::<bool>(),
    ) {
        let value = if wrap { tlv(0x30, &value) } else { value };
        let root = ca("Root", &Key::ed25519(1));
        let mut sub = ca("Sub", &Key::ed25519(2));
        if which != "2.5.29.19" {
            sub = sub.extension(which, critical, value.clone());
        }
        let end = leaf("Leaf", &Key::ed25519(3)).alt_names(&[dns("a.b")]).extension(which, critical, value);
        if let Some((sub, end)) = sub.try_signed_by(&root).zip(end.try_signed_by(&sub)) {
            let _ = judge(&root.self_signed(), &[&sub, &end], &Inputs::at(NOW));
        }
    }
}
