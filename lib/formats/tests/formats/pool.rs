//! Root pools as OPCP and OPNC serve them, and what else may come from there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::Digest;
use ctl_core::list::ListPayload;
use ctl_core::parts::{AnchorStatus, DistrustKind, Distrusted, Purpose, Standard};
use ctl_formats::omission::Omission;
use ctl_formats::{
    EventRoot, MAX_POOL_ITEMS, Pool, PoolCtl, PoolError, PoolForm, PoolItem, PoolItemError, PoolPage,
    PoolPages, PoolPaging, PoolSource, RootEvent, RootType,
};
use ctl_pki::Certificate;
use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Edition, specimen};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::list::{MO, OEM, V2G, anchor, list, mixed, of, root};

fn read(pool: &Value) -> Result<PoolPage, PoolError> {
    PoolPage::read(pool.to_string().as_bytes())
}

#[test]
fn both_forms_are_read_and_a_broken_item_hides_no_other() {
    let root = specimen("v2g-root", Edition::Iso2).unwrap().unwrap().certificate;
    let mut text = STANDARD.encode(root.der());
    text.insert(64, '\n');
    let items =
        json!([{}, { "caCertificate": "%" }, { "caCertificate": "MAA=" }, 7, { "caCertificate": text }]);
    let opcp = json!({ "RootCertificateCollection": { "rootCertificates": items.clone() } });
    for pool in [opcp, json!({ "rootCertificateCollection": items })] {
        let page = read(&pool).unwrap();
        assert!(page.paging.is_none());
        let [none, percent, empty, number, good] = page.items.as_slice() else { panic!("{page:?}") };
        assert_eq!((none, number), (&Err(PoolItemError::NoCertificate), &Err(PoolItemError::NoCertificate)));
        assert_eq!(percent, &Err(PoolItemError::NotBase64("%".to_owned())));
        assert!(matches!(empty, Err(PoolItemError::Certificate(_))), "{empty:?}");
        assert_eq!(good.as_ref().map(|item| &item.certificate), Ok(&root));
    }
}

#[test]
fn pages_are_counted_as_their_server_counts_them() {
    let paging = |members: Value| {
        let mut pool = json!({ "rootCertificateCollection": [] });
        pool.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        read(&pool).unwrap().paging
    };
    let of = |page, page_size, total_pages| Some(PoolPaging { page, page_size, total_pages });
    assert_eq!(paging(json!({ "page": 1, "pageSize": 2, "totalItems": 5 })), of(1, Some(2), 3));
    assert_eq!(paging(json!({ "pagination": { "totalPages": 4 } })), of(1, None, 4));
    for last in [json!({}), json!({ "page": 3, "totalPages": 3 }), json!({ "totalItems": 5, "pageSize": 0 })]
    {
        assert_eq!(paging(last.clone()), None, "{last}");
    }
}

#[test]
fn what_is_no_pool_is_refused_and_a_large_one_is_cut() {
    for other in [json!({}), json!([]), json!(null), json!({ "rootCertificateCollection": {} })] {
        assert!(matches!(read(&other), Err(PoolError::NoPool)), "{other}");
    }
    assert!(matches!(PoolPage::read(b"<html>"), Err(PoolError::NotJson(_))));
    let many = json!({ "rootCertificateCollection": vec![0; MAX_POOL_ITEMS + 1] });
    assert_eq!(read(&many).unwrap().items.len(), MAX_POOL_ITEMS);
}

