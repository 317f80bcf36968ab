//! What requests may use: connections, bytes of bodies in memory, bytes of what is remembered. Each is bounded in total
//! and for each operator, so that one operator's services cannot take what others need. What only an undecided
//! application names has a much smaller budget, of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::options::Options;

/// The budget of all unlisted operators is this part of the listed ones' budget; one unlisted operator may have this
/// part of the connections that a listed one may have.
const UNLISTED_PART: usize = 8;
/// One operator may take this part of the bytes.
const OPERATOR_PART: usize = 2;

/// A limited number of bytes, and how many of them are taken.
#[derive(Debug)]
struct Quota {
    limit: usize,
    taken: AtomicUsize,
}

impl Quota {
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

/// What may be used, by all operators together or by one.
#[derive(Debug)]
struct Budget {
    connections: Arc<Semaphore>,
    bodies: Quota,
    kept: Quota,
}

impl Budget {
    fn new(connections: usize, bodies: usize, kept: usize) -> Arc<Self> {
        Arc::new(Self {
            connections: Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS))),
            bodies: Quota::new(bodies),
            kept: Quota::new(kept),
        })
    }

    const fn bodies(&self) -> &Quota {
        &self.bodies
    }

    const fn kept(&self) -> &Quota {
        &self.kept
    }
}

/// Which kind of operator a request is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// An operator that is on a list.
    Listed,
    /// One that only an undecided application names: anyone can apply.
    Unlisted,
}

/// Which budget has no bytes left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverBudget {
    /// The operator's: its services together would take more than one operator may.
    Operator,
    /// The one that all operators share.
    Total,
}

/// Bytes in memory that count against budgets until this is dropped.
#[derive(Debug, Default)]
pub struct Reservation {
    budgets: Option<Charged>,
    bytes: usize,
}

/// The quotas that bytes count against. Their budgets live as long as any of it is taken.
#[derive(Debug)]
struct Charged {
    budgets: Budgets,
    quota: fn(&Budget) -> &Quota,
}

impl Reservation {
    const fn of(budgets: Budgets, quota: fn(&Budget) -> &Quota) -> Self {
        Self { budgets: Some(Charged { budgets, quota }), bytes: 0 }
    }

