//! Step 14: the watch. Two watches probe the services of the listed PKIs all the time; one PKI's are gone, and another's
//! say what is not so. What both watchers claim is a breach; what one of them makes up is none.

use std::collections::{BTreeMap, BTreeSet};

use ctl_admin::applicant::subca::Disclose;
use ctl_admin::ctl_core::Digest;
use ctl_admin::ctl_core::names::{ParticipantId, Url};
use ctl_admin::ctl_governance::service_levels::{Claim, Closed};
use ctl_admin::ctl_governance::statement::body::{BreachPhase, Measured, Service, SlaBreach};
use ctl_admin::ctl_replica::Transport;
use ctl_admin::signing::{self, Ask as _};
use ctl_sandbox::{Role, write_certificate};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::pkis::Pkis;
use crate::people::{People, WATCHERS, index};
use crate::tour::{Tour, number_of};
use crate::{Problem, wait};

/// What a program says of everything that is watched is at most so long.
const MAX_ANSWER: usize = 4 << 20;
/// Whose services break, and how: one answers 404, the other calls revoked certificates good.
const GONE: Fault = Fault { pki: "cirrus", kind: "ocsp", reason: "http_status" };
const LYING: Fault = Fault { pki: "elektra", kind: "ocsp", reason: "canary_revoked_not_revoked" };
/// Whose service is well, whatever a watcher says.
const SLANDERED: Fault = Fault { pki: "dynamo", kind: "ocsp", reason: "http_status" };

/// The root whose key is in wrong hands by now.
const SUSPENDED: &str = "borealis";

/// Something wrong with a service.
struct Fault {
    pki: &'static str,
    kind: &'static str,
    reason: &'static str,
}

impl Fault {
    /// Whether it is a fault of this operator's services of this kind.
    fn is_at(&self, operator: &str, kind: &str) -> bool {
        (operator, kind) == (self.pki, self.kind)
    }
}

#[derive(Deserialize)]
struct Targets {
    targets: Vec<Watched>,
}

#[derive(Deserialize)]
struct Watched {
    operator: String,
    kind: String,
    url: String,
    good: Option<bool>,
}

#[derive(Deserialize)]
struct Incidents {
    incidents: Vec<Incident>,
}

#[derive(Deserialize)]
struct Incident {
    operator: String,
    kind: String,
    url: String,
    reasons: BTreeMap<String, u64>,
    open: bool,
}

#[derive(Deserialize)]
struct Breaches {
    breaches: Vec<Outage>,
    next: Option<String>,
}

/// What watchers say of one service at one time.
#[derive(Deserialize)]
struct Outage {
    entry: u64,
    service: Service,
    closed: Option<Closed>,
    confirmed: bool,
    organisations: usize,
    needed: u32,
    claims: Vec<Claim>,
}

impl Outage {
    /// Tells of it.
    fn tell(&self, tour: &Tour, verdict: &str) {
        let Self { service, claims, organisations, needed, .. } = self;
        let operator = service.operator.as_ref().map_or("", ParticipantId::as_str);
        let url = service.url.as_ref().map_or("", Url::as_str);
        tour.say(format!("{verdict}: {operator} {} at {url},", service.kind));
        let claims = claims.iter().map(|claim| format!("{} of {}", claim.watcher, claim.organisation));
        let claims = claims.collect::<Vec<_>>().join(" and ");
        tour.say(format!("  claimed by {claims}: {organisations} of {needed} organisations"));
    }
}

