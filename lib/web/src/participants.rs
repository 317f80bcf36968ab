//! Participants: who takes part, with which key, and what each has done; and the auditors among them.

use std::collections::BTreeSet;
use std::ops::Bound;

use ctl_core::keys::KeyId;
use ctl_core::names::{ListId, MoId, ParticipantId};
use ctl_governance::State;
use ctl_governance::state::{Accreditation, Participant, SubCa};
use ctl_governance::statement::parts::ParticipantKind;
use ctl_pki::{Certificate, print};
use maud::{Markup, html};

use crate::{Frame, levels, overview, parts, place, proposal, trust};

/// So many participants stand on a page.
const ON_A_PAGE: usize = 100;
/// So much of each thing is shown of a participant.
const SOME: usize = 20;

/// Every kind: the word that statements have for it, and what people call it.
const KINDS: [(ParticipantKind, &str, &str); 12] = [
    (ParticipantKind::PkiOperator, "pki-operator", "PKI operator"),
    (ParticipantKind::Mo, "mo", "mobility operator"),
    (ParticipantKind::Cpo, "cpo", "charge point operator"),
    (ParticipantKind::Oem, "oem", "vehicle manufacturer"),
    (ParticipantKind::Auditor, "auditor", "auditor"),
    (ParticipantKind::Elector, "elector", "elector"),
    (ParticipantKind::Signer, "signer", "signer"),
    (ParticipantKind::Registrar, "registrar", "registrar"),
    (ParticipantKind::EmergencyOfficer, "emergency-officer", "emergency officer"),
    (ParticipantKind::AdmissionsOfficer, "admissions-officer", "admissions officer"),
    (ParticipantKind::BoardMember, "board-member", "board member"),
    (ParticipantKind::Watcher, "watcher", "watcher"),
];

fn kind(wanted: ParticipantKind) -> &'static str {
    KINDS.iter().find(|(kind, ..)| *kind == wanted).map_or("", |(.., name)| name)
}

fn kinds(one: &Participant) -> String {
    one.kinds.iter().map(|one| kind(*one)).collect::<Vec<_>>().join(", ")
}

/// Everyone who was ever registered, after a participant, of a kind.
#[must_use]
pub fn participants(
    frame: &Frame<'_>,
    wanted: Option<ParticipantKind>,
    after: Option<&ParticipantId>,
) -> String {
    let state = frame.state;
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let all = state.participants.range::<ParticipantId, _>((from, Bound::Unbounded)).map(|(_, one)| one);
    let fits = |one: &&Participant| wanted.is_none_or(|wanted| one.kinds.contains(&wanted));
    let mut some: Vec<&Participant> = all.filter(fits).take(ON_A_PAGE + 1).collect();
    let more = some.len() > ON_A_PAGE;
    some.truncate(ON_A_PAGE);
    let chosen = KINDS.iter().find(|(kind, ..)| Some(*kind) == wanted).map(|(_, code, _)| *code);
    let table = html! {
        table {
            thead { tr { th scope="col" { "Name" } th scope="col" { "Id" } th scope="col" { "Organisation" } th scope="col" { "Is" } } }
            tbody {
                @for one in &some {
                    tr {
                        th scope="row" { (parts::participant(state, &one.id)) (marks(one)) }
                        td { (one.id) }
                        td { (one.organisation) }
                        td { (kinds(one)) }
                    }
                }
            }
        }
    };
    let body = html! {
        form.line method="get" action=(place::PARTICIPANTS) {
            label { "Show " select name="kind" {
                option value="" { "everyone" }
                @for (kind, code, name) in KINDS { option value=(code) selected[Some(kind) == wanted] { (name) "s" } }
            } }
            button type="submit" { "Show" }
        }
        @if some.is_empty() { p { "There is nobody." } } @else { (parts::wide("Participants", &table)) }
        @if let (true, Some(last)) = (more, some.last()) {
            p { a href={ (place::PARTICIPANTS) "?after=" (last.id) "&kind=" (chosen.unwrap_or_default()) } { "More participants" } }
        }
        p.json { (parts::json("/v1/participants")) }
    };
    frame.page("Participants", &body)
}

/// What must not be missed beside a name.
fn marks(one: &Participant) -> Markup {
    html! {
        @if one.suspended { " " span.badge.suspended { "may not sign" } }
        @if let Some(scripts) = print::mixed_scripts(one.name.as_str()) { " " span.badge.warning { "letters of " (scripts) " mixed" } }
    }
}

