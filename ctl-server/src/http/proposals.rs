//! `/v1/proposals`: present and past proposals, who may vote, who did, and how they ended.

use ctl_governance::state::{Outcome, Proposal};
use ctl_serve::{Call, Page, Problem, answer};
use serde_json::{Value, json};
use warp::reply::Response;

use super::App;

pub(super) async fn list(app: App, call: Call) -> Result<Response, Problem> {
    let page: Page<u64> = call.query()?;
    let (state, _) = app.view();
    let first = page.after.map_or(0, |after| after.saturating_add(1));
    let items = state.proposals.range(first..).map(|(index, proposal)| (*index, one(proposal)));
    Ok(answer::json(&page.of("proposals", items)))
}

fn one(proposal: &Proposal) -> Value {
    let votes: Vec<Value> = proposal
        .votes
        .iter()
        .map(|(elector, vote)| json!({ "elector": elector, "choice": vote.choice, "entry": vote.index }))
        .collect();
    let decision = proposal.decision.as_ref().map(|decision| {
        let (outcome, why) = match &decision.outcome {
            Outcome::Accepted => ("accepted", None),
            Outcome::Rejected => ("rejected", None),
            Outcome::Lapsed(why) => ("lapsed", Some(why)),
        };
        json!({ "outcome": outcome, "why": why, "at": decision.at, "approvals": decision.approvals })
    });
    json!({
        "proposal": proposal.index,
        "leaf_hash": proposal.leaf_hash,
        "author": proposal.author,
        "change": proposal.change,
        "opened_at": proposal.opened_at,
        "closes_at": proposal.closes_at,
        "electors": proposal.electorate.keys().collect::<Vec<_>>(),
        "recused": proposal.recused,
        "struck": proposal.struck,
        "quorum": proposal.quorum,
        "votes": votes,
        "decision": decision,
    })
}
