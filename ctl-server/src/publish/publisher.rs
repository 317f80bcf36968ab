//! The publishing task: follows the ledger and the clock, opens drafts that are due, records completed ceremonies, and
//! keeps the site up to date.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ctl_core::names::ListId;
use ctl_core::role::Role;
use ctl_governance::draft;
use ctl_host::supervisor::Supervisor;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;

use super::PublishError;
use super::ceremony::Ceremonies;
use super::disk;
use super::interop::{Answers, Question};
use super::maker::EditionMaker;
pub use super::maker::Status;
use super::site::SharedSite;
use crate::ledger::Ledger;
use crate::pool::{self, Keeper, SharedPool};

/// How the publisher works.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory; the static tree is its `public/`.
    pub data: PathBuf,
    /// How long the ledger must be quiet before a draft is opened, so that one draft takes in everything that belongs
    /// together.
    pub settle: Duration,
    /// To how many earlier versions of a document differences are served.
    pub differences: usize,
    /// Which lists feed the root pool.
    pub pool: Arc<pool::Config>,
    /// How often the clock is checked.
    pub tick: Duration,
    /// How long a caller waits for its entry to be served.
    pub patience: Duration,
    /// Computes who can charge where, which is slow; only tests replace it.
    pub answer: fn(&Question) -> Option<Answers>,
}

impl Config {
    /// The defaults for a data directory.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            settle: Duration::from_secs(5),
            differences: 4,
            pool: Arc::default(),
            tick: Duration::from_secs(1),
            patience: Duration::from_secs(5),
            answer: Question::answer,
        }
    }
}

/// A draft is opened after at most this many times [`Config::settle`], even if the ledger is not quiet.
const LONGEST_SETTLE: u32 = 12;
/// How often the bytes on the disk are counted and the time is noted.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// A handle on the publisher. Clones are cheap.
#[derive(Clone)]
pub struct Publisher {
    site: SharedSite,
    pool: SharedPool,
    pooled: Arc<pool::Config>,
    ceremonies: Arc<Ceremonies>,
    status: watch::Receiver<Status>,
    wake: Arc<Notify>,
    patience: Duration,
}

/// Stops the publisher.
pub struct Running {
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Running {
    /// Has the supervisor watch the task.
    #[must_use]
    pub fn supervised(self, supervisor: &Supervisor) -> Self {
        Self { task: supervisor.watch("the publisher", self.task), ..self }
    }

    /// Finishes what is being published, then stops.
    pub async fn stop(self) {
        self.stop.notify_one();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the publisher failed");
        }
    }
}

