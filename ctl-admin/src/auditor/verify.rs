//! Verifies one signed file offline, from a root.json of any age.

use std::path::Path;

use ctl_core::list::offline::{Document, MAX_FILE, verify_offline};
use ctl_core::names::{Origin, print};
use ctl_core::role::Role;
use ctl_core::tuf::Limits;
use ctl_core::{Digest, KeyId, Timestamp};
use serde::Serialize;

use crate::output::{Render, table};
use crate::{AdminError, describe, exit, files};

/// What a signed file says, once it is verified.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// Whose document it is.
    pub role: Role,
    /// The scheme.
    pub scheme: Digest,
    /// `test` or `production`.
    pub environment: String,
    /// The document's number.
    pub sequence: u64,
    /// SHA-256 of the payload.
    pub sha256: Digest,
    /// When a newer one is due.
    pub next_update: Timestamp,
    /// The root version that it was verified by.
    pub root_version: u64,
    /// Keys whose signatures counted.
    pub signers: Vec<KeyId>,
    /// The log that it was drafted in, where that has ended since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub former_log: Option<Origin>,
    /// What is over: `root`, `targets`, `document`.
    pub expired: Vec<&'static str>,
    /// What it lists.
    pub entries: Vec<Listed>,
}

/// One thing in the document.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Fingerprint or identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
    /// Uses, constraints and the like.
    pub details: String,
}

impl Render for Verified {
    fn text(&self) -> String {
        let mut text = if self.expired.is_empty() {
            "VALID: ".to_owned()
        } else {
            format!(
                "EXPIRED ({}): do not rely on it, look for a newer file. The signatures hold: ",
                self.expired.join(", ")
            )
        };
        text += &format!(
            "{} sequence {} of scheme {} ({})\npayload SHA-256 {}\nsigned by {} key(s), checked up to root version {}\nnext update due {}\n",
            self.role,
            self.sequence,
            self.scheme,
            self.environment,
            self.sha256,
            self.signers.len(),
            self.root_version,
            self.next_update
        );
        if let Some(log) = &self.former_log {
            text += &format!("drafted in the log {log}, which ended: the board let it begin anew since\n");
        }
        text += "offline nobody can tell whether there is a newer one\n";
        if self.entries.is_empty() {
            return text;
        }
        let rows = self.entries.iter().map(|entry| {
            let id = entry.id.chars().take(16).collect();
            let name = if entry.name.is_empty() { String::new() } else { print::name(&entry.name) };
            vec![id, name, entry.status.clone(), entry.details.clone()]
        });
        text + &table(&["id", "name", "status", "details"], rows)
    }

    /// The exit status that goes with it.
    fn exit_code(&self) -> u8 {
        if self.expired.is_empty() { exit::DONE } else { exit::EXPIRED }
    }
}

/// Verifies a file from a root.json of any age.
///
/// # Errors
/// A file cannot be read, or does not verify.
pub fn run(file: &Path, root: &Path, now: Timestamp) -> Result<Verified, AdminError> {
    let root = files::read(root, Limits::default().root)?;
    let bytes = files::read(file, MAX_FILE)?;
    let verified = verify_offline(&root, &bytes, None, Some(now))
        .map_err(|e| AdminError::Untrue(format!("{} does not verify: {e}", file.display())))?;
    let (scheme, environment, sequence, entries) = match &verified.document {
        Document::List(list) => {
            let anchors = list.anchors.iter().map(|anchor| {
                let constraints: Vec<String> =
                    anchor.constraints.0.iter().map(|(name, one)| describe::constraint(name, one)).collect();
                Listed {
                    id: anchor.fingerprint.to_string(),
                    name: anchor.name.to_string(),
                    status: anchor.status.to_string(),
                    details: [describe::uses_line(&anchor.uses)]
                        .into_iter()
                        .chain(constraints)
                        .collect::<Vec<_>>()
                        .join("; "),
                }
            });
            let crosses = list.cross_certificates.iter().map(|cross| Listed {
                id: cross.fingerprint.to_string(),
                name: cross.name.to_string(),
                status: cross.status.to_string(),
                details: format!("{} vouches for {}", cross.issuer.short(), cross.subject.short()),
            });
            let distrusted = list.distrusted.iter().map(|distrusted| Listed {
                id: distrusted.sha256.to_string(),
                name: String::new(),
                status: "distrusted".into(),
                details: format!("{:?}", distrusted.kind).to_lowercase(),
            });
            let entries = anchors.chain(crosses).chain(distrusted).collect();
            (list.scheme, list.environment, list.sequence, entries)
        }
        Document::Registry(registry) => {
            let entries = registry.identifiers.iter().map(|entry| Listed {
                id: entry.id.to_string(),
                name: entry.name.to_string(),
                status: format!("{:?}", entry.status).to_lowercase(),
                details: format!("from {}", entry.source),
            });
            (registry.scheme, registry.environment, registry.sequence, entries.collect())
        }
        Document::Notices(notices) => {
            let entries = notices.notices.iter().map(|notice| Listed {
                id: notice.anchor.to_string(),
                name: String::new(),
                status: "suspended".into(),
                details: format!("on list {} until {}", notice.list, notice.expires_at),
            });
            (notices.scheme, notices.environment, notices.sequence, entries.collect())
        }
    };
    Ok(Verified {
        role: verified.role,
        scheme,
        environment: environment.to_string(),
        sequence,
        sha256: Digest::of(&verified.payload),
        next_update: verified.next_update,
        root_version: verified.root_version,
        signers: verified.signers.into_iter().collect(),
        former_log: verified.former_log,
        expired: verified.expired.unwrap_or_default(),
        entries,
    })
}
