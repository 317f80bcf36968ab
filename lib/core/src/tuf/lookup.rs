//! Finding a target: preorder, depth first over the delegations (specification §5.6.7), and checking
//! its bytes (§5.7).

use std::collections::BTreeSet;

use serde_json::Value;

use super::client::Updater;
use super::metadata::{Hashes, Target, check_length};
use super::{TufError, paths};

/// A target as the most trusted role that knows it describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetInfo {
    pub name: String,
    /// The role that describes it.
    pub role: String,
    /// Bytes.
    pub length: u64,
    pub hashes: Hashes,
    /// What the publisher added.
    pub custom: Option<Value>,
    /// Where to fetch it, relative to the targets' base, not percent-encoded; begins with the hash
    /// if snapshots are consistent.
    pub path: String,
}

impl TargetInfo {
    /// Whether these are the target's bytes.
    ///
    /// # Errors
    /// [`TufError::Length`], [`TufError::Hash`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), TufError> {
        check_length(&self.name, self.length, bytes)?;
        self.hashes.check_bytes(&self.name, bytes)
    }
}

/// A search under way.
#[derive(Debug)]
pub(super) struct Walk {
    name: String,
    /// Roles to visit with the role that delegated to each, the next one last.
    stack: Vec<(String, String)>,
    visited: BTreeSet<String>,
    found: Option<TargetInfo>,
    /// Why it cannot go on.
    pub(super) failed: Option<TufError>,
}

impl Updater {
    /// Looks for a target once the refresh is done: take steps until `Done`, then ask
    /// [`Updater::found`]. Delegated roles are loaded as far as the search needs them.
    ///
    /// # Errors
    /// [`TufError::OutOfTurn`] before the refresh is done, [`TufError::TargetName`].
    pub fn seek(&mut self, name: &str) -> Result<(), TufError> {
        if self.targets().is_none() {
            return Err(TufError::OutOfTurn);
        }
        if !paths::is_target_name(name) {
            return Err(TufError::TargetName { name: name.chars().take(80).collect() });
        }
        self.interrupt();
        self.walk = Some(Walk {
            name: name.into(),
            stack: vec![("targets".into(), "root".into())],
            visited: BTreeSet::new(),
            found: None,
            failed: None,
        });
        self.go_on_walking();
        Ok(())
    }

    /// What the last search found; none if no role that may describe it does.
    #[must_use]
    pub fn found(&self) -> Option<&TargetInfo> {
        self.walk.as_ref()?.found.as_ref()
    }

    /// Visits roles until the target is found, none is left, or one must be fetched first.
    pub(super) fn go_on_walking(&mut self) {
        let Some(mut walk) = self.walk.take() else { return };
        let outcome = self.walk_on(&mut walk);
        self.walk = Some(walk);
        let outcome = match outcome {
            // Comes back here with the role at hand, or leaves it to be fetched.
            Ok(Some((role, parent))) => self.load_role(role, parent),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let (Err(error), Some(walk)) = (outcome, &mut self.walk) {
            walk.failed = Some(error);
        }
    }

    fn walk_on(&self, walk: &mut Walk) -> Result<Option<(String, String)>, TufError> {
        while let Some((role, parent)) = walk.stack.last().cloned() {
            if walk.found.is_some() || walk.visited.contains(&role) {
                walk.stack.pop();
                continue;
            }
            // The top-level targets do not count.
            if walk.visited.len() > self.limits.delegations {
                return Err(TufError::TooManyDelegations { limit: self.limits.delegations });
            }
            let Some(targets) = self.role(&role, &parent) else { return Ok(Some((role, parent))) };
            walk.stack.pop();
            if let Some(target) = targets.signed.targets.get(&walk.name) {
                walk.found = Some(self.describe(&role, &walk.name, target));
                continue;
            }
            let mut children = Vec::new();
            for child in targets.signed.delegations.iter().flat_map(|delegations| &delegations.roles) {
                if child.covers(&walk.name) {
                    children.push((child.name.clone(), role.clone()));
                    if child.terminating {
                        walk.stack.clear();
                        break;
                    }
                }
            }
            walk.visited.insert(role);
            walk.stack.extend(children.into_iter().rev());
        }
        Ok(None)
    }

    fn describe(&self, role: &str, name: &str, target: &Target) -> TargetInfo {
        let Target { length, hashes, custom } = target.clone();
        let path = if self.root().signed.consistent_snapshot {
            paths::with_hash(name, &hashes.prefix())
        } else {
            name.to_owned()
        };
        TargetInfo { name: name.into(), role: role.into(), length, hashes, custom, path }
    }
}
