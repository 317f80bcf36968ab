//! Step 12: a key is in wrong hands. One officer suspends the root at once; the list follows.

use ctl_admin::ctl_core::parts::WithdrawalReason;
use ctl_admin::signer::notice::Issue;
use ctl_admin::signing::Say as _;

use super::applications::{LIST, parse};
use super::back_end::Stations;
use super::device::Device;
use super::pkis::Pkis;
use crate::Problem;
use crate::ceremony::{hold, signers};
use crate::people::{People, index};
use crate::tour::Tour;

/// Suspends Borealis.
pub(crate) async fn suspend(
    tour: &mut Tour,
    people: &mut People,
    pkis: &Pkis,
    device: &Device,
    stations: &Stations,
) -> Result<(), Problem> {
    tour.begin("A root is suspended in a hurry", &format!("lists/{LIST}"));
    let anchor = pkis.root("borealis")?.fingerprint;
    let notice = Issue { list: parse(LIST)?, anchor, reason: WithdrawalReason::KeyCompromise, seconds: None };
    let signing = people.signing(&["officer-alpha"])?;
    let issued = index(notice.run(people.session("officer-alpha")?, &signing).await?)?;
    hold(people, "notices", &signers(["officer-alpha"]), issued).await?;
    tour.say("Borealis' key is in wrong hands: an emergency officer issues a notice and signs it");
    tour.see("v1/notices/notices.json");
    device.sync().await?;
    device.expect(tour, pkis, &["aurora", "cirrus", "dynamo", "elektra"], 0)?;
    tour.say("the charger syncs: Borealis and the certificate that vouches for it are gone, although");
    tour.say("nobody has signed a new list yet");
    device.show(tour)?;
    stations.follow(tour, pkis).await?;
    let published = hold(people, LIST, &signers(["signer-gamma", "signer-alpha"]), issued).await?;
    tour.say(format!("then the list follows (entry {}):", published.index));
    tour.quote(&published.draft.difference);
    tour.say("(the others have been published long enough to count as usable: a second, in this charter)");
    device.sync().await?;
    device.expect(tour, pkis, &["aurora", "cirrus", "dynamo", "elektra"], 0)?;
    tour.see(&format!("v1/lists/{LIST}/diff?from=1&to=2"));
    tour.page(&format!("lists/{LIST}/changes?from=1&to=2"));
    Ok(())
}
