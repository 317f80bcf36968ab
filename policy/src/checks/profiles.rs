//! Rules about the form of the certificate: the profiles that the policy pins are applied to it.

use ctl_pki::Certificate;

use super::{Checked, Subject, fail};
use crate::facts::{Purpose, Standard, Use};
use crate::profile::{Finding, Profile, guess, lint, profile};
use crate::{Candidate, Context, Kind, Policy, Rule, Severity};

/// The most rules of a profile that are named in a finding.
const MAX_NAMED: usize = 6;

/// The profiles that a candidate must fulfil, by name: one for each standard that it is meant for. A root
/// for charge points may carry other chains too; only one without them is a mobility operators' or
/// manufacturers' own. None at all means that it cannot be told, and then no profile is fulfilled.
pub fn profiles_of(kind: Kind, certificate_der: &[u8], context: &Context) -> Vec<String> {
    let name = |standard: Standard, base: &str| match standard {
        Standard::Iso15118_2 => base.to_owned(),
        Standard::Iso15118_20 => format!("{base}-20"),
    };
    let of_standard = |standard: Standard| {
        let uses: Vec<&Use> = context.uses.iter().filter(|one| one.standard == standard).collect();
        let has = |purpose| uses.iter().any(|one| one.purpose == purpose);
        let base = match kind {
            _ if uses.is_empty() => return None,
            Kind::CrossCertificate => "cross",
            _ if has(Purpose::V2g) => "v2g-root",
            _ if has(Purpose::Mo) => "mo-root",
            _ => "oem-root",
        };
        Some(name(standard, base))
    };
    let names: Vec<String> =
        [Standard::Iso15118_2, Standard::Iso15118_20].into_iter().filter_map(of_standard).collect();
    match kind {
        Kind::SubCa => {
            let issuer = context.issuer.as_ref().map(Certificate::der);
            guess(certificate_der, issuer).profile.into_iter().collect()
        }
        Kind::CrossCertificate if names.is_empty() => vec![name(Standard::Iso15118_2, "cross")],
        _ => names,
    }
}

/// The digests of the profiles that a policy applies to a candidate: those of [`profiles_of`] if the policy
/// has a rule about profiles and pins them.
pub fn profiles_applied(policy: &Policy, candidate: &Candidate<'_>, context: &Context) -> Vec<[u8; 32]> {
    if policy.rules().iter().all(|rule| !matches!(rule.id.as_str(), "profile" | "profile-warnings")) {
        return Vec::new();
    }
    let names = profiles_of(candidate.kind, candidate.certificate_der, context);
    let pinned = |name: &&String| policy.profiles().iter().any(|pin| pin.name == **name);
    names.iter().filter(pinned).filter_map(|name| profile(name)).map(Profile::digest).collect()
}

pub(super) fn errors(subject: &Subject<'_>, _: &Rule) -> Checked {
    applied(subject, Severity::Error)
}

pub(super) fn warnings(subject: &Subject<'_>, _: &Rule) -> Checked {
    applied(subject, Severity::Warning)
}

fn applied(subject: &Subject<'_>, severity: Severity) -> Checked {
    let names = profiles_of(subject.kind, subject.certificate.der(), subject.context);
    let what = if severity == Severity::Error { "no errors" } else { "no warnings" };
    if names.is_empty() {
        let found = "no profile: what it is for cannot be told";
        return if severity == Severity::Error {
            fail(found, format!("{what} by the profile of its kind"))
        } else {
            Ok(())
        };
    }
    let issuer = subject.context.issuer.as_ref().map(Certificate::der);
    let mut found = Vec::new();
    for name in &names {
        // A policy whose profiles are not those of this release was refused when it was read.
        let pinned = subject.policy.profiles().iter().any(|pin| pin.name == *name);
        let Some(profile) = profile(name).filter(|_| pinned) else {
            if severity == Severity::Error {
                found.push(format!("the policy pins no profile {name}"));
            }
            continue;
        };
        let broken: Vec<Finding> = lint(profile, subject.certificate.der(), issuer)
            .into_iter()
            .filter(|finding| finding.severity == severity)
            .collect();
        if let Some(text) = in_short(name, &broken) {
            found.push(text);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    fail(found.join("; "), format!("{what} by profile {}", names.join(" and ")))
}

fn in_short(name: &str, broken: &[Finding]) -> Option<String> {
    if broken.is_empty() {
        return None;
    }
    let named: Vec<String> =
        broken.iter().take(MAX_NAMED).map(|one| format!("{} ({})", one.rule, one.found)).collect();
    let more = broken.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("{name}: {}{more}", named.join(", ")))
}
