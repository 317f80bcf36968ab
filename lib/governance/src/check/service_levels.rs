//! Checks what watchers found: breaches of service levels, and reports.
//!
//! Nothing here changes trust. A watcher cannot prove to the fold that a service was down, which is why a single
//! watcher confirms nothing. But the fold makes sure that a watcher speaks only about others; that its statements are
//! complete (a claim opens once and closes once, a month is reported once), bounded, timely and with evidence of their
//! own; and that no report calls a promise kept if its own numbers contradict that.

use ctl_core::names::ParticipantId;
use ctl_core::{Digest, Timestamp};

use super::{Context, day};
use crate::refusal::{Reason, Refusal};
use crate::rules::Rules;
use crate::service_levels::{BreachKey, ServiceLevels, Share};
use crate::state::Participant;
use crate::statement::body::{BreachPhase, Measured, SlaBreach, SlaReport};
use crate::statement::parts::BlobAccess;

const MILLION: u32 = 1_000_000;
const DAY: u64 = 86_400;

fn content(detail: impl Into<String>) -> Refusal {
    Refusal::new(Reason::Content, detail)
}

/// The watcher that signed, if it may speak about this operator's services (none: the trust list manager).
fn watcher<'a>(context: &Context<'a>, operator: Option<&ParticipantId>) -> Result<&'a Participant, Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Reason::WrongRole, detail));
    let signer = context.signers.one()?;
    let Some(watchers) = &context.state.charter.watchers else {
        return refuse("the charter names no watchers, so nobody records breaches and reports".into());
    };
    if !watchers.holders.contains(&signer.id) {
        return refuse(format!("{} is none of the watchers that the charter names", signer.id));
    }
    let Some(operator) = operator else { return Ok(signer) };
    match context.state.participants.get(operator) {
        None => Err(Refusal::new(Reason::NotFound, format!("there is no participant {operator}"))),
        Some(found) if found.organisation == signer.organisation => refuse(format!(
            "{operator} and {} belong to {}: a watcher does not speak about its own organisation",
            signer.id, signer.organisation
        )),
        Some(_) => Ok(signer),
    }
}

/// The watcher has not used up its share of the day for this operator.
fn check_share(
    context: &Context<'_>,
    watcher: &ParticipantId,
    operator: Option<&ParticipantId>,
) -> Result<Share, Refusal> {
    let share = Share::of(context.state, operator);
    let limit = context.rules.watched_per_day;
    if context.state.service_levels.recorded_on_day_of(context.recorded_at, watcher, &share) >= limit {
        let detail = format!(
            "{watcher} has {limit} breaches and reports recorded today about {share}, which is its quota; try again \
             tomorrow (UTC)"
        );
        return Err(Refusal::new(Reason::Quota, detail));
    }
    Ok(share)
}

pub(super) fn breach(context: &Context<'_>, body: &SlaBreach) -> Result<(), Refusal> {
    let watcher = watcher(context, body.service.operator.as_ref())?;
    bounds(context.rules, body)?;
    match (body.phase, body.closed_at, body.opened) {
        (BreachPhase::Opened, None, None) => opens(context, watcher, body),
        (BreachPhase::Closed, Some(closed_at), Some(opened)) => {
            closes(context, watcher, body, closed_at, opened)
        }
        (BreachPhase::Opened, ..) => Err(content("a breach that opens has no closed_at and no opened")),
        (BreachPhase::Closed, ..) => {
            Err(content("a breach that closes says when it ended (closed_at) and which it is (opened)"))
        }
    }
}

