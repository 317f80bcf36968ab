//! What the watchers say of breaches, and which of them are confirmed.

use ctl_core::Timestamp;
use ctl_core::names::ParticipantId;
use ctl_governance::State;
use ctl_governance::service_levels::{Claim, Closed, Outage};
use ctl_governance::statement::body::Measured;
use ctl_replica::Replica;
use serde::Serialize;

use super::{percent, service, share};
use crate::AdminError;
use crate::output::{Render, lasted};

/// A breach, or a claim that no breach counts, with everything that the log says of it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What watchers say.
    #[serde(flatten)]
    pub outage: Outage,
    /// How long it lasted, or has lasted.
    pub seconds: u64,
}

impl Row {
    fn of(outage: Outage, now: Timestamp) -> Self {
        let seconds = outage.closed.map_or(now, |closed| closed.at).seconds_since(outage.opened_at);
        Self { outage, seconds }
    }

    fn text(&self) -> String {
        let Outage { entry, opened_at, objective, closed, claims, .. } = &self.outage;
        let lasted = lasted(self.seconds);
        let until =
            closed.map_or_else(|| format!("NOT OVER, for {lasted}"), |closed| until(closed) + ", " + &lasted);
        let head = format!(
            "{entry}: {}\n  {}\n  from {opened_at} {until}\n  {} promised {}\n",
            service(&self.outage.service),
            standing(&self.outage),
            objective.name,
            percent(objective.target_ppm.into()),
        );
        claims.iter().fold(head, |text, claim| text + &claim_text(claim))
    }
}

/// Whether a breach is confirmed, in words.
fn standing(outage: &Outage) -> String {
    let Outage { confirmed, organisations, needed, .. } = outage;
    format!(
        "{}, {organisations} of {needed} organisations",
        if *confirmed { "confirmed" } else { "NOT CONFIRMED" }
    )
}

fn until(closed: Closed) -> String {
    let how = if closed.lapsed { "when the watcher lost its office, " } else { "" };
    format!("until {} ({how}entry {})", closed.at, closed.index)
}

/// What one watcher says.
fn claim_text(claim: &Claim) -> String {
    let Measured { good, missing, valid } = claim.found.measured;
    let until = claim.closed.map_or_else(|| "NOT OVER".into(), until);
    let mut text = format!(
        "  {} of {}, entry {}: from {} {until}\n    measured {} ({good} good of {valid}, {missing} missing)\n",
        claim.watcher,
        claim.organisation,
        claim.index,
        claim.opened_at,
        share(good, valid),
    );
    if !claim.found.reasons.is_empty() {
        let mut reasons: Vec<_> = claim.found.reasons.iter().collect();
        reasons.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), *code));
        let reasons: Vec<String> =
            reasons.into_iter().map(|(code, count)| format!("{code} {count}")).collect();
        text += &format!("    reasons: {}\n", reasons.join(", "));
    }
    claim.found.evidence.iter().fold(text, |text, digest| text + &format!("    evidence: {digest}\n"))
}

/// What watchers say of breaches, in lines; all, or only what is not over.
pub(crate) fn lines(state: &State, now: Timestamp, open: bool) -> Vec<String> {
    let told = state.told().into_iter().filter(|(_, told)| !open || told.closed().is_none());
    told.map(|(_, told)| words(&told.outage(state), now)).collect()
}

fn words(outage: &Outage, now: Timestamp) -> String {
    let (service, name) = (service(&outage.service), &outage.objective.name);
    let lasted = |until: Timestamp| lasted(until.seconds_since(outage.opened_at));
    let Outage { entry, opened_at, .. } = outage;
    let head = format!("{entry}: {name} of {service} below what is promised, from {opened_at}");
    let standing = standing(outage);
    match outage.closed {
        Some(closed) => {
            format!("{head} for {} (closed by entry {}); {standing}", lasted(closed.at), closed.index)
        }
        None => format!("{head}: NOT OVER, for {}; {standing}", lasted(now)),
    }
}

/// The breaches of a scheme.
#[derive(Clone, Debug, Serialize)]
pub struct Breaches {
    /// Number of entries in the log, all verified and replayed.
    pub entries: u64,
    /// The breaches, and the claims that none of them counts, in the order in which the first claim was recorded.
    pub breaches: Vec<Row>,
    /// How many claims that are over are shown at most, if older ones may stand in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<usize>,
}

impl Render for Breaches {
    fn text(&self) -> String {
        let mut text = format!("log of {} entries, verified and replayed\n", self.entries);
        if let Some(most) = self.truncated {
            text += &format!("the latest {most} claims that are over, and all that are not\n");
        }
        if self.breaches.is_empty() {
            return text + "no breaches\n";
        }
        self.breaches.iter().fold(text, |text, row| text + &row.text())
    }
}

/// Lists what watchers say of breaches: of all, or of one operator; all, or only what is not over.
///
/// # Errors
/// There is no such participant; the log cannot be had or does not hold.
pub async fn breaches(
    session: &mut Replica,
    operator: Option<&ParticipantId>,
    open: bool,
) -> Result<Breaches, AdminError> {
    let now = session.now();
    let state = &session.sync().await?.state();
    if let Some(operator) = operator.filter(|operator| !state.participants.contains_key(*operator)) {
        return Err(AdminError::Input(format!("there is no participant {operator}")));
    }
    let told = state.told().into_iter().filter(|(_, told)| {
        operator.is_none_or(|operator| told.is_of(operator)) && (!open || told.closed().is_none())
    });
    let most = state.rules().past_claims;
    let over = state.service_levels.claims.values().filter(|claim| claim.closed.is_some()).count();
    Ok(Breaches {
        entries: state.size(),
        breaches: told.map(|(_, told)| Row::of(told.outage(state), now)).collect(),
        truncated: (over >= most).then_some(most),
    })
}
