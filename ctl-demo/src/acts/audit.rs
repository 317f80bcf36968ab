//! Step 17: someone who takes no part audits the server from outside.

use ctl_admin::auditor::audit;
use ctl_admin::screening::Policies;

use crate::Problem;
use crate::people::People;
use crate::tour::{Tour, number_of};

/// Audits it, from the first root.json.
pub(crate) async fn audit(tour: &mut Tour, people: &People) -> Result<(), Problem> {
    tour.begin("An audit from outside", "log");
    let report = audit::run(people.options(), &Policies::with(&[] as &[&str])?).await?;
    if !report.is_clean() {
        return Err(Problem::Unexpected(format!("the audit finds: {}", report.differences.join("; "))));
    }
    tour.say(format!(
        "{} entries downloaded and replayed, {} signatures on statements verified,",
        report.entries, report.statement_signatures
    ));
    tour.say(format!(
        "{} publications rebuilt to the byte, {} served files compared: everything follows from the log",
        report.publications.len(),
        report.files
    ));
    tour.say(format!(
        "{} of {} screenings computed again with the same result",
        report.screenings.same, report.screenings.recorded
    ));
    tour.say(format!(
        "what watchers claim of {} follows from it as well",
        number_of(report.watch.breaches.len(), "outage")
    ));
    tour.see("log/checkpoint");
    Ok(())
}
