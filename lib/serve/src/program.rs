//! A program that serves, from its start to its end: it listens before its parts start, serves until it is told to stop or
//! a part fails, and then stops the parts, but does not wait for them for ever.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ctl_host::descriptors;
use ctl_host::logging::{self, Log};
use ctl_host::process::{self, Failure};
use ctl_host::supervisor::Supervisor;

use crate::listeners::Listeners;
use crate::server::serve;
use crate::service::Service;
use crate::settings::Http;
use crate::starting::{self, Progress};
use crate::table::Table;

/// Whatever has not stopped within this time is cut off.
const STOP: Duration = Duration::from_secs(60);

/// Does a program's work on a runtime of its own, with logs as its configuration has them.
///
/// # Errors
/// Those of the work; logs or the runtime cannot be started.
pub fn run(log: &Log, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    logging::start(log.format, &log.filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // What nobody waits for must not keep the process alive.
    runtime.shutdown_background();
    done
}

/// A program that listens, and whose parts are yet to be started.
pub struct Program {
    listeners: Listeners,
    limits: Http,
    supervisor: Supervisor,
    told_to_stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Program {
    /// Listens, and says where, alone on a line of standard output. Must be called within a runtime.
    ///
    /// # Errors
    /// The system gives no signals, or the address cannot be listened at.
    pub async fn begin(http: &Http) -> Result<Self, Failure> {
        // First of all, so that a signal during a long start is not lost.
        let told_to_stop = Box::pin(process::stop_signal()?);
        let descriptors = descriptors::raise();
        let listeners = Listeners::bind(http).await?;
        // For callers that asked for port 0: the real address.
        println!("{}", listeners.addresses()?);
        tracing::info!(address = %listeners.addresses()?.first, "listening");
        let connections = descriptors::connections(http.connections, descriptors);
        let limits = Http { connections, ..http.clone() };
        Ok(Self { listeners, limits, supervisor: Supervisor::new(), told_to_stop })
    }

    /// Who watches over the parts.
    #[must_use]
    pub const fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Tells callers how far a long start is, until it is over; none if the program is told to stop before that.
    pub async fn starting<T>(
        &mut self,
        progress: &Arc<Progress>,
        start: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            started = starting::serve(&self.listeners, progress, start) => Some(started),
            () = &mut self.told_to_stop => {
                tracing::info!("stopped before it was ready");
                None
            }
        }
    }

    /// Serves until the program is told to stop or a part fails, and then does what stops the parts.
    ///
    /// # Errors
    /// A part failed, or was cut off because it did not stop.
    pub async fn serve<S: Service>(
        self,
        served: (S, Table<S>),
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let Self { listeners, limits, supervisor, told_to_stop } = self;
        tracing::info!("serving");
        let over = async {
            tokio::select! {
                () = told_to_stop => {}
                () = supervisor.failed() => {}
            }
        };
        serve(listeners, served, limits, over).await;

        tracing::info!("stopping");
        supervisor.stopping();
        let stopped = tokio::time::timeout(STOP, stop).await;
        if let Some(problem) = supervisor.problem() {
            return Err(problem.into());
        }
        stopped.map_err(|_| format!("not everything stopped within {STOP:?}, and the rest was cut off"))?;
        tracing::info!("stopped");
        Ok(())
    }
}
