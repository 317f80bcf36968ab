//! What the rule sets of ISO 15118 say of roots and cross-certificates by themselves: ctl-pki's rules,
//! asked about a path that ends with them.

use ctl_core::Timestamp;
use ctl_core::parts::Standard;
use ctl_pki::Certificate;
use ctl_pki::path::{Finding, Judge as _, Outcome, Rules, Signatures};

/// The most certificates below the vehicle's root, leaf and cross-certificates counted.
pub(super) fn most_below_root(standard: Standard) -> usize {
    standard.rule_set().max_depth().unwrap_or(usize::MAX)
}

/// What is not kept in a path, as far as certificates alone tell.
fn failures(
    anchor: &Certificate,
    chain: &[&Certificate],
    standard: Standard,
    at: Timestamp,
) -> impl Iterator<Item = Finding> {
    let rules = Rules { set: standard.rule_set(), purpose: None, time: at.unix() };
    let findings = rules.judge(anchor, chain, &mut Signatures::with_limit(0));
    findings.into_iter().filter(|finding| finding.outcome == Outcome::Failed)
}

/// What the standard has against a root, its own validity aside.
pub(super) fn problem_of_root(root: &Certificate, standard: Standard, at: Timestamp) -> Option<String> {
    failures(root, &[], standard, at).find(|finding| finding.rule != "anchor-validity").map(words)
}

/// What the standard has against a cross-certificate below its issuer.
pub(super) fn problem_of_cross(
    issuer: &Certificate,
    cross: &Certificate,
    standard: Standard,
    at: Timestamp,
) -> Option<String> {
    failures(issuer, &[cross], standard, at).find(|finding| finding.position == Some(0)).map(words)
}

/// Whether a certificate's key is one of the standard.
pub(super) fn is_of(certificate: &Certificate, standard: Standard, at: Timestamp) -> bool {
    !failures(certificate, &[], standard, at).any(|finding| finding.rule == "suite")
}

fn words(finding: Finding) -> String {
    format!("{} ({})", finding.words, finding.source)
}
