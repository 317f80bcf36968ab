//! Follows the lists and the notices of a scheme as any client can: fetches each signed file, verifies it from a trusted
//! root.json, and never goes back. What cannot be verified changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::list::offline::{self, Document, MAX_FILE, OfflineError, verify_offline};
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp};
use ctl_fetch::{Addresses, Fetch as _, Fetcher, Options, Request};
use ctl_formats::rendition;
use ctl_host::clock::Clock;
use ctl_host::files;
use tokio::sync::{Notify, oneshot, watch};

use crate::config::Scheme;
use crate::error::StartError;
use crate::metrics::Metrics;
use crate::store::{Held, Outcome, Store, StoreError};

/// How long the service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest root.json in bytes.
const MAX_ROOT: u64 = 1 << 20;

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not verify.
    #[error(transparent)]
    Unverified(#[from] OfflineError),
    /// It is no list and no notices.
    #[error("it is another document")]
    Other,
    /// Something in it is over; an old file is never taken for a new one.
    #[error("expired: {}", .0.join(", "))]
    Expired(Vec<&'static str>),
    /// An older version than the one that is held.
    #[error("version {found} is older than {held}, which was seen before: the service is behind, or lies")]
    Older { held: u64, found: u64 },
    /// Another document of the same number as the one that is held.
    #[error("version {0} is not the version {0} that was seen before: somebody signed two")]
    Two(u64),
    /// Verified by an older root than one that was seen before.
    #[error("verified by root version {found}, and {held} was seen before: the service is behind, or lies")]
    OlderRoot { held: u64, found: u64 },
}

/// Judges a file of a role by what is held: the new version, or none if it is the one that is held.
///
/// # Errors
/// [`Refusal`]
pub fn judge(
    trusted_root: &[u8],
    file: &[u8],
    role: &Role,
    held: &[Held],
    now: Timestamp,
) -> Result<Option<Held>, Refusal> {
    let offline::VerifiedDocument { document, payload, root_version, next_update, expired, .. } =
        verify_offline(trusted_root, file, Some(role), Some(now))?;
    let (sequence, issued_at) = match &document {
        Document::List(list) => (list.sequence, list.issued_at),
        Document::Notices(notices) => (notices.sequence, notices.issued_at),
        Document::Registry(_) => return Err(Refusal::Other),
    };
    let newest_root = held.iter().map(|held| held.root_version).max().unwrap_or(0);
    if root_version < newest_root {
        return Err(Refusal::OlderRoot { held: newest_root, found: root_version });
    }
    let sha256 = Digest::of(&payload);
    if let Some(before) = held.iter().find(|held| held.role == *role) {
        if sequence < before.sequence {
            return Err(Refusal::Older { held: before.sequence, found: sequence });
        }
        if sequence == before.sequence && sha256 != before.sha256 {
            return Err(Refusal::Two(sequence));
        }
        if sequence == before.sequence && root_version == before.root_version {
            return Ok(None);
        }
    }
    let expired = expired.unwrap_or_default();
    if !expired.is_empty() {
        return Err(Refusal::Expired(expired));
    }
    let role = role.clone();
    Ok(Some(Held { role, sequence, sha256, root_version, issued_at, next_update, payload }))
}

/// How following stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When all files were last fetched and either taken or held already.
    pub good: Option<Timestamp>,
    /// What is wrong with the latest look.
    pub problems: Vec<String>,
    /// The documents that are held, without their payloads.
    pub held: Vec<Held>,
}

/// Follows a scheme.
pub struct Follower {
    roles: Vec<Role>,
    server: String,
    trusted_root: Vec<u8>,
    fetcher: Fetcher,
    every: Duration,
    waiting_per_endpoint: u32,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    told: watch::Sender<Standing>,
    /// Woken when there is something to deliver.
    wake: Arc<Notify>,
}

/// What a follower shares with the rest of the program.
pub struct Shared {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub told: watch::Sender<Standing>,
    pub wake: Arc<Notify>,
}

