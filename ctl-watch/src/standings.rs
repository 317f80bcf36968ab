//! How things stand: the last word on every target. Changed in one place, the aggregator; everyone else reads
//! snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::observation::{Facts, Observation};
use super::target::{Target, TargetId};
use super::verdict::Verdict;

/// How things stand.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// Every target that is watched now.
    pub targets: BTreeMap<TargetId, Arc<Standing>>,
}

/// How one target stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub target: Arc<Target>,
    /// Unix milliseconds: since when it is watched.
    pub since_ms: i64,
    /// The last probe.
    pub last: Option<Arc<Observation>>,
    /// What it counts as.
    pub verdict: Option<Verdict>,
    /// Unix milliseconds of the last probe that got an answer.
    pub answered_ms: Option<i64>,
    /// Unix milliseconds of the last probe that was conforming.
    pub good_ms: Option<i64>,
    /// What the last answer that could be believed said, and how large and when by its clock the last of any kind was.
    pub facts: Facts,
}
