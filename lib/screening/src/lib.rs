//! What a policy finds about the candidates of a scheme, and what a scheme says of what anybody brings ([`examine`]).
//!
//! The state of the ledger knows the candidates and what they are compared with; the policy knows the rules. Neither
//! crate knows the other. This one joins them, so that server, electors and auditors screen against the same facts and
//! get the same findings.
#![forbid(unsafe_code)]

mod context;
pub mod examine;

pub use context::context;
use ctl_core::names::{ListId, NameError, RuleId};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::application::Application;
use ctl_governance::statement::body::Candidate;
use ctl_governance::statement::parts::{self, Observed, ObservedKind};
use ctl_pki::Certificate;
use ctl_policy::{Context, Finding, Kind, Policy, Severity};

/// Whether the bytes of a document were there, by the digest of its blob: the one thing that a screening
/// looks at and the ledger does not say.
pub type Held<'a> = &'a dyn Fn(&Digest) -> bool;

/// Screens a candidate for a list before there is an application, so without the rules about evidence.
#[must_use]
pub fn screen_candidate(
    state: &State,
    list: &ListId,
    candidate: &Candidate,
    certificate_der: &[u8],
    policy: &Policy,
    now: Timestamp,
) -> Vec<Finding> {
    let context = context(state, list, candidate, None, now);
    let candidate = ctl_policy::Candidate { certificate_der, kind: kind(candidate) };
    ctl_policy::screen(policy, &candidate, &context)
}

/// Screens an application as everything stands in this state, and says what was looked at.
#[must_use]
pub fn screen_application(
    state: &State,
    application: &Application,
    policy: &Policy,
    held: Held<'_>,
    now: Timestamp,
) -> (Vec<Finding>, Vec<Observed>) {
    let context = context(state, &application.list, &application.candidate, Some((application, held)), now);
    let candidate = ctl_policy::Candidate {
        certificate_der: &application.certificate,
        kind: kind(&application.candidate),
    };
    let profiles = ctl_policy::profiles_applied(policy, &candidate, &context);
    let observed = observed(application, held, profiles.into_iter().map(Digest::from_bytes));
    (ctl_policy::screen(policy, &candidate, &context), observed)
}

/// Screens a sub-CA against the certificate above it: an anchor of the list or a disclosed sub-CA.
#[must_use]
pub fn screen_sub_ca(
    state: &State,
    list: &ListId,
    certificate_der: &[u8],
    issuer: &Digest,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Finding> {
    let issuer = state
        .anchor(list, issuer)
        .map(|anchor| &anchor.listed.certificate)
        .or_else(|| state.sub_cas.get(issuer).map(|sub_ca| &sub_ca.certificate));
    let issuer = issuer.and_then(|der| Certificate::from_der(der).ok());
    let context = Context { now: now.unix(), issuer, ..Context::default() };
    let candidate = ctl_policy::Candidate { certificate_der, kind: Kind::SubCa };
    ctl_policy::screen(policy, &candidate, &context)
}

/// Findings as a statement records them: in the order of their rules, none twice.
///
/// # Errors
/// A rule of the policy has a name that cannot stand in a statement.
pub fn recorded(findings: &[Finding]) -> Result<Vec<parts::Finding>, NameError> {
    let one = |finding: &Finding| {
        let severity = match finding.severity {
            Severity::Notice => parts::Severity::Notice,
            Severity::Warning => parts::Severity::Warning,
            Severity::Error => parts::Severity::Error,
        };
        Ok(parts::Finding { id: finding.id.parse::<RuleId>()?, severity, waivable: finding.waivable })
    };
    let mut recorded = findings.iter().map(one).collect::<Result<Vec<_>, NameError>>()?;
    recorded.sort_by(|a, b| a.id.cmp(&b.id));
    recorded.dedup_by(|a, b| a.id == b.id);
    Ok(recorded)
}

/// The severity of a recorded finding, as the policy has it.
#[must_use]
pub const fn severity(recorded: parts::Severity) -> Severity {
    match recorded {
        parts::Severity::Notice => Severity::Notice,
        parts::Severity::Warning => Severity::Warning,
        parts::Severity::Error => Severity::Error,
    }
}

const fn kind(candidate: &Candidate) -> Kind {
    match candidate {
        Candidate::Root { .. } => Kind::Root,
        Candidate::CrossCertificate { .. } => Kind::CrossCertificate,
    }
}

/// What a screening looked at besides the ledger's entries, as its record says it: the certificate and the anchors that
/// it was compared with, the documents that were there, and these profiles.
fn observed(
    application: &Application,
    held: Held<'_>,
    profiles: impl IntoIterator<Item = Digest>,
) -> Vec<Observed> {
    let one = |what, sha256| Observed { what, sha256 };
    let mut observed = vec![one(ObservedKind::Certificate, application.fingerprint)];
    let blobs = application.evidence.iter().filter_map(|evidence| evidence.blob.as_ref());
    let blobs = blobs.filter(|blob| held(&blob.sha256));
    observed.extend(blobs.map(|blob| one(ObservedKind::Evidence, blob.sha256)));
    if let Candidate::CrossCertificate { issuer, subject } = application.candidate {
        observed.push(one(ObservedKind::Issuer, issuer));
        observed.push(one(ObservedKind::Subject, subject));
    }
    observed.extend(profiles.into_iter().map(|digest| one(ObservedKind::Profile, digest)));
    observed.sort_unstable();
    observed.dedup();
    observed
}
