//! What the watch enters in the ledger of its own process, with the watcher's key.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ctl_core::{PrivateKey, PublicKey, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::Body;
use ctl_watch::recorder::{self, Blob, RecorderError, Scheme};
use tokio::sync::watch;

use super::keeper::Keeper;
use super::target::Target;
use crate::blobs::Blobs;
use crate::ledger::recorder::statement;
use crate::ledger::{Ledger, RecordError};

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(15);

/// Records what is due.
#[derive(Clone)]
pub struct Recorder {
    /// The ledger.
    pub ledger: Ledger,
    /// The watcher's key; without one nothing is recorded.
    pub key: Option<Arc<PrivateKey>>,
    /// Where reports are kept.
    pub blobs: Arc<Blobs>,
    /// What was observed.
    pub keeper: Keeper,
    /// How many breaches the last look held back, for whoever shows it.
    pub held_back: Arc<AtomicU64>,
}

impl Recorder {
    /// Records what is due, again and again, until nobody follows any more.
    pub async fn run(self, mut following: watch::Receiver<Arc<[Arc<Target>]>>) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => match self.record_due().await {
                    Ok(_) => {}
                    Err(RecorderError::Closed) => return,
                    Err(error) => tracing::error!(%error, "a breach or report was not recorded"),
                },
                changed = following.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Records everything that is due; returns how many statements were made.
    ///
    /// # Errors
    /// The first failure, after all others were tried.
    pub async fn record_due(&self) -> Result<usize, RecorderError> {
        let Some(key) = self.key.clone() else { return Ok(0) };
        let (ledger, blobs) = (self.ledger.clone(), Arc::clone(&self.blobs));
        let recorder =
            recorder::Recorder { keeper: self.keeper.clone(), held_back: Arc::clone(&self.held_back) };
        recorder.record_due(&mut Here { ledger, key, blobs }).await
    }
}

/// The ledger of this process.
struct Here {
    ledger: Ledger,
    key: Arc<PrivateKey>,
    blobs: Arc<Blobs>,
}

impl Scheme for Here {
    fn key(&self) -> PublicKey {
        self.key.public_key()
    }

    fn present(&self) -> Result<(State, Timestamp), RecorderError> {
        let now = self.ledger.now().map_err(|error| refused(error.into()))?;
        Ok((self.ledger.snapshot().state.clone(), now))
    }

    fn writable(&self) -> Result<(), RecorderError> {
        self.ledger.writable().map_err(refused)
    }

    async fn say(&mut self, body: Body, blob: Option<Blob>) -> Result<u64, RecorderError> {
        if let Some(Blob { reference, bytes }) = blob {
            let blobs = Arc::clone(&self.blobs);
            let put = tokio::task::spawn_blocking(move || blobs.put(&reference.sha256, &bytes)).await;
            let put = put.map_err(|error| RecorderError::Report(error.to_string()))?;
            put.map_err(|error| RecorderError::Report(error.to_string()))?;
        }
        let (state, now) = self.present()?;
        let statement = statement(&state, &self.key, now, body).map_err(refused)?;
        Ok(self.ledger.record(statement).await.map_err(refused)?.index)
    }
}

fn refused(error: RecordError) -> RecorderError {
    match error {
        RecordError::Closed => RecorderError::Closed,
        error => RecorderError::Refused(error.to_string()),
    }
}
