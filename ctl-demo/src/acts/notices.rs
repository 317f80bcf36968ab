//! Step 10: the notices are published while there are none, so that a device can tell silence from
//! a notice withheld.

use crate::Problem;
use crate::ceremony::{hold, signers};
use crate::people::People;
use crate::tour::Tour;

/// Publishes them, signed by one whom the board appointed by the entry `appointed`.
pub(crate) async fn publish(tour: &mut Tour, people: &mut People, appointed: u64) -> Result<(), Problem> {
    tour.begin("Emergency notices", "calendar");
    hold(people, "notices", &signers(["officer-beta"]), appointed).await?;
    tour.say("none is in force, and that is signed too: so a device can tell when one is withheld");
    tour.see("v1/notices/notices.json");
    Ok(())
}
