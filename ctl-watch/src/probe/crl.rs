//! CRL distribution points (RFC 5280 section 5). Every address of the point is asked; `ctl-pki` judges the CRL, which
//! is then compared with the point's last good one.
//!
//! The signature of an unchanged CRL is not verified again. Large CRLs are read on threads of their own, a few at a
//! time, so that other probes go on. [`memory`] says what is remembered of them.

mod judge;
mod mapping;
mod memory;
#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use ctl_fetch::{Addresses, Exchange, Fetch, Request};
use ctl_pki::revocation::RevocationError;
use judge::By;
use memory::{Looked, Read, Remembered};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::http::{self, Expected, finding};
use super::{Memory, Probe, Probed, Round, expiry};
use crate::code::{Code, Weight};
use crate::observation::{Facts, Finding};
use crate::target::{Kind, Subject, Target};

/// What is larger, in bytes, is read on a thread of its own.
const LARGE: usize = 256 * 1024;
/// How many large CRLs are read at once.
static READERS: Semaphore = Semaphore::const_new(4);
/// How many different CRLs are distinguished at the addresses of one point.
const MAX_DIFFERENT: usize = 4;

/// The probe of CRL distribution points.
#[derive(Clone, Copy, Debug)]
pub struct CrlProbe;

impl Probe for CrlProbe {
    fn kind(&self) -> Kind {
        Kind::Crl
    }

    fn probe<'a>(
        &'a self,
        target: &'a Target,
        round: Round<'a>,
        memory: &'a Memory,
    ) -> Pin<Box<dyn Future<Output = Probed> + Send + 'a>> {
        Box::pin(async move {
            let Subject::Crl(subject) = &target.subject else {
                return Probed::unjudged(target, memory);
            };
            let request = Request {
                url: target.url.clone(),
                body: None,
                content_type: None,
                accept: "application/pkix-crl",
                max_body: round.limits.max_body,
                timeout: round.timeout,
                addresses: Addresses::All,
                headers: Vec::new(),
            };
            let exchanges = round.fetch.fetch(&request).await;
            let by = By { subject, url: &target.url, limits: round.limits, now: round.now };
            look(&request, &exchanges, &by, round.fetch, memory).await
        })
    }

    fn save(&self, memory: &Memory) -> Option<Vec<u8>> {
        Remembered::of(memory)?.to_bytes()
    }

    fn restore(&self, bytes: &[u8]) -> Memory {
        Memory(Remembered::from_bytes(bytes).map(|remembered| Arc::new(remembered) as _))
    }
}

/// What one address serves.
enum Served {
    /// No answer, or none with a body.
    Nothing,
    /// Something that is not a CRL.
    Broken(Finding),
    /// The CRL at this position among the different ones.
    Crl(usize),
}

async fn look(
    request: &Request,
    exchanges: &[Exchange],
    by: &By<'_>,
    fetch: &dyn Fetch,
    memory: &Memory,
) -> Probed {
    let before = Remembered::of(memory).unwrap_or_default().housed(fetch);
    let expected = Expected { media_types: &["application/pkix-crl"], limits: by.limits, now: by.now };
    let mut looked: Vec<Looked> = Vec::new();
    let mut served = Vec::new();
    for exchange in exchanges {
        let reading = http::read(exchange, &expected);
        let what = match reading.answer {
            None => Served::Nothing,
            Some(answer) => tell_apart(&answer.body, exchange, &mut looked, &before, by, fetch).await,
        };
        served.push((exchange, what, reading.findings));
    }
    let mut probed = Probed::default();
    probed.findings.extend(disagreement(&served, &looked, by));
    for (exchange, what, mut findings) in served {
        match what {
            Served::Nothing => {}
            Served::Broken(finding) => {
                http::drop_consequences(&mut findings, finding.code);
                findings.push(finding);
            }
            Served::Crl(place) => {
                // If all addresses serve the same CRL, the address does not matter.
                let address = exchange.address.filter(|_| looked.len() > 1);
                if let Some(one) = looked.get(place) {
                    let wrong = one.judged.wrong.iter().chain(one.changes());
                    findings.extend(wrong.map(|(code, words)| finding(*code, address, words.clone())));
                    findings.extend(http::caching(exchange, one.next_update, by.now, by.limits));
                }
            }
        }
        let is_error = |finding: &Finding| finding.code.weight() == Weight::Error;
        if findings.iter().any(is_error) && probed.evidence.len() < http::MAX_EVIDENCE {
            probed.evidence.push(http::evidence(request, exchange));
        }
        probed.findings.extend(findings);
    }
    probed.findings.extend(expiry::expiring(&by.subject.issuer, by.now, by.limits));
    let newest = looked.iter().max_by_key(|one| (one.judged.is_usable, &one.rank));
    probed.note_exchange(exchanges, by.now);
    // A CRL that is not proven to be its issuer's gives no facts, and replaces nothing.
    let proven = newest.filter(|one| one.is_proven());
    probed.facts = proven.map_or_else(Facts::default, |one| Facts {
        crl: Some(one.identity),
        body_bytes: probed.facts.body_bytes,
        tls_not_after: probed.facts.tls_not_after,
        clock_offset: probed.facts.clock_offset,
        ..one.judged.facts.clone()
    });
    let next = before.next(&looked, newest.filter(|one| one.judged.is_usable));
    let is_as_it_was = Remembered::of(memory).is_some_and(|before| next.is_as(&before));
    probed.memory = if is_as_it_was { memory.clone() } else { Memory(Some(Arc::new(next))) };
    probed
}

