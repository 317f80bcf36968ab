//! Step 14: the watch. Services of the listed PKIs are probed all the time; one falls silent and another lies.

use std::collections::BTreeSet;

use ctl_admin::applicant::subca::Disclose;
use ctl_admin::ctl_replica::Transport;
use ctl_sandbox::{Role, write_certificate};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::pkis::Pkis;
use crate::people::{People, index};
use crate::prometheus::Prometheus;
use crate::tour::{Tour, number_of};
use crate::{Problem, wait};

/// What the service says of everything that is watched is at most so long.
const MAX_ANSWER: usize = 4 << 20;
/// Whose services break, and how: one does not answer any more, the other calls revoked certificates good.
const SILENT: Fault = Fault { pki: "cirrus", kind: "ocsp", reason: "http_status" };
const LYING: Fault = Fault { pki: "elektra", kind: "ocsp", reason: "canary_revoked_not_revoked" };

/// The root whose key is in wrong hands by now.
const SUSPENDED: &str = "borealis";

/// Something wrong with a service.
struct Fault {
    pki: &'static str,
    kind: &'static str,
    reason: &'static str,
}

#[derive(Deserialize)]
struct Targets {
    targets: Vec<Watched>,
}

#[derive(Deserialize)]
struct Watched {
    operator: String,
    kind: String,
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
    reasons: std::collections::BTreeMap<String, u64>,
    open: bool,
}

/// Starts a Prometheus beside the server.
pub(crate) fn tell_prometheus(tour: &mut Tour) -> Result<(), Problem> {
    let started = Prometheus::start(&tour.path("prometheus"), tour.url("").trim_end_matches('/'))?;
    tour.say(format!(
        "Prometheus scrapes it, with the project's rules and alerts: http://{}",
        started.address()
    ));
    tour.prometheus = Some(started);
    Ok(())
}

/// Watches.
pub(crate) async fn watch(tour: &mut Tour, people: &mut People, pkis: &Pkis) -> Result<(), Problem> {
    tour.begin("The watch");
    let server = Transport::new(people.url())?;
    let disclosed = disclose(tour, people, pkis).await?;
    tour.say(format!("operators disclose {} with the addresses in them", number_of(disclosed, "sub-CA")));
    // The OCSP responder of each sub-CA's issuer, beside what the roots declare.
    let targets = wait::until("every service to be found well", async || {
        let found: Targets = get(&server, "v1/targets").await?;
        let well =
            found.targets.iter().filter(|one| one.operator != SUSPENDED).all(|one| one.good == Some(true));
        Ok((well && found.targets.len() > 2 * disclosed).then_some(found.targets))
    })
    .await?;
    let kinds: BTreeSet<&str> = targets.iter().map(|target| target.kind.as_str()).collect();
    tour.say(format!(
        "every two seconds the server probes {} ({}); all are well",
        number_of(targets.len(), "service"),
        kinds.into_iter().collect::<Vec<_>>().join(", ")
    ));
    tour.see("v1/targets");

    for Fault { pki, kind, reason } in [SILENT, LYING] {
        pkis.services.fault(pki, kind, reason, true)?;
    }
    tour.say("Cirrus' OCSP responder falls silent; Elektra's calls revoked certificates good");
    for fault in [SILENT, LYING] {
        let incident = incident(&server, &fault, false).await?;
        let reasons: Vec<&str> = incident.reasons.keys().map(String::as_str).collect();
        tour.say(format!(
            "incident: {} {} at {}: {}",
            incident.operator,
            incident.kind,
            incident.url,
            reasons.join(", ")
        ));
    }
    tour.see("v1/incidents");
    let metrics = server.fetch("metrics", MAX_ANSWER).await?;
    let metrics = String::from_utf8_lossy(&metrics);
    tour.say("Prometheus is told as well:");
    tour.quote([SILENT, LYING].iter().filter_map(|fault| {
        let reason = format!("reason=\"{}\"", fault.reason);
        metrics.lines().find(|line| line.starts_with("ctl_probe_findings_total") && line.contains(&reason))
    }));
    for Fault { pki, kind, reason } in [SILENT, LYING] {
        pkis.services.fault(pki, kind, reason, false)?;
    }
    for fault in [SILENT, LYING] {
        incident(&server, &fault, true).await?;
    }
    tour.say("both are put right, and the incidents close; evidence and breaches stay");
    tour.see("v1/sla");
    Ok(())
}

/// The incident that a fault leads to, once it is open, or over.
async fn incident(server: &Transport, fault: &Fault, over: bool) -> Result<Incident, Problem> {
    let what = if over { "the end of an incident" } else { "an incident" };
    wait::until(format!("{what} at {}", fault.pki), async || {
        let found: Incidents = get(server, "v1/incidents").await?;
        let mut found = found.incidents.into_iter().filter(|incident| {
            incident.operator == fault.pki
                && incident.kind == fault.kind
                && incident.reasons.contains_key(fault.reason)
        });
        Ok(found.find(|incident| incident.open != over))
    })
    .await
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
                issuer: ctl_admin::ctl_core::Digest::from_bytes(issuer.certificate().sha256()),
            };
            let signing = people.signing(&[operator])?;
            let session = people.session(operator)?;
            let prepared = disclose.prepare(session).await?;
            index(prepared.send(session, &signing).await?)?;
            count += 1;
        }
    }
    Ok(count)
}

async fn get<T: DeserializeOwned>(server: &Transport, path: &str) -> Result<T, Problem> {
    let bytes = server.fetch(path, MAX_ANSWER).await?;
    serde_json::from_slice(&bytes).map_err(|error| Problem::Unexpected(format!("/{path}: {error}")))
}
