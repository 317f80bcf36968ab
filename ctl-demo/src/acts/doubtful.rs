//! Step 7: a cross-certificate between two admitted roots, and an application that the electors reject.

use ctl_admin::applicant::application::CrossCertificate;
use ctl_admin::ctl_governance::possession;
use ctl_admin::ctl_governance::state::Outcome;
use ctl_admin::ctl_governance::statement::body::Choice;
use ctl_admin::ctl_governance::statement::parts::Severity;
use ctl_admin::elector::proposal::{Admission, Proposed, Scrutiny};
use ctl_admin::elector::review::{self, Review};
use ctl_admin::screening::Policies;

use super::applications::{Found, attach, parse, root_of, screened, submit};
use super::pkis::Pkis;
use super::votes::{discussed, everyone, propose};
use crate::Problem;
use crate::people::People;
use crate::tour::Tour;

/// The finding about a key that stands on the list under another name.
const KEY_UNIQUE: &str = "key-unique";

/// Decides on both; gives the index of the last entry that changes the list, which a rejection does not.
pub(crate) async fn decide(tour: &mut Tour, people: &mut People, pkis: &Pkis) -> Result<u64, Problem> {
    tour.begin("A cross-certificate, and a rejection", "applications");
    let (issuer, subject) = (pkis.root("aurora")?.fingerprint, pkis.root("borealis")?.fingerprint);
    let cross = submit(people, &pkis.cross, CrossCertificate { issuer, subject }).await?;
    attach(people, &pkis.cross, cross).await?;
    let eclipse = submit(people, &pkis.eclipse, root_of(&pkis.eclipse, &pkis.services, None)?).await?;
    attach(people, &pkis.eclipse, eclipse).await?;

    let errors = errors(&screened(people, cross).await?);
    if !errors.is_empty() {
        return Err(Problem::Unexpected(format!("screening finds {errors:?} in a sound cross-certificate")));
    }
    tour.say(format!("Borealis brings a certificate by which Aurora vouches for it (entry {cross});"));
    tour.say("before they vote, the electors see what it would do:");
    let policies = Policies::with(&[] as &[&str])?;
    if let Review::Application(seen) = review::one(people.session("elector-beta")?, cross, &policies).await? {
        tour.quote(&seen.effects);
        tour.quote(seen.computed_findings.iter().filter(|line| line.starts_with("warning")));
    }
    discussed(people, cross).await?;
    let (waived, scrutiny) = (Vec::new(), Scrutiny::default());
    let proposed = Proposed::AdmitCross { application: cross, waived, scrutiny };
    let proposal = propose(people, proposed, None).await?;
    let admitted = everyone(people, proposal, Choice::Approve, None, &Outcome::Accepted).await?;
    tour.say(format!("{} organisations approve", admitted.approvals));

    let errors = self::errors(&screened(people, eclipse).await?);
    if errors != [KEY_UNIQUE] {
        return Err(Problem::Unexpected(format!("screening of a key under a second name finds {errors:?}")));
    }
    tour.say(format!("Eclipse applies with Aurora's key (entry {eclipse}); screening finds: {KEY_UNIQUE},"));
    tour.say("and the key signed nothing for Eclipse: possession is not proven either");
    discussed(people, eclipse).await?;
    let proposed = Proposed::Admit(Admission {
        application: eclipse,
        waived: vec![parse(KEY_UNIQUE)?, parse(possession::RULE)?],
        ..Admission::default()
    });
    let asked = "The applicant asks to waive both.";
    let proposal = propose(people, proposed, Some(asked)).await?;
    let why = "One key under two names hides who answers for it.";
    everyone(people, proposal, Choice::Reject, Some(why), &Outcome::Rejected).await?;
    tour.say(format!("an elector asks to waive that; all organisations reject it: \"{why}\""));
    tour.see(&format!("v1/applications/{eclipse}"));
    tour.page(&format!("applications/{eclipse}"));
    Ok(admitted.decided)
}

/// The rules whose errors screening found.
fn errors(findings: &[Found]) -> Vec<String> {
    findings.iter().filter(|one| one.severity == Severity::Error).map(|one| one.id.clone()).collect()
}
