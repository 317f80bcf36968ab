//! Lists of trust anchors: the certificates of what is read are written and read again.
#![no_main]

use ctl_formats::trust_anchors::{trust_anchors_from_der, trust_anchors_to_der};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(anchors) = trust_anchors_from_der(bytes) else { return };
    let written = trust_anchors_to_der(anchors.iter().map(|anchor| &anchor.certificate)).unwrap();
    let again = trust_anchors_from_der(&written).unwrap();
    assert!(again.iter().map(|anchor| &anchor.certificate).eq(anchors.iter().map(|anchor| &anchor.certificate)));
});
