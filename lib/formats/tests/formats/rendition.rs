//! Every rendition of a list, read again by the reader of its format.

use std::collections::BTreeSet;

use ctl_core::json;
use ctl_core::list::ListPayload;
use ctl_core::names::ListId;
use ctl_core::role::Role;
use ctl_formats::certificates_from_pkcs7;
use ctl_formats::omission::Omission;
use ctl_formats::rendition::{
    Made, NotMade, PAYLOAD, PEM, PEM_MO, PEM_OEM, PEM_V2G, PEM_VEHICLE, PKCS7, RENDITIONS, Rendition, SAE,
    Source, TRUST_ANCHORS,
};
use ctl_formats::sae::SaeList;
use ctl_formats::trust_anchors::trust_anchors_from_der;
use ctl_pki::{Certificate, certificates_from_pem};
use ctl_sandbox::Edition;

use crate::list::{MO, OEM, V2G, list, mixed, root};

fn role() -> Role {
    Role::List("na".parse::<ListId>().unwrap())
}

fn make(rendition: &Rendition, list: &ListPayload) -> Result<Made, NotMade> {
    let document = json::canonical(list);
    rendition.make(&Source::new(&role(), &document, &[], &[], &[]))
}

fn names<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Vec<String> {
    let mut names: Vec<String> =
        certificates.into_iter().map(|one| one.common_name().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Of these roots in the edition of ISO 15118-2.
fn of(roots: &[&str]) -> Vec<String> {
    let roots: Vec<Certificate> = roots.iter().map(|name| root(name, Edition::Iso2)).collect();
    names(&roots)
}

/// What only signers make.
const CMS: &str = "sae.cms";

#[test]
fn each_form_holds_the_anchors_that_it_can_and_tells_of_the_others() {
    let list = mixed();
    let all = of(&[V2G, MO, OEM]);
    let pem = |rendition| {
        let bytes = make(rendition, &list).unwrap().bytes;
        names(&certificates_from_pem(&bytes).unwrap())
    };
    assert_eq!(pem(&PEM), all);
    assert_eq!(pem(&PEM_V2G), of(&[V2G]));
    assert_eq!(pem(&PEM_MO), of(&[V2G, MO]));
    assert_eq!(pem(&PEM_OEM), of(&[OEM]));
    assert_eq!(pem(&PEM_VEHICLE), of(&[OEM]));
    let pkcs7 = certificates_from_pkcs7(&make(&PKCS7, &list).unwrap().bytes).unwrap();
    assert!(pkcs7.is_sorted_by_key(|certificate| certificate.der().to_vec()), "X.690 section 11.6");
    assert_eq!(names(&pkcs7).into_iter().collect::<BTreeSet<_>>(), all.iter().cloned().collect());
    let anchors = trust_anchors_from_der(&make(&TRUST_ANCHORS, &list).unwrap().bytes).unwrap();
    assert_eq!(names(anchors.iter().map(|anchor| &anchor.certificate)), all);
    let sae = SaeList::from_der(&make(&SAE, &list).unwrap().bytes).unwrap();
    assert_eq!(names(sae.certificates()).into_iter().collect::<BTreeSet<_>>(), all.into_iter().collect());

    for rendition in RENDITIONS.iter().filter(|one| one.lists_only && one.suffix != CMS) {
        let omissions = make(rendition, &list).unwrap().omissions;
        let constrained = omissions.iter().any(|one| matches!(one, Omission::CriticalConstraints { .. }));
        let wants = !matches!(rendition.suffix, "mo.pem" | "oem.pem" | "vehicle.pem");
        assert_eq!(constrained, wants, "{}: {omissions:?}", rendition.suffix);
        assert!(omissions.iter().any(|one| matches!(one, Omission::CrossCertificate { .. })));
        assert!(omissions.iter().any(|one| matches!(one, Omission::Distrusted(_))));
    }
    let unsigned = RENDITIONS.iter().find(|one| one.suffix == CMS).unwrap();
    assert!(
        make(unsigned, &list).unwrap_err().to_string().contains("nobody signed"),
        "no list is passed off as signed"
    );
    // In PEM the same words stand in the file itself.
    let made = make(&PEM, &list).unwrap();
    let text = String::from_utf8(made.bytes).unwrap();
    for omission in made.omissions {
        assert!(text.contains(&format!("# {omission}\n")), "{omission}\n{text}");
    }
    assert_eq!(make(&PAYLOAD, &list).unwrap(), Made { bytes: json::canonical(&list), omissions: vec![] });
}

#[test]
fn a_version_that_a_format_cannot_hold_has_no_file_and_the_reason_is_told() {
    let mut late = mixed();
    late.sequence = 65_536;
    for rendition in RENDITIONS.iter().filter(|one| one.suffix != CMS) {
        match make(rendition, &late) {
            Ok(_) => assert_ne!(rendition.suffix, "sae.der"),
            Err(reason) => {
                assert_eq!(rendition.suffix, "sae.der");
                assert!(reason.to_string().contains("65536"), "{reason}");
            }
        }
    }
}

#[test]
fn a_list_that_trusts_nobody_is_an_empty_file_wherever_there_is_such_a_thing() {
    let empty = list(Vec::new());
    for rendition in [&PEM, &PEM_V2G, &PEM_MO, &PEM_OEM, &PEM_VEHICLE] {
        let bytes = make(rendition, &empty).unwrap().bytes;
        assert!(!bytes.is_empty() && !String::from_utf8(bytes).unwrap().contains("BEGIN"));
    }
    assert_eq!(certificates_from_pkcs7(&make(&PKCS7, &empty).unwrap().bytes).unwrap(), []);
    let sae = SaeList::from_der(&make(&SAE, &empty).unwrap().bytes).unwrap();
    assert_eq!(sae.certificates().count(), 0);
    let reason = make(&TRUST_ANCHORS, &empty).unwrap_err().to_string();
    assert!(reason.contains("at least one"), "{reason}");
}

#[test]
fn what_is_no_list_has_only_the_forms_of_every_document() {
    let of_registry: Vec<&str> = Rendition::of(&Role::Registry).map(|one| one.suffix).collect();
    assert_eq!(of_registry, ["json", "jws"]);
    for rendition in &RENDITIONS {
        let made = rendition.make(&Source::new(&Role::Registry, b"{}", &[], &[], &[]));
        assert_eq!(made.is_err(), rendition.lists_only, "{}", rendition.suffix);
        let made = rendition.make(&Source::new(&role(), b"{}", &[], &[], &[]));
        assert_eq!(made.is_err(), rendition.lists_only, "{}", rendition.suffix);
    }
    let paths: BTreeSet<String> = RENDITIONS.iter().filter_map(|one| one.path(&role())).collect();
    assert_eq!(paths.len(), RENDITIONS.len());
}
