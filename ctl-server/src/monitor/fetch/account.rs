//! On whose account something is asked, and what that may take: connections, octets of bodies in memory, octets of
//! what is remembered. All of it is bounded in total and for each operator, so that one operator's services cannot
//! take what others need; and what only an undecided application names has a much smaller purse, of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use ctl_core::names::ParticipantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config;
use crate::monitor::target::Target;

/// What the unlisted have together is so small a part of what the others have, and so is what one of them may take of
/// connections.
const UNLISTED_PART: usize = 8;
/// One operator may take so small a part of the octets.
const OPERATOR_PART: usize = 2;

/// Octets of which so many may be taken.
#[derive(Debug)]
struct Purse {
    limit: usize,
    taken: AtomicUsize,
}

impl Purse {
    const fn new(limit: usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0) }
    }

    fn take(&self, octets: usize) -> bool {
        let more = |taken: usize| taken.checked_add(octets).filter(|sum| *sum <= self.limit);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    fn give_back(&self, octets: usize) {
        self.taken.fetch_sub(octets, Ordering::AcqRel);
    }
}

/// What may be taken, by all together or by one operator.
#[derive(Debug)]
struct Pool {
    connections: Arc<Semaphore>,
    bodies: Purse,
    kept: Purse,
}

impl Pool {
    fn new(connections: usize, bodies: usize, kept: usize) -> Arc<Self> {
        Arc::new(Self {
            connections: Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))),
            bodies: Purse::new(bodies),
            kept: Purse::new(kept),
        })
    }

    const fn bodies(&self) -> &Purse {
        &self.bodies
    }

    const fn kept(&self) -> &Purse {
        &self.kept
    }
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// The operator's services together take more than one operator may.
    Operator,
    /// The services of all operators do.
    Total,
}

/// Octets in memory that are accounted for until this is dropped.
#[derive(Debug, Default)]
pub struct Room {
    account: Option<Charged>,
    octets: usize,
}

/// The purses that octets come from: each of a pool that lives as long as anything of it is taken.
#[derive(Debug)]
struct Charged {
    account: Account,
    purse: fn(&Pool) -> &Purse,
}

impl Room {
    const fn of(account: Account, purse: fn(&Pool) -> &Purse) -> Self {
        Self { account: Some(Charged { account, purse }), octets: 0 }
    }

    /// Takes more, or gives some back, so that it has so many octets.
    ///
    /// # Errors
    /// [`NoRoom`]; it then has as many as before.
    pub fn resize(&mut self, octets: usize) -> Result<(), NoRoom> {
        if let Some(Charged { account, purse }) = &self.account {
            let (own, total) = (purse(&account.own), purse(&account.total));
            if let Some(more) = octets.checked_sub(self.octets) {
                if !own.take(more) {
                    return Err(NoRoom::Operator);
                }
                if !total.take(more) {
                    own.give_back(more);
                    return Err(NoRoom::Total);
                }
            } else {
                let less = self.octets.saturating_sub(octets);
                own.give_back(less);
                total.give_back(less);
            }
        }
        self.octets = octets;
        Ok(())
    }

    /// These octets, which are accounted for as long as anybody holds them.
    pub fn hold(self, octets: Vec<u8>) -> Bytes {
        struct Housed(Vec<u8>, #[allow(dead_code, reason = "given back with the octets")] Room);
        impl AsRef<[u8]> for Housed {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        Bytes::from_owner(Housed(octets, self))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Giving back always works.
        let _ = self.resize(0);
    }
}

/// On whose account something is asked.
#[derive(Clone, Debug)]
pub(super) struct Account {
    total: Arc<Pool>,
    own: Arc<Pool>,
}

impl Account {
    /// One of the operator's connections. To be had first: who waits for it keeps nobody else waiting.
    pub(super) async fn own_connection(&self) -> Connection {
        // Never closed.
        let permit = Arc::clone(&self.own.connections).acquire_owned().await.ok();
        Connection { _permit: permit, _own: Arc::clone(&self.own) }
    }

    /// One of all connections.
    pub(super) async fn connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.total.connections).acquire_owned().await.ok()
    }

    /// Room for a body, none yet.
    pub(super) fn body(&self) -> Room {
        Room::of(self.clone(), Pool::bodies)
    }

    /// Room for what is remembered or kept as evidence.
    pub(super) fn keep(&self, octets: usize) -> Option<Room> {
        let mut room = Room::of(self.clone(), Pool::kept);
        room.resize(octets).is_ok().then_some(room)
    }
}

/// A connection that one operator's services may have; its pool lives as long.
#[derive(Debug)]
pub(super) struct Connection {
    _permit: Option<OwnedSemaphorePermit>,
    _own: Arc<Pool>,
}

/// Everybody's accounts.
#[derive(Debug)]
pub(super) struct Accounts {
    listed: Arc<Pool>,
    unlisted: Arc<Pool>,
    /// What one operator may take, of those that are listed.
    per_operator: usize,
    /// Only operators for whom something is asked or kept.
    operators: Mutex<BTreeMap<(ParticipantId, bool), Weak<Pool>>>,
}

