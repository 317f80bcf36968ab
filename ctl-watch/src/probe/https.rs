//! Any other endpoint: it must answer a GET with a status of 2xx. The body may be empty.
//!
//! If no answer comes, the code says what failed (`dns_failure`, `tcp_refused`, `tls_failure`, …). `endpoint_down`
//! means that the endpoint can be reached but answers with another status.

use std::future::Future;
use std::pin::Pin;

use ctl_fetch::{Addresses, Exchange, Request};

use super::{Memory, Probe, Probed, Round, http};
use crate::code::{Code, Weight};
use crate::observation::{Facts, Finding};
use crate::target::{Kind, Target};

/// The probe of plain endpoints.
#[derive(Clone, Copy, Debug)]
pub struct HttpsProbe;

impl Probe for HttpsProbe {
    fn kind(&self) -> Kind {
        Kind::Https
    }

    fn probe<'a>(
        &'a self,
        target: &'a Target,
        round: Round<'a>,
        _memory: &'a Memory,
    ) -> Pin<Box<dyn Future<Output = Probed> + Send + 'a>> {
        Box::pin(async move {
            let request = Request {
                url: target.url.clone(),
                body: None,
                content_type: None,
                accept: "*/*",
                max_body: round.limits.max_body,
                timeout: round.timeout,
                addresses: Addresses::All,
                headers: Vec::new(),
            };
            judge(&request, &round.fetch.fetch(&request).await, &round)
        })
    }
}

fn judge(request: &Request, exchanges: &[Exchange], round: &Round<'_>) -> Probed {
    let mut probed = Probed::default();
    for exchange in exchanges {
        let findings = findings(exchange, round);
        if findings.iter().any(|finding| finding.code.weight() == Weight::Error)
            && probed.evidence.len() < http::MAX_EVIDENCE
        {
            probed.evidence.push(http::evidence(request, exchange));
        }
        probed.findings.extend(findings);
    }
    let is_up = |exchange: &&Exchange| status(exchange).is_some_and(is_success);
    let main = exchanges.iter().find(is_up).or_else(|| http::main_exchange(exchanges));
    if let Some((exchange, answer)) =
        main.and_then(|exchange| Some((exchange, exchange.result.as_ref().ok()?)))
    {
        probed.timings = Some(exchange.timings);
        probed.facts = Facts {
            tls_not_after: answer.tls_not_after,
            body_bytes: Some(answer.body.len() as u64),
            clock_offset: http::clock_offset(exchange, round.now),
            ..Facts::default()
        };
    }
    probed
}

fn findings(exchange: &Exchange, round: &Round<'_>) -> Vec<Finding> {
    if let Some(finding) = http::transport(exchange) {
        return vec![finding];
    }
    match status(exchange) {
        Some(status) if !is_success(status) => {
            let detail = format!("status {status} where one of 200 to 299 is due");
            vec![http::finding(Code::EndpointDown, exchange.address, detail)]
        }
        _ => http::timeliness(exchange, round.limits, round.now),
    }
}

fn status(exchange: &Exchange) -> Option<u16> {
    exchange.result.as_ref().ok().map(|answer| answer.status)
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use ctl_policy::sla::ServiceLimits;

    use super::*;
    use ctl_fetch::{Answer, Fetch, FetchError, Reason, Timings};

    fn codes(results: Vec<Result<u16, Reason>>, took: Duration) -> (Vec<Code>, Probed) {
        struct Never;
        impl Fetch for Never {
            fn fetch<'a>(
                &'a self,
                _: &'a Request,
            ) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
                Box::pin(async { Vec::new() })
            }
        }
        let limits = ServiceLimits::default();
        let round = Round {
            fetch: &Never,
            limits: &limits,
            now: 1_893_456_000,
            number: 0,
            timeout: Duration::from_secs(15),
            random: [7; 32],
        };
        let exchange = |(number, result): (u8, Result<u16, Reason>)| Exchange {
            address: Some(([192, 0, 2, number], 443).into()),
            timings: Timings { total: took, ..Timings::default() },
            result: match result {
                Ok(status) => {
                    Ok(Answer { status, headers: Vec::new(), body: Bytes::new(), tls_not_after: None })
                }
                Err(reason) => Err(FetchError {
                    reason,
                    detail: crate::Code::from(reason).meaning().to_owned(),
                    partial: None,
                }),
            },
        };
        let request = Request {
            url: "https://api.example/".to_owned(),
            body: None,
            content_type: None,
            accept: "*/*",
            max_body: 100,
            timeout: round.timeout,
            addresses: Addresses::All,
            headers: Vec::new(),
        };
        let exchanges: Vec<_> = (1..).zip(results).map(exchange).collect();
        let probed = judge(&request, &exchanges, &round);
        (probed.findings.iter().map(|finding| finding.code).collect(), probed)
    }

    #[test]
    fn two_hundred_and_its_kin_are_up() {
        for status in [200, 204, 299] {
            let (codes, probed) = codes(vec![Ok(status)], Duration::ZERO);
            assert_eq!((codes, probed.timings.is_some()), (vec![], true), "{status}");
        }
    }

    #[test]
    fn what_answers_wrongly_is_down_and_what_does_not_answer_says_why() {
        for status in [199, 301, 404, 503] {
            let (codes, probed) = codes(vec![Ok(status)], Duration::from_secs(60));
            assert_eq!((codes, probed.evidence.len()), (vec![Code::EndpointDown], 1), "{status}");
        }
        let (codes, probed) = codes(vec![Err(Reason::TlsFailure)], Duration::ZERO);
        assert_eq!((codes, probed.timings), (vec![Code::TlsFailure], None));
    }

    #[test]
    fn one_address_of_two_that_is_down_is_found() {
        let (codes, probed) = codes(vec![Err(Reason::TcpRefused), Ok(200)], Duration::from_secs(11));
        assert_eq!(codes, [Code::TcpRefused, Code::Slow]);
        assert_eq!(probed.timings.map(|timings| timings.total), Some(Duration::from_secs(11)));
    }
}
