//! Brings deliveries to their endpoints. An endpoint has one at a time, so that a slow one delays nobody else; of its
//! answer the status line counts, and no redirect is followed. Every attempt asks the guard anew where the name leads.
//!
//! Nothing of an endpoint's address stands in a log: who registers one may have put a secret into it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ctl_fetch::{Addresses, Class, Fetcher, Manner, Reason, Request};
use ctl_host::clock::Clock;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::metrics::Metrics;
use crate::retry::{Attempt, Retry};
use crate::signature;
use crate::store::{Delivery, Outcome, Store};

/// How often what is due is looked for.
const TICK: Duration = Duration::from_millis(250);
/// How often what is long past is forgotten.
const TIDY: Duration = Duration::from_secs(600);
/// After what time something that could not be recorded is tried again.
const REST: Duration = Duration::from_secs(5);
/// A lookup, a wait for a connection and the exchange each have the timeout for themselves; no attempt outlasts this many.
const STEPS: u32 = 4;

/// The rules of deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub retry: Retry,
    pub timeout: Duration,
    pub concurrency: usize,
    /// How long, and how many for an endpoint, past deliveries are kept.
    pub keep: (Duration, u32),
}

/// Brings deliveries to their endpoints.
#[derive(Clone)]
pub struct Courier {
    pub store: Arc<Store>,
    pub fetcher: Fetcher,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub wake: Arc<Notify>,
    pub rules: Rules,
}

impl Courier {
    /// Delivers what is due until it is told to stop; then waits for the attempts that are under way.
    pub async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let (mut flying, mut busy) = (JoinSet::new(), HashMap::new());
        let mut tidied = tokio::time::Instant::now();
        loop {
            if busy.len() < self.rules.concurrency {
                for delivery in self.due(busy.len()).await {
                    if busy.len() >= self.rules.concurrency {
                        break;
                    }
                    if busy.values().any(|endpoint| *endpoint == delivery.endpoint) {
                        continue;
                    }
                    let endpoint = delivery.endpoint.clone();
                    let attempt = flying.spawn(self.clone().deliver(delivery));
                    busy.insert(attempt.id(), endpoint);
                }
            }
            tokio::select! {
                _ = &mut stopped => break,
                Some(ended) = flying.join_next_with_id() => {
                    let id = match &ended {
                        Ok((id, ())) => *id,
                        Err(error) => error.id(),
                    };
                    busy.remove(&id);
                }
                () = self.wake.notified() => {}
                () = sleep(TICK) => {}
            }
            if tidied.elapsed() >= TIDY {
                tidied = tokio::time::Instant::now();
                self.tidy().await;
            }
        }
        let patience = self.rules.timeout.saturating_mul(STEPS);
        let ending = async { while flying.join_next().await.is_some() {} };
        // What is cut off is sent again after the next start.
        let _ = timeout(patience, ending).await;
    }

    /// What is due, with enough of it beside endpoints that are busy.
    async fn due(&self, busy: usize) -> Vec<Delivery> {
        let (store, now) = (Arc::clone(&self.store), self.clock.now());
        let limit = self.rules.concurrency.saturating_add(busy);
        match tokio::task::spawn_blocking(move || store.due(now, limit)).await {
            Ok(Ok(due)) => due,
            Ok(Err(error)) => {
                tracing::error!(%error, "what is due cannot be read");
                Vec::new()
            }
            Err(error) => {
                tracing::error!(%error, "what is due cannot be read");
                Vec::new()
            }
        }
    }

    async fn deliver(self, delivery: Delivery) {
        let number = delivery.number;
        let patience = self.rules.timeout.saturating_mul(STEPS);
        let attempt = timeout(patience, self.attempt(&delivery)).await;
        let attempt = attempt.unwrap_or(Attempt::Unanswered(Reason::Slow));
        self.metrics.count_attempt(attempt);
        let now = self.clock.now();
        let next = self.rules.retry.next((delivery.since, delivery.attempts), attempt, now);
        tracing::info!(
            delivery = number,
            endpoint = delivery.endpoint,
            result = attempt.word(),
            ?next,
            "attempted"
        );
        // Not sent again meanwhile: the endpoint has had it. A start after a crash knows no better.
        loop {
            let store = Arc::clone(&self.store);
            let recorded =
                tokio::task::spawn_blocking(move || store.record(number, attempt, next, now)).await;
            let failed = match recorded {
                Ok(Ok(())) => break,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            tracing::error!(
                delivery = number,
                error = failed,
                "what came of an attempt cannot be recorded yet"
            );
            sleep(REST).await;
        }
        if let Some(outcome) = Outcome::of(next) {
            self.metrics.count_deliveries(outcome, 1);
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Attempt {
        // There is no endpoint without a secret; unsigned, nothing is sent.
        let Some(headers) = signature::headers(&delivery.secret, &delivery.body) else {
            return Attempt::Unanswered(Reason::Busy);
        };
        let request = Request {
            url: delivery.url.clone(),
            body: Some(Bytes::copy_from_slice(&delivery.body)),
            content_type: Some("application/json"),
            accept: "*/*",
            headers,
            max_body: 0,
            timeout: self.rules.timeout,
            addresses: Addresses::Turn(delivery.attempts.into()),
        };
        let manner = Manner { stays: true, head_only: true, ..Manner::default() };
        let fetcher = self.fetcher.on(&delivery.client, Class::Listed);
        match fetcher.send(&request, &manner).await.into_iter().next().map(|exchange| exchange.result) {
            Some(Ok(answer)) => Attempt::Answered(answer.status),
            Some(Err(error)) => Attempt::Unanswered(error.reason),
            None => Attempt::Unanswered(Reason::DnsFailure),
        }
    }

    async fn tidy(&self) {
        let (store, now, (keep, per_endpoint)) = (Arc::clone(&self.store), self.clock.now(), self.rules.keep);
        let tidied = tokio::task::spawn_blocking(move || store.tidy(now, keep, per_endpoint)).await;
        if let Ok(Err(error)) = tidied {
            tracing::error!(%error, "what is long past cannot be forgotten");
        }
    }
}
