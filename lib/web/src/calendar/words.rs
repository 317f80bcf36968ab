//! What a due says, once for the page and for the feed.

use ctl_core::Timestamp;
use ctl_core::role::Role;
use ctl_governance::State;
use ctl_governance::calendar::{Due, Kind, Subject, Urgency};
use ctl_pki::{Certificate, print};
use maud::{Markup, html};

use crate::place;

/// A part of a sentence.
pub(super) enum Part {
    /// Ours.
    Text(String),
    /// A name from outside, and where it leads.
    Name(String, Option<String>),
}

/// As a page shows it.
pub(super) fn markup(parts: &[Part]) -> Markup {
    html! {
        @for part in parts { @match part {
            Part::Text(text) => { (text) }
            Part::Name(name, None) => { bdi { (print::line(name)) } }
            Part::Name(name, Some(to)) => { a href=(to) { bdi { (print::line(name)) } } }
        } }
    }
}

/// On one line.
pub(super) fn plain(parts: &[Part]) -> String {
    let parts = parts.iter().map(|part| match part {
        Part::Text(text) | Part::Name(text, _) => print::line(text),
    });
    parts.collect()
}

/// Where it leads: the first of its names that leads anywhere.
pub(super) fn place(parts: &[Part]) -> Option<&str> {
    parts.iter().find_map(|part| match part {
        Part::Name(_, Some(to)) => Some(to.as_str()),
        _ => None,
    })
}

/// A sentence for a due, without its moment.
pub(super) fn said(state: &State, due: &Due) -> Vec<Part> {
    let text = |text: &str| Part::Text(text.to_owned());
    let who = |id: &ctl_core::names::ParticipantId| {
        let name = state.participants.get(id).map_or_else(|| id.to_string(), |found| found.name.to_string());
        Part::Name(name, Some(place::participant(id)))
    };
    match (&due.subject, due.kind) {
        (Subject::Certificate { fingerprint, operator, name }, kind) => {
            let name = name.as_ref().map(ToString::to_string).or_else(|| common_name(state, fingerprint));
            let name = name.unwrap_or_else(|| fingerprint.short());
            let (before, after) = match kind {
                Kind::Root => ("Root ", " ends"),
                Kind::CrossCertificate => ("Cross-certificate ", " ends"),
                Kind::SubCa => ("Sub-CA ", " ends"),
                _ => ("", " counts as usable"),
            };
            let name = Part::Name(name, Some(place::certificate(fingerprint)));
            vec![text(before), name, text(" of "), who(operator), text(after)]
        }
        (Subject::Participant(id), Kind::Accreditation) => {
            vec![text("The accreditation of auditor "), who(id), text(" ends")]
        }
        (Subject::Participant(id), _) => {
            vec![
                text("The newest audit report on "),
                who(id),
                text(" is too old for an application from then on"),
            ]
        }
        (Subject::Unaudited(id), _) => {
            vec![text("No audit report on "), who(id), text(" counts, and the policy asks for one")]
        }
        (Subject::Policy(policy), _) => vec![
            text("Nobody can say when audits are due: the policy "),
            Part::Name(format!("{} {}", policy.name, policy.version), None),
            text(" is not at hand"),
        ],
        (Subject::Role { role, waits }, Kind::Ceremony) => {
            let (before, after) = if *waits {
                ("The draft of ", " waits for signatures until then")
            } else {
                ("The next draft of ", " opens for signatures")
            };
            vec![text(before), document(state, role), text(after)]
        }
        (Subject::Role { role, .. }, Kind::RootMetadata | Kind::Targets) => {
            vec![document(state, role), text(" expires")]
        }
        (Subject::Role { role, .. }, _) => {
            vec![text("The next version of "), document(state, role), text(" is due")]
        }
        (Subject::Suspension { notice, anchor, name }, _) => {
            let name = name.as_ref().map_or_else(|| anchor.short(), ToString::to_string);
            vec![
                text("The suspension of "),
                Part::Name(name, Some(place::certificate(anchor))),
                Part::Text(format!(" by notice {notice} ends by itself")),
            ]
        }
        (Subject::Signer { signer: Some(signer) }, _) => {
            vec![text("The certificate of signer "), who(signer), text(" for the SAE list in CMS ends")]
        }
        (Subject::Signer { signer: None }, _) => {
            vec![text("The certificate of the CA behind the SAE list in CMS ends")]
        }
        (Subject::Proposal { proposal, approvals, quorum }, _) => vec![
            text("Voting on "),
            Part::Name(format!("proposal {proposal}"), Some(place::proposal(*proposal))),
            Part::Text(format!(" ends; it has {approvals} of {quorum} approvals")),
        ],
        (Subject::Application { application, operator, name }, _) => vec![
            text("The discussion of "),
            Part::Name(name.to_string(), Some(place::application(*application))),
            text(" of "),
            who(operator),
            text(" is over, and a vote can be opened"),
        ],
        (Subject::Month { watcher, from, missing }, _) => vec![
            text("Reports of watcher "),
            who(watcher),
            Part::Text(format!(" on {} are to be in the log; missing: {missing}", month(*from))),
        ],
        (Subject::Service, _) => vec![text("The TLS certificate of this service ends")],
    }
}

/// A sub-CA has no name in the log but the one in its certificate.
fn common_name(state: &State, fingerprint: &ctl_core::Digest) -> Option<String> {
    let read = Certificate::from_der(&state.sub_cas.get(fingerprint)?.certificate).ok()?;
    read.common_name().map(ToOwned::to_owned)
}

fn document(state: &State, role: &Role) -> Part {
    match role {
        Role::Root => Part::Text("root.json".into()),
        Role::Targets => Part::Text("targets.json".into()),
        Role::Registry => Part::Name("the MO registry".into(), Some(place::REGISTRY.into())),
        Role::Notices => Part::Text("the suspension notices".into()),
        Role::List(id) => {
            let name =
                state.charter.lists.get(id).map_or_else(|| id.to_string(), |list| list.name.to_string());
            Part::Name(format!("list {name}"), Some(place::list(id)))
        }
    }
}

/// A kind in the plural, as people choose it.
pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Root => "roots",
        Kind::CrossCertificate => "cross-certificates",
        Kind::SubCa => "sub-CAs",
        Kind::Accreditation => "accreditations",
        Kind::Audit => "audits",
        Kind::RootMetadata => "root.json",
        Kind::Targets => "targets.json",
        Kind::List => "next versions of lists",
        Kind::Registry => "next version of the registry",
        Kind::Notices => "next version of the notices",
        Kind::Notice => "suspensions",
        Kind::SignerCertificate => "signers' certificates",
        Kind::Vote => "votes",
        Kind::Discussion => "discussions",
        Kind::Ceremony => "ceremonies",
        Kind::TakeUp => "new anchors",
        Kind::Report => "watchers' reports",
        Kind::Tls => "the service's TLS certificate",
    }
}

/// An urgency in words.
pub(super) const fn hurry(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Overdue => "overdue",
        Urgency::Soon => "to act upon soon",
        Urgency::Later => "later",
    }
}

/// `November 2026`.
pub(super) fn month(at: Timestamp) -> String {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = at.to_string();
    let number = text.get(5..7).and_then(|month| month.parse::<usize>().ok()).unwrap_or_default();
    let name = NAMES.get(number.wrapping_sub(1)).copied().unwrap_or_default();
    format!("{name} {}", text.get(..4).unwrap_or_default())
}
