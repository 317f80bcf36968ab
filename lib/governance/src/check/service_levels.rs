//! What the watch found: breaches of service levels, and reports.
//!
//! Nothing here changes trust. The server cannot prove to the fold that a service was down; what it can be held
//! to is that its word is complete (a breach opens once and closes once, a period is reported on once), bounded,
//! of its time, and that no report says that a promise was kept which its own numbers say was not.

use ctl_core::names::ParticipantId;

use super::Context;
use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::state::State;
use crate::statement::body::{BreachPhase, Measured, SlaBreach, SlaReport};
use crate::statement::parts::BlobAccess;

/// All of them.
const MILLION: u32 = 1_000_000;

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

pub(super) fn breach(context: &Context<'_>, body: &SlaBreach) -> Result<(), Refusal> {
    context.signers.recorder_only()?;
    operator(context.state, body.service.operator.as_ref())?;
    bounds(context.rules, body)?;
    let now = context.recorded_at;
    let key = (body.service.clone(), body.objective.name.clone());
    let open = context.state.open_breaches.get(&key).copied();
    match (body.phase, body.closed_at, body.opened) {
        (BreachPhase::Opened, None, None) => {
            let late = body.objective.window_seconds.max(context.rules.breach_late_seconds);
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

fn bounds(rules: &Rules, body: &SlaBreach) -> Result<(), Refusal> {
    let Rules { breach_reasons, breach_evidence, service_level_seconds, .. } = *rules;
    if body.reasons.len() > breach_reasons || body.reasons.values().any(|count| *count == 0) {
        return Err(content(format!("reasons: at most {breach_reasons}, and none that was found no time")));
    }
    if body.evidence.len() > breach_evidence || !ascending(&body.evidence) {
        return Err(content(format!("evidence: at most {breach_evidence}, in order, none twice")));
    }
    let objective = &body.objective;
    if objective.target_ppm == 0 || objective.target_ppm > MILLION {
        return Err(content(format!("target_ppm: between 1 and {MILLION}")));
    }
    if objective.window_seconds == 0 || objective.window_seconds > service_level_seconds {
        return Err(content(format!("window_seconds: between 1 and {service_level_seconds}")));
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

pub(super) fn report(context: &Context<'_>, body: &SlaReport) -> Result<(), Refusal> {
    context.signers.recorder_only()?;
    operator(context.state, body.operator.as_ref())?;
    let Rules { report_kinds, service_level_seconds, .. } = *context.rules;
    let SlaReport { from, to, .. } = body;
    if from >= to || *to > context.recorded_at || to.seconds_since(*from) > service_level_seconds {
        let now = context.recorded_at;
        let detail = format!("from {from} to {to}: a time that is over by {now} is expected");
        return Err(Refusal::new(Reason::Time, detail));
    }
    if body.report.access != BlobAccess::Public {
        return Err(content("report: is public"));
    }
    let kinds: Vec<_> = body.summary.iter().map(|line| &line.kind).collect();
    if kinds.len() > report_kinds || !ascending(&kinds) {
        return Err(content(format!("summary: at most {report_kinds} kinds, in order, none twice")));
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
