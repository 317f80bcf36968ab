//! Lists as they are read, compared and rendered.

use ctl_core::json::JsonError;
use ctl_core::list::difference::{Difference, Part};
use ctl_core::list::*;
use ctl_core::notices::NoticesDocument;
use ctl_core::parts::{AnchorStatus, Constraint, DistrustKind, Distrusted};
use ctl_core::registry::RegistryDocument;
use ctl_core::role::Role;
use ctl_core::{Digest, json};
use ctl_formats::rendition::{PEM, Source};
use ctl_pki::{certificate_from_bytes, certificates_from_pem};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::draft::fixture::{Scheme, na, pki};

/// A list of two anchors and a cross-certificate between them.
fn list() -> ListPayload {
    let mut scheme = Scheme::running();
    let (aurora, borealis) = (pki("Aurora"), pki("Borealis"));
    scheme.admit(&aurora);
    scheme.admit(&borealis);
    scheme.admit_cross(&aurora, &borealis);
    ListPayload::read(scheme.draft(&na()).document.as_deref().unwrap()).unwrap()
}

fn read(list: &ListPayload) -> Result<ListPayload, DocumentError> {
    ListPayload::read(&json::canonical(list))
}

fn constrain(list: &mut ListPayload, index: usize, name: &str, critical: bool, value: Value) {
    list.anchors[index].constraints.0.insert(name.into(), Constraint { critical, value });
}

#[test]
fn what_was_written_is_read_again() {
    let list = list();
    assert_eq!((list.anchors.len(), list.cross_certificates.len()), (2, 1));
    assert_eq!(read(&list), Ok(list));
}

#[test]
fn a_list_that_contradicts_itself_is_refused() {
    let list = list();
    let refused = |change: &dyn Fn(&mut ListPayload), why: &str| {
        let mut changed = list.clone();
        change(&mut changed);
        match read(&changed) {
            Err(DocumentError::Contradiction { place, problem, .. }) => {
                let text = format!("{place}: {problem}");
                assert!(text.contains(why), "{why}: {text}");
            }
            other => panic!("{why}: {other:?}"),
        }
    };
    let spki = |anchor: &ListAnchor| {
        Digest::from_bytes(certificate_from_bytes(&anchor.certificate.0).unwrap().spki_sha256())
    };
    refused(&|list| list.sequence = 0, "begin with 1");
    refused(&|list| list.sequence = 2, "previous");
    refused(&|list| list.previous = Digest::of(b""), "previous");
    refused(&|list| list.next_update = list.issued_at, "next_update");
    refused(&|list| list.anchors.reverse(), "out of order");
    refused(&|list| list.anchors[1] = list.anchors[0].clone(), "stands twice");
    refused(&|list| list.anchors[0].certificate.0[100] ^= 1, "another fingerprint");
    refused(
        &|list| {
            list.anchors.truncate(1);
            list.anchors[0].certificate.0.push(0);
            list.anchors[0].fingerprint = Digest::of(&list.anchors[0].certificate.0);
        },
        "cannot be read",
    );
    refused(&|list| list.anchors[0].status = AnchorStatus::Suspended, "suspended");
    refused(&|list| list.anchors[1].status = AnchorStatus::Withdrawn, "withdrawn");
    refused(&|list| list.anchors[0].identifiers = list.anchors[1].identifiers.clone(), "identifiers");
    refused(&|list| list.anchors[0].identifiers.subject.0.clear(), "identifiers");
    refused(&|list| list.anchors[0].uses.reverse(), "use stands");
    refused(&|list| list.cross_certificates[0].status = AnchorStatus::Withdrawn, "withdrawn");
    refused(&|list| list.cross_certificates[0].issuer = Digest::ZERO, "no anchor of this list");
    refused(&|list| list.cross_certificates[0].subject = Digest::ZERO, "no anchor of this list");
    refused(&|list| list.cross_certificates[0].subject = list.cross_certificates[0].issuer, "another key");
    refused(
        &|list| {
            let subject = list.cross_certificates[0].subject;
            list.cross_certificates[0].issuer = subject;
        },
        "another issuer",
    );
    for kind in [DistrustKind::Certificate, DistrustKind::Spki] {
        refused(
            &|list| {
                let anchor = &list.anchors[0];
                let sha256 = if kind == DistrustKind::Spki { spki(anchor) } else { anchor.fingerprint };
                list.distrusted.push(Distrusted { kind, sha256 });
            },
            "distrusted at once",
        );
    }
    let twice = Distrusted { kind: DistrustKind::Spki, sha256: Digest::ZERO };
    refused(&|list| list.distrusted = vec![twice; 2], "stands twice");
}

