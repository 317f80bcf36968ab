//! Everything about one proposal.

use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::state::{Outcome, Proposal};
use ctl_governance::statement::body::Choice;
use serde::Serialize;

use super::{ApplicationReview, word};
use crate::describe;
use crate::difference::{self, Change};
use crate::output::{Render, section, table};

/// Everything about one proposal.
#[derive(Clone, Debug, Serialize)]
pub struct ProposalReview {
    /// Index of its entry.
    pub index: u64,
    /// The kind of change.
    pub kind: String,
    /// Who opened it.
    pub author: String,
    /// What a vote names.
    pub leaf_hash: Digest,
    /// When voting ends at the latest.
    pub closes_at: Timestamp,
    /// What would be different, in words.
    pub difference: Vec<String>,
    /// The proposal in full: of a charter every difference from the one in force, else every member of the change.
    pub in_full: Vec<Change>,
    /// Why: a blob's access and digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// Approvals needed.
    pub quorum: u32,
    /// Approvals so far, by organisation.
    pub approvals: u32,
    /// Each elector and its vote.
    pub votes: Vec<(String, String)>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The application that it would decide on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationReview>,
}

impl Render for ProposalReview {
    fn text(&self) -> String {
        let mut text = format!("proposal {} by {}: {}\n", self.index, self.author, self.kind);
        text += &section("if accepted:", &self.difference);
        text += &section("in full:", &difference::text(&self.in_full));
        text += &self.rationale.as_ref().map(|blob| format!("rationale: {blob}\n")).unwrap_or_default();
        match &self.decision {
            Some(decision) => text += &format!("{decision}\n"),
            None => {
                text += &format!(
                    "voting until {}; {} of {} approvals\n",
                    self.closes_at, self.approvals, self.quorum
                );
            }
        }
        text += &table(
            &["elector", "vote"],
            self.votes.iter().map(|(who, vote)| vec![who.clone(), vote.clone()]),
        );
        text += &format!("leaf hash {}\n", self.leaf_hash);
        match &self.application {
            Some(application) => text + "\n" + &application.text(),
            None => text,
        }
    }
}

pub(super) fn proposal_review(
    state: &State,
    proposal: &Proposal,
    application: Option<ApplicationReview>,
) -> ProposalReview {
    let votes = proposal.electorate.iter().map(|(elector, organisation)| {
        let vote = if proposal.recused.contains(elector) {
            "recused".to_owned()
        } else if proposal.struck.contains(elector) {
            "struck".to_owned()
        } else {
            proposal.votes.get(elector).map_or_else(|| "-".to_owned(), |vote| word(&vote.choice))
        };
        (format!("{elector} ({organisation})"), vote)
    });
    let decision = proposal.decision.as_ref().map(|decision| {
        let outcome = match &decision.outcome {
            Outcome::Accepted => "accepted".to_owned(),
            Outcome::Rejected => "rejected".to_owned(),
            Outcome::Lapsed(why) => format!("lapsed: {why}"),
        };
        format!("{outcome} at {} with {} of {} approvals", decision.at, decision.approvals, proposal.quorum)
    });
    ProposalReview {
        index: proposal.index,
        kind: describe::kind(&proposal.change),
        author: proposal.author.to_string(),
        leaf_hash: proposal.leaf_hash,
        closes_at: proposal.closes_at,
        difference: describe::change(state, &proposal.change),
        in_full: describe::in_full(state, &proposal.change),
        rationale: proposal.rationale.as_ref().map(describe::blob),
        quorum: proposal.quorum,
        approvals: proposal.count(Choice::Approve),
        votes: votes.collect(),
        decision,
        application,
    }
}