impl Publisher {
    /// Rebuilds the site from the ledger and starts to follow it. Also counts the bytes of the data directory now and
    /// then. Blocks while it rebuilds; must be called within a runtime.
    ///
    /// # Errors
    /// [`PublishError`] if the ledger cannot be read or the first edition cannot be made.
    pub fn start(
        ledger: Ledger,
        config: Config,
        data_bytes: Arc<AtomicU64>,
    ) -> Result<(Self, Running), PublishError> {
        let ceremonies = Arc::new(Ceremonies::load(&ledger)?);
        let site: SharedSite = Arc::new(ArcSwap::from_pointee(super::Site::default()));
        let (sender, status) = watch::channel(Status::default());
        let keeper = Keeper::new(config.pool.clone());
        let (pool, pooled) = (keeper.served().clone(), config.pool.clone());
        let mut maker = EditionMaker::new(&ledger, &config, site.clone(), keeper, sender)?;
        maker.publish(&ledger)?;
        let (wake, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let patience = config.patience;
        let publisher =
            Self { site, pool, pooled, ceremonies: ceremonies.clone(), status, wake: wake.clone(), patience };
        let task = Task { ledger, config, data_bytes, ceremonies, wake, stop: stop.clone() };
        let task = tokio::spawn(task.run(maker));
        Ok((publisher, Running { stop, task }))
    }

    /// The served site.
    #[must_use]
    pub const fn site(&self) -> &SharedSite {
        &self.site
    }

    /// The served root pool.
    #[must_use]
    pub const fn pool(&self) -> &SharedPool {
        &self.pool
    }

    /// The lists that feed it.
    pub fn pool_lists(&self) -> impl Iterator<Item = &ListId> {
        self.pooled.lists.iter().map(|source| &source.list)
    }

    /// The open ceremonies.
    #[must_use]
    pub const fn ceremonies(&self) -> &Arc<Ceremonies> {
        &self.ceremonies
    }

    /// The publisher's status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits, within limits, until the served log has this many entries, so that whoever has just written can read it.
    pub async fn served(&self, size: u64) {
        let mut status = self.status.clone();
        let reached = status.wait_for(|status| status.size >= size);
        if tokio::time::timeout(self.patience, reached).await.is_err() {
            tracing::warn!(size, "an entry is recorded but not served yet");
        }
    }

    /// Checks ledger and clock now instead of at the next tick.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// The asynchronous half: decides when to do what.
struct Task {
    ledger: Ledger,
    config: Config,
    data_bytes: Arc<AtomicU64>,
    ceremonies: Arc<Ceremonies>,
    wake: Arc<Notify>,
    stop: Arc<Notify>,
}

impl Task {
    async fn run(self, mut maker: EditionMaker) {
        let mut changes = self.ledger.changes();
        let mut settling = Settling::default();
        let mut housekeeping: Option<(Instant, JoinHandle<()>)> = None;
        let mut answering: Option<oneshot::Receiver<Option<Answers>>> = None;
        loop {
            let ledger = self.ledger.clone();
            // Signing, compressing and flushing block.
            let done = tokio::task::spawn_blocking(move || {
                let result = maker.publish(&ledger);
                (maker, result)
            });
            let result = match done.await {
                Ok((back, result)) => {
                    maker = back;
                    result
                }
                Err(error) => {
                    tracing::error!(%error, "publishing crashed; restart the server");
                    return;
                }
            };
            let published = result.is_ok();
            maker.report(result);
            self.record_what_is_due(&mut settling).await;
            if housekeeping
                .as_ref()
                .is_none_or(|(at, last)| at.elapsed() >= HOUSEKEEPING && last.is_finished())
            {
                housekeeping = Some((Instant::now(), self.start_housekeeping()));
            }
            if answering.is_none() {
                answering = maker.question(&self.ledger).map(|question| self.ask(question));
            }
            // New entries are taken in at once; what failed is tried again with the next entry or tick. A stop comes
            // first in any case.
            let size = *changes.borrow_and_update();
            let behind = published && size > maker.size();
            tokio::select! {
                biased;
                () = self.stop.notified() => return,
                () = std::future::ready(()), if behind => {}
                () = self.wake.notified() => settling.looked = None,
                changed = changes.changed() => if changed.is_err() { return },
                answers = told(&mut answering) => {
                    answering = None;
                    maker.take_answers(answers);
                }
                () = tokio::time::sleep(self.config.tick) => {}
            }
        }
    }

    /// Opens drafts that are due once the ledger is quiet, and records complete ceremonies. What fails waits for the
    /// next time and holds up nothing else.
    async fn record_what_is_due(&self, settling: &mut Settling) {
        let Ok(now) = self.ledger.now() else { return };
        let snapshot = self.ledger.snapshot();
        if let Err(error) = self.ceremonies.forget_closed(&self.ledger, &snapshot.state) {
            tracing::warn!(%error, "signatures of closed ceremonies stay");
        }
        for role in self.ceremonies.roles(&snapshot.state) {
            if let Err(error) = self.ceremonies.record(&self.ledger, role.clone()).await {
                tracing::warn!(%error, %role, "a publication waits");
            }
        }
        if settling.must_look(snapshot.size()) {
            // Compares every document with its published version, which takes a while.
            let looked = snapshot.clone();
            let due = tokio::task::spawn_blocking(move || draft::due(&looked.state, now)).await;
            settling.due = due.unwrap_or_default().into_iter().map(|open| open.role).collect();
        }
        for role in settling.settled(self.config.settle) {
            let wanted = role.clone();
            let opened = self
                .ledger
                .observe(move |state| draft::due_for(state, &wanted, state.clock()).map(Into::into));
            match opened.await {
                Ok(Some(opened)) => tracing::info!(%role, entry = opened.index, "opened a draft"),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, %role, "a draft waits"),
            }
        }
    }

    /// Computes an answer on a thread of its own, which a stop does not wait for.
    fn ask(&self, question: Question) -> oneshot::Receiver<Option<Answers>> {
        let (reply, told) = oneshot::channel();
        let answer = self.config.answer;
        let thread = std::thread::Builder::new().name("answers".into());
        let started = thread.spawn(move || drop(reply.send(answer(&question))));
        if let Err(error) = started {
            tracing::error!(%error, "who can charge where is not answered");
        }
        told
    }

    /// Runs in the background: there may be a hundred thousand files to count.
    fn start_housekeeping(&self) -> JoinHandle<()> {
        let (ledger, data_bytes, data) =
            (self.ledger.clone(), self.data_bytes.clone(), self.config.data.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = ledger.note_time() {
                tracing::warn!(%error, "the time was not noted");
            }
            data_bytes.store(disk::bytes_below(&data), Ordering::Relaxed);
        })
    }
}

/// The result of the answering thread; waits forever if there is none.
async fn told(answering: &mut Option<oneshot::Receiver<Option<Answers>>>) -> Option<Answers> {
    match answering {
        Some(answers) => answers.await.ok().flatten(),
        None => std::future::pending().await,
    }
}

/// Decides when the ledger is quiet.
#[derive(Debug, Default)]
struct Settling {
    /// The roles that are due, as of `looked`.
    due: Vec<Role>,
    looked: Option<(u64, Instant)>,
    quiet_since: Option<Instant>,
    due_since: Option<Instant>,
}

/// Without a new entry only the clock makes drafts due, and validities are long.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

impl Settling {
    /// Whether to find out anew what is due.
    fn must_look(&mut self, size: u64) -> bool {
        let moment = Instant::now();
        let same_size = self.looked.is_some_and(|(seen, _)| seen == size);
        if !same_size {
            self.quiet_since = Some(moment);
        }
        let fresh = self.looked.is_some_and(|(_, at)| moment.duration_since(at) < LOOK_AGAIN);
        if same_size && fresh {
            return false;
        }
        self.looked = Some((size, moment));
        true
    }

    /// The roles whose drafts to open now.
    fn settled(&mut self, settle: Duration) -> Vec<Role> {
        if self.due.is_empty() {
            self.due_since = None;
            return Vec::new();
        }
        let moment = Instant::now();
        let passed =
            |since: Option<Instant>| since.map_or(Duration::ZERO, |since| moment.duration_since(since));
        self.due_since = self.due_since.or(Some(moment));
        if passed(self.quiet_since) < settle && passed(self.due_since) < settle.saturating_mul(LONGEST_SETTLE)
        {
            return Vec::new();
        }
        // Look again afterwards, even after a failure.
        self.looked = None;
        self.due_since = None;
        std::mem::take(&mut self.due)
    }
}
