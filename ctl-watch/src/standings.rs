//! How every target stands after its last probe. Only the aggregator changes it; everyone else reads snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::observation::{Facts, Observation};
use super::target::{Target, TargetId};
use super::verdict::Verdict;

/// How all targets stand.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// Every target that is watched now.
    pub targets: BTreeMap<TargetId, Arc<Standing>>,
}

/// How one target stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub target: Arc<Target>,
    /// Since when it is watched, in Unix milliseconds.
    pub since_ms: i64,
    /// The last probe.
    pub last: Option<Arc<Observation>>,
    /// What the last probe counts as.
    pub verdict: Option<Verdict>,
    /// When the last answered probe began, in Unix milliseconds.
    pub answered_ms: Option<i64>,
    /// When the last conforming probe began, in Unix milliseconds.
    pub good_ms: Option<i64>,
    /// What the last believed answer said; body size, clock offset and TLS are those of the last answer of any kind.
    pub facts: Facts,
}
