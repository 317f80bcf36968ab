//! The guided tour: everything from a root's application to a charger's trust store, on live input.
//!
//! It is told how the server, the watch and the webhooks are started and knows nothing else of them: they run as child
//! processes, and everything else goes over HTTP through the libraries that people's and devices' tools are made of. Private keys
//! of people are files in the tour's directory; the server never sees them, and a watch only that of its watcher.
//!
//! [`acts`] holds the steps in their order, [`people`] those who act, [`process`] the child processes.
#![forbid(unsafe_code)]

mod acts;
mod ceremony;
mod error;
mod people;
mod port;
mod process;
mod prometheus;
mod services;
mod tour;
mod wait;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use acts::pkis::Pkis;
pub use error::{DemoError, Problem};
use people::People;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tour::Tour;

/// Where the tour listens unless told otherwise.
pub const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8700);

/// A program, and the arguments that come before all others.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// The arguments.
    pub arguments: Vec<String>,
}

/// What a tour needs.
#[derive(Clone, Debug)]
pub struct Options {
    /// ctl-server.
    pub server: Program,
    /// ctl-watch.
    pub watch: Program,
    /// ctl-webhooks.
    pub webhooks: Program,
    /// Where the server listens; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Where files are kept; without it they go into a temporary directory that is removed at the end.
    pub directory: Option<PathBuf>,
    /// End after the last step instead of staying up.
    pub once: bool,
    /// Start the Prometheus of this machine, with the rules and alerts of the project.
    pub prometheus: bool,
}

/// Gives the tour. Returns after its last step, or once a person ends it with Ctrl-C or closes its terminal.
///
/// # Errors
/// [`DemoError`]: the first step that did not do what it should, with the last words of the program that knows most of
/// it.
pub async fn run(mut options: Options) -> Result<(), DemoError> {
    // Said before anything else is done. The server will bind it again.
    let failed = |source| DemoError::Listen { address: options.listen, source };
    drop(std::net::TcpListener::bind(options.listen).map_err(failed)?);
    if options.listen.port() == 0 {
        // The tour begins with the portal's address.
        let free = port::free("the server").map_err(|problem| failed(std::io::Error::other(problem)))?;
        options.listen.set_port(free.port());
    }
    let temporary = match &options.directory {
        Some(directory) => {
            prepare(directory)?;
            None
        }
        None => Some(tempfile::Builder::new().prefix("ctl-demo-").tempdir().map_err(DemoError::Temporary)?),
    };
    let place = temporary.as_ref().map(tempfile::TempDir::path).or(options.directory.as_deref());
    let directory = place.unwrap_or(Path::new(".")).canonicalize().map_err(DemoError::Temporary)?;
    let mut signals = Signals::new().map_err(DemoError::Signals)?;
    let (dying, mut died) = mpsc::unbounded_channel();
    let mut tour = Tour::new(directory, options.directory.is_some(), options.listen, dying);
    tour.welcome();
    let outcome = tokio::select! {
        outcome = tell(&mut tour, &options) => outcome,
        () = signals.any() => Err(Problem::Interrupted),
        Some(problem) = died.recv() => Err(problem),
    };
    let outcome = match outcome {
        Ok(pkis) if !options.once => {
            // Their services go on as well.
            acts::farewell::stay(&tour, pkis.services.live().control_address());
            tokio::select! {
                () = signals.any() => Ok(()),
                Some(problem) = died.recv() => Err(problem),
            }
        }
        other => other.map(drop),
    };
    tour.close(outcome, died).await
}

/// The steps, in order.
async fn tell(tour: &mut Tour, options: &Options) -> Result<Pkis, Problem> {
    let pkis = acts::pkis::make(tour)?;
    acts::keys::make(tour)?;
    let mut people = acts::founding::found(tour, options).await?;
    let people: &mut People = &mut people;
    acts::watches::start(tour, options, &pkis).await?;
    acts::webhooks::start(tour, options).await?;
    if options.prometheus {
        acts::watches::tell_prometheus(tour)?;
    }
    let appointed = acts::board::appoint(tour, people).await?;
    let applications = acts::applications::apply(tour, people, &pkis).await?;
    acts::votes::admit(tour, people, &applications).await?;
    let decided = acts::doubtful::decide(tour, people, &pkis).await?;
    acts::list::publish(tour, people, decided).await?;
    acts::registry::keep(tour, people).await?;
    acts::notices::publish(tour, people, appointed).await?;
    let subscription = acts::webhooks::subscribe(tour).await?;
    let device = acts::device::install(tour, people, &pkis).await?;
    let stations = acts::back_end::connect(tour, people, &pkis).await?;
    acts::emergency::suspend(tour, people, &pkis, &device, &stations).await?;
    acts::rotation::rotate(tour, people, &device).await?;
    acts::watch::watch(tour, people, &pkis).await?;
    acts::field::meet(tour, people, &pkis, &subscription).await?;
    acts::meeting::meet(tour, &pkis, &device)?;
    acts::audit::audit(tour, people).await?;
    Ok(pkis)
}

/// The directory is made if it is missing; one that holds something is left alone.
fn prepare(directory: &Path) -> Result<(), DemoError> {
    let failed = |source| DemoError::Directory { path: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    match std::fs::read_dir(directory).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(DemoError::NotEmpty(directory.to_owned())),
    }
}

/// Ctrl-C, a terminal that is closed, and how service managers stop a program. Whatever the tour started is in process
/// groups of its own, and would go on without it.
struct Signals {
    interrupt: Signal,
    hangup: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
