//! The kinds of probes, one file each. A kind is added here and in its file, and nowhere else.

pub mod bundle;
pub mod ca_issuers;
pub mod crl;
pub mod est;
pub mod expiry;
pub mod http;
pub mod https;
pub mod ocsp;
pub mod root_pool;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ctl_fetch::{Exchange, Fetch, Timings};
use ctl_policy::sla::ServiceLimits;

use super::code::Code;
use super::observation::{Evidence, Facts, Finding};
use super::target::{Kind, Target};

/// Every kind of probe.
#[must_use]
pub fn all() -> Vec<Box<dyn Probe>> {
    vec![
        Box::new(ocsp::OcspProbe),
        Box::new(crl::CrlProbe),
        Box::new(ca_issuers::CaIssuersProbe),
        Box::new(est::EstProbe),
        Box::new(root_pool::RootPoolProbe),
        Box::new(https::HttpsProbe),
    ]
}

/// What a probe gets for one round.
#[derive(Clone, Copy)]
pub struct Round<'a> {
    pub fetch: &'a dyn Fetch,
    /// The limits for this operator and kind.
    pub limits: &'a ServiceLimits,
    /// Unix time by the watch's clock.
    pub now: i64,
    /// The number of this probe of the target, from 0. A probe takes turns with its side questions, and asks each
    /// within two rounds.
    pub number: u64,
    /// The probe must end within this time.
    pub timeout: Duration,
    /// A random seed of this round, for nonces and serial numbers.
    pub random: [u8; 32],
}

/// What a probe remembers of a target from round to round.
#[derive(Clone, Debug, Default)]
pub struct Memory(
    /// Read only by the kind of probe that wrote it.
    pub Option<std::sync::Arc<dyn std::any::Any + Send + Sync>>,
);

/// The result of a probe, before it is correlated with other targets.
#[derive(Clone, Debug, Default)]
pub struct Probed {
    /// Everything wrong.
    pub findings: BTreeSet<Finding>,
    /// The times of the main exchange, if an answer came.
    pub timings: Option<Timings>,
    /// What the answer said.
    pub facts: Facts,
    /// The exchanges behind findings of weight error.
    pub evidence: Vec<Evidence>,
    /// What to remember for the next round.
    pub memory: Memory,
}

impl Probed {
    /// The result for a target whose subject does not fit its kind, which discovery never makes: a missed probe.
    #[must_use]
    pub fn unjudged(target: &Target, memory: &Memory) -> Self {
        let detail = format!("it is not known how to judge this {} target", target.kind);
        let missed = Finding { code: Code::ProbeMissed, address: None, detail };
        Self { findings: [missed].into(), memory: memory.clone(), ..Self::default() }
    }

    /// Notes what the main exchange says apart from its body.
    fn note_exchange(&mut self, exchanges: &[Exchange], now: i64) {
        let Some(main) = http::main_exchange(exchanges) else { return };
        let Ok(answer) = &main.result else { return };
        self.timings = Some(main.timings);
        self.facts.body_bytes = u64::try_from(answer.body.len()).ok();
        self.facts.tls_not_after = answer.tls_not_after;
        self.facts.clock_offset = http::clock_offset(main, now);
    }
}

/// A kind of probe.
pub trait Probe: Send + Sync {
    /// Which kind.
    fn kind(&self) -> Kind;

    /// Probes a target once.
    fn probe<'a>(
        &'a self,
        target: &'a Target,
        round: Round<'a>,
        memory: &'a Memory,
    ) -> Pin<Box<dyn Future<Output = Probed> + Send + 'a>>;

    /// What must survive a restart, as bytes.
    fn save(&self, _memory: &Memory) -> Option<Vec<u8>> {
        None
    }

    /// The saved memory; an empty one if the bytes are damaged or of another release.
    fn restore(&self, _bytes: &[u8]) -> Memory {
        Memory::default()
    }
}
