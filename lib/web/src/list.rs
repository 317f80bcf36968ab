//! A list: what stands on it and how it came there, what is distrusted and why, and every form to download.

use ctl_core::names::ListId;
use ctl_core::parts::{Constraints, DistrustKind};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::state::{Anchor, CrossCertificate, ListState, Published};
use maud::{Markup, html};
use serde_json::Value;

use crate::{Frame, parts, place, timeline};

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

/// The page of a list; none if the scheme has no such list.
#[must_use]
pub fn list(frame: &Frame<'_>, id: &ListId, renditions: &[Rendition]) -> Option<String> {
    let state = frame.state;
    let charter = state.charter.lists.get(id)?;
    let contents = state.lists.get(id)?;
    let here: Vec<&Anchor> = contents.anchors.values().map(|anchor| &**anchor).collect();
    let (listed, gone): (Vec<&Anchor>, Vec<&Anchor>) =
        here.into_iter().partition(|anchor| state.effective_status(&anchor.listed).status.is_listed());
    let body = html! {
        (version(frame, id))
        section aria-labelledby="anchors" {
            h2 id="anchors" { "Roots" }
            @if listed.is_empty() { p { "No root stands on this list." } } @else { (anchors(frame, id, &listed)) }
        }
        (crosses(frame, contents))
        @if !gone.is_empty() {
            section aria-labelledby="gone" {
                h2 id="gone" { "No longer trusted" }
                (anchors(frame, id, &gone))
            }
        }
        (distrusted(contents))
        (downloads(id, renditions))
        section aria-labelledby="rules" {
            h2 id="rules" { "How this list is governed" }
            dl {
                dt { "Policy" } dd { (charter.policy.name) " " (charter.policy.version) " " (parts::digest(&charter.policy.sha256)) }
                dt { "Electors" } dd { @for elector in &charter.electors { (parts::participant(state, elector)) " " } }
                dt { "Approvals to admit a root" } dd { (charter.quorum.admit) " of " (charter.electors.len()) }
                dt { "Discussion, voting" } dd { (parts::span(charter.discussion_seconds)) ", " (parts::span(charter.voting_seconds)) }
                dt { "Signed by" }
                dd {
                    "any " (charter.signers.threshold) " of "
                    @for signer in &charter.signers.holders { (parts::participant(state, signer)) " " }
                }
            }
        }
        p.json { "As JSON: " a href={ "/v1/lists/" (id) } { code { "/v1/lists/" (id) } } }
    };
    Some(frame.page(charter.name.as_str(), &body))
}

