//! What a charger does about each datagram on one interface: a state machine without sockets and clock.
//!
//! A car asks (0x9004); the answer (0x9005) begins with where the local SECC listens. That is configured, or the SECC is
//! asked (0x9000) as a car would, once for all who wait; its answer holds for a moment. A stack may restart its TCP server at
//! each such question (Josev does), so none is sent shortly after a car asked itself, and few in any case.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant};

use crate::codec::{Endpoint, Identifiers, Message, Request, Security, Transport};
use crate::supported::Supported;

/// So many cars wait for the SECC at once; the next are not answered.
pub const MAX_WAITING: usize = 2048;
/// So many identifiers are kept for all of them.
pub const MAX_HELD: usize = 65_536;

/// How it is known where the SECC listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secc {
    /// It is asked.
    Relay(Times),
    /// It is configured.
    Fixed(Endpoint),
}

/// When the SECC is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// How long its answer holds.
    pub keep: Duration,
    /// How long it is not asked after a question.
    pub every: Duration,
    /// How long it is not asked after a car asked it.
    pub quiet: Duration,
    /// How long a car's request waits for its answer.
    pub wait: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(3),
            every: Duration::from_secs(1),
            quiet: Duration::from_secs(5),
            wait: Duration::from_secs(2),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this datagram to a car.
    Answer { to: SocketAddrV6, datagram: Vec<u8> },
    /// Ask the local SECC: send this datagram to all nodes, on this host only.
    Ask { datagram: Vec<u8> },
}

/// What happened so often since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests of cars that could be read.
    pub requests: u64,
    pub answers: u64,
    /// Answers that named no identifier.
    pub empty: u64,
    /// Requests that were not answered, by why.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Questions of cars to the SECC itself that were seen.
    pub own: u64,
    /// Questions to the SECC.
    pub asked: u64,
    /// Its answers that counted.
    pub told: u64,
}

impl Counts {
    fn drop(&mut self, why: &'static str) {
        increase(self.dropped.entry(why).or_default(), 1);
    }
}

fn increase(count: &mut u64, by: usize) {
    *count = count.saturating_add(u64::try_from(by).unwrap_or(u64::MAX));
}

#[derive(Debug)]
struct Waiting {
    until: Instant,
    common: Identifiers,
}

/// One interface's.
#[derive(Debug)]
pub struct Responder {
    secc: Secc,
    known: Option<(Endpoint, Instant)>,
    waiting: BTreeMap<SocketAddrV6, Waiting>,
    /// Identifiers kept for them.
    held: usize,
    /// Until when an answer to the last question counts.
    open_until: Option<Instant>,
    not_before: Option<Instant>,
    quiet_until: Option<Instant>,
    counts: Counts,
}

impl Responder {
    #[must_use]
    pub fn new(secc: Secc) -> Self {
        Self {
            secc,
            known: None,
            waiting: BTreeMap::new(),
            held: 0,
            open_until: None,
            not_before: None,
            quiet_until: None,
            counts: Counts::default(),
        }
    }

    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Something was lost outside of this, such as an answer that could not be sent.
    pub fn lost(&mut self, why: &'static str) {
        self.counts.drop(why);
    }

    /// A datagram came to the port of SDP. `own` are this host's addresses on the interface; without `supported` nothing is
    /// known yet, and nothing is said.
    pub fn request(
        &mut self,
        now: Instant,
        from: SocketAddrV6,
        datagram: &[u8],
        own: &[Ipv6Addr],
        supported: Option<&Supported>,
    ) -> Vec<Action> {
        if !from.ip().is_unicast_link_local() || from.port() == 0 {
            self.counts.drop("sender");
            return Vec::new();
        }
        let asked = match Message::read(datagram) {
            Ok(Message::SupportedRequest(asked)) => asked,
            Ok(Message::Request(_) | Message::WirelessRequest { .. }) => {
                if !own.contains(from.ip()) {
                    self.car_asked(now);
                }
                return Vec::new();
            }
            Ok(_) => {
                self.counts.drop("type");
                return Vec::new();
            }
            Err(error) => {
                self.counts.drop(error.word());
                return Vec::new();
            }
        };
        increase(&mut self.counts.requests, 1);
        let Some(supported) = supported else {
            self.counts.drop("nothing-known");
            return Vec::new();
        };
        let common = asked.only(|id| supported.contains(id));
        let endpoint = match self.secc {
            Secc::Fixed(endpoint) => Some(endpoint),
            Secc::Relay(_) => self.known.filter(|(_, until)| now < *until).map(|(endpoint, _)| endpoint),
        };
        if let Some(endpoint) = endpoint {
            return vec![self.answer(from, endpoint, common)];
        }
        let Secc::Relay(times) = self.secc else { return Vec::new() };
        self.forget(now);
        let until = self.waiting.get(&from).map_or_else(|| after(now, times.wait), |waiting| waiting.until);
        let before = self.waiting.remove(&from).map_or(0, |waiting| waiting.common.len());
        let held = self.held.saturating_sub(before).saturating_add(common.len());
        if self.waiting.len() >= MAX_WAITING || held > MAX_HELD {
            self.held = self.held.saturating_sub(before);
            self.counts.drop("too-many");
            return Vec::new();
        }
        self.held = held;
        self.waiting.insert(from, Waiting { until, common });
        self.ask(now).into_iter().collect()
    }

