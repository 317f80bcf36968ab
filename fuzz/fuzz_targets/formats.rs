//! Other people's formats: certs-only PKCS#7, and root pools in JSON.
#![no_main]

use ctl_formats::{MAX_POOL_ITEMS, PoolItem, PoolPage, certificates_from_pkcs7, certificates_to_pkcs7};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificates) = certificates_from_pkcs7(bytes) {
        assert!(certificates.iter().all(|one| bytes.windows(one.der().len()).any(|part| part == one.der())));
        let written = certificates_to_pkcs7(&certificates).unwrap();
        let mut sorted = certificates;
        sorted.sort_by(|one, other| one.der().cmp(other.der()));
        assert_eq!(certificates_from_pkcs7(&written), Ok(sorted));
    }
    if let Ok(page) = PoolPage::read(bytes) {
        assert!(page.items.len() <= MAX_POOL_ITEMS);
        assert!(page.paging.is_none_or(|paging| paging.total_pages > paging.page));
    }
    let _ = PoolItem::read(bytes);
});