/// Which version is in force, how old it is, and until when it may be used.
pub(crate) fn version(frame: &Frame<'_>, id: &ListId) -> Markup {
    let Some(published) = frame.state.published.get(&Role::List(id.clone())) else {
        return html! { p { "Nothing was published yet." } };
    };
    html! {
        p.version {
            "Version " strong { (number(published)) } ", published " (parts::moment(published.at)) " ("
            (parts::from_now(published.at, frame.now)) "), next update due " (parts::moment(published.open.expires)) " "
            (freshness(published, frame.now))
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

fn anchors(frame: &Frame<'_>, id: &ListId, anchors: &[&Anchor]) -> Markup {
    let table = html! {
        table {
            thead { tr { th scope="col" { "Root" } th scope="col" { "Operator" } th scope="col" { "For" } th scope="col" { "Status" } th scope="col" { "Certificate ends" } } }
            tbody {
                @for anchor in anchors {
                    @let listed = &anchor.listed;
                    @let status = frame.state.effective_status(listed);
                    tr {
                        th scope="row" {
                            a href=(place::certificate(&listed.fingerprint)) { (listed.name) }
                            @if !anchor.constraints.0.is_empty() { br; small { (constraints(&anchor.constraints)) } }
                        }
                        td { (parts::participant(frame.state, &listed.operator)) }
                        td { @for r#use in &anchor.uses { (parts::r#use(*r#use)) " " } }
                        td { (parts::status(status.status)) " " small { "since " (parts::day(status.at)) } }
                        td { (parts::day(listed.not_after)) }
                    }
                    tr.more { td colspan="5" { details { summary { "The road of " (listed.name) } (timeline::of(frame.state, id, listed)) } } }
                }
            }
        }
    };
    parts::wide("Roots", &table)
}

/// Under which conditions an anchor is trusted.
pub(crate) fn constraints(constraints: &Constraints) -> Markup {
    html! {
        @for (name, constraint) in &constraints.0 {
            @match name.as_str() {
                Constraints::NOT_ISSUED_AFTER => { "nothing issued after " }
                Constraints::NOT_TRUSTED_AFTER => { "not trusted after " }
                Constraints::MO_IDS => { "contracts only of " }
                other => { (ctl_pki::print::line(other)) ": " }
            }
            @match &constraint.value {
                value if value.is_string() => { (value.as_str().unwrap_or_default()) }
                value => { (value.to_string()) }
            }
            @if constraint.critical { " (readers that cannot keep this leave the root out)" } " "
        }
    }
}

fn crosses(frame: &Frame<'_>, contents: &ListState) -> Markup {
    let crosses: Vec<&CrossCertificate> =
        contents.cross_certificates.values().map(|cross| &**cross).collect();
    if crosses.is_empty() {
        return html! {};
    }
    let name = |fingerprint: &Digest| {
        let anchor = contents.anchors.get(fingerprint);
        let text = anchor.map_or_else(|| fingerprint.short(), |anchor| anchor.listed.name.to_string());
        html! { a href=(place::certificate(fingerprint)) { (text) } }
    };
    let table = html! {
        table {
            thead { tr { th scope="col" { "Cross-certificate" } th scope="col" { "Issued by" } th scope="col" { "For" } th scope="col" { "Status" } th scope="col" { "Ends" } } }
            tbody {
                @for cross in crosses {
                    @let status = frame.state.effective_status(&cross.listed);
                    tr {
                        th scope="row" { a href=(place::certificate(&cross.listed.fingerprint)) { (cross.listed.name) } }
                        td { (name(&cross.issuer)) }
                        td { (name(&cross.subject)) }
                        td { (parts::status(status.status)) " " small { "since " (parts::day(status.at)) } }
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

fn distrusted(contents: &ListState) -> Markup {
    if contents.distrusted.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="distrusted" {
            h2 id="distrusted" { "Distrusted by decision" }
            ul {
                @for (what, proposal) in contents.distrusted.iter() {
                    li {
                        @match what.kind { DistrustKind::Certificate => { "the certificate " } DistrustKind::Spki => { "every certificate with the key " } }
                        (parts::digest(&what.sha256)) " by " a href=(place::proposal(*proposal)) { "decision " (proposal) }
                    }
                }
            }
        }
    }
}

fn downloads(id: &ListId, renditions: &[Rendition]) -> Markup {
    if renditions.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr { th scope="col" { "File" } th scope="col" { "Media type" } th scope="col" { "SHA-256, or why not" } } }
            tbody {
                @for one in renditions {
                    tr {
                        @match &one.bytes {
                            Ok(sha256) => {
                                th scope="row" { a href=(one.path) { (file_name(&one.path)) } }
                                td { (one.media_type) }
                                td {
                                    (parts::digest(sha256))
                                    @if !one.omissions.is_empty() {
                                        br; small { "without " (one.omissions.len()) " roots, whose conditions it cannot express" }
                                    }
                                }
                            }
                            Err(reason) => {
                                th scope="row" { (file_name(&one.path)) }
                                td { (one.media_type) }
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
            (parts::wide("Files to download", &table))
            p {
                "Do not trust a file for where it came from. With the scheme's " code { "root.json" } ", which you confirmed over another channel, "
                "this checks the signatures of the list and its place in the log:"
            }
            pre tabindex="0" { code { "ctl-admin verify --root root.json --list " (id) " ctl.jws" } }
        }
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
