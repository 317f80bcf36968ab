//! Decisions: how a vote ends, and the change that it makes.
//!
//! A change was possible when its proposal opened. If it no longer is when the vote ends, the
//! decision lapses and says why; nothing is half done.

use std::collections::BTreeSet;
use std::sync::Arc;

use ctl_core::names::{ListId, OrganisationId, ParticipantId};
use ctl_core::parts::{AnchorStatus, Constraints, DistrustKind, Distrusted};
use ctl_core::{Digest, Timestamp};

use crate::application::{Application, Stage};
use crate::apply::service_levels;
use crate::rules::Rules;
use crate::state::{
    Anchor, CrossCertificate, Decision, Event, KeyRecord, ListState, Listed, Outcome, Proposal, State,
    StatusChange,
};
use crate::statement::body::{Candidate, Change, Choice, ParticipantAction};
use crate::statement::charter::Charter;
use crate::{auditors, closing};

impl Proposal {
    /// Electors that may vote: of the electorate, neither recused nor struck.
    #[must_use]
    pub fn may_vote(&self, elector: &ParticipantId) -> bool {
        self.electorate.contains_key(elector)
            && !self.recused.contains(elector)
            && !self.struck.contains(elector)
    }

    fn organisations_voting(&self, choice: Option<Choice>) -> BTreeSet<&OrganisationId> {
        self.votes
            .iter()
            .filter(|(elector, vote)| self.may_vote(elector) && choice.is_none_or(|c| c == vote.choice))
            .filter_map(|(elector, _)| self.electorate.get(elector))
            .collect()
    }

    /// How many organisations made this choice.
    #[must_use]
    pub fn count(&self, choice: Choice) -> u32 {
        u32::try_from(self.organisations_voting(Some(choice)).len()).unwrap_or(u32::MAX)
    }

    /// Whether every organisation that may vote has voted.
    #[must_use]
    pub fn all_have_voted(&self) -> bool {
        let may: BTreeSet<_> = self
            .electorate
            .iter()
            .filter(|(elector, _)| self.may_vote(elector))
            .map(|(_, organisation)| organisation)
            .collect();
        may == self.organisations_voting(None)
    }
}

/// Ends the vote on a proposal and makes its change, if it was accepted.
pub(super) fn decide(rules: &Rules, state: &mut State, index: u64, at: Timestamp) {
    if !state.open_proposals.remove_mut(&index) {
        return;
    }
    let Some(proposal) = state.proposals.get(&index).cloned() else { return };
    let approvals = proposal.count(Choice::Approve);
    let outcome = if approvals >= proposal.quorum {
        // On a copy, so that a decision that lapses leaves no trace.
        let mut changed = state.clone();
        match make(rules, &mut changed, &proposal.change, index, at) {
            Ok(()) => {
                *state = changed;
                Outcome::Accepted
            }
            Err(why) => Outcome::Lapsed(why),
        }
    } else {
        Outcome::Rejected
    };
    if let Change::Admit { application, .. } | Change::AdmitCross { application, .. } = &proposal.change
        && let Some(application) = state.applications.get_mut(application)
        && application.is_open()
    {
        let stage = if outcome == Outcome::Accepted { Stage::Accepted } else { Stage::Rejected };
        Arc::make_mut(application).ended = Some((stage, at, index));
    }
    if let Some(proposal) = state.proposals.get_mut(&index) {
        Arc::make_mut(proposal).decision = Some(Decision { at, outcome, approvals });
    }
}

