//! Auditors, and whose reports count.

use ctl_core::names::ParticipantId;
use ctl_governance::statement::parts::EvidenceKind;
use maud::html;

use crate::participants::accreditation;
use crate::{Frame, parts, place};

/// So many auditors are shown, and so many reports of each.
const ON_A_PAGE: usize = 100;
const SOME: usize = 20;

/// Auditors, and whose reports count.
#[must_use]
pub fn auditors(frame: &Frame<'_>) -> String {
    let state = frame.state;
    let reports = |id: &ParticipantId| {
        let of = state.applications.values().rev();
        let id = id.clone();
        of.filter(move |one| {
            let reports = one.evidence.iter().filter(|evidence| evidence.kind == EvidenceKind::AuditReport);
            reports.map(|evidence| &evidence.author).any(|author| *author == id)
        })
    };
    let table = html! {
        table {
            thead { tr { th scope="col" { "Auditor" } th scope="col" { "Accreditation" } th scope="col" { "Audit reports of its own, for" } } }
            tbody {
                @for (id, found) in state.auditors.iter().take(ON_A_PAGE) {
                    tr {
                        th scope="row" { (parts::participant(state, id)) }
                        td { (accreditation(frame, id, found)) }
                        td {
                            @for (at, one) in reports(id).take(SOME).enumerate() {
                                @if at > 0 { ", " } a href=(place::application(one.index)) { bdi { (one.name) } }
                            }
                        }
                    }
                }
            }
        }
    };
    let body = html! {
        p.lead { "Audit reports count only if an accredited auditor attached them. The electors decide who is accredited." }
        @if state.auditors.is_empty() { p { "Nobody was accredited yet." } } @else {
            (parts::wide("Auditors", &table))
            @if state.auditors.size() > ON_A_PAGE { p { "And " (state.auditors.size() - ON_A_PAGE) " more: see the JSON." } }
        }
        p { a href={ (place::PARTICIPANTS) "?kind=auditor" } { "Every auditor that is registered" } }
        p.json { (parts::json("/v1/participants")) ", member " code { "accreditation" } }
    };
    frame.page("Auditors", &body)
}
