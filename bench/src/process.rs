//! What this process has taken of the machine, as Linux tells it.

use std::error::Error;

/// Of the clock by which Linux counts processor time; the same on every machine that we know.
const TICKS_PER_SECOND: f64 = 100.0;

type Failure = Box<dyn Error + Send + Sync>;

/// Seconds of processor time of this process, user and system.
///
/// # Errors
/// The system does not say.
pub fn processor_time() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // The name, in brackets, may hold anything; two fields later begins a list of numbers.
    let (_, rest) = text.rsplit_once(')').ok_or("/proc/self/stat is unreadable")?;
    let ticks: Vec<u64> =
        rest.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u64>() as f64 / TICKS_PER_SECOND)
}

/// The most memory that this process had, in KiB.
///
/// # Errors
/// The system does not say.
pub fn peak_memory() -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak is told")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
