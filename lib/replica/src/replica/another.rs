//! When the log is signed with another key than the one known: the board says in root.json whose it is.
//!
//! Another key of the same log is taken from root.json as it is. A log that began anew is not: what this
//! person has seen may not be in it, so they have to confirm, with the number of the restart, or with the
//! new log's keys where root.json does not name it yet.

use ctl_core::PublicKey;
use ctl_core::log::{Checkpoint, LogError, LogKey, Note};
use ctl_core::paths;
use ctl_core::tuf::{Limits, Root, Signed, verify_root_rotation};
use ctl_governance::draft;

use super::{CHECKPOINT, Replica};
use crate::ReplicaError;

impl Replica {
    /// Finds out whose signature a checkpoint carries that is not signed with the key known, and forgets
    /// what was seen of a log that ended, if this person has confirmed that.
    pub(super) async fn another_log(&mut self, note: &Note, error: LogError) -> Result<(), ReplicaError> {
        let address = self.transport.address(CHECKPOINT);
        let unproven = |error| ReplicaError::unproven(address.clone(), error);
        let error = unproven(error);
        if let Some(new) = self.confirmed.new_log.clone() {
            let PublicKey::Ed25519(key) = &new.log else { return Err(error) };
            let origin = new.log_origin.to_string();
            Checkpoint::open_note(note, &origin, &LogKey::new(origin.clone(), *key)?).map_err(unproven)?;
            return self.begin_anew(&origin);
        }
        let seen = self.log.as_ref().and_then(|seen| draft::published_root(&seen.state));
        let Some(known) = seen.or_else(|| self.pinned_root.clone()) else { return Err(error) };
        let newest = self.newest_root(known.clone()).await?;
        let (Some(before), Some(now)) = (&known.v2g, &newest.v2g) else { return Err(error) };
        if before.log == now.log {
            return Err(error);
        }
        let key: LogKey = now.log.key.parse()?;
        Checkpoint::open_note(note, &now.log.origin, &key).map_err(unproven)?;
        let number = now.restarts.len();
        let Some(restart) = now.restarts.last().filter(|_| number > before.restarts.len()) else {
            // The same log, and so what was seen must be in it, which is looked at next.
            return Ok(());
        };
        if self.confirmed.restart == Some(number) {
            return self.begin_anew(&now.log.origin);
        }
        Err(ReplicaError::Restart { number, restart: Box::new(restart.clone()) })
    }

    /// What was seen is put aside, not deleted: receipts are held against the new log.
    fn begin_anew(&mut self, origin: &str) -> Result<(), ReplicaError> {
        if let (Some(folder), Some(seen)) = (&self.folder, self.log.take())
            && seen.checkpoint.origin != origin
        {
            folder.put_aside(seen.checkpoint.size)?;
            self.ended = Some(seen.checkpoint);
            self.saved = None;
        }
        Ok(())
    }

    /// The newest root.json, each signed by the board before it.
    async fn newest_root(&self, known: Root) -> Result<Root, ReplicaError> {
        let limits = Limits::default();
        let mut newest = known;
        for _ in 0..limits.root_rotations {
            let path = paths::metadata(newest.version.saturating_add(1), "root");
            let Some(bytes) = self.transport.get(&path, limits.root).await? else { break };
            // What the board has not signed proves nothing.
            let unproven = |error: &dyn std::fmt::Display| {
                let (address, problem) = (self.transport.address(&path), error.to_string());
                ReplicaError::Unproven { address, problem }
            };
            let next =
                Signed::<Root>::parse("root", &bytes, limits.root).map_err(|error| unproven(&error))?;
            verify_root_rotation(&newest, &next).map_err(|error| unproven(&error))?;
            newest = next.signed;
        }
        Ok(newest)
    }
}
