//! What is to be watched, as it follows from the state of the scheme and the configuration: the addresses in
//! every certificate that still matters, the `services` of anchors and applicants, and what the configuration
//! adds. Pure, in a fixed order, and bounded: certificates and applications are an attacker's input, and what is
//! left out is said.
//!
//! A target belongs to the operator who answers for it: the address in a certificate to the operator of its
//! issuer, whose statements OCSP answers and CRLs are; everything that an application brings to the applicant
//! alone, so that nobody makes another operator's services look bad by naming bad addresses.

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

/// What the configuration says about what is watched.
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
    /// How much is watched at most.
    pub bounds: Bounds,
}

/// How much is watched at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Targets of one operator.
    pub per_operator: usize,
    /// Of these, targets that only undecided applications name: anyone can apply, and an address that swallows
    /// every call takes time that others need.
    pub per_applicant: usize,
    /// Targets altogether.
    pub total: usize,
}

impl Default for Bounds {
    /// Several times what any PKI of the field has, and what one machine probes every half minute.
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

/// Certificates of one issuer whose status is known, and which no ledger need name.
#[derive(Clone, Debug)]
pub struct Canaries {
    /// Fingerprint of the issuer: an anchor, or a disclosed sub-CA.
    pub issuer: Digest,
    /// Certificates that are in order.
    pub good: Vec<Arc<Certificate>>,
    /// Serial numbers that are revoked.
    pub revoked: Vec<Box<[u8]>>,
}

/// What is to be watched.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// The targets, in the order of their importance: what the configuration and the lists name comes first.
    pub targets: Vec<Arc<Target>>,
    /// The CA certificates whose end is watched, in the order of their fingerprints.
    pub certificates: Vec<WatchedCertificate>,
    /// What is not watched, and why.
    pub left_out: Vec<LeftOut>,
}

/// What is to be watched by this state, as it stands at `now` in Unix seconds. The caller has advanced the state
/// to that moment.
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
