//! The car's side: asks the chargers of a link which of these mobility operators they support.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use ctl_core::names::MoId;
use serde::Serialize;
use socket2::{Domain, Protocol, Socket, Type};

use crate::codec::{Endpoint, GROUP, Identifiers, Message, PORT};
use crate::edge::interface::InterfaceName;
use crate::edge::sockets::BUFFER;

/// So many chargers are listened to.
const MAX_ANSWERS: usize = 16;

/// A question.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where the charger is.
    pub interface: InterfaceName,
    /// The operators of the car's contracts.
    pub identifiers: Identifiers,
    /// How long an answer is waited for.
    pub wait: Duration,
    /// How often it is asked.
    pub tries: u32,
}

impl Query {
    /// As ISO 15118-2 has a car ask with 0x9000: every quarter of a second; but not 50 times.
    #[must_use]
    pub const fn new(interface: InterfaceName, identifiers: Identifiers) -> Self {
        Self { interface, identifiers, wait: Duration::from_millis(250), tries: 12 }
    }
}

/// What a charger answered. Nobody has signed it: it may put contracts in order, and must never exclude one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Who answered.
    pub from: Ipv6Addr,
    /// Where its SECC listens.
    pub endpoint: Endpoint,
    /// Which of those asked for it supports, in the order of the question.
    pub supported: Vec<MoId>,
}

/// Asks; returns as soon as one has answered, with whatever else has come by then. None if nobody answers.
///
/// # Errors
/// The interface cannot be used, in words.
pub fn ask(query: &Query) -> Result<Vec<Answer>, String> {
    let Query { interface, identifiers, wait, tries } = query;
    let index = interface.index()?;
    let failed = |error: io::Error| format!("interface {interface}: {error}");
    let socket = open(interface, index).map_err(failed)?;
    let datagram = Message::SupportedRequest(identifiers.clone()).to_bytes();
    let mut buffer = vec![0; BUFFER];
    let mut answers: Vec<Answer> = Vec::new();
    for _ in 0..(*tries).max(1) {
        socket.send_to(&datagram, SocketAddrV6::new(GROUP, PORT, 0, index)).map_err(failed)?;
        let end = Instant::now().checked_add(*wait).unwrap_or_else(Instant::now);
        while answers.len() < MAX_ANSWERS {
            let left = end.saturating_duration_since(Instant::now());
            // Once somebody has answered, only what is here already is taken.
            let left = if answers.is_empty() { left } else { left.min(Duration::from_millis(20)) };
            if left.is_zero() {
                break;
            }
            socket.set_read_timeout(Some(left)).map_err(failed)?;
            match socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    let answer = judge(from, buffer.get(..length).unwrap_or_default(), identifiers);
                    answers.extend(answer.filter(|new| answers.iter().all(|old| old.from != new.from)));
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if !answers.is_empty() {
            break;
        }
    }
    Ok(answers)
}

fn open(interface: &InterfaceName, index: u32) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind_device(Some(interface.as_str().as_bytes()))?;
    socket.set_multicast_if_v6(index)?;
    socket.bind(&SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0).into())?;
    Ok(socket.into())
}

/// An answer from this link to what was asked; nothing otherwise. What was not asked for does not count.
#[must_use]
pub fn judge(from: SocketAddr, datagram: &[u8], asked: &Identifiers) -> Option<Answer> {
    let SocketAddr::V6(from) = from else { return None };
    let from = *from.ip();
    let Ok(Message::SupportedResponse { endpoint, supported }) = Message::read(datagram) else { return None };
    if !from.is_unicast_link_local() {
        return None;
    }
    let named: Vec<&MoId> = supported.iter().collect();
    let supported = asked.iter().filter(|id| named.contains(id)).cloned().collect();
    Some(Answer { from, endpoint, supported })
}
