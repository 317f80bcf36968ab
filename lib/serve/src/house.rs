//! Who is here: every open connection, what it does, and what is held in memory for it. Both are bounded in
//! all, and who takes most of them makes room first.
//!
//! A full house asks someone to leave for each newcomer: who has said nothing yet; otherwise of the client with the
//! most connections one that is idle, or at last one that is being answered. Memory goes the same way: when all of it
//! is taken, the caller for whom most is held loses a connection. So whoever is alone is answered, however many
//! connections a few others open.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::limits::{Client, Limits};
use crate::problem::Problem;

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
    /// When the last answer ended, in milliseconds since the house was opened.
    idle_since: AtomicU64,
    leave: Notify,
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

/// A connection.
struct Guest {
    client: Client,
    is_proxy: bool,
    notes: Arc<Notes>,
    /// For whom bytes are held, which behind a proxy is not who connected; and how many.
    caller: Client,
    held: usize,
    /// Told to leave, and gone in a moment.
    leaving: bool,
}

#[derive(Default)]
struct Guests {
    next: u64,
    here: HashMap<u64, Guest>,
    held: usize,
}

/// All connections.
#[derive(Clone)]
pub(super) struct House {
    guests: Arc<Mutex<Guests>>,
    seats: Arc<Semaphore>,
    opened: Instant,
    per_client: usize,
    bytes: usize,
}

/// Why somebody does not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// The client has as many connections as it may.
    TooMany,
    /// Everyone who is here has a better claim.
    Full,
}

impl House {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            guests: Arc::default(),
            seats: Arc::new(Semaphore::new(limits.connections.max(1))),
            opened: Instant::now(),
            per_client: limits.connections_per_client,
            bytes: limits.bytes_in_flight,
        }
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a connection a seat; in a full house somebody else's, who is gone when this returns.
    ///
    /// # Errors
    /// [`Turned`]
    pub(super) async fn enter(&self, client: Client, is_proxy: bool) -> Result<Arc<Seat>, Turned> {
        let here = self.guests().count(client);
        if !is_proxy && here >= self.per_client {
            return Err(Turned::TooMany);
        }
        let permit = match self.seats.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                if !self.guests().make_room(client, here) {
                    return Err(Turned::Full);
                }
                self.seats.clone().acquire_owned().await.map_err(|_| Turned::Full)?
            }
        };
        let notes = Arc::new(Notes::default());
        let mut guests = self.guests();
        let number = guests.next;
        guests.next = number.wrapping_add(1);
        let guest = Guest { client, is_proxy, notes: notes.clone(), caller: client, held: 0, leaving: false };
        guests.here.insert(number, guest);
        drop(guests);
        Ok(Arc::new(Seat { house: self.clone(), number, notes, _permit: permit }))
    }
}

impl Guests {
    fn count(&self, client: Client) -> usize {
        self.here.values().filter(|guest| guest.client == client && !guest.leaving).count()
    }

    /// Tells somebody to leave for a client that has `newcomer` connections; false if nobody should.
    fn make_room(&mut self, client: Client, newcomer: usize) -> bool {
        let mut counts = HashMap::<Client, usize>::new();
        for guest in self.here.values().filter(|guest| !guest.leaving) {
            let count = counts.entry(guest.client).or_default();
            *count = count.saturating_add(1);
        }
        let claim = |guest: &Guest| counts.get(&guest.client).copied().unwrap_or(0);
        let goes = |guest: &Guest| match guest.notes.phase() {
            _ if guest.leaving => false,
            Phase::Silent => true,
            // A proxy is many; it keeps what it uses.
            _ if guest.is_proxy && guest.client != client => false,
            Phase::Idle => claim(guest) > newcomer,
            // After this one has left, the newcomer must not be the one who has more.
            Phase::Busy => claim(guest) > newcomer.saturating_add(1),
        };
        // Silent ones first; among the others the client counts before the phase.
        let chosen = self.here.iter().filter(|(_, guest)| goes(guest)).max_by_key(|(number, guest)| {
            let phase = guest.notes.phase();
            let since = guest.notes.idle_since.load(Ordering::Relaxed);
            (phase == Phase::Silent, claim(guest), Reverse(phase), Reverse((since, **number)))
        });
        let Some(number) = chosen.map(|(number, _)| *number) else { return false };
        self.dismiss(number);
        true
    }

