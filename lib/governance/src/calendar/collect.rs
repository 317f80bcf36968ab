//! Where the dues of a calendar come from, one function for each source.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::names::{ListId, ParticipantId};
use ctl_core::parts::{AnchorStatus, Constraints};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_pki::written;

use super::{AuditEnd, AuditEnds, DAY, Due, Kind, REPORT_WITHIN, Subject};
use crate::application::{Application, Stage};
use crate::draft::{Ceremony, ceremony, half_of, roles};
use crate::electorate::list_of;
use crate::state::{Event, Listed, State};
use crate::statement::body::Choice;
use crate::statement::parts::EvidenceKind;

/// So many months back, missing reports are told.
const PAST_MONTHS: usize = 12;

/// All of them, in no order.
pub(super) fn all(state: &State, now: Timestamp, audit_end: AuditEnds<'_>) -> Vec<Due> {
    let mut dues = Vec::new();
    certificates(state, now, &mut dues);
    auditors(state, now, &mut dues);
    audits(state, now, audit_end, &mut dues);
    publications(state, &mut dues);
    notices(state, &mut dues);
    signers(state, &mut dues);
    decisions(state, now, &mut dues);
    take_up(state, &mut dues);
    reports(state, now, &mut dues);
    dues
}

/// What stands on lists, and what was disclosed below it.
fn certificates(state: &State, now: Timestamp, dues: &mut Vec<Due>) {
    let mut ends: BTreeMap<Digest, Due> = BTreeMap::new();
    // Where each root is or may be trusted again.
    let mut roots: BTreeMap<Digest, Vec<ListId>> = BTreeMap::new();
    let mut end = |kind: Kind, list: &ListId, listed: &Listed| {
        let new = || Due::new(listed.not_after, kind, certificate(listed)).by(listed.current().cause);
        ends.entry(listed.fingerprint).or_insert_with(new).lists.push(list.clone());
    };
    for (list, contents) in &state.lists {
        for anchor in contents.anchors.values().filter(|anchor| may_be_trusted(&anchor.listed)) {
            let listed = &anchor.listed;
            let limit = anchor.constraints.time(Constraints::NOT_TRUSTED_AFTER);
            match limit.filter(|limit| *limit <= listed.not_after) {
                None => end(Kind::Root, list, listed),
                Some(limit) if limit > now => {
                    let (operator, name) = (listed.operator.clone(), listed.name.clone());
                    let subject = Subject::Limited { fingerprint: listed.fingerprint, operator, name };
                    dues.push(Due::new(limit, Kind::Root, subject).on(list).by(listed.current().cause));
                }
                Some(_) => continue,
            }
            roots.entry(listed.fingerprint).or_default().push(list.clone());
        }
        for cross in contents.cross_certificates.values().filter(|cross| may_be_trusted(&cross.listed)) {
            end(Kind::CrossCertificate, list, &cross.listed);
        }
    }
    for sub_ca in state.sub_cas.values().filter(|sub_ca| sub_ca.revoked.is_none()) {
        let Some(lists) = roots.get(&sub_ca.root) else { continue };
        let Some(at) = written::not_after(&sub_ca.certificate).map(Timestamp::from_unix) else { continue };
        if at < now {
            continue;
        }
        let subject = Subject::Certificate {
            fingerprint: sub_ca.fingerprint,
            operator: sub_ca.operator.clone(),
            name: None,
        };
        let due = Due::new(at, Kind::SubCa, subject).by(sub_ca.disclosed);
        dues.push(Due { lists: lists.clone(), ..due });
    }
    dues.extend(ends.into_values());
}

/// Whether it is or may become trusted: a suspension passes, and the end of what is suspended comes all the same.
fn may_be_trusted(listed: &Listed) -> bool {
    listed.expired.is_none() && !is_withdrawn(listed)
}

fn is_withdrawn(listed: &Listed) -> bool {
    listed.current().status == AnchorStatus::Withdrawn
}

fn certificate(listed: &Listed) -> Subject {
    Subject::Certificate {
        fingerprint: listed.fingerprint,
        operator: listed.operator.clone(),
        name: Some(listed.name.clone()),
    }
}

/// Accreditations in force that have an end.
fn auditors(state: &State, now: Timestamp, dues: &mut Vec<Due>) {
    for (auditor, accreditation) in state.auditors.iter().filter(|(id, _)| state.is_accredited(id, now)) {
        let Some(at) = accreditation.expires_at else { continue };
        let subject = Subject::Participant(auditor.clone());
        dues.push(Due::new(at, Kind::Accreditation, subject).by(accreditation.cause));
    }
}

