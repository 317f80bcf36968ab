//! Which kind a certificate tells: by what certificates in the field look like, and nothing where they contradict
//! themselves.

use ctl_pki::Certificate;
use ctl_pki::kind::{Kind, tell};
use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Edition, specimen, specimens};

fn key(label: &str) -> Key {
    Key::p256(label).unwrap()
}

fn ca(subject: &str, issuer: &str, path_length: Option<u8>) -> Certificate {
    Shape::ca(subject, &key(subject), path_length).unwrap().signed_by(issuer, &key(issuer)).unwrap()
}

fn leaf(subject: &str, issuer: &str, usage: &[u8]) -> Certificate {
    Shape::new(subject, &key(subject)).unwrap().key_usage(usage).signed_by(issuer, &key(issuer)).unwrap()
}

fn name(certificate: &Certificate) -> &'static str {
    tell(certificate, None).kind.map_or("none", Kind::name)
}

#[test]
fn every_kind_that_the_sandbox_issues_is_told_by_the_certificate_alone() {
    for edition in [Edition::Iso2, Edition::Iso20] {
        for kind in specimens() {
            let specimen = specimen(kind, edition).unwrap().unwrap();
            let told = tell(&specimen.certificate, None);
            assert_eq!(told.kind.map(Kind::name), Some(kind), "{:?}", told.because);
        }
    }
}

#[test]
fn leaves_are_known_as_production_writes_them() {
    let (contract, charger) = (&[0, 1, 2, 4], &[0, 4]);
    for (subject, issuer, usage, expected) in [
        (
            "CN=TUAABcAz2BK7JRa,OU=STG,O=X",
            "CN=SubCA2-A-eMSP_For_CC-Generic,DC=SubCA2-CC",
            &contract[..],
            "contract",
        ),
        ("CN=EMP77TWTW00002,O=X", "CN=MO Sub2 CA QA G1.2.1", contract, "contract"),
        ("CN=DE-8AA-C12345678-0,O=X", "CN=Some CA", contract, "contract"),
        ("CN=huboemprovcqa0615,DC=OEM", "CN=OEM Sub2 CA QA G1.1.1,DC=V2G", charger, "provisioning"),
        ("CN=huboemprovcqa0615,O=X", "CN=Some CA", charger, "provisioning"),
        ("CN=DEABCE12345,DC=cpo", "CN=Some CA", charger, "secc"),
        ("CN=DEABCE12345,O=X", "CN=Some CA", charger, "secc"),
        ("CN=Signer,DC=CPS", "CN=Some CA", charger, "cps"),
        ("CN=Signer", "CN=Prov Sub2 CA QA G1.1.1,DC=V2G", charger, "cps"),
        ("CN=WMI00000000000001,DC=OEM,OU=Vehicle", "CN=Some CA", charger, "vehicle"),
        // Contradictions and strangers.
        ("CN=EMP77TWTW00002,O=X", "CN=CPO Sub2 CA", contract, "none"),
        ("CN=charger-17.example,O=X", "CN=Some CA", charger, "none"),
        ("CN=www.example,O=X", "CN=Some CA", &[0], "none"),
    ] {
        assert_eq!(name(&leaf(subject, issuer, usage)), expected, "{subject} by {issuer}");
    }
    let code_signing = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 3];
    let shape = Shape::new("CN=SAE CTL DEMO", &key("signer")).unwrap().key_usage(&[0, 1]);
    let signer = shape.extension("2.5.29.37", true, &code_signing).signed_by("CN=ICA", &key("ica")).unwrap();
    let told = tell(&signer, None);
    assert_eq!(told.kind, None, "a list's signer is no charger");
    assert!(told.because.iter().any(|why| why.contains("extended key usage")), "{:?}", told.because);
}

#[test]
fn sub_cas_and_roots_are_known_by_their_words() {
    for (subject, path_length, expected) in [
        ("CN=Prov Sub2 CA QA G1.1.1,DC=V2G", Some(0), "cps-sub2"),
        ("CN=CPS Sub1 CA", Some(1), "cps-sub1"),
        ("CN=CPO Sub1 CA QA G1.2", Some(1), "cpo-sub1"),
        ("CN=Sub-CA 2,DC=V2G", Some(0), "cpo-sub2"),
        ("CN=SubCA2-A-eMSP_For_CC-Generic", Some(0), "mo-sub2"),
        ("CN=OEM Prov Sub-CA", Some(0), "oem-sub2"),
        ("CN=Borealis V2G Root CA", None, "cross"),
        ("CN=EVPKI CTL TEST ICA-01,O=SAE EVPKI", Some(0), "none"),
        ("CN=Some Intermediate", None, "none"),
    ] {
        assert_eq!(name(&ca(subject, "CN=Above", path_length)), expected, "{subject}");
    }
    for (subject, expected) in [
        ("CN=P-256 TEST Root CA,O=EV Charging PKI,DC=EVCPKI", "v2g-root"),
        ("CN=PnC-OEM-RootCA-2021,DC=V2G", "oem-root"),
        ("CN=V2G Root G1,O=X", "v2g-root"),
        ("CN=Web Root X1", "none"),
    ] {
        let root = Shape::ca(subject, &key(subject), None).unwrap().self_signed().unwrap();
        assert_eq!(name(&root), expected, "{subject}");
    }
}

#[test]
fn the_issuer_tells_what_a_certificate_does_not() {
    let (root, sub1) =
        (ca("CN=Root,DC=V2G", "CN=Root,DC=V2G", None), ca("CN=MO Sub1", "CN=Root,DC=V2G", Some(1)));
    let silent = ca("CN=Issuing", "CN=MO Sub1", Some(0));
    assert_eq!(tell(&silent, None).kind, None);
    assert_eq!(tell(&silent, Some(&root)).kind, None);
    assert_eq!(tell(&silent, Some(&sub1)).kind.map(Kind::name), Some("mo-sub2"));
    let silent = leaf("CN=17,O=X", "CN=CPS Sub2", &[0]);
    let above = ca("CN=CPO Sub2,DC=V2G", "CN=Above", Some(0));
    assert_eq!(tell(&silent, Some(&above)).kind, Some(Kind::Secc));
}
