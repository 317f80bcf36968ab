//! Applications: who asks for a place on a list, what was found, and what has to happen next.

use ctl_core::names::ListId;
use ctl_governance::application::{Application, Stage};
use ctl_governance::possession::Possession;
use ctl_governance::state::{Listed, State};
use ctl_governance::statement::body::Candidate;
use ctl_governance::statement::parts::EvidenceKind;
use ctl_pki::{Certificate, print};
use ctl_policy::Finding;
use maud::{Markup, html};

use crate::said::{self, Texts};
use crate::words::Words;
use crate::{Frame, comments, contents, list, overview, parts, place, proposal, screened, timeline, trust};

/// So many stand on a page.
pub(crate) const ON_A_PAGE: usize = 50;
/// So much evidence is shown at most.
const EVIDENCE: usize = 200;

/// Which applications are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only for this list.
    pub list: Option<ListId>,
    /// Only in this stage.
    pub stage: Option<Stage>,
    /// Only older ones than this.
    pub before: Option<u64>,
}

/// All stages, in their order.
const STAGES: [Stage; 9] = [
    Stage::Submitted,
    Stage::Screened,
    Stage::Evidence,
    Stage::Discussion,
    Stage::Discussed,
    Stage::Voting,
    Stage::Accepted,
    Stage::Rejected,
    Stage::Withdrawn,
];

/// A stage by the word that statements and queries have for it.
pub(crate) const fn code(stage: Stage) -> &'static str {
    match stage {
        Stage::Submitted => "submitted",
        Stage::Screened => "screened",
        Stage::Evidence => "evidence",
        Stage::Discussion => "discussion",
        Stage::Discussed => "discussed",
        Stage::Voting => "voting",
        Stage::Accepted => "accepted",
        Stage::Rejected => "rejected",
        Stage::Withdrawn => "withdrawn",
    }
}

/// The stage of an application at a moment.
fn stage(frame: &Frame<'_>, one: &Application) -> Stage {
    one.stage(frame.now, frame.state.discussion_seconds(&one.list))
}

/// Everyone who asked for a place, the newest first.
#[must_use]
pub fn applications(frame: &Frame<'_>, wanted: &Wanted) -> String {
    let Wanted { list, stage: in_stage, before } = wanted;
    let fits = |one: &Application| {
        list.as_ref().is_none_or(|list| one.list == *list)
            && in_stage.is_none_or(|wanted| stage(frame, one) == wanted)
    };
    let all = frame.state.applications.range(..before.unwrap_or(u64::MAX)).rev().map(|(_, one)| &**one);
    let mut some: Vec<&Application> = all.filter(|one| fits(one)).take(ON_A_PAGE + 1).collect();
    let more = some.len() > ON_A_PAGE;
    some.truncate(ON_A_PAGE);
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Certificate" } th scope="col" { "Applicant" } th scope="col" { "List" } th scope="col" { "Stage" }
                th scope="col" { "Since" }
            } }
            tbody {
                @for one in &some {
                    tr {
                        th scope="row" { a href=(place::application(one.index)) { bdi { (one.name) } } }
                        td { (parts::participant(frame.state, &one.applicant)) }
                        td { (parts::list(frame.state, &one.list)) }
                        td { (overview::word(stage(frame, one))) }
                        td { (parts::day(one.submitted_at)) }
                    }
                }
            }
        }
    };
    let body = html! {
        p.lead { "Who operates a PKI asks here for a place on a list. Everyone sees what was found, said and decided." }
        (filter(frame, wanted))
        @if some.is_empty() { p { "There is no such application." } } @else { (parts::wide("Applications", &table)) }
        @if let (true, Some(last)) = (more, some.last()) { p { a href=(older(wanted, last.index)) { "Older applications" } } }
        p.json { (parts::json("/v1/applications")) }
    };
    frame.page("Applications", &body)
}

fn filter(frame: &Frame<'_>, wanted: &Wanted) -> Markup {
    html! {
        form.line method="get" action=(place::APPLICATIONS) {
            label { "List " select name="list" {
                option value="" { "all" }
                @for (id, list) in &frame.state.charter.lists {
                    option value=(id) selected[wanted.list.as_ref() == Some(id)] { (list.name) }
                }
            } }
            label { "Stage " select name="stage" {
                option value="" { "all" }
                @for stage in STAGES {
                    option value=(code(stage)) selected[wanted.stage == Some(stage)] { (overview::word(stage)) }
                }
            } }
            button type="submit" { "Show" }
        }
    }
}

fn older(wanted: &Wanted, before: u64) -> String {
    let list = wanted.list.as_ref().map(|list| format!("&list={list}")).unwrap_or_default();
    let stage = wanted.stage.map(|stage| format!("&stage={}", code(stage))).unwrap_or_default();
    format!("{}?before={before}{list}{stage}", place::APPLICATIONS)
}

/// What is known of an application beside the state.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The findings of its screening in full; none if they were erased or never brought.
    pub findings: Option<&'a [Finding]>,
    /// What a cross-certificate would bring, in words.
    pub effects: &'a [String],
    /// Texts outside the log.
    pub texts: Texts<'a>,
    /// Comments older than this entry are wanted.
    pub before: Option<u64>,
}

