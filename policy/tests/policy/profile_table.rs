//! The test table is the profile table: for every rule of every profile a certificate that breaks it and nothing
//! else, and one that only just keeps it. A rule without either is a failure.

use ctl_pki::Certificate;
use ctl_policy::profile::{Profile, Rule, lint, profiles};
use ctl_sandbox::{Edition, Specimen, specimen};
use proptest::prelude::*;

use crate::mutations::{Case, cases};

fn specimen_of(profile: &Profile) -> Specimen {
    let (name, edition) = match profile.name().strip_suffix("-20") {
        None if profile.name() == "any" => ("secc", Edition::Iso2),
        Some(name) => (name, Edition::Iso20),
        None => (profile.name(), Edition::Iso2),
    };
    specimen(name, edition).unwrap().unwrap()
}

/// What is wrong with a case: the findings of a certificate that should break exactly this rule, or none.
fn judge(profile: &Profile, rule: &Rule, case: &Case, breaks: bool) -> Option<String> {
    let mut findings = lint(profile, &case.der, case.issuer.as_deref());
    // That rule speaks last, also about what a lighter one has found already.
    findings.retain(|one| one.rule != "readable" || rule.id == "readable");
    let as_expected = match findings.as_slice() {
        [] => !breaks,
        [one] => breaks && one.rule == rule.id && one.severity == rule.severity && one.source == rule.source,
        _ => false,
    };
    let found: Vec<_> = findings.iter().map(|one| format!("{} ({})", one.rule, one.found)).collect();
    (!as_expected).then(|| format!("{} {}: {}: found {found:?}", profile.name(), rule.id, case.what))
}

#[test]
fn every_rule_of_every_profile_is_broken_alone_and_only_just_kept() {
    let mut wrong = Vec::new();
    let (mut broken, mut kept) = (0, 0);
    for profile in profiles() {
        let specimen = specimen_of(profile);
        for rule in profile.rules() {
            let cases = cases(profile, rule, &specimen);
            if cases.breaking.is_empty() || cases.keeping.is_empty() {
                wrong.push(format!(
                    "{} {}: no certificate that breaks it, or none that keeps it",
                    profile.name(),
                    rule.id
                ));
            }
            broken += cases.breaking.len();
            kept += cases.keeping.len();
            wrong.extend(cases.breaking.iter().filter_map(|case| judge(profile, rule, case, true)));
            wrong.extend(cases.keeping.iter().filter_map(|case| judge(profile, rule, case, false)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), broken + kept, wrong.join("\n"));
    let rules: usize = profiles().iter().map(|profile| profile.rules().len()).sum();
    println!(
        "{rules} rules in {} profiles: {broken} certificates break one, {kept} keep it",
        profiles().len()
    );
}

#[test]
fn every_specimen_keeps_to_its_profile() {
    for profile in profiles() {
        let specimen = specimen_of(profile);
        let findings = lint(profile, specimen.certificate.der(), Some(specimen.issuer.der()));
        assert_eq!(findings, [], "{}", profile.name());
    }
}

#[test]
fn what_the_parser_refuses_is_never_clean() {
    let profile = ctl_policy::profile::profile("secc").unwrap();
    let specimen = specimen_of(profile);
    for at in 0..specimen.certificate.der().len() {
        let mut der = specimen.certificate.der().to_vec();
        der[at] ^= 0x55;
        if Certificate::from_der(&der).is_err() {
            assert_ne!(lint(profile, &der, None), [], "byte {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_mutation_of_any_certificate_panics_and_each_gives_the_same_findings_again(
        which in 0..40_usize,
        applied in 0..40_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let specimen = specimen_of(&profiles()[which % profiles().len()]);
        let profile = &profiles()[applied % profiles().len()];
        let mut der = specimen.certificate.der().to_vec();
        for (at, byte) in changes {
            let at = at.index(der.len());
            der[at] = byte;
        }
        if let Some(cut) = cut {
            der.truncate(cut.index(der.len()));
        }
        let issuer = Some(specimen.issuer.der());
        let findings = lint(profile, &der, issuer);
        prop_assert_eq!(&findings, &lint(profile, &der, issuer));
        prop_assert_eq!(ctl_policy::profile::guess(&der, issuer), ctl_policy::profile::guess(&der, issuer));
        // The other way round: a broken issuer is no reason to panic either.
        lint(profile, specimen.certificate.der(), Some(&der));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), applied in 0..40_usize) {
        let profile = &profiles()[applied % profiles().len()];
        lint(profile, &bytes, Some(&bytes));
        ctl_policy::profile::guess(&bytes, Some(&bytes));
    }
}
