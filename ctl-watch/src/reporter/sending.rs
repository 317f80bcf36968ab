//! Sends statements to the service from outside. A statement is recorded once a signed checkpoint proves it.

use ctl_core::{PublicKey, Signer, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::Body;
use ctl_replica::receipts::Standing;
use ctl_replica::{Blob, Pending, Replica, ReplicaError, Submission};

use super::{Pauses, ReporterError, Scheme, Subject};

/// A replica, and the key that signs the statements.
pub struct Sending<'a> {
    replica: &'a mut Replica,
    key: &'a [Box<dyn Signer>; 1],
}

impl<'a> Sending<'a> {
    /// First settles statements of an earlier run whose fate is unknown: each is sent again, and the log takes it only
    /// once. Nothing new is sent before.
    ///
    /// The replica must be synced, and must remember in a folder what is sent.
    ///
    /// # Errors
    /// [`ReporterError::Later`] if the fate of one is still unknown.
    pub async fn begin(
        replica: &'a mut Replica,
        key: &'a [Box<dyn Signer>; 1],
        pauses: &Pauses,
    ) -> Result<Self, ReporterError> {
        for noted in replica.noted().map_err(later)? {
            match noted.standing {
                // The log may have the statement without its blob.
                Standing::Waiting | Standing::Contained => {}
                // It is made anew.
                Standing::Lapsed => {
                    replica.forget(&noted.sent.statement);
                    continue;
                }
                Standing::Lost(_) => continue,
            }
            let Some(pending) = replica.unfinished(&noted).map_err(later)? else {
                if noted.standing == Standing::Contained {
                    // What watchers have said stands in the state.
                    replica.forget(&noted.sent.statement);
                }
                continue;
            };
            if noted.standing == Standing::Contained {
                let now = replica.now();
                let blobs = Subject::Blobs(noted.sent.statement);
                // What the log has without its blob holds up nothing.
                let sending = async {
                    let (_, not_uploaded) = send(replica, &pending).await?;
                    let refused = |why| Err(ReporterError::Refused { reason: "blob".into(), why });
                    not_uploaded.into_iter().next().map_or(Ok(()), refused)
                };
                if let Err(error) = pauses.unless_paused(blobs, now, sending).await
                    && !matches!(error, ReporterError::Refused { .. })
                {
                    return Err(error);
                }
                continue;
            }
            match send(replica, &pending).await {
                Ok(_) => {}
                // It is forgotten; if it is still true, it is due again.
                Err(ReporterError::Refused { why, .. }) => {
                    tracing::warn!(why, statement = %noted.sent.statement, "a statement was not recorded");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self { replica, key })
    }
}

impl Scheme for Sending<'_> {
    fn key(&self) -> PublicKey {
        let [key] = self.key;
        key.public_key()
    }

    fn present(&self) -> Result<(State, Timestamp), ReporterError> {
        Ok((self.replica.log().map_err(later)?.state().clone(), self.replica.now()))
    }

    async fn say(&mut self, body: Body, blob: Option<Blob>) -> Result<u64, ReporterError> {
        let pending = self.replica.write(self.key, body, blob.into_iter().collect());
        let pending = pending
            .map_err(|error| ReporterError::Refused { reason: String::new(), why: error.to_string() })?;
        Ok(send(self.replica, &pending).await?.0)
    }
}

/// Sends a statement; returns the index of its entry when that is proven, and what was not uploaded.
async fn send(replica: &mut Replica, pending: &Pending) -> Result<(u64, Vec<String>), ReporterError> {
    let what = pending.statement.payload.body.type_name();
    match replica.send(pending).await {
        Ok(Submission::Recorded { receipt, not_uploaded, .. }) => {
            for problem in &not_uploaded {
                tracing::warn!(
                    problem,
                    entry = receipt.index,
                    "the statement is recorded without its report; sending the report will be tried again"
                );
            }
            tracing::info!(what, entry = receipt.index, "recorded");
            Ok((receipt.index, not_uploaded))
        }
        Ok(Submission::Sent { receipt, .. }) => {
            let index = receipt.index;
            Err(ReporterError::Later(format!(
                "the service says that it recorded the {what} as entry {index}, but no signed checkpoint covers it yet"
            )))
        }
        Ok(Submission::Unknown { problem, .. }) => Err(ReporterError::Later(format!(
            "it is not known yet whether the {what} is recorded: {problem}"
        ))),
        Ok(Submission::Pending { .. }) => Err(ReporterError::Later(format!("the {what} was not sent"))),
        Err(ref error @ ReplicaError::Refusal { reason: Some(ref reason), .. }) => {
            Err(ReporterError::Refused { reason: reason.clone(), why: format!("the {what}: {error}") })
        }
        Err(error) => Err(later(error)),
    }
}

fn later(error: ReplicaError) -> ReporterError {
    ReporterError::Later(error.to_string())
}
