//! What versions that came while the log conflicted take away. They count only downwards: an anchor or
//! use that one of them does not name is not trusted, and nothing that only they name is.
//!
//! A thief who shows a forged log can so remove at most what the signers of a list, or an emergency
//! officer, signed away; and a suspension arrives although the log cannot be believed.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_core::list::ListPayload;
use ctl_core::notices::NoticeEntry;
use ctl_core::parts::{Constraint, Constraints, Distrusted, Use};
use serde::{Deserialize, Serialize};

/// More is not kept apart for one role: the state file has to stay small. Far more than a list has.
const MAX_KEPT: usize = 8_000;

/// What all versions of a role that came in conflict still allow, and what any of them forbids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Apart {
    /// The greatest sequence among them: a version of at least that, fully accepted, ends this.
    pub sequence: u64,
    /// Anchors that all of them name.
    pub anchors: BTreeMap<Digest, Remaining>,
    /// Cross-certificates that all of them name.
    pub cross_certificates: BTreeSet<Digest>,
    /// What any of them distrusts.
    pub distrusted: BTreeSet<Distrusted>,
    /// What any of them suspends.
    pub notices: Vec<NoticeEntry>,
}

/// What remains of an anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remaining {
    /// Uses that all of the versions name.
    pub uses: BTreeSet<Use>,
    /// The strictest of their constraints.
    pub constraints: Constraints,
}

impl Apart {
    /// Of a list that came in conflict, with what came before it.
    #[must_use]
    pub fn with_list(former: Option<&Self>, list: &ListPayload) -> Self {
        let mut apart = Self {
            sequence: list.sequence,
            anchors: list.anchors.iter().map(|anchor| (anchor.fingerprint, Remaining::of(anchor))).collect(),
            cross_certificates: list.cross_certificates.iter().map(|cross| cross.fingerprint).collect(),
            distrusted: list.distrusted.iter().copied().collect(),
            notices: vec![],
        };
        let Some(former) = former else { return apart };
        apart.sequence = apart.sequence.max(former.sequence);
        apart.anchors.retain(|fingerprint, remaining| {
            let other = former.anchors.get(fingerprint);
            other.is_some_and(|other| {
                remaining.narrow(other);
                true
            })
        });
        apart.cross_certificates.retain(|fingerprint| former.cross_certificates.contains(fingerprint));
        apart.distrusted.extend(&former.distrusted);
        apart
    }

    /// Whether it is small enough to be remembered.
    #[must_use]
    pub fn fits(&self) -> bool {
        let parts =
            [self.anchors.len(), self.cross_certificates.len(), self.distrusted.len(), self.notices.len()];
        parts.into_iter().fold(0, usize::saturating_add) <= MAX_KEPT
    }

    /// A list as it counts under this, and the anchors that it loses altogether.
    #[must_use]
    pub fn narrow(&self, list: &ListPayload) -> (ListPayload, Vec<Digest>) {
        let mut narrowed = list.clone();
        let mut lost = Vec::new();
        narrowed.anchors.retain_mut(|anchor| {
            let mut own = Remaining::of(anchor);
            let uses = self.anchors.get(&anchor.fingerprint).map(|remaining| {
                own.narrow(remaining);
                own
            });
            match uses.filter(|remaining| !remaining.uses.is_empty()) {
                Some(remaining) => {
                    anchor.uses.retain(|r#use| remaining.uses.contains(r#use));
                    anchor.constraints = remaining.constraints;
                    true
                }
                None => {
                    lost.push(anchor.fingerprint);
                    false
                }
            }
        });
        narrowed.cross_certificates.retain(|cross| self.cross_certificates.contains(&cross.fingerprint));
        (narrowed, lost)
    }
}

impl Remaining {
    fn of(anchor: &ctl_core::list::ListAnchor) -> Self {
        Self { uses: anchor.uses.iter().copied().collect(), constraints: anchor.constraints.clone() }
    }

    fn narrow(&mut self, other: &Self) {
        self.uses.retain(|r#use| other.uses.contains(r#use));
        for (name, theirs) in &other.constraints.0 {
            match self.constraints.0.get_mut(name) {
                Some(ours) => tighten(name, ours, theirs),
                None => drop(self.constraints.0.insert(name.clone(), theirs.clone())),
            }
        }
    }
}

/// The stricter of two constraints of one name. Where that cannot be told, one that nobody can honour,
/// so that the anchor is left out if it is critical.
fn tighten(name: &str, ours: &mut Constraint, theirs: &Constraint) {
    let critical = ours.critical || theirs.critical;
    if ours.value != theirs.value {
        let pair = |constraint: &Constraint| Constraints([(name.to_owned(), constraint.clone())].into());
        let (mine, other) = (pair(ours).time(name), pair(theirs).time(name));
        ours.value = match (mine, other) {
            (Some(mine), Some(other)) => mine.min(other).to_string().into(),
            _ => serde_json::Value::Null,
        };
    }
    ours.critical = critical;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn constraint(critical: bool, value: serde_json::Value) -> Constraint {
        Constraint { critical, value }
    }

    fn narrowed(ours: Constraint, theirs: &Constraint) -> Constraint {
        let mut ours = ours;
        tighten(Constraints::NOT_TRUSTED_AFTER, &mut ours, theirs);
        ours
    }

    #[test]
    fn of_two_constraints_the_stricter_one_counts() {
        let early = constraint(false, json!("2027-01-01T00:00:00Z"));
        let late = constraint(true, json!("2028-01-01T00:00:00Z"));
        let strict = constraint(true, json!("2027-01-01T00:00:00Z"));
        assert_eq!(narrowed(early.clone(), &late), strict);
        assert_eq!(narrowed(late.clone(), &early), strict);
        // What cannot be compared can be honoured by nobody.
        let odd = narrowed(late, &constraint(false, json!(["DEABC"])));
        let constraints = Constraints([(Constraints::NOT_TRUSTED_AFTER.to_owned(), odd)].into());
        assert!(constraints.unknown_critical().is_some());
    }
}