/// The page of a participant; none if nobody has this id.
#[must_use]
pub fn participant(frame: &Frame<'_>, id: &ParticipantId) -> Option<String> {
    let state = frame.state;
    let one = state.participants.get(id)?;
    let former = former_keys(state, id);
    let body = html! {
        dl {
            dt { "Id" } dd { (one.id) (marks(one)) }
            dt { "Organisation" } dd { (one.organisation) }
            dt { "Is" } dd { (kinds(one)) }
            @let offices = offices(state, id);
            @if !offices.is_empty() { dt { "Offices by the charter" } dd { @for office in &offices { (office) br; } } }
            dt { "So since" } dd { (parts::entry(one.since)) }
            dt { "Key" } dd { code.digest { (one.key.key_id()) } }
            @if !former.is_empty() {
                dt { "Former keys" }
                dd { @for (key, entry) in former.iter().take(SOME) { code.digest { (key) } " replaced by " (parts::entry(*entry)) br; } }
            }
            @if let Some(found) = state.auditors.get(id) { dt { "Accreditation" } dd { (accreditation(frame, id, found)) } }
        }
        (operates(frame, id))
        (identifiers(state, id))
        (applications(frame, id))
        (cross_requests(state, id))
        (votes(frame, id))
        (levels::of(frame, id))
        p.json { (parts::json("/v1/participants")) }
    };
    Some(frame.page(one.name.as_str(), &body))
}

fn former_keys(state: &State, id: &ParticipantId) -> Vec<(KeyId, u64)> {
    let theirs = state.keys.iter().filter(|(_, record)| record.participant == *id);
    let mut former: Vec<_> = theirs.filter_map(|(key, record)| Some((*key, record.replaced_by?))).collect();
    former.sort_by_key(|(_, entry)| std::cmp::Reverse(*entry));
    former
}

/// What the charter in force lets a participant do.
fn offices(state: &State, id: &ParticipantId) -> Vec<String> {
    let charter = &state.charter;
    let mut offices = Vec::new();
    let mut add = |holds: bool, office: String| offices.extend(holds.then_some(office));
    add(charter.board.holders.contains(id), "member of the board".into());
    add(charter.assembly.electors.contains(id), "elector of the assembly".into());
    add(charter.admissions_officers.holders.contains(id), "admissions officer".into());
    add(charter.registry.registrars.holders.contains(id), "registrar".into());
    add(charter.notices.officers.holders.contains(id), "emergency officer".into());
    add(charter.watchers.as_ref().is_some_and(|watchers| watchers.holders.contains(id)), "watcher".into());
    for list in charter.lists.values() {
        add(list.electors.contains(id), format!("elector of list {}", list.name));
        add(list.signers.holders.contains(id), format!("signer of list {}", list.name));
    }
    offices
}

/// What it has on lists, and what was disclosed below that.
fn operates(frame: &Frame<'_>, id: &ParticipantId) -> Markup {
    let state = frame.state;
    let mut all = Vec::new();
    for (list, contents) in &state.lists {
        let roots = contents.anchors.values().map(|anchor| ("root", &anchor.listed));
        let crosses = contents.cross_certificates.values().map(|cross| ("cross-certificate", &cross.listed));
        all.extend(
            roots
                .chain(crosses)
                .filter(|(_, listed)| listed.operator == *id)
                .map(|(kind, one)| (list, kind, one)),
        );
    }
    let sub_cas: Vec<_> = state.sub_cas.values().filter(|one| one.operator == *id).collect();
    let lists: BTreeSet<&ListId> = all.iter().map(|(list, ..)| *list).collect();
    let behind = lists.into_iter().filter(|list| !state.is_published(list));
    let table = html! {
        table {
            thead { tr { th scope="col" { "Certificate" } th scope="col" { "Is a" } th scope="col" { "On list" } th scope="col" { "Status" } th scope="col" { "Ends" } } }
            tbody {
                @for (list, kind, listed) in all.iter().take(ON_A_PAGE) {
                    tr {
                        th scope="row" { a href=(place::certificate(&listed.fingerprint)) { bdi { (listed.name) } } }
                        td { (kind) }
                        td { (parts::list(state, list)) }
                        td { (trust::standing(frame, list, listed)) }
                        td { (parts::day(listed.not_after)) }
                    }
                }
            }
        }
    };
    html! {
        @if !all.is_empty() {
            section aria-labelledby="operates" {
                h2 id="operates" { "On lists" }
                (parts::wide("On lists", &table))
                @for list in behind { p { "What is decided now is not all in the published version of " (parts::list(state, list)) ": the signers sign the next one." } }
                @if all.len() > ON_A_PAGE { p { "And " (all.len() - ON_A_PAGE) " more: see the lists." } }
            }
        }
        @if !sub_cas.is_empty() {
            section aria-labelledby="sub-cas" {
                h2 id="sub-cas" { "Sub-CAs that it disclosed" }
                ul { @for one in sub_cas.iter().take(ON_A_PAGE) {
                    li {
                        a href=(place::certificate(&one.fingerprint)) { bdi { (subject(one)) } } " " (parts::entry(one.disclosed))
                        @if one.revoked.is_some() { " " span.badge.withdrawn { "revoked" } }
                    }
                } }
                @if sub_cas.len() > ON_A_PAGE { p { "And " (sub_cas.len() - ON_A_PAGE) " more." } }
            }
        }
    }
}