    /// A datagram came as the answer of an SECC. It counts if this host's own SECC was asked and answers for itself.
    pub fn told(
        &mut self,
        now: Instant,
        from: SocketAddrV6,
        datagram: &[u8],
        own: &[Ipv6Addr],
    ) -> Vec<Action> {
        let Secc::Relay(times) = self.secc else { return Vec::new() };
        let endpoint = match Message::read(datagram) {
            Ok(Message::Response(endpoint)) => endpoint,
            _ => {
                self.counts.drop("answer-form");
                return Vec::new();
            }
        };
        let is_usable = endpoint.port != 0 && endpoint.transport == Transport::Tcp;
        if !own.contains(from.ip()) || !own.contains(&endpoint.address) || !is_usable {
            self.counts.drop("answer-foreign");
            return Vec::new();
        }
        if self.open_until.is_none_or(|until| now >= until) {
            self.counts.drop("answer-late");
            return Vec::new();
        }
        self.open_until = None;
        increase(&mut self.counts.told, 1);
        self.known = Some((endpoint, after(now, times.keep)));
        self.forget(now);
        let waiting = std::mem::take(&mut self.waiting);
        self.held = 0;
        waiting.into_iter().map(|(to, Waiting { common, .. })| self.answer(to, endpoint, common)).collect()
    }

    /// Time passed.
    pub fn tick(&mut self, now: Instant) -> Vec<Action> {
        self.forget(now);
        self.ask(now).into_iter().collect()
    }

    /// When time has to be told of, if nothing comes before.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let gone = self.waiting.values().map(|waiting| waiting.until).min()?;
        let blocks = [self.open_until, self.not_before, self.quiet_until].into_iter().flatten().max();
        Some(blocks.map_or(gone, |block| gone.min(block)))
    }

    /// What the SECC told before may be over: a car's question can have moved it.
    fn car_asked(&mut self, now: Instant) {
        increase(&mut self.counts.own, 1);
        if let Secc::Relay(times) = self.secc {
            self.quiet_until = Some(after(now, times.quiet));
            self.known = None;
        }
    }

    fn forget(&mut self, now: Instant) {
        let before = self.waiting.len();
        let held = &mut self.held;
        self.waiting.retain(|_, waiting| {
            let stays = now < waiting.until;
            if !stays {
                *held = held.saturating_sub(waiting.common.len());
            }
            stays
        });
        let gone = before.saturating_sub(self.waiting.len());
        if gone > 0 {
            increase(self.counts.dropped.entry("secc-silent").or_default(), gone);
        }
    }

    fn ask(&mut self, now: Instant) -> Option<Action> {
        let Secc::Relay(times) = self.secc else { return None };
        let blocks = [self.open_until, self.not_before, self.quiet_until];
        if self.waiting.is_empty() || blocks.into_iter().flatten().any(|block| now < block) {
            return None;
        }
        self.open_until = Some(after(now, times.wait));
        self.not_before = Some(after(now, times.every));
        increase(&mut self.counts.asked, 1);
        Some(Action::Ask { datagram: Message::Request(Request::TLS).to_bytes() })
    }

    fn answer(&mut self, to: SocketAddrV6, endpoint: Endpoint, common: Identifiers) -> Action {
        // Plug & Charge needs TLS: without it no contract works.
        let supported = if endpoint.security == Security::Tls { common } else { Identifiers::default() };
        increase(&mut self.counts.answers, 1);
        if supported.is_empty() {
            increase(&mut self.counts.empty, 1);
        }
        Action::Answer { to, datagram: Message::SupportedResponse { endpoint, supported }.to_bytes() }
    }
}

fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}
