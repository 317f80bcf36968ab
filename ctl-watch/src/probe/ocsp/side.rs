//! The side questions of a round, asked one after the other while there is time.

use ctl_fetch::{Addresses, Exchange, Request};
use ctl_pki::Certificate;
use ctl_pki::ocsp::{Hash, OcspResponse, ResponseStatus};

use super::judge::{Asked, Said};
use super::plan::{Plan, Side};
use super::{Reply, Session, judge, reply, request};
use crate::code::Code;
use crate::observation::Finding;
use crate::probe::http;

impl Session<'_> {
    pub(super) async fn ask_side(&mut self, plan: &Plan<'_>, said: Said) {
        match &plan.side {
            Side::GetAndGarbage(asked) => {
                let Ok(der) = asked.question().request(asked.hash) else { return };
                self.ask_by_get(asked, &der, said).await;
                self.send_garbage(&der).await;
            }
            Side::UnissuedAndRevoked { issuer, hash, revoked } => {
                self.ask_unissued(issuer, *hash).await;
                if let Some(revoked) = revoked {
                    self.ask_another(revoked, "revoked").await;
                }
            }
        }
        for (number, other) in plan.others.iter().enumerate() {
            self.ask_another(other, &format!("other {number}")).await;
        }
    }

    fn address(&self) -> Addresses {
        Addresses::Turn(self.round.number)
    }

    /// Asks about another certificate, by POST.
    async fn ask_another(&mut self, asked: &Asked<'_>, purpose: &str) {
        let Some((request, exchanges, nonce)) = self.post(asked, self.address(), purpose).await else {
            return;
        };
        for exchange in &exchanges {
            let reply = reply(exchange, asked, Some(&nonce), &self.round);
            self.add_all(reply.findings.clone(), &request, exchange);
            self.add_all(reply.body_findings(asked), &request, exchange);
            self.remember(&reply, asked, &request);
        }
    }

    fn add_all(&mut self, findings: Vec<Finding>, request: &Request, exchange: &Exchange) {
        for finding in findings {
            self.add(finding, request, exchange);
        }
    }

    /// Asks by GET at one address.
    async fn get(&self, der: &[u8]) -> Option<(Request, Exchange)> {
        let request = request::get(self.url, der, self.address(), self.left(), self.round.limits);
        let exchange = self.fetch(&request).await?.into_iter().next()?;
        Some((request, exchange))
    }

    /// Asks the main question again by GET and without a nonce, for which caches may answer. What makes the answer
    /// unbelievable is reported; an expired answer comes from a cache, because the responder just gave a fresh one; a
    /// different answer contradicts it.
    async fn ask_by_get(&mut self, asked: &Asked<'_>, der: &[u8], by_post: Said) {
        let Some((request, exchange)) = self.get(der).await else { return };
        let reply = reply(&exchange, asked, None, &self.round);
        if let Some(why) = refusal(&reply) {
            self.explain_refusal(asked, der, &request, &exchange, &why).await;
            return;
        }
        self.add_all(reply.findings.clone(), &request, &exchange);
        let Some(mut judged) = reply.judged.clone() else { return };
        if let Some(words) = judged.codes.remove(&Code::NextUpdatePast) {
            judged
                .codes
                .insert(Code::StaleFromCache, format!("by GET {words}, by POST there is a newer one"));
        }
        if let Some(said) = judged.said
            && said != by_post
        {
            let words = format!("by POST the answer is {by_post}, by GET {said}");
            judged.codes.insert(Code::PostGetDisagree, words);
        }
        self.add_all(reply.named(asked, judged.codes.iter()), &request, &exchange);
        if judged.is_answer() {
            let next_update = judged.times.next_update;
            let caching = http::caching(&exchange, next_update, self.round.now, self.round.limits);
            self.add_all(caching.into_iter().collect(), &request, &exchange);
        }
    }

    /// Asks about a serial number that nobody issued, by a GET with all characters that must be escaped.
    async fn ask_unissued(&mut self, issuer: &Certificate, hash: Hash) {
        let asked = request::unissued(issuer, hash, &self.round.random);
        let Ok(der) = asked.question().request(asked.hash) else { return };
        let Some((request, exchange)) = self.get(&der).await else { return };
        let reply = reply(&exchange, &asked, None, &self.round);
        if let Some(why) = refusal(&reply) {
            self.explain_refusal(&asked, &der, &request, &exchange, &why).await;
            return;
        }
        self.add_all(reply.findings.clone(), &request, &exchange);
        self.add_all(reply.body_findings(&asked), &request, &exchange);
    }

    /// Finds out why a GET was refused. If the same question is refused by POST, the question is the cause; if a GET
    /// without escapes is understood, the escapes are; otherwise the GET is.
    async fn explain_refusal(
        &mut self,
        asked: &Asked<'_>,
        der: &[u8],
        request: &Request,
        exchange: &Exchange,
        why: &str,
    ) {
        let Some((post, exchanges, nonce)) = self.post(asked, self.address(), "again").await else { return };
        let Some(by_post) = exchanges.first() else { return };
        let answer = reply(by_post, asked, Some(&nonce), &self.round);
        let Some(said) = answer.said() else {
            self.add_all(answer.findings.clone(), &post, by_post);
            self.add_all(answer.body_findings(asked), &post, by_post);
            return;
        };
        let random = self.round.random;
        let mut code = Code::PostGetDisagree;
        let mut but = "";
        if request::has_double_slash(der) {
            let Some(is_understood) = self.understands(request::without_double_slash(&random)).await else {
                return;
            };
            if is_understood {
                code = Code::GetDoubleSlash;
                but = ", and a GET with %2F, %2B and %3D but without two slashes in a row is understood";
            }
        }
        if code == Code::PostGetDisagree && request::needs_escapes(der) {
            let Some(is_understood) = self.understands(request::plain(&random)).await else { return };
            if is_understood {
                code = Code::GetEncoding;
                but = ", and a GET without %2F, %2B and %3D is understood";
            }
        }
        let words = format!("{}: by GET {why}; by POST the answer is {said}{but}", asked.name());
        self.add(http::finding(code, exchange.address, words), request, exchange);
    }

    /// Whether a GET of this request is understood. None if that is unknown: no answer came, or the responder has no
    /// time; another round asks again.
    async fn understands(&self, der: Option<Vec<u8>>) -> Option<bool> {
        let (_, exchange) = self.get(&der?).await?;
        let answer = exchange.result.as_ref().ok().filter(|answer| !is_passing(answer.status))?;
        let response = OcspResponse::from_der(&answer.body, self.round.limits.max_body);
        let status = response.ok().filter(|_| answer.status == 200).map(|response| response.status());
        match status {
            Some(ResponseStatus::TryLater | ResponseStatus::InternalError) => None,
            Some(ResponseStatus::Successful | ResponseStatus::Unauthorized) => Some(true),
            _ => Some(false),
        }
    }

    /// Sends what is no request. Any answer but `good` is right.
    async fn send_garbage(&mut self, der: &[u8]) {
        let garbage = request::garbage(der, &self.round.random);
        let request = request::post(self.url, garbage, self.address(), self.left(), self.round.limits);
        let Some(exchanges) = self.fetch(&request).await else { return };
        for exchange in &exchanges {
            let Ok(answer) = &exchange.result else { continue };
            if judge::accepts_garbage(&answer.body, self.round.limits) {
                let words = "half a request and random bytes are answered with good".to_owned();
                self.add(http::finding(Code::GarbageAccepted, exchange.address, words), &request, exchange);
            }
        }
    }
}

/// Why a GET was not answered although it arrived. What passes, such as a lack of time, is reported elsewhere, as POST
/// would meet it too.
fn refusal(reply: &Reply<'_>) -> Option<String> {
    let answer = reply.exchange.result.as_ref().ok()?;
    let status = reply.judged.as_ref().and_then(|judged| judged.status);
    if is_passing(answer.status)
        || matches!(status, Some(ResponseStatus::TryLater | ResponseStatus::InternalError))
    {
        return None;
    }
    let Some(judged) = &reply.judged else {
        return reply.findings.first().map(|finding| finding.detail.clone());
    };
    match judged.status {
        None => judged.codes.values().next().cloned(),
        Some(status) if judged.said.is_none() && !judged.is_answer() => {
            Some(format!("the responder refuses: {}", status.name()))
        }
        Some(_) => None,
    }
}

/// Whether an HTTP status means a passing problem, not a wrong request.
const fn is_passing(status: u16) -> bool {
    status == 429 || status >= 500
}
