//! `sla`: service levels.

use clap::Subcommand;
use ctl_admin::AdminError;
use ctl_admin::auditor::sla;
use ctl_core::names::ParticipantId;
use ctl_policy::sla::Month;

use super::Shell;

#[derive(Subcommand)]
pub(crate) enum Sla {
    /// Fetch the watchers' reports on an operator's services in a month, verify them and show them
    Report {
        /// Whose services
        #[arg(long, required_unless_present = "own")]
        operator: Option<ParticipantId>,
        /// Those of the trust list manager itself
        #[arg(long, conflicts_with = "operator")]
        own: bool,
        /// Only what this watcher reports
        #[arg(long)]
        watcher: Option<ParticipantId>,
        /// Which, like 2026-10 [default: the latest]
        #[arg(long)]
        month: Option<Month>,
    },
    /// Show the breaches of service levels that watchers claim, and which of them are confirmed
    Breaches {
        /// Only those of this operator
        #[arg(long)]
        operator: Option<ParticipantId>,
        /// Only those that are not over
        #[arg(long)]
        open: bool,
    },
    /// Show how long whom the governance kept waiting, and whom other PKIs did
    Promises,
}

impl Sla {
    /// Exit status 1 if a report cannot be verified to the end.
    pub(super) async fn run(self, shell: &Shell) -> Result<u8, AdminError> {
        let mut session = shell.session()?;
        match self {
            Self::Report { operator, watcher, month, .. } => {
                let found = sla::report(&mut session, operator.as_ref(), watcher.as_ref(), month).await?;
                shell.show(&found)?;
                Ok(u8::from(found.reports.iter().any(|one| one.report.is_none())))
            }
            Self::Breaches { operator, open } => {
                shell.show(&sla::breaches(&mut session, operator.as_ref(), open).await?)
            }
            Self::Promises => shell.show(&sla::promises(&mut session).await?),
        }
    }
}
