//! What a sync tells of itself when it is over. Nothing of it can make a sync fail.

use ctl_core::tuf::Clock;
use ctl_core::{Digest, Timestamp};

use super::{Client, InForce, SyncReport};
use crate::error::ClientError;
use crate::history::{History, Told};
use crate::sink::Plan;
use crate::state::State;
use crate::store::TrustStore;

/// What the history has told, and what it has to tell.
#[derive(Debug, Default)]
pub(super) struct Telling {
    former: Told,
    now: Told,
    /// Why it is not known what was told.
    lost: Option<String>,
    /// Why nothing can be told.
    failed: Option<ClientError>,
    /// The latest time that people ever signed.
    known: Timestamp,
}

impl Telling {
    /// Whether it was told that a sink holds this.
    pub(super) fn tells(&self, sink: &str, what: Digest) -> bool {
        self.now.tells(sink, what)
    }

    /// A sink holds this.
    pub(super) fn hold(&mut self, sink: String, plan: &Plan, store: &TrustStore) {
        self.now.hold(sink, plan, store);
    }
}

impl Client {
    /// What changed on this device, as told by the syncs so far.
    ///
    /// # Errors
    /// [`ClientError::File`].
    pub fn history(&self) -> Result<History, ClientError> {
        self.directory.history()
    }

    pub(super) fn begin_telling(&self) -> Telling {
        match self.directory.told() {
            Ok((former, lost)) => Telling { now: former.clone(), former, lost, ..Telling::default() },
            Err(error) => Telling { failed: Some(error), ..Telling::default() },
        }
    }

    /// These documents are in force.
    pub(super) fn tell_documents(&self, state: &State, documents: &InForce, report: &mut SyncReport) {
        let Some(Telling { now, known, .. }) = &mut report.telling else { return };
        *known = state.known_time;
        for (role, record) in &state.documents {
            now.accept(role, record, &self.directory);
        }
        now.say(&self.config.local, state.rollout_paused.as_ref());
        // Which ones hold is not known while a document cannot be read.
        if documents.damaged.is_empty() {
            now.suspend(&self.suspensions(state, documents));
        }
    }

    /// Tells what changed, and what went wrong: in the history, and to whom the configuration names.
    pub(super) async fn tell(&mut self, report: &mut SyncReport, stopped: Option<&ClientError>) {
        let told = self.directory.lock().and_then(|()| self.try_to_tell(report, stopped));
        if let Err(error) = told {
            report.notes.push(format!("the history is not told: {error}"));
        }
        if self.config.report.is_none() && self.config.metrics.is_none() && self.shown.is_none() {
            return;
        }
        let status = match self.status().await {
            Ok(status) => status,
            Err(error) => return report.notes.push(format!("neither reported nor measured: {error}")),
        };
        if let Err(error) = self.write_metrics(&status) {
            report.notes.push(format!("metrics are not written: {error}"));
        }
        if let Err(error) = self.report(&status).await {
            report.notes.push(format!("nothing is reported: {error}"));
        }
    }

    fn try_to_tell(&self, report: &mut SyncReport, stopped: Option<&ClientError>) -> Result<(), ClientError> {
        let telling = report.telling.take().unwrap_or_else(|| self.begin_telling());
        let Telling { former, mut now, lost, failed, known } = telling;
        if let Some(error) = failed {
            return Err(error);
        }
        now.keep_sinks(&self.sinks.iter().map(|sink| sink.name()).collect());
        let problems = report.problems.iter().map(|problem| (problem.about.as_str(), &problem.error));
        let all = stopped.map(|error| ("state", error)).into_iter().chain(problems);
        now.trouble(all.map(|(about, error)| (about, error.to_string(), error.is_refusal())));
        let (clock, _) = self.clock(known);
        let at = (clock.earliest(), matches!(clock, Clock::Known(_)));
        self.directory.tell(&former, &mut now, lost, at)
    }
}