/// Finds the CRL among those that were served in this round, or reads it.
async fn tell_apart(
    body: &Bytes,
    exchange: &Exchange,
    looked: &mut Vec<Looked>,
    before: &Arc<Remembered>,
    by: &By<'_>,
    fetch: &dyn Fetch,
) -> Served {
    let sha256: [u8; 32] = Sha256::digest(body).into();
    if let Some(place) = looked.iter().position(|one| one.sha256 == sha256) {
        return Served::Crl(place);
    }
    let found = if looked.len() >= MAX_DIFFERENT {
        let words = format!("the addresses serve more than {MAX_DIFFERENT} different CRLs");
        Err((Code::AddressDisagreement, words))
    } else {
        read(body, before, by).await
    };
    match found {
        Ok(found) => {
            looked.push(found.remember(before, by, fetch));
            Served::Crl(looked.len() - 1)
        }
        Err((code, words)) => Served::Broken(finding(code, exchange.address, words)),
    }
}

/// Reads a CRL; large ones only a few at a time, because reading takes as much memory again.
async fn read(body: &Bytes, before: &Arc<Remembered>, by: &By<'_>) -> Result<Read, (Code, String)> {
    let broken = |error: RevocationError| (mapping::of_error(&error), error.to_string());
    if body.len() <= LARGE {
        return memory::read(body, before, by).map_err(broken);
    }
    let turn = READERS.acquire().await;
    let (body, before, limits, now) = (body.clone(), before.clone(), by.limits.clone(), by.now);
    let (subject, url) = (by.subject.clone(), by.url.to_owned());
    let reading = tokio::task::spawn_blocking(move || {
        memory::read(&body, &before, &By { subject: &subject, url: &url, limits: &limits, now })
    });
    let read = match reading.await {
        Ok(read) => read.map_err(broken),
        Err(error) => Err((Code::ProbeMissed, format!("the CRL was not read to its end: {error}"))),
    };
    drop(turn);
    read
}

/// Whether addresses still serve an older CRL although the newest has been out for longer than it takes to reach all of
/// them. Unusable CRLs are not compared; they have their own findings.
fn disagreement(
    served: &[(&Exchange, Served, Vec<Finding>)],
    looked: &[Looked],
    by: &By<'_>,
) -> Option<Finding> {
    let usable = |place: usize| looked.get(place).filter(|one| one.judged.is_usable);
    let newest = (0..looked.len()).filter_map(usable).max_by_key(|one| &one.rank)?;
    if by.now.saturating_sub(newest.identity.since) < by.limits.crl_propagation {
        return None;
    }
    let mut differs = false;
    let mut words = Vec::new();
    for (exchange, what, _) in served {
        let Served::Crl(place) = what else { continue };
        let (Some(address), Some(one)) = (exchange.address, usable(*place)) else { continue };
        differs |= one.sha256 != newest.sha256;
        words.push(format!("{address}: {}", one.name));
    }
    differs.then(|| finding(Code::AddressDisagreement, None, words.join("; ")))
}
