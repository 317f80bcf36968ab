//! The trust list manager watched like everyone else: whether its lists are fresh, its checkpoint covers the log,
//! and what was decided is published in time. No address is called; the ledger and the publisher say it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::role::Role;
use ctl_governance::State;
use ctl_governance::statement::Entry;
use ctl_policy::sla::{Kind, Limits, SlaPolicy};
use tokio::sync::{mpsc, watch};

use super::code::Code;
use super::keeper::Now;
use super::observation::{Facts, Finding, Observation};
use super::target::{OWN, Origin, Subject, Target, TargetId};
use crate::ledger::Ledger;
use crate::publish::Publisher;
use crate::publish::publisher::Status;

/// The address of the target for the log.
const LOG: &str = "/log/checkpoint";

/// Watches the service itself.
#[derive(Clone)]
pub struct Watch {
    /// The ledger.
    pub ledger: Ledger,
    /// What is published.
    pub publisher: Publisher,
    /// By what it is judged.
    pub policy: Arc<SlaPolicy>,
    /// How often it is looked at.
    pub period: Duration,
    /// The monitor's clock.
    pub now_ms: Now,
}

impl Watch {
    /// What is watched of the service now.
    #[must_use]
    pub fn targets(&self) -> Vec<Arc<Target>> {
        let snapshot = self.ledger.snapshot();
        targets(snapshot.state.charter.lists.keys(), self.period)
    }

    /// Looks once a period until nobody follows any more.
    pub async fn run(
        self,
        mut following: watch::Receiver<Arc<[Arc<Target>]>>,
        observations: mpsc::Sender<Observation>,
    ) {
        // The keeper knows what is watched once it has been said for the first time.
        if following.changed().await.is_err() {
            return;
        }
        let mut ticks = tokio::time::interval(self.period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = following.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                }
            }
            for observation in self.look() {
                if observations.send(observation).await.is_err() {
                    return;
                }
            }
        }
    }

    fn look(&self) -> Vec<Observation> {
        let snapshot = self.ledger.snapshot();
        let now = self.ledger.now().unwrap_or_else(|_| snapshot.state.clock());
        let state = snapshot.state.at(now);
        let limits = self.policy.limits(OWN, Kind::Service);
        let status = self.publisher.status();
        let uncovered = self.ledger.entry(status.size).ok().flatten();
        let uncovered = uncovered.and_then(|bytes| Some(Entry::parse(&bytes).ok()?.recorded_at));
        let found = targets(state.charter.lists.keys(), self.period).into_iter().map(|target| {
            let (findings, facts) = judge(&state, &status, uncovered, &target, &limits, now);
            let at_ms = (self.now_ms)();
            Observation { target, at_ms, findings, timings: None, facts, evidence: Vec::new() }
        });
        found.collect()
    }
}

/// The targets of a service with these lists.
pub fn targets<'a>(lists: impl Iterator<Item = &'a ListId>, period: Duration) -> Vec<Arc<Target>> {
    // The name is one that any participant's could be.
    let Ok(operator) = OWN.parse::<ParticipantId>() else { return Vec::new() };
    let addresses = lists.map(|list| (format!("/v1/lists/{list}"), vec![list.clone()]));
    let all = addresses.chain(std::iter::once((LOG.to_owned(), Vec::new())));
    let target = |(url, lists): (String, Vec<ListId>)| {
        Arc::new(Target {
            id: TargetId::of(Kind::Service, &operator, &url),
            kind: Kind::Service,
            operator: operator.clone(),
            lists,
            url,
            origins: vec![Origin::Configuration],
            subject: Subject::Service,
            period,
        })
    };
    all.map(target).collect()
}

/// What is wrong with one of the service's own targets at a moment. `uncovered` is the time of the first entry that
/// the checkpoint that is served does not cover.
#[must_use]
pub fn judge(
    state: &State,
    status: &Status,
    uncovered: Option<Timestamp>,
    target: &Target,
    limits: &Limits,
    now: Timestamp,
) -> (BTreeSet<Finding>, Facts) {
    let (mut findings, mut facts) = (BTreeSet::new(), Facts::default());
    let mut find = |code, detail: String| {
        findings.insert(Finding { code, address: None, detail });
    };
    let Some(list) = target.lists.first() else {
        let waited = uncovered.map_or(0, |recorded_at| now.seconds_since(recorded_at));
        if waited > limits.checkpoint_delay.unsigned_abs() {
            let (served, size) = (status.size, state.size());
            find(
                Code::CheckpointOld,
                format!("the checkpoint covers {served} of {size} entries, for {waited} s"),
            );
        }
        for (what, expires) in ["snapshot", "timestamp"].into_iter().zip(
            status.freshness_expires.map(|(snapshot, timestamp)| [snapshot, timestamp]).into_iter().flatten(),
        ) {
            if expires < now {
                find(Code::ListStale, format!("the {what} expired at {expires}"));
            }
        }
        return (findings, facts);
    };
    let role = Role::List(list.clone());
    if let Some(published) = state.published.get(&role) {
        let open = &published.open;
        (facts.this_update, facts.next_update) = (Some(open.issued_at.unix()), Some(open.expires.unix()));
        if open.expires < now {
            find(Code::ListStale, format!("list {list} was to be renewed by {}", open.expires));
        }
    }
    if let Some((since, cause)) = waiting_since(state, list)
        && now.seconds_since(since) > limits.publication_delay.unsigned_abs()
    {
        find(
            Code::PublicationDelayed,
            format!("entry {cause} changed list {list} at {since} and is not published"),
        );
    }
    (findings, facts)
}

/// The oldest change of a list that is not published, and the entry that caused it.
fn waiting_since(state: &State, list: &ListId) -> Option<(Timestamp, u64)> {
    let contents = state.lists.get(list)?;
    let published = state.published.get(&Role::List(list.clone()));
    let drafted = published.map(|published| published.draft);
    let anchors = contents.anchors.values().map(|anchor| &anchor.listed);
    let cross = contents.cross_certificates.values().map(|cross| &cross.listed);
    let changes = anchors.chain(cross).flat_map(|listed| &listed.history);
    // What had happened when the draft was opened is in it, as far as it had happened by then.
    let issued_at = published.map(|published| published.open.issued_at);
    let waits = changes.filter(|change| {
        issued_at.is_none_or(|issued_at| change.at > issued_at)
            && drafted.is_none_or(|drafted| change.cause > drafted)
    });
    waits.map(|change| (change.at, change.cause)).min()
}