/// The page of an application; none if this entry is none.
#[must_use]
pub fn application(frame: &Frame<'_>, index: u64, about: &About<'_>) -> Option<String> {
    let state = frame.state;
    let one: &Application = state.applications.get(&index)?;
    let stage = stage(frame, one);
    let json = format!("/v1{}", place::application(index));
    let body = html! {
        dl {
            dt { "Stage" } dd { span class={ "badge " (colour(stage)) } { (overview::word(stage)) } }
            dt { "What happens next" } dd { (next(frame, one, stage)) }
            dt { "Applicant" } dd { (parts::participant(state, &one.applicant)) }
            dt { "List" } dd { (parts::list(state, &one.list)) }
            dt { "Applied" } dd { (parts::moment(one.submitted_at)) " " (parts::entry(one.index)) }
            (asks(frame, one))
            dt { "SHA-256 of the certificate" } dd { (parts::digest(&one.fingerprint)) " " a href="#certificate" { "the certificate" } }
        }
        (screened::section(frame, one, about.findings))
        (evidence(frame, one, about.texts))
        @if !about.effects.is_empty() {
            section aria-labelledby="effects" {
                h2 id="effects" { "What it would make possible" }
                ul { @for line in about.effects { li { bdi { (print::line(line)) } } } }
            }
        }
        @if let Some(proposal) = one.proposal.and_then(|index| state.proposals.get(&index)) {
            section aria-labelledby="vote" {
                h2 id="vote" { "The vote" }
                p { a href=(place::proposal(proposal.index)) { "Proposal " (proposal.index) } ": " (proposal::standing(frame, proposal)) }
                (proposal::votes(frame, proposal))
            }
        }
        (comments::section(frame, &one.comments, about.texts, about.before, &place::application(index)))
        (certificate(frame, one))
        section aria-labelledby="road" { h2 id="road" { "Its road" } (timeline::of_application(state, one)) }
        p.json { (parts::json(&json)) }
    };
    Some(frame.page(&format!("Application: {}", one.name), &body))
}

const fn colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Accepted => "usable",
        Stage::Rejected | Stage::Withdrawn => "expired",
        _ => "qualified",
    }
}

/// What has to happen next, and who does it.
fn next(frame: &Frame<'_>, one: &Application, stage: Stage) -> Markup {
    let state = frame.state;
    let until = one.discussed_until(state.discussion_seconds(&one.list));
    let missing = missing(state, one);
    let refused = state.never_admitted(one, frame.now);
    let outdated = state.screening_outdated(one, frame.now).filter(|_| stage == Stage::Discussed);
    let blocked = one.errors().into_iter().filter(|(_, waivable)| !waivable).count();
    html! {
        @match stage {
            Stage::Submitted => { "The server screens the certificate by the list's policy. Nobody has to do anything." },
            // The charter may ask for less than it did when the last of it was attached.
            Stage::Screened | Stage::Evidence if missing.is_empty() => {
                "All evidence is there. The discussion begins with the next screening or piece of evidence."
            },
            Stage::Screened | Stage::Evidence => { "This evidence is to be attached: " (to_attach(&missing)) "." },
            Stage::Discussion => {
                "Every participant may comment"
                @if let Some(until) = until { " until " (parts::moment(until)) " (" (parts::from_now(until, frame.now)) ")" }
                ". Then an elector of the list can put it to the vote."
            },
            Stage::Discussed if !missing.is_empty() => { "It is discussed." },
            Stage::Discussed if refused.is_some() => { "It is discussed." },
            Stage::Discussed => { "An elector of the list can put it to the vote." },
            Stage::Voting => { "The electors vote: see below." },
            Stage::Accepted => {
                @match crate::words::listed(state, &one.list, &one.fingerprint) {
                    Some(listed) if !trust::is_trusted(frame, &one.list, listed) => (fallen(frame, &one.list, listed)),
                    Some(listed) if listed.first_published.is_none() => { "The signers sign the next version of the list, which will have it." },
                    Some(listed) if trust::published(frame, &one.list, listed).is_some() => { "The signers sign the next version of the list, which will have it again." },
                    Some(_) => { "Nothing: it stands " a href=(place::certificate(&one.fingerprint)) { "on the list" } "." },
                    None => { "Nothing." },
                }
            },
            Stage::Rejected | Stage::Withdrawn => { "Nothing: it is over." },
        }
        @if matches!(stage, Stage::Discussion | Stage::Discussed) && !missing.is_empty() {
            " " strong { "Before a vote, this evidence is to be attached: " (to_attach(&missing)) "." }
        }
        @if let Some(refusal) = refused.filter(|_| one.is_open()) {
            " " strong { "It cannot be admitted: " (refusal.detail) "." }
        } @else if let Some(why) = outdated {
            " " strong { "Before a vote it is screened again: since the last screening, " (why) "." }
        }
        @if one.is_open() && blocked > 0 {
            " " strong { "It cannot be admitted as it is: " (blocked) " of the screening's errors cannot be waived." }
        }
    }
}

