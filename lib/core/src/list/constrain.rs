//! What the constraints that a list puts on an anchor mean for one path that ends in it.

use ctl_pki::Certificate;
use ctl_pki::path::{Finding, Outcome, Purpose};
use serde::Deserialize as _;

use crate::Timestamp;
use crate::emaid::Emaid;
use crate::names::MoId;
use crate::parts::Constraints;

/// Applies them, known ones only: an anchor with a critical one that is unknown must not come so far. `chain` runs from
/// the anchor's child to the leaf; `purpose` is what the leaf is for, and not to know it is no way around a constraint.
#[must_use]
pub fn findings_of_constraints(
    constraints: &Constraints,
    chain: &[&Certificate],
    purpose: Option<Purpose>,
    time: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(end) = constraints.time(Constraints::NOT_TRUSTED_AFTER) {
        let words = format!("the anchor is trusted until {end}");
        findings.push(found("not-trusted-after", failed_if(time >= end), None, words));
    }
    if let Some(end) = constraints.time(Constraints::NOT_ISSUED_AFTER) {
        let late = chain.iter().position(|certificate| certificate.not_before() > end.unix());
        let words = match late.and_then(|position| chain.get(position)) {
            Some(certificate) => format!(
                "nothing issued after {end} is trusted, and this was on {}",
                Timestamp::from_unix(certificate.not_before())
            ),
            None => format!("nothing issued after {end} is trusted, and nothing here was"),
        };
        findings.push(found("not-issued-after", failed_if(late.is_some()), late, words));
    }
    findings.extend(mo_ids(constraints, chain, purpose));
    findings
}

fn mo_ids(constraints: &Constraints, chain: &[&Certificate], purpose: Option<Purpose>) -> Option<Finding> {
    let ids = constraints.0.get(Constraints::MO_IDS)?;
    let leaf = chain.last();
    match purpose {
        Some(Purpose::Mo) => {
            let ids = Vec::<MoId>::deserialize(&ids.value).unwrap_or_default();
            let emaid = leaf.and_then(|leaf| leaf.common_name()).and_then(Emaid::read);
            let allowed = emaid.is_some_and(|emaid| ids.contains(emaid.mo_id()));
            let names: Vec<_> = ids.iter().map(MoId::as_str).collect();
            let words = format!("the anchor is trusted for contracts of {} only", names.join(", "));
            Some(found("mo-ids", failed_if(!allowed), chain.len().checked_sub(1), words))
        }
        Some(_) => None,
        None => {
            let words = "the anchor is trusted for contracts of some operators only, and what the certificate is \
                         for is not known";
            let is_ca = leaf.is_none_or(|leaf| leaf.is_ca());
            let outcome = if is_ca { Outcome::Warning } else { Outcome::Failed };
            Some(found("mo-ids", outcome, None, words.to_owned()))
        }
    }
}

fn failed_if(failed: bool) -> Outcome {
    if failed { Outcome::Failed } else { Outcome::Passed }
}

fn found(rule: &'static str, outcome: Outcome, position: Option<usize>, words: String) -> Finding {
    Finding { rule, outcome, position, words, source: "the list" }
}
