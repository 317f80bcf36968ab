//! From the state to the sinks: which documents are in force, and writing what follows from them.

use ctl_core::Digest;
use ctl_core::list::ListPayload;
use ctl_core::list::offline::Document;
use ctl_core::names::ListId;
use ctl_core::notices::{NoticeEntry, NoticesDocument};
use ctl_core::registry::RegistryDocument;
use ctl_core::role::Role;
use ctl_core::tuf::{Limits, Signed, Targets};

use super::{Client, Problem, Refused, SyncReport};
use crate::command;
use crate::error::ClientError;
use crate::history;
use crate::sink::{Applied, Sink};
use crate::state::{Settled, State};
use crate::store::TrustStore;
use crate::suspensions;

const HELD: &str = "sinks are left as they are";

/// The documents in force.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// The lists.
    pub lists: Vec<ListPayload>,
    /// The notices, if any were ever published.
    pub notices: Option<NoticesDocument>,
    /// How many identifiers the registry has. It is known by its digest to be the one that was accepted, and so is not
    /// read again: nothing that is written to a sink depends on it.
    pub mo_identifiers: Option<usize>,
    /// Roles whose document is remembered but cannot be read from this device's medium.
    pub damaged: Vec<Role>,
}

impl Client {
    /// The documents in force by a state.
    #[must_use]
    pub fn in_force(&self, state: &State) -> InForce {
        self.in_force_with(state, &[])
    }

    /// The same, where some of these may not be kept yet.
    pub(super) fn in_force_with(&self, state: &State, objects: &[Vec<u8>]) -> InForce {
        let mut documents = InForce::default();
        for (role, record) in state.documents.iter().filter(|(role, _)| self.follows(role)) {
            let new = objects.iter().find(|bytes| Digest::of(bytes) == record.sha256).cloned();
            let Some(bytes) = new.or_else(|| self.directory.object(&record.sha256)) else {
                documents.damaged.push(role.clone());
                continue;
            };
            if *role == Role::Registry {
                documents.mo_identifiers = record.identifiers;
                continue;
            }
            match Document::read(role, &bytes) {
                Ok(Document::List(list)) => documents.lists.push(*list),
                Ok(Document::Notices(notices)) => documents.notices = Some(*notices),
                Ok(Document::Registry(_)) | Err(_) => documents.damaged.push(role.clone()),
            }
        }
        documents
    }

    /// The registry in force; none if it is not followed, or damaged.
    pub(crate) fn registry(&self, state: &State) -> Option<RegistryDocument> {
        let record = state.documents.get(&Role::Registry).filter(|_| self.follows(&Role::Registry))?;
        match Document::read(&Role::Registry, &self.directory.object(&record.sha256)?) {
            Ok(Document::Registry(registry)) => Some(*registry),
            _ => None,
        }
    }

    pub(super) fn follows(&self, role: &Role) -> bool {
        match role {
            Role::List(list) => self.config.lists.is_empty() || self.config.lists.contains(list),
            Role::Registry => self.config.registry,
            other => *other == Role::Notices,
        }
    }

    /// What is trusted by a state.
    ///
    /// # Errors
    /// Why that cannot be said now, for people; the sinks must be left alone then.
    pub fn store(&self, state: &State, documents: &InForce) -> Result<TrustStore, String> {
        if let Some(role) = documents.damaged.iter().find(|role| **role != Role::Registry) {
            return Err(format!("the {role} kept here is damaged and must be fetched again first"));
        }
        if state.memory_lost {
            return Err("what was remembered here was lost and is not replaced from the network yet".into());
        }
        if documents.lists.is_empty() {
            return Err("no list was taken up yet".into());
        }
        // Otherwise whoever withholds the notices from a new device would lift all suspensions.
        if !state.notices_known {
            return Err("it is not known yet which suspension notices are in force".into());
        }
        let mut store = self.usable(state, documents);
        store.leave_waiting(&documents.lists, &state.taken, |list, anchor| {
            self.why_waiting(state, list, &anchor)
        });
        Ok(store)
    }

    /// What could be trusted if all were taken up of the lists that can be read.
    pub(super) fn usable(&self, state: &State, documents: &InForce) -> TrustStore {
        let lists: Vec<&ListPayload> = documents.lists.iter().collect();
        let (clock, _) = self.clock(state.known_time);
        let notices = self.suspensions(state, documents);
        let followed = |role: &Role| *role == Role::Notices || self.follows(role);
        let apart = state.apart.iter().filter(|(role, _)| followed(role));
        let apart = apart.map(|(role, apart)| (role.clone(), apart.clone())).collect();
        let mut store = TrustStore::new(&lists, &notices, &apart, clock);
        store.forbid(&documents.lists, &self.config.local.distrust);
        store
    }

