//! The watch: probes the OCSP responders, CRLs and other services of every PKI on the lists on a schedule, and judges
//! their answers with `ctl-pki` by the limits of the service level policy.
//!
//! Data flows one way. [`target`]s follow from the state and the configuration. The schedule runs the [`probe`] of each
//! target's kind, which asks through [`ctl_fetch`] and judges the answer. The result is an [`observation`]. The
//! aggregator gives each one [`verdict`], and service levels, incidents and metrics follow from it.
#![forbid(unsafe_code)]

mod advice;
pub mod aggregator;
pub mod changes;
pub mod cli;
pub mod code;
pub mod config;
pub mod correlation;
pub mod description;
pub mod discover;
pub mod error;
mod evidence;
pub mod follow;
pub mod gaps;
pub mod hours;
pub mod http;
pub mod incident;
pub mod levels;
pub mod metrics;
pub mod observation;
pub mod own;
pub mod plan;
pub mod probe;
pub mod promise;
pub mod record;
pub mod reporter;
pub mod run;
pub mod schedule;
pub mod service_discovery;
pub mod sources;
pub mod standings;
pub mod store;
pub mod target;
#[cfg(test)]
pub(crate) mod testing;
pub mod upkeep;
pub mod verdict;

pub use aggregator::Aggregator;
pub use code::{Code, Family, Weight};
pub use error::StartError;
pub use observation::{CrlIdentity, Facts, Finding, Observation};
pub use standings::{Standing, Standings};
pub use target::{Kind, Subject, Target, TargetId};
pub use verdict::Verdict;
