//! What the watch found: breaches of service levels, and reports.
//!
//! Nothing here changes trust. The server cannot prove to the fold that a service was down; what it can be held
//! to is that its word is complete (a breach opens once and closes once, a period is reported on once), bounded,
//! of its time, and that no report says that a promise was kept which its own numbers say was not.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::governance::refusal::{Reason, Refusal};
use crate::governance::rules1::apply::{Place, name_blob};
use crate::governance::rules1::check::Context;
use crate::governance::service_levels::{Breach, Closed, Found, LevelReport, PAST_BREACHES};
use crate::governance::state::State;
use crate::names::ParticipantId;
use crate::statement::body::{BreachPhase, Measured, SlaBreach, SlaReport};
use crate::statement::parts::BlobAccess;

/// At most so many reasons are counted in one breach.
const MAX_REASONS: usize = 128;
/// At most so many answers are named as evidence of one breach.
const MAX_EVIDENCE: usize = 64;
/// At most so many kinds of services in one report.
const MAX_SUMMARY: usize = 64;
/// All of them.
const MILLION: u32 = 1_000_000;
/// An objective's window, and the time of a report, are at most so long: ten years.
const MAX_WINDOW: u64 = 10 * 366 * 86_400;
/// A breach may be recorded so late whatever its window, so that a server that stood still over a weekend
/// can still say what it saw before.
const LATE: u64 = 4 * 86_400;

fn content(detail: impl Into<String>) -> Refusal {
    Refusal::new(Reason::Content, detail)
}

fn operator(state: &State, operator: Option<&ParticipantId>) -> Result<(), Refusal> {
    match operator {
        Some(id) if !state.participants.contains_key(id) => {
            Err(Refusal::new(Reason::NotFound, format!("there is no participant {id}")))
        }
        _ => Ok(()),
    }
}

pub(in crate::governance) fn check_breach(context: &Context<'_>, body: &SlaBreach) -> Result<(), Refusal> {
    context.signers.recorder_only()?;
    operator(context.state, body.service.operator.as_ref())?;
    bounds(body)?;
    let now = context.recorded_at;
    let key = (body.service.clone(), body.objective.name.clone());
    let open = context.state.open_breaches.get(&key).copied();
    match (body.phase, body.closed_at, body.opened) {
        (BreachPhase::Opened, None, None) => {
            let late = body.objective.window_seconds.max(LATE);
            if body.opened_at > now || now.seconds_since(body.opened_at) > late {
                let detail =
                    format!("it began at {}; between {} and {now}", body.opened_at, now.minus_seconds(late));
                return Err(Refusal::new(Reason::Time, format!("{detail} is expected")));
            }
            match open {
                Some(index) => {
                    let detail = format!("breach {index} of this service and objective is open already");
                    Err(Refusal::new(Reason::Exists, detail))
                }
                None => Ok(()),
            }
        }
        (BreachPhase::Closed, Some(closed_at), Some(opened)) => {
            let Some(breach) = context.state.breaches.get(&opened) else {
                return Err(Refusal::new(Reason::NotFound, format!("there is no breach {opened}")));
            };
            if open != Some(opened) {
                let detail = format!("breach {opened} is not an open one of this service and objective");
                return Err(Refusal::new(Reason::Stage, detail));
            }
            if breach.opened_at != body.opened_at {
                return Err(content(format!("breach {opened} began at {}", breach.opened_at)));
            }
            if closed_at < body.opened_at || closed_at > now {
                let detail = format!(
                    "it ended at {closed_at}; between its beginning, {}, and {now} is expected",
                    body.opened_at
                );
                return Err(Refusal::new(Reason::Time, detail));
            }
            Ok(())
        }
        (BreachPhase::Opened, ..) => Err(content("a breach that opens has no closed_at and no opened")),
        (BreachPhase::Closed, ..) => {
            Err(content("a breach that closes says when it ended (closed_at) and which it is (opened)"))
        }
    }
}

fn bounds(body: &SlaBreach) -> Result<(), Refusal> {
    if body.reasons.len() > MAX_REASONS || body.reasons.values().any(|count| *count == 0) {
        return Err(content(format!("reasons: at most {MAX_REASONS}, and none that was found no time")));
    }
    if body.evidence.len() > MAX_EVIDENCE || !ascending(&body.evidence) {
        return Err(content(format!("evidence: at most {MAX_EVIDENCE}, in order, none twice")));
    }
    let objective = &body.objective;
    if objective.target_ppm == 0 || objective.target_ppm > MILLION {
        return Err(content(format!("target_ppm: between 1 and {MILLION}")));
    }
    if objective.window_seconds == 0 || objective.window_seconds > MAX_WINDOW {
        return Err(content(format!("window_seconds: between 1 and {MAX_WINDOW}")));
    }
    measured(&body.measured)
}

fn measured(measured: &Measured) -> Result<(), Refusal> {
    if measured.good > measured.valid {
        let Measured { good, valid, .. } = measured;
        return Err(content(format!("{good} good probes of {valid}")));
    }
    Ok(())
}

fn ascending<T: Ord>(values: &[T]) -> bool {
    values.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
}

