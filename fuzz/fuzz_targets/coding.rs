//! Bodies that arrive compressed: whatever they are, they are refused, or decode within the limit.
#![no_main]

use ctl_client::transport::coding::{Dictionary, decode};
use ctl_core::Digest;
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let held = b"{\"holder\":\"mo\",\"id\":\"DE000\",\"status\":\"assigned\"},".repeat(30);
    let difference = [b"\xffDCB", Digest::of(&held).as_bytes().as_slice(), bytes].concat();
    for (coding, body) in [("br", bytes.to_vec()), ("dcb", difference), ("dcb", bytes.to_vec())] {
        if let Ok(decoded) = decode(coding, body, Dictionary::new(&held), LIMIT) {
            assert!(decoded.len() <= LIMIT);
        }
    }
});
