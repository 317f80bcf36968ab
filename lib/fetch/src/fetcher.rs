//! The fetcher: resolves, guards, and asks every address of a name on its own.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::ClientConfig;

use super::budget::{AllBudgets, Budgets, Class, Connection, Reservation};
use super::exchange::Attempt;
use super::guard::Guard;
use super::place::Place;
use super::resolve::{Resolve, SystemResolver};
use super::{
    Addresses, Exchange, Fetch, FetchError, Identity, Manner, Options, Reason, Request, SetupError, Timings,
    tls,
};

/// How many addresses of one name are asked. A name with more of them could be used to attack others.
const MAX_ADDRESSES: usize = 16;

/// Asks by HTTP. Clones share their limits.
#[derive(Clone)]
pub struct Fetcher {
    parts: Arc<Parts>,
    budgets: Budgets,
    identity: Option<Identity>,
}

struct Parts {
    resolver: Box<dyn Resolve>,
    guard: Guard,
    tls: Arc<ClientConfig>,
    budgets: AllBudgets,
    per_address: usize,
    /// Only addresses that are being called.
    addresses: Mutex<BTreeMap<IpAddr, Arc<Semaphore>>>,
}

impl Fetcher {
    /// A fetcher that resolves names as the system does.
    ///
    /// # Errors
    /// [`SetupError`] if the TLS roots cannot be read.
    pub fn new(options: &Options) -> Result<Self, SetupError> {
        Self::with_resolver(options, Box::new(SystemResolver::new(&options.hosts)))
    }

    /// A fetcher that resolves names by other means.
    ///
    /// # Errors
    /// [`SetupError`] if the TLS roots cannot be read.
    pub fn with_resolver(options: &Options, resolver: Box<dyn Resolve>) -> Result<Self, SetupError> {
        let parts = Parts {
            resolver,
            guard: Guard::new(options.allow.clone(), options.ports.clone()),
            tls: tls::config(&options.tls_roots)?,
            budgets: AllBudgets::new(options),
            per_address: options.per_host.get().min(Semaphore::MAX_PERMITS),
            addresses: Mutex::default(),
        };
        let budgets = parts.budgets.of_nobody();
        Ok(Self { parts: Arc::new(parts), budgets, identity: None })
    }

    /// The same fetcher on behalf of an operator: what it asks counts against that operator's budget.
    #[must_use]
    pub fn on(&self, name: &str, class: Class) -> Self {
        Self { budgets: self.parts.budgets.of(name, class), ..self.clone() }
    }

    /// The same fetcher as who has this certificate, which is shown to every server that asks for one.
    #[must_use]
    pub fn showing(&self, identity: &Identity) -> Self {
        Self { identity: Some(identity.clone()), ..self.clone() }
    }

    /// How many bytes bodies and what is kept of them take in the memory now, and how many they may: of services that
    /// are listed, and of those that only applications name.
    #[must_use]
    pub fn bytes_held(&self) -> [(usize, usize); 2] {
        self.parts.budgets.taken()
    }

    /// As [`Fetch::fetch`], in this manner.
    pub async fn send(&self, request: &Request, manner: &Manner) -> Vec<Exchange> {
        let place = match Place::parse(&request.url) {
            Ok(place) => place,
            Err(error) => return vec![Exchange::without(None, Timings::default(), error)],
        };
        let (found, begin) = self.resolve(&place, request.timeout).await;
        let dns = if place.host().is_ok() { Default::default() } else { begin.elapsed() };
        let timings = Timings { dns, total: begin.elapsed(), ..Timings::default() };
        let addresses = match found {
            Ok(addresses) => addresses,
            Err(error) => return vec![Exchange::without(None, timings, error)],
        };
        let chosen = match request.addresses {
            Addresses::All => addresses,
            Addresses::Turn(turn) => {
                let count = u64::try_from(addresses.len()).unwrap_or(1).max(1);
                let index = usize::try_from(turn % count).unwrap_or(0);
                addresses.get(index).copied().into_iter().collect()
            }
        };
        if let [address] = chosen.as_slice() {
            return vec![self.exchange((request, manner), place, *address, begin, timings).await];
        }
        let mut tasks = JoinSet::new();
        for address in chosen {
            let (own, request, manner, place) =
                (self.clone(), request.clone(), manner.clone(), place.clone());
            tasks.spawn(
                async move { own.exchange((&request, &manner), place, address, begin, timings).await },
            );
        }
        let mut exchanges: Vec<Exchange> = Vec::new();
        while let Some(exchange) = tasks.join_next().await {
            // One that panicked would be a fault of the fetcher's; the others still say what they say.
            let Ok(mut exchange) = exchange else { continue };
            // Addresses mostly serve the same: it is held once.
            if let Ok(answer) = &mut exchange.result
                && let Some(same) = exchanges
                    .iter()
                    .filter_map(|other| other.result.as_ref().ok())
                    .find(|other| other.body == answer.body)
            {
                answer.body = same.body.clone();
            }
            exchanges.push(exchange);
        }
        exchanges.sort_by_key(|exchange| exchange.address);
        exchanges
    }

