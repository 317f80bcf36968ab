//! What the policy finds about a candidate, computed here: before applying, and again ([`crate::recompute`]) to be
//! compared with what the server recorded.

use std::path::Path;

use ctl_core::names::ListId;
use ctl_core::parts::PolicyRef;
use ctl_core::paths;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::application::Application;
use ctl_governance::statement::body::Candidate;
use ctl_governance::statement::parts::Observed;
use ctl_policy::{ADMISSION, ADMISSIONS, Finding, MAX_POLICY_SIZE, Policy, Severity};
use ctl_replica::Transport;
use ctl_screening::Held;

use crate::{AdminError, files};

/// The policies at hand: those of releases and those that were named.
#[derive(Clone)]
pub struct Policies(Vec<Policy>);

impl Policies {
    /// The policies that came with a release and those in these files.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub fn with(paths: &[impl AsRef<Path>]) -> Result<Self, AdminError> {
        let mut policies = Vec::new();
        for text in ADMISSIONS {
            policies.push(builtin(text)?);
        }
        for path in paths {
            policies.push(read(path.as_ref())?);
        }
        Ok(Self(policies))
    }

    /// Fetches a policy that is not at hand. The server is not trusted for it: its text must have the
    /// digest. If there is none, or none that this release can apply, [`Policies::find`] will say so.
    ///
    /// # Errors
    /// Unreachable.
    pub async fn obtain(&mut self, transport: &Transport, reference: &PolicyRef) -> Result<(), AdminError> {
        if self.find(reference).is_ok() {
            return Ok(());
        }
        let path = paths::blob(&reference.sha256);
        let Ok(Some(text)) = transport.get(&path, MAX_POLICY_SIZE).await else { return Ok(()) };
        if Digest::of(&text) != reference.sha256 {
            return Err(AdminError::Untrue(format!(
                "{} is not the policy of that digest",
                transport.address(&path)
            )));
        }
        let policy = String::from_utf8(text).ok().and_then(|text| Policy::parse(&text).ok());
        self.0.extend(policy);
        Ok(())
    }

    /// With the policies of all lists and screenings of a scheme, fetched where they are missing.
    ///
    /// # Errors
    /// Unreachable.
    pub async fn for_scheme(&self, transport: &Transport, state: &State) -> Result<Self, AdminError> {
        let mut policies = self.clone();
        let screenings = state.applications.values().filter_map(|application| application.screening.as_ref());
        let of_screenings = screenings.map(|screening| &screening.policy);
        for reference in state.charter.lists.values().map(|list| &list.policy).chain(of_screenings) {
            policies.obtain(transport, reference).await?;
        }
        Ok(policies)
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

fn builtin(text: &str) -> Result<Policy, AdminError> {
    Policy::parse(text).map_err(|e| AdminError::input("the built-in policy", e))
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
    reference(&builtin(ADMISSION)?)
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

/// Screens a candidate before there is an application: by the list's policy, against this state of the
/// list, without the rules about evidence.
///
/// # Errors
/// The charter has no such list, or its policy is not at hand.
pub fn screen(
    state: &State,
    subject: Subject<'_>,
    policies: &Policies,
    now: Timestamp,
) -> Result<Vec<Finding>, AdminError> {
    let policy = policies.find(policy_of(state, subject.list)?)?;
    let Subject { list, candidate, certificate } = subject;
    Ok(ctl_screening::screen_candidate(state, list, candidate, certificate, policy, now))
}

/// Screens an application as everything stands in this state, and says what was looked at.
///
/// # Errors
/// As [`screen`].
pub fn screen_application(
    state: &State,
    application: &Application,
    policies: &Policies,
    held: Held<'_>,
    now: Timestamp,
) -> Result<(Vec<Finding>, Vec<Observed>), AdminError> {
    let policy = policies.find(policy_of(state, &application.list)?)?;
    Ok(ctl_screening::screen_application(state, application, policy, held, now))
}

/// Screens a sub-CA against the certificate above it, by the list's policy.
///
/// # Errors
/// As [`screen`].
pub fn screen_sub_ca(
    state: &State,
    list: &ListId,
    certificate: &[u8],
    issuer: &Digest,
    policies: &Policies,
    now: Timestamp,
) -> Result<Vec<Finding>, AdminError> {
    let policy = policies.find(policy_of(state, list)?)?;
    Ok(ctl_screening::screen_sub_ca(state, list, certificate, issuer, policy, now))
}

fn policy_of<'a>(state: &'a State, list: &ListId) -> Result<&'a PolicyRef, AdminError> {
    state.charter.lists.get(list).map(|charter| &charter.policy).ok_or_else(|| {
        let known: Vec<_> = state.charter.lists.keys().map(ToString::to_string).collect();
        let problem = format!("the charter has no list {list}; it has: {}", known.join(", "));
        AdminError::input("--list", problem)
    })
}

/// A finding in a line.
#[must_use]
pub fn line(finding: &Finding) -> String {
    let waivable = match (finding.severity, finding.waivable) {
        (Severity::Error, true) => "; electors may waive it",
        (Severity::Error, false) => "; nobody can waive it",
        _ => "",
    };
    format!(
        "{} {}: found {}, expected {} [{}]{waivable}",
        finding.severity, finding.id, finding.found, finding.expected, finding.source
    )
}
