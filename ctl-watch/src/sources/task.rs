//! Reads each source in its turn, keeps how it stands, and says what happened.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ctl_core::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Contents, Named, Sources, Standing, judge};
use crate::store::Store;

/// What a read gives: what is there, or why not in words.
pub type Reading = Pin<Box<dyn Future<Output = Result<Contents, String>> + Send>>;

/// A source and how it is read.
pub struct Asked {
    pub named: Named,
    /// How often it is read.
    pub period: Duration,
    /// Reads it at this time.
    pub read: Arc<dyn Fn(Timestamp) -> Reading + Send + Sync>,
}

/// What the task works with.
pub struct Setup {
    pub asked: Vec<Asked>,
    pub store: Arc<Store>,
    pub sources: Arc<Sources>,
    /// The longest that one read may take.
    pub deadline: Duration,
    pub now: fn() -> Timestamp,
    /// Ends everything when it is dropped.
    pub stopped: watch::Receiver<()>,
}

/// Reads until the end is told. Sources do not wait for each other.
pub async fn run(setup: Setup) {
    let Setup { asked, store, sources, deadline, now, mut stopped } = setup;
    let mut reading = JoinSet::new();
    for one in asked {
        let (store, sources, mut stopped) = (store.clone(), sources.clone(), stopped.clone());
        reading.spawn(async move {
            let mut standing = kept(&store, &one.named).await;
            sources.put(&one.named, Arc::new(standing.clone()));
            loop {
                let at = now();
                let look = tokio::select! {
                    look = timeout(deadline, (one.read)(at)) => look,
                    _ = stopped.changed() => return,
                };
                let look = look.unwrap_or_else(|_| Err(format!("it takes longer than {deadline:?}")));
                standing = note(&store, &one.named, standing, look, at).await;
                sources.put(&one.named, Arc::new(standing.clone()));
                tokio::select! {
                    () = sleep(one.period) => {}
                    _ = stopped.changed() => return,
                }
            }
        });
    }
    while let Some(ended) = reading.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a source is no longer read");
        }
    }
    // The configuration may name none, and what ends by itself is taken for a failure.
    let _ = stopped.changed().await;
}

/// How it stood when it was last written.
async fn kept(store: &Arc<Store>, named: &Named) -> Standing {
    let (store, name) = (store.clone(), named.name.clone());
    let kept = tokio::task::spawn_blocking(move || store.source(&name)).await;
    let failed = |error: String| {
        tracing::error!(
            source = named.name,
            error,
            "what was known of a source cannot be read; it is known anew"
        );
        None
    };
    let kept = match kept {
        Ok(Ok(kept)) => kept,
        Ok(Err(error)) => failed(error.to_string()),
        Err(error) => failed(error.to_string()),
    };
    kept.unwrap_or_default()
}

