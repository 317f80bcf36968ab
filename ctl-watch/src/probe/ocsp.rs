//! OCSP responders (RFC 6960, RFC 9654, RFC 9919). They are asked by POST and GET about certificates with a known
//! status, about one that nobody issued, and with something that is no request. [`plan`] says what is asked when.
//!
//! The main question goes to every address. The side questions follow one by one, but only if some address gave a
//! believable answer: a responder that is down, refuses, is slow or signs wrongly would only do the same again. A code
//! that the main question found is not reported a second time.
//!
//! Side questions take turns, so their findings stand for one more round. Otherwise a responder that always answers one
//! of them wrongly would be bad only every other time.

mod judge;
mod mapping;
mod memory;
mod plan;
#[cfg(test)]
mod pretend;
mod request;
mod side;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ctl_fetch::{Addresses, Exchange, Request};
use ctl_pki::ocsp::ResponseStatus;
use tokio::time::Instant;

use self::judge::{Asked, Expected, Judged, Said};
use self::memory::OcspMemory;
use self::plan::Plan;
use super::{Memory, Probe, Probed, Round, http};
use crate::code::{Code, Family, Weight};
use crate::observation::{Facts, Finding, Status};
use crate::target::{Kind, OcspSubject, Subject, Target};

/// A side question is only asked if this much time is left.
const MIN_TIME: Duration = Duration::from_millis(500);
/// The main question may take this many times the limit of `slow`, to tell slowness from silence. A silent address
/// still leaves time for the side questions.
const PATIENCE: f64 = 1.25;

/// The probe of OCSP responders.
#[derive(Clone, Copy, Debug)]
pub struct OcspProbe;

impl Probe for OcspProbe {
    fn kind(&self) -> Kind {
        Kind::Ocsp
    }

    fn probe<'a>(
        &'a self,
        target: &'a Target,
        round: Round<'a>,
        memory: &'a Memory,
    ) -> Pin<Box<dyn Future<Output = Probed> + Send + 'a>> {
        Box::pin(async move {
            let subjects: &[OcspSubject] = match &target.subject {
                Subject::Ocsp(subjects) => subjects,
                _ => &[],
            };
            let Some(plan) = Plan::of(subjects, round.number, &round.random) else {
                return nothing_to_ask(memory);
            };
            let mut session = Session {
                url: &target.url,
                round,
                begin: Instant::now(),
                memory: OcspMemory::of(memory),
                found: BTreeSet::new(),
                probed: Probed::default(),
            };
            let said = session.ask_main(&plan.main).await;
            let by_main = session.found.clone();
            if let Some(said) = said {
                session.ask_side(&plan, said).await;
            }
            session.let_stand(&by_main, said.is_some());
            session.memory.keep(|| plan::everything(subjects));
            Probed { memory: session.memory.into_memory(), ..session.probed }
        })
    }

    fn save(&self, memory: &Memory) -> Option<Vec<u8>> {
        OcspMemory::of(memory).to_bytes()
    }

    fn restore(&self, bytes: &[u8]) -> Memory {
        OcspMemory::from_bytes(bytes).unwrap_or_default().into_memory()
    }
}

/// Silence must not look like a good answer.
fn nothing_to_ask(memory: &Memory) -> Probed {
    let words = "no issuer is known whose certificates the responder could be asked about".to_owned();
    Probed {
        findings: BTreeSet::from([http::finding(Code::NeverProbed, None, words)]),
        memory: memory.clone(),
        ..Probed::default()
    }
}

/// One round of questions.
struct Session<'a> {
    url: &'a str,
    round: Round<'a>,
    begin: Instant,
    memory: OcspMemory,
    /// The codes that were found.
    found: BTreeSet<Code>,
    probed: Probed,
}

/// The result of one question at one address.
struct Reply<'a> {
    exchange: &'a Exchange,
    /// What is wrong with the exchange.
    findings: Vec<Finding>,
    judged: Option<Judged>,
    clock_offset: Option<i64>,
}

impl Reply<'_> {
    fn said(&self) -> Option<Said> {
        self.judged.as_ref().and_then(|judged| judged.said)
    }

    /// The findings about the body, with the question.
    fn body_findings(&self, asked: &Asked<'_>) -> Vec<Finding> {
        let Some(judged) = &self.judged else { return Vec::new() };
        self.named(asked, judged.codes.iter().chain(&judged.semantics))
    }

    fn named<'c>(
        &self,
        asked: &Asked<'_>,
        codes: impl Iterator<Item = (&'c Code, &'c String)>,
    ) -> Vec<Finding> {
        let name = asked.name();
        let finding = |(code, words): (&Code, &String)| {
            http::finding(*code, self.exchange.address, format!("{name}: {words}"))
        };
        codes.map(finding).collect()
    }
}