    /// One exchange with an address, which is judged here and nowhere resolved again.
    async fn exchange(
        &self,
        (request, manner): (&Request, &Manner),
        place: Place,
        address: IpAddr,
        begin: Instant,
        timings: Timings,
    ) -> Exchange {
        let socket = Some(SocketAddr::new(address, place.port()));
        if let Err(what) = self.parts.guard.check(address) {
            let detail = format!("{address} is {what}; the configuration's [fetch] allow does not have it");
            return Exchange::without(socket, timings, FetchError::new(Reason::AddressForbidden, detail));
        }
        if let Err(error) = self.parts.guard.check_port(place.port()) {
            return Exchange::without(socket, timings, error);
        }
        let waiting = Instant::now();
        let Ok(_slot) = timeout_at(waiting + request.timeout, self.parts.slot(&self.budgets, address)).await
        else {
            let detail =
                "no connection was free: raise [fetch] concurrency, per_operator or per_host".to_owned();
            return Exchange::without(socket, timings, FetchError::new(Reason::Busy, detail));
        };
        // The wait is the fetcher's doing and not the service's.
        let begin = begin + waiting.elapsed();
        let deadline = begin + request.timeout;
        let attempt = Attempt {
            tls: &self.parts.tls,
            identity: self.identity.as_ref(),
            guard: &self.parts.guard,
            reservation: self.budgets.body(),
            request,
            manner,
            address,
            begin,
            deadline,
            timings,
        };
        attempt.run(place).await
    }

    /// The addresses of a host, in order, each once, and when the question of them began.
    async fn resolve(&self, place: &Place, timeout: Duration) -> (Result<Vec<IpAddr>, FetchError>, Instant) {
        let name = match place.host() {
            Ok(address) => return (Ok(vec![address.to_canonical()]), Instant::now()),
            Err(name) => name,
        };
        let turn = timeout_at(Instant::now() + timeout, self.parts.resolver.turn(name)).await;
        let begin = Instant::now();
        let Ok(turn) = turn else {
            let detail =
                format!("{name:?}: too many other names are being looked up, and DNS does not answer");
            return (Err(FetchError::new(Reason::Busy, detail)), begin);
        };
        let answer = async { turn?.await };
        let found = timeout_at(begin + timeout, answer).await;
        (addresses(name, found), begin)
    }
}

/// What DNS answered.
fn addresses(name: &str, found: Result<io::Result<Vec<IpAddr>>, Elapsed>) -> Result<Vec<IpAddr>, FetchError> {
    let failed =
        |why: &dyn std::fmt::Display| FetchError::new(Reason::DnsFailure, format!("{name:?}: {why}"));
    let mut addresses =
        found.map_err(|_| failed(&"DNS did not answer in time"))?.map_err(|error| failed(&error))?;
    addresses.iter_mut().for_each(|address| *address = address.to_canonical());
    addresses.sort_unstable();
    addresses.dedup();
    // A machine without IPv6 says nothing about a service that has it.
    if addresses.iter().any(IpAddr::is_ipv4) {
        addresses.retain(|address| address.is_ipv4() || has_route(*address));
    }
    addresses.truncate(MAX_ADDRESSES);
    if addresses.is_empty() { Err(failed(&"the name has no address")) } else { Ok(addresses) }
}

impl Fetch for Fetcher {
    fn fetch<'a>(&'a self, request: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        Box::pin(async move { self.send(request, &Manner::default()).await })
    }

    fn reserve(&self, bytes: usize) -> Option<Reservation> {
        self.budgets.keep(bytes)
    }

    fn on_behalf_of(&self, name: &str, class: Class) -> Option<Box<dyn Fetch>> {
        Some(Box::new(self.on(name, class)))
    }

    fn showing(&self, identity: &Identity) -> Option<Box<dyn Fetch>> {
        Some(Box::new(Self::showing(self, identity)))
    }
}

impl Parts {
    /// A free connection to an address.
    async fn slot(self: &Arc<Self>, budgets: &Budgets, address: IpAddr) -> Slot {
        let own = budgets.own_connection().await;
        let limit = {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let limit =
                addresses.entry(address).or_insert_with(|| Arc::new(Semaphore::new(self.per_address)));
            AddressLimit { parts: Arc::clone(self), address, semaphore: Some(Arc::clone(limit)) }
        };
        // Never closed.
        let one = match &limit.semaphore {
            Some(semaphore) => Arc::clone(semaphore).acquire_owned().await.ok(),
            None => None,
        };
        Slot { _all: budgets.connection().await, _one: one, _limit: limit, _own: own }
    }
}

/// A connection that may be open. Given back in this order.
struct Slot {
    _all: Option<OwnedSemaphorePermit>,
    _one: Option<OwnedSemaphorePermit>,
    _limit: AddressLimit,
    _own: Connection,
}

/// A share in the limit of an address; the last one takes it off the table.
struct AddressLimit {
    parts: Arc<Parts>,
    address: IpAddr,
    semaphore: Option<Arc<Semaphore>>,
}

impl Drop for AddressLimit {
    fn drop(&mut self) {
        let mut addresses = self.parts.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        self.semaphore = None;
        if addresses.get(&self.address).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            addresses.remove(&self.address);
        }
    }
}

/// Whether this machine has a way to an address at all. Nothing is sent.
fn has_route(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((address, 9))).is_ok()
}
