//! The decision: a pure function, and the table of docs/vehicle-and-charger.md.

use std::cmp::Reverse;

use ctl_core::emaid::Emaid;
use ctl_core::names::MoId;
use ctl_core::parts::Standard;

use super::answer;
use super::{Contract, LeftOut, Offer, Plan, Preferences, Present, Step, Told};

/// A contract that may be presented.
struct Candidate<'c> {
    contract: &'c Contract,
    emaid: Emaid,
    mo_id: MoId,
    reasons: Vec<String>,
    /// Whether the answer over UDP names its operator.
    is_hinted: bool,
}

/// Decides what to present.
#[must_use]
pub fn decide(contracts: &[Contract], told: &Told, preferences: &Preferences) -> Plan {
    let mut candidates = Vec::new();
    let mut left_out = Vec::new();
    for contract in contracts {
        match consider(contract, told, preferences) {
            Ok(candidate) => candidates.push(candidate),
            Err(reasons) => left_out.push(LeftOut {
                name: contract.name.clone(),
                emaid: contract.verdict.emaid.clone(),
                reasons,
            }),
        }
    }
    candidates.sort_by_key(|candidate| {
        let wanted = preferences.rank(candidate.contract);
        let (first, second) = match (preferences.owner_first, candidate.is_hinted) {
            (true, hinted) => (wanted, usize::from(!hinted)),
            (false, hinted) => (usize::from(!hinted), wanted),
        };
        // The one that holds longer is less likely to be over by the charger's clock.
        let ends = candidate.contract.verdict.chain.iter().map(|member| member.not_after).min();
        (first, second, Reverse(ends), candidate.contract.name.clone())
    });
    let mut steps: Vec<Step> = candidates.into_iter().map(|candidate| step(candidate, preferences)).collect();
    steps.push(Step { present: Present::Eim, reasons: vec![eim(&steps, told)] });
    Plan { steps, left_out, if_refused: answer::if_refused(told.standard) }
}

fn consider<'c>(
    contract: &'c Contract,
    told: &Told,
    preferences: &Preferences,
) -> Result<Candidate<'c>, Vec<String>> {
    let verdict = &contract.verdict;
    if !verdict.is_accepted() {
        let refusals = verdict.reasons.iter().filter(|reason| reason.refuses);
        return Err(refusals.map(|reason| format!("{}: {}", reason.code, reason.what)).collect());
    }
    // An accepted contract has both.
    let (Some(emaid), Some(mo_id)) = (contract.emaid(), contract.mo_id()) else {
        return Err(vec!["it names no operator".into()]);
    };
    let mut against = Vec::new();
    if told.is_plain {
        against.push("the session has no TLS: Plug & Charge is never done without".to_owned());
    }
    if let Some(standard) = told.standard
        && standard != contract.standard()
    {
        against.push(format!("its keys are those of {}, and the session is {standard}", contract.standard()));
    }
    if preferences.never.iter().any(|one| one.is(contract)) {
        against.push("the owner never wants it".into());
    }
    if let Some((_, code)) = told.refused.iter().find(|(name, _)| *name == contract.name) {
        against.push(format!("this charger has refused it: {code}"));
    }
    let mut reasons = vec![format!("the lists trust it ({mo_id})")];
    let inside = [(&told.vas, "service 64"), (&told.providers, "SupportedProviders")];
    for (offer, name) in inside.into_iter().filter_map(|(offer, name)| Some((offer.as_ref()?, name))) {
        match (offer.names(&mo_id), offer.incomplete()) {
            (true, _) => reasons.push(format!("the charger supports {mo_id}, by {name} inside TLS")),
            (false, None) => {
                against.push(format!("the charger does not support {mo_id}, by {name} inside TLS"))
            }
            (false, Some(why)) => {
                reasons.push(format!("{name} does not name {mo_id}, which excludes nothing: {why}"));
            }
        }
    }
    if !against.is_empty() {
        return Err(against);
    }
    let is_hinted = told.udp.as_ref().is_some_and(|offer| offer.names(&mo_id));
    reasons.extend(hint(told.udp.as_ref(), &mo_id));
    Ok(Candidate { contract, emaid, mo_id, reasons, is_hinted })
}

fn hint(udp: Option<&Offer>, mo_id: &MoId) -> Option<String> {
    let udp = udp?;
    Some(match udp.names(mo_id) {
        true => format!("the answer over UDP names {mo_id}"),
        false => format!(
            "the answer over UDP does not name {mo_id}; anybody may have sent that, so it only comes later"
        ),
    })
}

fn step(candidate: Candidate<'_>, preferences: &Preferences) -> Step {
    let Candidate { contract, emaid, mo_id, mut reasons, .. } = candidate;
    match preferences.rank(contract) {
        usize::MAX => {}
        at => reasons.push(format!("the owner's choice number {}", at.saturating_add(1))),
    }
    let notes = contract.verdict.reasons.iter().filter(|reason| !reason.refuses);
    reasons.extend(notes.map(|reason| format!("{}: {}", reason.code, reason.what)));
    let name = contract.name.clone();
    Step { present: Present::Contract { name, emaid: emaid.to_string(), mo_id }, reasons }
}

fn eim(before: &[Step], told: &Told) -> String {
    let why = match (before.is_empty(), told.is_plain, told.standard) {
        (false, _, _) => {
            "if no contract is accepted, the driver identifies at the charger: card, app or bank card"
        }
        (true, true, _) => "without TLS there is no Plug & Charge: the driver identifies at the charger",
        (true, false, Some(Standard::Iso15118_20)) => {
            "no contract can work here: offer EIM in AuthorizationReq, and the driver identifies at the charger"
        }
        (true, false, _) => {
            "no contract can work here: choose ExternalPayment in PaymentServiceSelectionReq, and the driver identifies \
             at the charger"
        }
    };
    why.to_owned()
}