    /// The suspensions that hold: those that the newest notices name, and those that nothing lifted.
    #[must_use]
    pub fn suspensions(&self, state: &State, documents: &InForce) -> Vec<NoticeEntry> {
        let named = documents.notices.as_ref().map_or(&[][..], |document| &document.notices);
        let earliest = self.clock(state.known_time).0.earliest();
        let kept = suspensions::kept(&state.suspensions, named, &documents.lists, earliest);
        suspensions::merge(named.iter().cloned().chain(kept))
    }

    /// Makes every sink hold what follows from the state. Gives what is trusted if every sink was found to hold it, and
    /// nothing is left to do: `settled` is that of earlier in the same sync, and where the same is trusted now, by the
    /// clock as it is now, no sink is looked at twice.
    pub(super) async fn write_sinks(
        &self,
        state: &mut State,
        documents: &InForce,
        settled: Option<&TrustStore>,
        report: &mut SyncReport,
    ) -> Result<Option<TrustStore>, ClientError> {
        // What was said before the network was asked may have changed.
        report.notes.retain(|note| !note.starts_with(HELD));
        self.tell_documents(state, documents, report);
        let store = match self.store(state, documents) {
            Ok(store) => store,
            // What is known to be said against a root does not wait for what is not known.
            Err(why) => {
                report.notes.push(format!("{HELD}, but for what is distrusted: {why}"));
                self.usable(state, documents).that_only_removes()
            }
        };
        if settled == Some(&store) {
            return Ok(Some(store));
        }
        if store.listed == 0 && !store.only_removes {
            let note = "the signed lists name no anchor at all: nothing is trusted".to_owned();
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
        }
        let mut is_settled = true;
        for sink in &self.sinks {
            let name = sink.name();
            let is_filled = state.placed.contains_key(&name) || sink.was_filled();
            if store.only_removes && !(is_filled && sink.takes_removals_alone()) {
                continue;
            }
            let (former, others) = std::mem::take(&mut report.problems)
                .into_iter()
                .partition::<Vec<Problem>, _>(|problem| problem.about == name);
            report.problems = others;
            let failed = |problem: &Problem| matches!(problem.error, ClientError::Command { .. });
            let try_command = !former.iter().any(failed);
            match self.write_sink(sink.as_ref(), &store, state, try_command, report).await {
                Ok(changed) => {
                    let is_told = report.problems.iter().any(|problem| problem.about == name);
                    is_settled &= !changed && !is_told && !state.commands_due.contains(&name);
                    if changed && !report.changed.contains(&name) {
                        report.changed.push(name.clone());
                    }
                    if state.commands_due.contains(&name) {
                        report.problems.extend(former.into_iter().filter(failed));
                    }
                }
                Err(error) => {
                    is_settled = false;
                    report.problem(name, error);
                }
            }
        }
        Ok((is_settled && !store.only_removes).then_some(store))
    }

    /// The lists that this device follows; none if that is not known yet.
    fn followed_lists(&self, state: &State) -> Option<Vec<ListId>> {
        if !self.config.lists.is_empty() {
            return Some(self.config.lists.clone());
        }
        let bytes = self.directory.object(&state.metadata.get("targets.json")?.sha256)?;
        let targets = Signed::<Targets>::parse("targets", &bytes, Limits::default().targets).ok()?;
        Some(delegated_lists(&targets.signed))
    }

    /// A sink that was never filled waits for every list: whoever carries the bytes could otherwise
    /// keep back the one that withdraws what another names. Once it is filled, a list that was never
    /// seen adds nothing and delays nothing.
    pub(crate) fn may_fill(&self, sink: &dyn Sink, state: &State) -> Result<(), ClientError> {
        let name = sink.name();
        if state.placed.contains_key(&name) || sink.was_filled() {
            return Ok(());
        }
        let lists = match self.followed_lists(state) {
            None => "the board's list of them".into(),
            Some(lists) => {
                let seen = |list: &&ListId| state.documents.contains_key(&Role::List((*list).clone()));
                let unseen: Vec<&str> =
                    lists.iter().filter(|list| !seen(list)).map(|list| list.as_str()).collect();
                if unseen.is_empty() {
                    return Ok(());
                }
                unseen.join(", ")
            }
        };
        Err(ClientError::WaitsForLists { sink: name, lists })
    }

