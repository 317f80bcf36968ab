//! Any version of a list, and the difference between any two.

use ctl_core::Digest;
use ctl_core::list::ListPayload;
use ctl_core::list::difference::{Difference, MemberChange, Part, PartChanges};
use ctl_core::names::ListId;
use ctl_core::paths::LIST_VERSION;
use ctl_core::role::Role;
use maud::{Markup, html};

use crate::{Frame, list, parts, place};

/// At most so many numbers of versions stand on the page of versions.
pub const VERSIONS_AT_ONCE: usize = 100;

/// Which versions there are, the newest first, each with the one before it (0 is the empty list). Those before the number
/// `older` are not told.
#[must_use]
pub fn versions(
    frame: &Frame<'_>,
    id: &ListId,
    numbers: &[(u64, u64)],
    older: Option<u64>,
) -> Option<String> {
    let charter = frame.state.charter.lists.get(id)?;
    let body = html! {
        p { "Versions of " (parts::list(frame.state, id)) ", the newest first. None of them ever changes." }
        ul.columns {
            @for (number, before) in numbers {
                li {
                    a href=(place::version(id, *number)) { "version " (number) } ", "
                    a href=(place::changes(id, *before, *number)) aria-label={ "what it changed: version " (number) } { "what it changed" }
                }
            }
        }
        @if numbers.is_empty() { p { "There are none here." } }
        @if let Some(before) = older { p { a href={ (place::versions(id)) "?before=" (before) } { "Older versions" } } }
        @if let Some((number, before)) = numbers.first() { (compare(frame, id, *before, *number)) }
    };
    Some(frame.page(&format!("Versions: {}", charter.name), &body))
}

/// Asks for the difference between any two versions.
pub(crate) fn compare(frame: &Frame<'_>, id: &ListId, from: u64, to: u64) -> Markup {
    let most = frame.state.published.get(&Role::List(id.clone())).map_or(1, list::number);
    html! {
        form.line method="get" action={ (place::list(id)) "/changes" } {
            label { "Compare version " input type="number" name="from" min="0" max=(most) value=(from) required; }
            label { " with version " input type="number" name="to" min="1" max=(most) value=(to) required; }
            " " button type="submit" { "Show" }
        }
    }
}

/// One version as it was published; `before` is the number of the version before it, or 0.
#[must_use]
pub fn version(frame: &Frame<'_>, list: &ListPayload, sha256: &Digest, before: u64) -> Option<String> {
    let (id, sequence) = (&list.list, list.sequence);
    let charter = frame.state.charter.lists.get(id)?;
    let newest = frame.state.published.get(&Role::List(id.clone())).map(list::number);
    let json = format!("/{}", LIST_VERSION.of(&[id, &sequence]));
    let body = html! {
        p {
            "Issued " (parts::moment(list.issued_at)) ", next update due " (parts::moment(list.next_update)) ". "
            @match newest {
                Some(newest) if newest > sequence => {
                    span.badge.warning { "old" } " The newest is " a href=(place::version(id, newest)) { "version " (newest) } "."
                }
                _ => { span.badge.usable { "newest" } }
            }
        }
        ul.ways {
            li { a href=(place::changes(id, before, sequence)) { "What it changed" } }
            li { a href=(place::versions(id)) { "All versions" } }
            li { a href=(json) { "The JSON that was signed" } }
            li { a href={ (json) ".tlog-proof" } { "Its proof in the log" } }
            li { (parts::list(frame.state, id)) }
        }
        section aria-labelledby="roots" {
            h2 id="roots" { "Roots" }
            @if list.anchors.is_empty() { p { "None." } } @else { (anchors(frame, list)) }
        }
        @if !list.cross_certificates.is_empty() {
            section aria-labelledby="crosses" {
                h2 id="crosses" { "Cross-certificates" }
                ul {
                    @for cross in &list.cross_certificates {
                        li {
                            a href=(place::certificate(&cross.fingerprint)) { bdi { (cross.name) } } " " (parts::status(cross.status))
                            ", since " (parts::day(cross.since)) " by " (parts::entry(cross.decision))
                        }
                    }
                }
            }
        }
        @if !list.distrusted.is_empty() {
            section aria-labelledby="distrusted" {
                h2 id="distrusted" { "Distrusted" }
                ul { @for what in &list.distrusted { li { (list::distrust(what)) } } }
            }
        }
        dl {
            dt { "SHA-256" } dd { (parts::digest(sha256)) }
            dt { "Version before" } dd { @if list.previous == Digest::ZERO { "none: this is the first" } @else { (parts::digest(&list.previous)) } }
            dt { "Policy" } dd { bdi { (list.policy.name) } " " (list.policy.version) }
            dt { "Drafted from" } dd { "the log’s first " (list.log.size) " entries, root hash " (parts::digest(&list.log.root_hash)) }
        }
    };
    Some(frame.page(&format!("{}, version {sequence}", charter.name), &body))
}

