//! Checks proposals and votes.

use ctl_core::names::{ListId, RuleId};
use ctl_core::parts::{AnchorStatus, MoStatus};
use ctl_core::{Digest, Timestamp};

use super::applications::open_application;
use super::{Context, check_new_key};
use crate::decide::{may_amend, may_become};
use crate::electorate::{frame, list_of};
use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::state::State;
use crate::statement::body::{Candidate, Change, ParticipantAction, ProposalOpen, VoteCast};
use crate::statement::parts::check_constraints;
use crate::{auditors, possession};

pub(super) fn open(context: &Context<'_>, body: &ProposalOpen) -> Result<(), Refusal> {
    let state = context.state;
    let author = context.signers.one()?;
    if body.charter != state.charter_since {
        let detail = format!(
            "the proposal has the charter of entry {} in mind; in force is that of entry {}",
            body.charter, state.charter_since
        );
        return Err(Refusal::new(Reason::Charter, detail));
    }
    let frame = frame(state, &body.change)?;
    if !frame.electors.contains(&author.id) {
        let body = list_of(&body.change).map_or("the assembly".to_owned(), |list| format!("list {list}"));
        let detail = format!("{} is no elector of {body}", author.id);
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    if frame.recused.as_ref() == Some(&author.organisation) {
        let detail = format!("{} belongs to the organisation that this is about", author.id);
        return Err(Refusal::new(Reason::Recused, detail));
    }
    check_change(context.rules, state, &body.change, context.recorded_at)
}

/// What electors are asked to admit.
struct Admission<'a> {
    application: u64,
    certificate: &'a Digest,
    evidence: &'a [u64],
    list: &'a ListId,
    screening: u64,
    waived: &'a [RuleId],
}

impl<'a> Admission<'a> {
    fn of(change: &'a Change) -> Option<Self> {
        let (Change::Admit { application, certificate, evidence, list, screening, waived, .. }
        | Change::AdmitCross { application, certificate, evidence, list, screening, waived }) = change
        else {
            return None;
        };
        let (application, screening) = (*application, *screening);
        Some(Self { application, certificate, evidence, list, screening, waived })
    }
}

fn check_change(rules: &Rules, state: &State, change: &Change, now: Timestamp) -> Result<(), Refusal> {
    if let Some(admission) = Admission::of(change) {
        check_admission(state, &admission, now)?;
    }
    let content = |detail: String| Refusal::new(Reason::Content, detail);
    match change {
        Change::Admit { application, constraints, uses, .. } => {
            check_constraints(constraints, rules).map_err(|e| content(e.to_string()))?;
            let application = open_application(state, *application)?;
            let Candidate::Root { uses: asked, .. } = &application.candidate else {
                return Err(content("the application is not for a root".into()));
            };
            let ordered = !uses.windows(2).any(|pair| matches!(pair, [a, b] if a >= b));
            if uses.is_empty() || !ordered || !uses.iter().all(|u| asked.contains(u)) {
                return Err(content("uses: at least one of those applied for, in order".into()));
            }
            Ok(())
        }
        Change::AdmitCross { application, .. } => match open_application(state, *application)?.candidate {
            Candidate::CrossCertificate { .. } => Ok(()),
            Candidate::Root { .. } => Err(content("the application is not for a cross-certificate".into())),
        },
        Change::CloseApplication { application, list } => {
            let found = open_application(state, *application)?;
            if found.list != *list {
                return Err(content(format!("application {application} is for list {}", found.list)));
            }
            Ok(())
        }
        Change::Constrain { anchor, constraints, list } => {
            check_constraints(constraints, rules).map_err(|e| content(e.to_string()))?;
            let found = state.anchor(list, anchor).ok_or_else(|| no_anchor(list, anchor))?;
            if found.listed.current().status == AnchorStatus::Withdrawn {
                return Err(Refusal::new(Reason::Stage, "the anchor is withdrawn"));
            }
            found.listed.not_ended().map_err(|why| Refusal::new(Reason::Stage, why))
        }
        Change::ChangeStatus { certificate, list, not_issued_after, to } => {
            let contents = state.lists.get(list).ok_or_else(|| no_anchor(list, certificate))?;
            let listed = match contents.anchors.get(certificate) {
                Some(anchor) => &anchor.listed,
                None => match contents.cross_certificates.get(certificate) {
                    Some(cross) => &cross.listed,
                    None => return Err(no_anchor(list, certificate)),
                },
            };
            if *to == AnchorStatus::Deprecated && !contents.anchors.contains_key(certificate) {
                return Err(content("a cross-certificate is not deprecated: suspend or withdraw it".into()));
            }
            if (*to == AnchorStatus::Deprecated) != not_issued_after.is_some() {
                return Err(content("not_issued_after goes with deprecated, and only with it".into()));
            }
            may_become(listed, *to).map_err(|why| Refusal::new(Reason::Stage, why))
        }
        Change::Distrust { list, what } => {
            let known = state.lists.get(list).is_some_and(|contents| contents.distrusted.contains_key(what));
            if known {
                return Err(Refusal::new(
                    Reason::Exists,
                    format!("{} is distrusted already", what.sha256.short()),
                ));
            }
            Ok(())
        }
        Change::LiftNotice { notice } => match state.notices.get(notice) {
            Some(found) if found.in_force() => Ok(()),
            Some(_) => Err(Refusal::new(Reason::Stage, format!("notice {notice} is not in force"))),
            None => Err(Refusal::new(Reason::NotFound, format!("there is no notice {notice}"))),
        },
        Change::AmendCharter { charter } => {
            may_amend(state, charter).map_err(|why| Refusal::new(Reason::Charter, why))
        }
        Change::Participant { action, participant } => {
            let Some(found) = state.participants.get(participant) else {
                let detail = format!("there is no participant {participant}");
                return Err(Refusal::new(Reason::NotFound, detail));
            };
            match action {
                ParticipantAction::RotateKey { new } => check_new_key(state, new),
                ParticipantAction::Reinstate {} if !found.suspended => {
                    Err(Refusal::new(Reason::Stage, format!("{participant} is not suspended")))
                }
                ParticipantAction::Suspend {} if found.suspended => {
                    Err(Refusal::new(Reason::Stage, format!("{participant} is suspended already")))
                }
                _ => Ok(()),
            }
        }
        Change::TransferMo { id, to } => {
            let Some(entry) = state.mo_ids.get(id) else {
                return Err(Refusal::new(Reason::NotFound, format!("{id} is not assigned")));
            };
            if entry.holder == *to && entry.status != MoStatus::Withdrawn {
                return Err(Refusal::new(Reason::Exists, format!("{id} is {to}'s already")));
            }
            super::registry::check_holder(state, to)
        }
        Change::AccreditAuditor { .. } | Change::WithdrawAuditor { .. } => {
            auditors::check(state, change, now)
        }
    }
}

