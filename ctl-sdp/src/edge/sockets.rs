//! The sockets of one interface: one that hears cars, one that answers them, one that asks the local SECC.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::interface::{InterfaceName, own_addresses};
use super::{filter, packet};
use crate::codec::{GROUP, HEADER, MAX_PAYLOAD, PORT};

/// Enough for a thousand cars at once, where the kernel allows it.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// One byte more than any datagram that counts.
pub const BUFFER: usize = packet::UDP_HEADER + HEADER + MAX_PAYLOAD + 1;

/// How the port of SDP is heard beside whoever owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The owner shares the port (`SO_REUSEPORT`, as EVerest does), with sockets that its own user opened.
    Shared,
    /// The owner shares it with nobody (as Josev): a raw socket is given a copy of each packet. Needs `CAP_NET_RAW` at start.
    Packet,
    /// There is no owner.
    Alone,
}

/// The sockets of one interface.
#[derive(Debug)]
pub struct Sockets {
    pub name: InterfaceName,
    pub index: u32,
    /// Hears cars.
    pub hears: UdpSocket,
    pub answers: Answers,
    /// Asks the local SECC.
    pub asks: UdpSocket,
}

/// How cars are answered.
#[derive(Debug)]
pub enum Answers {
    /// By the socket that hears them.
    Same,
    /// By a raw one, from this address.
    Raw(UdpSocket, Ipv6Addr),
}

impl Sockets {
    /// Opens them. Afterwards no privilege is needed.
    ///
    /// # Errors
    /// What to do about it, in words.
    pub fn open(mode: Mode, name: &InterfaceName) -> Result<Self, String> {
        let index = name.index()?;
        let failed = |what: &str| {
            let place = format!("interface {name}: {what}");
            move |error: io::Error| format!("{place}: {error}{}", hint(mode, &error))
        };
        let hears = match mode {
            Mode::Packet => hear_packets(name, index).map_err(failed("hear packets"))?,
            _ => hear_datagrams(name, index, mode == Mode::Shared).map_err(failed("hear UDP port 15118"))?,
        };
        let answers = match mode {
            Mode::Packet => {
                let own = own_addresses(index).map_err(failed("read its addresses"))?;
                let own = own.into_iter().find(Ipv6Addr::is_unicast_link_local).ok_or_else(|| {
                    format!("interface {name} has no link-local address yet: bring it up, then start again")
                })?;
                Answers::Raw(answer_raw(name, index, own).map_err(failed("answer"))?, own)
            }
            _ => Answers::Same,
        };
        let asks = ask(name, index).map_err(failed("ask the local SECC"))?;
        Ok(Self { name: name.clone(), index, hears, answers, asks })
    }
}

fn hint(mode: Mode, error: &io::Error) -> &'static str {
    match (error.kind(), mode) {
        (io::ErrorKind::AddrInUse, Mode::Alone) => {
            "; another program owns the port: use mode \"shared\" beside EVerest, \"packet\" beside Josev"
        }
        (io::ErrorKind::AddrInUse, _) => {
            "; its owner does not share it, or is another user: set owner to the user of the charging stack, or use mode \
             \"packet\""
        }
        (io::ErrorKind::PermissionDenied, Mode::Packet) => {
            "; this needs CAP_NET_RAW at start: start as root, or with that capability"
        }
        _ => "",
    }
}

/// Bound to the group: what is sent to this host alone is for the owner of the port, and never comes here.
fn hear_datagrams(name: &InterfaceName, index: u32, share: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(true)?;
    if share {
        socket.set_reuse_port(true)?;
    }
    socket.bind_device(Some(name.as_str().as_bytes()))?;
    socket.attach_filter(&filter::questions())?;
    socket.bind(&SockAddr::from(SocketAddrV6::new(GROUP, PORT, 0, index)))?;
    socket.join_multicast_v6(&GROUP, index)?;
    finish(socket)
}

/// The filter stands before the socket is bound, and what was queued before it is thrown away.
fn hear_packets(name: &InterfaceName, index: u32) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::UDP))?;
    socket.attach_filter(&filter::questions())?;
    socket.bind_device(Some(name.as_str().as_bytes()))?;
    socket.bind(&SockAddr::from(SocketAddrV6::new(GROUP, 0, 0, index)))?;
    socket.join_multicast_v6(&GROUP, index)?;
    let socket = finish(socket)?;
    let mut buffer = [0];
    // Bounded: what arrives meanwhile passes the filter already.
    for _ in 0..100_000 {
        match socket.recv(&mut buffer) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(socket)
}

/// Raw, since the port of SDP is another's and answers come from it.
fn answer_raw(name: &InterfaceName, index: u32, own: Ipv6Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::UDP))?;
    socket.attach_filter(&filter::nothing())?;
    socket.bind_device(Some(name.as_str().as_bytes()))?;
    socket.bind(&SockAddr::from(SocketAddrV6::new(own, 0, 0, index)))?;
    finish(socket)
}

/// Its questions never leave this host: a hop limit of 0 lets the kernel loop them back and send none.
fn ask(name: &InterfaceName, index: u32) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(true)?;
    socket.bind_device(Some(name.as_str().as_bytes()))?;
    socket.set_multicast_if_v6(index)?;
    socket.set_multicast_loop_v6(true)?;
    socket.set_multicast_hops_v6(0)?;
    socket.bind(&SockAddr::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)))?;
    finish(socket)
}

fn finish(socket: Socket) -> io::Result<UdpSocket> {
    // As much as the kernel allows; less is no error.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let _ = socket.set_send_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Who sent what was heard, and what it is; nothing if it is no datagram of IPv6, or its sum does not hold.
#[must_use]
pub fn heard(is_raw: bool, from: SocketAddr, bytes: &[u8]) -> Option<(SocketAddrV6, &[u8])> {
    let SocketAddr::V6(from) = from else { return None };
    if !is_raw {
        return Some((from, bytes));
    }
    let (port, payload) = packet::read(*from.ip(), bytes)?;
    Some((SocketAddrV6::new(*from.ip(), port, 0, from.scope_id()), payload))
}
