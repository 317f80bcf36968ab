//! Other people's formats: certs-only PKCS#7, and pages of root pools in JSON.
#![no_main]

use ctl_formats::{MAX_POOL_ITEMS, PoolPage, certificates_from_pkcs7};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificates) = certificates_from_pkcs7(bytes) {
        assert!(certificates.iter().all(|one| bytes.windows(one.der().len()).any(|part| part == one.der())));
    }
    if let Ok(page) = PoolPage::read(bytes) {
        assert!(page.items.len() <= MAX_POOL_ITEMS);
        assert!(page.paging.is_none_or(|paging| paging.total_pages > paging.page));
    }
});
