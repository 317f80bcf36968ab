//! The one writer: checks, appends, flushes, applies, publishes and answers.
//!
//! It has a thread of its own, because flushing blocks. Statements that arrive during a flush share the next one. They
//! are checked one after the other, each on top of those before it, on a state that nobody else sees.
//!
//! If the storage fails, nothing is recorded until the writer has [recovered](mend) it; readers see what they saw
//! before.

use std::sync::Arc;

use ctl_governance::statement::{Body, Entry, Statement};
use ctl_governance::{State, check};
use tokio::sync::{mpsc, oneshot};

use super::error::refusal_of;
use super::mend::{self, Failure, Mended, Trouble, Unsettled};
use super::{RecordError, Recorded, Shared, Snapshot, differing_key, recorder};

/// How many requests are taken before a flush. Refused ones count too, so accepted ones never wait for many refusals.
const MAX_BATCH: usize = 64;

/// The body of an observation, made from the state at the moment of recording.
type Make = Box<dyn FnOnce(&State) -> Option<Body> + Send>;
type Reply<T> = oneshot::Sender<Result<T, RecordError>>;

/// A request to the writer.
pub(super) enum Request {
    /// Record a statement.
    Record { statement: Box<Statement>, reply: Reply<Recorded> },
    /// Record what the server observed.
    Observe { make: Make, reply: Reply<Option<Recorded>> },
    /// Recover the store, which failed to store a value.
    Mend { why: String },
    /// Finish earlier requests, then stop.
    Close { reply: oneshot::Sender<()> },
}

/// A caller that waits for the flush.
enum Waiting {
    Record(Recorded, Reply<Recorded>),
    Observe(Recorded, Reply<Option<Recorded>>),
}

/// Statements that share a flush.
#[derive(Default)]
struct Pending {
    entries: Vec<Entry>,
    waiting: Vec<Waiting>,
}

/// The writer.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// The state including every appended entry, published or not.
    state: State,
    /// Set while the storage has failed.
    trouble: Option<Trouble>,
}

