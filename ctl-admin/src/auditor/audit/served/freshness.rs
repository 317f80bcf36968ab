//! What the server signs itself: timestamp and snapshot.

use std::collections::BTreeMap;

use ctl_core::json;
use ctl_core::paths;
use ctl_core::role::Role;
use ctl_core::tuf::{Limits, MetaFile, Root, Signed, Snapshot, Timestamp, verify_role};
use serde::Deserialize as _;

use super::super::Publication;
use super::Comparer;
use crate::AdminError;

impl Comparer<'_> {
    /// Timestamp and snapshot must be signed by the server's keys and name the latest versions.
    pub(super) async fn freshness(&mut self, latest: &[&Publication]) -> Result<(), AdminError> {
        let limits = Limits::default();
        let Some(root) = latest.iter().find(|publication| publication.role == Role::Root) else {
            self.result.notes.push("nothing is published yet".into());
            return Ok(());
        };
        let root = json::parse_olpc(&root.documents.metadata, limits.root).map(Root::deserialize);
        let Ok(Ok(root)) = root else { return Ok(()) };
        if latest.iter().all(|publication| publication.role == Role::Root) {
            return Ok(());
        }
        let path = paths::TIMESTAMP.plain();
        let Some(bytes) = self.file(path, limits.timestamp).await? else { return Ok(()) };
        let timestamp =
            Signed::<Timestamp>::parse("timestamp", &bytes, limits.timestamp).and_then(|signed| {
                verify_role("timestamp", &signed, &root.threshold("timestamp"))?;
                Ok(signed.signed)
            });
        let timestamp = match timestamp {
            Ok(timestamp) => timestamp,
            Err(error) => {
                self.differ(path, error);
                return Ok(());
            }
        };
        if timestamp.expires <= self.session.now() {
            self.differ(path, format_args!("expired at {}", timestamp.expires));
        }
        let Some(meta) = timestamp.meta.get("snapshot.json") else { return Ok(()) };
        let path = paths::metadata(meta.version, "snapshot");
        let Some(bytes) = self.file(&path, limits.snapshot).await? else { return Ok(()) };
        let snapshot = meta.check_bytes("snapshot.json", &bytes).and_then(|()| {
            let signed = Signed::<Snapshot>::parse("snapshot", &bytes, limits.snapshot)?;
            verify_role("snapshot", &signed, &root.threshold("snapshot"))?;
            Ok(signed.signed)
        });
        match snapshot {
            Err(error) => self.differ(&path, error),
            Ok(snapshot) => self.snapshot(&path, &snapshot, latest),
        }
        Ok(())
    }

    fn snapshot(&mut self, path: &str, snapshot: &Snapshot, latest: &[&Publication]) {
        let mut named: BTreeMap<&str, &MetaFile> =
            snapshot.meta.iter().map(|(name, file)| (name.as_str(), file)).collect();
        for publication in latest.iter().filter(|publication| publication.role != Role::Root) {
            let name = format!("{}.json", publication.role);
            match named.remove(name.as_str()) {
                None => self.differ(path, format_args!("does not name {name}")),
                Some(file) if file.version != publication.version => self.differ(
                    path,
                    format_args!(
                        "names {name} {}, the log's latest is {}",
                        file.version, publication.version
                    ),
                ),
                Some(_) => {}
            }
        }
        for name in named.keys() {
            self.differ(path, format_args!("names {name}, which the log does not publish"));
        }
    }
}
