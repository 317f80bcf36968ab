//! Root pools as OPCP and OPNC serve them, and what else may come from there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_formats::{MAX_POOL_ITEMS, PoolError, PoolItemError, PoolPage, PoolPaging};
use ctl_sandbox::{Edition, specimen};
use proptest::prelude::*;
use serde_json::{Value, json};

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
        assert_eq!(good.as_ref(), Ok(&root));
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

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), pages in any::<(u64, u64, u64)>()) {
        let _ = PoolPage::read(&bytes);
        let (page, size, items) = pages;
        let pool = json!({ "rootCertificateCollection": [], "page": page, "pageSize": size, "totalItems": items });
        let paging = read(&pool).unwrap().paging;
        prop_assert!(paging.is_none_or(|paging| paging.total_pages > paging.page));
    }
}
