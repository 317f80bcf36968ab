//! When the log conflicts with what is remembered of it, and how that ends.
//!
//! A conflict is signed with the log's key: the newest checkpoint is smaller than the one remembered,
//! or provably of another history. Whatever is not signed, or not proven, is damage, and changes
//! nothing. In a conflict versions are kept apart ([`crate::apart`]) and only take away; the versions
//! and the checkpoint held stay. It ends when the log follows again, or by a restart that the board
//! signed into root.json.

use ctl_core::list::offline::Document;
use ctl_core::log::LogError;
use ctl_core::role::Role;

use super::document::Candidate;
use super::history::History;
use super::metadata::Trust;
use super::{Client, SyncReport, Work};
use crate::apart::Apart;
use crate::error::ClientError;
use crate::state::{Conflict, Contradiction, LogMemory, RestartSeen};
use crate::suspensions::{self, check_cap, check_keys, merge};

/// How the log shown stands to the one remembered.
pub(super) enum Standing {
    /// It begins with it, or nothing is remembered.
    Follows,
    /// It contradicts it.
    Conflicts(Contradiction),
    /// The board named a restart since: the log shown is the one that began then.
    Restarted {
        /// Whether what was remembered is not in it.
        replaced: bool,
    },
}

impl Client {
    /// Compares the log shown with the one remembered.
    ///
    /// # Errors
    /// Nothing could be proven either way.
    pub(super) async fn compare(
        &self,
        history: &mut History<'_>,
        trust: &Trust,
        work: &Work,
    ) -> Result<Standing, ClientError> {
        let Some(memory) = &work.state.log else { return Ok(Standing::Follows) };
        let contradiction = if memory.size > history.size {
            Some(Contradiction::Smaller)
        } else {
            match history.consistency((memory.size, memory.root), history.newest()).await {
                Ok(_) => None,
                Err(ClientError::Log(LogError::NotAPrefix { .. })) => Some(Contradiction::OtherHistory),
                Err(error) => return Err(error),
            }
        };
        let Some(restart) = trust.restarts.get(memory.restarts..).and_then(<[_]>::last) else {
            return Ok(contradiction.map_or(Standing::Follows, Standing::Conflicts));
        };
        let begun = (restart.new.size, restart.new.root_hash);
        match history.consistency(begun, history.newest()).await {
            Ok(_) => Ok(Standing::Restarted { replaced: contradiction.is_some() }),
            Err(ClientError::Log(LogError::NotAPrefix { .. } | LogError::Shrunk { .. })) => {
                Err(ClientError::NotTheRestarted { size: begun.0 })
            }
            Err(error) => Err(error),
        }
    }

    /// Takes note of a conflict, and of every candidate what it takes away.
    pub(super) async fn conflict(
        &self,
        how: Contradiction,
        history: &mut History<'_>,
        trust: &Trust,
        candidates: Vec<Candidate>,
        work: &mut Work,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let Some(memory) = work.state.log.clone() else { return Ok(()) };
        report.problem("log", self.convict(how, &memory, history)?);
        if work.state.conflict.is_none() {
            let (size, root) = history.newest();
            let note = work.object(history.note.to_string().into_bytes());
            let since = self.clock(work.state.known_time).0.earliest();
            work.state.conflict = Some(Conflict { how, note, size, root, since });
        }
        for candidate in candidates {
            let role = candidate.role.clone();
            let outcome = match candidate.check_number(&work.state, trust) {
                // The very version held, of which something is missing here.
                Ok(()) if candidate.is_held(&work.state) => {
                    candidate.mend(work);
                    Ok(false)
                }
                Ok(()) => self
                    .check_candidate(history, &candidate)
                    .await
                    .and_then(|_| self.keep_apart(&candidate, trust, work)),
                Err(refused) => Err(refused),
            };
            match outcome {
                Ok(true) => report.notes.push(format!(
                    "{role}: version {} came while the log conflicts: what it takes away is taken away, what it \
                     adds waits",
                    candidate.head.sequence
                )),
                Ok(false) => {}
                Err(error) => report.problem(role.to_string(), error),
            }
        }
        Ok(())
    }

    /// The message for people. Two checkpoints that exclude each other are kept: they convict the log.
    fn convict(
        &self,
        how: Contradiction,
        memory: &LogMemory,
        history: &History<'_>,
    ) -> Result<ClientError, ClientError> {
        if how == Contradiction::Smaller {
            return Ok(ClientError::LogShrunk { held: memory.size, found: history.size });
        }
        let (size, root) = history.newest();
        let problem = format!(
            "{} entries with root {} seen before, {size} entries with root {root} shown now",
            memory.size, memory.root
        );
        let former = self.directory.object(&memory.note).unwrap_or_default();
        self.two_histories(problem, &former, history.note.to_string().as_bytes())
    }

