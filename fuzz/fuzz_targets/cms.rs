//! Signed CMS, judged by whoever believes the certificates that came along.
#![no_main]

use ctl_core::Timestamp;
use ctl_formats::cms::{SignedData, Trust};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = SignedData::read(bytes) else { return };
    let at = Timestamp::from_unix(1_793_534_400);
    for trust in [Trust::Pinned(message.certificates()), Trust::IssuedBy(message.certificates())] {
        let verification = message.verify(trust, at);
        assert_eq!(verification.signers.len(), message.signer_count());
        assert!(verification.keys().len() <= message.signer_count());
        assert_eq!(
            verification.refusal().is_none(),
            verification.signers.iter().all(|signer| signer.is_valid() && signer.certificate.is_some())
        );
    }
    assert!(message.verify(Trust::Pinned(&[]), at).keys().is_empty());
});