fn pool(list: &ListPayload, form: PoolForm) -> Pool {
    Pool::of(&[PoolSource { list, ctl: PoolCtl::American }], form)
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The item of a root with this type, or of any.
fn item(pool: &Pool, certificate: &Certificate, kind: Option<RootType>) -> Value {
    let mut entries = pool.entries.iter();
    let found = entries.find(|entry| {
        entry.certificate == *certificate && kind.is_none_or(|kind| entry.types.contains(&kind))
    });
    value(&found.unwrap().answer())
}

#[test]
fn an_opcp_item_has_every_member_that_the_file_explains() {
    let pool = pool(&mixed(), PoolForm::Opcp);
    let root = root(V2G, Edition::Iso2);
    let found = item(&pool, &root, Some(RootType::Mo));
    let id = found["RootResponse"]["rootCertificateId"].as_str().unwrap().to_owned();
    let key_id = root.subject_key_id().unwrap();
    let expected = json!({ "RootResponse": {
        "rootCertificateId": id,
        "distinguishedName": "CN=Aurora V2G Root CA, DC=V2G, O=Aurora, C=NL",
        "rootType": "MO",
        "caCertificate": STANDARD.encode(root.der()),
        "commonName": "Aurora V2G Root CA",
        "rootAuthorityKeyIdentifier": STANDARD.encode(key_id),
        "rootAuthorityKeyIdentifierHex": hex(key_id),
        "rootIssuerSerialNumber": root.serial_hex(),
        "validFrom": "2026-01-01T00:00:00Z",
        "validTo": ctl_core::Timestamp::from_unix(root.not_after()).to_string(),
        "organizationName": "Aurora",
        "fingerprint": Digest::from_bytes(root.sha256()).to_string(),
        "fingerprintSha1": hex(&root.sha1()),
        "xsdMsgDefNamespace": "urn:iso:15118:2:2013:MsgDef",
        "signatureAlgorithm": "secp256r1",
    }});
    assert_eq!(found, expected);
    // For both standards there is no one namespace.
    let both = item(&pool, &root, Some(RootType::V2g));
    assert_eq!(both["RootResponse"].get("xsdMsgDefNamespace"), None);
    assert_ne!(both["RootResponse"]["rootCertificateId"], Value::String(id.clone()));
    assert_eq!(pool.entry(&id.to_uppercase()).unwrap().certificate, root);
    assert_eq!(pool.entry("896b6655-180e-4304-b642-606bb00df8f0"), None);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_opnc_item_has_all_types_and_lists_of_its_root() {
    let pool = pool(&mixed(), PoolForm::Opnc);
    let root = root(V2G, Edition::Iso2);
    let found = item(&pool, &root, None);
    // The key of the single answer is spelt as its file has it.
    let found = &found["roootCertificate"];
    assert_eq!(found["rootTypeList"], json!(["V2G", "eMSP"]));
    assert_eq!(found["rootCtlList"], json!(["American CTL"]));
    assert_eq!(found["rootType"], json!("V2G"));
    for missing in
        ["fingerprintSha1", "xsdMsgDefNamespace", "signatureAlgorithm", "rootAuthorityKeyIdentifierHex"]
    {
        assert_eq!(found.get(missing), None);
    }
    assert_eq!(pool.entries.len(), 3);
    let told: Vec<_> = pool.omissions.iter().filter(|one| matches!(one, Omission::Standard { .. })).collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn ids_are_uuids_of_version_8_that_stay() {
    // Of the fingerprint 00 01 02 … there is no certificate; the specimen's bytes are the same on any machine.
    let list = mixed();
    for form in [PoolForm::Opcp, PoolForm::Opnc] {
        let pool = pool(&list, form);
        let mut ids: Vec<_> = pool.entries.iter().map(ctl_formats::PoolEntry::id).collect();
        for (id, entry) in ids.iter().zip(&pool.entries) {
            let parts: Vec<_> = id.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
            assert!(parts[2].starts_with('8') && "89ab".contains(&parts[3][..1]), "{id}");
            let fingerprint = hex(&entry.certificate.sha256());
            assert_eq!(fingerprint.starts_with(parts[0]), form == PoolForm::Opnc);
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), pool.entries.len());
    }
}

#[test]
fn what_a_pool_cannot_say_is_told() {
    let payload = mixed();
    let vehicle = root(OEM, Edition::Iso20);
    let mut more = payload.clone();
    let uses = [of(Purpose::Vehicle, Standard::Iso15118_20)];
    more.anchors.push(anchor(&vehicle, AnchorStatus::Usable, &uses));
    let pool = pool(&more, PoolForm::Opcp);
    let constrained = Digest::from_bytes(root(V2G, Edition::Iso20).sha256());
    let left_out: Vec<_> = pool.omissions.iter().filter_map(Omission::left_out).collect();
    let mut due = vec![constrained, Digest::from_bytes(vehicle.sha256())];
    due.sort();
    let mut found: Vec<_> = left_out.iter().map(|subject| subject.fingerprint).collect();
    found.sort();
    assert_eq!(found, due);
    assert!(pool.entries.iter().all(|entry| !due.contains(&Digest::from_bytes(entry.certificate.sha256()))));
    assert!(pool.omissions.iter().any(|one| matches!(one, Omission::Use { .. })));
    assert!(pool.omissions.contains(&Omission::Distrusted(payload.distrusted[0])));
}

fn sources<'a>(na: &'a ListPayload, eu: &'a ListPayload) -> [PoolSource<'a>; 2] {
    [PoolSource { list: na, ctl: PoolCtl::American }, PoolSource { list: eu, ctl: PoolCtl::European }]
}

#[test]
fn several_lists_make_one_pool_and_what_one_distrusts_is_in_none() {
    let [v2g, mo] = [V2G, MO].map(|name| root(name, Edition::Iso2));
    let (two, twenty) = (Standard::Iso15118_2, Standard::Iso15118_20);
    let na = list(vec![
        anchor(&v2g, AnchorStatus::Usable, &[of(Purpose::V2g, two)]),
        anchor(&mo, AnchorStatus::Usable, &[of(Purpose::Mo, two)]),
    ]);
    let mut eu = list(vec![anchor(&v2g, AnchorStatus::Usable, &[of(Purpose::Mo, twenty)])]);
    let pool = Pool::of(&sources(&na, &eu), PoolForm::Opnc);
    let both = pool.entries.iter().find(|entry| entry.certificate == v2g).unwrap();
    assert_eq!(both.ctls, [PoolCtl::European, PoolCtl::American].into());
    assert_eq!(both.types, [RootType::V2g, RootType::Mo].into());
    // In OPCP each type stands for itself.
    let opcp = Pool::of(&sources(&na, &eu), PoolForm::Opcp);
    let ctls: Vec<_> =
        opcp.entries.iter().filter(|entry| entry.certificate == v2g).map(|entry| &entry.ctls).collect();
    assert_eq!(ctls, [&[PoolCtl::American].into(), &[PoolCtl::European].into()]);
    for (kind, sha256) in [(DistrustKind::Spki, mo.spki_sha256()), (DistrustKind::Certificate, mo.sha256())] {
        eu.distrusted = vec![Distrusted { kind, sha256: Digest::from_bytes(sha256) }];
        let pool = Pool::of(&sources(&na, &eu), PoolForm::Opcp);
        assert!(pool.entries.iter().all(|entry| entry.certificate != mo));
        let told = |one: &Omission| matches!(one, Omission::DistrustedElsewhere { anchor } if anchor.fingerprint == Digest::from_bytes(mo.sha256()));
        assert!(pool.omissions.iter().any(told));
    }
}

#[test]
fn what_is_written_is_read_again() {
    for form in [PoolForm::Opcp, PoolForm::Opnc] {
        let pool = pool(&mixed(), form);
        let written = pool.collection(&pool.entries, None);
        assert_eq!(written, pool.collection(&pool.entries, None));
        let items: Vec<Vec<u8>> = pool.entries.iter().map(ctl_formats::PoolEntry::item).collect();
        let pages = PoolPages { page: 1, page_size: 2, total_pages: 2, total_items: 3 };
        for (few, pages) in [(items.len(), None), (1, None), (0, None), (2, Some(pages))] {
            let put_together = Pool::collection_of(form, items.iter().take(few).map(Vec::as_slice), pages);
            assert_eq!(put_together, pool.collection(&pool.entries[..few], pages));
        }
        let page = PoolPage::read(&written).unwrap();
        assert_eq!((page.items.len(), page.paging), (pool.entries.len(), None));
        for (item, entry) in page.items.into_iter().zip(&pool.entries) {
            let item = item.unwrap();
            assert_eq!(PoolItem::read(&entry.answer()).unwrap().as_ref(), Ok(&item));
            assert_eq!((&item.certificate, item.id.as_ref()), (&entry.certificate, Some(&entry.id())));
            assert_eq!(item.types, entry.types);
            let one_standard = entry.standards.iter().next().copied().filter(|_| entry.standards.len() == 1);
            match form {
                PoolForm::Opcp => assert_eq!((item.standard, item.ctls), (one_standard, [].into())),
                PoolForm::Opnc => assert_eq!((item.standard, &item.ctls), (None, &entry.ctls)),
            }
        }
        let pages = PoolPages { page: 1, page_size: 2, total_pages: 2, total_items: 3 };
        let page = PoolPage::read(&pool.collection(&pool.entries[..2], Some(pages))).unwrap();
        assert_eq!(page.paging, Some(PoolPaging { page: 1, page_size: Some(2), total_pages: 2 }));
        let none = PoolPage::read(&pool.collection([], None)).unwrap();
        assert_eq!(none.items.len(), 0);
    }
}

#[test]
fn a_name_that_the_pattern_has_no_form_for_is_left_out() {
    let named = |subject: &str| {
        let certificate =
            Shape::ca(subject, &Key::p521("large").unwrap(), None).unwrap().self_signed().unwrap();
        let uses = [of(Purpose::Oem, Standard::Iso15118_20)];
        let mut entry = anchor(&root(OEM, Edition::Iso2), AnchorStatus::Usable, &uses);
        entry.certificate.0 = certificate.der().to_vec();
        entry.fingerprint = Digest::from_bytes(certificate.sha256());
        let pool = pool(&list(vec![entry]), PoolForm::Opcp);
        item(&pool, &certificate, None)["RootResponse"].clone()
    };
    let plain = named("CN=A=B + C,ST=X,C=NL".replace(" + ", "\\+").as_str());
    assert_eq!(plain["distinguishedName"], json!("CN=A=B+C, ST=X, C=NL"));
    assert_eq!((&plain["signatureAlgorithm"], plain.get("organizationName")), (&json!("secp521r1"), None));
    for odd in ["CN=A\\,B,C=NL", "CN=A,L=Here,C=NL", "CN=A+O=B", "CN=A\\0AB"] {
        assert_eq!(named(odd).get("distinguishedName"), None, "{odd}");
    }
}

#[test]
fn words_are_those_of_either_protocol() {
    for (word, kind) in
        [("MO", RootType::Mo), ("emsp", RootType::Mo), ("v2g", RootType::V2g), ("Pe", RootType::Pe)]
    {
        assert_eq!(RootType::of_word(word), Some(kind));
    }
    assert_eq!((RootType::of_word("CPO"), PoolCtl::of_word("Asian CTL")), (None, None));
    assert!(matches!(PoolItem::read(b"{}"), Err(PoolError::NoRoot)));
    assert!(matches!(PoolItem::read(br#"{"RootResponse":[]}"#), Err(PoolError::NoRoot)));
    let odd = br#"{"rootCertificate":{"rootTypeList":[7,"CPO"],"rootType":8}}"#;
    assert_eq!(PoolItem::read(odd).unwrap(), Err(PoolItemError::NoCertificate));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), pages in any::<(u64, u64, u64)>()) {
        let _ = (PoolPage::read(&bytes), PoolItem::read(&bytes));
        let (page, size, items) = pages;
        let pool = json!({ "rootCertificateCollection": [], "page": page, "pageSize": size, "totalItems": items });
        let paging = read(&pool).unwrap().paging;
        prop_assert!(paging.is_none_or(|paging| paging.total_pages > paging.page));
    }
}

#[test]
fn an_event_names_its_root_as_the_pool_does() {
    let uses = [Purpose::V2g, Purpose::Mo].map(|purpose| of(purpose, Standard::Iso15118_2));
    let list = list(vec![anchor(&root(V2G, Edition::Iso2), AnchorStatus::Usable, &uses)]);
    for (form, types) in [(PoolForm::Opcp, 2), (PoolForm::Opnc, 1)] {
        let pool = Pool::of(&[PoolSource { list: &list, ctl: PoolCtl::American }], form);
        assert_eq!(pool.entries.len(), types);
        let mut ids = std::collections::BTreeSet::new();
        for entry in &pool.entries {
            let (root, at) = (entry.event_root(), ctl_core::Timestamp::from_unix(0));
            assert_eq!(root.payload.root_certificate_id, entry.id());
            assert_eq!(root.not_after, entry.certificate.not_after());
            for kind in RootEvent::ALL {
                let event: Value = serde_json::from_slice(&root.event_body(kind, at)).unwrap();
                assert_eq!(
                    (&event["eventType"], &event["timestamp"]),
                    (&kind.as_str().into(), &"1970-01-01T00:00:00Z".into())
                );
                assert_eq!(event["eventId"], root.event_id(kind, at));
                assert!(ids.insert(root.event_id(kind, at)));
                assert_eq!(event["payload"]["fingerprintSHA256"], hex::encode(entry.certificate.sha256()));
                assert_eq!(event["payload"]["rootType"], entry.types.first().unwrap().as_str(form));
            }
            assert_ne!(
                root.event_id(RootEvent::Added, at),
                root.event_id(RootEvent::Added, at.plus_seconds(1))
            );
            let kept: EventRoot = serde_json::from_value(serde_json::to_value(&root).unwrap()).unwrap();
            assert_eq!(kept, root);
        }
    }
}
