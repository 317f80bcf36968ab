//! Everything that ends or is due, by the log: what somebody has to do by when, and what happens by itself.
//!
//! What has happened by itself is in the calendar no more: a vote that closed, a notice or certificate that ended. What
//! people owe stays until it is done, and counts as overdue. Snapshot and timestamp are not in it: the server renews
//! them itself several times a day, and alerts of their own say when it does not.

mod collect;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use ctl_core::names::{Label, ListId, ParticipantId};
use ctl_core::parts::PolicyRef;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};

use crate::state::State;
use crate::view::END_NOTICES;

const DAY: u64 = 86_400;

/// A watch sends its report ten minutes after a month is over, and again until the log has it. One that is missing after
/// three days is missed.
const REPORT_WITHIN: u64 = 3 * DAY;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal;)*) => {
        /// What is due. The names are stable: they stand in metrics, addresses and the feed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A root on a list ends, and leaves it by itself; or the list's own condition ends the trust in it before.
    Root "root";
    /// A cross-certificate on a list ends, and leaves it by itself.
    CrossCertificate "cross-certificate";
    /// A disclosed sub-CA below a root on a list ends.
    SubCa "sub-ca";
    /// An auditor's accreditation ends.
    Accreditation "accreditation";
    /// The newest audit report of an operator becomes older than the list's policy takes.
    Audit "audit";
    /// root.json expires.
    RootMetadata "root-metadata";
    /// The top-level targets.json expires.
    Targets "targets";
    /// The next update of a list.
    List "list";
    /// The next update of the MO registry.
    Registry "registry";
    /// The next update of the notices document.
    Notices "notices";
    /// A suspension notice ends: nothing else said, its anchor is trusted again.
    Notice "notice";
    /// A certificate for the SAE list in CMS ends: a signer's, or that of the CA that issued it.
    SignerCertificate "signer-certificate";
    /// Voting on a proposal ends.
    Vote "vote";
    /// The discussion of an application ends: a proposal can be opened.
    Discussion "discussion";
    /// People are to sign for a role.
    Ceremony "ceremony";
    /// A new anchor becomes usable.
    TakeUp "take-up";
    /// A watcher's reports on a month are to be in the log.
    Report "report";
    /// The TLS certificate of the service ends. It does not follow from the log.
    Tls "tls";
}

impl Kind {
    /// The kind of a role's next update.
    const fn of_role(role: &Role) -> Self {
        match role {
            Role::Root => Self::RootMetadata,
            Role::Targets => Self::Targets,
            Role::Registry => Self::Registry,
            Role::Notices => Self::Notices,
            Role::List(_) => Self::List,
        }
    }

    /// How long before its end something of this kind is worth acting upon. What is signed in ceremonies tells this
    /// itself: from half of its validity on.
    const fn notice(self) -> u64 {
        let [two_years, ninety_days] = END_NOTICES;
        match self {
            // A new root needs that long to reach the vehicles.
            Self::Root => two_years,
            Self::CrossCertificate
            | Self::SubCa
            | Self::Accreditation
            | Self::Audit
            | Self::SignerCertificate => ninety_days,
            Self::Tls => 14 * DAY,
            _ => 3 * DAY,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no such kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind {0:?} in the calendar; the kinds are {all}", all = Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "))]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == text).copied();
        found.ok_or_else(|| UnknownKind(text.chars().take(40).collect()))
    }
}

/// How much of a hurry there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// The moment is past, and it is not done.
    Overdue,
    /// It is time to act.
    Soon,
    /// There is time.
    Later,
}

impl Urgency {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Overdue, Self::Soon, Self::Later];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Soon => "soon",
            Self::Later => "later",
        }
    }
}

/// Of what or whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A certificate on a list or below one of its roots.
    Certificate {
        fingerprint: Digest,
        operator: ParticipantId,
        /// Its name for people; a sub-CA has none in the log.
        name: Option<Label>,
    },
    /// A root that a list trusts until a date that it sets itself, before the root's certificate ends.
    Limited { fingerprint: Digest, operator: ParticipantId, name: Label },
    /// A participant.
    Participant(ParticipantId),
    /// An operator on whom no audit report counts although the policy wants one; since it is on the list.
    Unaudited(ParticipantId),
    /// A policy that is not at hand: nobody can say by it when audits are due.
    Policy(PolicyRef),
    /// A role, and whether a draft waits for its signatures.
    Role { role: Role, waits: bool },
    /// An anchor that a notice suspends.
    Suspension { notice: u64, anchor: Digest, name: Option<Label> },
    /// The certificate of a signer (none: that of the CA).
    Signer { signer: Option<ParticipantId> },
    /// A proposal, and its approvals of those that are needed.
    Proposal { proposal: u64, approvals: u32, quorum: u32 },
    /// An application, by whom, and what applies.
    Application { application: u64, operator: ParticipantId, name: Label },
    /// A watcher's reports on the month that begins at this moment: those that are not in the log.
    Month { watcher: ParticipantId, from: Timestamp, missing: usize },
    /// The service itself.
    Service,
}

