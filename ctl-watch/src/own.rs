//! Watches the trust list manager from outside like any other service: whether its lists are fresh, its log holds and
//! is covered by its checkpoint, its TUF metadata has not expired, and decisions are published in time. The log comes
//! from the replica; everything else is asked over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::Timestamp;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::paths;
use ctl_core::role::Role;
use ctl_core::threshold::{Authority, Threshold};
use ctl_core::tuf::{self, Limits as TufLimits, MetaFile, Metadata, Signed};
use ctl_fetch::{Addresses, Exchange, Fetch, Request};
use ctl_governance::State;
use ctl_policy::sla::{Kind, ServiceLimits, SlaPolicy};
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use super::aggregator::Now;
use super::code::Code;
use super::follow::{Contact, Followed};
use super::observation::{Facts, Finding, Observation};
use super::probe::http;
use super::target::{OWN, Origin, Subject, Target, TargetId};

/// The URL of the target for the log.
const LOG: &str = paths::CHECKPOINT.pattern();
/// The largest `/readyz` answer, in bytes.
const MAX_READY: usize = 1 << 20;

/// Watches the service itself.
#[derive(Clone)]
pub struct ServiceWatch {
    /// What is known of the scheme.
    pub followed: watch::Receiver<Followed>,
    pub fetch: Arc<dyn Fetch>,
    /// The service's address, without a trailing slash.
    pub server: String,
    /// The policy by which the service is judged.
    pub policy: Arc<SlaPolicy>,
    /// How often the service is probed.
    pub period: Duration,
    pub now_ms: Now,
}

/// The result of looking at the service.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What is wrong with TUF's timestamp and snapshot.
    pub freshness: Vec<Finding>,
    /// The exchange that fetched the timestamp; none if nothing was asked.
    pub exchange: Option<Exchange>,
    /// How many entries the service has and how many its checkpoint covers, if it says so.
    pub entries: Option<(u64, u64)>,
    /// Since when the checkpoint has covered too few entries.
    pub uncovered_since: Option<Timestamp>,
    /// As [`Followed::promised`].
    pub promised: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Ready {
    ledger: Ledger,
}

#[derive(Deserialize)]
struct Ledger {
    entries: u64,
    served: u64,
}

impl ServiceWatch {
    /// The targets of the service now.
    #[must_use]
    pub fn targets(&self) -> Vec<Arc<Target>> {
        let followed = self.followed.borrow();
        let lists = followed.seen.iter().flat_map(|seen| seen.state.charter.lists.keys());
        targets(lists, self.period)
    }

