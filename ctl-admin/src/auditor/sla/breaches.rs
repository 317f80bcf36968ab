//! The breaches that the recorder wrote down.

use std::collections::BTreeMap;

use ctl_core::names::{ParticipantId, ReasonCode};
use ctl_core::{Digest, Timestamp};
use ctl_governance::service_levels::Breach;
use ctl_governance::statement::body::{Measured, Objective, Service};
use ctl_replica::Replica;
use serde::Serialize;

use super::{lasted, percent, service, share};
use crate::AdminError;
use crate::output::Render;

/// A breach, with everything that the log says of it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Index of the entry that opened it.
    pub entry: u64,
    /// Whose service.
    pub service: Service,
    /// What was promised.
    pub objective: Objective,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Index of the entry that closed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<u64>,
    /// How long it lasted, or has lasted.
    pub seconds: u64,
    /// What was measured in the objective's window.
    pub measured: Measured,
    /// How many probes failed for which reason.
    pub reasons: BTreeMap<ReasonCode, u64>,
    /// SHA-256 of the answers that prove it.
    pub evidence: Vec<Digest>,
}

impl Row {
    fn of(breach: &Breach, now: Timestamp) -> Self {
        Self {
            entry: breach.index,
            service: breach.service.clone(),
            objective: breach.objective.clone(),
            opened_at: breach.opened_at,
            closed_at: breach.closed.map(|closed| closed.at),
            closed_by: breach.closed.map(|closed| closed.index),
            seconds: breach.closed.map_or(now, |closed| closed.at).seconds_since(breach.opened_at),
            measured: breach.found.measured,
            reasons: breach.found.reasons.clone(),
            evidence: breach.found.evidence.clone(),
        }
    }

    fn text(&self) -> String {
        let Measured { good, missing, valid } = self.measured;
        let lasted = lasted(self.seconds);
        let until = match (self.closed_at, self.closed_by) {
            (Some(at), Some(entry)) => format!("until {at} (entry {entry}), {lasted}"),
            _ => format!("NOT OVER, for {lasted}"),
        };
        let mut text = format!(
            "{}: {}\n  from {} {until}\n  {} promised {}, measured {} ({good} good of {valid}, {missing} missing)\n",
            self.entry,
            service(&self.service),
            self.opened_at,
            self.objective.name,
            percent(self.objective.target_ppm.into()),
            share(good, valid),
        );
        if !self.reasons.is_empty() {
            let mut reasons: Vec<_> = self.reasons.iter().collect();
            reasons.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), *code));
            let reasons: Vec<String> =
                reasons.into_iter().map(|(code, count)| format!("{code} {count}")).collect();
            text += &format!("  reasons: {}\n", reasons.join(", "));
        }
        self.evidence.iter().fold(text, |text, digest| text + &format!("  evidence: {digest}\n"))
    }
}

/// A breach in a line.
pub(crate) fn words(breach: &Breach, now: Timestamp) -> String {
    let (service, name) = (service(&breach.service), &breach.objective.name);
    let lasted = |until: Timestamp| lasted(until.seconds_since(breach.opened_at));
    let head =
        format!("{}: {name} of {service} below what is promised, from {}", breach.index, breach.opened_at);
    match breach.closed {
        Some(closed) => format!("{head} for {} (closed by entry {})", lasted(closed.at), closed.index),
        None => format!("{head}: NOT OVER, for {}", lasted(now)),
    }
}

/// The breaches of a scheme.
#[derive(Clone, Debug, Serialize)]
pub struct Breaches {
    /// Number of entries in the log, all verified and replayed.
    pub entries: u64,
    /// The breaches, oldest first.
    pub breaches: Vec<Row>,
    /// How many that are over are shown at most, if older ones may stand in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<usize>,
}

impl Render for Breaches {
    fn text(&self) -> String {
        let mut text = format!("log of {} entries, verified and replayed\n", self.entries);
        if let Some(most) = self.truncated {
            text += &format!("the latest {most} that are over, and all that are not\n");
        }
        if self.breaches.is_empty() {
            return text + "no breaches\n";
        }
        self.breaches.iter().fold(text, |text, row| text + &row.text())
    }
}

/// Lists breaches: of all, or of one operator; all, or only those that are not over.
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
    let wanted = |breach: &&std::sync::Arc<Breach>| {
        operator.is_none_or(|operator| breach.service.operator.as_ref() == Some(operator))
            && (!open || breach.closed.is_none())
    };
    let most = state.rules().past_breaches;
    Ok(Breaches {
        entries: state.size(),
        breaches: state.breaches.values().filter(wanted).map(|breach| Row::of(breach, now)).collect(),
        truncated: (state.breaches.size() >= state.open_breaches.size().saturating_add(most)).then_some(most),
    })
}
