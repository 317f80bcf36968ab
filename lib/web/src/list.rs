//! A list: what stands on it and how it came there, what is distrusted and why, and every form to download.

use std::collections::BTreeSet;

use ctl_core::names::{ListId, ParticipantId};
use ctl_core::parts::{Constraints, DistrustKind, Distrusted};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::state::{Anchor, CrossCertificate, ListState, Published};
use maud::{Markup, html};
use serde_json::Value;

use crate::{Frame, parts, place, timeline, trust};

/// One form in which the latest version is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// Where it is served.
    pub path: String,
    /// Its media type.
    pub media_type: String,
    /// SHA-256 of its bytes, or why there is none of this version.
    pub bytes: Result<Digest, String>,
    /// The anchors that it leaves out, as it cannot say under which conditions they are trusted.
    pub omissions: Vec<Digest>,
}

impl Rendition {
    /// The forms of a version, as the server describes them in JSON. What is not described as it should be is left out.
    #[must_use]
    pub fn described(described: &Value) -> Vec<Self> {
        let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        let digest = |text: String| text.parse().ok();
        let read = |one: &Value| {
            let bytes = match text(one, "absent") {
                Some(reason) => Err(reason),
                None => Ok(text(one, "sha256").and_then(digest)?),
            };
            let omissions = one.get("omissions").and_then(Value::as_array);
            let omissions =
                omissions.into_iter().flatten().filter_map(|one| one.as_str()?.parse().ok()).collect();
            Some(Self { path: text(one, "path")?, media_type: text(one, "media_type")?, bytes, omissions })
        };
        described.as_array().into_iter().flatten().filter_map(read).collect()
    }
}

/// The page of a list; none if the scheme has no such list. `signed_by` are those who signed the latest version,
/// `before` is the number of the version before it, or 0.
#[must_use]
pub fn list(
    frame: &Frame<'_>,
    id: &ListId,
    renditions: &[Rendition],
    signed_by: &[ParticipantId],
    before: u64,
) -> Option<String> {
    let state = frame.state;
    let charter = state.charter.lists.get(id)?;
    let contents = state.lists.get(id)?;
    let mut all: Vec<&Anchor> = contents.anchors.values().map(|anchor| &**anchor).collect();
    // People look for a name.
    all.sort_by_key(|anchor| anchor.listed.name.as_str().to_lowercase());
    let (listed, gone): (Vec<&Anchor>, Vec<&Anchor>) =
        all.into_iter().partition(|anchor| trust::is_trusted(frame, id, &anchor.listed));
    let body = html! {
        (version(frame, id))
        @if !signed_by.is_empty() {
            p {
                "Signed by " (people(frame, signed_by)) ". "
                // Of those whom devices know, not of those whom the charter names by now.
                @if let Some(may) = state.authorities.get(&Role::List(id.clone())) {
                    "Devices ask for " (parts::count(may.needed, "signature")) " by the " (parts::count(may.keys.len(), "signer")) " that they know."
                }
            }
        }
        p { "The tables below show what is decided now, whether or not it is published yet." }
        ul.ways {
            li { a href=(place::reach(id)) { "Who can charge where" } }
            li { a href="#downloads" { "Download" } }
            @if let Some(number) = state.published.get(&Role::List(id.clone())).map(number) {
                li { a href=(place::changes(id, before, number)) { "What version " (number) " changed" } }
            }
            li { a href=(place::versions(id)) { "All versions" } }
        }
        section aria-labelledby="anchors" {
            h2 id="anchors" { "Roots" }
            @if listed.is_empty() { p { "No root stands on this list." } } @else { (anchors(frame, id, "Roots", &listed)) }
        }
        (crosses(frame, id, contents))
        @if !gone.is_empty() {
            section aria-labelledby="gone" {
                h2 id="gone" { "Roots that are not trusted, or no longer" }
                (anchors(frame, id, "Roots that are not trusted", &gone))
            }
        }
        (distrusted(contents))
        (downloads(id, renditions))
        section aria-labelledby="rules" {
            h2 id="rules" { "How this list is governed" }
            dl {
                dt { "Policy" } dd { bdi { (charter.policy.name) } " " (charter.policy.version) " " (parts::digest(&charter.policy.sha256)) }
                dt { "Electors" } dd { (people(frame, &charter.electors)) }
                dt { "Approvals to admit a root" } dd { (parts::count(charter.quorum.admit, "organisation")) " must approve, of the " (organisations(state, &charter.electors)) " whose electors may vote" }
                dt { "Discussion" } dd { "at least " (parts::span(charter.discussion_seconds)) }
                dt { "Voting" } dd { "at most " (parts::span(charter.voting_seconds)) }
                dt { "Signers" } dd { "any " (charter.signers.threshold) " of " (people(frame, &charter.signers.holders)) }
            }
        }
        (roads(frame, id, &listed, &gone))
        p.json { (parts::json(&format!("/v1{}", place::list(id)))) }
    };
    Some(frame.page(charter.name.as_str(), &body))
}