    /// Takes more bytes or gives some back, so that `bytes` are reserved.
    ///
    /// # Errors
    /// [`OverBudget`]; it then keeps as many as before.
    pub fn resize(&mut self, bytes: usize) -> Result<(), OverBudget> {
        if let Some(Charged { budgets, quota }) = &self.budgets {
            let (own, total) = (quota(&budgets.own), quota(&budgets.total));
            if let Some(more) = bytes.checked_sub(self.bytes) {
                if !own.take(more) {
                    return Err(OverBudget::Operator);
                }
                if !total.take(more) {
                    own.give_back(more);
                    return Err(OverBudget::Total);
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

    /// Turns bytes into [`Bytes`] that count against the budgets as long as anybody holds them.
    pub fn hold(self, bytes: Vec<u8>) -> Bytes {
        struct Reserved(Vec<u8>, #[allow(dead_code, reason = "given back with the bytes")] Reservation);
        impl AsRef<[u8]> for Reserved {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        Bytes::from_owner(Reserved(bytes, self))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // Giving back always works.
        let _ = self.resize(0);
    }
}

/// The budgets that a request counts against.
#[derive(Clone, Debug)]
pub(super) struct Budgets {
    total: Arc<Budget>,
    own: Arc<Budget>,
}

impl Budgets {
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

    /// A reservation for a body, of no bytes yet.
    pub(super) fn body(&self) -> Reservation {
        Reservation::of(self.clone(), Budget::bodies)
    }

    /// Reserves bytes for what is remembered or kept as evidence; none if they are not to be had.
    pub(super) fn keep(&self, bytes: usize) -> Option<Reservation> {
        let mut reservation = Reservation::of(self.clone(), Budget::kept);
        reservation.resize(bytes).is_ok().then_some(reservation)
    }
}

/// A connection that one operator's services may have; its budget lives as long.
#[derive(Debug)]
pub(super) struct Connection {
    _permit: Option<OwnedSemaphorePermit>,
    _own: Arc<Budget>,
}

/// The budgets of all operators.
#[derive(Debug)]
pub(super) struct AllBudgets {
    listed: Arc<Budget>,
    unlisted: Arc<Budget>,
    /// Connections that one listed operator may have.
    per_operator: usize,
    /// Only of those for whom something is asked or kept.
    own: Mutex<BTreeMap<(String, Class), Weak<Budget>>>,
}

impl AllBudgets {
    pub(super) fn new(options: &Options) -> Self {
        let bytes = |limit: std::num::NonZeroU64| usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let (connections, bodies, kept) =
            (options.concurrency.get(), bytes(options.body_bytes), bytes(options.memory_bytes));
        let part = |whole: usize| whole / UNLISTED_PART;
        Self {
            listed: Budget::new(connections, bodies, kept),
            unlisted: Budget::new(part(connections), part(bodies), part(kept)),
            per_operator: options.per_operator.get(),
            own: Mutex::default(),
        }
    }

    /// For requests on behalf of no operator, like the command line's.
    pub(super) fn of_nobody(&self) -> Budgets {
        let (bodies, kept) = (self.listed.bodies.limit, self.listed.kept.limit);
        Budgets { total: Arc::clone(&self.listed), own: Budget::new(Semaphore::MAX_PERMITS, bodies, kept) }
    }

    pub(super) fn of(&self, name: &str, class: Class) -> Budgets {
        let (total, part) = match class {
            Class::Listed => (&self.listed, 1),
            Class::Unlisted => (&self.unlisted, UNLISTED_PART),
        };
        let key = (name.to_owned(), class);
        let mut known = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = known.get(&key).and_then(Weak::upgrade).unwrap_or_else(|| {
            known.retain(|_, budget| budget.strong_count() > 0);
            let (bodies, kept) = (total.bodies.limit / OPERATOR_PART, total.kept.limit / OPERATOR_PART);
            let own = Budget::new(self.per_operator / part, bodies, kept);
            known.insert(key, Arc::downgrade(&own));
            own
        });
        Budgets { total: Arc::clone(total), own }
    }

    /// How many bytes bodies and what is kept of them take now, and how many they may: of the listed and of the
    /// unlisted.
    pub(super) fn taken(&self) -> [(usize, usize); 2] {
        [&self.listed, &self.unlisted].map(|budget| {
            let both = [budget.bodies(), budget.kept()];
            let taken = both.map(|quota| quota.taken.load(Ordering::Acquire)).iter().sum();
            (
                taken,
                both.map(|quota| quota.limit).iter().fold(0_usize, |sum, limit| sum.saturating_add(*limit)),
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

        let all = AllBudgets::new(&Options::default());
        for (class, most) in [(Class::Listed, 32), (Class::Unlisted, 4)] {
            let mut held = Vec::new();
            for _ in 0..most {
                // Whichever of its services.
                held.push(all.of("volt", class).own_connection().await);
            }
            let budgets = all.of("volt", class);
            let mut next = std::pin::pin!(budgets.own_connection());
            let mut context = Context::from_waker(Waker::noop());
            assert!(next.as_mut().poll(&mut context).is_pending(), "{most}");
            held.pop();
            assert!(next.as_mut().poll(&mut context).is_ready());
        }
        let (first, second) =
            (all.of("volt", Class::Unlisted).keep(16 << 20), all.of("other", Class::Unlisted).keep(16 << 20));
        assert!(first.is_some() && second.is_some());
        assert!(
            all.of("volt", Class::Unlisted).keep(1).is_none()
                && all.of("volt", Class::Listed).keep(128 << 20).is_some()
        );
    }

    #[test]
    fn what_is_taken_is_bounded_twice_and_given_back() {
        let [total, own, other] = [10, 6, 6].map(|bytes| Budget::new(1, bytes, 0));
        let reserve = |own: &Arc<Budget>| {
            Reservation::of(Budgets { total: total.clone(), own: own.clone() }, Budget::bodies)
        };
        let taken = |budget: &Budget| budget.bodies.taken.load(Ordering::Acquire);
        let (mut first, mut second) = (reserve(&own), reserve(&other));
        assert_eq!(first.resize(6), Ok(()));
        assert_eq!(first.resize(7), Err(OverBudget::Operator));
        assert_eq!(second.resize(5), Err(OverBudget::Total));
        assert_eq!(second.resize(4), Ok(()));
        assert_eq!(first.resize(1), Ok(()));
        assert_eq!(taken(&total), 5);
        let held = first.hold(vec![7]);
        let (part, whole) = (held.slice(..1), held);
        drop(whole);
        assert_eq!(taken(&own), 1, "as long as anybody holds any of it");
        drop((part, second));
        assert_eq!([&total, &own, &other].map(|budget| taken(budget)), [0, 0, 0]);
    }
}
