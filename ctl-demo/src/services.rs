//! The services of the pretend PKIs, live: on a thread of their own, so that they answer while the tour is busy
//! with keys and ceremonies, as services of other companies do.

use std::sync::Arc;
use std::thread::JoinHandle;

use ctl_sandbox::live::{Live, LiveError, Options};
use tokio::sync::oneshot;

use crate::Problem;

/// Live services. They end when this is dropped.
pub(crate) struct Services {
    live: Arc<Live>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Services {
    /// Starts them; blocks until they listen.
    pub(crate) fn start(options: Options) -> Result<Self, Problem> {
        let (started, outcome) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("services".into());
        let thread = thread.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = started.send(Err(Problem::Unexpected(format!("no runtime: {error}"))));
                    return;
                }
            };
            runtime.block_on(async {
                match Live::start(options).await.map(Arc::new) {
                    Ok(live) => {
                        let _ = started.send(Ok(Arc::clone(&live)));
                        // An error means that the tour is over as well.
                        let _ = stopped.await;
                        drop(live);
                    }
                    Err(error) => {
                        let _ = started.send(Err(error.into()));
                    }
                }
            });
        });
        let thread = thread.map_err(|error| Problem::Unexpected(format!("no thread: {error}")))?;
        let live = outcome
            .recv()
            .map_err(|_| Problem::Unexpected("the services ended before they began".into()))??;
        Ok(Self { live, stop: Some(stop), thread: Some(thread) })
    }

    /// What they are, and how they are made to fail.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// Switches a fault on or off.
    pub(crate) fn fault(&self, pki: &str, kind: &str, code: &str, on: bool) -> Result<(), LiveError> {
        self.live.set_fault(pki, kind, code, on)
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}
