//! CRL distribution points (RFC 5280 section 5): every address of the point is asked, what it serves is judged by
//! `ctl-pki` and compared with the last good CRL of the point.
//!
//! A CRL that did not change is neither read nor verified again; only what time changes is judged anew. Large
//! ones are read on a thread of their own, so that other probes go on.

mod code;
mod judge;
mod memory;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use ctl_pki::revocation::RevocationError;

use super::http::{self, Expected, finding};
use super::{Memory, Probe, Probed, Round, expiry};
use crate::monitor::code::{Code, Weight};
use crate::monitor::fetch::{Addresses, Exchange, Request};
use crate::monitor::observation::{Facts, Finding};
use crate::monitor::target::{Kind, Subject, Target};
use judge::{By, Judged};
use memory::{Held, Remembered};

/// What is larger, in octets, is read on a thread of its own.
const LARGE: usize = 256 * 1024;
/// So many different CRLs are told apart at the addresses of one point.
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
            };
            let exchanges = round.fetch.fetch(&request).await;
            let by = By { subject, url: &target.url, limits: round.limits, now: round.now };
            look(&request, &exchanges, &by, memory).await
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
    /// Nothing to be read.
    Nothing,
    /// No CRL.
    Broken(Finding),
    /// The CRL at this place among those that were told apart.
    Crl(usize),
}

async fn look(request: &Request, exchanges: &[Exchange], by: &By<'_>, memory: &Memory) -> Probed {
    let before = Remembered::of(memory).unwrap_or_default();
    let expected = Expected { media_types: &["application/pkix-crl"], limits: by.limits, now: by.now };
    let mut held: Vec<Arc<Held>> = Vec::new();
    let mut served = Vec::new();
    for exchange in exchanges {
        let reading = http::read(exchange, &expected);
        let what = match reading.answer {
            None => Served::Nothing,
            Some(answer) => tell_apart(&answer.body, exchange, &mut held, &before, by).await,
        };
        served.push((exchange, what, reading.findings));
    }
    let judged: Vec<Judged> = held.iter().map(|held| held.judge(by)).collect();
    let both: Vec<_> = held.iter().zip(&judged).collect();
    let mut probed = Probed::default();
    probed.findings.extend(disagreement(&served, &both, by));
    for (exchange, what, mut findings) in served {
        match what {
            Served::Nothing => {}
            Served::Broken(finding) => findings.push(finding),
            Served::Crl(place) => {
                // Where all addresses serve one CRL, the address is beside the point.
                let address = exchange.address.filter(|_| held.len() > 1);
                if let Some((held, judged)) = both.get(place) {
                    let wrong = judged.wrong.iter().chain(&held.changes);
                    findings.extend(wrong.map(|(code, words)| finding(*code, address, words.clone())));
                    let next_update = held.verified.crl().next_update();
                    findings.extend(http::caching(exchange, next_update, by.now, by.limits));
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
    let newest = both.iter().max_by_key(|(held, judged)| (judged.is_usable, held.rank()));
    probed.note_exchange(exchanges, by.now);
    // What nobody proven says is no fact, and does not take the place of what was known.
    let proven = newest.filter(|(_, judged)| judged.facts.this_update.is_some());
    probed.facts = proven.map_or_else(Facts::default, |(held, judged)| Facts {
        crl: Some(judge::identity(held.verified.crl(), held.since)),
        body_bytes: probed.facts.body_bytes,
        tls_not_after: probed.facts.tls_not_after,
        clock_offset: probed.facts.clock_offset,
        ..judged.facts.clone()
    });
    let usable = newest.filter(|(_, judged)| judged.is_usable);
    let next = before.next(&held, usable.map(|(held, judged)| (*held, &judged.wrong)));
    probed.memory = if next.is_as(&before) { memory.clone() } else { Memory(Some(Arc::new(next))) };
    probed
}

/// Finds the CRL among those that were served in this round or the last, or reads it.
async fn tell_apart(
    body: &Bytes,
    exchange: &Exchange,
    held: &mut Vec<Arc<Held>>,
    before: &Arc<Remembered>,
    by: &By<'_>,
) -> Served {
    if let Some(place) = held.iter().position(|held| held.is(body, by)) {
        return Served::Crl(place);
    }
    let found = match before.held.iter().find(|held| held.is(body, by)) {
        Some(known) => Ok(known.clone()),
        None if held.len() >= MAX_DIFFERENT => {
            let words = format!("the addresses serve more than {MAX_DIFFERENT} different CRLs");
            Err((Code::AddressDisagreement, words))
        }
        None => read(body, before, by).await.map(Arc::new),
    };
    match found {
        Ok(found) => {
            held.push(found);
            Served::Crl(held.len() - 1)
        }
        Err((code, words)) => Served::Broken(finding(code, exchange.address, words)),
    }
}

/// Reads what was not seen before.
async fn read(body: &Bytes, before: &Arc<Remembered>, by: &By<'_>) -> Result<Held, (Code, String)> {
    let broken = |error: RevocationError| (code::of_error(&error), error.to_string());
    if body.len() <= LARGE {
        return Held::new(body, before, by).map_err(broken);
    }
    let (body, before, limits, now) = (body.clone(), before.clone(), by.limits.clone(), by.now);
    let (subject, url) = (by.subject.clone(), by.url.to_owned());
    let reading = tokio::task::spawn_blocking(move || {
        Held::new(&body, &before, &By { subject: &subject, url: &url, limits: &limits, now })
    });
    match reading.await {
        Ok(read) => read.map_err(broken),
        Err(error) => Err((Code::ProbeMissed, format!("the CRL was not read to its end: {error}"))),
    }
}

/// Whether addresses still serve an older CRL when the newest has been there for longer than it takes to reach
/// all of them. What may not be used is not compared: what is wrong with it is said.
fn disagreement(
    served: &[(&Exchange, Served, Vec<Finding>)],
    both: &[(&Arc<Held>, &Judged)],
    by: &By<'_>,
) -> Option<Finding> {
    let usable = |place: usize| both.get(place).filter(|(_, judged)| judged.is_usable).map(|(held, _)| *held);
    let newest = (0..both.len()).filter_map(usable).max_by_key(|held| held.rank())?;
    if by.now.saturating_sub(newest.since) < by.limits.crl_propagation {
        return None;
    }
    let mut differs = false;
    let mut words = Vec::new();
    for (exchange, what, _) in served {
        let Served::Crl(place) = what else { continue };
        let (Some(address), Some(held)) = (exchange.address, usable(*place)) else { continue };
        differs |= !Arc::ptr_eq(held, newest);
        let crl = held.verified.crl();
        let number = crl.number().map(|number| format!(" number {}", hex::encode(number)));
        words.push(format!(
            "{address}: the CRL{} of {}",
            number.unwrap_or_default(),
            http::date(crl.this_update())
        ));
    }
    differs.then(|| finding(Code::AddressDisagreement, None, words.join("; ")))
}