/// The newest report that counts, of each operator with an anchor on a list whose policy says how old one may be.
/// Nothing that is listed falls by it; the next application of the operator does.
fn audits(state: &State, now: Timestamp, audit_end: AuditEnds<'_>, dues: &mut Vec<Due>) {
    // Lists with the same terms are told of together.
    let mut audits: BTreeMap<(&ParticipantId, Timestamp), Due> = BTreeMap::new();
    for (list, charter) in &state.charter.lists {
        let Some(contents) = state.lists.get(list) else { continue };
        let mut newest: BTreeMap<&ParticipantId, Option<(Timestamp, u64)>> = BTreeMap::new();
        // The first admission of each, and its entry.
        let mut since: BTreeMap<&ParticipantId, (Timestamp, u64)> = BTreeMap::new();
        for anchor in contents.anchors.values() {
            if state.effective_status(&anchor.listed).status.is_listed() {
                newest.insert(&anchor.listed.operator, None);
                let first = anchor.listed.history.first();
                let admitted = first.map_or((now, state.charter_since), |first| (first.at, first.cause));
                let first = since.entry(&anchor.listed.operator).or_insert(admitted);
                *first = admitted.min(*first);
            }
        }
        for application in state.applications.values() {
            let Some(found) = newest.get_mut(&application.applicant) else { continue };
            let reports = application
                .evidence
                .iter()
                .filter(|one| one.kind == EvidenceKind::AuditReport && state.is_accredited(&one.author, now));
            *found = reports.filter_map(|one| Some((one.dated?, one.index))).max().max(*found);
        }
        if let (AuditEnd::Unknown, Some((at, _))) = (audit_end(&charter.policy, now), since.values().min()) {
            let subject = Subject::Policy(charter.policy.clone());
            let due = Due::new(at.minus_seconds(1), Kind::Audit, subject);
            dues.push(due.on(list).by(state.charter_since));
        }
        for (operator, found) in newest {
            let Some((dated, entry)) = found else {
                // The policy wants one, and none counts (any more).
                let since = since.get(operator);
                if let (AuditEnd::At(_), Some((at, entry))) = (audit_end(&charter.policy, now), since) {
                    let subject = Subject::Unaudited(operator.clone());
                    dues.push(Due::new(at.minus_seconds(1), Kind::Audit, subject).on(list).by(*entry));
                }
                continue;
            };
            let AuditEnd::At(at) = audit_end(&charter.policy, dated) else { continue };
            let audit = audits.entry((operator, at)).or_insert_with(|| {
                Due::new(at, Kind::Audit, Subject::Participant(operator.clone())).by(entry)
            });
            audit.lists.push(list.clone());
        }
    }
    dues.extend(audits.into_values());
}

/// What people sign: its next update, and when they meet for it.
fn publications(state: &State, dues: &mut Vec<Due>) {
    for role in roles(state) {
        let lists: Vec<ListId> = match &role {
            Role::List(list) => vec![list.clone()],
            _ => Vec::new(),
        };
        let ceremony = ceremony(state, &role);
        let half = state.published.get(&role).map(half_of);
        if let (Some(published), Some(soon)) = (state.published.get(&role), half) {
            let subject = Subject::Role { role: role.clone(), waits: false };
            let due = Due::new(published.open.expires, Kind::of_role(&role), subject).by(published.index);
            dues.push(Due { lists: lists.clone(), soon, ..due });
        }
        let due = match ceremony {
            Some(Ceremony::Waits { opened, until, entry }) => {
                let due = Due::new(until, Kind::Ceremony, Subject::Role { role, waits: true }).by(entry);
                Due { soon: opened, ..due }
            }
            Some(Ceremony::Opens { at, published }) => {
                Due::new(at, Kind::Ceremony, Subject::Role { role, waits: false }).by(published)
            }
            None => continue,
        };
        dues.push(Due { lists, ..due });
    }
}

/// Notices in force whose end lets something be trusted again, on the lists where it does: not what electors suspended,
/// withdrew or distrusted meanwhile.
fn notices(state: &State, dues: &mut Vec<Due>) {
    for notice in state.notices.values().filter(|notice| notice.in_force()) {
        let comes_back = |(list, one): &(&ListId, &Listed)| {
            one.spki == notice.spki && state.is_trusted_at(list, one, notice.expires_at)
        };
        let lists: BTreeSet<ListId> =
            state.everything().filter(comes_back).map(|(list, _)| list.clone()).collect();
        if lists.is_empty() {
            continue;
        }
        let anchor = state.anchor(&notice.list, &notice.anchor);
        let subject = Subject::Suspension {
            notice: notice.index,
            anchor: notice.anchor,
            name: anchor.map(|anchor| anchor.listed.name.clone()),
        };
        let due = Due::new(notice.expires_at, Kind::Notice, subject).by(notice.index);
        dues.push(Due { lists: lists.into_iter().collect(), ..due });
    }
}

/// The certificates that lists are signed with in CMS.
fn signers(state: &State, dues: &mut Vec<Due>) {
    for (list, charter) in &state.charter.lists {
        let Some(cms) = &charter.sae_cms else { continue };
        let signers = cms.signers.iter().map(|(signer, certificate)| (Some(signer.clone()), certificate));
        for (signer, certificate) in signers.chain([(None, &cms.ca)]) {
            let Some(at) = written::not_after(&certificate.0).map(Timestamp::from_unix) else { continue };
            let due = Due::new(at, Kind::SignerCertificate, Subject::Signer { signer });
            dues.push(due.on(list).by(state.charter_since));
        }
    }
}

