//! Watches over the tasks that must run for as long as the server does. None of them ends before it is told to: one
//! that does, or panics, makes the server not ready and ends it with an error, so that whoever started it starts it
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

/// Watches over tasks. Clones watch over the same ones.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    /// The first part that failed.
    failed: watch::Sender<Option<&'static str>>,
}

impl Supervisor {
    /// Watches over nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches over a task from now on; `name` is what its failure is reported under. The handle that comes back ends
    /// when the task does. Must be called within a runtime.
    #[must_use = "who stops the server waits for its tasks"]
    pub fn watch(&self, name: &'static str, task: JoinHandle<()>) -> JoinHandle<()> {
        let supervisor = self.clone();
        tokio::spawn(async move { supervisor.ended(name, task.await) })
    }

    fn ended(&self, name: &'static str, ended: Result<(), JoinError>) {
        let stopping = self.shared.stopping.load(Ordering::Acquire);
        match ended {
            Ok(()) if stopping => return,
            Err(error) if stopping && error.is_cancelled() => return,
            Ok(()) => tracing::error!("{name} ended by itself"),
            Err(error) => tracing::error!(%error, "{name} failed"),
        }
        self.shared.failed.send_if_modified(|failed| {
            let is_first = failed.is_none();
            failed.get_or_insert(name);
            is_first
        });
    }

    /// From now on tasks may end.
    pub fn stopping(&self) {
        self.shared.stopping.store(true, Ordering::Release);
    }

    /// What failed, if something has.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let failed = *self.shared.failed.borrow();
        failed.map(|name| format!("{name} failed, and the program ends"))
    }

    /// Waits until something has failed.
    pub async fn failed(&self) {
        // The sender lives as long as this does.
        let _ = self.shared.failed.subscribe().wait_for(Option::is_some).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_by_itself_is_a_failure() {
        let panics = tokio::spawn(async { panic!("out of luck") });
        let ends = tokio::spawn(async {});
        for (name, task) in [("the pessimist", panics), ("the deserter", ends)] {
            let supervisor = Supervisor::new();
            let watched = supervisor.watch(name, task);
            supervisor.failed().await;
            let problem = supervisor.problem().unwrap();
            assert!(
                problem.contains(name) && !problem.contains("luck"),
                "callers are not told why: {problem}"
            );
            watched.await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_ends_because_the_server_stops_is_none_but_a_panic_is() {
        let supervisor = Supervisor::new();
        let (end, ends) = tokio::sync::oneshot::channel::<()>();
        let asked = supervisor.watch("who was asked", tokio::spawn(async move { drop(ends.await) }));
        let cut_off = tokio::spawn(std::future::pending());
        let abort = cut_off.abort_handle();
        let cut_off = supervisor.watch("who was cut off", cut_off);
        supervisor.stopping();
        end.send(()).unwrap();
        abort.abort();
        asked.await.unwrap();
        cut_off.await.unwrap();
        assert_eq!(supervisor.problem(), None);
        supervisor.watch("who panics at the end", tokio::spawn(async { panic!() })).await.unwrap();
        assert!(supervisor.problem().is_some());
    }
}