#[test]
fn another_document_format_or_spelling_is_refused() {
    let list = list();
    let bytes = json::canonical(&list);
    let changed = |member: &str, value: Value| {
        let mut object = serde_json::to_value(&list).unwrap();
        object[member] = value;
        ListPayload::read(&json::canonical(&object)).unwrap_err()
    };
    let other = RegistryDocument::read(&bytes).unwrap_err();
    assert!(matches!(&other, DocumentError::WrongType { found, .. } if found == ListPayload::TYPE));
    assert!(matches!(NoticesDocument::read(&bytes), Err(DocumentError::WrongType { .. })));
    assert!(matches!(changed("format", json!(2)), DocumentError::Format { .. }));
    assert!(changed("surprise", json!(1)).to_string().contains("surprise"));
    assert!(changed("list", json!("root")).to_string().contains("list's id"));
    let spaced = [&bytes[..], b" "].concat();
    let spaced = ListPayload::read(&spaced).unwrap_err();
    assert!(matches!(spaced, DocumentError::Json { source: JsonError::NotCanonical, .. }), "{spaced}");
    let huge = vec![b' '; MAX_PAYLOAD + 1];
    assert!(ListPayload::read(&huge).unwrap_err().to_string().contains("more than"));
}

#[test]
fn the_short_way_of_reading_is_as_strict_as_the_long_one() {
    let mut scheme = Scheme::running();
    let entry = json!({
        "decision": 3, "holder": "registrar", "id": "USEVG", "name": "Büro \u{1F50C}",
        "since": "2026-11-21T20:13:00Z", "source": "idro", "status": "assigned",
    });
    let bytes = scheme.draft(&Role::Registry).document.unwrap();
    let mut registry = RegistryDocument::read(&bytes).unwrap();
    registry.identifiers.push(serde_json::from_value(entry).unwrap());
    let bytes = json::canonical(&registry);
    assert_eq!(serde_json::to_vec(&registry).unwrap(), bytes, "its members are in canonical order");
    assert_eq!(RegistryDocument::read(&bytes), Ok(registry));
    let notices = scheme.draft(&Role::Notices).document.unwrap();
    let document = NoticesDocument::read(&notices).unwrap();
    assert_eq!(serde_json::to_vec(&document).unwrap(), &*notices);

    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [
        ("\"decision\":3", "\"decision\":9007199254740992"),
        ("\"decision\":3", "\"decision\":3.0"),
        ("\"decision\":3", "\"decision\":3,\"decision\":3"),
        ("\"decision\":3,", ""),
        ("\"decision\":3", "\"decision\": 3"),
        ("Büro", "B\\u00fcro"),
        ("\"format\":1", "\"format\":2"),
        ("\"USEVG\"", "\"usevg\""),
    ] {
        assert!(text.contains(from));
        assert!(RegistryDocument::read(text.replace(from, to).as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn an_unknown_critical_constraint_rejects_the_anchor_and_not_the_list() {
    let mut list = list();
    constrain(&mut list, 0, "only_on_tuesdays", true, json!("yes"));
    constrain(&mut list, 1, "only_on_tuesdays", false, json!("yes"));
    constrain(&mut list, 1, "mo_ids", true, json!(["USEVG"]));
    let list = read(&list).unwrap();
    let usable = list.usable_anchors();
    assert_eq!(usable.anchors, [&list.anchors[1]]);
    assert_eq!(usable.rejected[0].anchor, &list.anchors[0]);
    assert!(usable.rejected[0].reason.contains("only_on_tuesdays"));
    assert!(usable.cross_certificates.is_empty(), "one of its ends is not used");
}

#[test]
fn a_known_constraint_of_a_wrong_form_counts_as_unknown() {
    let mut list = list();
    constrain(&mut list, 0, "not_trusted_after", true, json!("soon"));
    assert_eq!(read(&list).unwrap().usable_anchors().rejected.len(), 1);
}

fn pem(list: &ListPayload) -> String {
    let document = json::canonical(list);
    let source = Source::new(&na(), &document, &[], &[], &[]);
    String::from_utf8(PEM.make(&source).unwrap().bytes).unwrap()
}

#[test]
fn pem_carries_every_anchor_but_those_it_cannot_express() {
    let mut list = list();
    let text = pem(&list);
    let found: Vec<Digest> =
        certificates_from_pem(text.as_bytes()).unwrap().iter().map(|c| Digest::of(c.der())).collect();
    assert_eq!(found, list.anchors.iter().map(|anchor| anchor.fingerprint).collect::<Vec<_>>());
    assert!(text.contains("# OMITTED cross-certificate "), "{text}");

    constrain(&mut list, 0, "mo_ids", true, json!(["USEVG"]));
    let text = pem(&list);
    assert_eq!(certificates_from_pem(text.as_bytes()).unwrap().len(), 1);
    let omitted = format!("# OMITTED {} ({})", list.anchors[0].name, list.anchors[0].fingerprint);
    assert!(text.contains(&omitted) && text.contains("mo_ids"), "{text}");
}

#[test]
fn a_name_cannot_break_the_pem_file() {
    let mut list = list();
    list.anchors[0].name = "-----BEGIN CERTIFICATE----- Ström \u{2028}".trim().parse().unwrap();
    let text = pem(&list);
    assert_eq!(certificates_from_pem(text.as_bytes()).unwrap().len(), 2);
    assert!(text.is_ascii());
}

#[test]
fn a_signer_reads_what_a_list_does() {
    let mut scheme = Scheme::running();
    let (aurora, borealis) = (pki("Aurora"), pki("Borealis"));
    let a = scheme.admit(&aurora);
    let read = |documents: crate::draft::Documents| {
        ListPayload::read(documents.document.as_deref().unwrap()).unwrap()
    };
    let first = read(scheme.publish(&na(), &[21, 22]));
    let words = Difference::between(None, &first).to_string();
    assert!(
        words.starts_with("version 1, the first:\n+ admits root \"Aurora\" of registrar for v2g(-2), "),
        "{words}"
    );

    let b = scheme.admit(&borealis);
    scheme.set_status(&a, AnchorStatus::Suspended);
    let second = read(scheme.publish(&na(), &[21, 22]));
    let words = Difference::between(Some(&first), &second).to_string();
    assert!(words.contains(&format!("SHA-256 {b}")), "{words}");
    assert!(words.contains("! suspends or withdraws root \"Aurora\""), "{words}");
    assert!(words.contains(&format!("! distrusts certificate {a}")), "{words}");

    scheme.set_status(&a, AnchorStatus::Warning);
    scheme.set_status(&b, AnchorStatus::Warning);
    let third = read(scheme.draft(&na()));
    let words = Difference::between(Some(&second), &third).to_string();
    assert!(words.contains("! no longer distrusts key"), "{words}");
    assert!(
        words.contains("~ root \"Borealis\"") && words.contains("status \"usable\" → \"warning\""),
        "{words}"
    );
    let same = Difference::between(Some(&third), &third);
    assert!(same.is_empty() && same.to_string().contains("no change"));
}

#[test]
fn the_difference_of_a_registry_and_of_notices_is_told_too() {
    let mut scheme = Scheme::running();
    let registry =
        RegistryDocument::read(scheme.draft(&Role::Registry).document.as_deref().unwrap()).unwrap();
    let mut more = registry.clone();
    more.identifiers.push(
        serde_json::from_value(json!({
            "decision": 3, "holder": "registrar", "id": "USEVG", "name": "EV Group",
            "since": "2026-11-21T20:13:00Z", "source": "idro", "status": "assigned",
        }))
        .unwrap(),
    );
    let words = Difference::between_registries(Some(&registry), &more).to_string();
    assert!(words.contains("+ enters MO identifier USEVG of \"EV Group\" (registrar), from idro"), "{words}");
    let mut moved = more.clone();
    moved.identifiers[0].holder = "officer".parse().unwrap();
    let words = Difference::between_registries(Some(&more), &moved).to_string();
    assert!(words.contains("holder \"registrar\" → \"officer\""), "{words}");
    assert!(
        Difference::between_registries(Some(&more), &registry)
            .to_string()
            .contains("- removes MO identifier")
    );

    let notices = NoticesDocument::read(scheme.draft(&Role::Notices).document.as_deref().unwrap()).unwrap();
    let mut more = notices.clone();
    more.notices.push(
        serde_json::from_value(json!({
            "anchor": Digest::of(b"anchor"), "expires_at": "2026-11-21T20:13:00Z",
            "issued_at": "2026-11-20T20:13:00Z", "list": "na", "notice": 9, "reason": "key-compromise",
            "spki": Digest::of(b"key"),
        }))
        .unwrap(),
    );
    let words = Difference::between_notices(Some(&notices), &more).to_string();
    assert!(words.contains("! suspends root") && words.contains("key-compromise"), "{words}");
    assert!(Difference::between_notices(Some(&more), &notices).to_string().contains("+ lifts"));
}

#[test]
fn values_cannot_play_tricks_on_a_terminal() {
    let list = list();
    let mut changed = list.clone();
    constrain(&mut changed, 0, "\u{1b}[2J", false, json!("\u{202e}\n+ admits root"));
    let words = Difference::between(Some(&list), &changed).to_string();
    assert!(words.contains("\\u202e"), "{words}");
    assert!(words.chars().all(|c| c == '\n' || c == '→' || c == ' ' || c.is_ascii_graphic()), "{words:?}");
    assert_eq!(words.lines().count(), 2, "{words}");
}

/// Changes one scalar somewhere in a value; says whether there was one at that place.
fn mutate(value: &mut Value, place: &mut usize) -> bool {
    match value {
        Value::Object(members) => members.values_mut().any(|member| mutate(member, place)),
        Value::Array(items) => items.iter_mut().any(|item| mutate(item, place)),
        scalar => {
            if *place > 0 {
                *place -= 1;
                return false;
            }
            *scalar = match scalar {
                Value::Number(number) => json!(number.as_u64().unwrap() + 1),
                _ => json!("changed"),
            };
            true
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), at: prop::sample::Index, to: u8) {
        let mut list = json::canonical(&list_once());
        let at = at.index(list.len());
        list[at] = to;
        for bytes in [&bytes, &list] {
            let _ = ListPayload::read(bytes);
            let _ = RegistryDocument::read(bytes);
            let _ = NoticesDocument::read(bytes);
        }
    }

    /// Whatever is changed in the entries or policy of a list shows in the difference.
    #[test]
    fn no_change_hides_from_the_difference(part in 0usize..4, place in 0usize..60) {
        let old = list_once();
        let mut value = serde_json::to_value(&old).unwrap();
        let (member, place) = (["anchors", "cross_certificates", "distrusted", "policy"][part], &mut place.clone());
        prop_assume!(mutate(&mut value[member], place));
        let Ok(new) = serde_json::from_value::<ListPayload>(value) else { return Ok(()) };
        prop_assert_ne!(&new, &old);
        let difference = Difference::between(Some(&old), &new);
        prop_assert!(!difference.is_empty());
        prop_assert!(difference.to_string().lines().count() > 1);
        prop_assert!(Difference::between(Some(&new), &new).is_empty());
    }

    #[test]
    fn what_is_gone_or_new_is_named(keep in prop::sample::subsequence(vec![0usize, 1], 0..=2)) {
        let old = list_once();
        let mut new = old.clone();
        new.cross_certificates.clear();
        new.anchors = keep.iter().map(|index| old.anchors[*index].clone()).collect();
        let gone = Difference::between(Some(&old), &new);
        let back = Difference::between(Some(&new), &old);
        let named = |difference: &Difference, added: bool| difference.parts.get(&Part::Anchors).map_or(0, |part| {
            if added { part.added.len() } else { part.removed.len() }
        });
        prop_assert_eq!(named(&gone, false), 2 - keep.len());
        prop_assert_eq!(named(&back, true), 2 - keep.len());
        prop_assert_eq!(gone.parts[&Part::CrossCertificates].removed.len(), 1);
    }
}

/// The same list for every case of a property: making PKIs is slow.
fn list_once() -> ListPayload {
    static LIST: std::sync::OnceLock<ListPayload> = std::sync::OnceLock::new();
    LIST.get_or_init(list).clone()
}
