//! Step 5: companies register and apply, an auditor is accredited; evidence and comments are attached; the
//! server screens.

use std::path::{Path, PathBuf};

use ctl_admin::applicant::application::{self, Addresses, Applicant, Apply, Comment, Evidence, Limits, Root};
use ctl_admin::applicant::participant::Register;
use ctl_admin::applicant::possession;
use ctl_admin::ctl_core::parts::{Standard, Use};
use ctl_admin::ctl_governance::state::Outcome;
use ctl_admin::ctl_governance::statement::body::Choice;
use ctl_admin::ctl_governance::statement::parts::{
    EvidenceKind, Observed, ObservedKind, ParticipantKind, Severity,
};
use ctl_admin::ctl_replica;
use ctl_admin::elector::proposal::Proposed;
use ctl_admin::signing::{Ask as _, Say as _};
use ctl_sandbox::certification_request;
use ctl_sandbox::live::Kind;

use super::pkis::{Candidate, Pkis};
use super::votes::{everyone, propose};
use crate::people::{AUDITOR, COMPANIES, People, index};
use crate::services::Services;
use crate::tour::Tour;
use crate::{Problem, wait};

/// The list that everyone applies for.
pub(crate) const LIST: &str = "na";

/// The operator that leaves something out.
const FORGETFUL: &str = "cirrus";

/// All five roots apply; gives name and index of each application.
pub(crate) async fn apply(
    tour: &mut Tour,
    people: &mut People,
    pkis: &Pkis,
) -> Result<Vec<(String, u64)>, Problem> {
    tour.begin("Applications", "applications");
    for company in COMPANIES {
        register(people, company).await?;
    }
    tour.say(format!("{} companies register, each countersigned by the admissions officer", COMPANIES.len()));
    tour.see("v1/participants");
    accredit(tour, people).await?;
    let mut applications = Vec::new();
    for root in &pkis.roots {
        let proof = proof(people, root, &pkis.services).await?;
        let index = submit(people, root, root_of(root, &pkis.services, Some(proof))?).await?;
        attach(people, root, index).await?;
        applications.push((root.name.clone(), index));
    }
    tour.say("five roots apply, each with a request that its own key signed for this very application;");
    tour.say("for each the operator attaches its certificate policy, the auditor a report,");
    tour.say("and an elector the fingerprint as heard over a second channel; the server screens, again each");
    tour.say("time something is attached:");
    for (name, index) in &applications {
        let findings = screened(people, *index).await?;
        tour.say(format!("{name:<8} (entry {index}) {}", in_words(&findings)));
    }
    if let Some((name, index)) = applications.first() {
        let text =
            format!("{name}: the policy names no CRL for SECC certificates. OCSP only, is that meant?");
        let comment = Comment { about: *index, text };
        let signing = people.signing(&["elector-gamma"])?;
        comment.run(people.session("elector-gamma")?, &signing).await?;
        tour.say(format!("an elector comments on {name}"));
        tour.see(&format!("v1/applications/{index}"));
    }
    Ok(applications)
}

/// An audit report counts only when it is attached by an auditor whom the electors have accredited.
async fn accredit(tour: &Tour, people: &mut People) -> Result<(), Problem> {
    let expires_at = Some(ctl_replica::system_clock()().plus_seconds(2 * 365 * 86_400));
    let proposed = Proposed::AccreditAuditor { auditor: parse(AUDITOR)?, expires_at };
    let proposal = propose(people, proposed, None).await?;
    let accredited = everyone(people, proposal, Choice::Approve, None, &Outcome::Accepted).await?;
    tour.say(format!(
        "the electors accredit the auditor {AUDITOR} for two years: {} organisations approve",
        accredited.approvals
    ));
    Ok(())
}

