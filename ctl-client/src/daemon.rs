//! Syncing again and again: at about the interval while it goes well, sooner at first and then ever
//! later while it does not, and never with the rest of the fleet in step.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::error::ClientError;
use crate::sync::{Client, SyncReport};

/// The first wait after a failure.
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// How long to wait before the next sync: `failures` in a row so far; `chance` in 0..=255 spreads
/// it by a fifth to either side.
fn wait(interval: Duration, failures: u32, chance: u8) -> Duration {
    let base = match failures {
        0 => interval,
        n => FIRST_RETRY.saturating_mul(2_u32.saturating_pow(n.saturating_sub(1).min(16))).min(interval),
    };
    base.mul_f64(0.8 + 0.4 * f64::from(chance) / 255.0)
}

/// Syncs until SIGTERM or SIGINT, at once after SIGHUP, each time by the configuration as it is then. `tell` is given the
/// outcome of each.
///
/// # Errors
/// [`ClientError::RootDamaged`], or signals cannot be received. Other failures are told and tried
/// again.
pub(crate) async fn run(
    client: &mut Client,
    tell: impl Fn(&Result<SyncReport, ClientError>),
) -> Result<(), ClientError> {
    let failed = |source| ClientError::file("receive signals in", client.directory.path(), source);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let mut failures = 0_u32;
    loop {
        let reread = client.reread();
        // Cut off at any point, a sync leaves the former state or the new one.
        let mut outcome = tokio::select! {
            outcome = client.sync() => outcome,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        if let (Ok(report), Err(error)) = (&mut outcome, reread) {
            report.problem("configuration", error);
        }
        tell(&outcome);
        let interval = Duration::from_secs(client.config().interval_seconds);
        failures = match outcome {
            Ok(report) if report.is_complete() => 0,
            Err(error @ ClientError::RootDamaged { .. }) => return Err(error),
            _ => failures.saturating_add(1),
        };
        let mut chance = [128];
        // Without randomness the waits are merely in step with the rest of the fleet.
        let _ = getrandom::fill(&mut chance);
        let [chance] = chance;
        tokio::select! {
            () = tokio::time::sleep(wait(interval, failures, chance)) => {}
            _ = hangup.recv() => {}
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_and_grow_with_failures_up_to_the_interval() {
        let hour = Duration::from_secs(3600);
        assert_eq!(wait(hour, 0, 0), Duration::from_secs(2880));
        assert_eq!(wait(hour, 0, 255), Duration::from_secs(4320));
        let middle = |failures| wait(hour, failures, 127).as_secs();
        assert!((29..=31).contains(&middle(1)) && (119..=121).contains(&middle(3)));
        assert!((3590..=3610).contains(&middle(10)) && (3590..=3610).contains(&middle(u32::MAX)));
        assert!(wait(Duration::from_secs(1), 1, 255) <= Duration::from_millis(1200));
    }
}
