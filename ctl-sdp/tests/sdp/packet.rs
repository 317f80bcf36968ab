//! Datagrams as a raw socket brings them: with UDP's header, whose sum is checked here.

use std::net::Ipv6Addr;

use ctl_sdp::codec::{GROUP, PORT};
use ctl_sdp::edge::packet::{read, write};

const CAR: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xca);

/// The sum of RFC 1071 over these, word by word.
fn sum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let words =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
    let total: u32 = words.sum();
    let once = (total & 0xffff) + (total >> 16);
    u16::try_from((once & 0xffff) + (once >> 16)).unwrap()
}

/// Addresses, length and protocol, as RFC 8200 adds them.
fn pseudo(from: Ipv6Addr, to: Ipv6Addr, length: usize) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&from.octets()[..], &to.octets(), &length, &[0, 0, 0, 17]].concat()
}

#[test]
fn what_is_written_has_the_sum_that_the_standard_wants() {
    for payload in [b"".as_slice(), b"odd", b"even", &[0xff; 1000]] {
        let packet = write(CAR, GROUP, 4711, payload);
        assert_eq!(packet[..4], [PORT.to_be_bytes(), 4711_u16.to_be_bytes()].concat());
        assert_eq!(sum(&[&pseudo(CAR, GROUP, packet.len()), &packet]), 0xffff);
    }
}

#[test]
fn a_datagram_counts_if_its_sum_holds_or_was_left_to_a_device() {
    for payload in [b"".as_slice(), b"odd", b"even"] {
        let mut packet = write(CAR, GROUP, PORT, payload);
        assert_eq!(read(CAR, &packet), Some((PORT, payload)));
        let addresses = sum(&[&pseudo(CAR, GROUP, packet.len())]);
        packet[6..8].copy_from_slice(&addresses.to_be_bytes());
        assert_eq!(read(CAR, &packet), Some((PORT, payload)));
        packet[6] ^= 1;
        assert_eq!(read(CAR, &packet), None);
    }
}

#[test]
fn what_is_cut_spoilt_or_not_for_us_does_not_count() {
    let packet = write(CAR, GROUP, PORT, b"payload");
    assert_eq!(read(CAR, &packet[..packet.len() - 1]), None);
    assert_eq!(read(CAR, &packet[..7]), None);
    assert_eq!(read(CAR, &write(CAR, GROUP, 4711, b"payload")), None);
    let mut spoilt = packet;
    spoilt[9] ^= 0x20;
    assert_eq!(read(CAR, &spoilt), None);
}