    fn dismiss(&mut self, number: u64) {
        if let Some(guest) = self.here.get_mut(&number) {
            guest.leaving = true;
            self.held = self.held.saturating_sub(std::mem::take(&mut guest.held));
            guest.notes.leave.notify_one();
        }
    }

    /// Holds bytes for a connection and a caller; false if there is no room for them.
    fn hold(&mut self, number: u64, caller: Client, bytes: usize, room: usize) -> bool {
        if self.here.get(&number).is_none_or(|guest| guest.leaving) {
            return false;
        }
        while self.held.saturating_add(bytes) > room {
            let mut held = HashMap::<Client, usize>::new();
            for guest in self.here.values().filter(|guest| guest.held > 0) {
                let sum = held.entry(guest.caller).or_default();
                *sum = sum.saturating_add(guest.held);
            }
            let own = held.get(&caller).copied().unwrap_or(0).saturating_add(bytes);
            let most = held.into_iter().filter(|(_, held)| *held > own).max_by_key(|(_, held)| *held);
            let Some((greedy, _)) = most else { return false };
            let of_greedy = self.here.iter().filter(|(_, guest)| guest.caller == greedy);
            let Some(largest) = of_greedy.max_by_key(|(_, guest)| guest.held).map(|(number, _)| *number)
            else {
                return false;
            };
            self.dismiss(largest);
        }
        if let Some(guest) = self.here.get_mut(&number) {
            guest.caller = caller;
            guest.held = guest.held.saturating_add(bytes);
            self.held = self.held.saturating_add(bytes);
        }
        true
    }

    fn release(&mut self, number: u64) {
        if let Some(guest) = self.here.get_mut(&number) {
            self.held = self.held.saturating_sub(std::mem::take(&mut guest.held));
        }
    }
}

