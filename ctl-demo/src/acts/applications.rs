//! Step 5: companies register and apply; the server screens; evidence and comments are attached.

use ctl_admin::application::{Apply, Comment, Evidence, Exhibit, Limits, What};
use ctl_admin::ctl_core::statement::parts::{EvidenceKind, ParticipantKind, Services, Standard, Use};
use ctl_admin::participant::Register;
use ctl_admin::screening::Policies;

use super::pkis::{Candidate, Pkis};
use crate::people::{COMPANIES, People, index};
use crate::tour::Tour;
use crate::{Problem, wait};

/// The list that everyone applies for.
pub(crate) const LIST: &str = "na";

/// All five roots apply; gives name and index of each application.
pub(crate) async fn apply(
    tour: &mut Tour,
    people: &mut People,
    pkis: &Pkis,
) -> Result<Vec<(String, u64)>, Problem> {
    tour.begin("Applications");
    for company in COMPANIES {
        register(people, company).await?;
    }
    tour.say(format!("{} companies register, each countersigned by the admissions officer", COMPANIES.len()));
    tour.see("v1/participants");
    let mut applications = Vec::new();
    for root in &pkis.roots {
        let index = submit(people, root, root_of(root)).await?;
        attach(people, root, index).await?;
        applications.push((root.name.clone(), index));
    }
    for (name, index) in &applications {
        let findings = screened(people, *index).await?;
        let findings = if findings.is_empty() { "finds nothing".to_owned() } else { findings.join(", ") };
        tour.say(format!("{name:<8} applies (entry {index}); screening {findings}"));
    }
    tour.say("for each: the certificate policy by the operator, and the fingerprint by an elector who");
    tour.say("heard it over a second channel");
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

async fn register(people: &mut People, company: &str) -> Result<(), Problem> {
    let mut name = company.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let kinds = match company {
        "wattway" => vec![ParticipantKind::Mo],
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

/// A root that applies for what it is made for.
pub(crate) fn root_of(candidate: &Candidate) -> What {
    let uses = vec![Use { standard: Standard::Iso15118_2, purpose: candidate.purpose }];
    What::Root { uses, services: Services::default(), constraints: Limits::default() }
}

/// An operator applies; gives the application's index.
pub(crate) async fn submit(people: &mut People, candidate: &Candidate, what: What) -> Result<u64, Problem> {
    let apply = Apply {
        certificate: candidate.file.clone(),
        list: parse(LIST)?,
        name: parse(&candidate.name)?,
        what,
    };
    let signing = people.signing(&[candidate.operator])?;
    let session = people.session(candidate.operator)?;
    let prepared = apply.prepare(session, &Policies::with(&[] as &[&str])?).await?;
    index(prepared.send(session, &signing).await?)
}

/// The evidence that the charter asks for.
pub(crate) async fn attach(
    people: &mut People,
    candidate: &Candidate,
    application: u64,
) -> Result<(), Problem> {
    let policy = candidate.policy.clone();
    let document = Exhibit::Document {
        kind: EvidenceKind::CertificatePolicy,
        file: policy,
        restricted: false,
        dated: None,
    };
    for (author, exhibit) in
        [(candidate.operator, document), ("elector-beta", Exhibit::Fingerprint(candidate.fingerprint))]
    {
        let signing = people.signing(&[author])?;
        let evidence = Evidence { application, exhibit };
        index(evidence.run(people.session(author)?, &signing).await?)?;
    }
    Ok(())
}

/// Waits for the server's screening; gives the rules that were not fulfilled.
pub(crate) async fn screened(people: &mut People, application: u64) -> Result<Vec<String>, Problem> {
    let session = people.session("elector-alpha")?;
    wait::until(format!("the screening of application {application}"), async || {
        let replayed = session.sync().await?;
        let found = replayed.state.applications.get(&application);
        let screening = found.and_then(|application| application.screening.as_ref());
        Ok(screening.map(|screening| screening.findings.iter().map(|f| f.id.to_string()).collect()))
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
