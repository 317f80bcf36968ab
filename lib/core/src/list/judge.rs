//! What a list says of a path that ends in one of its anchors: a judge beside RFC 5280 and the rules of ISO 15118.

use ctl_pki::Certificate;
use ctl_pki::path::{self, Finding, Judge, Outcome, Signatures};

use super::{ListAnchor, findings_of_constraints};
use crate::parts::{AnchorStatus, DistrustKind, Distrusted, Purpose, Standard, Use};
use crate::{Digest, Timestamp};

const SOURCE: &str = "the list";

/// A list as a judge of paths, for the standard and the purpose that a path is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct ListJudge<'l> {
    /// How the verdict names it.
    pub name: &'l str,
    /// Its anchors, in whatever status.
    pub anchors: &'l [ListAnchor],
    pub distrusted: &'l [Distrusted],
    /// Any, if none.
    pub standard: Option<Standard>,
    /// What the leaf is for. Without, a leaf is refused; only of a CA it may stay open.
    pub purpose: Option<path::Purpose>,
    pub time: Timestamp,
}

impl Judge for ListJudge<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn judge(
        &self,
        anchor: &Certificate,
        chain: &[&Certificate],
        _signatures: &mut Signatures,
    ) -> Vec<Finding> {
        let mut findings = self.distrusted(anchor, chain);
        let fingerprint = Digest::from_bytes(anchor.sha256());
        match self.anchors.iter().find(|listed| listed.fingerprint == fingerprint) {
            Some(listed) => {
                findings.push(status(listed.status));
                let is_ca = chain.last().is_none_or(|leaf| leaf.is_ca());
                findings.push(self.is_for(&listed.uses, is_ca));
                if let Some(name) = listed.constraints.unknown_critical() {
                    let words =
                        format!("its critical constraint {name:?} cannot be honoured by this release");
                    findings.push(found("constraint", Outcome::Failed, None, words));
                }
                let (of, purpose) = (&listed.constraints, self.purpose);
                findings.extend(findings_of_constraints(of, chain, purpose, self.time));
            }
            None => findings.push(found(
                "listed",
                Outcome::Warning,
                None,
                "the anchor is not on the list; it was given beside it".to_owned(),
            )),
        }
        findings
    }
}

impl ListJudge<'_> {
    fn distrusted(&self, anchor: &Certificate, chain: &[&Certificate]) -> Vec<Finding> {
        let chain = chain.iter().enumerate().map(|(position, certificate)| (Some(position), *certificate));
        let all = std::iter::once((None, anchor)).chain(chain);
        all.filter_map(|(position, certificate)| {
            let distrusted = self.distrusted.iter().find(|entry| match entry.kind {
                DistrustKind::Certificate => *entry.sha256.as_bytes() == certificate.sha256(),
                DistrustKind::Spki => *entry.sha256.as_bytes() == certificate.spki_sha256(),
            })?;
            let what = match distrusted.kind {
                DistrustKind::Certificate => "certificate",
                DistrustKind::Spki => "key",
            };
            let words = format!("the list distrusts this {what} ({})", distrusted.sha256.short());
            Some(found("distrusted", Outcome::Failed, position, words))
        })
        .collect()
    }

    fn is_for(&self, uses: &[Use], is_ca: bool) -> Finding {
        let purpose = self.purpose.map(Purpose::from);
        let fits = |one: &&Use| {
            self.standard.is_none_or(|standard| one.standard == standard)
                && purpose.is_none_or(|purpose| one.purpose == purpose)
        };
        let listed = uses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (outcome, words) = match uses.iter().find(fits) {
            None => {
                let asked = self.purpose.map_or("what is asked", path::Purpose::words);
                (Outcome::Failed, format!("the anchor is listed for {listed}, not for {asked}"))
            }
            // Only of a CA it may stay open: an unknown purpose is refused.
            Some(_) if purpose.is_none() => (
                if is_ca { Outcome::Warning } else { Outcome::Failed },
                format!("the anchor is listed for {listed}; what the certificate is for is not known"),
            ),
            Some(one) => (Outcome::Passed, format!("the anchor is listed for {one}")),
        };
        found("use", outcome, None, words)
    }
}

fn status(status: AnchorStatus) -> Finding {
    let (outcome, words) = match status {
        AnchorStatus::Qualified => (Outcome::Passed, "it is listed, and devices are still taking it up"),
        AnchorStatus::Usable => (Outcome::Passed, "it is listed"),
        AnchorStatus::Warning => (Outcome::Warning, "it is on notice: trusted for now"),
        AnchorStatus::Deprecated => (Outcome::Warning, "it is deprecated: nothing new is trusted"),
        AnchorStatus::Suspended | AnchorStatus::Withdrawn => (Outcome::Failed, "it is not trusted"),
        AnchorStatus::Expired => (Outcome::Failed, "its certificate has ended"),
    };
    found("status", outcome, None, format!("the anchor is {status}: {words}"))
}

fn found(rule: &'static str, outcome: Outcome, position: Option<usize>, words: String) -> Finding {
    Finding { rule, outcome, position, words, source: SOURCE }
}