fn make(rules: &Rules, state: &mut State, change: &Change, cause: u64, at: Timestamp) -> Result<(), String> {
    match change {
        Change::Admit { application, uses, constraints, list, .. } => {
            let (listed, candidate) = admitted(state, *application, list, cause, at)?;
            let Candidate::Root { services, .. } = candidate else {
                return Err("the application is not for a root".into());
            };
            let anchor = Anchor { listed, uses: uses.clone(), constraints: constraints.clone(), services };
            let fingerprint = anchor.listed.fingerprint;
            schedule_end(state, list, &anchor.listed);
            contents(state, list)?.anchors.insert_mut(fingerprint, Arc::new(anchor));
            close_others(rules, state, *application, at, cause);
            Ok(())
        }
        Change::AdmitCross { application, list, .. } => {
            let (listed, candidate) = admitted(state, *application, list, cause, at)?;
            let Candidate::CrossCertificate { issuer, subject } = candidate else {
                return Err("the application is not for a cross-certificate".into());
            };
            for end in [issuer, subject] {
                let on_list = state
                    .anchor(list, &end)
                    .is_some_and(|a| a.listed.current().status.is_listed() && a.listed.expired.is_none());
                if !on_list {
                    return Err(format!("anchor {} is not on the list any more", end.short()));
                }
            }
            let cross = CrossCertificate { listed, issuer, subject };
            let fingerprint = cross.listed.fingerprint;
            schedule_end(state, list, &cross.listed);
            contents(state, list)?.cross_certificates.insert_mut(fingerprint, Arc::new(cross));
            close_others(rules, state, *application, at, cause);
            Ok(())
        }
        Change::CloseApplication { application, .. } => {
            let open = state.applications.get(application).is_some_and(|found| found.is_open());
            if !open {
                return Err("the application is not open any more".into());
            }
            closing::application(rules, state, *application, Stage::Rejected, at, cause);
            Ok(())
        }
        Change::Constrain { anchor, constraints, list } => {
            let anchor = contents(state, list)?
                .anchors
                .get_mut(anchor)
                .filter(|anchor| anchor.listed.current().status != AnchorStatus::Withdrawn)
                .ok_or("the anchor is not on the list any more")?;
            anchor.listed.not_ended()?;
            let anchor = Arc::make_mut(anchor);
            let status = anchor.listed.current().status;
            let cut_off = anchor.constraints.time(Constraints::NOT_ISSUED_AFTER);
            anchor.constraints = constraints.clone();
            if let (AnchorStatus::Deprecated, Some(cut_off)) = (status, cut_off) {
                // A deprecation stays: new constraints do not lift its cut-off.
                anchor.constraints.tighten_time(Constraints::NOT_ISSUED_AFTER, cut_off);
            }
            anchor.listed.history.push_back_mut(StatusChange { status, at, cause });
            Ok(())
        }
        Change::ChangeStatus { certificate, list, not_issued_after, to } => {
            change_status(contents(state, list)?, certificate, *to, *not_issued_after, at, cause)
        }
        Change::Distrust { list, what } => {
            let distrusted = &mut contents(state, list)?.distrusted;
            if !distrusted.contains_key(what) {
                distrusted.insert_mut(*what, cause);
            }
            Ok(())
        }
        Change::LiftNotice { notice } => {
            let notice = state
                .notices
                .get_mut(notice)
                .filter(|notice| notice.in_force())
                .ok_or("the notice is not in force any more")?;
            notice.ended = Some((at, Some(cause)));
            Ok(())
        }
        Change::AmendCharter { charter } => {
            may_amend(state, charter)?;
            for list in charter.lists.keys() {
                state.lists.entry(list.clone()).or_default();
            }
            state.recorder = charter.server.recorder.key_id();
            if charter.server.log != state.charter.server.log {
                state.former_log_keys.insert_mut(state.charter.server.log.key_id());
            }
            let watching = |charter: &Charter| {
                charter.watchers.iter().flat_map(|watchers| watchers.holders.clone()).collect::<BTreeSet<_>>()
            };
            for former in watching(&state.charter).difference(&watching(charter)) {
                service_levels::lapse(state, former, at, cause);
            }
            state.charter = Arc::new((**charter).clone());
            state.charter_since = cause;
            Ok(())
        }
        Change::Participant { action, participant } => {
            change_participant(rules, state, participant, action, at, cause)
        }
        Change::TransferMo { id, to } => {
            if state.active(to).is_none() {
                return Err(format!("{to} is no active participant any more"));
            }
            let mut entry = state.mo_ids.get(id).cloned().ok_or("the identifier is not assigned")?;
            entry.holder = to.clone();
            entry.since = at;
            entry.cause = cause;
            state.mo_ids.insert_mut(id.clone(), entry);
            Ok(())
        }
        Change::AccreditAuditor { auditor, expires_at } => {
            auditors::accredit(state, auditor, *expires_at, cause, at)
        }
        Change::WithdrawAuditor { auditor } => auditors::withdraw(state, auditor, cause, at),
    }
}

fn contents<'a>(state: &'a mut State, list: &ListId) -> Result<&'a mut ListState, String> {
    state.lists.get_mut(list).ok_or_else(|| format!("the charter has no list {list} any more"))
}

