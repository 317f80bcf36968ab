//! Step 15: those who have never heard of this scheme. A back end asks for the root pool with a token, as it asks any other,
//! and has been told of a root by a webhook; and a list in SAE's form, of somebody else, is held against this scheme's.

use ctl_admin::ctl_core::Timestamp;
use ctl_admin::import::{self, Options};
use ctl_formats::sae::{SAE_VERSION, SaeEntry, SaeListV1, SaeStatus, SaeType, SaeValidity};
use ctl_sandbox::{Pki, PkiKind, PkiSpec};

use super::applications;
use super::founding::{CLIENT, ISSUER, SECRET_FILES};
use super::pkis::Pkis;
use super::webhooks::{self, Subscription};
use crate::Problem;
use crate::people::People;
use crate::tour::{Tour, number_of};

/// Whose roots stand on it and nowhere here.
const STRANGERS: [(&str, &str); 2] = [("Fjord", "NO"), ("Gaia", "US")];
/// The list of the others.
const LIST: &str = "others/list.sae.der";

/// Meets them.
pub(crate) async fn meet(
    tour: &mut Tour,
    people: &mut People,
    pkis: &Pkis,
    subscription: &Subscription,
) -> Result<(), Problem> {
    tour.begin("The field's own clients and lists", &format!("lists/{}", applications::LIST));
    pool(tour, people).await?;
    webhooks::told(tour, pkis, subscription).await?;
    list(tour, people, pkis).await
}

/// A client of the pool: refused without a token, and served with one.
async fn pool(tour: &Tour, people: &mut People) -> Result<(), Problem> {
    let address = tour.url("v1/root/rootCerts");
    let now = people.session("auditor")?.now();
    match import::run(&Options::of(&address), None, now).await {
        Err(refused) => {
            tour.say(format!("{CLIENT}'s back end asks for the root pool without a token: {refused}"))
        }
        Ok(_) => return Err(Problem::Unexpected("the pool is served to one without a token".into())),
    }
    let secret = tour.path(SECRET_FILES[0]);
    let asked = Options {
        token_url: Some(tour.url("oauth/token")),
        client_id: Some(CLIENT.into()),
        client_secret: Some(secret),
        audience: Some(ISSUER.into()),
        ..Options::of(&address)
    };
    let report = import::run(&asked, None, now).await?;
    let roots = number_of(report.certificates.len(), "root");
    tour.say(format!("with a token for its client secret it gets {roots}, as OPCP 1.0 has them:"));
    tour.quote(report.certificates.iter().map(|one| format!("{} for {}", one.subject, one.said)));
    tour.see_file(SECRET_FILES[0]);
    tour.see("v1/root/rootCerts");
    Ok(())
}

/// A list of others: one root that is listed here, and two that nobody here has listed.
async fn list(tour: &Tour, people: &mut People, pkis: &Pkis) -> Result<(), Problem> {
    let now = people.session("auditor")?.now();
    let folder = tour.path("others");
    std::fs::create_dir(&folder).map_err(Problem::file(&folder))?;
    let file = tour.path(LIST);
    std::fs::write(&file, theirs(pkis, now)?.to_der()).map_err(Problem::file(&file))?;
    tour.say("elsewhere there is a list in SAE's form (v1); it is held against this scheme's:");
    let report =
        import::run(&Options::of(file.display().to_string()), Some(people.session("auditor")?), now).await?;
    tour.quote(report.certificates.iter().map(|one| {
        let standing: Vec<String> = one.standing.iter().flatten().map(ToString::to_string).collect();
        let standing = if standing.is_empty() { "unknown here".to_owned() } else { standing.join(", ") };
        format!("{}, said to be for {}: {standing}", one.subject, one.said)
    }));
    let unknown =
        report.certificates.iter().filter(|one| one.standing.as_ref().is_some_and(Vec::is_empty)).count();
    if unknown != STRANGERS.len() {
        return Err(Problem::Unexpected(format!("{unknown} of its roots are unknown here")));
    }
    tour.say(format!(
        "{} are unknown here; with --prepare an application for each is made, ready to be signed",
        number_of(unknown, "root")
    ));
    tour.see_file(LIST);
    Ok(())
}

/// Aurora's root, and two that nobody here has heard of.
fn theirs(pkis: &Pkis, now: Timestamp) -> Result<SaeListV1, Problem> {
    let entry = |kind, certificate| SaeEntry { kind, status: SaeStatus::Active, certificate };
    let aurora = pkis.services.live().pki("aurora")?.root().certificate().clone();
    let mut entries = vec![entry(SaeType::V2g, aurora)];
    for (name, country) in STRANGERS {
        let spec = PkiSpec::new(
            PkiKind::V2g,
            name,
            country,
            &format!("{name} Inc."),
            "ctl-demo",
            now.unix() - 86_400,
        );
        entries.push(entry(SaeType::V2g, Pki::generate(&spec)?.root().certificate().clone()));
    }
    let until = Timestamp::from_unix(now.unix() + 90 * 86_400);
    let validity = SaeValidity::new(now, until);
    let validity =
        validity.ok_or_else(|| Problem::Unexpected(format!("no list holds from {now} to {until}")))?;
    Ok(SaeListV1 { version: SAE_VERSION, sequence: 7, validity, entries })
}