/// Reads one exchange.
fn reply<'a>(
    exchange: &'a Exchange,
    asked: &Asked<'_>,
    nonce: Option<&[u8]>,
    round: &Round<'_>,
) -> Reply<'a> {
    let expected = http::Expected { media_types: &[request::RESPONSE], limits: round.limits, now: round.now };
    let reading = http::read(exchange, &expected);
    let judged =
        reading.answer.map(|answer| judge::judge(asked, nonce, &answer.body, round.limits, round.now));
    let mut findings = reading.findings;
    for code in judged.iter().flat_map(|judged| judged.codes.keys()) {
        http::drop_consequences(&mut findings, *code);
    }
    Reply { exchange, findings, judged, clock_offset: reading.clock_offset }
}

/// The findings of all addresses together. If they contradict each other, only that is reported, not what one of them
/// says wrongly.
fn settle(replies: &[Reply<'_>], asked: &Asked<'_>) -> Vec<Finding> {
    let exchanges: Vec<Exchange> = replies.iter().map(|reply| reply.exchange.clone()).collect();
    let says: BTreeMap<_, _> =
        replies.iter().filter_map(|reply| Some((reply.exchange.address?, says(reply)?))).collect();
    let disagreement =
        http::address_disagreement(&exchanges, |exchange| says.get(&exchange.address?).cloned());
    let mut findings: Vec<Finding> = replies
        .iter()
        .flat_map(|reply| reply.findings.iter().cloned().chain(reply.body_findings(asked)))
        .collect();
    if let Some(mut disagreement) = disagreement {
        findings.retain(|finding| !is_said(finding.code));
        disagreement.detail = format!("{}: {}", asked.name(), disagreement.detail);
        findings.push(disagreement);
    }
    findings
}

/// What a reply says about the certificate, or why the responder declines. A responder that has no time or is broken at
/// the moment contradicts nobody; that is reported on its own, with the address.
fn says(reply: &Reply<'_>) -> Option<String> {
    let judged = reply.judged.as_ref()?;
    match (judged.said, judged.status) {
        (Some(said), _) => Some(said.to_string()),
        (None, Some(ResponseStatus::TryLater | ResponseStatus::InternalError)) => None,
        (None, Some(status)) if !judged.is_answer() => Some(status.name().to_owned()),
        (None, _) => None,
    }
}

/// Whether [`says`] covers this code.
fn is_said(code: Code) -> bool {
    code.family() == Family::Semantics
        || matches!(
            code,
            Code::ResponderMalformedRequest | Code::ResponderSigRequired | Code::ResponderUnauthorized
        )
}

impl Session<'_> {
    /// Asks by POST, with a nonce.
    async fn post(
        &self,
        asked: &Asked<'_>,
        addresses: Addresses,
        purpose: &str,
    ) -> Option<(Request, Vec<Exchange>, [u8; 32])> {
        let nonce = plan::draw(&self.round.random, purpose);
        let der = asked.question().with_nonce(&nonce).request(asked.hash).ok()?;
        let timeout = match addresses {
            Addresses::All => self.left().min(self.slow().mul_f64(PATIENCE)),
            Addresses::Turn(_) => self.left(),
        };
        let request = request::post(self.url, der, addresses, timeout, self.round.limits);
        let exchanges = self.fetch(&request).await?;
        Some((request, exchanges, nonce))
    }

    /// The time left for further questions.
    fn left(&self) -> Duration {
        self.round.timeout.saturating_sub(self.begin.elapsed())
    }

    fn slow(&self) -> Duration {
        Duration::from_millis(self.round.limits.slow_ms)
    }

    /// Asks while there is time. A side question that got no answer, but had less time than an answer may take, says
    /// nothing about the service.
    async fn fetch(&self, request: &Request) -> Option<Vec<Exchange>> {
        let is_main = request.addresses == Addresses::All;
        if !is_main && request.timeout < MIN_TIME {
            return None;
        }
        let mut exchanges = self.round.fetch.fetch(request).await;
        if !is_main && request.timeout < self.slow() {
            exchanges.retain(|exchange| exchange.result.is_ok());
        }
        Some(exchanges)
    }

    /// Asks the main question at every address; returns the status, if any address gives a believable one.
    async fn ask_main(&mut self, asked: &Asked<'_>) -> Option<Said> {
        let (request, exchanges, nonce) = self.post(asked, Addresses::All, "main").await?;
        let replies: Vec<_> =
            exchanges.iter().map(|exchange| reply(exchange, asked, Some(&nonce), &self.round)).collect();
        for finding in settle(&replies, asked) {
            let exchange = match finding.address {
                Some(address) => exchanges.iter().find(|exchange| exchange.address == Some(address)),
                None => exchanges.first(),
            };
            self.prove(&finding, &request, exchange);
            self.found.insert(finding.code);
            self.probed.findings.insert(finding);
        }
        let believed = replies.iter().find(|reply| reply.said().is_some());
        let stands = believed.or_else(|| {
            let main = http::main_exchange(&exchanges)?;
            replies.iter().find(|reply| std::ptr::eq(reply.exchange, main))
        })?;
        self.probed.timings = Some(stands.exchange.timings);
        self.probed.facts = facts(stands);
        self.remember(stands, asked, &request);
        // Otherwise the side questions' findings would depend on the address, or be late too.
        let is_clear = !self.found.contains(&Code::AddressDisagreement) && !self.found.contains(&Code::Slow);
        stands.said().filter(|_| is_clear)
    }

    /// Keeps the findings of the previous round's side questions while the main question is answered. Their evidence
    /// was reported with that round.
    fn let_stand(&mut self, by_main: &BTreeSet<Code>, is_answered: bool) {
        let is_side = |finding: &&Finding| !by_main.contains(&finding.code);
        let findings: BTreeSet<Finding> = self.probed.findings.iter().filter(is_side).cloned().collect();
        let before = std::mem::replace(&mut self.memory.standing, findings);
        if is_answered {
            let still = before.into_iter().filter(|finding| !self.found.contains(&finding.code));
            self.probed.findings.extend(still);
        }
    }

    /// Takes in what a fresh answer says.
    fn remember(&mut self, reply: &Reply<'_>, asked: &Asked<'_>, request: &Request) {
        let Some(said) = reply.said().filter(|_| asked.expected != Expected::Unissued) else { return };
        if self.memory.see(asked, said) {
            let words = format!("{}: it was revoked before and is good again", asked.name());
            self.add(
                http::finding(Code::StatusFlipBack, reply.exchange.address, words),
                request,
                reply.exchange,
            );
        }
        // An answer that is known to be wrong is already reported; comparing it with a CRL would only report it again.
        let is_wrong = reply.judged.as_ref().is_some_and(|judged| !judged.semantics.is_empty());
        let since = match said {
            Said::Good => None,
            Said::Revoked { since, .. } => Some(since),
            Said::Unknown | Said::Unauthorized => return,
        };
        if !is_wrong {
            self.probed.facts.statuses.push(Status {
                issuer_spki: asked.issuer.spki_sha256(),
                serial: asked.question().serial().into(),
                revoked: since.is_some(),
                since,
            });
        }
    }

    /// Adds a finding, unless its code was found in this round already.
    fn add(&mut self, finding: Finding, request: &Request, exchange: &Exchange) {
        if self.found.insert(finding.code) {
            self.prove(&finding, request, Some(exchange));
            self.probed.findings.insert(finding);
        }
    }

    /// Keeps the exchange behind an error.
    fn prove(&mut self, finding: &Finding, request: &Request, exchange: Option<&Exchange>) {
        let Some(exchange) = exchange else { return };
        if finding.code.weight() != Weight::Error || self.probed.evidence.len() >= http::MAX_EVIDENCE {
            return;
        }
        let evidence = http::evidence(request, exchange);
        if !self.probed.evidence.contains(&evidence) {
            self.probed.evidence.push(evidence);
        }
    }
}

fn facts(reply: &Reply<'_>) -> Facts {
    let answer = reply.exchange.result.as_ref().ok();
    let times = reply.judged.as_ref().map(|judged| judged.times).unwrap_or_default();
    Facts {
        this_update: times.this_update,
        next_update: times.next_update,
        produced_at: times.produced_at,
        delegate_not_after: times.delegate_not_after,
        tls_not_after: answer.and_then(|answer| answer.tls_not_after),
        body_bytes: answer.map(|answer| answer.body.len() as u64),
        clock_offset: reply.clock_offset,
        ..Facts::default()
    }
}
