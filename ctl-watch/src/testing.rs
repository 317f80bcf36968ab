//! What the watch's tests share: certificates, CRLs and OCSP answers written byte by byte, and a scheme in
//! memory.
#![allow(dead_code)]

#[path = "../../lib/pki/tests/pki/revocation/mod.rs"]
#[allow(clippy::cast_possible_truncation)]
pub(crate) mod bytes;
#[path = "../../lib/governance/tests/governance/common/mod.rs"]
pub(crate) mod world;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{NOW, Shape, oid, point_name, seq, tlv, uri};
use ctl_fetch::{Answer, Exchange, Fetch, FetchError, Reason, Request, Timings};
use ctl_policy::sla::ServiceLimits;

use super::code::Code;
use super::incident::{Cause, Incident};
use super::observation::Finding;
use super::probe::{Memory, Probe, Probed, Round};
use super::target::{Kind, Origin, Subject, Target, TargetId};

/// `id-pe-authorityInfoAccess`.
const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];

/// A certificate that says where to ask about it.
pub(crate) trait Says {
    /// By OCSP at these addresses, the issuer's certificate at those.
    fn access(self, ocsp: &[&str], ca_issuers: &[&str]) -> Self;
    /// By CRLs, each address a distribution point of its own.
    fn crls(self, urls: &[&str]) -> Self;
}

impl Says for Shape {
    fn access(self, ocsp: &[&str], ca_issuers: &[&str]) -> Self {
        let describe =
            |method: u8| move |url: &&str| seq(&[oid(&[0x2b, 6, 1, 5, 5, 7, 0x30, method]), uri(url)]);
        let parts: Vec<_> = ocsp.iter().map(describe(1)).chain(ca_issuers.iter().map(describe(2))).collect();
        self.with(AUTHORITY_INFO_ACCESS, false, seq(&parts))
    }

    fn crls(self, urls: &[&str]) -> Self {
        let points: Vec<_> = urls.iter().map(|url| tlv(0x30, &point_name(&[uri(url)]))).collect();
        self.distribution_points(&points)
    }
}

/// A target of an operator, every half minute, of which its answers are not judged here.
pub(crate) fn target(operator: &str, kind: Kind, url: &str) -> Arc<Target> {
    let operator = operator.parse().unwrap();
    Arc::new(Target {
        id: TargetId::of(kind, &operator, url),
        kind,
        operator,
        lists: Vec::new(),
        url: url.to_owned(),
        origins: vec![Origin::Services],
        subject: Subject::Https,
        period: Duration::from_secs(30),
    })
}

/// An incident of ten minutes that is over.
pub(crate) fn incident(number: u64, operator: &str, ended_ms: i64, is_breach: bool) -> Incident {
    let target = target(operator, Kind::Ocsp, "http://ocsp.example/");
    Incident {
        number,
        target: target.id.to_string(),
        kind: target.kind,
        operator: target.operator.clone(),
        url: target.url.clone(),
        cause: Cause::Failures,
        began_ms: ended_ms - 600_000,
        opened_ms: ended_ms - 570_000,
        ended_ms: Some(ended_ms),
        unwatched: false,
        breach_ms: is_breach.then_some(ended_ms - 300_000),
        bad_ms: 300_000,
        failures: 10,
        probes: 20,
        reasons: Default::default(),
        evidence: Vec::new(),
    }
}

/// What the addresses of a service answer, each the same to everything.
pub(crate) struct Service(pub(crate) Vec<Result<Answer, Reason>>);

impl Fetch for Service {
    fn fetch<'a>(&'a self, request: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        let fail = |reason: Reason| FetchError {
            reason,
            detail: Code::from(reason).meaning().to_owned(),
            partial: None,
        };
        let exchange = |(number, result): (u8, &Result<Answer, Reason>)| Exchange {
            address: Some(([192, 0, 2, number], 80).into()),
            timings: Timings::default(),
            result: match result {
                Ok(answer) if answer.body.len() > request.max_body => Err(fail(Reason::BodyTooLarge)),
                Ok(answer) => Ok(answer.clone()),
                Err(reason) => Err(fail(*reason)),
            },
        };
        Box::pin(std::future::ready((1..).zip(&self.0).map(exchange).collect()))
    }
}

/// An answer with status 200 that may be cached for an hour.
pub(crate) fn answer(media_type: &str, body: impl Into<::bytes::Bytes>) -> Answer {
    let headers = [("content-type", media_type), ("cache-control", "max-age=3600")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Answer { status: 200, headers, body: body.into(), tls_not_after: None }
}

/// A target that is probed again and again.
pub(crate) struct Rounds<P> {
    pub(crate) probe: P,
    pub(crate) target: Target,
    pub(crate) limits: ServiceLimits,
    pub(crate) now: i64,
    pub(crate) memory: Memory,
    pub(crate) number: u64,
}

impl<P: Probe> Rounds<P> {
    pub(crate) fn of(probe: P, url: &str, subject: Subject) -> Self {
        let operator = "alpha-pki".parse().unwrap();
        let target = Target {
            id: TargetId::of(probe.kind(), &operator, url),
            kind: probe.kind(),
            operator,
            lists: vec![],
            url: url.to_owned(),
            origins: vec![],
            subject,
            period: Duration::from_secs(30),
        };
        let (limits, memory) = (ServiceLimits::default(), Memory::default());
        Self { probe, target, limits, now: NOW, memory, number: 0 }
    }

    /// Probes once; what is remembered goes into the next round.
    pub(crate) async fn probe(&mut self, service: Service) -> Probed {
        let round = Round {
            fetch: &service,
            limits: &self.limits,
            now: self.now,
            number: self.number,
            timeout: Duration::from_secs(15),
            random: [7; 32],
        };
        let probed = self.probe.probe(&self.target, round, &self.memory).await;
        self.memory = probed.memory.clone();
        self.number += 1;
        self.now += 30;
        probed
    }

    /// The codes of one probe of a service with one address.
    pub(crate) async fn codes(&mut self, answer: Answer) -> Vec<Code> {
        codes(&self.probe(Service(vec![Ok(answer)])).await.findings)
    }
}

/// The codes of findings, each once.
pub(crate) fn codes<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Code> {
    let mut codes: Vec<_> = findings.into_iter().map(|finding| finding.code).collect();
    codes.dedup();
    codes
}

/// A certs-only PKCS#7.
pub(crate) fn pkcs7(certificates: &[ctl_pki::Certificate]) -> Vec<u8> {
    let id = |last| oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last]);
    let all: Vec<_> = certificates.iter().flat_map(|one| one.der().to_vec()).collect();
    let parts = [tlv(2, &[1]), tlv(0x31, &[]), seq(&[id(1)]), tlv(0xa0, &all), tlv(0x31, &[])];
    seq(&[id(2), tlv(0xa0, &seq(&parts))])
}
