//! One interface: what its sockets bring goes to the responder, what that says is done.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

use super::Shared;
use crate::codec::{GROUP, PORT};
use crate::edge::interface::own_addresses;
use crate::edge::packet;
use crate::edge::sockets::{Answers, BUFFER, Sockets, heard};
use crate::responder::{Action, Responder};

/// So many datagrams are taken before others get their turn.
const BURST: usize = 256;
/// How often it is looked whether the interface is still the one that the sockets were opened on.
const LOOK: Duration = Duration::from_secs(5);
/// How long its addresses are believed.
const FRESH: Duration = Duration::from_secs(1);

/// This host's addresses on the interface, read when they are needed and not fresh.
struct Own {
    index: u32,
    addresses: Vec<Ipv6Addr>,
    read: Option<Instant>,
}

impl Own {
    fn now(&mut self, now: Instant) -> &[Ipv6Addr] {
        if self.read.is_none_or(|read| now.saturating_duration_since(read) > FRESH) {
            // Where they cannot be read nobody is believed to be this host.
            self.addresses = own_addresses(self.index).unwrap_or_default();
            self.read = Some(now);
        }
        &self.addresses
    }
}

struct Attended<'a> {
    index: u32,
    hears: UdpSocket,
    asks: UdpSocket,
    /// Answers from this address by a raw socket, if the one that hears cars cannot.
    raw: Option<(UdpSocket, Ipv6Addr)>,
    responder: &'a RefCell<Responder>,
}

/// Attends to an interface for ever.
///
/// # Errors
/// Why that is over, in words: the interface is gone, or another one.
pub(super) async fn attend(
    sockets: Sockets,
    responder: &RefCell<Responder>,
    shared: &Shared,
) -> Result<Infallible, String> {
    let Sockets { name, index, hears, answers, asks } = sockets;
    let begin = |socket| UdpSocket::from_std(socket).map_err(|error| format!("interface {name}: {error}"));
    let raw = match answers {
        Answers::Same => None,
        Answers::Raw(socket, own) => Some((begin(socket)?, own)),
    };
    let attended = Attended { index, hears: begin(hears)?, asks: begin(asks)?, raw, responder };
    let mut own = Own { index, addresses: Vec::new(), read: None };
    let mut buffer = vec![0; BUFFER];
    let mut look = tokio::time::interval(LOOK);
    loop {
        let due = responder.borrow().due();
        let due = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ready = attended.hears.readable() => {
                ready.map_err(|error| format!("interface {name}: {error}"))?;
                let supported = shared.load();
                attended.burst(&attended.hears, &mut buffer, |now, from, bytes| {
                    let Some((from, datagram)) = heard(attended.raw.is_some(), from, bytes) else {
                        responder.borrow_mut().lost("checksum");
                        return Vec::new();
                    };
                    responder.borrow_mut().request(now, from, datagram, own.now(now), supported.as_deref())
                });
                // Others are to have their turn even if there is always one more.
                tokio::task::yield_now().await;
            }
            ready = attended.asks.readable() => {
                ready.map_err(|error| format!("interface {name}: {error}"))?;
                attended.burst(&attended.asks, &mut buffer, |now, from, bytes| match from {
                    SocketAddr::V6(from) => responder.borrow_mut().told(now, from, bytes, own.now(now)),
                    SocketAddr::V4(_) => Vec::new(),
                });
            }
            () = due => {
                let actions = responder.borrow_mut().tick(Instant::now());
                attended.act(actions);
            }
            _ = look.tick() => {
                if name.index() != Ok(index) {
                    return Err(format!("interface {name} is gone, or another one: start again"));
                }
                if let Some((_, from)) = attended.raw
                    && !own_addresses(index).unwrap_or_default().contains(&from)
                {
                    return Err(format!("interface {name} has no longer the address {from}: start again"));
                }
            }
        }
    }
}

impl Attended<'_> {
    /// Takes what there is.
    fn burst(
        &self,
        socket: &UdpSocket,
        buffer: &mut [u8],
        mut take: impl FnMut(Instant, SocketAddr, &[u8]) -> Vec<Action>,
    ) {
        for _ in 0..BURST {
            match socket.try_recv_from(buffer) {
                Ok((length, from)) => {
                    let actions = take(Instant::now(), from, buffer.get(..length).unwrap_or_default());
                    self.act(actions);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.responder.borrow_mut().lost("receive"),
            }
        }
    }

    fn act(&self, actions: Vec<Action>) {
        for action in actions {
            let sent = match action {
                Action::Answer { to, datagram } => self.answer(to, &datagram),
                Action::Ask { datagram } => {
                    let all = SocketAddrV6::new(GROUP, PORT, 0, self.index);
                    self.asks.try_send_to(&datagram, all.into())
                }
            };
            if sent.is_err() {
                self.responder.borrow_mut().lost("send");
            }
        }
    }

    fn answer(&self, to: SocketAddrV6, datagram: &[u8]) -> io::Result<usize> {
        let Some((socket, own)) = &self.raw else {
            return self.hears.try_send_to(datagram, to.into());
        };
        let packet = packet::write(*own, *to.ip(), to.port(), datagram);
        // A raw socket's addresses have no port.
        socket.try_send_to(&packet, SocketAddrV6::new(*to.ip(), 0, 0, self.index).into())
    }
}
