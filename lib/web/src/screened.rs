//! What the screening of an application found.

use ctl_governance::application::{Application, Screening};
use ctl_governance::statement::parts as parts_of;
use ctl_pki::print;
use ctl_policy::{Finding, Severity};
use maud::{Markup, html};

use crate::{Frame, parts};

/// So many findings are shown at most: a policy has far fewer rules. And so much of each of their texts.
const FINDINGS: usize = 200;
const BRIEF: usize = 400;

/// When it was screened, by what, and with which findings.
pub(crate) fn section(frame: &Frame<'_>, one: &Application, full: Option<&[Finding]>) -> Markup {
    html! {
        section aria-labelledby="screening" {
            h2 id="screening" { "Screening" }
            @match &one.screening {
                None => p { "It was not screened yet." },
                Some(screening) => {
                    p {
                        "Screened " (parts::moment(screening.screened_at)) " " (parts::entry(screening.index)) " by the policy "
                        bdi { (screening.policy.name) } " " (print::line(screening.policy.version.as_str())) " ("
                        a href={ "/" (ctl_core::paths::blob(&screening.policy.sha256)) } download { "the policy" } ", " (parts::digest(&screening.policy.sha256))
                        ") with " (print::line(screening.engine.as_str())) ", on the first " (screening.ledger_size) " entries of the log."
                    }
                    @if let (true, Some(why)) = (one.is_open(), frame.state.screening_outdated(one, frame.now)) {
                        p { span.badge.warning { "outdated" } " Since then " (print::line(&why)) ". The server screens it again." }
                    }
                    (findings(screening, full))
                    p { small { "Anyone can screen it again from the log: " code { "ctl-admin review " (one.index) } } }
                },
            }
        }
    }
}

fn findings(screening: &Screening, full: Option<&[Finding]>) -> Markup {
    if screening.findings.is_empty() {
        return html! { p { span.badge.usable { "no findings" } " It fulfils every rule of the policy." } };
    }
    let more =
        |all: usize| html! { @if all > FINDINGS { p { "And " (all - FINDINGS) " more: see the JSON." } } };
    let Some(full) = full else {
        let mut all: Vec<_> = screening.findings.iter().collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.severity));
        return html! {
            p { "The findings in full are not here; the log has only these:" }
            ul { @for one in all.iter().take(FINDINGS) {
                li { code { (one.id) } ": " (severity(weight(one.severity))) @if one.waivable { ", can be waived" } }
            } }
        };
    };
    let mut all: Vec<_> = full.iter().collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.severity));
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Rule" } th scope="col" { "Weight" } th scope="col" { "Found" } th scope="col" { "Expected" } th scope="col" { "Source of the rule" }
            } }
            tbody {
                @for one in all.iter().take(FINDINGS) {
                    tr {
                        th scope="row" { code { (print::line(&one.id)) } }
                        td {
                            (severity(one.severity))
                            @if one.severity == Severity::Error { br; small { @if one.waivable { "electors may waive it" } @else { "cannot be waived" } } }
                        }
                        td { bdi { (parts::brief(&one.found, BRIEF)) } }
                        td { bdi { (parts::brief(&one.expected, BRIEF)) } }
                        td { bdi { (parts::brief(&one.source, BRIEF)) } }
                    }
                }
            }
        }
    };
    html! { (parts::wide("Findings", &table)) (more(full.len())) }
}

fn severity(severity: Severity) -> Markup {
    match severity {
        Severity::Error => html! { span.badge.suspended { "error" } },
        Severity::Warning => html! { span.badge.warning { "warning" } },
        Severity::Notice => html! { span.badge { "notice" } },
    }
}

/// The same in the policy's words.
const fn weight(severity: parts_of::Severity) -> Severity {
    match severity {
        parts_of::Severity::Notice => Severity::Notice,
        parts_of::Severity::Warning => Severity::Warning,
        parts_of::Severity::Error => Severity::Error,
    }
}
