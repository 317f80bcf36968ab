//! What is open, and everything a person should know before voting on it: computed here from the log.

mod application;
mod proposal;

use ctl_core::Timestamp;
use ctl_core::names::print;
use ctl_governance::State;
use ctl_governance::application::{Application, Stage};
use ctl_governance::statement::body::{Change, Choice};
use ctl_governance::view::END_NOTICES;
use ctl_replica::Replica;
use serde::Serialize;

pub use application::ApplicationReview;
pub use proposal::ProposalReview;

use self::application::application_review;
use self::proposal::proposal_review;
use crate::applicant::cross;
use crate::auditor::sla;
use crate::output::{Render, section, table};
use crate::screening::Policies;
use crate::{AdminError, describe, exit};

/// An open application or proposal, in a row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Index of its entry: what other commands call it by.
    pub index: u64,
    /// What it is: `application`, or the kind of change.
    pub kind: String,
    /// What it is about.
    pub about: String,
    /// Where it stands.
    pub stage: String,
    /// When the present stage ends at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A draft that waits for signatures, or a notice in force.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// Number of entries in the log.
    pub size: u64,
    /// Open applications and proposals.
    pub open: Vec<Row>,
    /// Notices in force, in lines.
    pub notices: Vec<String>,
    /// Certificates that end within two years, when they leave their lists by themselves, in lines.
    pub ending: Vec<String>,
    /// Drafts that can be signed, in lines.
    pub drafts: Vec<String>,
    /// Requests for cross-certificates that nobody has answered, in lines.
    pub requests: Vec<String>,
    /// Breaches of service levels that are not over, in lines.
    pub breaches: Vec<String>,
}

impl Render for Overview {
    fn text(&self) -> String {
        let mut text = format!("log of {} entries, verified and replayed\n", self.size);
        if self.open.is_empty() {
            text += "nothing is open\n";
        } else {
            let rows = self.open.iter().map(|row| {
                let until = row.until.map(|time| time.to_string()).unwrap_or_default();
                vec![row.index.to_string(), row.kind.clone(), row.about.clone(), row.stage.clone(), until]
            });
            text += &table(&["id", "what", "about", "stage", "until"], rows);
        }
        text + &section("notices in force:", &self.notices)
            + &section("certificates that end and leave their lists by themselves:", &self.ending)
            + &section("drafts to sign:", &self.drafts)
            + &section("requests for cross-certificates:", &self.requests)
            + &section("breaches of service levels:", &self.breaches)
    }
}

/// Lists what is open.
///
/// # Errors
/// The log cannot be had or does not hold.
pub async fn overview(session: &mut Replica) -> Result<Overview, AdminError> {
    let now = session.now();
    let replayed = session.sync().await?;
    let state = replayed.at(now);
    let applications = state.applications.values().filter(|application| application.is_open());
    let mut open: Vec<Row> =
        applications.map(|application| application_row(&state, application, now)).collect();
    let proposals = state.open_proposals.iter().filter_map(|index| state.proposals.get(index));
    open.extend(proposals.map(|proposal| Row {
        index: proposal.index,
        kind: describe::kind(&proposal.change),
        about: describe::change(&state, &proposal.change).into_iter().next().unwrap_or_default(),
        stage: format!("voting, {} of {} approvals", proposal.count(Choice::Approve), proposal.quorum),
        until: Some(proposal.closes_at),
    }));
    open.sort_by_key(|row| row.index);
    let notices = state.notices.values().filter(|notice| notice.in_force());
    let notices = notices.map(|notice| {
        format!(
            "{}: {} on list {} until {}",
            notice.index,
            describe::anchor_name(&state, &notice.list, &notice.anchor),
            notice.list,
            notice.expires_at
        )
    });
    let [two_years, ninety_days] = END_NOTICES;
    let ending = state.ending(now, two_years);
    let ending = ending.into_iter().map(|(list, listed)| {
        let soon = if listed.not_after <= now.plus_seconds(ninety_days) { ", within 90 days" } else { "" };
        let name = describe::anchor_name(&state, list, &listed.fingerprint);
        format!("{name} on list {list}: at {}{soon}", listed.not_after)
    });
    let drafts = state.drafts.iter().filter(|(role, draft)| {
        state.published.get(*role).is_none_or(|published| published.draft != draft.index)
    });
    let drafts =
        drafts.map(|(role, draft)| format!("{role} version {} (draft {})", draft.open.version, draft.index));
    let requests = state.cross_open.iter().filter_map(|index| state.cross_requests.get(index));
    let requests = requests.map(|request| cross::words(&state, request, now));
    Ok(Overview {
        size: state.size(),
        open,
        notices: notices.collect(),
        ending: ending.collect(),
        drafts: drafts.collect(),
        requests: requests.collect(),
        breaches: sla::breach_lines(&state, now, true),
    })
}

fn application_row(state: &State, application: &Application, now: Timestamp) -> Row {
    let seconds = state.discussion_seconds(&application.list);
    let stage = application.stage(now, seconds);
    let until = match stage {
        Stage::Discussion => application.discussed_until(seconds),
        _ => None,
    };
    Row {
        index: application.index,
        kind: "application".into(),
        about: format!(
            "{} of {} for list {}",
            print::name(application.name.as_str()),
            application.applicant,
            application.list
        ),
        stage: word(&stage),
        until,
    }
}

/// A unit variant's name in JSON.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Everything about one application or proposal.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Review {
    /// An application.
    Application(Box<ApplicationReview>),
    /// A proposal.
    Proposal(Box<ProposalReview>),
}

impl Render for Review {
    fn text(&self) -> String {
        match self {
            Self::Application(review) => review.text(),
            Self::Proposal(review) => review.text(),
        }
    }

    /// The exit status that goes with it: [`exit::NO`] where a recorded screening cannot be relied on.
    fn exit_code(&self) -> u8 {
        let application = match self {
            Self::Application(review) => Some(&**review),
            Self::Proposal(review) => review.application.as_ref(),
        };
        if application.is_none_or(ApplicationReview::is_sound) { exit::DONE } else { exit::NO }
    }
}

/// Reviews an application or proposal by the index of its entry.
///
/// # Errors
/// There is none, the policy is not at hand, or the log does not hold.
pub async fn one(session: &mut Replica, index: u64, policies: &Policies) -> Result<Review, AdminError> {
    let now = session.now();
    let state = session.sync().await?.at(now).into_owned();
    let policies = policies.for_scheme(session.transport(), &state).await?;
    let replayed = session.log()?;
    if let Some(application) = state.applications.get(&index) {
        let review = application_review(replayed, &state, application, &policies, now)?;
        return Ok(Review::Application(Box::new(review)));
    }
    let Some(proposal) = state.proposals.get(&index) else {
        return Err(AdminError::input(index, "is the entry of neither an application nor a proposal"));
    };
    let application = match &proposal.change {
        Change::Admit { application, .. } | Change::AdmitCross { application, .. } => {
            state.applications.get(application)
        }
        _ => None,
    };
    let application =
        application.map(|found| application_review(replayed, &state, found, &policies, now)).transpose()?;
    Ok(Review::Proposal(Box::new(proposal_review(&state, proposal, application))))
}
