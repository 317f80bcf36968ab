//! The governance's own service levels: how long applicants have to wait. Who applies for a place on a list waits for
//! the screening, the decision and the publication; who asks another PKI for a cross-certificate waits for its answer.
//! Fair, reasonable and non-discriminatory treatment is measured here, not asserted: the same numbers for all together
//! and for each, so it shows if someone waits longer, or is refused for what others are not.
//!
//! All times are `recorded_at` of entries, so anyone who has the log can compute the same. Times are in seconds;
//! percentiles are nearest-rank, so each is a wait that took place.

use std::collections::BTreeMap;

use ctl_core::Timestamp;
use ctl_core::names::{ListId, ParticipantId};
use serde::Serialize;

use crate::application::{Application, Stage};
use crate::cross::CrossCertification;
use crate::state::State;
use crate::statement::body::{CrossAnswer, RefusalReason};

/// How long many waited for the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// How many it is over for.
    pub over: u64,
    /// The shortest wait, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    /// The median of the waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<u64>,
    /// Nine of ten waits were no longer than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90: Option<u64>,
    /// The longest wait that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// How many still wait.
    pub waiting: u64,
    /// How long the one that waits longest has been waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_longest: Option<u64>,
}

/// One wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// It is over, and took this long.
    Over(u64),
    /// It is not over, and has taken this long.
    Waiting(u64),
}

impl Wait {
    /// From a moment to another, if that has come; else, if it is still waited for, until now.
    fn of(since: Timestamp, until: Option<Timestamp>, waits: bool, now: Timestamp) -> Option<Self> {
        match until {
            Some(until) => Some(Self::Over(until.seconds_since(since))),
            None => waits.then(|| Self::Waiting(now.seconds_since(since))),
        }
    }
}

impl FromIterator<Wait> for Waits {
    fn from_iter<I: IntoIterator<Item = Wait>>(waits: I) -> Self {
        let (mut over, mut waiting) = (Vec::new(), Vec::new());
        for wait in waits {
            match wait {
                Wait::Over(seconds) => over.push(seconds),
                Wait::Waiting(seconds) => waiting.push(seconds),
            }
        }
        over.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (over.len() * percent).div_ceil(100);
            over.get(rank.saturating_sub(1)).copied()
        };
        Self {
            over: over.len() as u64,
            min: over.first().copied(),
            p50: percentile(50),
            p90: percentile(90),
            max: over.last().copied(),
            waiting: waiting.len() as u64,
            waiting_longest: waiting.into_iter().max(),
        }
    }
}

/// How some applications were treated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ApplicationWaits {
    pub applications: u64,
    pub accepted: u64,
    pub rejected: u64,
    /// How many the applicant took back.
    pub withdrawn: u64,
    /// From application to first screening.
    pub screening: Waits,
    /// From the moment when everything was there (screened, all required evidence attached) to the decision:
    /// the part of the wait that is not the applicant's own.
    pub deliberation: Waits,
    /// From application to decision.
    pub decision: Waits,
    /// From application to the first publication of the list with it.
    pub publication: Waits,
}

/// How one operator's applications were treated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applicant {
    pub operator: ParticipantId,
    #[serde(flatten)]
    pub waits: ApplicationWaits,
}

/// An application that is not decided, or not published yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenApplication {
    /// Index of its entry.
    pub application: u64,
    pub list: ListId,
    /// Who applied.
    pub operator: ParticipantId,
    /// Where it stands.
    pub stage: Stage,
    pub submitted_at: Timestamp,
    /// How long it has been waiting.
    pub waiting_seconds: u64,
}

/// How some requests for cross-certificates were treated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CrossWaits {
    pub requests: u64,
    pub accepted: u64,
    pub declined: u64,
    /// How many for which reason.
    pub reasons: BTreeMap<RefusalReason, u64>,
    /// From request to answer.
    pub answer: Waits,
}

/// How one operator's requests were treated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requester {
    /// Who asked.
    pub operator: ParticipantId,
    #[serde(flatten)]
    pub waits: CrossWaits,
}

