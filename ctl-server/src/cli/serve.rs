//! `ctl-server serve`: listens, then starts the parts in the order in which data flows. They are supervised while they
//! run and stopped in reverse.

use std::path::Path;
use std::sync::Arc;

use ctl_host::clock::{GuardedClock, SystemClock};
use ctl_host::supervisor::Supervisor;
use ctl_serve::program::{self, Program};
use ctl_serve::starting::Progress;
use tokio::task::{AbortHandle, JoinHandle, spawn_blocking};

use super::Failure;
use super::step::Step;
use crate::access::{self, Access};
use crate::blobs::Blobs;
use crate::config::Config;
use crate::http::{App, routes};
use crate::keys::Keys;
use crate::ledger::mirror::Mirror;
use crate::ledger::{Head, Ledger, Setup, Store as _};
use crate::metrics::Metrics;
use crate::publish::{self, Publisher};
use crate::screening::{Policies, Screener};
use crate::webhooks::Forward;

pub(super) fn serve(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    program::run(&config.log.clone(), run(config))
}

async fn run(config: Config) -> Result<(), Failure> {
    let mut program = Program::begin(&config.http).await?;
    let progress = Arc::new(Progress::new(Step::Opening));
    let start = {
        let (progress, supervisor) = (progress.clone(), program.supervisor().clone());
        spawn_blocking(move || Parts::start(config, &progress, &supervisor))
    };
    let Some(started) = program.starting(&progress, start).await else { return Ok(()) };
    let Parts { app, running } = started??;
    program.serve((app, routes::table()), running.stop()).await
}

/// The service and its tasks.
struct Parts {
    app: App,
    running: Running,
}

impl Parts {
    /// Starts all parts. Blocks until the ledger is open; must be called within a runtime.
    fn start(config: Config, progress: &Progress, supervisor: &Supervisor) -> Result<Self, Failure> {
        let keys = Arc::new(Keys::load(&config.data)?);
        let policies = Arc::new(Policies::load(&config.policies)?);
        let blobs = Arc::new(Blobs::open(&config.data)?);
        tracing::info!(data = %config.data.display(), "verifying the ledger");
        let store = Arc::new(super::ledger::open(&config.data)?);
        let entries = store.size();
        let setup = Setup {
            store,
            keys,
            clock: Arc::new(GuardedClock::new(Arc::new(SystemClock::new()), config.clock.bounds())),
            head: Some(Head::below(&config.data).and_at(config.ledger.head.clone())),
            queue: config.ledger.queue,
        };
        let ledger = Ledger::open_telling(setup, &mut |verified| {
            progress.set(Step::Verifying { verified, entries });
        })?;
        // From here on a key made for a rotation or a restart is the log's main key.
        ledger.keys().settle(&config.data)?;
        let snapshot = ledger.snapshot();
        policies.check(&snapshot.state.charter)?;
        tracing::info!(
            entries = snapshot.size(),
            scheme = %snapshot.state.scheme,
            environment = %snapshot.state.environment,
            "the ledger is open"
        );
        if let Err(error) = ledger.writable() {
            tracing::error!(%error, "nothing is recorded for now");
        }
        drop(snapshot);
        progress.set(Step::Publishing);

        let metrics = Arc::new(Metrics::new()?);
        let publication = publish::Config {
            settle: config.publication.settle,
            differences: config.publication.differences.into(),
            pool: Arc::new(config.pool.clone()),
            ..publish::Config::new(&config.data)
        };
        let (publisher, publishing) = Publisher::start(ledger.clone(), publication, metrics.data_bytes())?;
        let mirror = Mirror::new(&config.ledger)?;
        let webhooks = Forward::new(&config.webhooks)?;
        let comparing = mirror.map(|mirror| tokio::spawn(mirror.follow(ledger.clone())));
        let saving = tokio::spawn(ledger.clone().keep_saved());
        let screening = tokio::spawn(Screener::new(ledger.clone(), blobs.clone(), policies.clone()).run());
        let writing = {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.writer_stopped().await })
        };
        let running = Running {
            cut_off: screening.abort_handle(),
            comparing,
            saving,
            screening: supervisor.watch("the screener", screening),
            publishing: publishing.supervised(supervisor),
            writing: supervisor.watch("the ledger's writer", writing),
            ledger: ledger.clone(),
        };
        let access = Access::new(&config.access, access::Keys::load(&config.data)?)?;
        let app = App::new(ledger, publisher, blobs, policies, metrics, access)
            .with_webhooks(webhooks)
            .with_supervisor(supervisor.clone());
        Ok(Self { app, running })
    }
}

/// The background tasks.
struct Running {
    screening: JoinHandle<()>,
    cut_off: AbortHandle,
    comparing: Option<JoinHandle<()>>,
    saving: JoinHandle<()>,
    publishing: publish::publisher::Running,
    writing: JoinHandle<()>,
    ledger: Ledger,
}

impl Running {
    /// Finishes what is under way, the ledger last.
    async fn stop(self) {
        self.cut_off.abort();
        if let Some(comparing) = self.comparing {
            comparing.abort();
        }
        self.saving.abort();
        self.publishing.stop().await;
        self.ledger.close().await;
        // These cannot fail: failures inside them go to the supervisor.
        let _ = tokio::join!(self.screening, self.writing);
    }
}