/// Judges a look and writes what follows. What cannot be written is not taken, so that it is told at the next look.
async fn note(
    store: &Arc<Store>,
    named: &Named,
    before: Standing,
    look: Result<Contents, String>,
    at: Timestamp,
) -> Standing {
    let (after, incidents) = judge(&before, look, at);
    for (_, incident) in &incidents {
        let (source, cause) = (named.name.as_str(), incident.cause.as_str());
        match incident.ended_at {
            Some(ended) if ended != incident.began_at => {
                tracing::info!(source, cause, "a source is well again")
            }
            _ => tracing::warn!(source, cause, detail = incident.detail, "another list or pool"),
        }
    }
    let (store, name) = (store.clone(), named.name.clone());
    let written = tokio::task::spawn_blocking(move || store.put_source(&name, after, incidents)).await;
    match written {
        Ok(Ok(after)) => after,
        Ok(Err(error)) => {
            tracing::error!(source = named.name, %error, "a look at a source cannot be written; it is not taken");
            Standing { last_try_at: Some(at), ..before }
        }
        Err(error) => {
            tracing::error!(source = named.name, %error, "a look at a source cannot be written; it is not taken");
            Standing { last_try_at: Some(at), ..before }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use ctl_core::Digest;
    use ctl_sources::Entry;

    use super::*;
    use crate::sources::Cause;
    use crate::store::Retention;

    /// A source that plays what it is told, and then waits for ever.
    fn playing(looks: Vec<Result<Contents, String>>) -> Asked {
        let looks = Arc::new(Mutex::new(VecDeque::from(looks)));
        let read = move |_| -> Reading {
            let next = looks.lock().unwrap().pop_front();
            Box::pin(async move {
                match next {
                    Some(look) => look,
                    None => std::future::pending().await,
                }
            })
        };
        let named = Named { name: "a-pool".to_owned(), place: "https://pool.example/".to_owned() };
        Asked { named, period: Duration::from_millis(1), read: Arc::new(read) }
    }

    fn held(names: &[&str]) -> Result<Contents, String> {
        let root = |name: &&str| {
            let entry = Entry { subject: (*name).to_owned(), said: Default::default() };
            (Digest::of(name.as_bytes()), entry)
        };
        Ok(Contents { roots: names.iter().map(root).collect(), ..Contents::default() })
    }

    /// Plays the looks over this folder until the last is written, and stops.
    async fn play(
        folder: &std::path::Path,
        looks: Vec<Result<Contents, String>>,
        wanted: impl Fn(&Standing) -> bool,
    ) -> Arc<Store> {
        let store = Arc::new(Store::open(folder, Retention::default()).unwrap());
        let (stop, stopped) = watch::channel(());
        let sources = Arc::new(Sources::default());
        let now = || Timestamp::from_unix(1_790_000_000);
        let setup = Setup {
            asked: vec![playing(looks)],
            store: store.clone(),
            sources: sources.clone(),
            deadline: Duration::from_secs(3600),
            now,
            stopped,
        };
        let running = tokio::spawn(run(setup));
        while !sources.get("a-pool").is_some_and(|(_, standing)| wanted(&standing)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(stop);
        running.await.unwrap();
        store
    }

    /// The supervisor takes a part that ends by itself for one that failed.
    #[tokio::test]
    async fn a_watch_without_sources_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (stop, stopped) = watch::channel(());
        let running = tokio::spawn(run(Setup {
            asked: Vec::new(),
            store: Arc::new(Store::open(folder.path(), Retention::default()).unwrap()),
            sources: Arc::default(),
            deadline: Duration::from_secs(3600),
            now: || Timestamp::from_unix(1_790_000_000),
            stopped,
        }));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!running.is_finished());
        drop(stop);
        running.await.unwrap();
    }

    #[tokio::test]
    async fn what_moved_while_the_watch_stood_still_is_told_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        drop(play(folder.path(), vec![held(&["a", "b"])], |one| one.contents.is_some()).await);
        let store = play(folder.path(), vec![held(&["b", "c"])], |one| one.appeared == 1).await;
        let told = store.source_incidents("a-pool", None, 10).unwrap();
        let [(number, moved)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((*number, moved.cause), (1, Cause::Moved));
        assert_eq!((moved.appeared[0].subject.as_str(), moved.vanished[0].subject.as_str()), ("c", "a"));
    }

    #[tokio::test]
    async fn an_incident_that_lasts_over_a_restart_ends_under_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let silent = || Err("it does not answer".to_owned());
        drop(play(folder.path(), vec![held(&["a"]), silent(), silent()], |one| one.open.is_some()).await);
        let store = play(folder.path(), vec![held(&["a"])], |one| one.open.is_none()).await;
        let told = store.source_incidents("a-pool", None, 10).unwrap();
        let [(1, unread)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((unread.cause, unread.ended_at.is_some()), (Cause::Unread, true));
    }

    #[tokio::test]
    async fn a_source_that_changes_with_every_look_does_not_fill_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let looks = (0..1200).map(|turn| held(&[["a", "b"][turn % 2]])).collect();
        let store = play(folder.path(), looks, |one| one.appeared == 1199).await;
        let told = store.source_incidents("a-pool", None, 5000).unwrap();
        assert_eq!((told.len(), told[0].0), (1000, 1199));
        assert_eq!(store.source_incidents("a-pool", Some(1199), 1).unwrap()[0].0, 1198);
        assert!(store.source_incidents("another", None, 10).unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_look_that_cannot_be_written_is_not_taken_and_is_told_when_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let store = play(folder.path(), vec![held(&["a"])], |one| one.contents.is_some()).await;
        let named = playing(Vec::new()).named;
        let before = kept(&store, &named).await;
        store.refuse(true);
        let at = Timestamp::from_unix(1_790_000_060);
        let same = note(&store, &named, before.clone(), held(&["a", "b"]), at).await;
        assert_eq!((same.appeared, &same.contents, same.last_try_at), (0, &before.contents, Some(at)));
        store.refuse(false);
        assert_eq!(note(&store, &named, same, held(&["a", "b"]), at).await.appeared, 1);
    }
}
