//! Step 6: the electors vote, one vote for each organisation.

use ctl_admin::ctl_core::names::RuleId;
use ctl_admin::ctl_governance::application::Stage;
use ctl_admin::ctl_governance::state::Outcome;
use ctl_admin::ctl_governance::statement::body::Choice;
use ctl_admin::ctl_governance::statement::parts::Severity;
use ctl_admin::elector::proposal::{Admission, CastVote, Propose, Proposed, Scrutiny};
use ctl_admin::signing::Ask as _;

use super::applications::{parse, screened};
use crate::people::{ELECTORS, People, index, refused};
use crate::tour::Tour;
use crate::{Problem, wait};

/// All five are admitted.
pub(crate) async fn admit(
    tour: &mut Tour,
    people: &mut People,
    applications: &[(String, u64)],
) -> Result<(), Problem> {
    tour.begin("Votes", "proposals");
    for (number, (name, application)) in applications.iter().enumerate() {
        let errors: Vec<RuleId> = screened(people, *application)
            .await?
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(|found| parse(&found.id))
            .collect::<Result<_, Problem>>()?;
        discussed(people, *application).await?;
        let application = *application;
        let admit = |waived| Proposed::Admit(Admission { application, waived, ..Admission::default() });
        if !errors.is_empty() {
            let signing = people.signing(&["elector-alpha"])?;
            let hasty = Propose { proposed: admit(Vec::new()), rationale: None };
            let detail = refused(hasty.run(people.session("elector-alpha")?, &signing).await, "stage")?;
            tour.say(format!("refused: a vote on {name} over an error ({detail})"));
        }
        let waives = !errors.is_empty();
        let rationale = waives.then_some("Its operator has promised the address of the CRL by letter.");
        let proposal = propose(people, admit(errors), rationale).await?;
        if number == 0 {
            tour.say("the discussion is over; an elector puts each root to the vote");
            vote(people, "elector-alpha", proposal, Choice::Approve, None).await?;
            let session = people.signing(&["elector-alpha-deputy"])?;
            let (choice, scrutiny) = (Choice::Approve, Scrutiny::default());
            let second = CastVote { proposal, choice, rationale: None, scrutiny };
            let outcome = second.run(people.session("elector-alpha-deputy")?, &session).await;
            let detail = refused(outcome, "organisation-voted")?;
            tour.say(format!("refused: a second vote from one organisation ({detail})"));
        }
        let Vote { approvals, .. } =
            everyone(people, proposal, Choice::Approve, None, &Outcome::Accepted).await?;
        let waived = if waives { "; they waive the error" } else { "" };
        tour.say(format!("{name:<8} is admitted: {approvals} organisations approve, 3 are needed{waived}"));
    }
    tour.see("v1/proposals");
    Ok(())
}

/// Waits until the discussion of an application is over.
pub(crate) async fn discussed(people: &mut People, application: u64) -> Result<(), Problem> {
    let session = people.session("elector-alpha")?;
    wait::until(format!("the end of the discussion of application {application}"), async || {
        session.sync().await?;
        let now = session.now();
        let state = &session.log()?.state();
        let Some(found) = state.applications.get(&application) else { return Ok(None) };
        let over = found.stage(now, state.discussion_seconds(&found.list)) == Stage::Discussed;
        Ok(over.then_some(()))
    })
    .await
}

/// An elector puts something to the vote; gives the proposal's index.
pub(crate) async fn propose(
    people: &mut People,
    proposed: Proposed,
    rationale: Option<&str>,
) -> Result<u64, Problem> {
    let signing = people.signing(&["elector-alpha"])?;
    let propose = Propose { proposed, rationale: rationale.map(str::to_owned) };
    index(propose.run(people.session("elector-alpha")?, &signing).await?)
}

async fn vote(
    people: &mut People,
    elector: &str,
    proposal: u64,
    choice: Choice,
    rationale: Option<&str>,
) -> Result<u64, Problem> {
    let signing = people.signing(&[elector])?;
    let (rationale, scrutiny) = (rationale.map(str::to_owned), Scrutiny::default());
    let vote = CastVote { proposal, choice, rationale, scrutiny };
    index(vote.run(people.session(elector)?, &signing).await?)
}

/// How a vote ended.
pub(crate) struct Vote {
    /// Organisations that approved.
    pub(crate) approvals: u32,
    /// Index of the last vote's entry, which decided.
    pub(crate) decided: u64,
}

/// Every organisation votes the same, which ends the vote.
pub(crate) async fn everyone(
    people: &mut People,
    proposal: u64,
    choice: Choice,
    rationale: Option<&str>,
    expected: &Outcome,
) -> Result<Vote, Problem> {
    let mut decided = proposal;
    for elector in ELECTORS {
        decided = vote(people, elector, proposal, choice, rationale).await?;
    }
    // The last vote may be recorded a little before it is served.
    let decision = wait::until(format!("the decision of proposal {proposal}"), async || {
        let state = people.session("elector-delta")?.sync().await?.state();
        Ok(state.proposals.get(&proposal).and_then(|proposal| proposal.decision.clone()))
    })
    .await?;
    if decision.outcome != *expected {
        return Err(Problem::Unexpected(format!("proposal {proposal} ended otherwise: {decision:?}")));
    }
    Ok(Vote { approvals: decision.approvals, decided })
}
