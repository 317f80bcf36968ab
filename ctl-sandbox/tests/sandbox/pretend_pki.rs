//! The PKIs are reproducible, their chains verify, and each certificate keeps to its profile. x509-parser, which
//! did not build them, reads them here.

use ctl_pki::{Certificate, SignatureError};
use ctl_sandbox::{
    MAX_CERTIFICATE_SIZE, Pki, PkiKind, PkiSpec, Role, SandboxError, cross_certify, expired_root,
    root_with_broken_signature, root_with_key_of,
};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;
const DAY: i64 = 86_400;

fn spec(kind: PkiKind, name: &str) -> PkiSpec {
    PkiSpec {
        services: Some("http://pki.example:8080".to_owned()),
        ..PkiSpec::new(kind, name, "NL", "Aurora, Charging & Söhne", "a seed", START)
    }
}

fn v2g(name: &str) -> Pki {
    Pki::generate(&spec(PkiKind::V2g, name)).unwrap()
}

fn all_kinds() -> [Pki; 3] {
    [PkiKind::V2g, PkiKind::Mo, PkiKind::Oem].map(|kind| Pki::generate(&spec(kind, "Aurora")).unwrap())
}

#[test]
fn the_same_seed_gives_the_same_bytes_today_and_in_later_releases() {
    let (one, again) = (v2g("Aurora"), v2g("Aurora"));
    for ((role, one), (_, again)) in one.entities().zip(again.entities()) {
        assert_eq!(one.certificate(), again.certificate(), "{role:?}");
        assert_eq!(one.key_pkcs8_der().unwrap(), again.key_pkcs8_der().unwrap(), "{role:?}");
    }
    let contract = one.get(Role::Contract).unwrap().certificate();
    assert_eq!(
        hex::encode(contract.sha256()),
        "642f70b540f4ee843c34420307fa8dc88332a28377d7fa0d9511f4ecad56e090"
    );
}

#[test]
fn another_seed_name_or_kind_gives_other_keys() {
    let base = spec(PkiKind::V2g, "Aurora");
    let key = |spec: &PkiSpec| Pki::generate(spec).unwrap().root().certificate().spki_sha256();
    let others = [
        PkiSpec { seed: "another".to_owned(), ..base.clone() },
        PkiSpec { name: "Borealis".to_owned(), ..base.clone() },
        PkiSpec { kind: PkiKind::Oem, ..base.clone() },
    ];
    for other in others {
        assert_ne!(key(&base), key(&other), "{other:?}");
    }
}

#[test]
fn every_chain_verifies_up_to_its_root_and_nests_its_validity() {
    for pki in all_kinds() {
        assert_eq!(pki.root().certificate().verify_self_signature(), Ok(()));
        assert!(pki.root().certificate().is_self_issued());
        let leaves = pki.entities().filter(|(role, _)| !role.is_ca()).count();
        assert_eq!(leaves, if pki.spec().kind == PkiKind::V2g { 3 } else { 1 });
        for (role, _) in pki.entities() {
            let chain = pki.chain(role);
            assert_eq!(chain.last(), Some(&pki.root().certificate()));
            for link in chain.windows(2) {
                assert_eq!(link[0].verify_signed_by(link[1]), Ok(()), "{role:?}");
                assert_eq!(link[0].issuer_der(), link[1].subject_der());
                assert_eq!(link[0].authority_key_id(), link[1].subject_key_id());
                assert!(link[0].not_before() >= link[1].not_before());
                assert!(link[0].not_after() <= link[1].not_after());
            }
        }
    }
}

/// What tables 5 to 7 and ISO 15118-2 say of each role, with key usage in RFC 5280's bit order.
struct Profile {
    role: Role,
    key_usage: &'static str,
    path_len: Option<u32>,
    domain_component: Option<&'static str>,
    /// Shortest and longest validity in days.
    days: (i64, i64),
}

const fn profile(
    role: Role,
    key_usage: &'static str,
    path_len: Option<u32>,
    domain_component: Option<&'static str>,
    days: (i64, i64),
) -> Profile {
    Profile { role, key_usage, path_len, domain_component, days }
}

const PROFILES: [Profile; 10] = [
    profile(Role::Root, "Key Cert Sign, CRL Sign", None, Some("V2G"), (14_610, 14_610)),
    profile(Role::CpoSub1, "Key Cert Sign, CRL Sign", Some(1), Some("V2G"), (14_610, 14_610)),
    profile(Role::CpoSub2, "Key Cert Sign, CRL Sign", Some(0), Some("V2G"), (365, 731)),
    profile(Role::Secc, "Digital Signature, Key Agreement", None, Some("CPO"), (59, 92)),
    profile(Role::MoSub1, "Key Cert Sign, CRL Sign", Some(1), None, (7_305, 7_305)),
    profile(
        Role::MoSub2,
        "Digital Signature, Non Repudiation, Key Cert Sign, CRL Sign",
        Some(0),
        None,
        (3_652, 3_653),
    ),
    profile(
        Role::Contract,
        "Digital Signature, Non Repudiation, Key Encipherment, Key Agreement",
        None,
        Some("MO"),
        (1, 731),
    ),
    profile(Role::OemSub1, "Key Cert Sign, CRL Sign", Some(1), None, (7_305, 7_305)),
    profile(Role::OemSub2, "Key Cert Sign, CRL Sign", Some(0), None, (3_652, 3_653)),
    profile(Role::Provisioning, "Digital Signature, Key Agreement", None, Some("OEM"), (1, 3_653)),
];