impl Subject {
    /// What tells it from others of its kind: short and stable.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Certificate { fingerprint, .. } | Self::Limited { fingerprint, .. } => {
                fingerprint.to_string()
            }
            Self::Participant(id) | Self::Unaudited(id) => id.to_string(),
            Self::Policy(policy) => policy.sha256.to_string(),
            Self::Role { role, .. } => role.to_string(),
            Self::Suspension { notice: index, .. }
            | Self::Proposal { proposal: index, .. }
            | Self::Application { application: index, .. } => index.to_string(),
            Self::Signer { signer } => signer.as_ref().map_or_else(|| "ca".into(), ToString::to_string),
            Self::Month { watcher, from, .. } => {
                let month = from.to_string();
                format!("{watcher}/{}", month.get(..7).unwrap_or_default())
            }
            Self::Service => "service".into(),
        }
    }
}

/// Something that ends or is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    pub kind: Kind,
    pub subject: Subject,
    /// The lists that it is about; none if it is about all, or none of them.
    pub lists: Vec<ListId>,
    /// The entry of the log that it follows from.
    pub entry: Option<u64>,
    /// From when on it is worth acting upon.
    pub soon: Timestamp,
}

impl Due {
    /// A due that is worth acting upon as long before as its kind asks.
    #[must_use]
    pub fn new(at: Timestamp, kind: Kind, subject: Subject) -> Self {
        let soon = at.minus_seconds(kind.notice());
        Self { at, kind, subject, lists: Vec::new(), entry: None, soon }
    }

    /// The end of the service's own TLS certificate.
    #[must_use]
    pub fn of_tls(at: Timestamp) -> Self {
        Self::new(at, Kind::Tls, Subject::Service)
    }

    fn on(mut self, list: &ListId) -> Self {
        self.lists.push(list.clone());
        self
    }

    const fn by(mut self, entry: u64) -> Self {
        self.entry = Some(entry);
        self
    }

    /// How much of a hurry there is at a moment.
    #[must_use]
    pub fn urgency(&self, now: Timestamp) -> Urgency {
        if self.at < now {
            Urgency::Overdue
        } else if self.soon <= now {
            Urgency::Soon
        } else {
            Urgency::Later
        }
    }

    /// Stays the same for the same thing, however its moment moves.
    #[must_use]
    pub fn id(&self) -> String {
        let lists = match self.subject {
            // The same for whatever lists there are: the certificate is one.
            Subject::Certificate { .. } if self.kind != Kind::TakeUp => String::new(),
            _ => self.lists.iter().map(|list| format!(".{list}")).collect(),
        };
        format!("{}.{}{lists}", self.kind, self.subject.key())
    }

    /// Whether it is about this list, or about all.
    #[must_use]
    pub fn concerns(&self, list: &ListId) -> bool {
        self.lists.is_empty() || self.lists.contains(list)
    }
}

/// When an audit report becomes too old for a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditEnd {
    /// Then.
    At(Timestamp),
    /// Never: the policy says nothing of audits.
    Never,
    /// Nobody can say: the policy is not at hand.
    Unknown,
}

/// Tells when a report of this date becomes too old for a policy.
pub type AuditEnds<'a> = &'a dyn Fn(&PolicyRef, Timestamp) -> AuditEnd;

/// The calendar by the log, soonest first. The state must be that of `now` (see [`State::at`]). How old an audit may be
/// stands in the policies, which are not part of the state.
#[must_use]
pub fn calendar(state: &State, now: Timestamp, audit_end: AuditEnds<'_>) -> Vec<Due> {
    let mut dues = collect::all(state, now, audit_end);
    sort(&mut dues);
    dues
}

/// Soonest first, always in the same order.
pub fn sort(dues: &mut [Due]) {
    dues.sort_by_cached_key(|due| (due.at, due.kind, due.subject.key()));
}

/// The soonest of each kind and list (none: what is about no list alone), of dues in their order.
#[must_use]
pub fn soonest(dues: &[Due]) -> BTreeMap<(Kind, Option<&ListId>), &Due> {
    let mut soonest = BTreeMap::new();
    for due in dues {
        for list in places(due) {
            soonest.entry((due.kind, list)).or_insert(due);
        }
    }
    soonest
}

/// How many there are of each kind and urgency on a list.
#[must_use]
pub fn count(dues: &[Due], now: Timestamp) -> BTreeMap<(Kind, Option<&ListId>, Urgency), u64> {
    let mut counts = BTreeMap::new();
    for due in dues {
        for list in places(due) {
            *counts.entry((due.kind, list, due.urgency(now))).or_default() += 1;
        }
    }
    counts
}

fn places(due: &Due) -> BTreeSet<Option<&ListId>> {
    if due.lists.is_empty() { [None].into() } else { due.lists.iter().map(Some).collect() }
}
