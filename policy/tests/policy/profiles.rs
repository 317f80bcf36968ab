//! The profiles themselves: what is refused, what identifies them, and that the sandbox keeps to them.

use ctl_policy::Severity;
use ctl_policy::profile::{Library, ProfileError, guess, lint, profile, profiles, profiles_digest};
use ctl_sandbox::{Pki, PkiKind, PkiSpec, Role, cross_certify};
use sha2::Digest as _;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

const SMALL: &str = r#"
title = "Small"
source = "a test"
rules = [{ id = "size", severity = "error", field = "certificate", require = { size = 800 } }]
"#;

#[test]
fn each_kind_of_certificate_has_a_profile_in_both_editions() {
    let names: Vec<_> = profiles().iter().map(|profile| profile.name()).collect();
    let (two, twenty): (Vec<&&str>, Vec<&&str>) = names.iter().partition(|name| !name.ends_with("-20"));
    assert_eq!(two.len(), 18);
    // What is none of Plug & Charge's has no edition.
    for name in two.into_iter().filter(|name: &&&str| **name != "any") {
        assert!(twenty.contains(&&&*format!("{name}-20")), "{name}");
    }
    for profile in profiles() {
        assert!(!profile.title().is_empty());
        for rule in profile.rules() {
            assert!(!rule.source.is_empty() && !rule.field.is_empty(), "{} {}", profile.name(), rule.id);
        }
    }
}

#[test]
fn a_profile_asks_for_nothing_that_is_not_checked() {
    let unknown = SMALL.replace("{ size = 800 }", "{ colour = \"blue\" }");
    assert!(matches!(Library::read(&[("a", &unknown)]), Err(ProfileError::Malformed { .. })));
    let unknown_member = SMALL.replace("severity = ", "colour = \"blue\", severity = ");
    assert!(matches!(Library::read(&[("a", &unknown_member)]), Err(ProfileError::Malformed { .. })));
    let extension = "{ extension = { name = \"keyUse\", presence = \"required\", critical = \"yes\" } }";
    let unknown_extension = SMALL.replace("{ size = 800 }", extension);
    assert!(matches!(Library::read(&[("a", &unknown_extension)]), Err(ProfileError::BadName { .. })));
    let bit = SMALL.replace("{ size = 800 }", "{ key-usage = { digitalSignature = \"1\" } }");
    assert!(
        matches!(Library::read(&[("a", &bit)]), Err(ProfileError::Malformed { .. })),
        "all nine are stated"
    );
    let large = format!("{SMALL}#{}", " ".repeat(70_000));
    assert!(matches!(Library::read(&[("a", &large)]), Err(ProfileError::TooLarge { .. })));
}

#[test]
fn a_file_extends_another_and_cannot_change_its_rules() {
    let again = format!("extends = \"base\"\n{SMALL}");
    let read = Library::read(&[("base", SMALL), ("a", &again)]);
    assert!(matches!(read, Err(ProfileError::DuplicateRule { .. })));
    assert!(matches!(Library::read(&[("a", &again)]), Err(ProfileError::NoBase { .. })));
    let circle = again.replace("\"base\"", "\"b\"").replace("id = \"size\"", "id = \"other\"");
    let back = circle.replace("\"b\"", "\"a\"").replace("id = \"other\"", "id = \"size\"");
    let read = Library::read(&[("a", &circle), ("b", &back)]);
    assert!(matches!(read, Err(ProfileError::NoBase { .. } | ProfileError::DuplicateRule { .. })));
}

#[test]
fn the_digest_is_that_of_the_files_one_behind_the_other() {
    let secc = profile("secc").unwrap();
    let names: Vec<_> = secc.files().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["secc", "iso15118-2", "rfc5280"]);
    let mut whole = sha2::Sha256::new();
    for name in names.iter().rev() {
        let path = format!("{}/profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        whole.update(std::fs::read(path).unwrap());
    }
    assert_eq!(secc.digest(), <[u8; 32]>::from(whole.finalize()));
    // A word more in the file that all extend is another digest of everything.
    let (base, one) =
        (SMALL.replace("title", "base = true\ntitle"), SMALL.replace("id = \"size\"", "id = \"z\""));
    let extended = format!("extends = \"base\"\n{one}");
    let before = Library::read(&[("base", &base), ("one", &extended)]).unwrap();
    let changed = format!("{base}# a word");
    let after = Library::read(&[("base", &changed), ("one", &extended)]).unwrap();
    assert_ne!(before.digest(), after.digest());
    assert_ne!(before.profile("one").unwrap().digest(), after.profile("one").unwrap().digest());
    assert_ne!(profiles_digest(), before.digest());
}

#[test]
fn the_sandbox_keeps_to_the_profiles_and_each_certificate_is_known_by_itself() {
    let spec = |kind, name: &str| PkiSpec {
        services: Some("http://pki.example".to_owned()),
        ..PkiSpec::new(kind, name, "NL", "Aurora & Söhne", "profiles", START)
    };
    for kind in [PkiKind::V2g, PkiKind::Mo, PkiKind::Oem] {
        let pki = Pki::generate(&spec(kind, "Aurora")).unwrap();
        for (role, entity) in pki.entities() {
            let expected = match (role, kind) {
                (Role::Root, PkiKind::V2g) => "v2g-root",
                (Role::Root, PkiKind::Mo) => "mo-root",
                (Role::Root, PkiKind::Oem) => "oem-root",
                _ => role.file_name(),
            };
            let guess = guess(entity.certificate().der(), None);
            assert_eq!(guess.profile.as_deref(), Some(expected), "{}", guess.because);
            let issuer = role.issuer().and_then(|issuer| pki.get(issuer)).unwrap_or(pki.root());
            let der = entity.certificate().der();
            let findings = lint(profile(expected).unwrap(), der, Some(issuer.certificate().der()));
            assert_eq!(findings, [], "{role:?} of {kind:?}");
        }
    }
    let (one, other) = (
        Pki::generate(&spec(PkiKind::V2g, "Aurora")).unwrap(),
        Pki::generate(&spec(PkiKind::V2g, "Borealis")).unwrap(),
    );
    let end = one.root().certificate().not_after();
    let cross = cross_certify(one.root(), other.root().certificate(), START, end).unwrap();
    assert_eq!(guess(cross.der(), None).profile.as_deref(), Some("cross"));
    let issuer = one.root().certificate().der();
    assert_eq!(lint(profile("cross").unwrap(), cross.der(), Some(issuer)), []);
    // The issuer is compared with, not taken on trust.
    let findings = lint(profile("cross").unwrap(), cross.der(), Some(other.root().certificate().der()));
    let rules: Vec<_> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["issuer-key-id", "issuer-name"]);
}

#[test]
fn what_is_no_certificate_is_one_finding_of_any_profile() {
    for profile in profiles() {
        for bytes in [&b""[..], b"\x30", b"\x30\x80\x00\x00", b"text", &[0x30; 40]] {
            let findings = lint(profile, bytes, Some(bytes));
            assert_eq!(findings.len(), 1, "{} {bytes:?}", profile.name());
            assert_eq!((findings[0].rule.as_str(), findings[0].severity), ("parses", Severity::Error));
        }
    }
}
