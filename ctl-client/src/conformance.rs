//! The command line by which the public TUF conformance suite drives a client: metadata under
//! non-versioned names in one directory, nothing of lists, logs and sinks.

use std::collections::BTreeMap;
use std::path::Path;

use ctl_core::tuf::{Clock, Limits, LocalMetadata, Updater, verify::trusted_root};

use crate::error::ClientError;
use crate::files::{self, Disk};
use crate::folder::Folder;
use crate::sync::{system_time, take_steps};
use crate::transport::{Source, TransportOptions, encode_segment};

const ROOT: &str = "root.json";

/// Takes this root as trusted.
pub(crate) fn init(metadata: &Path, root: &[u8]) -> Result<(), ClientError> {
    trusted_root(root, &Limits::default())?;
    let folder = files::create_directories(&Disk, metadata)?;
    files::replace(&Disk, &folder, ROOT, root)
}

fn load(metadata: &Folder) -> Result<LocalMetadata, ClientError> {
    let failed = |source| ClientError::file("read", metadata.path(), source);
    let limits = Limits::default();
    let most = limits.targets.max(limits.snapshot);
    let mut found = BTreeMap::new();
    for name in metadata.names().map_err(failed)? {
        let Ok(name) = name.into_string() else { continue };
        if name.ends_with(".json")
            && !name.starts_with('.')
            && let Some(bytes) = files::read_in(metadata, &name, most)?
        {
            found.insert(name, bytes);
        }
    }
    let path = metadata.path().join(ROOT);
    let root = found.remove(ROOT).ok_or(ClientError::RootDamaged { path })?;
    Ok(LocalMetadata { root, files: found })
}

/// Refreshes, and downloads these targets.
pub(crate) async fn refresh(
    metadata: &Path,
    metadata_url: &str,
    targets: &[String],
    target_base: Option<(&str, &Path)>,
) -> Result<(), ClientError> {
    let options = TransportOptions::default();
    let source = Source::open(metadata_url, &options)?;
    let metadata = files::create_directories(&Disk, metadata)?;
    let mut updater = Updater::new(load(&metadata)?, Clock::Known(system_time()), Limits::default())?;
    let keep = |name: String, bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) => files::replace(&Disk, &metadata, &name, &bytes),
        None => files::remove(&Disk, &metadata, name.as_ref()),
    };
    take_steps(&mut updater, &source, "", keep).await?;
    let Some((base, folder)) = target_base else { return Ok(()) };
    let targets_source = Source::open(base, &options)?;
    let folder = files::create_directories(&Disk, folder)?;
    for name in targets {
        updater.seek(name)?;
        take_steps(&mut updater, &source, "", keep).await?;
        let missing = || ClientError::NotPublished { name: name.clone(), had: false };
        let target = updater.found().ok_or_else(missing)?;
        let limit = usize::try_from(target.length).unwrap_or(usize::MAX);
        let path: Vec<String> = target.path.split('/').map(encode_segment).collect();
        let bytes = targets_source.fetch(&path.join("/"), limit).await?.ok_or_else(missing)?;
        target.check(&bytes)?;
        // Nothing refused is ever left in the folder, and no name leads out of it.
        files::replace(&Disk, &folder, &encode_segment(name), &bytes)?;
    }
    Ok(())
}
