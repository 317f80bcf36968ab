//! Programs for the kernel's packet filter (classic BPF), so that what is no question of a car never wakes this program. On
//! sockets of UDP, and raw ones for it, they see the datagram from UDP's header on.

use socket2::SockFilter;

use super::packet::UDP_HEADER;
use crate::codec::{HEADER, Kind, MAX_PAYLOAD, PORT};

const LOAD_LENGTH: u16 = 0x80; // BPF_LD | BPF_W | BPF_LEN
const LOAD_HALF: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IF_GREATER: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const ALL: u32 = u32::MAX;

/// Questions of cars: to the port of SDP, version 1 of V2GTP, of these types, no longer than one can be. What is too short
/// to have a type is dropped by the kernel itself.
#[must_use]
pub fn questions() -> [SockFilter; 12] {
    let longest = u32::try_from(UDP_HEADER + HEADER + MAX_PAYLOAD).unwrap_or(0);
    let kind = |kind: Kind, jump| SockFilter::new(IF_EQUAL, jump, 0, u32::from(kind.number()));
    [
        SockFilter::new(LOAD_LENGTH, 0, 0, 0),
        SockFilter::new(IF_GREATER, 8, 0, longest),
        SockFilter::new(LOAD_HALF, 0, 0, 2),
        SockFilter::new(IF_EQUAL, 0, 6, u32::from(PORT)),
        SockFilter::new(LOAD_HALF, 0, 0, 8),
        SockFilter::new(IF_EQUAL, 0, 4, 0x01fe),
        SockFilter::new(LOAD_HALF, 0, 0, 10),
        kind(Kind::SupportedRequest, 3),
        kind(Kind::Request, 2),
        kind(Kind::WirelessRequest, 1),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, ALL),
    ]
}

/// Nothing: for a socket that only sends.
#[must_use]
pub fn nothing() -> [SockFilter; 1] {
    [SockFilter::new(RETURN, 0, 0, 0)]
}
