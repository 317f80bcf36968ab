//! One sync of a back end's stations: a bounded number at once, one request in flight for each, until everything is done
//! that can be done now, or the time is over. Each station's file is written before and after whatever changes it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use ctl_core::Timestamp;

use super::back_end::{self, BackEnd};
use super::http::Failure;
use super::memory::Memory;
use super::message::{self, Request};
use super::plan::{Goal, Step};
use super::rollout::Staging;
use super::station::{Change, Record};
use super::stations::Station;
use crate::error::ClientError;
use crate::files::Files;

/// After so many failures of the back end itself in a row nothing more is asked of it.
const MOST_FAILURES: u32 = 5;

/// What a sync of stations needs.
pub(super) struct Drive<'a> {
    /// The back end.
    pub(super) back_end: BackEnd<'a>,
    /// What is remembered.
    pub(super) memory: &'a Memory,
    /// The file system.
    pub(super) files: &'a dyn Files,
    /// The clock.
    pub(super) now: &'a dyn Fn() -> Timestamp,
    /// How many stations at once.
    pub(super) at_once: usize,
    /// After this nothing more is begun.
    pub(super) time: Duration,
    /// The roll-out, which may pause meanwhile.
    pub(super) staging: &'a Staging,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Driven {
    /// Whether anything was sent that changes a station.
    pub(super) changed: bool,
    /// Stations that were not come to, or not through with.
    pub(super) unfinished: usize,
    /// Why the back end itself takes nothing, if so.
    pub(super) trouble: Option<String>,
}

/// What the workers share.
struct Shared<'a> {
    queue: RefCell<VecDeque<(&'a Station, Goal<'a>)>>,
    driven: RefCell<Driven>,
    failures: Cell<u32>,
    error: RefCell<Option<ClientError>>,
    until: Instant,
}

impl Shared<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
            || self.error.borrow().is_some()
            || self.driven.borrow().trouble.is_some()
    }
}

impl Drive<'_> {
    /// Works through these stations.
    ///
    /// # Errors
    /// [`ClientError::File`]: what cannot be remembered is not sent.
    pub(super) async fn run<'a>(
        &'a self,
        stations: Vec<(&'a Station, Goal<'a>)>,
    ) -> Result<Driven, ClientError> {
        let shared = Shared {
            queue: RefCell::new(stations.into()),
            driven: RefCell::default(),
            failures: Cell::new(0),
            error: RefCell::default(),
            until: Instant::now() + self.time,
        };
        let workers =
            (0..self.at_once).map(|_| Box::pin(self.work(&shared)) as Pin<Box<dyn Future<Output = ()> + '_>>);
        all(workers.collect()).await;
        let Shared { queue, driven, error, .. } = shared;
        if let Some(error) = error.into_inner() {
            return Err(error);
        }
        let mut driven = driven.into_inner();
        driven.unfinished = driven.unfinished.saturating_add(queue.borrow().len());
        Ok(driven)
    }

    async fn work(&self, shared: &Shared<'_>) {
        while !shared.is_over() {
            let Some((station, goal)) = shared.queue.borrow_mut().pop_front() else { return };
            let outcome = match &self.back_end {
                BackEnd::Maeve { .. } => self.tell(station, &goal, shared).await,
                _ => self.station(station, &goal, shared).await,
            };
            if let Err(error) = outcome {
                *shared.error.borrow_mut() = Some(error);
            }
        }
    }

    /// One station, step by step.
    async fn station(
        &self,
        station: &Station,
        goal: &Goal<'_>,
        shared: &Shared<'_>,
    ) -> Result<(), ClientError> {
        let mut record = self.memory.load(&station.id)?.record;
        record.aim(goal.wants.digest());
        loop {
            let step = goal.next(&record, (self.now)()).step;
            let Some(request) = Request::of(&step, goal.roots, station.version) else { return Ok(()) };
            if shared.is_over() {
                let mut driven = shared.driven.borrow_mut();
                driven.unfinished = driven.unfinished.saturating_add(1);
                return Ok(());
            }
            let change = match &step {
                Step::Change(change) => Some(change),
                _ => None,
            };
            if let Some(change) = change {
                record.sending(change, (self.now)());
                self.memory.save(self.files, &record)?;
                shared.driven.borrow_mut().changed = true;
            }
            let answer = self.back_end.ask(station, &request).await;
            self.take(&mut record, change, answer, (station, goal, shared));
            self.memory.save(self.files, &record)?;
            if let Some(Change::Install { .. }) = change {
                self.judge(&record)?;
            }
        }
    }

    /// Pauses the roll-out if this was one refusal too many, which is remembered before anybody else is asked.
    fn judge(&self, record: &Record) -> Result<(), ClientError> {
        let now = (self.now)();
        self.staging.count(record, now);
        match self.staging.judge(now).then(|| self.staging.remembered()).flatten() {
            Some(remembered) => self.memory.save_rollout(self.files, &remembered),
            None => Ok(()),
        }
    }

    /// What an answer, or its absence, changes of what is remembered.
    fn take(
        &self,
        record: &mut Record,
        change: Option<&Change>,
        answer: Result<serde_json::Value, Failure>,
        (station, goal, shared): (&Station, &Goal<'_>, &Shared<'_>),
    ) {
        let now = (self.now)();
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return fail(record, change, failure, shared, now),
        };
        shared.failures.set(0);
        let understood = match change {
            Some(change) => message::reply(&answer, change).map(|reply| record.replied(change, reply, now)),
            None => message::installed(&answer, station.version)
                .map(|entries| record.read(entries, |entry, placed| goal.is_placed(entry, placed), now)),
        };
        if let Err(reason) = understood {
            record.failed(change, true, reason, now);
        }
    }

    /// A station that nobody can ask: the back end is told once what it should be given.
    async fn tell(&self, station: &Station, goal: &Goal<'_>, shared: &Shared<'_>) -> Result<(), ClientError> {
        let BackEnd::Maeve { api } = &self.back_end else { return Ok(()) };
        let mut record = self.memory.load(&station.id)?.record;
        let now = (self.now)();
        if goal.next_blind(&record, now).step != Step::Tell {
            return Ok(());
        }
        let wanted = goal.due_blind(&record, now);
        let changes = wanted.iter().map(|(kind, root)| Change::Install { kind: *kind, root: *root });
        let changes: Vec<Change> = changes.collect();
        for change in &changes {
            record.sending(change, now);
        }
        self.memory.save(self.files, &record)?;
        shared.driven.borrow_mut().changed = true;
        match back_end::maeve(api, station, goal.roots, &wanted).await {
            Ok(()) => {
                shared.failures.set(0);
                changes.iter().for_each(|change| record.handed_over(change));
            }
            Err(failure) => fail(&mut record, None, failure, shared, (self.now)()),
        }
        self.memory.save(self.files, &record)
    }
}

fn fail(record: &mut Record, change: Option<&Change>, failure: Failure, shared: &Shared<'_>, now: Timestamp) {
    match failure {
        Failure::Station { sent, reason } => record.failed(change, sent, reason, now),
        Failure::Refused(reason) => record.refused(change, reason, now),
        Failure::BackEnd { sent, reason } => {
            let failures = shared.failures.get().saturating_add(1);
            shared.failures.set(failures);
            // What the back end itself said no to says nothing of the station.
            if sent {
                record.failed(change, sent, format!("the back end: {reason}"), now);
            }
            if !sent || failures >= MOST_FAILURES {
                shared.driven.borrow_mut().trouble = Some(reason);
            }
        }
    }
}

/// Waits for all of them.
async fn all(mut futures: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