/// Findings in a line, the errors first.
fn in_words(findings: &[Found]) -> String {
    let of = |severity: Severity, word: &str| {
        let ids: Vec<&str> =
            findings.iter().filter(|one| one.severity == severity).map(|one| one.id.as_str()).collect();
        (!ids.is_empty()).then(|| format!("{word}: {}", ids.join(", ")))
    };
    let parts =
        [of(Severity::Error, "error"), of(Severity::Warning, "warning"), of(Severity::Notice, "notice")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing found".to_owned() } else { parts.join("; ") }
}

async fn register(people: &mut People, company: &str) -> Result<(), Problem> {
    let mut name = company.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let kinds = match company {
        "wattway" => vec![ParticipantKind::Mo],
        AUDITOR => vec![ParticipantKind::Auditor],
        "elektra" => vec![ParticipantKind::PkiOperator, ParticipantKind::Mo],
        "dynamo" => vec![ParticipantKind::PkiOperator, ParticipantKind::Oem],
        _ => vec![ParticipantKind::PkiOperator],
    };
    let register = Register {
        id: parse(company)?,
        organisation: parse(company)?,
        name: parse(&name)?,
        kinds,
        public_key: None,
    };
    let signing = people.signing(&[company, "admissions"])?;
    index(register.run(people.session(company)?, &signing).await?)?;
    Ok(())
}

/// A root that applies for what it is made for. Cirrus forgets to say where its CRL is.
pub(crate) fn root_of(
    candidate: &Candidate,
    services: &Services,
    possession: Option<PathBuf>,
) -> Result<Root, Problem> {
    let uses = vec![Use { standard: Standard::Iso15118_2, purpose: candidate.purpose }];
    let first = |kind| -> Result<Vec<_>, Problem> {
        let urls = services.live().urls(candidate.services_of, kind)?;
        urls.first().map(|url| parse(url)).into_iter().collect()
    };
    let crl = if candidate.operator == FORGETFUL { Vec::new() } else { first(Kind::Crl)? };
    let services = Addresses {
        ocsp: first(Kind::Ocsp)?,
        crl,
        est: first(Kind::Est)?,
        root_pool: first(Kind::RootPool)?,
    };
    Ok(Root { uses, services, constraints: Limits::default(), possession })
}

/// The proof that an operator holds its root's key: made as in a key ceremony, with what ctl-admin asks for.
async fn proof(people: &mut People, candidate: &Candidate, services: &Services) -> Result<PathBuf, Problem> {
    let list = parse(LIST)?;
    let certificate = application::read_certificate(&candidate.file)?;
    let key = people.signing(&[candidate.operator])?.keys.first().map(|key| key.public_key().key_id());
    let key = key.ok_or_else(|| Problem::Unexpected(format!("{} has no key", candidate.operator)))?;
    let session = people.session(candidate.operator)?;
    let asked = possession::challenge(session, &certificate, &list, key).await?;
    let root = services.live().pki(candidate.operator)?.root();
    let file = candidate.file.with_file_name("possession.csr");
    let request = certification_request(root, &asked.common_name)?;
    std::fs::write(&file, request).map_err(Problem::file(&file))?;
    Ok(file)
}

/// An operator applies; gives the application's index.
pub(crate) async fn submit(
    people: &mut People,
    candidate: &Candidate,
    what: impl Applicant,
) -> Result<u64, Problem> {
    let apply = Apply {
        certificate: candidate.file.clone(),
        list: parse(LIST)?,
        name: parse(&candidate.name)?,
        what,
        policy: Vec::new(),
    };
    let signing = people.signing(&[candidate.operator])?;
    index(apply.run(people.session(candidate.operator)?, &signing).await?)
}

/// The evidence that charter and policy ask for.
pub(crate) async fn attach(
    people: &mut People,
    candidate: &Candidate,
    application: u64,
) -> Result<(), Problem> {
    let document = |kind, file: &Path, dated| {
        let (kind, file) = (Some(kind), Some(file.to_owned()));
        Evidence { application, kind, file, dated, ..Evidence::default() }
    };
    let last_month = ctl_replica::system_clock()().minus_seconds(30 * 86_400);
    let policy = document(EvidenceKind::CertificatePolicy, &candidate.policy, None);
    let audit = document(EvidenceKind::AuditReport, &candidate.audit, Some(last_month));
    let fingerprint = Some(candidate.fingerprint);
    let heard = Evidence { application, fingerprint, ..Evidence::default() };
    for (author, evidence) in [(candidate.operator, policy), (AUDITOR, audit), ("elector-beta", heard)] {
        let signing = people.signing(&[author])?;
        index(evidence.run(people.session(author)?, &signing).await?)?;
    }
    Ok(())
}

/// A rule that was not fulfilled.
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) severity: Severity,
}

/// Waits for the server's screening of everything that is attached; gives what it found.
pub(crate) async fn screened(people: &mut People, application: u64) -> Result<Vec<Found>, Problem> {
    let session = people.session("elector-alpha")?;
    wait::until(format!("the screening of application {application}"), async || {
        let now = session.now();
        let state = session.sync().await?.at(now);
        let Some(application) = state.applications.get(&application) else { return Ok(None) };
        let Some(screening) = &application.screening else { return Ok(None) };
        let seen =
            |digest| screening.observed.contains(&Observed { what: ObservedKind::Evidence, sha256: digest });
        let mut documents = application.evidence.iter().filter_map(|evidence| evidence.blob.as_ref());
        let current = state.screening_outdated(application, now).is_none()
            && documents.all(|document| seen(document.sha256));
        let found = screening.findings.iter();
        let found = found.map(|one| Found { id: one.id.to_string(), severity: one.severity }).collect();
        Ok(current.then_some(found))
    })
    .await
}

/// A name that stands in the tour's own text.
pub(crate) fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Problem::Unexpected(error.to_string()))
}
