//! Step 8: the list is signed in a ceremony and published.

use super::applications::LIST;
use crate::Problem;
use crate::ceremony::{hold, signers};
use crate::people::People;
use crate::tour::Tour;

/// Publishes what was decided up to the entry `decided`.
pub(crate) async fn publish(tour: &mut Tour, people: &mut People, decided: u64) -> Result<(), Problem> {
    tour.begin("The list is signed", &format!("lists/{LIST}"));
    let published = hold(people, LIST, &signers(["signer-alpha", "signer-beta"]), decided).await?;
    tour.say("what each signer's tool showed, rebuilt from the log:");
    tour.quote(&published.draft.difference);
    tour.say(format!("two of three signed; published as entry {}", published.index));
    tour.see(&format!("v1/lists/{LIST}"));
    tour.see(&format!("v1/lists/{LIST}/ctl.json"));
    Ok(())
}
