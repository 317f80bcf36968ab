//! What the policy finds about a candidate, computed here: before applying, and again in a review, to be
//! compared with what the server recorded.

use std::path::Path;

use ctl_core::Digest;
use ctl_core::Timestamp;
use ctl_core::governance::State;
use ctl_core::governance::application::Application;
use ctl_core::names::ListId;
use ctl_core::statement::body::Candidate;
use ctl_core::statement::parts::{PolicyRef, Severity};
use ctl_policy::{ADMISSION, Context, Finding, Kind, Listed, MAX_POLICY_SIZE, Policy};

use crate::{AdminError, files};

/// The policies at hand: the release's own and those that were named.
pub struct Policies(Vec<Policy>);

impl Policies {
    /// The release's own policy and those in these files.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn with(paths: &[impl AsRef<Path>]) -> Result<Self, AdminError> {
        let mut policies = vec![builtin()?];
        for path in paths {
            policies.push(read(path.as_ref())?);
        }
        Ok(Self(policies))
    }

    /// The policy that the charter names.
    ///
    /// # Errors
    /// It is not at hand.
    pub fn find(&self, reference: &PolicyRef) -> Result<&Policy, AdminError> {
        self.0.iter().find(|policy| Digest::from_bytes(policy.digest()) == reference.sha256).ok_or_else(
            || {
                AdminError::input(
                    "--policy",
                    format_args!(
                        "the policy in force is {} {} with SHA-256 {}; give its file",
                        reference.name, reference.version, reference.sha256
                    ),
                )
            },
        )
    }
}

fn builtin() -> Result<Policy, AdminError> {
    Policy::parse(ADMISSION).map_err(|e| AdminError::input("the built-in policy", e))
}

fn read(path: &Path) -> Result<Policy, AdminError> {
    Policy::parse(&files::read_text(path, MAX_POLICY_SIZE)?).map_err(|e| AdminError::input(path.display(), e))
}

fn reference(policy: &Policy) -> Result<PolicyRef, AdminError> {
    let refused = |e| AdminError::input("the policy", e);
    Ok(PolicyRef {
        name: policy.name().parse().map_err(refused)?,
        sha256: Digest::from_bytes(policy.digest()),
        version: policy.version().parse().map_err(refused)?,
    })
}

/// The release's own policy, as a charter names it.
///
/// # Errors
/// Its name or version cannot stand in a charter.
pub fn builtin_policy_ref() -> Result<PolicyRef, AdminError> {
    reference(&builtin()?)
}

/// The policy in this file, as a charter names it.
///
/// # Errors
/// The file cannot be read or used.
pub fn policy_ref(path: &Path) -> Result<PolicyRef, AdminError> {
    reference(&read(path)?)
}

/// What is to be screened.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// For which list.
    pub list: &'a ListId,
    /// What applies.
    pub candidate: &'a Candidate,
    /// The certificate in DER.
    pub certificate: &'a [u8],
}

impl<'a> Subject<'a> {
    /// The subject of an application.
    #[must_use]
    pub fn of(application: &'a Application) -> Self {
        Self {
            list: &application.list,
            candidate: &application.candidate,
            certificate: &application.certificate,
        }
    }
}

/// Screens a candidate by the list's policy, against this state of the list.
///
/// # Errors
/// The charter has no such list, or its policy is not at hand.
pub fn screen(
    state: &State,
    subject: Subject<'_>,
    policies: &Policies,
    now: Timestamp,
) -> Result<Vec<Finding>, AdminError> {
    let Some(charter) = state.charter.lists.get(subject.list) else {
        let known: Vec<_> = state.charter.lists.keys().map(ToString::to_string).collect();
        let problem = format!("the charter has no list {}; it has: {}", subject.list, known.join(", "));
        return Err(AdminError::input("--list", problem));
    };
    let policy = policies.find(&charter.policy)?;
    let facts = state.screening_facts(subject.list, subject.candidate);
    let listed: Vec<Listed> = facts
        .listed
        .into_iter()
        .map(|fact| Listed { fingerprint: fact.fingerprint, spki: fact.spki, subject: fact.subject })
        .collect();
    let context = Context {
        now: now.unix(),
        listed: &listed,
        distrusted_certificates: &facts.distrusted_certificates,
        distrusted_keys: &facts.distrusted_keys,
        issuer: facts.issuer,
    };
    let kind = match subject.candidate {
        Candidate::Root { .. } => Kind::Root,
        Candidate::CrossCertificate { .. } => Kind::CrossCertificate,
    };
    let candidate = ctl_policy::Candidate { certificate_der: subject.certificate, kind };
    Ok(ctl_policy::screen(policy, &candidate, &context))
}

/// A finding in a line.
#[must_use]
pub fn line(finding: &Finding) -> String {
    let waivable = if finding.waivable { ", electors may waive it" } else { "" };
    format!(
        "{} {}: found {}, expected {}{waivable}",
        word(finding.severity),
        finding.id,
        finding.found,
        finding.expected
    )
}

const fn word(severity: ctl_policy::Severity) -> &'static str {
    match severity {
        ctl_policy::Severity::Notice => "notice",
        ctl_policy::Severity::Warning => "warning",
        ctl_policy::Severity::Error => "error",
    }
}

/// The findings as the record has them: rule, severity, waivable.
#[must_use]
pub fn as_recorded(findings: &[Finding]) -> Vec<(String, Severity, bool)> {
    findings
        .iter()
        .map(|finding| {
            let severity = match finding.severity {
                ctl_policy::Severity::Notice => Severity::Notice,
                ctl_policy::Severity::Warning => Severity::Warning,
                ctl_policy::Severity::Error => Severity::Error,
            };
            (finding.id.clone(), severity, finding.waivable)
        })
        .collect()
}