/// Watches.
pub(crate) async fn watch(tour: &mut Tour, people: &mut People, pkis: &Pkis) -> Result<(), Problem> {
    tour.begin("The watch", "promises");
    tour.page_of_watch("");
    let server = Transport::new(people.url())?;
    let watches: Vec<Transport> =
        tour.watches.iter().map(|watch| Transport::new(watch.url())).collect::<Result<_, _>>()?;
    let disclosed = disclose(tour, people, pkis).await?;
    tour.say(format!("operators disclose {} with the addresses in them", number_of(disclosed, "sub-CA")));
    let mut targets = Vec::new();
    for watch in &watches {
        targets = all_well(watch, disclosed).await?;
    }
    let kinds: BTreeSet<&str> = targets.iter().map(|target| target.kind.as_str()).collect();
    tour.say(format!(
        "every two seconds each of the two watches probes {} ({}); all are well",
        number_of(targets.len(), "service"),
        kinds.into_iter().collect::<Vec<_>>().join(", ")
    ));
    tour.see_watch("v1/targets");

    for Fault { pki, kind, reason } in [GONE, LYING] {
        pkis.services.fault(pki, kind, reason, true)?;
    }
    tour.say("Cirrus' OCSP responders answer nothing but 404; Elektra's call revoked certificates good");
    tour.say("both watches see it, each for itself:");
    for fault in [GONE, LYING] {
        let mut seen = Vec::new();
        for watch in &watches {
            seen.push(incident(watch, &fault, false).await?);
        }
        if let Some(incident) = seen.first() {
            let reasons: Vec<&str> = incident.reasons.keys().map(String::as_str).collect();
            let Incident { operator, kind, url, .. } = incident;
            tour.say(format!("incident: {operator} {kind} at {url}: {}", reasons.join(", ")));
        }
    }
    tour.see_watch("v1/incidents");
    if let Some(watch) = watches.first() {
        tell_metrics(tour, watch).await?;
    }
    let gone = targets.iter().filter(|target| GONE.is_at(&target.operator, &target.kind));
    let gone: BTreeSet<&str> = gone.map(|target| target.url.as_str()).collect();
    let honest = confirmed(tour, &server, &gone).await?;
    for Fault { pki, kind, reason } in [GONE, LYING] {
        pkis.services.fault(pki, kind, reason, false)?;
    }
    for fault in [GONE, LYING] {
        for watch in &watches {
            incident(watch, &fault, true).await?;
        }
    }
    over(&server, honest.index).await?;
    tour.say("both are put right, and incidents and breaches end; what was found stays");
    tour.see_watch("v1/sla");

    let slandered = targets.into_iter().find(|target| SLANDERED.is_at(&target.operator, &target.kind));
    let slandered = slandered.ok_or_else(|| Problem::Unexpected("Dynamo has no OCSP responder".into()))?;
    lie(tour, people, &server, &watches, &honest, &slandered.url).await
}

/// What is watched, once all of it is well.
async fn all_well(watch: &Transport, disclosed: usize) -> Result<Vec<Watched>, Problem> {
    // The OCSP responder of each sub-CA's issuer, beside what the roots declare.
    wait::until("every service to be found well", async || {
        let found: Targets = get(watch, "v1/targets").await?;
        let well =
            found.targets.iter().filter(|one| one.operator != SUSPENDED).all(|one| one.good == Some(true));
        Ok((well && found.targets.len() > 2 * disclosed).then_some(found.targets))
    })
    .await
}

/// The incident that a fault leads to, once it is open, or over.
async fn incident(watch: &Transport, fault: &Fault, over: bool) -> Result<Incident, Problem> {
    let what = if over { "the end of an incident" } else { "an incident" };
    wait::until(format!("{what} at {}", fault.pki), async || {
        let found: Incidents = get(watch, "v1/incidents").await?;
        let mut found = found.incidents.into_iter().filter(|incident| {
            fault.is_at(&incident.operator, &incident.kind) && incident.reasons.contains_key(fault.reason)
        });
        Ok(found.find(|incident| incident.open != over))
    })
    .await
}

/// What Prometheus scrapes of it.
async fn tell_metrics(tour: &Tour, watch: &Transport) -> Result<(), Problem> {
    let metrics = watch.fetch("metrics", MAX_ANSWER).await?;
    let metrics = String::from_utf8_lossy(&metrics);
    tour.say("Prometheus is told as well:");
    tour.quote([GONE, LYING].iter().filter_map(|fault| {
        let reason = format!("reason=\"{}\"", fault.reason);
        metrics.lines().find(|line| line.starts_with("ctl_probe_findings_total") && line.contains(&reason))
    }));
    Ok(())
}

/// What the log says of outages.
async fn outages(server: &Transport) -> Result<Vec<Outage>, Problem> {
    let (mut all, mut path) = (Vec::new(), "v1/breaches".to_owned());
    loop {
        let page: Breaches = get(server, &path).await?;
        all.extend(page.breaches);
        let Some(next) = page.next else { return Ok(all) };
        path = format!("v1/breaches?after={next}");
    }
}

/// What the log says of an outage that somebody claims, once it is over.
async fn over(server: &Transport, claim: u64) -> Result<Outage, Problem> {
    wait::until("the end of an outage", async || {
        let mut over = outages(server).await?.into_iter().filter(|outage| outage.closed.is_some());
        Ok(over.find(|outage| outage.claims.iter().any(|one| one.index == claim)))
    })
    .await
}