impl Writer {
    /// Starts the writer's thread. It ends when told to close, or when no handle is left.
    pub(super) fn start(shared: Arc<Shared>, requests: mpsc::Receiver<Request>) -> std::io::Result<()> {
        let state = shared.snapshot.load().state.clone();
        let writer = Self { shared, state, trouble: None };
        let thread = std::thread::Builder::new().name("ledger".into());
        thread.spawn(move || writer.run(requests)).map(drop)
    }

    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = self.next(&mut requests) {
            let mut pending = Pending::default();
            let mut next = Some(first);
            let mut closing = None;
            let mut taken = 0;
            while let Some(request) = next {
                match request {
                    Request::Record { statement, reply } => self.record(*statement, reply, &mut pending),
                    Request::Observe { make, reply } => self.observe(make, reply, &mut pending),
                    Request::Mend { why } => {
                        if self.trouble.is_none() {
                            self.trouble = Some(Trouble::begins(&self.shared, why, true, None));
                        }
                    }
                    Request::Close { reply } => {
                        closing = Some(reply);
                        break;
                    }
                }
                taken += 1;
                next = if taken < MAX_BATCH { requests.try_recv().ok() } else { None };
            }
            self.commit(pending);
            if let Some(reply) = closing {
                requests.close();
                drop(self);
                let _ = reply.send(());
                return;
            }
        }
    }

    /// The next request; recovers the storage first and meanwhile.
    fn next(&mut self, requests: &mut mpsc::Receiver<Request>) -> Option<Request> {
        loop {
            if self.trouble.as_ref().is_some_and(Trouble::is_due) {
                self.mend();
            }
            if self.trouble.is_none() {
                return requests.blocking_recv();
            }
            match requests.try_recv() {
                Ok(request) => return Some(request),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => std::thread::sleep(mend::LOOK),
            }
        }
    }

    fn mend(&mut self) {
        let Some(trouble) = self.trouble.take() else { return };
        match trouble.mend(&self.shared) {
            Mended::Whole(recorded) => {
                if let Some(unsettled) = recorded {
                    let Unsettled { entries, state, checkpoint } = *unsettled;
                    self.state = state;
                    self.show(&entries, checkpoint);
                }
                self.shared.set_trouble(None);
                tracing::info!("the ledger's storage works again");
            }
            Mended::Later(trouble) => self.trouble = Some(*trouble),
            Mended::Never(why) => {
                self.shared.set_read_only(why);
                self.shared.set_trouble(None);
            }
        }
    }

    fn record(&mut self, statement: Statement, reply: Reply<Recorded>, pending: &mut Pending) {
        match self.admit(statement, pending) {
            Ok(recorded) => pending.waiting.push(Waiting::Record(recorded, reply)),
            // The caller may be gone.
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn observe(&mut self, make: Make, reply: Reply<Option<Recorded>>, pending: &mut Pending) {
        let statement = match self.observation(make) {
            Ok(Some(statement)) => statement,
            Ok(None) => return drop(reply.send(Ok(None))),
            Err(error) => return drop(reply.send(Err(error))),
        };
        match self.admit(statement, pending) {
            Ok(recorded) => pending.waiting.push(Waiting::Observe(recorded, reply)),
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// The observation as a statement of the recorder, on the present state.
    fn observation(&self, make: Make) -> Result<Option<Statement>, RecordError> {
        let now = self.shared.now(self.state.clock())?;
        // With the clock of this moment, even if nothing has happened since the last entry.
        let mut present = self.state.clone();
        present.advance(now);
        let Some(body) = make(&present) else { return Ok(None) };
        recorder::statement(&self.state, &self.shared.keys.recorder, now, body).map(Some)
    }

    /// Checks a statement on top of everything before it, and applies it to the unpublished state.
    fn admit(&mut self, statement: Statement, pending: &mut Pending) -> Result<Recorded, RecordError> {
        if let Some(why) = self.shared.read_only() {
            return Err(RecordError::ReadOnly(why));
        }
        let recorded_at = self.shared.now(self.state.clock())?;
        check(&self.state, &statement, recorded_at)?;
        let entry = Entry::new(recorded_at, statement).map_err(|error| refusal_of(&error))?;
        let recorded = Recorded {
            index: self.state.size(),
            leaf_hash: entry.leaf_hash,
            recorded_at,
            statement: entry.statement.id,
        };
        self.state.apply(&entry);
        pending.entries.push(entry);
        Ok(recorded)
    }

    /// Writes what is pending to the disk, publishes it, and answers.
    fn commit(&mut self, pending: Pending) {
        let Pending { entries, waiting } = pending;
        if entries.is_empty() {
            return;
        }
        match self.put(entries) {
            Ok(()) => {
                for waiting in waiting {
                    match waiting {
                        Waiting::Record(recorded, reply) => drop(reply.send(Ok(recorded))),
                        Waiting::Observe(recorded, reply) => drop(reply.send(Ok(Some(recorded)))),
                    }
                }
            }
            Err(error) => {
                for waiting in waiting {
                    match waiting {
                        Waiting::Record(_, reply) => drop(reply.send(Err(error.clone()))),
                        Waiting::Observe(_, reply) => drop(reply.send(Err(error.clone()))),
                    }
                }
            }
        }
    }

    fn put(&mut self, entries: Vec<Entry>) -> Result<(), RecordError> {
        let shared = Arc::clone(&self.shared);
        let before = shared.snapshot.load();
        let signed = shared.keys.sign_for(&self.state, self.state.size(), self.state.root());
        let checkpoint = match signed {
            Ok(checkpoint) => checkpoint.to_string().into_bytes(),
            Err(error) => {
                self.state = before.state.clone();
                return Err(RecordError::ReadOnly(error.to_string()));
            }
        };
        let bytes: Vec<Vec<u8>> = entries.iter().map(|entry| entry.bytes.clone()).collect();
        let appended = shared.store.append(before.size(), &bytes, Some(&checkpoint));
        let reopen = appended.is_err();
        let stored = appended.map_err(Failure::Store).and_then(|()| mend::write_head(&shared, &checkpoint));
        let Err(failure) = stored else {
            self.show(&entries, checkpoint);
            return Ok(());
        };
        let why = failure.to_string();
        let state = std::mem::replace(&mut self.state, before.state.clone());
        if failure.passes() {
            let unsettled = Box::new(Unsettled { entries, state, checkpoint });
            self.trouble = Some(Trouble::begins(&shared, why.clone(), reopen, Some(unsettled)));
        } else {
            shared.set_read_only(format!("{why}. Repair the disk and restart the server"));
        }
        Err(RecordError::Unknown(why))
    }

    /// Publishes entries that are on the disk.
    fn show(&self, entries: &[Entry], checkpoint: Vec<u8>) {
        let shared = &self.shared;
        let log = shared.snapshot.load().log.grown(entries.iter().map(|entry| entry.leaf_hash));
        let size = log.size();
        shared.snapshot.store(Arc::new(Snapshot {
            state: self.state.clone(),
            log,
            checkpoint: checkpoint.into(),
        }));
        shared.changes.send_replace(size);
        if let Some(key) = differing_key(&self.state.charter.server, &shared.keys.public()) {
            shared.set_read_only(format!(
                "the charter now names another {key}: restart the server with the keys that it names"
            ));
        }
    }
}
