//! What the lists say of a path from a contract to a root.

use std::collections::BTreeSet;

use ctl_core::Timestamp;
use ctl_core::list::findings_of_constraints;
use ctl_core::parts::{AnchorStatus, Purpose, Use};
use ctl_pki::Certificate;
use ctl_pki::path::{self, Finding, Judge, Outcome, Signatures};

use crate::ask::Known;
use crate::sink::fingerprint;
use crate::store::TrustedAnchor;

/// A judge of paths: every certificate of it may be used, and its root is trusted here for contracts, this one among
/// them.
pub(super) struct Listed<'k> {
    pub(super) known: &'k Known,
    pub(super) wanted: Use,
    pub(super) time: Timestamp,
}

impl<'k> Listed<'k> {
    /// The root, for each list that trusts it for contracts.
    pub(super) fn anchors(&self, root: &Certificate) -> impl Iterator<Item = &'k TrustedAnchor> {
        let (own, wanted) = (fingerprint(root), self.wanted);
        let anchors = self.known.trust.anchors.iter();
        anchors.filter(move |anchor| anchor.fingerprint == own && anchor.uses.contains(&wanted))
    }

    fn not_trusted(&self, root: &Certificate) -> String {
        let listed = self.known.listed(fingerprint(root));
        let wanted = self.wanted;
        let uses: BTreeSet<&String> =
            listed.iter().filter(|line| line.trusted).flat_map(|line| &line.uses).collect();
        if !uses.is_empty() {
            let uses: Vec<&str> = uses.into_iter().map(String::as_str).collect();
            return format!("the root is listed for {}, and not for {wanted}: contracts", uses.join(", "));
        }
        let why = listed.into_iter().find_map(|line| Some((line.list, line.reason?)));
        match why {
            Some((list, reason)) => format!("the root is not trusted here: list {list}: {reason}"),
            None => "the root is not trusted here".into(),
        }
    }
}

impl Judge for Listed<'_> {
    fn name(&self) -> &str {
        "lists"
    }

    fn judge(&self, root: &Certificate, chain: &[&Certificate], _: &mut Signatures) -> Vec<Finding> {
        let found =
            |rule, outcome, position, words| Finding { rule, outcome, position, words, source: "the list" };
        let chain_places = chain.iter().enumerate().map(|(position, one)| (Some(position), *one));
        for (position, certificate) in std::iter::once((None, root)).chain(chain_places) {
            if let Some(by) = self.known.distrusted_by(certificate) {
                return vec![found("distrusted", Outcome::Failed, position, by)];
            }
        }
        let mut anchors = self.anchors(root).peekable();
        if anchors.peek().is_none() {
            return vec![found("trusted", Outcome::Failed, None, self.not_trusted(root))];
        }
        // One list that trusts it is enough; what another asks is for those who follow that one alone.
        let mut best: Option<Vec<Finding>> = None;
        for anchor in anchors {
            let purpose = Some(path::Purpose::Mo);
            let mut findings = findings_of_constraints(&anchor.limits, chain, purpose, self.time);
            if matches!(anchor.status, AnchorStatus::Warning | AnchorStatus::Deprecated) {
                let words =
                    format!("list {} says that the root is on notice: {}", anchor.list, anchor.status);
                findings.push(found("status", Outcome::Warning, None, words));
            }
            let fails = findings.iter().any(|finding| finding.outcome == Outcome::Failed);
            if !fails || best.is_none() {
                best = Some(findings);
            }
            if !fails {
                break;
            }
        }
        best.unwrap_or_default()
    }
}

/// Contracts of a standard.
pub(super) const fn contracts_of(standard: ctl_core::parts::Standard) -> Use {
    Use { standard, purpose: Purpose::Mo }
}