fn no_anchor(list: &ListId, fingerprint: &Digest) -> Refusal {
    Refusal::new(Reason::NotFound, format!("{} is not on list {list}", fingerprint.short()))
}

/// A vote on admission needs an application that is complete and discussed, with every error waived.
fn check_admission(state: &State, admission: &Admission<'_>, now: Timestamp) -> Result<(), Refusal> {
    let stage = |detail: String| Err(Refusal::new(Reason::Stage, detail));
    let content = |detail: String| Err(Refusal::new(Reason::Content, detail));
    let index = admission.application;
    let application = open_application(state, index)?;
    if application.list != *admission.list {
        return content(format!("application {index} is for list {}", application.list));
    }
    if application.fingerprint != *admission.certificate {
        return content(format!("application {index} is for certificate {}", application.fingerprint));
    }
    if let Some(proposal) = application.proposal {
        return stage(format!("application {index} is voted on already, by proposal {proposal}"));
    }
    let Some(list) = state.charter.lists.get(admission.list) else {
        return Err(Refusal::new(Reason::NotFound, format!("the charter has no list {}", admission.list)));
    };
    let Some(screening) = &application.screening else {
        return stage(format!("application {index} is not screened yet"));
    };
    if screening.index != admission.screening {
        return content(format!("the latest screening of application {index} is entry {}", screening.index));
    }
    let errors = application.errors();
    let found = |id: &RuleId| match id.as_str() {
        possession::RULE => format!("possession of the key is not proven ({id})"),
        _ => format!("screening found {id}"),
    };
    for (id, waivable) in &errors {
        if !admission.waived.contains(id) {
            return stage(format!("{}, an error that the proposal does not waive", found(id)));
        }
        if !waivable {
            return stage(format!("{}, an error that nobody can waive", found(id)));
        }
    }
    if let Some(idle) = admission.waived.iter().find(|waived| errors.iter().all(|(id, _)| id != *waived)) {
        return content(format!("{idle} is waived, but no such error stands against it"));
    }
    let missing = application.missing_evidence(&list.required_evidence);
    if let Some(kind) = missing.first() {
        return stage(format!("required evidence is missing: {kind:?}"));
    }
    let all: Vec<u64> = application.evidence.iter().map(|evidence| evidence.index).collect();
    if admission.evidence != all {
        return content(format!(
            "the evidence on application {index} is {all:?}; a proposal names all of it"
        ));
    }
    match application.discussed_until(list.discussion_seconds) {
        Some(until) if now >= until => {}
        Some(until) => return stage(format!("application {index} is under discussion until {until}")),
        None => return stage(format!("the discussion of application {index} has not begun")),
    }
    if let Some(refusal) = state.never_admitted(application, now) {
        return Err(refusal);
    }
    match state.screening_outdated(application, now) {
        Some(why) => stage(format!("since it was screened, {why}; wait for a new screening")),
        None => Ok(()),
    }
}

pub(super) fn vote(context: &Context<'_>, body: &VoteCast) -> Result<(), Refusal> {
    let state = context.state;
    let elector = context.signers.one()?;
    let found = state.proposal_of_leaf.get(&body.proposal).and_then(|index| state.proposals.get(index));
    let Some(proposal) = found else {
        let detail = format!(
            "there is no proposal with leaf hash {}; a vote is for the very bytes of one proposal",
            body.proposal
        );
        return Err(Refusal::new(Reason::NotFound, detail));
    };
    if let Some(decision) = &proposal.decision {
        let detail = format!("voting on proposal {} ended at {}", proposal.index, decision.at);
        return Err(Refusal::new(Reason::VotingClosed, detail));
    }
    let id = &elector.id;
    if proposal.recused.contains(id) {
        let detail = format!("{id} is recused: its organisation is the one that this is about");
        return Err(Refusal::new(Reason::Recused, detail));
    }
    if proposal.struck.contains(id) {
        return Err(Refusal::new(Reason::Recused, format!("{id} was struck from this vote")));
    }
    let Some(organisation) = proposal.electorate.get(id) else {
        let detail = format!("{id} was no elector when proposal {} opened", proposal.index);
        return Err(Refusal::new(Reason::WrongRole, detail));
    };
    let colleague = proposal.votes.keys().find(|other| {
        *other != id && proposal.may_vote(other) && proposal.electorate.get(*other) == Some(organisation)
    });
    match colleague {
        Some(other) => {
            let detail = format!("{organisation} has voted already, through {other}");
            Err(Refusal::new(Reason::OrganisationVoted, detail))
        }
        None => Ok(()),
    }
}