/// How one operator treated those who asked it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issuer {
    /// Who was asked.
    pub operator: ParticipantId,
    /// All that asked it.
    #[serde(flatten)]
    pub waits: CrossWaits,
    /// Each that asked it.
    pub requesters: Vec<Requester>,
}

/// A request that nobody has answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenRequest {
    /// Index of its entry.
    pub request: u64,
    pub list: ListId,
    /// Who asks.
    pub requester: ParticipantId,
    /// Who is asked.
    pub issuer: ParticipantId,
    pub requested_at: Timestamp,
    /// How long it has been waiting.
    pub waiting_seconds: u64,
}

/// Applications for a place on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applications {
    pub all: ApplicationWaits,
    /// By who applied.
    pub operators: Vec<Applicant>,
    /// Those that still wait.
    pub open: Vec<OpenApplication>,
}

/// Requests for cross-certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrossCertifications {
    pub all: CrossWaits,
    /// By who was asked.
    pub issuers: Vec<Issuer>,
    /// By who asked.
    pub requesters: Vec<Requester>,
    /// Those that still wait.
    pub open: Vec<OpenRequest>,
}

/// How long applicants have to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Promises {
    /// The moment that counts as now.
    pub as_of: Timestamp,
    /// How many entries of the log this follows from.
    pub ledger_size: u64,
    /// Applications for a place on a list.
    pub applications: Applications,
    /// Requests for cross-certificates.
    pub cross_certification: CrossCertifications,
}

/// How long applicants have to wait, by the ledger. The state must be that of `now` (see [`State::at`]).
#[must_use]
pub fn promises(state: &State, now: Timestamp) -> Promises {
    Promises {
        as_of: now,
        ledger_size: state.size(),
        applications: applications(state, now),
        cross_certification: cross_certifications(state, now),
    }
}

fn groups<'a, T>(
    items: impl Iterator<Item = &'a T>,
    key: impl Fn(&'a T) -> &'a ParticipantId,
) -> BTreeMap<&'a ParticipantId, Vec<&'a T>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in items {
        groups.entry(key(item)).or_default().push(item);
    }
    groups
}

fn applications(state: &State, now: Timestamp) -> Applications {
    let every = || state.applications.values().map(|application| &**application);
    let all: Vec<&Application> = every().collect();
    let operators = groups(every(), |application| &application.applicant);
    let operators = operators.into_iter().map(|(operator, mine)| Applicant {
        operator: operator.clone(),
        waits: application_waits(state, &mine, now),
    });
    let open =
        every().filter(|one| one.is_open() || awaits_publication(state, one)).map(|one| OpenApplication {
            application: one.index,
            list: one.list.clone(),
            operator: one.applicant.clone(),
            stage: one.stage(now, state.discussion_seconds(&one.list)),
            submitted_at: one.submitted_at,
            waiting_seconds: now.seconds_since(one.submitted_at),
        });
    Applications {
        all: application_waits(state, &all, now),
        operators: operators.collect(),
        open: open.collect(),
    }
}

fn application_waits(state: &State, some: &[&Application], now: Timestamp) -> ApplicationWaits {
    let ended = |wanted: Stage| some.iter().filter(|one| ended_as(one, wanted).is_some()).count() as u64;
    let waits =
        |wait: &dyn Fn(&Application) -> Option<Wait>| some.iter().filter_map(|one| wait(one)).collect();
    ApplicationWaits {
        applications: some.len() as u64,
        accepted: ended(Stage::Accepted),
        rejected: ended(Stage::Rejected),
        withdrawn: ended(Stage::Withdrawn),
        screening: waits(&|one| Wait::of(one.submitted_at, one.first_screened_at, one.is_open(), now)),
        deliberation: waits(&|one| Wait::of(one.discussed_since?, decided(one), one.is_open(), now)),
        decision: waits(&|one| Wait::of(one.submitted_at, decided(one), one.is_open(), now)),
        publication: waits(&|one| {
            // What was not accepted waits for no publication; until it is decided nobody knows.
            ended_as(one, Stage::Accepted)?;
            Wait::of(one.submitted_at, published(state, one), awaits_publication(state, one), now)
        }),
    }
}

