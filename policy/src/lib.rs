//! Admission rules as data, and the engine that applies them.
//!
//! A [`Policy`] is a TOML file that a lawyer can read; the charter names it by its digest. The engine knows how
//! to check each rule, the file says which rules apply and how much each weighs. [`screen`] is pure: the time
//! and everything it compares with are passed in, so anyone can repeat a screening and get the same findings.
#![forbid(unsafe_code)]

mod checks;
mod facts;
mod policy;
pub mod profile;
mod screening;
pub mod sla;

pub use checks::{profiles_applied, profiles_of};
pub use facts::{Context, Evidence, EvidenceKind, Kind, Listed, Purpose, Standard, Use};
pub use policy::{MAX_POLICY_SIZE, Parameters, Pin, Policy, PolicyError, Rule, Severity};
pub use screening::{Candidate, Finding, screen};

/// The engine and its version, as screening records name it. It grows whenever the same policy, candidate and
/// context could give other findings than before.
pub const ENGINE: &str = "ctl-policy 4";

/// The admission policy that comes with this release; a scheme may decide on another.
pub const ADMISSION: &str = include_str!("../admission.toml");

/// Every admission policy that came with a release, the present one first: schemes decide on a new one in
/// their own time, and until then are screened by the one in their charter.
pub const ADMISSIONS: [&str; 1] = [ADMISSION];
