//! What a due says, once for the page and for the feed.

use ctl_core::Timestamp;
use ctl_governance::State;
use ctl_governance::calendar::{Due, Kind, Subject, Urgency};
use ctl_pki::Certificate;

use crate::words::Words;
use crate::{parts, place};

/// A sentence for a due, without its moment.
pub(super) fn said(state: &State, due: &Due) -> Words {
    let words = Words::default();
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
            let words = words.and(before).named(name, place::certificate(fingerprint)).and(" of ");
            words.participant(state, operator).and(after)
        }
        (Subject::Limited { fingerprint, operator, name }, _) => {
            let words = words.and("Root ").named(name.as_str(), place::certificate(fingerprint)).and(" of ");
            words.participant(state, operator).and(" is trusted no longer, by a condition of the list")
        }
        (Subject::Participant(id), Kind::Accreditation) => {
            words.and("The accreditation of auditor ").participant(state, id).and(" ends")
        }
        (Subject::Participant(id), _) => {
            let words = words.and("The newest audit report on ").participant(state, id);
            words.and(" is too old for an application from then on")
        }
        (Subject::Unaudited(id), _) => {
            let words = words.and("No audit report on ").participant(state, id);
            words.and(" counts, and the policy asks for one")
        }
        (Subject::Policy(policy), _) => {
            let words = words.and("Nobody can say when audits are due: the policy ");
            let name = format!("{} {}", policy.name, policy.version);
            words.named(name, place::entry(state.charter_since)).and(" is not at hand")
        }
        (Subject::Role { role, waits: true }, Kind::Ceremony) => {
            words.and("The draft of ").role(state, role).and(" waits for signatures until then")
        }
        (Subject::Role { role, .. }, Kind::Ceremony) => {
            words.and("The next draft of ").role(state, role).and(" opens for signatures")
        }
        (Subject::Role { role, .. }, Kind::RootMetadata | Kind::Targets) => {
            words.and("The validity of ").role(state, role).and(" ends")
        }
        (Subject::Role { role, .. }, _) => words.and("The next version of ").role(state, role).and(" is due"),
        (Subject::Suspension { notice, anchor, name }, _) => {
            let name = name.as_ref().map_or_else(|| anchor.short(), ToString::to_string);
            let words = words.and("The suspension of ").named(name, place::certificate(anchor));
            words.and(format!(" by notice {notice} ends by itself"))
        }
        (Subject::Signer { signer: Some(signer) }, _) => {
            let words = words.and("The certificate of signer ").participant(state, signer);
            words.and(" for the SAE list in CMS ends")
        }
        (Subject::Signer { signer: None }, _) => {
            words.and("The certificate of the CA behind the SAE list in CMS ends")
        }
        (Subject::Proposal { proposal, approvals, quorum }, _) => {
            let name = format!("proposal {proposal}");
            let words = words.and("Voting on ").named(name, place::proposal(*proposal));
            words.and(format!(" ends; it has {approvals} of {}", parts::count(*quorum, "approval")))
        }
        (Subject::Application { application, operator, name }, _) => {
            let words =
                words.and("The discussion of ").named(name.as_str(), place::application(*application));
            words.and(" of ").participant(state, operator).and(" is over, and a vote can be opened")
        }
        (Subject::Month { watcher, from, missing }, _) => {
            let words = words.and("Reports of watcher ").participant(state, watcher);
            words.and(format!(" on {} are to be in the log; missing: {missing}", month(*from)))
        }
        (Subject::Service, _) => words.and("The TLS certificate of this service ends"),
    }
}

/// A sub-CA has no name in the log but the one in its certificate.
fn common_name(state: &State, fingerprint: &ctl_core::Digest) -> Option<String> {
    let read = Certificate::from_der(&state.sub_cas.get(fingerprint)?.certificate).ok()?;
    read.common_name().map(ToOwned::to_owned)
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