impl Follower {
    /// A follower of the scheme that the configuration names. Reads the trusted root.json.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn new(scheme: &Scheme, waiting_per_endpoint: u32, shared: Shared) -> Result<Self, StartError> {
        if scheme.lists.is_empty() {
            return Err(StartError::NoLists);
        }
        if !scheme.server.starts_with("http://") && !scheme.server.starts_with("https://") {
            return Err(StartError::NoServer(scheme.server.clone()));
        }
        let Shared { store, clock, metrics, told, wake } = shared;
        Ok(Self {
            roles: scheme.roles(),
            server: scheme.server.trim_end_matches('/').to_owned(),
            trusted_root: read_root(&scheme.root)?,
            fetcher: Fetcher::new(&Options::for_own_addresses(scheme.tls_roots.clone()))?,
            every: scheme.every,
            waiting_per_endpoint,
            store,
            clock,
            metrics,
            told,
            wake,
        })
    }

    /// Looks again and again until it is told to stop.
    pub async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let this = Arc::new(self);
        // Lists that are not followed any more go before anything new is compared.
        if let Err(error) = this.take(Vec::new()).await {
            tracing::error!(%error, "the lists that were held cannot be read");
        }
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                () = this.look() => {}
            }
            tokio::select! {
                _ = &mut stopped => return,
                () = tokio::time::sleep(this.every) => {}
            }
        }
    }

    async fn look(self: &Arc<Self>) {
        let mut standing = Standing { good: self.told.borrow().good, ..Standing::default() };
        match self.look_at_all().await {
            Ok(problems) => standing.problems = problems,
            Err(error) => standing.problems.push(error.to_string()),
        }
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || store.held()).await {
            Ok(Ok(held)) => standing.held = held,
            Ok(Err(error)) => standing.problems.push(error.to_string()),
            Err(error) => standing.problems.push(error.to_string()),
        }
        if standing.problems.is_empty() {
            standing.good = Some(self.clock.now());
        }
        let before = self.told.send_replace(standing.clone());
        for problem in standing.problems.iter().filter(|problem| !before.problems.contains(problem)) {
            tracing::warn!(problem, "the lists cannot be followed as they should");
        }
    }

    /// One look at every file; what is wrong with any.
    async fn look_at_all(self: &Arc<Self>) -> Result<Vec<String>, StoreError> {
        let store = Arc::clone(&self.store);
        let held = blocking(move || store.held()).await?;
        let (mut met, mut renewed, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for role in &self.roles {
            match self.ask(role, &held).await {
                Ok(None) => {}
                Ok(Some(new))
                    if matches!(role, Role::List(_)) && held.iter().all(|one| one.role != *role) =>
                {
                    met.push(new);
                }
                Ok(Some(new)) => renewed.push(new),
                Err(why) => problems.push(format!("{role}: {why}")),
            }
        }
        // Apart, so that what is met for the first time silences nothing else; and always, for roots end by themselves.
        self.take(renewed).await?;
        if !met.is_empty() {
            self.take(met).await?;
        }
        Ok(problems)
    }

    async fn ask(self: &Arc<Self>, role: &Role, held: &[Held]) -> Result<Option<Held>, String> {
        let path = rendition::SIGNED.path(role).ok_or("it has no file")?;
        let request = Request {
            url: format!("{}/{path}", self.server),
            body: None,
            content_type: None,
            accept: rendition::SIGNED.media_type,
            headers: Vec::new(),
            max_body: MAX_FILE,
            timeout: TIMEOUT,
            addresses: Addresses::Turn(0),
        };
        let exchange = self.fetcher.fetch(&request).await.into_iter().next();
        let answer = exchange.ok_or("no address")?.result.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("the service answered {}", answer.status));
        }
        let (this, role, held, now) = (Arc::clone(self), role.clone(), held.to_vec(), self.clock.now());
        let judged = move || judge(&this.trusted_root, &answer.body, &role, &held, now);
        let judged = tokio::task::spawn_blocking(judged).await.map_err(|error| error.to_string())?;
        judged.map_err(|refusal| refusal.to_string())
    }

    async fn take(self: &Arc<Self>, new: Vec<Held>) -> Result<(), StoreError> {
        let (this, now) = (Arc::clone(self), self.clock.now());
        let versions: Vec<String> =
            new.iter().map(|held| format!("{} {}", held.role, held.sequence)).collect();
        let work = move || this.store.advance(&new, &this.roles, now, this.waiting_per_endpoint);
        let advanced = blocking(work).await?;
        if !versions.is_empty() {
            tracing::info!(?versions, events = advanced.events.len(), met = advanced.met, "new versions");
        }
        for (kind, key) in &advanced.events {
            self.metrics.count_event(*kind);
            tracing::info!(event = kind.as_str(), root = key.id, "an event");
        }
        self.metrics.count_deliveries(Outcome::Overflow, advanced.overflow);
        if !advanced.events.is_empty() {
            self.wake.notify_one();
        }
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StoreError::Io(std::io::Error::other(error.to_string()))),
    }
}

fn read_root(path: &Path) -> Result<Vec<u8>, StartError> {
    let failed = |error| StartError::Root { path: path.to_owned(), error };
    let read = files::read(path, MAX_ROOT).map_err(failed)?;
    read.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))
}
