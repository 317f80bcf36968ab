//! The available policies: those built into the release and those that the configuration names. The charter names one
//! for each list by digest, and nothing is screened by another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ctl_core::Digest;
use ctl_core::names::ListId;
use ctl_core::parts::PolicyRef;
use ctl_governance::statement::charter::Charter;
use ctl_host::files;
use ctl_policy::{ADMISSIONS, MAX_POLICY_SIZE, Policy, PolicyError};

/// Why a policy cannot be used or is not available.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// A file cannot be read.
    #[error("policy {}: {error}", .path.display())]
    File { path: PathBuf, error: std::io::Error },
    /// A file is not a policy.
    #[error("policy {}: {error}", .path.display())]
    Policy { path: PathBuf, error: PolicyError },
    /// The charter names a policy that is not available.
    #[error(
        "list {list} is screened by policy {} {} with SHA-256 {}, which is not at hand: add its file to `policies` in the configuration",
        .policy.name, .policy.version, .policy.sha256
    )]
    Missing { list: ListId, policy: Box<PolicyRef> },
}

/// The available policies, by digest.
#[derive(Clone, Debug)]
pub struct Policies {
    by_digest: BTreeMap<Digest, (Policy, String)>,
}

impl Policies {
    /// Loads the built-in policies and those in these files.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn load(paths: &[PathBuf]) -> Result<Self, PoliciesError> {
        let mut policies = Self { by_digest: BTreeMap::new() };
        for text in ADMISSIONS {
            policies.add(Path::new("built into this release"), text)?;
        }
        for path in paths {
            let failed = |error| PoliciesError::File { path: path.clone(), error };
            let bytes = files::read(path, MAX_POLICY_SIZE as u64)
                .and_then(|bytes| bytes.ok_or_else(|| std::io::ErrorKind::NotFound.into()))
                .map_err(failed)?;
            let text = String::from_utf8(bytes).map_err(|_| {
                failed(std::io::Error::new(std::io::ErrorKind::InvalidData, "not UTF-8 text"))
            })?;
            policies.add(path, &text)?;
        }
        Ok(policies)
    }

    fn add(&mut self, path: &Path, text: &str) -> Result<(), PoliciesError> {
        let policy =
            Policy::parse(text).map_err(|error| PoliciesError::Policy { path: path.to_owned(), error })?;
        self.by_digest.insert(Digest::from_bytes(policy.digest()), (policy, text.to_owned()));
        Ok(())
    }

    /// The policy with this digest.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<&Policy> {
        self.by_digest.get(digest).map(|(policy, _)| policy)
    }

    /// The text of the policy with this digest, which anyone may read.
    #[must_use]
    pub fn text(&self, digest: &Digest) -> Option<&str> {
        self.by_digest.get(digest).map(|(_, text)| text.as_str())
    }

    /// Checks that every list of a charter can be screened.
    ///
    /// # Errors
    /// [`PoliciesError::Missing`] naming the first list that cannot.
    pub fn check(&self, charter: &Charter) -> Result<(), PoliciesError> {
        match charter.lists.iter().find(|(_, list)| self.get(&list.policy.sha256).is_none()) {
            Some((list, contents)) => {
                let policy = Box::new(contents.policy.clone());
                Err(PoliciesError::Missing { list: list.clone(), policy })
            }
            None => Ok(()),
        }
    }
}