fn anchors(frame: &Frame<'_>, list: &ListPayload) -> Markup {
    parts::wide(
        "Roots",
        &html! {
            table {
                thead { tr { th scope="col" { "Root" } th scope="col" { "Operator" } th scope="col" { "For" } th scope="col" { "Status" } } }
                tbody {
                    @for anchor in &list.anchors {
                        tr {
                            th scope="row" {
                                a href=(place::certificate(&anchor.fingerprint)) { bdi { (anchor.name) } }
                                (list::conditions(&anchor.constraints))
                            }
                            td { (parts::participant(frame.state, &anchor.operator)) }
                            td { (parts::uses(&anchor.uses)) }
                            td { (parts::status(anchor.status)) " " small { "since " (parts::day(anchor.since)) " by " (parts::entry(anchor.decision)) } }
                        }
                    }
                }
            }
        },
    )
}

/// What changed from one version to another, in words and as JSON.
#[must_use]
pub fn difference(frame: &Frame<'_>, id: &ListId, found: &Difference, json: &str) -> Option<String> {
    let charter = frame.state.charter.lists.get(id)?;
    let (from, to) = (found.from.unwrap_or_default(), found.to);
    let api = format!("/v1{}/diff?from={from}&to={to}", place::list(id));
    let body = html! {
        p {
            "From " @if from == 0 { "the empty list" } @else { a href=(place::version(id, from)) { "version " (from) } }
            " to " a href=(place::version(id, to)) { "version " (to) } " of " (parts::list(frame.state, id)) "."
        }
        @if found.is_empty() { p { "Nothing but number, times and log." } }
        @if !found.members.is_empty() {
            section { h2 { "The list itself" } ul { (members(&found.members)) } }
        }
        @for (part, changes) in &found.parts { (part_of(*part, changes)) }
        (compare(frame, id, from, to))
        details { summary { "As JSON" } pre tabindex="0" { code { (json) } } }
        p.json { (parts::json(&api)) }
    };
    Some(frame.page(&format!("{}: what changed", charter.name), &body))
}

fn part_of(part: Part, changes: &PartChanges) -> Markup {
    let (title, certificates) = match part {
        Part::Anchors => ("Roots", true),
        Part::CrossCertificates => ("Cross-certificates", true),
        Part::Distrusted => ("Distrusted", false),
        Part::Identifiers => ("MO identifiers", false),
        Part::Notices => ("Notices", false),
    };
    let to = |id: &str| id.parse().ok().filter(|_| certificates).map(|digest| place::certificate(&digest));
    html! {
        section {
            h2 { (title) }
            ul.changes {
                @for item in changes.removed.iter().chain(&changes.added) {
                    li {
                        bdi { (ctl_pki::print::line(&item.text)) }
                        @if let Some(to) = to(&item.id) { " (" a href=(to) { "certificate" } ")" }
                    }
                }
                @for item in &changes.changed {
                    li {
                        @match to(&item.id) { Some(to) => { a href=(to) { bdi { (item.name) } } } None => { bdi { (item.name) } } }
                        ul { (members(&item.members)) }
                    }
                }
            }
        }
    }
}

fn members(members: &[MemberChange]) -> Markup {
    html! { @for change in members { li { bdi { (ctl_pki::print::line(&change.to_string())) } } } }
}
