//! What to watch, from the state of the scheme and the configuration: the addresses in every certificate that still
//! matters, the `services` of anchors and applicants, and what the configuration adds. Pure, in a fixed order, and
//! bounded, because certificates and applications are an attacker's input. Whatever is left out is listed.
//!
//! A target belongs to the operator who answers for it. An address in a certificate belongs to the operator of its
//! issuer, which signs the OCSP answers and CRLs found there. Everything in an application belongs to the applicant, so
//! that nobody can make another operator's services look bad by naming bad addresses.

mod authorities;
mod draft;
mod gather;
mod left_out;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use authorities::Authorities;
use ctl_core::Digest;
use ctl_core::names::ParticipantId;
use ctl_fetch::Ports;
use ctl_governance::State;
use ctl_pki::Certificate;
use gather::Gathered;

use super::target::{Kind, Target, WatchedCertificate};
pub use left_out::{LeftOut, Why};

/// What the configuration says about what to watch.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often each target is probed.
    pub period: Duration,
    /// Targets that no certificate names.
    pub targets: Vec<Configured>,
    /// Certificates and serial numbers whose status is known.
    pub canaries: Vec<Canaries>,
    /// Ports that may be called.
    pub ports: Vec<Ports>,
    pub bounds: Bounds,
}

/// How much is watched at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Targets of one operator.
    pub per_operator: usize,
    /// How many of these only undecided applications may name: anyone can apply, and addresses that never answer take
    /// time from others.
    pub per_applicant: usize,
    /// Targets of all operators together.
    pub total: usize,
}

impl Default for Bounds {
    /// Several times what any PKI of the field has, and as much as one machine probes every half minute.
    fn default() -> Self {
        Self { per_operator: 500, per_applicant: 20, total: 20_000 }
    }
}

/// A target that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    pub operator: ParticipantId,
    pub kind: Kind,
    pub url: String,
}

/// Certificates of one issuer whose status is known. They need not be in the ledger.
#[derive(Clone, Debug)]
pub struct Canaries {
    /// Fingerprint of the issuer, which is an anchor or a disclosed sub-CA.
    pub issuer: Digest,
    /// Valid certificates.
    pub good: Vec<Arc<Certificate>>,
    /// Serial numbers of revoked certificates.
    pub revoked: Vec<Box<[u8]>>,
}

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// The most important first: those that the configuration and the lists name.
    pub targets: Vec<Arc<Target>>,
    /// The CA certificates whose end is watched, by fingerprint.
    pub certificates: Vec<WatchedCertificate>,
    /// What is not watched, and why.
    pub left_out: Vec<LeftOut>,
}

impl Discovered {
    /// What is named and not watched.
    pub fn unwatched(&self) -> impl Iterator<Item = &LeftOut> {
        self.left_out.iter().filter(|one| one.why.is_unwatched())
    }
}

/// What to watch by this state, at `now` in Unix seconds. The caller has advanced the state to that moment.
#[must_use]
pub fn discover(state: &State, now: i64, plan: &Plan) -> Discovered {
    let mut gathered = Gathered::new(now);
    let authorities = Authorities::read(state, &mut gathered.left_out);
    gathered.read_authorities(&authorities);
    gathered.read_applications(state, &authorities);
    for canaries in &plan.canaries {
        gathered.read_canaries(canaries, &authorities);
    }
    for configured in &plan.targets {
        gathered.read_configured(configured, &authorities);
    }
    let certificates = authorities.watched();
    let (targets, left_out) = gathered.finish(plan);
    Discovered { targets, certificates, left_out }
}
