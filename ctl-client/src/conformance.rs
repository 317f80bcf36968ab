//! The command line by which the public TUF conformance suite drives a client: metadata under
//! non-versioned names in one directory, nothing of lists, logs and sinks.

use std::collections::BTreeMap;
use std::path::Path;

use ctl_core::tuf::{Clock, Limits, LocalMetadata, Updater, verify::trusted_root};

use crate::error::ClientError;
use crate::files::{self, Disk, Files};
use crate::sync::{system_time, take_steps};
use crate::transport::{Source, TransportOptions, encode_segment};

const ROOT: &str = "root.json";

/// Takes this root as trusted.
pub(crate) fn init(metadata: &Path, root: &[u8]) -> Result<(), ClientError> {
    trusted_root(root, &Limits::default())?;
    files::create_directories(&Disk, metadata)?;
    files::replace(&Disk, &metadata.join(ROOT), root)
}

fn load(metadata: &Path) -> Result<LocalMetadata, ClientError> {
    let failed = |source| ClientError::file("read", metadata, source);
    let limits = Limits::default();
    let most = limits.targets.max(limits.snapshot);
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(metadata).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.ends_with(".json")
            && !name.starts_with('.')
            && let Some(bytes) = files::read(&entry.path(), most)?
        {
            found.insert(name, bytes);
        }
    }
    let path = metadata.join(ROOT);
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
    let mut updater = Updater::new(load(metadata)?, Clock::Known(system_time()), Limits::default())?;
    let keep = |name: String, bytes: Option<Vec<u8>>| match bytes {
        Some(bytes) => files::replace(&Disk, &metadata.join(name), &bytes),
        None => files::remove(&Disk, &metadata.join(name)),
    };
    take_steps(&mut updater, &source, "", keep).await?;
    let Some((base, folder)) = target_base else { return Ok(()) };
    let targets_source = Source::open(base, &options)?;
    files::create_directories(&Disk, folder)?;
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
        write_target(&Disk, folder, name, &bytes)?;
    }
    Ok(())
}

fn write_target(files: &dyn Files, folder: &Path, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
    files::replace(files, &folder.join(encode_segment(name)), bytes)
}
