//! Step 9: identifiers of mobility operators are assigned, one moves, the registry is published.

use ctl_admin::registrar::mo::Mo;
use ctl_admin::signing::Say as _;

use super::applications::parse;
use crate::Problem;
use crate::ceremony::{hold, signers};
use crate::people::{People, index, refused};
use crate::tour::Tour;

const KEPT: &str = "DEELK";
const MOVED: &str = "NLWTW";
/// Wattway's in Germany.
const ABROAD: &str = "DEVLT";

/// Keeps the book and publishes it.
pub(crate) async fn keep(tour: &mut Tour, people: &mut People) -> Result<(), Problem> {
    tour.begin("Identifiers of mobility operators", "registry");
    let assigned =
        [(KEPT, "elektra", "bdew"), (MOVED, "wattway", "idro-benelux"), (ABROAD, "wattway", "bdew")];
    for (id, holder, source) in assigned {
        let assign = Mo::Assign { id: parse(id)?, holder: parse(holder)?, source: parse(source)? };
        let signing = people.signing(&["registrar"])?;
        index(assign.run(people.session("registrar")?, &signing).await?)?;
        tour.say(format!("{id} is assigned to {holder}, as the national registry {source} has it"));
    }
    let transfer = Mo::Transfer { id: parse(MOVED)?, to: parse("elektra")? };
    let alone = people.signing(&["registrar"])?;
    let detail = refused(transfer.run(people.session("registrar")?, &alone).await, "too-few-signatures")?;
    tour.say(format!("refused: {detail}"));
    let both = people.signing(&["registrar", "wattway"])?;
    let moved = index(transfer.run(people.session("registrar")?, &both).await?)?;
    tour.say(format!("{MOVED} moves to elektra with its holder's signature (entry {moved})"));
    hold(people, "registry", &signers(["registrar"]), moved).await?;
    tour.say("the registrar signs the registry");
    tour.see("v1/registry/mo.json");
    Ok(())
}