fn ended_as(application: &Application, wanted: Stage) -> Option<Timestamp> {
    application.ended.filter(|(stage, ..)| *stage == wanted).map(|(_, at, _)| at)
}

/// When the electors decided; none for a withdrawn application.
fn decided(application: &Application) -> Option<Timestamp> {
    ended_as(application, Stage::Accepted).or_else(|| ended_as(application, Stage::Rejected))
}

fn listed<'a>(state: &'a State, application: &Application) -> Option<&'a crate::state::Listed> {
    let contents = state.lists.get(&application.list)?;
    let anchor = contents.anchors.get(&application.fingerprint).map(|anchor| &anchor.listed);
    anchor.or_else(|| contents.cross_certificates.get(&application.fingerprint).map(|cross| &cross.listed))
}

fn published(state: &State, application: &Application) -> Option<Timestamp> {
    listed(state, application)?.first_published.map(|(_, at)| at)
}

/// Accepted, never published, and still on the list.
fn awaits_publication(state: &State, application: &Application) -> bool {
    ended_as(application, Stage::Accepted).is_some()
        && listed(state, application).is_some_and(|listed| {
            let listed_now = listed.current().status.is_listed() && listed.expired.is_none();
            listed.first_published.is_none() && listed_now
        })
}

fn cross_certifications(state: &State, now: Timestamp) -> CrossCertifications {
    let every = || state.cross_requests.values().map(|request| &**request);
    let all: Vec<&CrossCertification> = every().collect();
    let requesters = |some: BTreeMap<&ParticipantId, Vec<&CrossCertification>>| {
        let one = |(operator, mine): (&ParticipantId, Vec<_>)| Requester {
            operator: operator.clone(),
            waits: cross_waits(&mine, now),
        };
        some.into_iter().map(one).collect::<Vec<_>>()
    };
    let issuers = groups(every(), |request| &request.issuer).into_iter().map(|(operator, asked)| Issuer {
        operator: operator.clone(),
        waits: cross_waits(&asked, now),
        requesters: requesters(groups(asked.into_iter(), |request| &request.requester)),
    });
    let open = every().filter(|request| request.is_open()).map(|request| OpenRequest {
        request: request.index,
        list: request.list.clone(),
        requester: request.requester.clone(),
        issuer: request.issuer.clone(),
        requested_at: request.at,
        waiting_seconds: now.seconds_since(request.at),
    });
    CrossCertifications {
        all: cross_waits(&all, now),
        issuers: issuers.collect(),
        requesters: requesters(groups(every(), |request| &request.requester)),
        open: open.collect(),
    }
}

fn cross_waits(some: &[&CrossCertification], now: Timestamp) -> CrossWaits {
    let answers = || some.iter().filter_map(|request| request.answer.as_ref());
    let count = |wanted| answers().filter(|answer| answer.answer == wanted).count() as u64;
    let mut reasons = BTreeMap::new();
    for reason in answers().filter_map(|answer| answer.reason) {
        *reasons.entry(reason).or_default() += 1;
    }
    let wait =
        |one: &&CrossCertification| Wait::of(one.at, one.answer.as_ref().map(|a| a.at), one.is_open(), now);
    CrossWaits {
        requests: some.len() as u64,
        accepted: count(CrossAnswer::Accepted),
        declined: count(CrossAnswer::Declined),
        reasons,
        answer: some.iter().filter_map(wait).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_waits_that_someone_had() {
        let waits: Waits = (1..=10).map(|n| Wait::Over(n * 100)).chain([Wait::Waiting(7)]).collect();
        assert_eq!((waits.over, waits.min, waits.p50), (10, Some(100), Some(500)));
        assert_eq!((waits.p90, waits.max), (Some(900), Some(1000)));
        assert_eq!((waits.waiting, waits.waiting_longest), (1, Some(7)));
        let one: Waits = [Wait::Over(3)].into_iter().collect();
        assert_eq!((one.min, one.p50, one.p90, one.max), (Some(3), Some(3), Some(3), Some(3)));
        assert_eq!([].into_iter().collect::<Waits>(), Waits::default());
    }
}
