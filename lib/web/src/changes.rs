//! What changed lately, in words: for the overview, and for the feed of decisions and publications.
//!
//! Nearly all of it follows from the state. Only of publications the state knows the latest alone, so these are read
//! from the log ([`Publications`]).

use std::collections::VecDeque;

use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::application::Stage;
use ctl_governance::state::{Notice, Outcome, Proposal};
use ctl_governance::statement::body::{Body, CrossAnswer};
use ctl_governance::statement::{Entry, charter::Charter};
use maud::{Markup, html};

use crate::words::Words;
use crate::{list, parts, place, proposal, trust};

/// How many publications are remembered.
const KEPT: usize = 50;
/// How many entries are read at most in search of them.
const READ: u64 = 2000;

/// One version of one role, as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Index of its entry.
    pub index: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Of what.
    pub role: Role,
    /// The version's number.
    pub number: u64,
}

/// The newest publications of a log, kept up as it grows.
#[derive(Clone, Debug, Default)]
pub struct Publications {
    size: u64,
    newest: VecDeque<Publication>,
}

impl Publications {
    /// Reads on to a log of this size; `read` gives an entry. From one that it does not give, reading goes on next time.
    pub fn follow(&mut self, size: u64, read: &dyn Fn(u64) -> Option<Entry>) {
        if size < self.size {
            *self = Self::default();
        }
        self.size = self.size.max(size.saturating_sub(READ));
        while self.size < size {
            let Some(entry) = read(self.size) else { break };
            if let Body::PublicationRecord(record) = &entry.statement.payload.body {
                let draft = read(record.draft).map(|draft| draft.statement.payload.body);
                let Some(Body::DraftOpen(draft)) = draft else { break };
                let number = draft.sequence.unwrap_or(draft.version);
                let (index, at, role) = (self.size, entry.recorded_at, record.role.clone());
                self.newest.push_front(Publication { index, at, role, number });
                self.newest.truncate(KEPT);
            }
            self.size = self.size.saturating_add(1);
        }
    }

    /// The newest, with each role's latest by the state, whatever was read.
    fn with(&self, state: &State) -> Vec<Publication> {
        let latest = state.published.iter().map(|(role, one)| Publication {
            index: one.index,
            at: one.at,
            role: role.clone(),
            number: list::number(one),
        });
        let unread = latest.filter(|one| self.newest.iter().all(|read| read.index != one.index));
        let mut all: Vec<Publication> = self.newest.iter().cloned().chain(unread).collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.index));
        all
    }
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The entry that brought it about.
    pub entry: u64,
    /// What kind of thing it is: with the entry and the page, it names the change for good.
    pub kind: &'static str,
    /// What, in words.
    pub what: Words,
    /// The page that tells more.
    pub to: String,
}

impl Change {
    /// A name of this change in this scheme and in no other, the same for ever (RFC 4151 and RFC 9562: a UUID made of a hash).
    #[must_use]
    pub fn urn(&self, scheme: &Digest) -> String {
        let digest = Digest::of_parts(&[
            scheme.as_bytes(),
            self.kind.as_bytes(),
            &self.entry.to_be_bytes(),
            self.to.as_bytes(),
        ]);
        urn(&digest)
    }
}

/// A UUID that this digest makes (RFC 9562 section 5.8).
pub(crate) fn urn(digest: &Digest) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *digest.as_bytes();
    let bytes = [a, b, c, d, e, f, (g & 0x0f) | 0x80, h, (i & 0x3f) | 0x80, j, k, l, m, n, o, p];
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// The latest changes, the newest first, at most so many.
#[must_use]
pub fn latest(state: &State, publications: &Publications, count: usize) -> Vec<Change> {
    let mut changes = vec![founded(state)];
    changes.extend(publications.with(state).iter().take(count).map(|one| published(state, one)));
    for application in state.applications.values().rev().take(count) {
        let (index, at) = (application.index, application.submitted_at);
        let what =
            Words::default().participant(state, &application.applicant).and(" applies for a place on list ");
        let what = what.list(state, &application.list).and(" with ").application(state, index);
        changes.push(Change { at, entry: index, kind: "applied", what, to: place::application(index) });
    }
    // What ends does not end in the order in which it began.
    let withdrawn = state.applications.values().filter_map(|one| match one.ended {
        Some((Stage::Withdrawn, at, entry)) => Some((at, (entry, one.index))),
        _ => None,
    });
    for (at, (entry, index)) in newest(withdrawn, count) {
        let what = Words::new("The application ").application(state, index).and(" was withdrawn");
        changes.push(Change { at, entry, kind: "taken-back", what, to: place::application(index) });
    }
    for one in state.proposals.values().rev().take(count) {
        let what = Words::new("Put to the vote: ").then(proposal::title(state, &one.change));
        let (at, entry, to) = (one.opened_at, one.index, place::proposal(one.index));
        changes.push(Change { at, entry, kind: "vote", what, to });
    }
    let decided = state.proposals.values().filter_map(|one| Some((one.decision.as_ref()?.at, &**one)));
    changes.extend(newest(decided, count).into_iter().filter_map(|(_, one)| self::decided(state, one)));
    changes.extend(state.notices.values().rev().take(count).map(|one| suspended(state, one)));
    let ended = state.notices.values().filter_map(|one| Some((one.ended?.0, one)));
    changes.extend(newest(ended, count).into_iter().filter_map(|(_, one)| lifted(state, one)));
    changes.extend(by_time(state));
    changes.extend(people(state, count));
    changes.sort_by(|a, b| (b.at, b.entry, b.kind).cmp(&(a.at, a.entry, a.kind)));
    changes.truncate(count);
    changes
}

