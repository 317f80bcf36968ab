//! The open connections: what each one does, and how many bytes are held in memory for it. The number of connections
//! and the sum of the bytes are bounded.
//!
//! When all connections are taken, a newcomer takes the place of one that has sent nothing yet; otherwise, of the
//! client with the most connections, one that is idle, or at last one that is being answered. Memory is shared out in
//! the same way: when all of it is taken, the caller for whom most is held loses a connection. So a client with one
//! connection is answered, however many connections a few others open.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::limits::Client;
use crate::problem::Problem;
use crate::settings::Http;

/// What a connection does, in the order in which connections are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// No request has come over it.
    Silent,
    /// Between two requests.
    Idle,
    /// A request is answered.
    Busy,
}

/// What each request notes, without a lock.
#[derive(Default)]
struct Notes {
    /// How many requests have come.
    asked: AtomicU64,
    busy: AtomicBool,
    /// When the last answer ended, in milliseconds since the server began to listen.
    idle_since: AtomicU64,
    close: Notify,
}

impl Notes {
    fn phase(&self) -> Phase {
        match (self.busy.load(Ordering::Acquire), self.asked.load(Ordering::Acquire)) {
            (true, _) => Phase::Busy,
            (false, 0) => Phase::Silent,
            (false, _) => Phase::Idle,
        }
    }
}

/// An open connection.
struct Connection {
    client: Client,
    is_proxy: bool,
    notes: Arc<Notes>,
    /// For whom bytes are held (behind a proxy not the client that connected), and how many.
    caller: Client,
    held: usize,
    /// Was told to close, and is gone in a moment.
    closing: bool,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Connection>,
    held: usize,
}

/// All connections.
#[derive(Clone)]
pub(super) struct Connections {
    open: Arc<Mutex<Open>>,
    places: Arc<Semaphore>,
    opened: Instant,
    per_client: usize,
    bytes: usize,
}

/// Why a connection is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAdmitted {
    /// The client has as many connections as it may.
    TooMany,
    /// No open connection may be closed for it.
    Full,
}

impl Connections {
    pub(super) fn new(limits: &Http) -> Self {
        Self {
            open: Arc::default(),
            places: Arc::new(Semaphore::new(limits.connections.max(1))),
            opened: Instant::now(),
            per_client: limits.connections_per_client,
            bytes: limits.bytes_in_flight,
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection. If all places are taken, another connection is closed first, and gone when this returns.
    ///
    /// # Errors
    /// [`NotAdmitted`]
    pub(super) async fn admit(&self, client: Client, is_proxy: bool) -> Result<Arc<Place>, NotAdmitted> {
        let here = self.open().count(client);
        if !is_proxy && here >= self.per_client {
            return Err(NotAdmitted::TooMany);
        }
        let permit = match self.places.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                if !self.open().make_room(client, here) {
                    return Err(NotAdmitted::Full);
                }
                self.places.clone().acquire_owned().await.map_err(|_| NotAdmitted::Full)?
            }
        };
        let notes = Arc::new(Notes::default());
        let mut open = self.open();
        let number = open.next;
        open.next = number.wrapping_add(1);
        let connection =
            Connection { client, is_proxy, notes: notes.clone(), caller: client, held: 0, closing: false };
        open.connections.insert(number, connection);
        drop(open);
        Ok(Arc::new(Place { connections: self.clone(), number, notes, _permit: permit }))
    }
}

impl Open {
    fn count(&self, client: Client) -> usize {
        self.connections
            .values()
            .filter(|connection| connection.client == client && !connection.closing)
            .count()
    }

    /// Closes a connection in favour of a client that has `newcomer` connections; false if none may be closed.
    fn make_room(&mut self, client: Client, newcomer: usize) -> bool {
        let mut counts = HashMap::<Client, usize>::new();
        for connection in self.connections.values().filter(|connection| !connection.closing) {
            let count = counts.entry(connection.client).or_default();
            *count = count.saturating_add(1);
        }
        let claim = |connection: &Connection| counts.get(&connection.client).copied().unwrap_or(0);
        let goes = |connection: &Connection| match connection.notes.phase() {
            _ if connection.closing => false,
            Phase::Silent => true,
            // A proxy is many; it keeps what it uses.
            _ if connection.is_proxy && connection.client != client => false,
            Phase::Idle => claim(connection) > newcomer,
            // After this one is closed, the newcomer must not be the client with more connections.
            Phase::Busy => claim(connection) > newcomer.saturating_add(1),
        };
        // Silent ones first; among the others the client counts before the phase.
        let chosen = self.connections.iter().filter(|(_, connection)| goes(connection)).max_by_key(
            |(number, connection)| {
                let phase = connection.notes.phase();
                let since = connection.notes.idle_since.load(Ordering::Relaxed);
                (phase == Phase::Silent, claim(connection), Reverse(phase), Reverse((since, **number)))
            },
        );
        let Some(number) = chosen.map(|(number, _)| *number) else { return false };
        self.close(number);
        true
    }

