//! The policy file: named, versioned rules.

use chrono::{DateTime, Months};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checks::{self, AUDIT_RECENT, PARSES};
use crate::{EvidenceKind, profile};

/// The largest policy file that is read, in bytes.
pub const MAX_POLICY_SIZE: usize = 64 * 1024;

ctl_pki::words! {
    /// How much a finding weighs.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Severity by word {
        /// Worth knowing.
        Notice => "notice",
        /// Worth asking about.
        Warning => "warning",
        /// Stands against admission.
        Error => "error",
    }
}

/// One rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, for instance `self-signature`.
    pub id: String,
    /// How much it weighs when a candidate fails it.
    pub severity: Severity,
    /// Whether electors may accept a candidate that fails it.
    pub waivable: bool,
    /// What is required, in words.
    pub text: String,
    /// Where the requirement comes from.
    pub source: String,
    /// The numbers and words that the rule leaves to the scheme.
    #[serde(default)]
    pub parameters: Parameters,
}

/// What a rule leaves to the scheme; each rule takes those that it needs and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// A number of years.
    pub years: Option<u32>,
    /// A number of months.
    pub months: Option<u32>,
    /// A number of days.
    pub days: Option<u32>,
    /// Kinds of evidence.
    pub evidence: Option<Vec<EvidenceKind>>,
}

impl Parameters {
    /// The names of those that are given.
    fn given(&self) -> Vec<&'static str> {
        let Self { years, months, days, evidence } = self;
        let given = [
            ("years", years.is_some()),
            ("months", months.is_some()),
            ("days", days.is_some()),
            ("evidence", evidence.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

/// A certificate profile that the policy applies, in exactly this version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The profile's name.
    pub name: String,
    /// Its digest, in hex: SHA-256 of its files one behind the other.
    pub sha256: String,
}

/// A policy, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    name: String,
    version: String,
    rules: Vec<Rule>,
    profiles: Vec<Pin>,
    digest: [u8; 32],
}

/// Why a policy file was refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Larger than [`MAX_POLICY_SIZE`].
    #[error("the policy has {0} bytes, more than the limit of {MAX_POLICY_SIZE}")]
    TooLarge(usize),
    /// Not the TOML that a policy is.
    #[error("the policy cannot be read: {0}")]
    Malformed(#[from] toml::de::Error),
    /// Name or version is missing in fact.
    #[error("the policy's {member} must be one line of 1 to {limit} printable characters")]
    Unnamed {
        /// `name` or `version`.
        member: &'static str,
        /// The most characters.
        limit: usize,
    },
    /// A rule that this engine cannot check; leaving it out would pass candidates that fail it.
    #[error("this engine ({engine}) does not know rule {0:?}; use a release that does", engine = crate::ENGINE)]
    UnknownRule(String),
    /// The same rule twice.
    #[error("rule {0:?} appears twice")]
    DuplicateRule(String),
    /// A parameter is missing, or one is there that the rule has no use for.
    #[error("rule {rule:?} has parameters {given:?}; it takes {needed:?}")]
    Parameters {
        rule: String,
        /// What is there.
        given: Vec<&'static str>,
        /// What it takes.
        needed: &'static [&'static str],
    },
    /// The policy was decided with another version of a profile than this release has.
    #[error(
        "the policy pins profile {name:?} with SHA-256 {pinned}; this release {ours}. Use a release that has it"
    )]
    OtherProfile {
        /// The profile.
        name: String,
        /// What the policy says.
        pinned: String,
        /// What this release has.
        ours: String,
    },
    /// Without this rule, bytes that are no certificate would pass every other.
    #[error("the policy must contain rule \"parses\" with severity error, not waivable")]
    ParsesRequired,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    name: String,
    version: String,
    #[serde(default)]
    profiles: Vec<Pin>,
    rules: Vec<Rule>,
}

impl Policy {
    /// Reads a policy file. Refuses what it does not know: a rule it cannot check must never look fulfilled.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_SIZE {
            return Err(PolicyError::TooLarge(text.len()));
        }
        let PolicyFile { name, version, profiles, rules } = toml::from_str(text)?;
        for (member, value, limit) in [("name", &name, 120), ("version", &version, 48)] {
            let length = value.chars().count();
            if value.trim().is_empty() || length > limit || !value.chars().all(ctl_pki::print::is_safe) {
                return Err(PolicyError::Unnamed { member, limit });
            }
        }
        for (position, rule) in rules.iter().enumerate() {
            let Some(needed) = checks::parameters(&rule.id) else {
                return Err(PolicyError::UnknownRule(rule.id.clone()));
            };
            let given = rule.parameters.given();
            if given != needed {
                return Err(PolicyError::Parameters { rule: rule.id.clone(), given, needed });
            }
            if rules.iter().take(position).any(|earlier| earlier.id == rule.id) {
                return Err(PolicyError::DuplicateRule(rule.id.clone()));
            }
        }
        let parses = rules.iter().find(|rule| rule.id == PARSES);
        if parses.is_none_or(|rule| rule.severity != Severity::Error || rule.waivable) {
            return Err(PolicyError::ParsesRequired);
        }
        for pin in &profiles {
            let ours = profile::profile(&pin.name).map(|profile| hex::encode(profile.digest()));
            if ours.as_ref() != Some(&pin.sha256) {
                let ours =
                    ours.map_or_else(|| "has none of this name".to_owned(), |ours| format!("has {ours}"));
                let (name, pinned) = (pin.name.clone(), pin.sha256.clone());
                return Err(PolicyError::OtherProfile { name, pinned, ours });
            }
        }
        Ok(Self { name, version, rules, profiles, digest: Sha256::digest(text).into() })
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The rules in the file's order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The profiles that it applies.
    pub fn profiles(&self) -> &[Pin] {
        &self.profiles
    }

    /// Until when an audit report of this date is recent enough (`audit-recent`), in Unix seconds; none if the policy does
    /// not ask for a recent one.
    pub fn audit_end(&self, dated: i64) -> Option<i64> {
        let rule = self.rules.iter().find(|rule| rule.id == AUDIT_RECENT)?;
        let dated = DateTime::from_timestamp(dated, 0)?;
        let end = dated.checked_add_months(Months::new(rule.parameters.months?))?;
        Some(end.timestamp())
    }

    /// SHA-256 of the file's bytes, by which the charter names it.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}