fn to_attach(missing: &[EvidenceKind]) -> Markup {
    html! { @for (at, kind) in missing.iter().enumerate() { @if at > 0 { "; " } (timeline::kind(*kind)) " (" (by_whom(*kind)) ")" } }
}

/// What became of it since it was accepted.
fn fallen(frame: &Frame<'_>, list: &ListId, listed: &Listed) -> Markup {
    let now = frame.state.effective_status(listed);
    html! {
        strong { "It is not trusted now: " }
        @if now.status.is_listed() { (trust::why_not(frame, list, listed)) }
        @else { (parts::status(now.status)) " since " (parts::moment(now.at)) " " (parts::entry(now.cause)) }
        ". See " a href=(place::certificate(&listed.fingerprint)) { "where it stands" } "."
    }
}

fn missing(state: &State, one: &Application) -> Vec<EvidenceKind> {
    let required = state.charter.lists.get(&one.list).map(|list| &*list.required_evidence);
    one.missing_evidence(required.unwrap_or_default())
}

const fn by_whom(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::SecondChannelFingerprint => "by someone who is not the applicant",
        _ => "by the applicant",
    }
}

/// What it asks for.
fn asks(frame: &Frame<'_>, one: &Application) -> Markup {
    html! {
        @match &one.candidate {
            Candidate::Root { uses, constraints, services } => {
                dt { "Asks to be trusted for" } dd { (parts::uses(uses)) }
                @if !constraints.0.is_empty() { dt { "Under the conditions" } dd { (list::constraints(constraints)) } }
                dt { "Its services" }
                dd {
                    @for (name, urls) in [("OCSP", &services.ocsp), ("CRL", &services.crl), ("EST", &services.est), ("root pool", &services.root_pool)] {
                        @for url in urls { (name) " " code { (print::line(url.as_str())) } br; }
                    }
                    @if services.ocsp.is_empty() && services.crl.is_empty() && services.est.is_empty() && services.root_pool.is_empty() { "none named" }
                }
                dt { "Holds the root's key" } dd { (possession(one.possession)) }
            },
            Candidate::CrossCertificate { issuer, subject } => {
                dt { "Asks that" }
                dd {
                    (Words::default().certificate(frame.state, &one.list, issuer)) " may vouch for "
                    (Words::default().certificate(frame.state, &one.list, subject))
                }
            },
        }
    }
}

const fn possession(possession: Possession) -> &'static str {
    match possession {
        Possession::Proven => "shown: the key signed a fresh proof",
        Possession::Missing => "not shown; electors must waive that to admit it",
        Possession::Unverifiable => "not shown: the proof is by an algorithm that cannot be verified here",
        Possession::NotAsked => "not asked",
    }
}

fn certificate(frame: &Frame<'_>, one: &Application) -> Markup {
    let known = crate::words::listed(frame.state, &one.list, &one.fingerprint).is_some();
    html! {
        section aria-labelledby="certificate" {
            h2 id="certificate" { "The certificate" }
            @if known { p { a href=(place::certificate(&one.fingerprint)) { "Where it stands and stood" } } }
            @match Certificate::from_der(&one.certificate) {
                Ok(read) => (contents::contents(&read)),
                Err(error) => p { "It cannot be read: " (print::line(&error.to_string())) },
            }
        }
    }
}

fn evidence(frame: &Frame<'_>, one: &Application, texts: Texts<'_>) -> Markup {
    let missing = missing(frame.state, one);
    let table = html! {
        table {
            thead { tr { th scope="col" { "What" } th scope="col" { "By" } th scope="col" { "Attached" } th scope="col" { "Content" } } }
            tbody {
                @for evidence in one.evidence.iter().take(EVIDENCE) {
                    tr {
                        th scope="row" { (timeline::kind(evidence.kind)) }
                        td { (parts::participant(frame.state, &evidence.author)) }
                        td { (parts::day(evidence.at)) " " (parts::entry(evidence.index)) }
                        td {
                            @if let Some(dated) = evidence.dated { "dated " (parts::day(dated)) ". " }
                            @if let Some(heard) = &evidence.fingerprint {
                                @if *heard == one.fingerprint { span.badge.usable { "the same fingerprint" } }
                                @else { span.badge.suspended { "another fingerprint" } " " (parts::digest(heard)) }
                            }
                            @if let Some(blob) = &evidence.blob { (said::download(blob, texts)) }
                        }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="evidence" {
            h2 id="evidence" { "Evidence" }
            @if one.evidence.is_empty() { p { "Nothing is attached yet." } } @else {
                (parts::wide("Evidence", &table))
                @if one.evidence.len() > EVIDENCE { p { "And " (one.evidence.len() - EVIDENCE) " more: see the JSON." } }
                p { small { "Each download begins with 32 bytes of salt, which are not part of the document: " code { "tail -c +33 FILE" } } }
            }
            @if !missing.is_empty() {
                p { strong { "Missing: " } @for (at, kind) in missing.into_iter().enumerate() { @if at > 0 { ", " } (timeline::kind(kind)) } }
            }
        }
    }
}