    fn close(&mut self, number: u64) {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.closing = true;
            self.held = self.held.saturating_sub(std::mem::take(&mut connection.held));
            connection.notes.close.notify_one();
        }
    }

    /// Holds bytes for a connection and a caller; false if there is no room for them.
    fn hold(&mut self, number: u64, caller: Client, bytes: usize, room: usize) -> bool {
        if self.connections.get(&number).is_none_or(|connection| connection.closing) {
            return false;
        }
        while self.held.saturating_add(bytes) > room {
            let mut held = HashMap::<Client, usize>::new();
            for connection in self.connections.values().filter(|connection| connection.held > 0) {
                let sum = held.entry(connection.caller).or_default();
                *sum = sum.saturating_add(connection.held);
            }
            let own = held.get(&caller).copied().unwrap_or(0).saturating_add(bytes);
            let most = held.into_iter().filter(|(_, held)| *held > own).max_by_key(|(_, held)| *held);
            let Some((greedy, _)) = most else { return false };
            let of_greedy = self.connections.iter().filter(|(_, connection)| connection.caller == greedy);
            let Some(largest) =
                of_greedy.max_by_key(|(_, connection)| connection.held).map(|(number, _)| *number)
            else {
                return false;
            };
            self.close(largest);
        }
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.caller = caller;
            connection.held = connection.held.saturating_add(bytes);
            self.held = self.held.saturating_add(bytes);
        }
        true
    }

    fn release(&mut self, number: u64) {
        if let Some(connection) = self.connections.get_mut(&number) {
            self.held = self.held.saturating_sub(std::mem::take(&mut connection.held));
        }
    }
}

/// The place of an open connection; free again when it is dropped.
pub(super) struct Place {
    connections: Connections,
    number: u64,
    notes: Arc<Notes>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Ends when the connection is to be closed for others.
    pub(super) async fn closed(&self) {
        self.notes.close.notified().await;
    }

    /// How many requests have come over it.
    pub(super) fn asked(&self) -> u64 {
        self.notes.asked.load(Ordering::Acquire)
    }

    /// Whether one of them is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.notes.busy.load(Ordering::Acquire)
    }

    /// Begins to answer a request of this caller.
    pub(super) fn answering(self: &Arc<Self>, caller: Client) -> Answering {
        self.notes.asked.fetch_add(1, Ordering::AcqRel);
        self.notes.busy.store(true, Ordering::Release);
        Answering { place: self.clone(), caller, holds: AtomicBool::new(false) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.release(self.number);
        open.connections.remove(&self.number);
    }
}

/// A request that is answered, until its answer is handed to the connection.
pub struct Answering {
    place: Arc<Place>,
    caller: Client,
    holds: AtomicBool,
}

impl Answering {
    /// Who asks.
    #[must_use]
    pub const fn caller(&self) -> Client {
        self.caller
    }