    /// Whether the candidate changed what is taken away.
    fn keep_apart(&self, candidate: &Candidate, trust: &Trust, work: &mut Work) -> Result<bool, ClientError> {
        let former = work.state.apart.get(&candidate.role);
        let apart = match &candidate.document {
            Document::List(list) => Apart::with_list(former, list),
            Document::Notices(document) => {
                check_keys(&document.notices, &self.at_hand(work).0)
                    .map_err(|problem| candidate.refused(problem))?;
                let earlier = former.iter().flat_map(|apart| apart.notices.iter());
                let notices = merge(earlier.chain(&document.notices).cloned());
                let all = merge(self.suspended(work).into_iter().chain(notices.iter().cloned()));
                check_cap(&all, trust.notices_cap).map_err(|problem| candidate.refused(problem))?;
                let sequence = former.map_or(0, |apart| apart.sequence).max(document.sequence);
                Apart { sequence, notices, ..Apart::default() }
            }
            // Nothing is trusted because of the registry, so nothing of it can be taken away.
            Document::Registry(_) => return Ok(false),
        };
        if !apart.fits() {
            return Err(candidate.refused("it takes away more than can be remembered here".into()));
        }
        let changed = former != Some(&apart);
        work.state.apart.insert(candidate.role.clone(), apart);
        Ok(changed)
    }

    /// The suspensions that hold by what is at hand.
    fn suspended(&self, work: &Work) -> Vec<ctl_core::notices::NoticeEntry> {
        let earliest = self.clock(work.state.known_time).0.earliest();
        let (lists, named) = self.at_hand(work);
        let kept = suspensions::kept(&work.state.suspensions, &named, &lists, earliest);
        merge(named.into_iter().chain(kept))
    }

    /// The suspensions that hold once this version of the notices is taken up.
    ///
    /// # Errors
    /// [`ClientError::Document`]: more than root.json allows.
    pub(super) fn suspensions_with(
        &self,
        candidate: &Candidate,
        trust: &Trust,
        work: &Work,
    ) -> Result<Option<Vec<ctl_core::notices::NoticeEntry>>, ClientError> {
        let Document::Notices(document) = &candidate.document else { return Ok(None) };
        let earliest = self.clock(work.state.known_time).0.earliest();
        let lists = self.at_hand(work).0;
        check_keys(&document.notices, &lists).map_err(|problem| candidate.refused(problem))?;
        // What came in a conflict was an officer's word too.
        let apart = work.state.apart.get(&Role::Notices).filter(|apart| candidate.ends(apart, &work.state));
        let remembered: Vec<_> = match candidate.officers {
            0 | 1 => {
                let apart = apart.iter().flat_map(|apart| &apart.notices);
                work.state.suspensions.iter().chain(apart).cloned().collect()
            }
            _ => vec![],
        };
        let kept = suspensions::kept(&remembered, &document.notices, &lists, earliest);
        let all = merge(document.notices.iter().cloned().chain(kept));
        check_cap(&all, trust.notices_cap).map_err(|problem| candidate.refused(problem))?;
        Ok(Some(all))
    }

    /// The lists and the notices held, those that this sync took up included.
    fn at_hand(
        &self,
        work: &Work,
    ) -> (Vec<ctl_core::list::ListPayload>, Vec<ctl_core::notices::NoticeEntry>) {
        let (mut lists, mut named) = (vec![], vec![]);
        for (role, record) in &work.state.documents {
            let new = work.objects.iter().find(|bytes| ctl_core::Digest::of(bytes) == record.sha256).cloned();
            let bytes = new.or_else(|| self.directory.object(&record.sha256));
            match bytes.and_then(|bytes| Document::read(role, &bytes).ok()) {
                Some(Document::List(list)) => lists.push(*list),
                Some(Document::Notices(document)) => named.extend(document.notices),
                _ => {}
            }
        }
        (lists, named)
    }

    /// Takes note that the board let the log begin anew: only the checkpoint is forgotten.
    pub(super) fn restarted(&self, replaced: bool, trust: &Trust, work: &mut Work, report: &mut SyncReport) {
        let (Some(memory), Some(restart)) = (work.state.log.take(), trust.restarts.last()) else { return };
        let what = if replaced {
            for (role, numbers) in &restart.roles {
                if let Some(role) = role.parse::<Role>().ok().filter(|role| role.target_name().is_some()) {
                    work.state.go_on_from.insert(role, numbers.sequence);
                }
            }
            "history replaced: what this device saw of it is not in the new log; what is trusted stays, and the next \
             versions are taken up as root.json numbers them"
        } else {
            "nothing lost: the new log begins with all that this device saw"
        };
        report.notes.push(format!(
            "the board let the log begin anew at {} ({}): {what}",
            restart.time, restart.reason
        ));
        let number = trust.restarts.len();
        work.state.restart = Some(RestartSeen { number, held: memory.size, replaced });
    }
}