/// The organisations of those who may vote: each has one voice, however many electors it has.
fn organisations(state: &State, electors: &[ParticipantId]) -> usize {
    let active = electors.iter().filter_map(|elector| state.active(elector));
    active.map(|elector| &elector.organisation).collect::<BTreeSet<_>>().len()
}

pub(crate) fn people<'a>(frame: &Frame<'_>, people: impl IntoIterator<Item = &'a ParticipantId>) -> Markup {
    html! { @for (at, one) in people.into_iter().enumerate() { @if at > 0 { ", " } (parts::participant(frame.state, one)) } }
}

/// Which version is in force, how old it is, and until when it may be used.
pub(crate) fn version(frame: &Frame<'_>, id: &ListId) -> Markup {
    let Some(published) = frame.state.published.get(&Role::List(id.clone())) else {
        return html! { p { "Nothing was published yet." } };
    };
    html! {
        p.version {
            a href=(place::version(id, number(published))) { "Version " (number(published)) } ", published " (parts::moment(published.at)) " ("
            (parts::from_now(published.at, frame.now)) "), next update due " (parts::moment(published.open.expires)) " "
            (freshness(published, frame.now))
            @if !frame.state.is_published(id) { ". " strong { "Not all that is decided now is in version " (number(published)) } ": the signers sign the next one" }
        }
    }
}

/// The number of a published version.
pub(crate) fn number(published: &Published) -> u64 {
    published.open.sequence.unwrap_or(published.open.version)
}

fn freshness(published: &Published, now: Timestamp) -> Markup {
    if published.open.expires < now {
        html! { span.badge.suspended { "overdue" } }
    } else {
        html! { span.badge.usable { "in force" } }
    }
}

fn anchors(frame: &Frame<'_>, id: &ListId, label: &str, anchors: &[&Anchor]) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Root" } th scope="col" { "Operator" } th scope="col" { "For" } th scope="col" { "Status" }
                th scope="col" { "Since" } th scope="col" { "Ends" }
            } }
            tbody {
                @for anchor in anchors {
                    @let listed = &anchor.listed;
                    @let status = frame.state.effective_status(listed);
                    tr {
                        th scope="row" {
                            a href=(place::certificate(&listed.fingerprint)) { bdi { (listed.name) } }
                            (conditions(&anchor.constraints))
                        }
                        td { (parts::participant(frame.state, &listed.operator)) }
                        td { (parts::uses(&anchor.uses)) }
                        td { (trust::standing(frame, id, listed)) }
                        td { (parts::day(status.at)) }
                        td { (parts::day(listed.not_after)) }
                    }
                }
            }
        }
    };
    parts::wide(label, &table)
}

/// The road of each root, for whoever asks how it came here.
fn roads(frame: &Frame<'_>, id: &ListId, listed: &[&Anchor], gone: &[&Anchor]) -> Markup {
    html! {
        @if !listed.is_empty() || !gone.is_empty() {
            section aria-labelledby="roads" {
                h2 id="roads" { "How each root came here" }
                @for anchor in listed.iter().chain(gone) {
                    details { summary { bdi { (anchor.listed.name) } } (timeline::of(frame.state, id, &anchor.listed)) }
                }
            }
        }
    }
}

/// Under which conditions an anchor is trusted, on a line of their own; nothing if there are none.
pub(crate) fn conditions(conditions: &Constraints) -> Markup {
    html! { @if !conditions.0.is_empty() { br; small { (constraints(conditions)) } } }
}

/// Under which conditions an anchor is trusted.
pub(crate) fn constraints(constraints: &Constraints) -> Markup {
    html! {
        @for (at, (name, constraint)) in constraints.0.iter().enumerate() {
            @if at > 0 { "; " }
            @match name.as_str() {
                Constraints::NOT_ISSUED_AFTER => { "nothing issued after " }
                Constraints::NOT_TRUSTED_AFTER => { "not trusted after " }
                Constraints::MO_IDS => { "contracts only of " }
                other => { (ctl_pki::print::line(other)) ": " }
            }
            (value(&constraint.value))
            @if constraint.critical { " (readers that cannot keep this leave the root out)" }
        }
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => ctl_pki::print::line(text),
        Value::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(", "),
        other => ctl_pki::print::line(&other.to_string()),
    }
}

