//! Datagrams of SDP, packets with UDP's header before them, lists of provider ids: whatever they are, they are refused, or what
//! was read is written and read again.
#![no_main]

use ctl_sdp::agreements::read::read;
use ctl_sdp::codec::Message;
use ctl_sdp::edge::packet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let datagram = |kind: u16| {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        [b"\x01\xfe".as_slice(), &kind.to_be_bytes(), &length, bytes].concat()
    };
    for datagram in (0x9000..=0x9005).map(datagram).chain([bytes.to_vec()]) {
        if let Ok(message) = Message::read(&datagram) {
            let written = message.to_bytes();
            assert_eq!(Message::read(&written), Ok(message));
            assert!(written.len() <= datagram.len());
        }
    }
    let from = "fe80::1".parse().expect("an address");
    if let Some((_, payload)) = packet::read(from, bytes) {
        assert!(payload.len() < bytes.len());
    }
    if let Ok(list) = read(bytes) {
        assert!(list.with.len() <= bytes.len());
    }
});