fn founded(state: &State) -> Change {
    let charter: &Charter = &state.charter;
    let at = state.recorded_at(1).unwrap_or(state.founded_at);
    let what = Words::new("The scheme ").named(charter.name.as_str(), place::OVERVIEW.to_owned());
    Change { at, entry: 0, kind: "founded", what: what.and(" was founded"), to: place::entry(0) }
}

fn published(state: &State, publication: &Publication) -> Change {
    let Publication { index, at, role, number } = publication;
    let what = Words::new("Published: ").role(state, role).and(format!(", version {number}"));
    let to = match role {
        Role::List(list) => place::version(list, *number),
        _ => place::entry(*index),
    };
    Change { at: *at, entry: *index, kind: "published", what, to }
}

/// The latest of these, at most so many.
fn newest<T>(all: impl Iterator<Item = (Timestamp, T)>, count: usize) -> Vec<(Timestamp, T)> {
    let mut all: Vec<(Timestamp, T)> = all.collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.truncate(count);
    all
}

/// How a vote ended.
fn decided(state: &State, one: &Proposal) -> Option<Change> {
    let decision = one.decision.as_ref()?;
    let word = match &decision.outcome {
        Outcome::Accepted => "Decided",
        _ if proposal::ended_with_application(state, one) => "Ended with its application",
        Outcome::Rejected => "Rejected",
        Outcome::Lapsed(_) => "Lapsed",
    };
    let what = Words::new(format!("{word}: ")).then(proposal::title(state, &one.change));
    let what = what.and(format!(" ({})", proposal::approvals(decision.approvals, one.quorum)));
    let to = place::proposal(one.index);
    Some(Change { at: decision.at, entry: one.index, kind: "decision", what, to })
}

/// The beginning of an emergency suspension.
fn suspended(state: &State, one: &Notice) -> Change {
    let what = against(state, "Suspended by an emergency notice: ", one);
    let what = what.and(format!(", for {}", parts::reason(one.reason)));
    let to = place::certificate(&one.anchor);
    Change { at: one.issued_at, entry: one.index, kind: "notice", what, to }
}

/// The end of one.
fn lifted(state: &State, one: &Notice) -> Option<Change> {
    let (at, cause) = one.ended?;
    let how = if cause.is_some() { " was lifted" } else { " ended by itself" };
    let what = against(state, "The notice against ", one).and(how);
    Some(Change { at, entry: one.index, kind: "notice-ended", what, to: place::certificate(&one.anchor) })
}

fn against(state: &State, begin: &str, one: &Notice) -> Words {
    let words = Words::new(begin).certificate(state, &one.list, &one.anchor);
    words.and(" on list ").list(state, &one.list)
}

/// What happened on lists without anybody's statement at that moment.
fn by_time(state: &State) -> Vec<Change> {
    let ended = state.everything().filter_map(|(id, listed)| Some((id, listed, trust::ended(listed)?)));
    let told = ended.map(|(id, listed, end)| {
        let what = Words::new("Left list ").list(state, id).and(" because its certificate ended: ");
        let what = what.certificate(state, id, &listed.fingerprint);
        let to = place::certificate(&listed.fingerprint);
        Change { at: end.at, entry: end.cause, kind: "expired", what, to }
    });
    told.collect()
}

/// What operators and the board did without a vote.
fn people(state: &State, count: usize) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |entry: u64, kind, what, to| {
        let at = entry.checked_add(1).and_then(|size| state.recorded_at(size));
        changes.extend(at.map(|at| Change { at, entry, kind, what, to }));
    };
    for sub_ca in state.sub_cas.values() {
        if let Some((entry, reason)) = sub_ca.revoked {
            let to = place::certificate(&sub_ca.fingerprint);
            let what = Words::new("A sub-CA of ").participant(state, &sub_ca.operator);
            let what = what.and(format!(" was revoked, for {}", parts::reason(reason)));
            add(entry, "sub-ca-revoked", what, to);
        }
    }
    for request in state.cross_requests.values().rev().take(count) {
        let both = |words: Words, verb: &str| {
            let words = words.participant(state, &request.issuer).and(format!(" {verb} "));
            words.participant(state, &request.requester)
        };
        let index = request.index;
        let asks = Words::default().participant(state, &request.requester).and(" asks ");
        let asks = asks.participant(state, &request.issuer).and(" for a cross-certificate");
        add(index, "cross-asked", asks, place::entry(index));
        if let Some(answer) = &request.answer {
            let what = match answer.answer {
                CrossAnswer::Accepted => both(Words::default(), "will give a cross-certificate to"),
                CrossAnswer::Declined => both(Words::default(), "gives no cross-certificate to"),
            };
            add(answer.index, "cross-answered", what, place::entry(answer.index));
        }
    }
    for restart in state.restarts.iter() {
        let what = Words::new("The log began anew");
        let (at, to) = (restart.time, place::LOG.to_owned());
        changes.push(Change { at, entry: restart.new.size, kind: "log-restarted", what, to });
    }
    changes
}

/// Changes as a list.
#[must_use]
pub fn shown(changes: &[Change]) -> Markup {
    html! {
        ol.road {
            @for change in changes {
                li { (parts::moment(change.at)) " — " (change.what) " " (parts::entry(change.entry)) }
            }
        }
    }
}
