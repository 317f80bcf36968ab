//! What is taken up of the lists in force, by what the operator of this device says.

use std::collections::BTreeSet;

use ctl_core::names::ListId;
use ctl_core::parts::Use;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};

use super::{Client, InForce, ROLL_OUT, SyncReport, Work};
use crate::error::ClientError;
use crate::local::{Gate, Rollout, TakenUp, Terms, settle};
use crate::state::State;
use crate::transport::Source;

impl Client {
    /// Takes up what may be taken up now. What a list does not name any more goes at once, whoever waits for what.
    pub(super) async fn take_up_additions(&self, work: &mut Work, held: &InForce, report: &mut SyncReport) {
        let now = self.clock(work.state.known_time).0.earliest();
        let documents = held;
        let usable = self.usable(&work.state, documents);
        let usable: BTreeSet<(&ListId, Digest, Use)> = usable
            .anchors
            .iter()
            // One that some sinks cannot take leaves these without.
            .filter(|anchor| anchor.constraints.is_empty())
            .flat_map(|anchor| anchor.uses.iter().map(|r#use| (&anchor.list, anchor.fingerprint, *r#use)))
            .collect();
        let lists = &documents.lists;
        let settled = |state: &State, is_paused: bool| -> Vec<(ListId, TakenUp)> {
            let taken = lists.iter().map(|list| {
                let is_due = |since| !is_paused && self.turn(since).is_some_and(|turn| turn <= now);
                let is_followed = self.follows(&Role::List(list.list.clone()));
                let is_usable = |anchor, r#use| !is_followed || usable.contains(&(&list.list, anchor, r#use));
                let is_held = self.config.local.hold(&list.list, list.sequence).is_some();
                let terms = Terms { is_held, is_due: &is_due, is_usable: &is_usable };
                (list.list.clone(), settle(state.taken.get(&list.list), list, terms, now))
            });
            taken.collect()
        };
        let (mut taken, waiting) = (settled(&work.state, false), settled(&work.state, true));
        work.state.rollout_paused = None;
        if let Some(rollout) = &self.config.local.rollout
            && taken != waiting
            && let Some(why) = self.paused(rollout, report).await
        {
            report.notes.push(format!("the roll-out is paused: {why}"));
            work.state.rollout_paused = Some(why);
            taken = waiting;
        }
        // A list that cannot be read now keeps what was taken up of it.
        work.state.taken.extend(taken);
        let State { taken, documents, .. } = &mut work.state;
        taken.retain(|list, _| documents.contains_key(&Role::List(list.clone())));
    }

    /// When this device takes up what was first seen at a moment; none for never, as long as nobody changes the stages.
    pub(crate) fn turn(&self, since: Timestamp) -> Option<Timestamp> {
        match (&self.config.local.rollout, &self.config.device) {
            (Some(rollout), Some(device)) => rollout.turn(device, since),
            (Some(_), None) => None,
            (None, _) => Some(since),
        }
    }

    /// Why nothing more shall be taken up now. Who cannot be asked has paused it: to wait adds nothing.
    async fn paused(&self, rollout: &Rollout, report: &mut SyncReport) -> Option<String> {
        let gate = rollout.gate.as_ref()?;
        match self.ask(gate).await {
            Ok(gate) => gate.why(),
            Err(error) => {
                report.problem(ROLL_OUT, error);
                Some("whether it goes on cannot be asked".into())
            }
        }
    }

    async fn ask(&self, gate: &str) -> Result<Gate, ClientError> {
        let source = Source::open(gate, &self.transport)?;
        let address = source.address(Gate::PATH);
        let unreadable = |problem: String| ClientError::Gate { address: address.clone(), problem };
        let answer = source.fetch(Gate::PATH, Gate::MAX_BYTES).await?;
        let answer = answer.ok_or_else(|| unreadable("there is no such file".into()))?;
        serde_json::from_slice(&answer).map_err(|error| unreadable(error.to_string()))
    }

    /// Why an anchor is not taken up yet.
    pub(crate) fn why_waiting(&self, state: &State, list: &ListId, anchor: &Digest) -> String {
        let sequence = state.documents.get(&Role::List(list.clone())).map_or(0, |record| record.sequence);
        if let Some(hold) = self.config.local.hold(list, sequence) {
            return format!(
                "added after version {}, at which this device's operator holds the list: {}",
                hold.sequence, hold.reason
            );
        }
        let since = state.taken.get(list).and_then(|taken| taken.waiting.get(anchor));
        match (since.and_then(|since| self.turn(*since)), &state.rollout_paused) {
            (_, Some(why)) => format!("waits, as the roll-out is paused: {why}"),
            (Some(turn), None) => format!("waits for its turn in the roll-out: {turn}"),
            (None, None) => "waits, as no stage of the roll-out has come to this device".into(),
        }
    }
}