/// The certificate of an accepted application, as its list will have it.
fn admitted(
    state: &State,
    application: u64,
    list: &ListId,
    cause: u64,
    at: Timestamp,
) -> Result<(Listed, Candidate), String> {
    let application = state
        .applications
        .get(&application)
        .filter(|application| application.is_open())
        .ok_or("the application is not open any more")?;
    if let Some(twin) = state.key_listed_since_screening(application) {
        return Err(format!("{} with the same key came on the list meanwhile", twin.short()));
    }
    if let Some(problem) = state
        .lists
        .get(list)
        .and_then(|contents| contents.refuses(&application.fingerprint, &application.spki))
    {
        return Err(problem);
    }
    if application.not_after < at {
        return Err(format!("its certificate ended at {}", application.not_after));
    }
    let listed = Listed {
        fingerprint: application.fingerprint,
        spki: application.spki,
        not_after: application.not_after,
        expired: None,
        certificate: Arc::clone(&application.certificate),
        operator: application.applicant.clone(),
        name: application.name.clone(),
        admitted_size: state.size(),
        history: [StatusChange { status: AnchorStatus::Qualified, at, cause }].into_iter().collect(),
        first_published: None,
    };
    Ok((listed, application.candidate.clone()))
}

/// Schedules the end of a certificate: it leaves its list by itself in the second after its last.
fn schedule_end(state: &mut State, list: &ListId, listed: &Listed) {
    let ends = listed.not_after.plus_seconds(1);
    state.agenda.insert_mut((ends, Event::Ends(list.clone(), listed.fingerprint)));
}

/// Several may apply with one certificate until one is admitted.
fn close_others(rules: &Rules, state: &mut State, admitted: u64, at: Timestamp, cause: u64) {
    let Some(found) = state.applications.get(&admitted).cloned() else { return };
    let same = |other: &&Arc<Application>| {
        other.is_open()
            && other.index != admitted
            && other.list == found.list
            && other.fingerprint == found.fingerprint
    };
    let others: Vec<u64> = state.applications.values().filter(same).map(|other| other.index).collect();
    for other in others {
        closing::application(rules, state, other, Stage::Rejected, at, cause);
    }
}

impl Listed {
    /// About an expired certificate nothing can be decided except that its key is distrusted.
    pub(super) fn not_ended(&self) -> Result<(), String> {
        match self.expired {
            None => Ok(()),
            Some(_) => Err(format!("its certificate ended at {}; a new one must apply", self.not_after)),
        }
    }
}

impl ListState {
    /// Whether a certificate is or was on the list.
    pub(super) fn knows(&self, fingerprint: &Digest) -> bool {
        self.anchors.contains_key(fingerprint) || self.cross_certificates.contains_key(fingerprint)
    }

    /// Why a certificate cannot be on the list, if so.
    pub(crate) fn refuses(&self, fingerprint: &Digest, spki: &Digest) -> Option<String> {
        let distrusted =
            |kind, sha256: &Digest| self.distrusted.contains_key(&Distrusted { kind, sha256: *sha256 });
        if self.knows(fingerprint) {
            return Some(format!("certificate {} is or was on the list already", fingerprint.short()));
        }
        if distrusted(DistrustKind::Certificate, fingerprint) || distrusted(DistrustKind::Spki, spki) {
            return Some(format!("certificate {} or its key is distrusted", fingerprint.short()));
        }
        let gone = self.anchors.values().any(|anchor| {
            anchor.listed.spki == *spki && anchor.listed.current().status == AnchorStatus::Withdrawn
        });
        gone.then(|| format!("the key of {} belongs to a withdrawn anchor", fingerprint.short()))
    }
}

/// Whether a decision may turn one status into another. One that puts an anchor on notice and back
/// may make it usable before its take-up time is over: that is the electors' business.
pub(super) fn may_become(listed: &Listed, to: AnchorStatus) -> Result<(), String> {
    use AnchorStatus::{Expired, Qualified, Usable, Withdrawn};
    if !to.is_distrusted() {
        listed.not_ended()?;
    }
    match (listed.current().status, to) {
        (Withdrawn, _) => Err("withdrawn is for good; a new certificate must apply".into()),
        (_, Expired) => Err("a certificate expires by itself".into()),
        (_, Qualified) => Err("only admission makes an anchor qualified".into()),
        (Qualified, Usable) => {
            Err("a qualified anchor becomes usable by itself, after its publication".into())
        }
        (from, to) if from == to => Err(format!("it is {from} already")),
        _ => Ok(()),
    }
}

