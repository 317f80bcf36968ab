//! The one writer: check, append, flush, apply, show, answer.
//!
//! It is a thread of its own, since flushing blocks. Statements that wait while it flushes are taken
//! together and share the next flush. They are checked one after the other, each on top of those before
//! it, on a state that nobody else sees; if the flush fails, that state is thrown away.

use std::sync::Arc;

use ctl_core::governance::{State, check};
use ctl_core::statement::{Body, Entry, Statement};
use tokio::sync::{mpsc, oneshot};

use super::error::refusal_of;
use super::{RecordError, Recorded, Shared, Snapshot, differing_key, recorder};

/// At most so many requests are taken before a flush. Those that are refused count: however many come,
/// what was accepted does not wait for them.
const MAX_BATCH: usize = 64;

/// The body of an observation, made from the state at the moment of recording.
type Make = Box<dyn FnOnce(&State) -> Option<Body> + Send>;
type Reply<T> = oneshot::Sender<Result<T, RecordError>>;

/// What the writer is asked for.
pub(super) enum Request {
    /// Record a statement.
    Record { statement: Box<Statement>, reply: Reply<Recorded> },
    /// Record what the server observed.
    Observe { make: Make, reply: Reply<Option<Recorded>> },
    /// Finish what was asked before, and stop.
    Close { reply: oneshot::Sender<()> },
}

/// Who waits for the flush.
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
    /// The state with every entry that was appended, shown or about to be.
    state: State,
}

impl Writer {
    /// Starts the writer's thread. It ends when it is told to close, or nobody can ask it any more.
    pub(super) fn start(shared: Arc<Shared>, requests: mpsc::Receiver<Request>) -> std::io::Result<()> {
        let state = shared.snapshot.load().state.clone();
        let writer = Self { shared, state };
        let thread = std::thread::Builder::new().name("ledger".into());
        thread.spawn(move || writer.run(requests)).map(drop)
    }

    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let mut pending = Pending::default();
            let mut next = Some(first);
            let mut closing = None;
            let mut taken = 0;
            while let Some(request) = next {
                match request {
                    Request::Record { statement, reply } => self.record(*statement, reply, &mut pending),
                    Request::Observe { make, reply } => self.observe(make, reply, &mut pending),
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

    fn record(&mut self, statement: Statement, reply: Reply<Recorded>, pending: &mut Pending) {
        match self.admit(statement, pending) {
            Ok(recorded) => pending.waiting.push(Waiting::Record(recorded, reply)),
            // Who asked may have gone away.
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

    /// A statement signed by the recorder, on the present basis.
    fn observation(&self, make: Make) -> Result<Option<Statement>, RecordError> {
        let now = self.shared.now(self.state.clock())?;
        let Some(body) = make(&self.state.at(now)) else { return Ok(None) };
        recorder::statement(&self.state, &self.shared.keys, now, body).map(Some)
    }

    /// Checks a statement on top of everything before it, and makes it part of the state that nobody
    /// sees yet.
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

    /// Puts what is pending on the disk, shows it to readers, and answers.
    fn commit(&mut self, pending: Pending) {
        let Pending { entries, waiting } = pending;
        if entries.is_empty() {
            return;
        }
        match self.put(&entries) {
            Ok(()) => {
                for waiting in waiting {
                    match waiting {
                        Waiting::Record(recorded, reply) => drop(reply.send(Ok(recorded))),
                        Waiting::Observe(recorded, reply) => drop(reply.send(Ok(Some(recorded)))),
                    }
                }
            }
            Err(why) => {
                self.state = self.shared.snapshot.load().state.clone();
                self.shared.set_read_only(why.clone());
                for waiting in waiting {
                    let error = Err(RecordError::ReadOnly(why.clone()));
                    match waiting {
                        Waiting::Record(_, reply) => drop(reply.send(error)),
                        Waiting::Observe(_, reply) => drop(reply.send(error.map(Some))),
                    }
                }
            }
        }
    }

    fn put(&self, entries: &[Entry]) -> Result<(), String> {
        let stopped = |what: &dyn std::fmt::Display| {
            format!(
                "{what}. What was not acknowledged may or may not be recorded; restart the server once the cause is gone"
            )
        };
        let shared = &self.shared;
        let before = shared.snapshot.load();
        let checkpoint = shared
            .keys
            .sign_checkpoint(self.state.size(), self.state.root())
            .map_err(|error| stopped(&error))?
            .to_string()
            .into_bytes();
        let bytes: Vec<Vec<u8>> = entries.iter().map(|entry| entry.bytes.clone()).collect();
        shared.store.append(before.size(), &bytes, Some(&checkpoint)).map_err(|error| stopped(&error))?;
        if let Some(head) = &shared.head {
            head.write(&checkpoint)
                // Whoever sent the statement is told this, so it says nothing of where that is.
                .map_err(|error| stopped(&format!("the file `checkpoint` cannot be written: {error}")))?;
        }
        let log = before.log.grown(entries.iter().map(|entry| entry.leaf_hash));
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
        Ok(())
    }
}
