//! What people bring to `explain` and `resolve` is a stranger's: it must neither play with their terminal nor take their
//! time.

use ctl_client::ask::{Query, Verdict};
use ctl_pki::Certificate;

use crate::ask::{explained, of_today, run, text};
use crate::common::*;

/// A certificate whose name holds what it should not; its signature is gone with that.
fn rewritten(name: &str, with: &[u8]) -> Certificate {
    let mut der = roots()["evil"].der().to_vec();
    assert_eq!(name.len(), with.len());
    let places: Vec<usize> = (0..der.len()).filter(|at| der[*at..].starts_with(name.as_bytes())).collect();
    assert!(!places.is_empty());
    for at in places {
        der[at..at + with.len()].copy_from_slice(with);
    }
    Certificate::from_der(&der).unwrap()
}

#[test]
fn attack_a_name_that_plays_with_the_terminal_is_escaped() {
    let (folder, state) = of_today();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("escape.der"), rewritten("evil", b"\x1b[2J").der()).unwrap();
    std::fs::write(at("bidi.der"), rewritten("evil", "\u{202e}x".as_bytes()).der()).unwrap();
    std::fs::write(at("na\u{1b}[31mme.pem"), roots()["alpha"].to_pem()).unwrap();
    std::fs::write(at("label.pem"), "-----BEGIN \u{1b}[31m-----\nMAA=\n-----END \u{1b}[31m-----\n").unwrap();
    for name in ["escape.der", "bidi.der", "na\u{1b}[31mme.pem", "label.pem", "absent\u{1b}[31m"] {
        for json in [&[][..], &["--json"]] {
            for command in ["explain", "resolve"] {
                let file = at(name).display().to_string();
                let said = run(&[&["--dir", &state, command, &file], json].concat());
                let text = text(&said);
                assert!(!text.contains(['\u{1b}', '\u{202e}']), "{command} {name}: {text:?}");
                assert!(!text.is_empty());
            }
        }
    }
    for what in ["CN=\u{1b}[31m", "\u{202e}", "{\"hashAlgorithm\":\"\u{1b}\"}", "X\u{1b}=1"] {
        let said = run(&["--dir", &state, "resolve", what]);
        assert!(!said.status.success() && !text(&said).contains(['\u{1b}', '\u{202e}']), "{}", text(&said));
    }
}

#[test]
fn attack_files_of_any_size_and_shape_are_answered_in_bounded_time() {
    let repository = Repository::new();
    let device = Device::synced(&repository);
    let mut ten = roots()["alpha"].to_pem().repeat(10_000_000 / roots()["alpha"].to_pem().len()).into_bytes();
    let found = explained(&device, &[("many", ten.clone())]);
    assert!(found.len() <= 2001 && found[0].verdict == Verdict::Trusted);
    assert!(found.last().unwrap().reason.contains("more than 2000"), "{:?}", found.last());
    ten.truncate(9_999_999);
    for bytes in [
        vec![0; 10_000_000],
        b"-----BEGIN ".repeat(900_000),
        b"-----BEGIN CERTIFICATE-----\n".repeat(350_000),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(150_000),
        [&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..], &[0x30; 1000]].concat(),
        [0x30, 0x80].repeat(5_000),
        Vec::new(),
    ] {
        let found = explained(&device, &[("hostile", bytes.clone())]);
        assert!(!found.is_empty() && found.iter().all(|one| one.verdict == Verdict::NoCertificate));
        assert!(Query::from_file(&bytes).is_err());
    }
    // Many that carry one name and were signed by nobody who is here.
    let impostors: String = (0..600_u32)
        .map(|n| rewritten("evil", format!("{n:04}").as_bytes()))
        .map(|certificate| {
            // No longer its own issuer: a chain is looked for.
            let mut der = certificate.der().to_vec();
            let own = certificate.subject().split(['=', ' ']).nth(1).unwrap().to_owned();
            let at = der.windows(4).position(|window| window == own.as_bytes()).unwrap();
            der[at..at + 4].copy_from_slice(b"9999");
            Certificate::from_der(&der).unwrap().to_pem()
        })
        .collect();
    let found = explained(&device, &[("impostors", impostors.into_bytes())]);
    assert_eq!(found.len(), 600);
    assert!(found.iter().all(|one| one.chains.is_empty()));
}
