//! `[local]` in `client.toml`.

use ctl_core::Digest;
use ctl_core::names::ListId;
use ctl_core::parts::DistrustKind;
use serde::{Deserialize, Serialize};

use super::rollout::Rollout;

/// What the operator of this device says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Local {
    /// What is never trusted here, whatever the lists say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distrust: Vec<Distrust>,
    /// Lists of which newer versions add nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<Hold>,
    /// When what a list adds is taken up here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// A certificate or key that is never trusted here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distrust {
    /// The SHA-256 of the certificate, or of its public key (SubjectPublicKeyInfo).
    pub sha256: Digest,
    /// Of which of the two.
    #[serde(default = "certificate")]
    pub kind: DistrustKind,
    /// Why, for whoever reads `status`.
    pub reason: String,
}

const fn certificate() -> DistrustKind {
    DistrustKind::Certificate
}

/// A version of a list beyond which nothing is added here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The list.
    pub list: ListId,
    /// The last version whose additions are taken up.
    pub sequence: u64,
    /// Why, for whoever reads `status`.
    pub reason: String,
}

impl Local {
    /// The hold that a version of a list falls under.
    #[must_use]
    pub fn hold(&self, list: &ListId, sequence: u64) -> Option<&Hold> {
        self.hold
            .iter()
            .filter(|hold| hold.list == *list && hold.sequence < sequence)
            .min_by_key(|hold| hold.sequence)
    }

    /// What is wrong with it: what to correct.
    pub(crate) fn problem(&self) -> Option<String> {
        let unsaid = |what: String, reason: &str| {
            reason
                .trim()
                .is_empty()
                .then(|| format!("{what}: write a reason; `status` shows it to whoever comes later"))
        };
        let distrust = |one: &Distrust| unsaid(format!("local.distrust of {}", one.sha256), &one.reason);
        let hold = |one: &Hold| unsaid(format!("local.hold of {}", one.list), &one.reason);
        let reasons = self.distrust.iter().find_map(distrust).or_else(|| self.hold.iter().find_map(hold));
        reasons.or_else(|| self.rollout.as_ref()?.problem())
    }
}