/// Votes and discussions that are open.
fn decisions(state: &State, now: Timestamp, dues: &mut Vec<Due>) {
    for proposal in state.open_proposals.iter().filter_map(|index| state.proposals.get(index)) {
        if proposal.decision.is_some() {
            continue;
        }
        let approvals = proposal.count(Choice::Approve);
        let subject = Subject::Proposal { proposal: proposal.index, approvals, quorum: proposal.quorum };
        let due = Due::new(proposal.closes_at, Kind::Vote, subject).by(proposal.index);
        dues.push(Due { lists: list_of(&proposal.change).into_iter().cloned().collect(), ..due });
    }
    for application in state.applications.values() {
        let seconds = state.discussion_seconds(&application.list);
        let discussed = matches!(application.stage(now, seconds), Stage::Discussion | Stage::Discussed);
        let votable = |until: &Timestamp| discussed && state.never_admitted(application, *until).is_none();
        let Some(until) = application.discussed_until(seconds).filter(votable) else { continue };
        dues.push(
            Due::new(until, Kind::Discussion, applied(application))
                .on(&application.list)
                .by(application.index),
        );
    }
}

fn applied(application: &Application) -> Subject {
    Subject::Application {
        application: application.index,
        operator: application.applicant.clone(),
        name: application.name.clone(),
    }
}

/// Anchors that are published and become usable.
fn take_up(state: &State, dues: &mut Vec<Due>) {
    for (at, event) in &state.agenda {
        let Event::TakenUp(list, fingerprint) = event else { continue };
        let Some(contents) = state.lists.get(list) else { continue };
        let anchor = contents.anchors.get(fingerprint).map(|anchor| &anchor.listed);
        let cross = || contents.cross_certificates.get(fingerprint).map(|cross| &cross.listed);
        let Some(listed) = anchor.or_else(cross) else { continue };
        if listed.current().status == AnchorStatus::Qualified && state.is_trusted(list, listed) {
            let entry = listed.first_published.map_or(listed.current().cause, |(index, _)| index);
            dues.push(Due::new(*at, Kind::TakeUp, certificate(listed)).on(list).by(entry));
        }
    }
}

/// The reports on past months that are missing, and those on the present one.
fn reports(state: &State, now: Timestamp, dues: &mut Vec<Due>) {
    let Some(watchers) = &state.charter.watchers else { return };
    // Since when each operator has had something on a list.
    let mut operators: BTreeMap<&ParticipantId, Timestamp> = BTreeMap::new();
    for contents in state.lists.values() {
        let anchors = contents.anchors.values().map(|anchor| &anchor.listed);
        let all = anchors.chain(contents.cross_certificates.values().map(|cross| &cross.listed));
        for listed in all.filter(|listed| listed.current().status.is_listed() && listed.expired.is_none()) {
            let since = listed.history.first().map_or(Timestamp::MAX, |first| first.at);
            let known = operators.entry(&listed.operator).or_insert(since);
            *known = since.min(*known);
        }
    }
    let charter_at = state.recorded_at(state.charter_since.saturating_add(1)).unwrap_or(Timestamp::MAX);
    // The present month first, then as many before it as the log still takes reports on, a year at most.
    let months = std::iter::successors(Some(month_of(now)), |month| Some(month_of(month.minus_seconds(1))));
    let longest = state.rules().service_level_seconds;
    let months: Vec<_> =
        months.take(1 + PAST_MONTHS).take_while(|from| now.seconds_since(*from) <= longest).collect();
    for watcher in watchers.holders.iter().filter(|id| state.active(id).is_some()) {
        // Since its first report at the latest, whatever amendments of the charter came after.
        let reports = state.service_levels.reports.keys().filter(|(.., of)| of == watcher);
        let in_office = reports.map(|(_, from, _)| *from).min().unwrap_or(charter_at).min(charter_at);
        for from in months.iter().copied() {
            let end = month_of(from.plus_seconds(32 * DAY));
            // Who came into office within a month has not seen all of it.
            if end <= now && in_office > from {
                continue;
            }
            let listed = operators.iter().filter(|(_, since)| **since < end).map(|(id, _)| Some(*id));
            let expected = listed.chain([None]).filter(|operator| state.may_watch(watcher, *operator));
            let missing = expected
                .filter(|operator| {
                    let key = (operator.cloned(), from, watcher.clone());
                    !state.service_levels.reports.contains_key(&key)
                })
                .count();
            if missing == 0 {
                continue;
            }
            let subject = Subject::Month { watcher: watcher.clone(), from, missing };
            let due = Due::new(end.plus_seconds(REPORT_WITHIN), Kind::Report, subject);
            dues.push(due.by(state.charter_since));
        }
    }
}

/// The first moment of a moment's month (UTC).
fn month_of(at: Timestamp) -> Timestamp {
    let text = at.to_string();
    let month = text.get(..7).and_then(|month| format!("{month}-01T00:00:00Z").parse().ok());
    month.unwrap_or(at)
}
