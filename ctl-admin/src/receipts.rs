//! What was sent from here, and where it stands by the log.

use std::path::PathBuf;

use ctl_replica::Replica;
use ctl_replica::receipts::{Noted, Sent, Standing};
use serde::Serialize;

use crate::output::{Render, table};
use crate::{AdminError, exit};

/// A note, in a row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was sent.
    #[serde(flatten)]
    pub sent: Sent,
    /// `contained`, `waiting`, `lapsed` or `lost`.
    pub standing: &'static str,
    /// The statement, if it can be sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// All that was sent, and where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Receipts {
    /// Number of entries in the log.
    pub entries: u64,
    /// What was sent, oldest first.
    pub sent: Vec<Row>,
}

impl Render for Receipts {
    fn text(&self) -> String {
        let head = format!("log of {} entries, verified and replayed\n", self.entries);
        if self.sent.is_empty() {
            return head + "nothing was sent from here\n";
        }
        let rows = self.sent.iter().map(|row| {
            let entry =
                row.sent.receipt.as_ref().map_or_else(|| "-".into(), |receipt| receipt.index.to_string());
            let standing = match row.standing {
                "contained" => "in the log".to_owned(),
                "waiting" => "not in the log yet".into(),
                "lapsed" => "never recorded, and too old by now: make it anew".into(),
                _ => "LOST: the log does not contain it".into(),
            };
            vec![row.sent.sent_at.to_string(), row.sent.r#type.clone(), entry, standing]
        });
        let files =
            self.sent.iter().filter(|row| row.standing == "waiting").filter_map(|row| row.file.as_ref());
        let again: String =
            files.map(|file| format!("send it again with: ctl-admin submit {}\n", file.display())).collect();
        head + &table(&["sent", "what", "entry", "standing"], rows) + &again
    }

    fn exit_code(&self) -> u8 {
        let any = |standing: &str| self.sent.iter().any(|row| row.standing == standing);
        if any("lost") {
            exit::LOST
        } else if any("waiting") {
            exit::UNPROVEN
        } else {
            exit::DONE
        }
    }
}

/// Lists what was sent from here and holds it against the log.
///
/// # Errors
/// The log cannot be had or does not hold, or there is no folder for what was sent.
pub async fn list(session: &mut Replica) -> Result<Receipts, AdminError> {
    let entries = session.sync().await?.size();
    let rows = session.noted()?.into_iter().map(|Noted { sent, standing, file }| {
        let standing = match standing {
            Standing::Contained => "contained",
            Standing::Waiting => "waiting",
            Standing::Lapsed => "lapsed",
            Standing::Lost(_) => "lost",
        };
        Row { sent, standing, file }
    });
    Ok(Receipts { entries, sent: rows.collect() })
}