fn crosses(frame: &Frame<'_>, id: &ListId, contents: &ListState) -> Markup {
    let crosses: Vec<&CrossCertificate> =
        contents.cross_certificates.values().map(|cross| &**cross).collect();
    if crosses.is_empty() {
        return html! {};
    }
    let name = |fingerprint: &Digest| {
        let anchor = contents.anchors.get(fingerprint);
        let text = anchor.map_or_else(|| fingerprint.short(), |anchor| anchor.listed.name.to_string());
        html! { a href=(place::certificate(fingerprint)) { bdi { (text) } } }
    };
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Cross-certificate" } th scope="col" { "Issued by" } th scope="col" { "For" } th scope="col" { "Status" }
                th scope="col" { "Since" } th scope="col" { "Ends" }
            } }
            tbody {
                @for cross in crosses {
                    @let status = frame.state.effective_status(&cross.listed);
                    tr {
                        th scope="row" { a href=(place::certificate(&cross.listed.fingerprint)) { bdi { (cross.listed.name) } } }
                        td { (name(&cross.issuer)) }
                        td { (name(&cross.subject)) }
                        td { (trust::standing(frame, id, &cross.listed)) }
                        td { (parts::day(status.at)) }
                        td { (parts::day(cross.listed.not_after)) }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="crosses" {
            h2 id="crosses" { "Cross-certificates" }
            (parts::wide("Cross-certificates", &table))
        }
    }
}

/// What is distrusted, in words.
pub(crate) fn distrust(what: &Distrusted) -> Markup {
    html! {
        @match what.kind {
            DistrustKind::Certificate => { "the certificate " }
            DistrustKind::Spki => { "every certificate with the key " }
        }
        (parts::digest(&what.sha256))
    }
}

fn distrusted(contents: &ListState) -> Markup {
    if contents.distrusted.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="distrusted" {
            h2 id="distrusted" { "Distrusted by decision" }
            ul {
                @for (what, proposal) in contents.distrusted.iter() {
                    li { (distrust(what)) " by " (parts::decision(*proposal)) }
                }
            }
        }
    }
}

fn downloads(id: &ListId, renditions: &[Rendition]) -> Markup {
    let table = html! {
        table {
            thead { tr { th scope="col" { "File" } th scope="col" { "Media type" } th scope="col" { "SHA-256, or why not" } } }
            tbody {
                @for one in renditions {
                    tr {
                        @match &one.bytes {
                            Ok(sha256) => {
                                th scope="row" { a href=(one.path) { (file_name(&one.path)) } }
                                td { code { (one.media_type) } }
                                td {
                                    (parts::digest(sha256))
                                    @if !one.omissions.is_empty() {
                                        br; small { "without " (parts::count(one.omissions.len(), "root")) " whose conditions it cannot express" }
                                    }
                                }
                            }
                            Err(reason) => {
                                th scope="row" { (file_name(&one.path)) }
                                td { code { (one.media_type) } }
                                td { "not of this version: " (reason) }
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="downloads" {
            h2 id="downloads" { "Download" }
            @if renditions.is_empty() {
                p { "There is nothing to download before the first publication." }
            } @else {
                (parts::wide("Files to download", &table))
                p {
                    "Do not trust a file for where it came from. With a " code { "root.json" } " of the scheme that you confirmed over "
                    "another channel, this checks the signatures, and that they are enough:"
                }
                pre tabindex="0" { code { "ctl-admin verify ctl.jws --root root.json" } }
                p {
                    "It tells the digest of the list that was signed, which is that of " code { "ctl.json" } ". A file in any other form is as good as the "
                    "digest beside it here: compare it with " code { "sha256sum" } ", or let " code { "ctl-client" } " make the file from the "
                    "signed list. That the log has the list is in " a href={ "/v1" (place::list(id)) "/tlog-proof" } { "tlog-proof" } "; "
                    code { "ctl-client" } " and " code { "ctl-admin audit" } " check that too."
                }
                p { "Chargers and vehicles’ back ends do this by themselves: " code { "ctl-client sync" } " follows list " code { (id) } "." }
            }
        }
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