    async fn write_sink(
        &self,
        sink: &dyn Sink,
        store: &TrustStore,
        state: &mut State,
        try_command: bool,
        report: &mut SyncReport,
    ) -> Result<bool, ClientError> {
        let (name, commands) = (sink.name(), sink.commands());
        self.may_fill(sink, state)?;
        let placed = state.placed.get(&name).cloned().unwrap_or_default();
        // With the same before it, down to every byte that is there, a plan would find the same: nothing to do.
        let is_due = state.commands_due.contains(&name);
        if let Some(known) = state.settled.get(&name).filter(|_| !is_due)
            && report.telling.as_ref().is_some_and(|telling| telling.tells(&name, known.holding))
            && sink.evidence(store, &placed) == Some(known.evidence)
        {
            return Ok(false);
        }
        let mut plan = sink.plan(store, &placed).await?;
        if let Some(evidence) =
            plan.evidence.filter(|_| plan.in_place && plan.complaints.is_empty() && !is_due)
        {
            let holding = history::holding(plan.digest(), plan.ours.iter());
            state.settled.insert(name.clone(), Settled { evidence, holding });
        }
        for complaint in plan.complaints.drain(..) {
            report.problem(name.clone(), complaint);
        }
        let (mut is_whole, mut changed) = (true, !plan.in_place);
        if changed {
            if let Some((_, refused)) = report.refused.get(&name).filter(|(files, _)| *files == plan.digest())
            {
                return Err(refused.clone().error(name));
            }
            let prepared = sink.prepare(self.directory.files(), &plan).await?;
            let mut check = commands.check_before_change.to_vec();
            if !check.is_empty() {
                check.push(prepared.place().display().to_string());
            }
            let checked = command::run(&check, self.command_time).await;
            if let Err(problem) = checked {
                prepared.discard().await?;
                let refused = Refused::Check(problem);
                report.refused.insert(name.clone(), (plan.digest(), refused.clone()));
                return Err(refused.error(name));
            }
            // First remember what is about to be ours, and that the command is due: a power cut
            // after the change must not make our certificates foreign, nor skip the command.
            let mut next = state.clone();
            if !store.only_removes {
                next.placed.insert(name.clone(), plan.placed.clone());
            }
            if !commands.run_after_change.is_empty() {
                next.commands_due.insert(name.clone());
            }
            if next != *state {
                if let Err(error) = self.directory.commit(&mut next, []) {
                    // Nobody would find what was prepared for it again.
                    prepared.discard().await?;
                    return Err(error);
                }
                *state = next;
            }
            let applied = prepared.apply().await;
            if let Err(ClientError::HandOver { problem, .. }) = &applied {
                let refused = Refused::HandOver(problem.clone());
                report.refused.insert(name.clone(), (plan.digest(), refused));
            }
            match applied? {
                Applied::Whole => {}
                Applied::Nothing => changed = false,
                Applied::Waits { missing } => {
                    is_whole = false;
                    report.problem(name.clone(), ClientError::Waits { sink: name.clone(), missing });
                }
                Applied::Partly { missing } => {
                    is_whole = false;
                    report.problem(name.clone(), ClientError::PartlyApplied { sink: name.clone(), missing });
                }
            }
        }
        // Of stations behind a back end it is told what they should hold: one that is away must not keep the rest, a removal
        // above all, out of the history. `status` says what each of them holds.
        if (is_whole || sink.stations().is_some())
            && let Some(telling) = &mut report.telling
        {
            telling.hold(name.clone(), &plan, store);
        }
        // A command that failed is not tried again in the same sync, unless there was a change.
        if state.commands_due.contains(&name) && (try_command || !plan.in_place) {
            let failed = |problem| ClientError::Command { sink: name.clone(), problem };
            command::run(commands.run_after_change, self.command_time).await.map_err(failed)?;
            state.commands_due.remove(&name);
            self.directory.commit(state, [])?;
        }
        Ok(changed)
    }
}

/// The lists that the board delegates.
pub(super) fn delegated_lists(targets: &Targets) -> Vec<ListId> {
    let roles = targets.delegations.iter().flat_map(|delegations| &delegations.roles);
    roles.filter_map(|role| role.name.parse().ok()).collect()
}
