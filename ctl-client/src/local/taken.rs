//! What of a list is taken up here. A version that is in force takes away at once; what it adds may have to wait: it
//! is held, or this device's turn has not come. What waits is remembered by when it was first seen, so that a list
//! that is signed anew each day delays nothing.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::list::ListPayload;
use ctl_core::parts::Use;
use ctl_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// What is taken up of a list, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenUp {
    /// Anchors with the uses that are taken up.
    pub anchors: BTreeMap<Digest, BTreeSet<Use>>,
    /// Cross-certificates that are taken up.
    pub cross_certificates: BTreeSet<Digest>,
    /// Anchors and cross-certificates of which something waits, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting: BTreeMap<Digest, Timestamp>,
}

/// When what a version adds may be taken up.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Whether the version adds nothing here, whatever its time.
    pub is_held: bool,
    /// Whether the turn has come of what was first seen at a moment.
    pub is_due: &'a dyn Fn(Timestamp) -> bool,
    /// Whether an anchor can be used here for a use, once it is taken up: no notice or distrust is against it.
    pub is_usable: &'a dyn Fn(Digest, Use) -> bool,
}

impl TakenUp {
    /// All of a list.
    #[must_use]
    pub fn all(list: &ListPayload) -> Self {
        let anchors =
            list.anchors.iter().map(|anchor| (anchor.fingerprint, anchor.uses.iter().copied().collect()));
        let crosses = list.cross_certificates.iter().map(|cross| cross.fingerprint);
        Self { anchors: anchors.collect(), cross_certificates: crosses.collect(), waiting: BTreeMap::new() }
    }

    /// The list without what waits.
    #[must_use]
    pub fn narrow(&self, list: &ListPayload) -> ListPayload {
        let mut narrowed = list.clone();
        narrowed.anchors.retain_mut(|anchor| {
            let taken = self.anchors.get(&anchor.fingerprint);
            anchor.uses.retain(|r#use| taken.is_some_and(|taken| taken.contains(r#use)));
            !anchor.uses.is_empty()
        });
        narrowed.cross_certificates.retain(|cross| self.cross_certificates.contains(&cross.fingerprint));
        narrowed
    }

    /// What it has an anchor for that can be used.
    #[must_use]
    pub fn uses(&self, is_usable: &dyn Fn(Digest, Use) -> bool) -> BTreeSet<Use> {
        let all = self.anchors.iter().flat_map(|(anchor, uses)| uses.iter().map(|r#use| (*anchor, *r#use)));
        all.filter(|(anchor, r#use)| is_usable(*anchor, *r#use)).map(|(_, r#use)| r#use).collect()
    }
}

/// What is taken up of the version of a list that is in force, after what was taken up `before`.
///
/// A device that never took anything of the list up takes all of it, unless it is held: a new charger needs roots. The
/// same goes for an anchor without which a use that the list names would have none that can be used, since what it
/// replaces is gone already.
#[must_use]
pub fn settle(before: Option<&TakenUp>, list: &ListPayload, terms: Terms<'_>, now: Timestamp) -> TakenUp {
    let all = TakenUp::all(list);
    let nothing = TakenUp::default();
    let before = match before {
        Some(before) => before,
        None if terms.is_held => &nothing,
        None => return all,
    };
    // A clock that went back must not make what waits wait for longer.
    let since = |what: &Digest| before.waiting.get(what).map_or(now, |since| (*since).min(now));
    let mut taken = TakenUp::default();
    for (anchor, uses) in &all.anchors {
        let kept: BTreeSet<Use> =
            before.anchors.get(anchor).map_or_else(BTreeSet::new, |former| former & uses);
        taken.anchors.extend((!kept.is_empty()).then_some((*anchor, kept)));
    }
    let left = taken.uses(terms.is_usable);
    for (anchor, uses) in &all.anchors {
        let since = since(anchor);
        let is_due = !terms.is_held && (terms.is_due)(since);
        let held = taken.anchors.entry(*anchor).or_default();
        held.extend(uses.iter().filter(|r#use| is_due || !terms.is_held && !left.contains(r#use)));
        if held != uses {
            taken.waiting.insert(*anchor, since);
        }
    }
    taken.anchors.retain(|_, uses| !uses.is_empty());
    for cross in all.cross_certificates {
        let since = since(&cross);
        if before.cross_certificates.contains(&cross) || !terms.is_held && (terms.is_due)(since) {
            taken.cross_certificates.insert(cross);
        } else {
            taken.waiting.insert(cross, since);
        }
    }
    taken
}