    /// Looks once a period, until nobody takes the observations.
    pub async fn run(
        self,
        mut following: watch::Receiver<Arc<[Arc<Target>]>>,
        observations: mpsc::Sender<Observation>,
    ) {
        // The aggregator knows these targets once they are published for the first time.
        if following.changed().await.is_err() {
            return;
        }
        let mut ticks = tokio::time::interval(self.period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // How many entries the checkpoint covered when it was first seen to cover too few, and when that was.
        let mut behind: Option<(u64, Timestamp)> = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = following.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                }
            }
            for observation in self.look(&mut behind).await {
                if observations.send(observation).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Looks once. `behind` carries over from look to look.
    pub async fn look(&self, behind: &mut Option<(u64, Timestamp)>) -> Vec<Observation> {
        let followed = self.followed.borrow().clone();
        let Some(seen) = &followed.seen else { return Vec::new() };
        let at_ms = (self.now_ms)();
        let now = Timestamp::from_unix(at_ms.div_euclid(1000));
        if let Contact::Hindered(why) = &followed.contact {
            // What the watch knows is old by its own fault.
            let detail = format!("the watch itself cannot follow the log: {why}");
            let gap = |target| Observation::gap(target, at_ms, Code::ProbeMissed, detail.clone());
            return self.targets().into_iter().map(gap).collect();
        }
        let mut look = self.freshness(&seen.state, now).await;
        look.entries = self.entries().await;
        *behind = look.entries.filter(|(entries, served)| served < entries).map(|(_, served)| {
            let same = behind.filter(|(before, _)| *before == served);
            same.unwrap_or((served, now))
        });
        look.uncovered_since = behind.map(|(_, since)| since);
        look.promised = followed.promised;
        let limits = self.policy.limits(OWN, Kind::Service);
        let state = seen.state.at(now.max(seen.state.clock()));
        let found = targets(state.charter.lists.keys(), self.period).into_iter().map(|target| {
            let (findings, facts) = judge(&state, &followed.contact, &look, &target, &limits, now);
            let timings = look.exchange.as_ref().filter(|_| target.lists.is_empty());
            let timings = timings.filter(|exchange| exchange.result.is_ok()).map(|exchange| exchange.timings);
            Observation { target, at_ms, findings, timings, facts, evidence: Vec::new() }
        });
        found.collect()
    }

    async fn get(&self, path: &str, max_body: usize) -> Option<Exchange> {
        let request = Request {
            url: format!("{}/{path}", self.server),
            body: None,
            content_type: None,
            accept: "application/json",
            max_body,
            timeout: self.period.min(Duration::from_secs(15)),
            addresses: Addresses::Turn(0),
            headers: Vec::new(),
        };
        self.fetch.fetch(&request).await.into_iter().next()
    }

    /// What the service says of its log; none if its health endpoint has a listener of its own.
    async fn entries(&self) -> Option<(u64, u64)> {
        let answer = self.get("readyz", MAX_READY).await?.result.ok()?;
        let ready: Ready = serde_json::from_slice(&answer.body).ok()?;
        Some((ready.ledger.entries, ready.ledger.served))
    }

    /// What is wrong with TUF's timestamp and the snapshot that it names.
    async fn freshness(&self, state: &State, now: Timestamp) -> Look {
        let (limits, keys) = (TufLimits::default(), &state.charter.server);
        let mut look = Look::default();
        let exchange = self.get(paths::TIMESTAMP.plain(), limits.timestamp).await;
        let Some(exchange) = exchange else { return look };
        let sla = self.policy.limits(OWN, Kind::Service);
        if exchange.result.as_ref().is_ok_and(|answer| answer.status == 404) && state.published.is_empty() {
            // Nothing is published yet.
            return look;
        }
        let failed = http::transport(&exchange).or_else(|| http::http_status(&exchange));
        if let Some(finding) = failed {
            look.freshness.push(finding);
            look.exchange = Some(exchange);
            return look;
        }
        look.freshness.extend(http::timeliness(&exchange, &sla, now.unix()));
        let read =
            |body: &[u8]| signed::<tuf::Timestamp>("timestamp", body, limits.timestamp, &keys.timestamp);
        let timestamp = exchange.result.as_ref().ok().map(|answer| read(&answer.body));
        let (address, mut wrong) = (exchange.address, Vec::new());
        match timestamp {
            Some(Ok(timestamp)) => {
                wrong.extend(expired("timestamp", &timestamp, now));
                match timestamp.snapshot() {
                    Ok(named) => wrong.extend(self.snapshot(named, state, now).await),
                    Err(error) => wrong.push((Code::ListStale, error.to_string())),
                }
            }
            Some(Err(why)) => wrong.push((Code::ListStale, why)),
            None => {}
        }
        look.freshness.extend(wrong.into_iter().map(|(code, detail)| Finding { code, address, detail }));
        look.exchange = Some(exchange);
        look
    }

    async fn snapshot(&self, named: &MetaFile, state: &State, now: Timestamp) -> Option<(Code, String)> {
        let limit = TufLimits::default().snapshot;
        let exchange = self.get(&paths::metadata(named.version, "snapshot"), limit).await?;
        if let Some(finding) = http::transport(&exchange).or_else(|| http::http_status(&exchange)) {
            return Some((finding.code, format!("the snapshot: {}", finding.detail)));
        }
        let body = exchange.result.ok()?.body;
        if let Err(error) = named.check_bytes("snapshot.json", &body) {
            return Some((Code::ListStale, error.to_string()));
        }
        match signed::<tuf::Snapshot>("snapshot", &body, limit, &state.charter.server.snapshot) {
            Ok(snapshot) => expired("snapshot", &snapshot, now),
            Err(why) => Some((Code::ListStale, why)),
        }
    }
}

/// The metadata, if this key signed it; else what is wrong.
fn signed<T: Metadata>(
    role: &str,
    bytes: &[u8],
    limit: usize,
    key: &ctl_core::PublicKey,
) -> Result<T, String> {
    let metadata = Signed::<T>::parse(role, bytes, limit).map_err(|error| error.to_string())?;
    let authority = Authority { key: key.clone(), organisation: None };
    let threshold = Threshold { needed: 1, keys: [(key.key_id(), authority)].into() };
    tuf::verify_role(role, &metadata, &threshold).map_err(|error| error.to_string())?;
    Ok(metadata.signed)
}

fn expired<T: Metadata>(role: &str, metadata: &T, now: Timestamp) -> Option<(Code, String)> {
    let expires = metadata.expires();
    (expires.unix() < now.unix()).then(|| (Code::ListStale, format!("the {role} expired at {expires}")))
}

/// The targets of a service with these lists.
pub fn targets<'a>(lists: impl Iterator<Item = &'a ListId>, period: Duration) -> Vec<Arc<Target>> {
    // The name is valid as a participant's.
    let Ok(operator) = OWN.parse::<ParticipantId>() else { return Vec::new() };
    let addresses = lists.map(|list| (format!("/{}", paths::LIST.of(&[list])), vec![list.clone()]));
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

/// What is wrong with one of the service's own targets at a moment.
#[must_use]
pub fn judge(
    state: &State,
    contact: &Contact,
    look: &Look,
    target: &Target,
    limits: &ServiceLimits,
    now: Timestamp,
) -> (BTreeSet<Finding>, Facts) {
    let (mut findings, mut facts) = (BTreeSet::new(), Facts::default());
    let Some(list) = target.lists.first() else {
        return (log(contact, look, limits, now), facts);
    };
    let mut find = |code, detail: String| {
        findings.insert(Finding { code, address: None, detail });
    };
    let role = Role::List(list.clone());
    if let Some(published) = state.published.get(&role) {
        let open = &published.open;
        (facts.this_update, facts.next_update) = (Some(open.issued_at.unix()), Some(open.expires.unix()));
        if open.expires < now {
            find(Code::ListStale, format!("list {list} should have been renewed by {}", open.expires));
        }
    }
    if let Some((since, cause)) = waiting_since(state, list)
        && now.seconds_since(since) > limits.publication_delay.unsigned_abs()
    {
        find(
            Code::PublicationDelayed,
            format!("entry {cause} changed list {list} at {since}, and the change is not published"),
        );
    }
    (findings, facts)
}

/// What is wrong with the log and its checkpoint.
fn log(contact: &Contact, look: &Look, limits: &ServiceLimits, now: Timestamp) -> BTreeSet<Finding> {
    let mut findings: BTreeSet<Finding> = look.freshness.iter().cloned().collect();
    let mut find = |code, detail: String| {
        findings.insert(Finding { code, address: None, detail });
    };
    match contact {
        Contact::None | Contact::Good(_) | Contact::Hindered(_) => {}
        Contact::Inconsistent(why) => find(Code::LogInconsistent, why.clone()),
        Contact::Unanswered(why) => find(Code::EndpointDown, why.clone()),
    }
    let waited = look.uncovered_since.map_or(0, |since| now.seconds_since(since));
    if let Some((entries, served)) = look.entries
        && waited > limits.checkpoint_delay.unsigned_abs()
    {
        find(
            Code::CheckpointOld,
            format!("the checkpoint covers {served} of {entries} entries, for {waited} s"),
        );
    }
    if let Some(sent_at) = look.promised
        && now.seconds_since(sent_at) > limits.checkpoint_delay.unsigned_abs()
    {
        let detail =
            format!("what was sent at {sent_at}, and has a receipt, is covered by no checkpoint yet");
        find(Code::CheckpointOld, detail);
    }
    findings
}

/// The oldest unpublished change of a list, and the entry that caused it.
fn waiting_since(state: &State, list: &ListId) -> Option<(Timestamp, u64)> {
    let contents = state.lists.get(list)?;
    let published = state.published.get(&Role::List(list.clone()));
    let drafted = published.map(|published| published.draft);
    let anchors = contents.anchors.values().map(|anchor| &anchor.listed);
    let cross = contents.cross_certificates.values().map(|cross| &cross.listed);
    let changes = anchors.chain(cross).flat_map(|listed| &listed.history);
    // The published draft contains everything that had happened when it was opened.
    let issued_at = published.map(|published| published.open.issued_at);
    let waits = changes.filter(|change| {
        issued_at.is_none_or(|issued_at| change.at > issued_at)
            && drafted.is_none_or(|drafted| change.cause > drafted)
    });
    waits.map(|change| (change.at, change.cause)).min()
}

#[cfg(test)]
mod tests;
