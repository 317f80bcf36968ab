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

/// What a probe works with.
#[derive(Clone, Copy)]
pub struct Round<'a> {
    /// Asks.
    pub fetch: &'a dyn Fetch,
    /// What is allowed, for this operator and kind.
    pub limits: &'a ServiceLimits,
    /// Unix time of the watch's clock.
    pub now: i64,
    /// Counts the probes of this target from 0: a probe asks different side questions in turn, every one of
    /// them within two rounds.
    pub number: u64,
    /// The probe must be done within this.
    pub timeout: Duration,
    /// A fresh random seed for nonces and serial numbers.
    pub random: [u8; 32],
}

/// What a probe remembers of a target from round to round.
#[derive(Clone, Debug, Default)]
pub struct Memory(
    /// Whatever the kind keeps; read only by the kind that wrote it.
    pub Option<std::sync::Arc<dyn std::any::Any + Send + Sync>>,
);

/// What came of a probe, before it is put beside those of other targets.
#[derive(Clone, Debug, Default)]
pub struct Probed {
    /// Everything wrong.
    pub findings: BTreeSet<Finding>,
    /// Of the main exchange, where an answer came.
    pub timings: Option<Timings>,
    /// What the answer said.
    pub facts: Facts,
    /// The exchanges behind the errors.
    pub evidence: Vec<Evidence>,
    /// What is remembered for the next round.
    pub memory: Memory,
}

impl Probed {
    /// For a target whose subject is of another kind than its own, which discovery never makes: unprobed, and
    /// said to be.
    #[must_use]
    pub fn unjudged(target: &Target, memory: &Memory) -> Self {
        let detail = format!("nothing is known to judge this {} target by", target.kind);
        let missed = Finding { code: Code::ProbeMissed, address: None, detail };
        Self { findings: [missed].into(), memory: memory.clone(), ..Self::default() }
    }

    /// Notes what the exchange that stands for all says beside its body.
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

    /// What a restart must not forget, as bytes.
    fn save(&self, _memory: &Memory) -> Option<Vec<u8>> {
        None
    }

    /// The memory that was saved; an empty one if the bytes are of another release, or damaged.
    fn restore(&self, _bytes: &[u8]) -> Memory {
        Memory::default()
    }
}