pub(in crate::governance) fn check_report(context: &Context<'_>, body: &SlaReport) -> Result<(), Refusal> {
    context.signers.recorder_only()?;
    operator(context.state, body.operator.as_ref())?;
    let SlaReport { from, to, .. } = body;
    if from >= to || *to > context.recorded_at || to.seconds_since(*from) > MAX_WINDOW {
        let now = context.recorded_at;
        let detail = format!("from {from} to {to}: a time that is over by {now} is expected");
        return Err(Refusal::new(Reason::Time, detail));
    }
    if body.report.access != BlobAccess::Public {
        return Err(content("report: is public"));
    }
    let kinds: Vec<_> = body.summary.iter().map(|line| &line.kind).collect();
    if kinds.len() > MAX_SUMMARY || !ascending(&kinds) {
        return Err(content(format!("summary: at most {MAX_SUMMARY} kinds, in order, none twice")));
    }
    for line in &body.summary {
        if line.target_ppm > MILLION {
            return Err(content(format!("{}: target_ppm: at most {MILLION}", line.kind)));
        }
        measured(&Measured { good: line.good, missing: line.missing, valid: line.valid })?;
        if line.met && !line.reaches_target() {
            let detail = format!(
                "{}: {} good of {} are fewer than {} of a million, so it is not met",
                line.kind, line.good, line.valid, line.target_ppm
            );
            return Err(content(detail));
        }
    }
    match context.state.level_reports.get(&(body.operator.clone(), *from)) {
        Some(report) => {
            let detail = format!("entry {} reports on this operator from {from} on already", report.index);
            Err(Refusal::new(Reason::Exists, detail))
        }
        None => Ok(()),
    }
}

pub(in crate::governance) fn breach(state: &mut State, place: Place<'_>, body: &SlaBreach) {
    let found =
        Found { measured: body.measured, reasons: body.reasons.clone(), evidence: body.evidence.clone() };
    if let (BreachPhase::Closed, Some(at), Some(opened)) = (body.phase, body.closed_at, body.opened) {
        let Some(breach) = state.breaches.get(&opened) else { return };
        let mut breach = Breach::clone(breach);
        breach.found = found;
        breach.closed = Some(Closed { index: place.index, at, recorded_at: place.at });
        state.open_breaches.remove_mut(&breach.key());
        state.breaches.insert_mut(opened, Arc::new(breach));
        let open = state.open_breaches.size();
        forget(&mut state.breaches, open, PAST_BREACHES);
        return;
    }
    let breach = Breach {
        index: place.index,
        service: body.service.clone(),
        objective: body.objective.clone(),
        policy: body.policy.clone(),
        opened_at: body.opened_at,
        recorded_at: place.at,
        found,
        closed: None,
    };
    state.open_breaches.insert_mut(breach.key(), place.index);
    state.breaches.insert_mut(place.index, Arc::new(breach));
}

/// Forgets the breach that is over and began first, if more than so many are over.
fn forget(breaches: &mut RedBlackTreeMapSync<u64, Arc<Breach>>, open: usize, keep: usize) {
    if breaches.size() <= open.saturating_add(keep) {
        return;
    }
    let oldest = breaches.iter().find(|(_, breach)| breach.closed.is_some()).map(|(index, _)| *index);
    if let Some(index) = oldest {
        breaches.remove_mut(&index);
    }
}

pub(in crate::governance) fn report(state: &mut State, place: Place<'_>, body: &SlaReport) {
    name_blob(state, &body.report);
    let report = LevelReport {
        index: place.index,
        recorded_at: place.at,
        to: body.to,
        policy: body.policy.clone(),
        report: body.report.clone(),
        summary: body.summary.clone(),
    };
    state.level_reports.insert_mut((body.operator.clone(), body.from), Arc::new(report));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::body::{Objective, Service};
    use crate::statement::parts::PolicyRef;
    use crate::{Digest, Timestamp};

    fn breach(index: u64, over: bool) -> Arc<Breach> {
        let closed = Closed { index: index + 1, at: Timestamp::EPOCH, recorded_at: Timestamp::EPOCH };
        Arc::new(Breach {
            index,
            service: Service { kind: "ocsp".parse().unwrap(), operator: None, url: None },
            objective: Objective {
                name: "availability".parse().unwrap(),
                target_ppm: 999_000,
                window_seconds: 86_400,
            },
            policy: PolicyRef {
                name: "service-levels".parse().unwrap(),
                sha256: Digest::ZERO,
                version: "1".parse().unwrap(),
            },
            opened_at: Timestamp::EPOCH,
            recorded_at: Timestamp::EPOCH,
            found: Found {
                measured: Measured { good: 0, missing: 0, valid: 1 },
                reasons: Default::default(),
                evidence: Vec::new(),
            },
            closed: over.then_some(closed),
        })
    }

    #[test]
    fn what_is_over_is_forgotten_one_day_but_never_what_is_open() {
        let mut breaches = RedBlackTreeMapSync::new_sync();
        let over = |index: u64| index % 4 != 1;
        let mut open = 0;
        for index in 1..=40 {
            breaches.insert_mut(index, breach(index, over(index)));
            open += usize::from(!over(index));
            forget(&mut breaches, open, 3);
        }
        let kept = |wanted: bool| -> Vec<u64> {
            breaches.keys().copied().filter(|index| over(*index) == wanted).collect()
        };
        assert_eq!(kept(true), [38, 39, 40], "the latest");
        assert_eq!(kept(false), [1, 5, 9, 13, 17, 21, 25, 29, 33, 37], "open, whatever their age");
    }
}
