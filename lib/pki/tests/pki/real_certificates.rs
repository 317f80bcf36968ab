//! Real Plug & Charge certificates parse, and their chains verify. They are not ours to ship: the folder that
//! holds them is named by the environment variable CTL_SHARED.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ctl_pki::path::{Inputs, Signatures, validate};
use ctl_pki::{Certificate, certificate_from_bytes};

fn real_certificates() -> BTreeMap<String, Certificate> {
    let shared = std::env::var_os("CTL_SHARED").expect("CTL_SHARED names the folder with real-certificates/");
    let folder = PathBuf::from(shared).join("real-certificates");
    let mut certificates = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            let certificate = certificate_from_bytes(&std::fs::read(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            certificates.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), certificate);
        }
    }
    certificates
}

#[test]
#[ignore = "needs CTL_SHARED; interop/run runs it"]
fn every_real_certificate_parses_and_every_root_verifies_itself() {
    let certificates = real_certificates();
    assert!(certificates.len() >= 11, "only {} certificates found", certificates.len());
    for (name, certificate) in &certificates {
        println!(
            "{name}: {} {}..{}",
            certificate.subject(),
            certificate.not_before(),
            certificate.not_after()
        );
        assert!(certificate.common_name().is_some(), "{name}");
        assert_eq!(
            certificate_from_bytes(certificate.to_pem().as_bytes()).as_ref(),
            Ok(certificate),
            "{name}"
        );
        if certificate.is_self_issued() {
            assert_eq!(certificate.verify_self_signature(), Ok(()), "{name}");
        }
    }
    let eternal = &certificates["bmw-pnc-oem-rootca-2021"];
    assert_eq!((eternal.not_before(), eternal.not_after()), (60, 253_402_300_740));
}

#[test]
#[ignore = "needs CTL_SHARED; interop/run runs it"]
fn the_real_chains_verify_link_by_link() {
    let certificates = real_certificates();
    let chains: [&[&str]; 3] = [
        &[
            "contract-EMP77TWTW00002",
            "hubject-mo-sub2-ca-qa-g1.2.1",
            "hubject-mo-sub1-ca-qa-g1.2",
            "hubject-v2g-root-ca-qa-g1",
        ],
        &[
            "oem-prov-DEHUBCOPNCPROVCER",
            "hubject-oem-sub2-ca-qa-g1.2.1",
            "hubject-oem-sub1-ca-qa-g1.2",
            "hubject-v2g-root-ca-qa-g1",
        ],
        &["hubject-cpo-sub1-ca-qa-g1.2", "hubject-v2g-root-ca-qa-g1"],
    ];
    for chain in chains {
        for link in chain.windows(2) {
            let [subject, issuer] = link else { unreachable!("windows of two") };
            assert_eq!(certificates[*subject].verify_signed_by(&certificates[*issuer]), Ok(()), "{subject}");
        }
        // The same as paths, in the first second in which all of the chain is valid.
        let path: Vec<_> = chain.iter().rev().skip(1).map(|name| &certificates[*name]).collect();
        let time = path.iter().map(|certificate| certificate.not_before()).max().unwrap();
        let anchor = &certificates[*chain.last().unwrap()];
        let validation = validate(anchor, &path, &Inputs::at(time), &mut Signatures::with_limit(8));
        for check in validation.steps.iter().flat_map(|step| &step.checks) {
            println!("{check}");
        }
        assert_eq!(validation.failure, None, "{chain:?}");
    }
    let other_root = &certificates["hubject-v2g-root-ca-g2"];
    assert!(certificates["hubject-mo-sub1-ca-qa-g1.2"].verify_signed_by(other_root).is_err());
}
