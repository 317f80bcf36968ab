//! Hours, in which the history counts.

use ctl_policy::sla::Time;

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;
/// The rolling window: thirty days, in hours.
pub const ROLLING_HOURS: u32 = 720;

/// The hour that contains a moment.
#[must_use]
pub fn hour_of(at_ms: i64) -> u32 {
    u32::try_from(at_ms.div_euclid(HOUR_MS)).unwrap_or_default()
}

/// The first moment of an hour.
#[must_use]
pub fn begin_of(hour: u32) -> i64 {
    i64::from(hour) * HOUR_MS
}

/// The hour in which a moment in seconds lies.
#[must_use]
pub fn hour_at(time: Time) -> u32 {
    hour_of(time.0.saturating_mul(1000))
}