/// Both watchers claim all services that are gone; gives one of the claims.
async fn confirmed(tour: &Tour, server: &Transport, gone: &BTreeSet<&str>) -> Result<Claim, Problem> {
    tour.say("what lasts three seconds each watcher claims in the log; by the charter, a breach takes two organisations:");
    let confirmed = wait::until("the breaches that both watchers claim", async || {
        let mut confirmed = outages(server).await?;
        confirmed.retain(|outage| outage.confirmed);
        let urls: BTreeSet<&str> =
            confirmed.iter().filter_map(|outage| Some(outage.service.url.as_ref()?.as_str())).collect();
        Ok(gone.iter().all(|url| urls.contains(url)).then_some(confirmed))
    })
    .await?;
    let of_gone =
        |outage: &&Outage| outage.service.operator.as_ref().is_some_and(|one| one.as_str() == GONE.pki);
    let shown = confirmed.iter().find(of_gone);
    let Some((outage, claim)) = shown.and_then(|outage| Some((outage, outage.claims.first()?))) else {
        return Err(Problem::Unexpected("a breach that nobody claims is confirmed".into()));
    };
    outage.tell(tour, &format!("CONFIRMED by entry {}", outage.entry));
    tour.say(format!("and the same holds for each of Cirrus' {} responders", gone.len()));
    tour.see("v1/breaches");
    Ok(claim.clone())
}

/// A watcher makes up an outage. It cannot be kept from saying so; it says so alone.
async fn lie(
    tour: &Tour,
    people: &mut People,
    server: &Transport,
    watches: &[Transport],
    honest: &Claim,
    url: &str,
) -> Result<(), Problem> {
    let [_, liar] = WATCHERS;
    let (signing, session) = (people.signing(&[liar])?, people.session(liar)?);
    session.sync().await?;
    let parse = |problem| Problem::Unexpected(format!("{}: {problem}", SLANDERED.pki));
    let service = Service {
        kind: SLANDERED.kind.parse().map_err(parse)?,
        operator: Some(SLANDERED.pki.parse().map_err(parse)?),
        url: Some(url.parse().map_err(parse)?),
    };
    // It looks like any other claim. The log cannot know that there is nothing behind the digest.
    let made_up = SlaBreach {
        closed_at: None,
        evidence: vec![Digest::of(b"made up")],
        measured: Measured { good: 0, missing: 0, valid: 5 },
        objective: honest.objective.clone(),
        opened: None,
        opened_at: session.now().minus_seconds(10),
        phase: BreachPhase::Opened,
        policy: honest.policy.clone(),
        reasons: [(SLANDERED.reason.parse().map_err(parse)?, 5)].into(),
        service,
    };
    let claim = index(signing::state(session, &signing, (made_up.into(), Vec::new())).await?)?;
    tour.say(format!(
        "{liar} lies: by hand, and with its key, it claims (entry {claim}) that Dynamo's OCSP responder has been down"
    ));
    tour.say("for ten seconds. No watch has seen that, not even its own, which ends the claim:");
    let outage = over(server, claim).await?;
    let mut seen = false;
    for watch in watches {
        let found: Incidents = get(watch, "v1/incidents").await?;
        seen |= found.incidents.iter().any(|incident| incident.url == url);
    }
    if outage.confirmed || seen {
        return Err(Problem::Unexpected(format!("a lie about {} is believed", SLANDERED.pki)));
    }
    outage.tell(tour, "NOT CONFIRMED");
    tour.see("v1/breaches");
    Ok(())
}

/// The sub-CAs of all roots that are trusted, as far down as they go.
async fn disclose(tour: &Tour, people: &mut People, pkis: &Pkis) -> Result<usize, Problem> {
    let mut count = 0;
    for (operator, pki) in pkis.services.live().pkis() {
        if operator == SUSPENDED {
            continue;
        }
        for (role, entity) in pki.entities().filter(|(role, _)| role.is_ca() && *role != Role::Root) {
            let Some((_, issuer)) = pki.entities().find(|(found, _)| Some(*found) == role.issuer()) else {
                continue;
            };
            let folder = tour.path("pki").join(operator);
            write_certificate(&folder, role.file_name(), entity.certificate())?;
            let disclose = Disclose {
                certificate: folder.join(format!("{}.pem", role.file_name())),
                issuer: Digest::from_bytes(issuer.certificate().sha256()),
            };
            let signing = people.signing(&[operator])?;
            index(disclose.run(people.session(operator)?, &signing).await?)?;
            count += 1;
        }
    }
    Ok(count)
}

async fn get<T: DeserializeOwned>(server: &Transport, path: &str) -> Result<T, Problem> {
    let bytes = server.fetch(path, MAX_ANSWER).await?;
    serde_json::from_slice(&bytes).map_err(|error| Problem::Unexpected(format!("/{path}: {error}")))
}
