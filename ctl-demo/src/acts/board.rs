//! Step 4: the board appoints those who sign, by its top-level targets.

use crate::Problem;
use crate::ceremony::{hold, signers};
use crate::people::People;
use crate::tour::Tour;

/// Publishes them; gives the publication's index.
pub(crate) async fn appoint(tour: &mut Tour, people: &mut People) -> Result<u64, Problem> {
    tour.begin("The board appoints those who sign", "log");
    let published = hold(people, "targets", &signers(["board-beta", "board-alpha"]), 0).await?;
    tour.say("top-level targets, signed by two of the board: who signs the list, the registry, the notices");
    tour.say("each tool rebuilt the draft from the log and compared it with the server's before it signed");
    tour.see("tuf/metadata/1.root.json");
    tour.see("tuf/metadata/1.targets.json");
    Ok(published.index)
}
