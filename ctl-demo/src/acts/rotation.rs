//! Step 13: a signer gets a new key; the board appoints it, and the list is signed anew.

use ctl_admin::applicant::participant::RotateKey;
use ctl_admin::ctl_core::keys::Algorithm;
use ctl_admin::key;
use ctl_admin::signing::Say as _;

use super::applications::LIST;
use super::device::Device;
use crate::Problem;
use crate::ceremony::{Signer, hold, signers};
use crate::people::{People, index};
use crate::tour::Tour;

const SIGNER: &str = "signer-alpha";
const NEW_KEY: &str = "signer-alpha-2";

/// Rotates it.
pub(crate) async fn rotate(tour: &mut Tour, people: &mut People, device: &Device) -> Result<(), Problem> {
    tour.begin("A signer's key is rotated", &format!("participants/{SIGNER}"));
    key::new(&people.key(NEW_KEY), Algorithm::Es256)?;
    let both = people.signing(&[SIGNER, NEW_KEY])?;
    let rotated = index(RotateKey.run(people.session(SIGNER)?, &both).await?)?;
    tour.say(format!("{SIGNER} signs with the old key and the new one, a P-256 key (entry {rotated})"));
    let board = signers(["board-beta", "board-gamma"]);
    let appointed = hold(people, "targets", &board, rotated).await?;
    tour.say(format!(
        "the board appoints the new key (entry {}): devices will not take the old one",
        appointed.index
    ));
    tour.see("tuf/metadata/2.targets.json");
    let new = [Signer { id: SIGNER, key: NEW_KEY }, Signer { id: "signer-beta", key: "signer-beta" }];
    let published = hold(people, LIST, &new, appointed.index).await?;
    let sequence = published.draft.sequence.unwrap_or_default();
    tour.say(format!("the list is signed again, by the new key and another, as sequence {sequence}"));
    device.sync().await?;
    let accepted = device.sequence(LIST).await?;
    if accepted != sequence {
        return Err(Problem::Unexpected(format!("the charger is at sequence {accepted}, not {sequence}")));
    }
    tour.say(format!("the charger syncs and takes it up, from root.json on: sequence {accepted}"));
    Ok(())
}
