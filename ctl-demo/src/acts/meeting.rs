//! Step 16: a car with three contracts meets two chargers, and presents another one at each. What they send each other is
//! what would travel over UDP between them (SDP, 0x9004 and 0x9005), without the network.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::path::Path;

use ctl_admin::ctl_core::names::MoId;
use ctl_client::ask::Known;
use ctl_client::contract::{Code, Contracts, Evidence, Strictness};
use ctl_sandbox::{Pki, PkiKind, Role};
use ctl_sdp::choose::{Contract, Offer, Plan, Preferences, Told, decide, read_folder};
use ctl_sdp::codec::{Endpoint, Identifiers, Message, Security, Transport};
use ctl_sdp::supported::{Agreements, MoRoot, Supported};

use super::applications::parse;
use super::device::Device;
use super::pkis::{Pkis, spec};
use crate::Problem;
use crate::tour::Tour;

const CAR: &str = "car/contracts";
/// Contracts: the name of the folder, the operator's identifier, and whose PKI issued it. Nobody ever listed Fjord's.
const CONTRACTS: [(&str, &str, &str); 3] =
    [("company", "DEELK", "elektra"), ("family", "DEVLT", "elektra"), ("holiday", "NOFJD", "fjord")];
/// Where the chargers' stacks listen, as those of EVerest do.
const SECC: Endpoint = Endpoint {
    address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x42),
    port: 64109,
    security: Security::Tls,
    transport: Transport::Tcp,
};

/// Lets them meet.
pub(crate) fn meet(tour: &mut Tour, pkis: &Pkis, device: &Device) -> Result<(), Problem> {
    tour.begin("A car with three contracts meets two chargers", "registry");
    let folder = tour.path(CAR);
    fill(&folder, pkis)?;
    let known = device.known()?;
    let chargers = [("of a car park", ["DEELK", "DEVLT"]), ("on the motorway", ["DEELK", "NLWTW"])];
    let offers = chargers
        .into_iter()
        .map(|(place, agreements)| Ok((place, supported(&known, &agreements)?)))
        .collect::<Result<Vec<_>, Problem>>()?;
    let judge = Contracts::new(known);
    let mut contracts = Vec::new();
    for held in read_folder(&folder).map_err(Problem::Unexpected)? {
        let chain = held.chain.map_err(Problem::Unexpected)?;
        let verdict = judge.judge(&chain, &Evidence::default(), Strictness::default());
        contracts.push(Contract { name: held.name, verdict });
    }
    let preferences =
        Preferences::read(br#"prefer = ["DEVLT", "NOFJD", "DEELK"]"#).map_err(Problem::Unexpected)?;
    tour.say("it holds contracts of DEELK, DEVLT and NOFJD; its owner prefers DEVLT, then NOFJD, then DEELK");
    tour.see_file(CAR);
    for ((place, supported), expected) in offers.iter().zip(["family", "company"]) {
        let told = Told { udp: Some(ask(tour, place, supported)?), ..Told::default() };
        let plan = decide(&contracts, &told, &preferences);
        tour.say("so it will present (ctl-sdp choose):");
        let text = plan.to_string();
        tour.quote(text.lines().filter(|line| !line.contains(Code::RevocationNotAsked.name())));
        check(&plan, expected)?;
    }
    tour.say("what a charger says over UDP anybody could have said: it puts in order and takes nothing away; what no list");
    tour.say("trusts is presented nowhere. (With --crl and --ocsp it is judged, too, whether a contract is revoked.)");
    Ok(())
}

/// The car's contracts. Wattway, as DEVLT, has its contracts issued by Elektra's PKI.
fn fill(folder: &Path, pkis: &Pkis) -> Result<(), Problem> {
    for (name, id, operator) in CONTRACTS {
        let mut spec = match operator {
            "elektra" => pkis.services.live().pki(operator)?.spec().clone(),
            _ => spec(PkiKind::Mo, "Fjord", "NO", "Fjord Lading AS"),
        };
        spec.provider = id.chars().skip(2).collect();
        // The same seed gives the same CAs; only the contract has another number.
        let pki = Pki::generate(&spec)?;
        let chain = pki.chain(Role::Contract).into_iter().take(3);
        let path = folder.join(name).join("contract.pem");
        std::fs::create_dir_all(folder.join(name)).map_err(Problem::file(folder))?;
        let pem: String = chain.map(|certificate| certificate.to_pem()).collect();
        std::fs::write(&path, pem).map_err(Problem::file(&path))?;
    }
    Ok(())
}

/// Whom a charger supports that has agreements with these.
fn supported(known: &Known, agreements: &[&str]) -> Result<Supported, Problem> {
    let with = agreements.iter().map(|id| parse(id)).collect::<Result<BTreeSet<MoId>, _>>()?;
    let roots = MoRoot::all(known);
    Supported::new(&Agreements::With(with), known.registry.as_ref(), &roots).map_err(Problem::Unexpected)
}

/// The car asks, and is told.
fn ask(tour: &Tour, place: &str, supported: &Supported) -> Result<Offer, Problem> {
    let strange = |error: ctl_sdp::codec::CodecError| Problem::Unexpected(error.to_string());
    let own = CONTRACTS.iter().map(|(_, id, _)| parse(id)).collect::<Result<Vec<MoId>, _>>()?;
    let question = Message::SupportedRequest(Identifiers::new(own).map_err(strange)?).to_bytes();
    tour.say(format!("to the charger {place} it sends {} bytes (0x9004):", question.len()));
    tour.quote([hexadecimal(&question)]);
    let Message::SupportedRequest(asked) = Message::read(&question).map_err(strange)? else {
        return Err(Problem::Unexpected("0x9004 is read as something else".into()));
    };
    let common = asked.only(|id| supported.contains(id));
    let answer = Message::SupportedResponse { endpoint: SECC, supported: common }.to_bytes();
    let Message::SupportedResponse { endpoint, supported } = Message::read(&answer).map_err(strange)? else {
        return Err(Problem::Unexpected("0x9005 is read as something else".into()));
    };
    let names: Vec<&str> = supported.iter().map(MoId::as_str).collect();
    tour.say(format!(
        "and is answered (0x9005): TLS at port {} of {}, and both support {}",
        endpoint.port,
        endpoint.address,
        names.join(" and ")
    ));
    Ok(Offer::of(supported.iter().cloned()))
}

fn check(plan: &Plan, expected: &str) -> Result<(), Problem> {
    let left_out: Vec<&str> = plan.left_out.iter().map(|left| left.name.as_str()).collect();
    if plan.first() == Some(expected) && left_out == ["holiday"] {
        return Ok(());
    }
    Err(Problem::Unexpected(format!("the car should begin with {expected}:\n{plan}")))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let words: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    words.join(" ")
}
