//! What proves an incident: what was asked and answered, and how a download is checked.

use ctl_core::Digest;
use maud::{Markup, html};

use super::incident::{Finding, IncidentPage, findings};
use super::{place, told};
use crate::parts;

/// One exchange with a service.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub request: String,
    pub address: Option<String>,
    pub status: Option<u64>,
    /// The length of the answer's body.
    pub bytes: u64,
}

/// A document that proves what was found.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub sha256: Digest,
    /// Its length; none if it was removed.
    pub bytes: Option<u64>,
    /// When the answer came, what was found in it and in which exchanges; none of a document too large to be read here.
    pub read: Option<(String, Vec<Finding>, Vec<Exchange>)>,
}

pub(super) fn evidence(page: &IncidentPage<'_>) -> Markup {
    html! {
        @if let Some(kept) = page.withheld {
            p {
                @if kept > 0 { "It is kept, and held back" } @else { "None is here yet. What comes is held back" }
                " until this watcher's claim is in the log, or there will be none: whoever knew it before could claim it as "
                "their own."
            }
        } @else if page.evidence.is_empty() {
            p { "None is kept: there was no answer to keep, no room, or it was too long ago." }
        } @else {
            p {
                "What was asked and answered, as it was received. Its name is its SHA-256, which claims in the log name too, "
                "so nobody can change it afterwards: check what you downloaded."
            }
            @for (number, one) in page.evidence.iter().enumerate() {
                article.card {
                    h3 { "Evidence " (number + 1) }
                    @match &one.read {
                        _ if one.bytes.is_none() => {
                            p { "It is not here: it is written within seconds of the probe, or was removed for its age or for want of room." }
                            p { (parts::digest(&one.sha256)) }
                        },
                        Some((at, found, exchanges)) => {
                            p { "Received at " (told(at)) "." }
                            (findings(found))
                            @if !exchanges.is_empty() {
                                ul {
                                    @for exchange in exchanges {
                                        li {
                                            code { (told(&exchange.request)) }
                                            @if let Some(address) = &exchange.address { " at " code { (told(address)) } }
                                            @match exchange.status {
                                                Some(status) => { ": status " (status) ", " (exchange.bytes) " bytes" },
                                                None => ": no answer",
                                            }
                                        }
                                    }
                                }
                            }
                        },
                        None => p { "What it holds is not shown here: download it." },
                    }
                    @if let Some(bytes) = one.bytes {
                            @let file = place::evidence_file(&one.sha256);
                            p { a href=(place::evidence(&one.sha256)) download=(file) { "Download" } " (JSON, " (bytes) " bytes)" }
                            pre tabindex="0" { code { "echo '" (one.sha256) "  " (file) "' | sha256sum --check" } }
                    }
                }
            }
        }
    }
}
