//! What the monitor's tests share: certificates, CRLs and OCSP answers written byte by byte, and a scheme in
//! memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, dead_code)]

#[path = "../../../ctl-pki/tests/revocation/mod.rs"]
#[allow(clippy::cast_possible_truncation, missing_docs)]
pub(crate) mod bytes;
#[path = "../../../ctl-core/tests/common/mod.rs"]
#[allow(missing_docs)]
pub(crate) mod world;

use bytes::{Shape, oid, point_name, seq, tlv, uri};

/// `id-pe-authorityInfoAccess`.
const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];

/// A certificate that says where to ask about it.
pub(crate) trait Says {
    /// By OCSP at these addresses, the issuer's certificate at those.
    fn access(self, ocsp: &[&str], ca_issuers: &[&str]) -> Self;
    /// By CRLs, each address a distribution point of its own.
    fn crls(self, urls: &[&str]) -> Self;
}

impl Says for Shape {
    fn access(self, ocsp: &[&str], ca_issuers: &[&str]) -> Self {
        let describe =
            |method: u8| move |url: &&str| seq(&[oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, method]), uri(url)]);
        let parts: Vec<_> = ocsp.iter().map(describe(1)).chain(ca_issuers.iter().map(describe(2))).collect();
        self.with(AUTHORITY_INFO_ACCESS, false, seq(&parts))
    }

    fn crls(self, urls: &[&str]) -> Self {
        let points: Vec<_> = urls.iter().map(|url| tlv(0x30, &point_name(&[uri(url)]))).collect();
        self.distribution_points(&points)
    }
}