impl Accounts {
    pub(super) fn new(config: &config::Monitor) -> Self {
        let octets = |limit: std::num::NonZeroU64| usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let (connections, bodies, kept) =
            (config.concurrency.get(), octets(config.body_bytes), octets(config.memory_bytes));
        let part = |whole: usize| whole / UNLISTED_PART;
        Self {
            listed: Pool::new(connections, bodies, kept),
            unlisted: Pool::new(part(connections), part(bodies), part(kept)),
            per_operator: config.per_operator.get(),
            operators: Mutex::default(),
        }
    }

    /// For who asks on nobody's account, like the command line.
    pub(super) fn of_nobody(&self) -> Account {
        let (bodies, kept) = (self.listed.bodies.limit, self.listed.kept.limit);
        Account { total: Arc::clone(&self.listed), own: Pool::new(Semaphore::MAX_PERMITS, bodies, kept) }
    }

    pub(super) fn of(&self, target: &Target) -> Account {
        let is_unlisted = target.is_unlisted();
        let total = if is_unlisted { &self.unlisted } else { &self.listed };
        let key = (target.operator.clone(), is_unlisted);
        let mut operators = self.operators.lock().unwrap_or_else(PoisonError::into_inner);
        let own = operators.get(&key).and_then(Weak::upgrade).unwrap_or_else(|| {
            operators.retain(|_, pool| pool.strong_count() > 0);
            let part = if is_unlisted { UNLISTED_PART } else { 1 };
            let (bodies, kept) = (total.bodies.limit / OPERATOR_PART, total.kept.limit / OPERATOR_PART);
            let own = Pool::new(self.per_operator / part, bodies, kept);
            operators.insert(key, Arc::downgrade(&own));
            own
        });
        Account { total: Arc::clone(total), own }
    }

    /// How many octets bodies and what is kept of them take now, and how many they may: of the listed and of the
    /// unlisted.
    pub(super) fn taken(&self) -> [(usize, usize); 2] {
        [&self.listed, &self.unlisted].map(|pool| {
            let both = [pool.bodies(), pool.kept()];
            let taken = both.map(|purse| purse.taken.load(Ordering::Acquire)).iter().sum();
            (
                taken,
                both.map(|purse| purse.limit).iter().fold(0_usize, |sum, limit| sum.saturating_add(*limit)),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_operator_has_so_many_connections_and_an_applicant_an_eighth() {
        use std::future::Future as _;
        use std::task::{Context, Waker};

        use crate::monitor::target::{Kind, Origin};
        let accounts = Accounts::new(&config::Monitor::default());
        let listed = crate::monitor::testing::target("volt", Kind::Crl, "http://crl.example/1");
        let mut applied = (*listed).clone();
        applied.origins = vec![Origin::Application];
        for (target, most) in [(&*listed, 32), (&applied, 4)] {
            let mut held = Vec::new();
            for _ in 0..most {
                // Whichever of its services.
                held.push(accounts.of(target).own_connection().await);
            }
            let account = accounts.of(target);
            let mut next = std::pin::pin!(account.own_connection());
            let mut context = Context::from_waker(Waker::noop());
            assert!(next.as_mut().poll(&mut context).is_pending(), "{most}");
            held.pop();
            assert!(next.as_mut().poll(&mut context).is_ready());
        }
        let mut other = applied.clone();
        other.operator = "other".parse().unwrap();
        let (first, second) = (accounts.of(&applied).keep(16 << 20), accounts.of(&other).keep(16 << 20));
        assert!(first.is_some() && second.is_some());
        assert!(accounts.of(&applied).keep(1).is_none() && accounts.of(&listed).keep(128 << 20).is_some());
    }

    #[test]
    fn what_is_taken_is_bounded_twice_and_given_back() {
        let [total, own, other] = [10, 6, 6].map(|octets| Pool::new(1, octets, 0));
        let room =
            |own: &Arc<Pool>| Room::of(Account { total: total.clone(), own: own.clone() }, Pool::bodies);
        let taken = |pool: &Pool| pool.bodies.taken.load(Ordering::Acquire);
        let (mut first, mut second) = (room(&own), room(&other));
        assert_eq!(first.resize(6), Ok(()));
        assert_eq!(first.resize(7), Err(NoRoom::Operator));
        assert_eq!(second.resize(5), Err(NoRoom::Total));
        assert_eq!(second.resize(4), Ok(()));
        assert_eq!(first.resize(1), Ok(()));
        assert_eq!(taken(&total), 5);
        let held = first.hold(vec![7]);
        let (part, whole) = (held.slice(..1), held);
        drop(whole);
        assert_eq!(taken(&own), 1, "as long as anybody holds any of it");
        drop((part, second));
        assert_eq!([&total, &own, &other].map(|pool| taken(pool)), [0, 0, 0]);
    }
}