/// What a sub-CA calls itself.
fn subject(one: &SubCa) -> String {
    let read = Certificate::from_der(&one.certificate);
    read.map_or_else(|_| one.fingerprint.short(), |read| print::line(read.subject()))
}

fn identifiers(state: &State, id: &ParticipantId) -> Markup {
    let mine: Vec<&MoId> =
        state.mo_ids.iter().filter(|(_, entry)| entry.holder == *id).map(|(mo_id, _)| mo_id).collect();
    html! {
        @if !mine.is_empty() {
            section aria-labelledby="identifiers" {
                h2 id="identifiers" { "MO identifiers" }
                ul.counts { @for one in mine.iter().take(SOME) { li { a href=(place::mo_id(one)) { (one) } } } }
                @if mine.len() > SOME { p { a href={ (place::REGISTRY) "?holder=" (id) } { "All " (mine.len()) } } }
            }
        }
    }
}

fn applications(frame: &Frame<'_>, id: &ParticipantId) -> Markup {
    let state = frame.state;
    let mine: Vec<_> = state.applications.values().rev().filter(|one| one.applicant == *id).collect();
    html! {
        @if !mine.is_empty() {
            section aria-labelledby="applications" {
                h2 id="applications" { "Applications" }
                ul { @for one in mine.iter().take(SOME) {
                    li {
                        a href=(place::application(one.index)) { bdi { (one.name) } } " for " (parts::list(state, &one.list)) ", "
                        (parts::day(one.submitted_at)) ": " (overview::word(one.stage(frame.now, state.discussion_seconds(&one.list))))
                    }
                } }
                @if mine.len() > SOME { p { "And " (mine.len() - SOME) " earlier ones." } }
            }
        }
    }
}

fn cross_requests(state: &State, id: &ParticipantId) -> Markup {
    let theirs = state.cross_requests.values().rev().filter(|one| one.requester == *id || one.issuer == *id);
    let some: Vec<_> = theirs.take(SOME).collect();
    html! {
        @if !some.is_empty() {
            section aria-labelledby="crosses" {
                h2 id="crosses" { "Requests for cross-certificates" }
                ul { @for one in some {
                    li {
                        (parts::day(one.at)) ": " (parts::participant(state, &one.requester)) " asked " (parts::participant(state, &one.issuer)) " " (parts::entry(one.index)) ": "
                        @match &one.answer {
                            Some(answer) => { (crate::entry::answer(answer.answer)) " " (parts::entry(answer.index)) },
                            None => @match one.closed {
                                Some((_, entry)) => { "closed without an answer " (parts::entry(entry)) },
                                None => { "no answer yet" },
                            },
                        }
                    }
                } }
            }
        }
    }
}

fn votes(frame: &Frame<'_>, id: &ParticipantId) -> Markup {
    let state = frame.state;
    let mine = state.proposals.values().rev().filter_map(|one| Some((one, one.votes.get(id)?)));
    let some: Vec<_> = mine.take(SOME).collect();
    html! {
        @if !some.is_empty() {
            section aria-labelledby="votes" {
                h2 id="votes" { "Latest votes" }
                ul { @for (one, vote) in some {
                    li {
                        (proposal::choice(Some(vote.choice))) " " a href=(place::proposal(one.index)) { "vote " (one.index) } ": to "
                        (proposal::title(state, &one.change)) " " (parts::entry(vote.index))
                    }
                } }
            }
        }
    }
}

pub(crate) fn accreditation(frame: &Frame<'_>, id: &ParticipantId, found: &Accreditation) -> Markup {
    html! {
        @if frame.state.is_accredited(id, frame.now) { span.badge.usable { "in force" } } @else { span.badge.withdrawn { "not in force" } }
        " since " (parts::day(found.since)) " by " (parts::decision(found.cause))
        @if let Some(until) = found.expires_at { ", until " (parts::day(until)) }
        @if let Some((at, cause)) = found.withdrawn { ", withdrawn " (parts::day(at)) " by " (parts::decision(cause)) }
    }
}
