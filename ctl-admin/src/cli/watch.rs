//! The arguments of `sla` and `cross`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ctl_admin::AdminError;
use ctl_admin::applicant::cross;
use ctl_admin::applicant::cross::{Document, Request, Respond};
use ctl_admin::auditor::sla;
use ctl_core::Digest;
use ctl_core::names::{ListId, ParticipantId};
use ctl_governance::statement::body::{CrossAnswer, RefusalReason};
use ctl_policy::sla::Month;
use ctl_replica::Replica;

use super::Shell;
use super::arguments::{Keys, word};

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

/// A document that goes along.
#[derive(Args)]
pub(crate) struct Attached {
    /// A document that goes along: terms, a contract, a refusal in full
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Only some may read it: the file is encrypted to them with age or CMS
    #[arg(long, requires = "document")]
    restricted: bool,
}

impl Attached {
    fn document(self) -> Option<Document> {
        let restricted = self.restricted;
        self.document.map(|file| Document { file, restricted })
    }
}

#[derive(Subcommand)]
pub(crate) enum Cross {
    /// Ask another operator to sign a cross-certificate for your root
    Request {
        /// The list that both roots are on
        #[arg(long)]
        list: ListId,
        /// Fingerprint of the anchor that is to sign it
        #[arg(long, value_name = "SHA-256")]
        issuer: Digest,
        /// Fingerprint of your anchor, whose key it is to be for
        #[arg(long, value_name = "SHA-256")]
        subject: Digest,
        #[command(flatten)]
        attached: Attached,
        #[command(flatten)]
        keys: Keys,
    },
    /// Answer a request
    Respond {
        /// Index of its entry
        request: u64,
        /// accepted or declined
        #[arg(value_parser = word::<CrossAnswer>)]
        answer: CrossAnswer,
        /// Why it is declined: policy-not-met, profile-incompatible, terms-not-agreed, legal-obstacle,
        /// already-reachable or issuer-ceasing
        #[arg(long, value_parser = word::<RefusalReason>)]
        reason: Option<RefusalReason>,
        #[command(flatten)]
        attached: Attached,
        #[command(flatten)]
        keys: Keys,
    },
    /// Show the requests and their answers
    List {
        /// Only those that this operator made or was asked
        #[arg(long)]
        operator: Option<ParticipantId>,
        /// Only those without an answer
        #[arg(long)]
        open: bool,
    },
}

impl Cross {
    pub(super) async fn run(self, shell: &Shell) -> Result<u8, AdminError> {
        let mut session: Replica = shell.session()?;
        let session = &mut session;
        let submission = match self {
            Self::List { operator, open } => {
                return shell.show(&cross::list(session, operator.as_ref(), open).await?);
            }
            Self::Request { list, issuer, subject, attached, keys } => {
                let request = Request { list, issuer, subject, terms: attached.document() };
                request.run(session, &super::signing(keys)?).await?
            }
            Self::Respond { request, answer, reason, attached, keys } => {
                let respond = Respond { request, answer, reason, document: attached.document() };
                respond.run(session, &super::signing(keys)?).await?
            }
        };
        shell.show(&submission)
    }
}