fn change_status(
    contents: &mut ListState,
    certificate: &Digest,
    to: AnchorStatus,
    not_issued_after: Option<Timestamp>,
    at: Timestamp,
    cause: u64,
) -> Result<(), String> {
    let change = StatusChange { status: to, at, cause };
    if let Some(anchor) = contents.anchors.get_mut(certificate) {
        may_become(&anchor.listed, to)?;
        let anchor = Arc::make_mut(anchor);
        if let Some(time) = not_issued_after {
            // Not critical of itself: what was issued before must go on working where a store cannot
            // tell. What was critical or earlier before stays so.
            anchor.constraints.tighten_time(Constraints::NOT_ISSUED_AFTER, time);
        }
        anchor.listed.history.push_back_mut(change);
        return Ok(());
    }
    let cross = contents.cross_certificates.get_mut(certificate).ok_or("it is not on the list any more")?;
    may_become(&cross.listed, to)?;
    Arc::make_mut(cross).listed.history.push_back_mut(change);
    Ok(())
}

/// Whether this charter may follow the one in force.
pub(super) fn may_amend(state: &State, charter: &Charter) -> Result<(), String> {
    let organisation = |id: &ParticipantId| state.active(id).map(|p| p.organisation.clone());
    let key = |id: &ParticipantId| state.active(id).map(|p| p.key.clone());
    charter.validate(&organisation, &key).map_err(|error| error.to_string())?;
    if charter.rules < state.charter.rules {
        return Err(format!("charter: rules: {} would go back from {}", charter.rules, state.charter.rules));
    }
    if let Some(list) = state.charter.lists.keys().find(|list| !charter.lists.contains_key(*list)) {
        // TUF clients refuse a repository that drops a role it once had.
        return Err(format!("charter: lists: {list} is missing; a list cannot be taken out, only emptied"));
    }
    if charter.server.log_origin != state.charter.server.log_origin {
        return Err("charter: server: a log has one origin for life; the board can let it begin anew".into());
    }
    if state.former_log_keys.contains(&charter.server.log.key_id()) {
        return Err("charter: server: the key was the log's before: make a new one".into());
    }
    if charter.machine_keys().iter().any(|key| state.keys.contains_key(&key.key_id())) {
        return Err("charter: server: a participant's key cannot be the server's or a witness's".into());
    }
    Ok(())
}

fn change_participant(
    rules: &Rules,
    state: &mut State,
    id: &ParticipantId,
    action: &ParticipantAction,
    at: Timestamp,
    cause: u64,
) -> Result<(), String> {
    let participant = state.participants.get_mut(id).ok_or("there is no such participant")?;
    participant.since = cause;
    match action {
        ParticipantAction::Reinstate {} => participant.suspended = false,
        ParticipantAction::Suspend {} => {
            participant.suspended = true;
            closing::of_suspended(rules, state, id, at, cause);
        }
        ParticipantAction::SuspendForCompromise {} => {
            participant.suspended = true;
            closing::of_suspended(rules, state, id, at, cause);
            strike(rules, state, id, at);
        }
        ParticipantAction::RotateKey { new } => {
            let key_id = new.key_id();
            if state.keys.contains_key(&key_id) {
                return Err("the new key has been registered by now".into());
            }
            rotate(state, id, new, cause);
        }
    }
    Ok(())
}

/// Gives a participant a new key; the old one stays known as replaced.
pub(super) fn rotate(state: &mut State, id: &ParticipantId, new: &ctl_core::PublicKey, cause: u64) {
    let Some(participant) = state.participants.get_mut(id) else { return };
    let old = std::mem::replace(&mut participant.key, new.clone()).key_id();
    participant.since = cause;
    if let Some(record) = state.keys.get_mut(&old) {
        record.replaced_by = Some(cause);
    }
    state.keys.insert_mut(new.key_id(), KeyRecord { participant: id.clone(), replaced_by: None });
}

/// Strikes an elector from every open vote. The quorum stays: it is an absolute number.
fn strike(rules: &Rules, state: &mut State, elector: &ParticipantId, at: Timestamp) {
    let open: Vec<u64> = state.open_proposals.iter().copied().collect();
    for index in open {
        let Some(proposal) = state.proposals.get_mut(&index) else { continue };
        if !proposal.electorate.contains_key(elector) {
            continue;
        }
        let proposal = Arc::make_mut(proposal);
        proposal.struck.insert(elector.clone());
        if proposal.all_have_voted() {
            decide(rules, state, index, at);
        }
    }
}