    /// Notes bytes that are in memory (or, of an upload, on the disk) for this request, until it is answered.
    ///
    /// # Errors
    /// 503 if there is no room for them.
    pub fn hold(&self, bytes: usize) -> Result<(), Problem> {
        let connections = &self.place.connections;
        if connections.open().hold(self.place.number, self.caller, bytes, connections.bytes) {
            self.holds.store(true, Ordering::Relaxed);
            return Ok(());
        }
        Err(Problem::busy("too much is being sent and received at this moment: try again in a moment"))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let Place { connections, number, notes, .. } = &*self.place;
        let now = u64::try_from(connections.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        notes.idle_since.store(now, Ordering::Relaxed);
        notes.busy.store(false, Ordering::Release);
        if self.holds.load(Ordering::Relaxed) {
            connections.open().release(*number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn client(number: u8) -> Client {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)).into()
    }

    fn connections(connections: usize, bytes: usize) -> Connections {
        Connections::new(&Http {
            connections,
            connections_per_client: 3,
            bytes_in_flight: bytes,
            ..Http::default()
        })
    }

    /// A connection, and the request that it may be answered.
    struct Peer(Arc<Place>, Option<Answering>);

    impl Peer {
        fn ask(&mut self) {
            self.ask_for(0);
        }

        fn ask_for(&mut self, number: u8) {
            self.1 = Some(self.0.answering(client(number)));
        }

        fn ask_and_take_the_answer(&mut self) {
            self.ask();
            self.1 = None;
        }
    }

    async fn enter(connections: &Connections, number: u8) -> Peer {
        let entered = connections.admit(client(number), false).await;
        Peer(entered.map_err(|why| format!("{why:?}")).unwrap(), None)
    }

    /// Asks for a connection when all are taken; which of the others was closed for it.
    async fn pushes_out(
        connections: &Connections,
        number: u8,
        here: &mut Vec<Peer>,
    ) -> Result<usize, NotAdmitted> {
        let entering = connections.admit(client(number), false);
        tokio::pin!(entering);
        let out = tokio::select! {
            biased;
            entered = &mut entering => match entered {
                Ok(_) => panic!("not all connections are taken"),
                Err(why) => return Err(why),
            },
            index = closed(here) => index,
        };
        drop(here.remove(out));
        here.push(Peer(entering.await?, None));
        Ok(out)
    }

    async fn closed(here: &[Peer]) -> usize {
        std::future::poll_fn(|context| {
            for (index, Peer(place, _)) in here.iter().enumerate() {
                if std::pin::pin!(place.closed()).poll(context).is_ready() {
                    return std::task::Poll::Ready(index);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    #[tokio::test]
    async fn a_client_has_so_many_connections_and_a_proxy_as_many_as_there_are() {
        let connections = connections(10, 0);
        let three =
            [enter(&connections, 1).await, enter(&connections, 1).await, enter(&connections, 1).await];
        assert_eq!(connections.admit(client(1), false).await.err(), Some(NotAdmitted::TooMany));
        assert!(connections.admit(client(2), false).await.is_ok(), "others are not concerned");
        assert!(connections.admit(client(1), true).await.is_ok());
        drop(three);
        assert!(connections.admit(client(1), false).await.is_ok(), "they count while they are open");
    }

    #[tokio::test]
    async fn a_connection_that_has_sent_nothing_is_closed_first() {
        let connections = connections(4, 0);
        let mut here = Vec::new();
        for number in [1, 1, 2, 3] {
            here.push(enter(&connections, number).await);
        }
        // All but the third have said something; the first is being answered.
        here[0].ask();
        here[1].ask_and_take_the_answer();
        here[3].ask_and_take_the_answer();
        assert_eq!(pushes_out(&connections, 4, &mut here).await, Ok(2), "the silent one");
        here[3].ask_and_take_the_answer();
        assert_eq!(pushes_out(&connections, 5, &mut here).await, Ok(1), "the idle one of who has two");
        here[3].ask_and_take_the_answer();
        assert_eq!(pushes_out(&connections, 6, &mut here).await, Ok(1), "who has been idle for longest");
    }

    #[tokio::test]
    async fn a_connection_that_is_answered_is_closed_only_for_who_has_fewer() {
        let connections = connections(4, 0);
        let mut here = Vec::new();
        for number in [1, 1, 1, 2] {
            here.push(enter(&connections, number).await);
        }
        here.iter_mut().for_each(Peer::ask);
        assert_eq!(pushes_out(&connections, 3, &mut here).await, Ok(0), "three are more than one");
        here[3].ask();
        assert_eq!(pushes_out(&connections, 3, &mut here).await, Err(NotAdmitted::Full), "two against two");
        assert_eq!(pushes_out(&connections, 4, &mut here).await, Ok(0), "two are more than one");
        here[3].ask();
        assert_eq!(pushes_out(&connections, 5, &mut here).await, Err(NotAdmitted::Full), "all have one");
        here[2].1 = None;
        assert_eq!(
            pushes_out(&connections, 5, &mut here).await,
            Ok(2),
            "who is idle leaves for who has none"
        );
    }

    #[tokio::test]
    async fn who_holds_most_memory_makes_room_for_who_holds_little() {
        let connections = connections(10, 100);
        let mut here =
            vec![enter(&connections, 1).await, enter(&connections, 2).await, enter(&connections, 3).await];
        here.iter_mut().zip(1..).for_each(|(here, number)| here.ask_for(number));
        let hold = |place: usize, bytes| {
            here[place].1.as_ref().unwrap().hold(bytes).map_err(|problem| problem.status.as_u16())
        };
        hold(0, 70).unwrap();
        hold(1, 30).unwrap();
        assert_eq!(hold(1, 50), Err(503), "nobody holds more than it would then");
        hold(2, 20).unwrap();
        assert_eq!(closed(&here).await, 0);
        assert_eq!(hold(0, 1), Err(503), "who was closed holds nothing any more");
        hold(2, 40).unwrap();
        assert_eq!(connections.open().held, 90);
        here.clear();
        assert_eq!(connections.open().held, 0, "what was answered is held no longer");
    }
}