#[test]
fn every_certificate_keeps_to_its_profile() {
    let pki = v2g("Aurora");
    assert_eq!(pki.entities().count(), PROFILES.len());
    for profile in PROFILES {
        let role = profile.role;
        let certificate = pki.get(role).unwrap().certificate();
        assert!(certificate.der().len() <= MAX_CERTIFICATE_SIZE, "{role:?}: {}", certificate.der().len());
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();

        let usage = parsed.key_usage().unwrap().unwrap();
        assert!(usage.critical, "{role:?}");
        assert_eq!(usage.value.to_string(), profile.key_usage, "{role:?}");
        let constraints = parsed.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical, "{role:?}");
        assert_eq!(constraints.value.ca, role.is_ca(), "{role:?}");
        assert_eq!(constraints.value.path_len_constraint, profile.path_len, "{role:?}");
        assert_eq!(certificate.subject_key_id(), Some(certificate.public_key_sha1().as_slice()));
        assert_eq!(certificate.authority_key_id().is_some(), role != Role::Root, "{role:?}");
        for forbidden in ["2.5.29.30", "2.5.29.33", "2.5.29.37"] {
            // Name constraints, policy mappings, extended key usage.
            assert!(parsed.extensions().iter().all(|one| one.oid.to_id_string() != forbidden), "{role:?}");
        }

        let components: Vec<_> = parsed
            .subject()
            .iter_attributes()
            .filter(|attribute| attribute.attr_type().to_id_string() == "0.9.2342.19200300.100.1.25")
            .map(|attribute| attribute.as_str().unwrap())
            .collect();
        assert_eq!(components, Vec::from_iter(profile.domain_component), "{role:?}");
        let names_country = !matches!(role, Role::Contract | Role::Provisioning);
        assert_eq!(parsed.subject().iter_country().count(), usize::from(names_country), "{role:?}");
        let organisation = parsed.subject().iter_organization().next().unwrap();
        assert_eq!(organisation.as_str(), Ok("Aurora, Charging & Söhne"));

        let days = (certificate.not_after() - certificate.not_before()) / DAY;
        assert!((profile.days.0..=profile.days.1).contains(&days), "{role:?}: {days} days");
        assert_eq!(certificate.not_before(), START);
        assert_eq!(
            parsed.validity().not_after.is_utctime(),
            certificate.not_after() < 2_524_608_000,
            "{role:?}"
        );
    }
}

#[test]
fn leaves_are_named_by_the_identifiers_of_the_field() {
    let pki = v2g("Aurora");
    let name = |role| pki.get(role).unwrap().certificate().common_name().unwrap();
    let emaid = name(Role::Contract);
    assert_eq!((emaid.len(), &emaid[..6]), (14, "NLSBXC"));
    assert!(emaid.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    assert_eq!((name(Role::Provisioning).len(), &name(Role::Provisioning)[..5]), (17, "NLSBX"));
    assert_eq!(&name(Role::Secc)[..5], "NLSBX");
}

#[test]
fn services_are_named_where_the_chain_uses_them_and_only_when_configured() {
    let urls = |certificate: &Certificate| {
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
        let mut urls = Vec::new();
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::AuthorityInfoAccess(access) => {
                    for description in &access.accessdescs {
                        assert_eq!(description.access_method.to_id_string(), "1.3.6.1.5.5.7.48.1");
                        if let GeneralName::URI(uri) = &description.access_location {
                            urls.push((*uri).to_owned());
                        }
                    }
                }
                ParsedExtension::CRLDistributionPoints(points) => {
                    urls.extend(points.points.iter().map(|point| format!("{:?}", point.distribution_point)));
                }
                _ => {}
            }
        }
        urls
    };
    let pki = v2g("Aurora QA");
    assert!(urls(pki.root().certificate()).is_empty());
    let secc = urls(pki.get(Role::Secc).unwrap().certificate());
    assert_eq!(secc, ["http://pki.example:8080/aurora-qa/cpo-sub2/ocsp"]);
    let contract = urls(pki.get(Role::Contract).unwrap().certificate());
    assert_eq!(contract[0], "http://pki.example:8080/aurora-qa/mo-sub2/ocsp");
    assert!(contract[1].contains("http://pki.example:8080/aurora-qa/mo-sub2/crl"), "{contract:?}");

    let silent = PkiSpec { services: None, ..spec(PkiKind::V2g, "Aurora") };
    for (role, entity) in Pki::generate(&silent).unwrap().entities() {
        assert!(urls(entity.certificate()).is_empty(), "{role:?}");
    }
}

