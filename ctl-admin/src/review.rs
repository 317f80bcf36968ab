//! What is open, and everything a person should know before voting on it: computed here from the log.

use ctl_core::governance::State;
use ctl_core::governance::application::{Application, Evidence, Stage};
use ctl_core::governance::state::{Outcome, Proposal};
use ctl_core::statement::Body;
use ctl_core::statement::body::{Candidate, Change, Choice};
use ctl_core::statement::parts::{Observed, ObservedKind};
use ctl_core::{Digest, Timestamp, interop};
use serde::Serialize;

use crate::output::{Render, section, table};
use crate::screening::{self, Policies, Recomputed};
use crate::session::Replayed;
use crate::{AdminError, Session, cross, describe, sla};

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
            + &section("drafts to sign:", &self.drafts)
            + &section("requests for cross-certificates:", &self.requests)
            + &section("breaches of service levels:", &self.breaches)
    }
}

/// Lists what is open.
///
/// # Errors
/// The log cannot be had or does not hold.
pub async fn overview(session: &mut Session) -> Result<Overview, AdminError> {
    let now = session.now();
    let replayed = session.sync().await?;
    let state = replayed.at(now);
    let applications = state.applications.values().filter(|application| application.is_open());
    let mut open: Vec<Row> =
        applications.map(|application| application_row(&state, application, now)).collect();
    let proposals = state.open_proposals.iter().filter_map(|index| state.proposals.get(index));
    open.extend(proposals.map(|proposal| Row {
        index: proposal.index,
        kind: describe::kind(&proposal.change).into(),
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
    let drafts = state.drafts.iter().filter(|(role, draft)| {
        state.published.get(*role).is_none_or(|published| published.draft != draft.index)
    });
    let drafts =
        drafts.map(|(role, draft)| format!("{role} version {} (draft {})", draft.open.version, draft.index));
    let requests = state.cross_open.iter().filter_map(|index| state.cross_requests.get(index));
    let requests = requests.map(|request| cross::words(&state, request, now));
    let breaches = state.open_breaches.values().filter_map(|index| state.breaches.get(index));
    let breaches = breaches.map(|breach| sla::breach_words(breach, now));
    Ok(Overview {
        size: state.size(),
        open,
        notices: notices.collect(),
        drafts: drafts.collect(),
        requests: requests.collect(),
        breaches: breaches.collect(),
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
            "{:?} of {} for list {}",
            application.name.as_str(),
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

/// Everything about one application.
#[derive(Clone, Debug, Serialize)]
pub struct ApplicationReview {
    /// Where it stands.
    #[serde(flatten)]
    pub row: Row,
    /// SHA-256 of the certificate: compare it over a second channel.
    pub fingerprint: Digest,
    /// Subject, validity and key of the certificate.
    pub certificate: Vec<String>,
    /// What it asks for.
    pub asks: Vec<String>,
    /// What speaks for it.
    pub evidence: Vec<String>,
    /// Required evidence that is missing.
    pub missing_evidence: Vec<String>,
    /// Comments.
    pub comments: Vec<String>,
    /// What the record of the screening says.
    pub recorded_findings: Vec<String>,
    /// What the same policy finds here, at the same time and size of the ledger.
    pub computed_findings: Vec<String>,
    /// Whether the two are the same; none if there is nothing to compare.
    pub findings_agree: Option<bool>,
    /// What is different between them.
    pub findings_differ: Vec<String>,
    /// Why the screening cannot be computed again here, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_recomputable: Option<String>,
    /// What has changed since the screening: the server will screen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outdated: Option<String>,
    /// What the policy finds now, if that is something else.
    pub findings_now: Vec<String>,
    /// Of a cross-certificate: what it would newly make possible, and where it would not.
    pub effects: Vec<String>,
}

impl Render for ApplicationReview {
    fn text(&self) -> String {
        let Row { index, about, stage, until, .. } = &self.row;
        let until = until.map(|time| format!(" until {time}")).unwrap_or_default();
        let mut text =
            format!("application {index}: {about}\nstage {stage}{until}\nSHA-256 {}\n", self.fingerprint);
        text += &section("certificate:", &self.certificate);
        text += &section("asks for:", &self.asks);
        text += &section("evidence:", &self.evidence);
        text += &section("missing evidence:", &self.missing_evidence);
        text += &section("comments:", &self.comments);
        match (self.findings_agree, &self.not_recomputable) {
            (None, Some(why)) => {
                text += &section("the record of the screening says:", &self.recorded_findings);
                text += &format!("not recomputable: {why}\n");
            }
            (None, None) => text += "not screened yet\n",
            (Some(true), _) if self.computed_findings.is_empty() => {
                text += "screening found nothing; computed again here with the same result\n";
            }
            (Some(true), _) => {
                text += &section("screening found, and computed again here:", &self.computed_findings);
            }
            (Some(false), _) => {
                text += "THE RECORD OF THE SCREENING IS NOT WHAT THE POLICY FINDS\n";
                text += &section("difference:", &self.findings_differ);
                text += &section("recorded:", &self.recorded_findings);
                text += &section("computed here:", &self.computed_findings);
            }
        }
        if let Some(why) = &self.outdated {
            text += &format!("since then {why}: the server screens it again\n");
        }
        text += &section("the policy finds now:", &self.findings_now);
        text + &section("on the list, it would have these effects:", &self.effects)
    }
}

/// Everything about one proposal.
#[derive(Clone, Debug, Serialize)]
pub struct ProposalReview {
    /// Index of its entry.
    pub index: u64,
    /// The kind of change.
    pub kind: &'static str,
    /// Who opened it.
    pub author: String,
    /// What a vote names.
    pub leaf_hash: Digest,
    /// When voting ends at the latest.
    pub closes_at: Timestamp,
    /// What would be different.
    pub difference: Vec<String>,
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
}

/// Reviews an application or proposal by the index of its entry.
///
/// # Errors
/// There is none, the policy is not at hand, or the log does not hold.
pub async fn one(session: &mut Session, index: u64, policies: &Policies) -> Result<Review, AdminError> {
    let now = session.now();
    let state = session.sync().await?.at(now).into_owned();
    let policies = at_hand(session, &state, policies).await?;
    let replayed = session.replayed()?;
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

/// The policies of all lists and screenings, fetched where they are missing.
async fn at_hand(session: &Session, state: &State, policies: &Policies) -> Result<Policies, AdminError> {
    let mut policies = policies.clone();
    let screenings = state.applications.values().filter_map(|application| application.screening.as_ref());
    let of_screenings = screenings.map(|screening| &screening.policy);
    for reference in state.charter.lists.values().map(|list| &list.policy).chain(of_screenings) {
        policies.obtain(session.transport(), reference).await?;
    }
    Ok(policies)
}

fn proposal_review(
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
        quorum: proposal.quorum,
        approvals: proposal.count(Choice::Approve),
        votes: votes.collect(),
        decision,
        application,
    }
}

fn application_review(
    replayed: &Replayed,
    state: &State,
    application: &Application,
    policies: &Policies,
    now: Timestamp,
) -> Result<ApplicationReview, AdminError> {
    let (mut recorded, mut computed, mut agree) = (Vec::new(), Vec::new(), None);
    let (mut differ, mut not_recomputable) = (Vec::new(), None);
    if let Some(screening) = &application.screening
        && let Some(entry) = replayed.entry(screening.index)
        && let Body::ScreeningRecord(record) = &entry.statement.payload.body
    {
        // As the server did it: the same policy, prefix of the ledger, and time.
        recorded = screening::recorded_lines(&record.findings);
        let prefix = prefix(replayed, record.ledger_size)?;
        match screening::recompute(&prefix, record, policies) {
            Recomputed::Same(findings) => {
                agree = Some(true);
                computed = findings.iter().map(screening::line).collect();
            }
            Recomputed::Different { findings, difference } => {
                agree = Some(false);
                differ = difference;
                computed = findings.iter().map(screening::line).collect();
            }
            Recomputed::NotRecomputable(why) => not_recomputable = Some(why),
        }
    }
    let mut findings_now: Vec<String> = if application.is_open() {
        // Documents that were attached since are taken to be there; the server looks for them.
        let missing = |sha256: &Digest| {
            let screening = application.screening.as_ref();
            screening.is_some_and(|found| {
                let seen = |evidence: &&Evidence| evidence.index < found.ledger_size;
                let attached = application.evidence.iter().filter(seen);
                let was = attached.filter_map(|e| e.blob.as_ref()).any(|blob| blob.sha256 == *sha256);
                let what = ObservedKind::Evidence;
                was && !found.observed.is_empty()
                    && !found.observed.contains(&Observed { what, sha256: *sha256 })
            })
        };
        let held = |sha256: &Digest| !missing(sha256);
        let (findings, _) = screening::screen_application(state, application, policies, &held, now)?;
        findings.iter().map(screening::line).collect()
    } else {
        Vec::new()
    };
    if findings_now == computed {
        findings_now.clear();
    }
    let effects = if application.is_open() { interop::effects(state, application, now) } else { None };
    let required = state.charter.lists.get(&application.list).map_or(&[][..], |list| &list.required_evidence);
    Ok(ApplicationReview {
        row: application_row(state, application, now),
        fingerprint: application.fingerprint,
        certificate: certificate_lines(&application.certificate),
        asks: asks(state, application),
        evidence: application.evidence.iter().map(evidence_line).collect(),
        missing_evidence: application.missing_evidence(required).iter().map(word).collect(),
        comments: application
            .comments
            .iter()
            .map(|(index, author, blob)| format!("{index} by {author}: blob {}", blob.sha256))
            .collect(),
        recorded_findings: recorded,
        computed_findings: computed,
        findings_agree: agree,
        findings_differ: differ,
        not_recomputable,
        outdated: state.screening_outdated(application, now).filter(|_| application.is_open()),
        findings_now,
        effects: effects.map(|effects| effects.lines()).unwrap_or_default(),
    })
}

/// The state at an earlier size of the log, which has been verified as a part of the whole.
fn prefix(replayed: &Replayed, size: u64) -> Result<State, AdminError> {
    let entries: Vec<_> = (0..size).map_while(|index| replayed.entry(index)).collect();
    State::replay(&entries)
        .map_err(|(index, refusal)| AdminError::Untrue(format!("entry {index} of the log: {refusal}")))
}

fn evidence_line(evidence: &Evidence) -> String {
    let what = evidence.blob.as_ref().map_or_else(
        || "confirmed".to_owned(),
        |blob| format!("{} blob {}", word(&blob.access), blob.sha256),
    );
    let dated = evidence.dated.map(|time| format!(", dated {time}")).unwrap_or_default();
    format!("{} {} by {}: {what}{dated}", evidence.index, word(&evidence.kind), evidence.author)
}

fn certificate_lines(der: &[u8]) -> Vec<String> {
    match ctl_pki::Certificate::from_der(der) {
        Err(error) => vec![format!("cannot be read: {error}")],
        Ok(certificate) => vec![
            format!("subject {}", certificate.subject()),
            format!("issuer {}", certificate.issuer()),
            format!(
                "valid from {} to {}",
                Timestamp::from_unix(certificate.not_before()),
                Timestamp::from_unix(certificate.not_after())
            ),
            format!("key SHA-256 {}", Digest::from_bytes(certificate.spki_sha256())),
        ],
    }
}

fn asks(state: &State, application: &Application) -> Vec<String> {
    match &application.candidate {
        Candidate::Root { constraints, uses, services } => {
            let mut lines = vec![format!("uses: {}", describe::uses_line(uses))];
            lines.extend(constraints.0.iter().map(|(name, c)| format!("constraint {name} = {}", c.value)));
            let addresses = [&services.ocsp, &services.crl, &services.est, &services.root_pool];
            lines.extend(addresses.into_iter().flatten().map(|url| format!("service {url}")));
            lines
        }
        Candidate::CrossCertificate { issuer, subject } => vec![format!(
            "{} vouches for {}",
            describe::anchor_name(state, &application.list, issuer),
            describe::anchor_name(state, &application.list, subject)
        )],
    }
}
