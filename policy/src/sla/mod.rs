//! Service levels: what is promised of the services of each PKI, by what limits their answers are judged, and how
//! good they were.
//!
//! A [`SlaPolicy`] is a TOML file that a lawyer can read. What was counted ([`Counts`]) becomes a [`Level`] by
//! whole numbers only, and levels of a month a [`Report`] that anyone can compute again.

mod burn;
mod checks;
mod counts;
mod file;
mod kind;
mod level;
mod limits;
mod limits_file;
mod policy;
mod render;
mod report;
mod room;
mod span;
mod time;

pub use burn::{BURN_WINDOWS, BurnWindow, Share, burn_rate_milli};
pub use counts::{Counts, Histogram, LATENCY_BOUNDS_MS};
pub use kind::Kind;
pub use level::{Level, MILLION, Objective, Verdict, ppm};
pub use limits::ServiceLimits;
pub use policy::{MAX_SLA_POLICY_SIZE, Maintenance, PerDay, SlaPolicy, SlaPolicyError, Terms};
pub use render::{render, share};
pub use report::{
    IncidentReport, KindReport, MAX_REPORT_SIZE, Material, PolicyName, Report, ReportError, TargetReport,
};
pub use room::{LeftOut, OtherTargets};
pub use time::{Month, Time, TimeError};

/// The service level policy that comes with this release.
pub const BUILT_IN: &str = include_str!("../../sla.toml");