/// A connection's seat; free again when it is dropped.
pub(super) struct Seat {
    house: House,
    number: u64,
    notes: Arc<Notes>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    /// Ends when the connection is to be closed for others.
    pub(super) async fn dismissed(&self) {
        self.notes.leave.notified().await;
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
        Answering { seat: self.clone(), caller, holds: AtomicBool::new(false) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut guests = self.house.guests();
        guests.release(self.number);
        guests.here.remove(&self.number);
    }
}

/// A request that is answered, until its answer is handed to the connection.
pub struct Answering {
    seat: Arc<Seat>,
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
        let house = &self.seat.house;
        if house.guests().hold(self.seat.number, self.caller, bytes, house.bytes) {
            self.holds.store(true, Ordering::Relaxed);
            return Ok(());
        }
        Err(Problem::busy("too much is being sent and received at this moment: try again in a moment"))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let Seat { house, number, notes, .. } = &*self.seat;
        let now = u64::try_from(house.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        notes.idle_since.store(now, Ordering::Relaxed);
        notes.busy.store(false, Ordering::Release);
        if self.holds.load(Ordering::Relaxed) {
            house.guests().release(*number);
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

    fn house(connections: usize, bytes: usize) -> House {
        House::new(&Limits {
            connections,
            connections_per_client: 3,
            bytes_in_flight: bytes,
            ..Limits::default()
        })
    }

    /// A connection, and the request that it may be answered.
    struct Here(Arc<Seat>, Option<Answering>);

    impl Here {
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

    async fn enter(house: &House, number: u8) -> Here {
        let entered = house.enter(client(number), false).await;
        Here(entered.map_err(|turned| format!("{turned:?}")).unwrap(), None)
    }

    /// Enters a full house; whoever is asked to leave does, and is told.
    async fn pushes_out(house: &House, number: u8, here: &mut Vec<Here>) -> Result<usize, Turned> {
        let entering = house.enter(client(number), false);
        tokio::pin!(entering);
        let out = tokio::select! {
            biased;
            entered = &mut entering => match entered {
                Ok(_) => panic!("the house is not full"),
                Err(turned) => return Err(turned),
            },
            place = dismissed(here) => place,
        };
        drop(here.remove(out));
        here.push(Here(entering.await?, None));
        Ok(out)
    }

    async fn dismissed(here: &[Here]) -> usize {
        std::future::poll_fn(|context| {
            for (place, Here(seat, _)) in here.iter().enumerate() {
                if std::pin::pin!(seat.dismissed()).poll(context).is_ready() {
                    return std::task::Poll::Ready(place);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    #[tokio::test]
    async fn a_client_has_so_many_connections_and_a_proxy_as_many_as_there_are() {
        let house = house(10, 0);
        let three = [enter(&house, 1).await, enter(&house, 1).await, enter(&house, 1).await];
        assert_eq!(house.enter(client(1), false).await.err(), Some(Turned::TooMany));
        assert!(house.enter(client(2), false).await.is_ok(), "others are not concerned");
        assert!(house.enter(client(1), true).await.is_ok());
        drop(three);
        assert!(house.enter(client(1), false).await.is_ok(), "they count while they are open");
    }

    #[tokio::test]
    async fn who_has_said_nothing_leaves_a_full_house_first() {
        let house = house(4, 0);
        let mut here = Vec::new();
        for number in [1, 1, 2, 3] {
            here.push(enter(&house, number).await);
        }
        // All but the third have said something; the first is being answered.
        here[0].ask();
        here[1].ask_and_take_the_answer();
        here[3].ask_and_take_the_answer();
        assert_eq!(pushes_out(&house, 4, &mut here).await, Ok(2), "the silent one");
        here[3].ask_and_take_the_answer();
        assert_eq!(pushes_out(&house, 5, &mut here).await, Ok(1), "the idle one of who has two");
        here[3].ask_and_take_the_answer();
        assert_eq!(pushes_out(&house, 6, &mut here).await, Ok(1), "who has been idle for longest");
    }

    #[tokio::test]
    async fn who_is_being_answered_leaves_only_for_who_has_less() {
        let house = house(4, 0);
        let mut here = Vec::new();
        for number in [1, 1, 1, 2] {
            here.push(enter(&house, number).await);
        }
        here.iter_mut().for_each(Here::ask);
        assert_eq!(pushes_out(&house, 3, &mut here).await, Ok(0), "three are more than one");
        here[3].ask();
        assert_eq!(pushes_out(&house, 3, &mut here).await, Err(Turned::Full), "two against two");
        assert_eq!(pushes_out(&house, 4, &mut here).await, Ok(0), "two are more than one");
        here[3].ask();
        assert_eq!(pushes_out(&house, 5, &mut here).await, Err(Turned::Full), "all have one");
        here[2].1 = None;
        assert_eq!(pushes_out(&house, 5, &mut here).await, Ok(2), "who is idle leaves for who has none");
    }

    #[tokio::test]
    async fn who_holds_most_memory_makes_room_for_who_holds_little() {
        let house = house(10, 100);
        let mut here = vec![enter(&house, 1).await, enter(&house, 2).await, enter(&house, 3).await];
        here.iter_mut().zip(1..).for_each(|(here, number)| here.ask_for(number));
        let hold = |place: usize, bytes| {
            here[place].1.as_ref().unwrap().hold(bytes).map_err(|problem| problem.status.as_u16())
        };
        hold(0, 70).unwrap();
        hold(1, 30).unwrap();
        assert_eq!(hold(1, 50), Err(503), "nobody holds more than it would then");
        hold(2, 20).unwrap();
        assert_eq!(dismissed(&here).await, 0);
        assert_eq!(hold(0, 1), Err(503), "who was dismissed holds nothing any more");
        hold(2, 40).unwrap();
        assert_eq!(house.guests().held, 90);
        here.clear();
        assert_eq!(house.guests().held, 0, "what was answered is held no longer");
    }
}