fn opens(context: &Context<'_>, watcher: &Participant, body: &SlaBreach) -> Result<(), Refusal> {
    let (now, rules) = (context.recorded_at, context.rules);
    let late = rules.breach_late_seconds;
    if body.opened_at > now || now.seconds_since(body.opened_at) > late {
        let detail = format!("it began at {}; between {} and {now}", body.opened_at, now.minus_seconds(late));
        return Err(Refusal::new(Reason::Time, format!("{detail} is expected")));
    }
    if body.evidence.is_empty() {
        return Err(content("evidence: at least one answer that proves it"));
    }
    let levels = &context.state.service_levels;
    let key = (body.service.clone(), body.objective.name.clone());
    has_own_evidence(levels, &key, watcher, &body.evidence)?;
    let mut today = 0;
    for claim in levels.claims_about(&key).filter(|claim| claim.watcher == watcher.id) {
        let index = claim.index;
        today += u32::from(day(claim.recorded_at) == day(now));
        match claim.closed {
            None => {
                let detail = format!("claim {index} of this service and objective is open already");
                return Err(Refusal::new(Reason::Exists, detail));
            }
            Some(closed) if !closed.lapsed && claim.covers(body.opened_at) => {
                let (from, to) = (claim.opened_at, closed.at);
                let detail = format!(
                    "it began at {}, within claim {index} from {from} to {to}; one at a time",
                    body.opened_at
                );
                return Err(Refusal::new(Reason::Time, detail));
            }
            Some(_) => {}
        }
    }
    if today >= rules.claims_of_service_per_day {
        let detail = format!(
            "{} has opened {today} claims of this service and objective today, which is its quota; try again tomorrow (UTC)",
            watcher.id
        );
        return Err(Refusal::new(Reason::Quota, detail));
    }
    let share = check_share(context, &watcher.id, body.service.operator.as_ref())?;
    let open = levels.open_claims(&watcher.id);
    let open = open.filter(|claim| Share::of(context.state, claim.service.operator.as_ref()) == share);
    if open.count() >= rules.open_claims {
        let detail = format!(
            "{} has {} claims open about {share}, which is its quota; close those that are over first",
            watcher.id, rules.open_claims
        );
        return Err(Refusal::new(Reason::Quota, detail));
    }
    Ok(())
}

/// At least one digest is this watcher's own: no claim of another watcher on the service and objective named it before.
/// Copied ones do not count, and do not harm either: or whoever learns a digest could keep its owner out of the log.
fn has_own_evidence(
    levels: &ServiceLevels,
    key: &BreachKey,
    watcher: &Participant,
    evidence: &[Digest],
) -> Result<(), Refusal> {
    match levels.copied_from(key, &watcher.id, evidence) {
        None => Ok(()),
        Some(claim) => {
            let detail = format!(
                "all of its evidence was named before in claims of others, the last in claim {} of {}; a claim needs \
                 evidence of its own",
                claim.index, claim.watcher
            );
            Err(Refusal::new(Reason::Exists, detail))
        }
    }
}

fn closes(
    context: &Context<'_>,
    watcher: &Participant,
    body: &SlaBreach,
    closed_at: Timestamp,
    opened: u64,
) -> Result<(), Refusal> {
    let Some(claim) = context.state.service_levels.claims.get(&opened) else {
        return Err(Refusal::new(Reason::NotFound, format!("there is no claim {opened}")));
    };
    if claim.watcher != watcher.id {
        let detail = format!("claim {opened} is {}'s, who alone ends it", claim.watcher);
        return Err(Refusal::new(Reason::WrongRole, detail));
    }
    if claim.closed.is_some()
        || (&claim.service, &claim.objective.name) != (&body.service, &body.objective.name)
    {
        let detail = format!("claim {opened} is not an open one of this service and objective");
        return Err(Refusal::new(Reason::Stage, detail));
    }
    if claim.opened_at != body.opened_at {
        return Err(content(format!("claim {opened} began at {}", claim.opened_at)));
    }
    let now = context.recorded_at;
    if closed_at < body.opened_at || closed_at > now {
        let detail = format!(
            "it ended at {closed_at}; between its beginning, {}, and {now} is expected",
            body.opened_at
        );
        return Err(Refusal::new(Reason::Time, detail));
    }
    Ok(())
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

/// Whether this is a calendar month (UTC): two months together have at least 59 days.
fn is_month(from: Timestamp, to: Timestamp) -> bool {
    let begins = |at: Timestamp| at.to_string().ends_with("-01T00:00:00Z");
    begins(from) && begins(to) && from < to && to.seconds_since(from) <= 31 * DAY
}

pub(super) fn report(context: &Context<'_>, body: &SlaReport) -> Result<(), Refusal> {
    let watcher = watcher(context, body.operator.as_ref())?;
    let Rules { report_kinds, service_level_seconds, .. } = *context.rules;
    let SlaReport { from, to, .. } = body;
    let now = context.recorded_at;
    if !is_month(*from, *to) || *to > now || now.seconds_since(*from) > service_level_seconds {
        let detail = format!("from {from} to {to}: a calendar month that is over by {now} is expected");
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
    let key = (body.operator.clone(), *from, watcher.id.clone());
    if let Some(report) = context.state.service_levels.reports.get(&key) {
        let detail = format!(
            "entry {} is {}'s report on this operator from {from} on already",
            report.index, watcher.id
        );
        return Err(Refusal::new(Reason::Exists, detail));
    }
    check_share(context, &watcher.id, body.operator.as_ref()).map(|_| ())
}
