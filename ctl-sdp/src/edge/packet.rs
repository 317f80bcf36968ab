//! UDP's header, for raw sockets: read from what a car sent, written before what it is answered. Pure.

use std::net::Ipv6Addr;

use crate::codec::{GROUP, PORT};

/// Bytes of UDP's header.
pub const UDP_HEADER: usize = 8;
/// UDP's number in IPv6.
const UDP: u8 = 17;

/// The port that a datagram to the group came from, and what it carries; nothing if its checksum does not hold.
///
/// Where sender and receiver are one host, or a virtual wire is between them, the kernel leaves the sum of the rest to a
/// device that is not there, and only that of the addresses stands in the header: this is as good.
#[must_use]
pub fn read(from: Ipv6Addr, packet: &[u8]) -> Option<(u16, &[u8])> {
    let (header, payload) = packet.split_first_chunk::<UDP_HEADER>()?;
    let [s0, s1, d0, d1, l0, l1, c0, c1] = *header;
    let length = u16::from_be_bytes([l0, l1]);
    let is_whole = usize::from(length) == packet.len() && u16::from_be_bytes([d0, d1]) == PORT;
    let addresses = pseudo(from, GROUP, length);
    let is_sound = folded(sum(addresses, packet)) == 0xffff;
    let is_left = u16::from_be_bytes([c0, c1]) == folded(addresses);
    (is_whole && (is_sound || is_left)).then_some((u16::from_be_bytes([s0, s1]), payload))
}

/// A datagram from the port of SDP.
#[must_use]
pub fn write(from: Ipv6Addr, to: Ipv6Addr, port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(UDP_HEADER.saturating_add(payload.len())).unwrap_or(u16::MAX);
    let mut packet = Vec::with_capacity(usize::from(length));
    packet.extend(PORT.to_be_bytes());
    packet.extend(port.to_be_bytes());
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    // RFC 768: a sum of zero is written as its other form.
    let checksum = match !folded(sum(pseudo(from, to, length), &packet)) {
        0 => 0xffff,
        other => other,
    };
    if let Some(place) = packet.get_mut(6..8) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
    packet
}

/// The header that IPv6 adds to the sum (RFC 8200, section 8.1).
fn pseudo(from: Ipv6Addr, to: Ipv6Addr, length: u16) -> u64 {
    sum(sum(u64::from(length) + u64::from(UDP), &from.octets()), &to.octets())
}

fn sum(begin: u64, bytes: &[u8]) -> u64 {
    bytes.chunks(2).fold(begin, |sum, pair| {
        let high = pair.first().copied().unwrap_or(0);
        let low = pair.get(1).copied().unwrap_or(0);
        sum.wrapping_add(u64::from(u16::from_be_bytes([high, low])))
    })
}

fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(0)
}
