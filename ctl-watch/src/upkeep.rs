//! Periodic work: writes the file of targets for Prometheus, and counts the bytes of the history.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::aggregator::Aggregator;
use super::service_discovery::TargetsFile;
use super::target::Target;

/// How often the bytes are counted.
const EVERY: Duration = Duration::from_secs(60);

/// Works until nobody publishes targets any more.
pub async fn run(
    aggregator: Aggregator,
    data: impl AsRef<Path>,
    store_bytes: Arc<AtomicU64>,
    mut targets: watch::Receiver<Arc<[Arc<Target>]>>,
) {
    let mut file = TargetsFile::below(data.as_ref());
    loop {
        let aggregator = aggregator.clone();
        let work = spawn_blocking(move || {
            let written = file.follow(&aggregator.standings());
            (file, written, aggregator.store().bytes_on_disk())
        });
        let Ok((same, written, bytes)) = work.await else { break };
        file = same;
        store_bytes.store(bytes, Ordering::Relaxed);
        if let Err(error) = written {
            tracing::warn!(path = %file.path().display(), %error, "the targets cannot be written for Prometheus");
        }
        if let Ok(Err(_)) = timeout(EVERY, targets.changed()).await {
            break;
        }
    }
}