#[test]
fn a_cross_certificate_carries_one_root_under_the_signature_of_another() {
    let (aurora, borealis) = (v2g("Aurora"), v2g("Borealis"));
    let (ours, theirs) = (aurora.root().certificate(), borealis.root().certificate());
    let cross = cross_certify(aurora.root(), theirs, START, START + 3650 * DAY).unwrap();
    assert_eq!(cross.verify_signed_by(ours), Ok(()));
    assert!(cross.verify_self_signature().is_err());
    assert_eq!(cross.subject_der(), theirs.subject_der());
    assert_eq!(cross.spki_der(), theirs.spki_der());
    assert_eq!(cross.issuer_der(), ours.subject_der());
    assert_eq!(cross.authority_key_id(), ours.subject_key_id());
    assert_eq!((cross.is_ca(), cross.path_len()), (true, Some(2)));
    assert!(cross.der().len() <= MAX_CERTIFICATE_SIZE);
    // What the other root issued verifies under the cross-certificate too.
    let their_sub = borealis.get(Role::CpoSub1).unwrap().certificate();
    assert_eq!(their_sub.verify_signed_by(&cross), Ok(()));
    assert_eq!(cross, cross_certify(aurora.root(), theirs, START, START + 3650 * DAY).unwrap());
}

#[test]
fn bad_roots_are_bad_in_exactly_one_way() {
    let good = v2g("Aurora");

    let expired = expired_root(good.spec(), START).unwrap();
    assert!(expired.certificate().not_after() < START);
    assert_eq!(expired.certificate().verify_self_signature(), Ok(()));

    let broken = root_with_broken_signature(good.root()).unwrap();
    assert_eq!(broken.certificate().verify_self_signature(), Err(SignatureError::Invalid));
    assert_eq!(broken.certificate().spki_der(), good.root().certificate().spki_der());

    let renamed = root_with_key_of(good.root(), &spec(PkiKind::V2g, "Mirage")).unwrap();
    assert_eq!(renamed.certificate().verify_self_signature(), Ok(()));
    assert_eq!(renamed.certificate().spki_der(), good.root().certificate().spki_der());
    assert_ne!(renamed.certificate().subject_der(), good.root().certificate().subject_der());
}

#[test]
fn a_specification_that_no_certificate_can_hold_is_refused_by_name() {
    let base = spec(PkiKind::V2g, "Aurora");
    let refused = [
        ("country", PkiSpec { country: "nl".to_owned(), ..base.clone() }),
        ("provider", PkiSpec { provider: "TOO LONG".to_owned(), ..base.clone() }),
        ("name", PkiSpec { name: String::new(), ..base.clone() }),
        ("operator", PkiSpec { operator: "a\u{1b}[2J".to_owned(), ..base.clone() }),
        ("services", PkiSpec { services: Some("http://pki.example/".to_owned()), ..base.clone() }),
    ];
    for (member, spec) in refused {
        match Pki::generate(&spec).map(|_| ()) {
            Err(SandboxError::Spec { member: found, .. }) => assert_eq!(found, member),
            other => panic!("{member}: {other:?}"),
        }
    }
    let long = PkiSpec { services: Some(format!("http://{}.example", "x".repeat(600))), ..base.clone() };
    assert!(matches!(Pki::generate(&long), Err(SandboxError::TooLarge { limit: 800, .. })));
    let late = PkiSpec { not_before: i64::MAX, ..base };
    assert!(matches!(Pki::generate(&late), Err(SandboxError::Time(_))));
}

#[test]
fn the_files_hold_what_was_generated_and_keys_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let pki = v2g("Aurora");
    pki.write_to(folder.path()).unwrap();
    for (role, entity) in pki.entities() {
        let read = |extension: &str| {
            std::fs::read(folder.path().join(format!("{}.{extension}", role.file_name()))).unwrap()
        };
        assert_eq!(ctl_pki::certificate_from_bytes(&read("pem")).as_ref(), Ok(entity.certificate()));
        assert_eq!(read("der"), entity.certificate().der());
        assert_eq!(read("key.pem"), entity.key_pkcs8_pem().unwrap().as_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let key = folder.path().join(format!("{}.key.pem", role.file_name()));
            assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        }
        if !role.is_ca() {
            let chain = ctl_pki::certificates_from_pem(&read("chain.pem")).unwrap();
            assert_eq!(chain.iter().collect::<Vec<_>>(), pki.chain(role)[..3]);
        }
    }
}
