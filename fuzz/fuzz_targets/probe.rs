//! What the watch's probes make of answers from anywhere: bodies and headers of every kind of service, twice, so that
//! what is remembered of the first is read in the second.
//!
//! The first byte says the kind and the status; up to the first line feed come values of headers, divided by bars;
//! the rest is the body.
#![no_main]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ctl_pki::{Certificate, certificate_from_bytes};
use ctl_policy::sla::ServiceLimits;
use ctl_fetch::{Answer, Exchange, Fetch, Request, Timings};
use ctl_watch::probe::{self, Memory, Probe, Probed, Round};
use ctl_watch::target::{CrlSubject, OcspSubject, Roots};
use ctl_watch::{Kind, Subject, Target, TargetId};
use libfuzzer_sys::fuzz_target;

// The corpora of OCSP answers and CRLs are of this root and speak of this leaf.
static ROOT: LazyLock<Arc<Certificate>> = LazyLock::new(|| {
    Arc::new(
        certificate_from_bytes(include_bytes!("../../lib/pki/tests/fixtures/revocation/root.der")).unwrap(),
    )
});
static LEAF: LazyLock<Arc<Certificate>> = LazyLock::new(|| {
    Arc::new(
        certificate_from_bytes(include_bytes!("../../lib/pki/tests/fixtures/revocation/leaf.der")).unwrap(),
    )
});
const TIME: i64 = 1_800_000_000;
const URL: &str = "http://pki.example/";
const HEADERS: [&str; 8] =
    ["content-type", "cache-control", "date", "expires", "last-modified", "etag", "age", "location"];

/// Gives the same answer to every question.
struct Says(Answer);

impl Fetch for Says {
    fn fetch<'a>(&'a self, _: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        let (timings, address) = (Timings::default(), Some(([192, 0, 2, 1], 80).into()));
        Box::pin(std::future::ready(vec![Exchange { address, timings, result: Ok(self.0.clone()) }]))
    }
}

fn subject(kind: Kind) -> Subject {
    let (root, leaf) = (ROOT.clone(), LEAF.clone());
    let roots = Roots { due: vec![root.clone()], known: vec![root.clone()] };
    match kind {
        Kind::Ocsp => {
            let revoked = vec![Box::from([0x66].as_slice())];
            Subject::Ocsp(vec![OcspSubject { issuer: root, good: vec![leaf], revoked }])
        }
        Kind::Crl => Subject::Crl(CrlSubject { issuer: root, covered: vec![leaf], points: vec![URL.into()] }),
        Kind::CaIssuers => Subject::CaIssuers(vec![root]),
        Kind::Est => Subject::Est(roots),
        Kind::RootPool => Subject::RootPool(roots),
        Kind::Https | Kind::Service => Subject::Https,
    }
}

fn probed(probe: &dyn Probe, target: &Target, says: &Says, number: u64, memory: &Memory) -> Probed {
    let limits = ServiceLimits::default();
    let timeout = Duration::from_secs(15);
    let round = Round { fetch: says, limits: &limits, now: TIME, number, timeout, random: [7; 32] };
    let mut probing = pin!(probe.probe(target, round, memory));
    match probing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(probed) => probed,
        Poll::Pending => panic!("nothing is waited for"),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let (line, body) = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or((&[][..], rest), |end| (&rest[..end], &rest[end + 1..]));
    let line = String::from_utf8_lossy(line);
    let headers =
        HEADERS.iter().zip(line.split('|')).map(|(name, value)| ((*name).to_owned(), value.to_owned()));
    let status = if first & 0x80 == 0 { 200 } else { 503 };
    let body = body.to_vec().into();
    let says = Says(Answer { status, headers: headers.collect(), body, tls_not_after: Some(TIME) });
    let probes = probe::all();
    let probe = &*probes[usize::from(first & 0x7f) % probes.len()];
    let operator = "anyone".parse().unwrap();
    let target = Target {
        id: TargetId::of(probe.kind(), &operator, URL),
        kind: probe.kind(),
        operator,
        lists: Vec::new(),
        url: URL.to_owned(),
        origins: Vec::new(),
        subject: subject(probe.kind()),
        period: Duration::from_secs(30),
    };
    let once = self::probed(probe, &target, &says, 0, &Memory::default());
    // What is remembered survives being put away.
    let memory = probe.save(&once.memory).map_or(once.memory, |saved| probe.restore(&saved));
    let again = self::probed(probe, &target, &says, 1, &memory);
    for finding in once.findings.iter().chain(&again.findings) {
        assert!(!finding.detail.is_empty(), "{}: nothing is said", finding.code);
    }
    // No finding of an error without what it was found in.
    if status != 200 {
        assert!(!once.findings.is_empty() && !once.evidence.is_empty());
    }
    let _ = probe.restore(says.0.body.as_ref());
});
