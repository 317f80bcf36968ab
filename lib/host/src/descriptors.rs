//! File descriptors. A process has a soft limit of often 1,024 and a hard limit of far more; connections come from
//! anyone, and whatever they leave is for ledger, blobs and publications.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one and tells how many descriptors the process may have open.
pub fn raise() -> u64 {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    if before.current != before.maximum
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        tracing::warn!(%error, limit = before.current, "the limit of file descriptors stays as it is");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many connections may be open: as many as configured, but at most half of the descriptors.
#[must_use]
pub fn connections(configured: usize, descriptors: u64) -> usize {
    let half = usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(1);
    if configured > half {
        tracing::warn!(
            configured,
            bound = half,
            "fewer connections than configured: the limit of file descriptors (`ulimit -n`, LimitNOFILE=) is too low"
        );
    }
    configured.min(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_never_get_more_than_half_of_the_descriptors() {
        assert_eq!(connections(4096, 1024), 512);
        assert_eq!(connections(4096, 1_048_576), 4096);
        assert_eq!(connections(4096, u64::MAX), 4096);
        assert_eq!(connections(10, 0), 1, "one can always be told that there are too few");
    }
}
