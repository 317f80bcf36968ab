//! On whose account something is asked, and what that may take: connections, bytes of bodies in memory, bytes of
//! what is remembered. All of it is bounded in total and for each operator, so that one operator's services cannot
//! take what others need; and what only an undecided application names has a much smaller purse, of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::options::Options;

/// What the unlisted have together is so small a part of what the others have, and so is what one of them may take of
/// connections.
const UNLISTED_PART: usize = 8;
/// One operator may take so small a part of the bytes.
const OPERATOR_PART: usize = 2;

/// Bytes of which so many may be taken.
#[derive(Debug)]
struct Purse {
    limit: usize,
    taken: AtomicUsize,
}

impl Purse {
    const fn new(limit: usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0) }
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::AcqRel);
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

/// What kind of account something is asked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Of an operator that is on a list.
    Listed,
    /// Of one that only an undecided application names: anyone can apply.
    Unlisted,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// The operator's services together take more than one operator may.
    Operator,
    /// The services of all operators do.
    Total,
}

/// Bytes in memory that are accounted for until this is dropped.
#[derive(Debug, Default)]
pub struct Room {
    account: Option<Charged>,
    bytes: usize,
}

/// The purses that bytes come from: each of a pool that lives as long as anything of it is taken.
#[derive(Debug)]
struct Charged {
    account: Account,
    purse: fn(&Pool) -> &Purse,
}

impl Room {
    const fn of(account: Account, purse: fn(&Pool) -> &Purse) -> Self {
        Self { account: Some(Charged { account, purse }), bytes: 0 }
    }

    /// Takes more, or gives some back, so that it has so many bytes.
    ///
    /// # Errors
    /// [`NoRoom`]; it then has as many as before.
    pub fn resize(&mut self, bytes: usize) -> Result<(), NoRoom> {
        if let Some(Charged { account, purse }) = &self.account {
            let (own, total) = (purse(&account.own), purse(&account.total));
            if let Some(more) = bytes.checked_sub(self.bytes) {
                if !own.take(more) {
                    return Err(NoRoom::Operator);
                }
                if !total.take(more) {
                    own.give_back(more);
                    return Err(NoRoom::Total);
                }
            } else {
                let less = self.bytes.saturating_sub(bytes);
                own.give_back(less);
                total.give_back(less);
            }
        }
        self.bytes = bytes;
        Ok(())
    }

    /// These bytes, which are accounted for as long as anybody holds them.
    pub fn hold(self, bytes: Vec<u8>) -> Bytes {
        struct Housed(Vec<u8>, #[allow(dead_code, reason = "given back with the bytes")] Room);
        impl AsRef<[u8]> for Housed {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        Bytes::from_owner(Housed(bytes, self))
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
    pub(super) fn keep(&self, bytes: usize) -> Option<Room> {
        let mut room = Room::of(self.clone(), Pool::kept);
        room.resize(bytes).is_ok().then_some(room)
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
    /// Connections that one listed account may have.
    per_account: usize,
    /// Only those for whom something is asked or kept.
    accounts: Mutex<BTreeMap<(String, Class), Weak<Pool>>>,
}

impl Accounts {
    pub(super) fn new(options: &Options) -> Self {
        let bytes = |limit: std::num::NonZeroU64| usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let (connections, bodies, kept) =
            (options.concurrency.get(), bytes(options.body_bytes), bytes(options.memory_bytes));
        let part = |whole: usize| whole / UNLISTED_PART;
        Self {
            listed: Pool::new(connections, bodies, kept),
            unlisted: Pool::new(part(connections), part(bodies), part(kept)),
            per_account: options.per_operator.get(),
            accounts: Mutex::default(),
        }
    }

    /// For who asks on nobody's account, like the command line.
    pub(super) fn of_nobody(&self) -> Account {
        let (bodies, kept) = (self.listed.bodies.limit, self.listed.kept.limit);
        Account { total: Arc::clone(&self.listed), own: Pool::new(Semaphore::MAX_PERMITS, bodies, kept) }
    }

    pub(super) fn of(&self, name: &str, class: Class) -> Account {
        let (total, part) = match class {
            Class::Listed => (&self.listed, 1),
            Class::Unlisted => (&self.unlisted, UNLISTED_PART),
        };
        let key = (name.to_owned(), class);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = accounts.get(&key).and_then(Weak::upgrade).unwrap_or_else(|| {
            accounts.retain(|_, pool| pool.strong_count() > 0);
            let (bodies, kept) = (total.bodies.limit / OPERATOR_PART, total.kept.limit / OPERATOR_PART);
            let own = Pool::new(self.per_account / part, bodies, kept);
            accounts.insert(key, Arc::downgrade(&own));
            own
        });
        Account { total: Arc::clone(total), own }
    }

    /// How many bytes bodies and what is kept of them take now, and how many they may: of the listed and of the
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

        let accounts = Accounts::new(&Options::default());
        for (class, most) in [(Class::Listed, 32), (Class::Unlisted, 4)] {
            let mut held = Vec::new();
            for _ in 0..most {
                // Whichever of its services.
                held.push(accounts.of("volt", class).own_connection().await);
            }
            let account = accounts.of("volt", class);
            let mut next = std::pin::pin!(account.own_connection());
            let mut context = Context::from_waker(Waker::noop());
            assert!(next.as_mut().poll(&mut context).is_pending(), "{most}");
            held.pop();
            assert!(next.as_mut().poll(&mut context).is_ready());
        }
        let (first, second) = (
            accounts.of("volt", Class::Unlisted).keep(16 << 20),
            accounts.of("other", Class::Unlisted).keep(16 << 20),
        );
        assert!(first.is_some() && second.is_some());
        assert!(
            accounts.of("volt", Class::Unlisted).keep(1).is_none()
                && accounts.of("volt", Class::Listed).keep(128 << 20).is_some()
        );
    }

    #[test]
    fn what_is_taken_is_bounded_twice_and_given_back() {
        let [total, own, other] = [10, 6, 6].map(|bytes| Pool::new(1, bytes, 0));
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
